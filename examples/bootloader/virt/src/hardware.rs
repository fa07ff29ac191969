//! One of two places with unsafe code: where numbers become registers, memory, and a program.
//!
//! It hands out each thing once.

#![expect(
    unsafe_code,
    reason = "an address is a claim about the board, and a jump leaves the language"
)]

use core::{
    fmt,
    ptr::NonNull,
    slice,
    sync::atomic::{AtomicBool, Ordering},
};

use safe_mmio::{
    UniqueMmioPointer, field,
    fields::{ReadPure, ReadWrite},
};
use virtio_drivers::transport::{DeviceType, Transport as _, mmio::MmioTransport};

const UART: usize = 0x1000_0000;
const VIRTIO: usize = 0x1000_1000;
const VIRTIO_STEP: usize = 0x1000;
const VIRTIO_SLOTS: usize = 8;
/// What each slot has, of which the last part is the device's own.
const VIRTIO_LEN: usize = 0x200;

const FLASH: usize = 0x8100_0000;
const FLASH_LEN: usize = 10 << 20;
const PROGRAM: usize = 0x8200_0000;
const PROGRAM_LEN: usize = 5 << 20;

/// The parts of the board.
#[non_exhaustive]
pub struct Hardware {
    /// A serial port.
    pub uart: Uart,
    /// The network controller, if there is one.
    pub network: Option<MmioTransport<'static>>,
    /// What stands for the flash.
    pub flash: &'static mut [u8],
    /// Where a program is put to be started.
    pub program: Program,
}

impl fmt::Debug for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hardware").finish_non_exhaustive()
    }
}

/// Memory that a program can be put into and started from.
#[derive(Debug)]
pub struct Program {
    memory: &'static mut [u8],
}

/// Hands out the parts: once, and then `None`.
pub fn take() -> Option<Hardware> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: these are the addresses of QEMU's virt, none of this memory is the program's (build.rs), and
    // `TAKEN` lets this pass once.
    unsafe {
        Some(Hardware {
            uart: Uart {
                registers: UniqueMmioPointer::new(NonNull::new(UART as *mut UartRegisters)?),
            },
            network: network(),
            flash: slice::from_raw_parts_mut(FLASH as *mut u8, FLASH_LEN),
            program: Program {
                memory: slice::from_raw_parts_mut(PROGRAM as *mut u8, PROGRAM_LEN),
            },
        })
    }
}

/// # Safety
/// Nothing else refers to the slots.
unsafe fn network() -> Option<MmioTransport<'static>> {
    (0..VIRTIO_SLOTS).find_map(|slot| {
        let address = VIRTIO.wrapping_add(slot.wrapping_mul(VIRTIO_STEP));
        let header = NonNull::new(address as *mut _)?;
        // SAFETY: a slot is there whether or not it has a device.
        let transport = unsafe { MmioTransport::new(header, VIRTIO_LEN) }.ok()?;
        (transport.device_type() == DeviceType::Network).then_some(transport)
    })
}

impl Program {
    /// The memory, to put a program into.
    pub const fn memory(&mut self) -> &mut [u8] {
        self.memory
    }

    /// Starts the program there, which was linked for this memory and begins with its entry.
    pub fn start(self) -> ! {
        riscv::asm::fence_i();
        // SAFETY: what is there is an image that the key's owner signed as a program for this board, and
        // nothing of this one is used again.
        unsafe {
            let entry: extern "C" fn() -> ! = core::mem::transmute(self.memory.as_ptr());
            entry()
        }
    }
}

#[repr(C)]
struct UartRegisters {
    data: ReadWrite<u8>,
    between: [u8; 4],
    status: ReadPure<u8>,
}

/// `status`: there is room for an octet.
const TX_READY: u8 = 1 << 5;

/// A serial port, to write text to.
pub struct Uart {
    registers: UniqueMmioPointer<'static, UartRegisters>,
}

impl fmt::Debug for Uart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uart").finish_non_exhaustive()
    }
}

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            while field!(self.registers, status).read() & TX_READY == 0 {}
            field!(self.registers, data).write(octet);
        }
        Ok(())
    }
}
