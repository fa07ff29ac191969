//! The registers of a device behind memory (virtio 1.2, section 4.2.2), and the bits used here.

use vcell::VolatileCell;

type Word = VolatileCell<u32>;

/// A device's registers, as they lie in memory from its base address on, and a network device's
/// configuration after them.
#[repr(C)]
pub struct Registers {
    pub(crate) magic: Word,
    pub(crate) version: Word,
    pub(crate) device_id: Word,
    vendor_id: Word,
    pub(crate) device_features: Word,
    pub(crate) device_features_sel: Word,
    reserved_18: [u32; 2],
    pub(crate) driver_features: Word,
    pub(crate) driver_features_sel: Word,
    reserved_28: [u32; 2],
    pub(crate) queue_sel: Word,
    pub(crate) queue_num_max: Word,
    pub(crate) queue_num: Word,
    reserved_3c: [u32; 2],
    pub(crate) queue_ready: Word,
    reserved_48: [u32; 2],
    pub(crate) queue_notify: Word,
    reserved_54: [u32; 3],
    interrupt_status: Word,
    interrupt_ack: Word,
    reserved_68: [u32; 2],
    pub(crate) status: Word,
    reserved_74: [u32; 3],
    /// Low half, high half.
    pub(crate) queue_desc: [Word; 2],
    reserved_88: [u32; 2],
    pub(crate) queue_driver: [Word; 2],
    reserved_98: [u32; 2],
    pub(crate) queue_device: [Word; 2],
    reserved_a8: [u32; 21],
    config_generation: Word,
    pub(crate) mac: [VolatileCell<u8>; 6],
    config_rest: [u8; 250],
}

impl Registers {
    /// What a linker can place at a device's base address.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            magic: Word::new(0),
            version: Word::new(0),
            device_id: Word::new(0),
            vendor_id: Word::new(0),
            device_features: Word::new(0),
            device_features_sel: Word::new(0),
            reserved_18: [0; 2],
            driver_features: Word::new(0),
            driver_features_sel: Word::new(0),
            reserved_28: [0; 2],
            queue_sel: Word::new(0),
            queue_num_max: Word::new(0),
            queue_num: Word::new(0),
            reserved_3c: [0; 2],
            queue_ready: Word::new(0),
            reserved_48: [0; 2],
            queue_notify: Word::new(0),
            reserved_54: [0; 3],
            interrupt_status: Word::new(0),
            interrupt_ack: Word::new(0),
            reserved_68: [0; 2],
            status: Word::new(0),
            reserved_74: [0; 3],
            queue_desc: [const { Word::new(0) }; 2],
            reserved_88: [0; 2],
            queue_driver: [const { Word::new(0) }; 2],
            reserved_98: [0; 2],
            queue_device: [const { Word::new(0) }; 2],
            reserved_a8: [0; 21],
            config_generation: Word::new(0),
            mac: [const { VolatileCell::new(0) }; 6],
            config_rest: [0; 250],
        }
    }
}

impl Default for Registers {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Registers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Registers")
    }
}

const _: () = assert!(core::mem::offset_of!(Registers, queue_notify) == 0x50);
const _: () = assert!(core::mem::offset_of!(Registers, queue_device) == 0xa0);
const _: () = assert!(core::mem::offset_of!(Registers, mac) == 0x100);
const _: () = assert!(size_of::<Registers>() == 0x200);

/// `magic`: "virt".
pub(crate) const MAGIC: u32 = 0x7472_6976;
/// `version`: virtio 1.0 or later.
pub(crate) const VERSION: u32 = 2;
/// `device_id`: a network device.
pub(crate) const NETWORK: u32 = 1;

/// `status`, step by step.
pub(crate) const ACKNOWLEDGE: u32 = 1;
pub(crate) const DRIVER: u32 = 2;
pub(crate) const DRIVER_OK: u32 = 4;
pub(crate) const FEATURES_OK: u32 = 8;

/// Features 0 to 31: the configuration has the address.
pub(crate) const HAS_MAC: u32 = 1 << 5;
/// Features 32 to 63: the device keeps to virtio 1.0.
pub(crate) const VERSION_1: u32 = 1;
