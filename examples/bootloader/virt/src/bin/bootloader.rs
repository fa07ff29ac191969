//! The bootloader of the other board, on another architecture: the same logic and the same client.

#![no_std]
#![no_main]

use boot_logic::{Board, Boot, Net, Note, RamFlash, Rings, Tables};
use riscv_rt::entry;
use semihosting::println;
use smoltcp::time::Instant;
use static_cell::ConstStaticCell;
use virt::{Buffers, Hardware, Network};

/// The same key as on the other board: see there.
const KEY: &[u8; 32] = include_bytes!("../../../keys/try-out.pub");

const NAME: &str = concat!("bootloader ", env!("CARGO_PKG_VERSION"));

struct Virt;

impl Board for Virt {
    fn now(&mut self) -> Instant {
        Instant::from_micros(i64::try_from(virt::micros()).unwrap_or(i64::MAX))
    }

    /// QEMU's virt has no watchdog.
    fn turn(&mut self) {}

    fn print(&mut self, note: &Note<'_>) {
        println!("{note}");
    }
}

#[entry]
fn main() -> ! {
    static RINGS: ConstStaticCell<Rings> = ConstStaticCell::new(Rings::new());
    static TABLES: ConstStaticCell<Tables> = ConstStaticCell::new(Tables::new());
    static BUFFERS: ConstStaticCell<Buffers> = ConstStaticCell::new(Buffers::new());

    let Some(Hardware {
        network: Some(transport),
        flash,
        mut program,
        ..
    }) = virt::take()
    else {
        stop("no network controller")
    };
    let Some(network) = Network::new(transport, BUFFERS.take()) else {
        stop("the network controller does not start")
    };
    let now = Virt.now();
    let mac = network.mac();
    let [_, _, c, d, e, f] = mac;
    let seed = u32::from_be_bytes([c, d, e, f]) ^ u32::try_from(now.total_micros()).unwrap_or(0);
    let net = Net::new(network, mac, seed, (RINGS.take(), TABLES.take()), now);
    let mut boot = Boot::new(Virt, net, RamFlash::new(flash), KEY);
    match boot.run(NAME, program.memory()) {
        Some(_) => program.start(),
        None => stop("nothing to start"),
    }
}

fn stop(why: &str) -> ! {
    println!("stopped: {why}");
    loop {
        riscv::asm::wfi();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    stop("panic")
}
