//! The bootloader: gets an image over TFTP if there is a newer one, and starts the one that works.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use boot_logic::{Board, Boot, Net, Note, RamFlash, Rings, Tables};
use cortex_m_rt::entry;
use critical_section::CriticalSection;
use defmt_semihosting as _;
use lan9118::Lan9118;
use mps2::{Clock, Hardware, Program, Watchdog};
use smoltcp::time::Instant;
use static_cell::ConstStaticCell;

/// The public half of the key that images are signed with. The private half of this one is in the
/// repository, which makes it a key for trying things out.
const KEY: &[u8; 32] = include_bytes!("../../../keys/try-out.pub");

const NAME: &str = concat!("bootloader ", env!("CARGO_PKG_VERSION"));

const _: () = assert!(boot_logic::WINDOW as usize <= lan9118::RX_FRAMES);

/// The board is reset if the program does not come round for twice as long, or an application does not
/// stop the watchdog.
const WATCHDOG_SECONDS: u8 = 3;

struct Mps2<'cs> {
    clock: Clock<'cs>,
    watchdog: Watchdog<'cs>,
}

impl Board for Mps2<'_> {
    fn now(&mut self) -> Instant {
        Instant::from_micros(i64::try_from(self.clock.micros()).unwrap_or(i64::MAX))
    }

    fn turn(&mut self) {
        self.watchdog.feed();
    }

    fn print(&mut self, note: &Note<'_>) {
        defmt::println!("{}", note);
    }
}

#[entry]
fn main() -> ! {
    // No interrupt is used, so that all registers can be had at once.
    match critical_section::with(run) {
        Ok(program) => program.start(|| {
            cortex_m::asm::dsb();
            cortex_m::asm::isb();
        }),
        Err(why) => stop(why),
    }
}

/// Puts an image into memory, or tells why there is none.
fn run(cs: CriticalSection<'_>) -> Result<Program, &'static str> {
    static RINGS: ConstStaticCell<Rings> = ConstStaticCell::new(Rings::new());
    static TABLES: ConstStaticCell<Tables> = ConstStaticCell::new(Tables::new());

    let Hardware {
        clock,
        mut watchdog,
        ethernet,
        flash,
        mut program,
        ..
    } = mps2::take(cs).ok_or("the board is taken")?;
    watchdog.start(WATCHDOG_SECONDS);
    let mut board = Mps2 { clock, watchdog };
    let ethernet = Lan9118::new(ethernet).map_err(|_| "no Ethernet controller")?;
    let mac = ethernet.mac();
    let now = board.now();
    let seed = boot_logic::seed(mac, now);
    let net = Net::new(ethernet, mac, seed, (RINGS.take(), TABLES.take()), now);
    let mut boot = Boot::new(board, net, RamFlash::new(flash), KEY);
    let image = boot.run(NAME, program.memory());
    let (board, net) = boot.parts();
    defmt::println!(
        "frames without room in the controller: {}",
        net.device().dropped()
    );
    board.turn();
    image.map(|_| program).ok_or("nothing to start")
}

/// Says why, and waits for the watchdog to reset the board.
fn stop(why: &str) -> ! {
    defmt::println!("stopped: {}", why);
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    stop("panic")
}
