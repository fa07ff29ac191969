//! An image that can panic. If the report finds no panic here, it would find none anywhere.

#![no_std]
#![no_main]

use size_images::device;

#[cortex_m_rt::entry]
fn main() -> ! {
    let numbers = [1, 2, 3];
    loop {
        device::report(&numbers[device::choice() as usize]);
    }
}
