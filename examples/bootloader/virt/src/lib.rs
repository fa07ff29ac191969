//! QEMU's `virt` with a 32-bit RISC-V processor: what of it the bootloader and the application use.

#![no_std]
#![forbid(unsafe_code)]

mod hardware;

pub use boot_program::Program;
pub use hardware::{Hardware, Uart, Virtio, take};

/// Microseconds since the machine was switched on.
#[must_use]
pub fn micros() -> u64 {
    // The machine's timer runs at 10 MHz.
    riscv::register::time::read64() / 10
}
