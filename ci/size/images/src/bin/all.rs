//! Client and server in one.

#![no_std]
#![no_main]

use size_images::{client, device, server};

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut BUF: [u8; device::DATAGRAM] = [0; device::DATAGRAM];
    loop {
        match device::choice() {
            0 => client::get(BUF),
            1 => client::put(BUF),
            _ => server::serve(&mut server::new(), BUF),
        }
    }
}
