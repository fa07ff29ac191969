//! An application for the bootloader to fetch: it says that it runs, and that it works.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use boot_logic::{RamFlash, Slots, application};
use cortex_m_rt::entry;
use mps2::Hardware;

static MARK: [u8; 20] = application::MARK;

#[entry]
fn main() -> ! {
    critical_section::with(|cs| mps2::take(cs).map(run));
    loop {
        cortex_m::asm::wfi();
    }
}

fn run(hardware: Hardware<'_>) {
    let Hardware {
        mut uart,
        mut watchdog,
        flash,
        ..
    } = hardware;
    if application::run(&mut uart, &mut Slots::new(RamFlash::new(flash)), &MARK) {
        watchdog.stop();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
