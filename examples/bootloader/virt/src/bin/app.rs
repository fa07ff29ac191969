//! An application for the bootloader to fetch: it says that it runs, and that it works.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use boot_logic::{RamFlash, Slots, application};
use riscv_rt::entry;
use virt::Hardware;

static MARK: [u8; 20] = application::MARK;

#[entry]
fn main() -> ! {
    critical_section::with(|cs| virt::take(cs).map(run));
    loop {
        riscv::asm::wfi();
    }
}

/// QEMU's virt has no watchdog to stop.
fn run(hardware: Hardware<'_>) {
    let Hardware {
        mut uart, flash, ..
    } = hardware;
    application::run(&mut uart, &mut Slots::new(RamFlash::new(flash)), &MARK);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        riscv::asm::wfi();
    }
}
