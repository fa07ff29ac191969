//! A driver of the virtio network device (virtio 1.2, section 5.1) behind memory-mapped registers, for smoltcp.
//!
//! It is polled and copies each frame once: between memory that the device uses and a buffer in the driver,
//! which the stack reads and writes. No interrupt, no allocation, no wait. What the device reads and writes
//! by itself is cells that are only ever accessed as a whole and as told ([`Memory`]), so that no promise of
//! the language's is broken behind the compiler's back. Memory must be at the same address for the device.

#![no_std]
#![forbid(unsafe_code)]

mod device;
mod queue;
mod registers;

pub use device::{RxToken, TxToken};
pub use queue::Memory;
pub use registers::Registers;

use queue::Queue;
use registers as reg;

/// Octets in a frame without its checksum: 14 of header and an MTU of 1500.
pub const FRAME_LEN: usize = 1514;

/// Frames that the device can put into memory before the first of them is fetched. More that arrive in a
/// row are lost, so this is the largest window to ask for.
pub const RX_FRAMES: usize = 8;

/// Frames that wait to be sent, at most.
pub(crate) const TX_FRAMES: usize = 4;

const RX_QUEUE: u32 = 0;
const TX_QUEUE: u32 = 1;

/// Why the device cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// There is no network device behind these registers.
    NotFound,
    /// It is of a version before 1.0, or will not do without a feature that this driver has not.
    Features,
    /// It has smaller queues than this driver, or none.
    Queues,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no virtio network device behind these registers",
            Self::Features => "the device is of another kind",
            Self::Queues => "the device has not the queues",
        })
    }
}

impl core::error::Error for Error {}

/// The device, and a frame's worth of memory for each direction.
pub struct VirtioNet<'m> {
    registers: &'m Registers,
    mac: [u8; 6],
    rx: Queue<'m, RX_FRAMES>,
    tx: Queue<'m, TX_FRAMES>,
    frames: Frames,
}

/// The frame that was received last, and the one that is being built.
struct Frames {
    rx: [u8; FRAME_LEN],
    tx: [u8; FRAME_LEN],
}

impl core::fmt::Debug for VirtioNet<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("VirtioNet")
            .field("mac", &self.mac)
            .finish_non_exhaustive()
    }
}

impl<'m> VirtioNet<'m> {
    /// Resets the device and starts it (section 3.1.1). The memory is the device's for as long as the
    /// registers are not written by somebody else, which is why it is borrowed for as long.
    ///
    /// # Errors
    /// If there is no such device, or it is of another kind.
    pub fn new(registers: &'m Registers, memory: &'m Memory) -> Result<Self, Error> {
        if registers.magic.get() != reg::MAGIC || registers.device_id.get() != reg::NETWORK {
            return Err(Error::NotFound);
        }
        if registers.version.get() != reg::VERSION {
            return Err(Error::Features);
        }
        registers.status.set(0);
        let mut status = reg::ACKNOWLEDGE | reg::DRIVER;
        registers.status.set(status);
        // Without a feature of the first 32 beside the address, a frame has nothing in front but zeros.
        for (half, wanted) in [(0, reg::HAS_MAC), (1, reg::VERSION_1)] {
            registers.device_features_sel.set(half);
            if registers.device_features.get() & wanted == 0 {
                return Err(Error::Features);
            }
            registers.driver_features_sel.set(half);
            registers.driver_features.set(wanted);
        }
        status |= reg::FEATURES_OK;
        registers.status.set(status);
        if registers.status.get() & reg::FEATURES_OK == 0 {
            return Err(Error::Features);
        }
        let (rx, tx) = (Queue::new(&memory.rx), Queue::new(&memory.tx));
        memory.rx.announce(registers, RX_QUEUE)?;
        memory.tx.announce(registers, TX_QUEUE)?;
        registers.status.set(status | reg::DRIVER_OK);

        let mut this = Self {
            registers,
            mac: registers.mac.each_ref().map(vcell::VolatileCell::get),
            rx,
            tx,
            frames: Frames {
                rx: [0; FRAME_LEN],
                tx: [0; FRAME_LEN],
            },
        };
        this.rx.lend_all();
        registers.queue_notify.set(RX_QUEUE);
        Ok(this)
    }

    /// The Ethernet address.
    #[must_use]
    pub const fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// Takes the device's memory back: it writes nothing more.
    pub fn stop(&mut self) {
        self.registers.status.set(0);
    }
}
