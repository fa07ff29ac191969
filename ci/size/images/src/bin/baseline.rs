//! The device alone: what the report subtracts from every other image.

#![no_std]
#![no_main]

use size_images::device;

#[cortex_m_rt::entry]
fn main() -> ! {
    loop {
        device::now();
    }
}
