//! The bootloader of the other board, on another architecture: the same logic and the same client.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use boot_logic::{Board, Boot, Net, Note, RamFlash, Rings, Tables};
use critical_section::CriticalSection;
use riscv_rt::entry;
use semihosting::println;
use smoltcp::time::Instant;
use static_cell::ConstStaticCell;
use virt::{Hardware, Program};
use virtio_net::VirtioNet;

/// The same key as on the other board: see there.
const KEY: &[u8; 32] = include_bytes!("../../../keys/try-out.pub");

const _: () = assert!(boot_logic::WINDOW as usize <= virtio_net::RX_FRAMES);

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
    // No interrupt is used, so that all registers can be had at once.
    match critical_section::with(run) {
        Ok(program) => program.start(riscv::asm::fence_i),
        Err(why) => stop(why),
    }
}

/// Puts an image into memory, or tells why there is none.
fn run(cs: CriticalSection<'_>) -> Result<Program, &'static str> {
    static RINGS: ConstStaticCell<Rings> = ConstStaticCell::new(Rings::new());
    static TABLES: ConstStaticCell<Tables> = ConstStaticCell::new(Tables::new());

    let Hardware {
        virtio,
        virtio_memory,
        flash,
        mut program,
        ..
    } = virt::take(cs).ok_or("the board is taken")?;
    let network = virtio
        .registers()
        .find_map(|registers| VirtioNet::new(registers, virtio_memory).ok())
        .ok_or("no network device")?;
    let now = Virt.now();
    let mac = network.mac();
    let seed = boot_logic::seed(mac, now);
    let net = Net::new(network, mac, seed, (RINGS.take(), TABLES.take()), now);
    let mut boot = Boot::new(Virt, net, RamFlash::new(flash), KEY);
    let image = boot.run(NAME, program.memory());
    // What is started must not find its memory written by a device that it does not know.
    boot.parts().1.device().stop();
    image.map(|_| program).ok_or("nothing to start")
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
