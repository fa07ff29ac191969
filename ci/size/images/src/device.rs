//! A device that is not there: what each image does to the world goes through these functions.
//!
//! Each hides its argument or its result from the optimiser, so that an image contains all the code
//! that a real card, clock and flash would keep alive. The report leaves these functions out of the sum.

use core::hint::black_box;
use core::net::SocketAddr;
use core::panic::PanicInfo;

/// Largest datagram of an image: a block of 1468 bytes and its header.
pub const DATAGRAM: usize = 1472;

/// Microseconds since the device was switched on.
#[inline(never)]
pub fn now() -> u64 {
    black_box(1)
}

/// Waits for a datagram until the clock shows `deadline`.
#[inline(never)]
pub fn receive(buf: &mut [u8], deadline: u64) -> Option<(SocketAddr, &[u8])> {
    black_box(deadline);
    let from = black_box(None)?;
    Some((from, black_box(buf)))
}

/// Sends a datagram.
#[inline(never)]
pub fn send(datagram: &[u8], to: &SocketAddr) {
    black_box(datagram);
    black_box(to);
}

/// Writes to the flash; false if it cannot.
#[inline(never)]
pub fn write(offset: u64, bytes: &[u8]) -> bool {
    black_box(offset);
    black_box(bytes);
    black_box(true)
}

/// Reads from the flash.
#[inline(never)]
pub fn read(offset: u64, buf: &mut [u8]) {
    black_box(offset);
    black_box(buf);
}

/// Whether there is a file of this name.
#[inline(never)]
pub fn has(name: &[u8]) -> bool {
    black_box(name);
    black_box(true)
}

/// Octets of that file.
#[inline(never)]
pub fn length() -> u64 {
    black_box(1)
}

/// Which of several things to do.
#[inline(never)]
pub fn choice() -> usize {
    black_box(0)
}

/// Sets a value as the optimiser cannot foresee.
#[inline(never)]
pub fn decide<T>(value: &mut T) {
    black_box(value);
}

/// Takes what an image found out.
#[inline(never)]
pub fn report<T>(result: &T) {
    black_box(result);
}

/// Kept as a function of its own, so that the report sees whether anything reaches it.
#[panic_handler]
#[inline(never)]
fn panic(info: &PanicInfo<'_>) -> ! {
    black_box(info);
    loop {}
}
