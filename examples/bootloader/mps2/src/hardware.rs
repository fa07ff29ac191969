//! The one place with unsafe code: where numbers become registers, memory, and a program.
//!
//! Everything else is written against what this hands out. It hands out each thing once.

#![expect(
    unsafe_code,
    reason = "an address is a claim about the board, and a jump leaves the language"
)]

use core::{
    ptr::NonNull,
    slice,
    sync::atomic::{AtomicBool, Ordering},
};

use safe_mmio::UniqueMmioPointer;

use crate::{Clock, Uart, Watchdog};

const UART0: usize = 0x4000_4000;
const DUAL_TIMER: usize = 0x4000_2000;
const WATCHDOG: usize = 0x4000_8000;
const ETHERNET: usize = 0x4020_0000;

/// The PSRAM: 10 MiB of flash, then where the application runs.
const FLASH: usize = 0x2100_0000;
const FLASH_LEN: usize = 10 << 20;
const PROGRAM: usize = FLASH + FLASH_LEN;
const PROGRAM_LEN: usize = 5 << 20;

/// The parts of the board.
#[derive(Debug)]
#[non_exhaustive]
pub struct Hardware {
    /// A serial port.
    pub uart: Uart,
    /// The time since the start.
    pub clock: Clock,
    /// Resets the board if it is not fed.
    pub watchdog: Watchdog,
    /// The Ethernet controller's registers.
    pub ethernet: UniqueMmioPointer<'static, lan9118::Registers>,
    /// What stands for the flash.
    pub flash: &'static mut [u8],
    /// Where a program is put to be started.
    pub program: Program,
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
    // SAFETY: these are the addresses of QEMU's mps2-an385 (and of Arm's application note AN385), the
    // types describe what is there, none of it is memory of the program (build.rs), and `TAKEN` lets
    // this pass once.
    unsafe {
        Some(Hardware {
            uart: Uart::new(registers(UART0)?),
            clock: Clock::new(registers(DUAL_TIMER)?),
            watchdog: Watchdog::new(registers(WATCHDOG)?),
            ethernet: registers(ETHERNET)?,
            flash: slice::from_raw_parts_mut(FLASH as *mut u8, FLASH_LEN),
            program: Program {
                memory: slice::from_raw_parts_mut(PROGRAM as *mut u8, PROGRAM_LEN),
            },
        })
    }
}

/// # Safety
/// Registers of this layout are at this address, and nothing else refers to them.
unsafe fn registers<T>(address: usize) -> Option<UniqueMmioPointer<'static, T>> {
    let pointer = NonNull::new(address as *mut T)?;
    // SAFETY: by this function's own condition.
    Some(unsafe { UniqueMmioPointer::new(pointer) })
}

impl Program {
    /// The memory, to put a program into.
    pub const fn memory(&mut self) -> &mut [u8] {
        self.memory
    }

    /// Starts the program there, which was linked for this memory and begins with its vector table.
    pub fn start(self, cortex: cortex_m::Peripherals) -> ! {
        cortex_m::interrupt::disable();
        let vectors = self.memory.as_ptr().cast::<u32>();
        // SAFETY: what is there is an image that the key's owner signed as a program for this board. The
        // table is aligned as VTOR wants it (PROGRAM), interrupts are off until the program wants
        // them, and nothing of this one is used again.
        unsafe {
            cortex.SCB.vtor.write(PROGRAM as u32);
            cortex_m::asm::dsb();
            cortex_m::asm::isb();
            cortex_m::interrupt::enable();
            cortex_m::asm::bootload(vectors)
        }
    }
}

const _: () = assert!(PROGRAM.is_multiple_of(1024));
