//! An application for the bootloader to fetch: it says that it runs, and that it works.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::fmt::Write as _;

use boot_logic::{RamFlash, SlotId, Slots, State};
use cortex_m_rt::entry;
use mps2::Hardware;

/// The tool that seals an image writes the version over the digits. The character after them tells
/// whether this application ever confirms that it works.
static MARK: [u8; 20] = *b"APP-VERSION=0000000Y";

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
    // The compiler must not take the mark for what it is before it was sealed.
    let mark = core::hint::black_box(&MARK);
    let version = str::from_utf8(mark)
        .ok()
        .and_then(|mark| mark.get(12..19)?.parse::<u32>().ok())
        .unwrap_or(0);
    // A serial port cannot fail.
    let _ = writeln!(uart, "application version {version} runs");
    if mark.ends_with(b"N") {
        let _ = writeln!(uart, "application version {version} hangs");
        return;
    }
    let mut slots = Slots::new(RamFlash::new(flash));
    let mine = [SlotId::A, SlotId::B].into_iter().find(|slot| {
        slots
            .state(*slot)
            .is_ok_and(|state| matches!(state, State::Trial(record, _) | State::Confirmed(record) if record.version == version))
    });
    let confirmed = mine.is_some_and(|slot| slots.confirm(slot).is_ok());
    if confirmed {
        watchdog.stop();
        let _ = writeln!(uart, "application version {version} confirmed");
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
