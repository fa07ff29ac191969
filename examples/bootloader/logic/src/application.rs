//! The application that a board's build gives the bootloader to fetch: it says that it runs, and that it works.

use core::{fmt::Write, hint::black_box};

use embedded_storage::nor_flash::NorFlash;

use crate::{SlotId, Slots};

/// What an application has in its image. The tool that seals the image writes the version over the digits, and
/// after them `N` for an application that never confirms that it works.
pub const MARK: [u8; 20] = *b"APP-VERSION=0000000Y";

/// Says on the console that the application runs, and confirms the slot of its version. `true`: it has done
/// so, and the watchdog may be stopped. `mark` is [`MARK`], as it is in the image.
pub fn run<F: NorFlash>(console: &mut impl Write, slots: &mut Slots<F>, mark: &[u8; 20]) -> bool {
    // The compiler must not take the mark for what it is before it was sealed.
    let mark = black_box(mark);
    let version = str::from_utf8(mark)
        .ok()
        .and_then(|mark| mark.get(12..19)?.parse::<u32>().ok())
        .unwrap_or(0);
    // A serial port cannot fail.
    let _ = writeln!(console, "application version {version} runs");
    if mark.ends_with(b"N") {
        let _ = writeln!(console, "application version {version} hangs");
        return false;
    }
    let mine = [SlotId::A, SlotId::B].into_iter().find(|slot| {
        let record = slots.state(*slot).ok().and_then(|state| state.bootable());
        record.is_some_and(|record| record.version == version)
    });
    let confirmed = mine.is_some_and(|slot| slots.confirm(slot).is_ok());
    if confirmed {
        let _ = writeln!(console, "application version {version} confirmed");
    }
    confirmed
}
