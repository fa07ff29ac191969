//! A server of four sessions.

#![no_std]
#![no_main]

use size_images::{device, server};

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut BUF: [u8; device::DATAGRAM] = [0; device::DATAGRAM];
    server::serve(&mut server::new(), BUF)
}
