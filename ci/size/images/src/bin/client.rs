//! A client that fetches and sends.

#![no_std]
#![no_main]

use size_images::{client, device};

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut BUF: [u8; device::DATAGRAM] = [0; device::DATAGRAM];
    loop {
        if device::choice() == 0 {
            client::get(BUF);
        } else {
            client::put(BUF);
        }
    }
}
