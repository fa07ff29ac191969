//! The memory that a reset leaves as it is: what stands for the flash, and behind it the place that a program
//! is put into and started from.
//!
//! Where it lies is for the linker's scripts to say: `_persistent_buff_start` and `_persistent_buff_end`
//! around all of it, and the section `.fetched_program` where a fetched program's first instruction will be.

#![no_std]
#![forbid(unsafe_code)]

use persistent_buff::PersistentBuff;

/// Octets that stand for the flash.
const STORE_LEN: usize = 10 << 20;

/// Memory that a program can be put into and started from.
#[derive(Debug)]
pub struct Program {
    memory: &'static mut [u8],
}

/// Hands out what stands for the flash, and the memory behind it: once, and then `None`.
#[must_use]
pub fn take() -> Option<(&'static mut [u8], Program)> {
    let (flash, memory) = PersistentBuff::take_raw()?.split_at_mut_checked(STORE_LEN)?;
    Some((flash, Program { memory }))
}

impl Program {
    /// The memory, to put a program into.
    pub const fn memory(&mut self) -> &mut [u8] {
        self.memory
    }

    /// Starts the program there, which sets its stack pointer and its vectors itself. `barrier` has the
    /// processor fetch the instructions that were written, and none that it read before.
    pub fn start(self, barrier: impl FnOnce()) -> ! {
        barrier();
        fetched_program()
    }
}

/// The linker puts this function where a fetched program's first instruction will be (`bootloader.x`), so that
/// to call it is to start what was fetched. Its own body is in no image.
#[inline(never)]
fn fetched_program() -> ! {
    loop {
        // Unlike any other function, so that the compiler does not take one for two.
        core::hint::black_box("no program was fetched");
    }
}
