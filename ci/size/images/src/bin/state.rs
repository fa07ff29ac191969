//! As many octets of RAM as each machine takes; the report reads the lengths off the symbols.

#![no_std]
#![no_main]

use size_images::device;
use tftp_proto::{Config, Receiver, Sender, Server};

static RECEIVER: [u8; size_of::<Receiver<'_>>()] = [0; size_of::<Receiver<'_>>()];
static SENDER: [u8; size_of::<Sender<'_>>()] = [0; size_of::<Sender<'_>>()];
static CONFIG: [u8; size_of::<Config>()] = [0; size_of::<Config>()];
static SERVER_OF_1: [u8; size_of::<Server<1>>()] = [0; size_of::<Server<1>>()];
static SERVER_OF_2: [u8; size_of::<Server<2>>()] = [0; size_of::<Server<2>>()];

#[cortex_m_rt::entry]
fn main() -> ! {
    loop {
        device::report(&RECEIVER);
        device::report(&SENDER);
        device::report(&CONFIG);
        device::report(&SERVER_OF_1);
        device::report(&SERVER_OF_2);
    }
}
