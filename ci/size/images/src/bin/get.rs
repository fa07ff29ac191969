//! A client that fetches.

#![no_std]
#![no_main]

use size_images::{client, device};

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut BUF: [u8; device::DATAGRAM] = [0; device::DATAGRAM];
    loop {
        client::get(BUF);
    }
}
