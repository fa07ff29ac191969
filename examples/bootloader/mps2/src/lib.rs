//! QEMU's `mps2-an385`: what of the board the bootloader and the application use.
//!
//! The flash is a part of the board's large RAM: it keeps its contents over a reset, as long as QEMU runs.

#![no_std]
#![forbid(unsafe_code)]

mod hardware;
mod peripherals;

pub use boot_program::Program;
pub use hardware::{Hardware, take};
pub use peripherals::{Clock, Uart, Watchdog};
