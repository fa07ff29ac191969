//! A source that can only be read forwards, made to give its last bytes again.

use core::fmt;

use tftp_proto::{ErrorCode, Length};

use crate::{Forward, Source};

/// Makes a [`Source`] of something that is read forwards only: a pipe, a decompressor, a text that is
/// being translated.
///
/// It keeps what the peer has not acknowledged, which is at most one window: block size times
/// window size. The length counts as not known, so no `tsize` is announced.
#[derive(Debug)]
pub struct Window<F, B> {
    inner: F,
    buffer: B,
    /// The octets held are `buffer[start..start + len]`; the first is at `base` in the file.
    start: usize,
    len: usize,
    base: u64,
    /// The inner source has come to its end.
    ended: bool,
}

/// Room for one window: memory that can grow, or a fixed piece of it.
pub trait Buffer {
    /// The memory.
    fn octets(&mut self) -> &mut [u8];

    /// Makes the memory at least `len` octets long, if that is possible; its contents stay.
    fn grow(&mut self, len: usize) {
        let _ = len;
    }
}

impl Buffer for &mut [u8] {
    fn octets(&mut self) -> &mut [u8] {
        self
    }
}

impl<const N: usize> Buffer for [u8; N] {
    fn octets(&mut self) -> &mut [u8] {
        self
    }
}

#[cfg(feature = "std")]
impl Buffer for Vec<u8> {
    fn octets(&mut self) -> &mut [u8] {
        self
    }

    fn grow(&mut self, len: usize) {
        if self.len() < len {
            self.resize(len.next_power_of_two(), 0);
        }
    }
}

/// Why a [`Window`] could not give the bytes that were asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WindowError<E> {
    /// The source that is read forwards failed.
    Source(E),
    /// The buffer does not hold block size times window size octets.
    TooSmall {
        /// Octets that would have been needed.
        needed: usize,
    },
    /// Bytes were asked for that had been released.
    Released,
}

impl<E: fmt::Display> fmt::Display for WindowError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::TooSmall { needed } => {
                write!(f, "buffer smaller than a window, {needed} octets needed")
            }
            Self::Released => f.write_str("bytes asked for that were acknowledged before"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for WindowError<E> {}

impl<F, B: Buffer> Window<F, B> {
    /// Reads `inner` into `buffer`, which has room for one window.
    pub const fn new(inner: F, buffer: B) -> Self {
        Self {
            inner,
            buffer,
            start: 0,
            len: 0,
            base: 0,
            ended: false,
        }
    }

    /// Makes room for `needed` octets from the first one held. `None`: the buffer is too small.
    fn make_room(&mut self, needed: usize) -> Option<()> {
        if self.start.checked_add(needed)? > self.buffer.octets().len() {
            let held = self.start..self.start.checked_add(self.len)?;
            self.buffer.octets().copy_within(held, 0);
            self.start = 0;
            self.buffer.grow(needed);
        }
        (needed <= self.buffer.octets().len()).then_some(())
    }
}

#[cfg(feature = "std")]
impl<F> Window<F, Vec<u8>> {
    /// Reads `inner` into memory that grows to the size of one window.
    pub const fn growing(inner: F) -> Self {
        Self::new(inner, Vec::new())
    }
}

impl<F: Forward, B: Buffer> Source for Window<F, B> {
    type Error = WindowError<F::Error>;

    fn length(&mut self) -> Result<Length, Self::Error> {
        Ok(Length::Unknown)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error> {
        let skip = offset.checked_sub(self.base).ok_or(WindowError::Released)?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let needed = skip.saturating_add(buf.len());
        if needed > self.len {
            self.make_room(needed)
                .ok_or(WindowError::TooSmall { needed })?;
        }
        while !self.ended && self.len < needed {
            let end = self.start.saturating_add(self.len);
            let room = self.buffer.octets().get_mut(end..).unwrap_or_default();
            let read = self.inner.read(room).map_err(WindowError::Source)?;
            self.ended = read == 0;
            self.len = self.len.saturating_add(read);
        }
        let end = self.len.min(needed);
        let from = self.start.saturating_add(skip.min(end));
        let to = self.start.saturating_add(end);
        let found = self.buffer.octets().get(from..to).unwrap_or_default();
        if let Some(buf) = buf.get_mut(..found.len()) {
            buf.copy_from_slice(found);
        }
        Ok(found.len())
    }

    fn release(&mut self, up_to: u64) {
        let held = u64::try_from(self.len).unwrap_or(u64::MAX);
        let gone = up_to.saturating_sub(self.base).min(held);
        self.base = self.base.saturating_add(gone);
        let gone = usize::try_from(gone).unwrap_or(self.len);
        self.start = self.start.saturating_add(gone);
        self.len = self.len.saturating_sub(gone);
        if self.len == 0 {
            self.start = 0;
        }
    }

    fn code(error: &Self::Error) -> ErrorCode {
        match error {
            WindowError::Source(error) => F::code(error),
            WindowError::TooSmall { .. } | WindowError::Released => ErrorCode::NOT_DEFINED,
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow fails the test it happens in"
)]
mod tests {
    use super::{Buffer, Window, WindowError};
    use crate::{Forward, Source};

    /// Gives the octets 0, 1, 2, .. in pieces of at most three.
    struct Counting {
        next: u8,
        end: u8,
    }

    impl Forward for Counting {
        type Error = ();

        fn read(&mut self, buf: &mut [u8]) -> Result<usize, ()> {
            let left = usize::from(self.end - self.next);
            let len = buf.len().min(3).min(left);
            for octet in buf.iter_mut().take(len) {
                *octet = self.next;
                self.next += 1;
            }
            Ok(len)
        }
    }

    const fn counting<B: Buffer>(end: u8, buffer: B) -> Window<Counting, B> {
        Window::new(Counting { next: 0, end }, buffer)
    }

    #[test]
    fn bytes_are_given_again_until_they_are_released() {
        let mut window = counting(20, [0; 8]);
        let mut buf = [0; 4];
        assert_eq!(window.read_at(4, &mut buf), Ok(4));
        assert_eq!(buf, [4, 5, 6, 7]);
        assert_eq!(window.read_at(0, &mut buf), Ok(4));
        assert_eq!(buf, [0, 1, 2, 3]);
        window.release(4);
        assert_eq!(window.read_at(0, &mut buf), Err(WindowError::Released));
    }

    #[test]
    fn a_buffer_of_one_window_carries_a_file_of_many() {
        let mut window = counting(200, [0; 8]);
        let mut buf = [0; 4];
        for offset in (0..200).step_by(4) {
            assert_eq!(window.read_at(offset, &mut buf), Ok(4));
            assert_eq!(u64::from(buf[0]), offset);
            window.release(offset);
        }
        assert_eq!(window.read_at(200, &mut buf), Ok(0));
    }

    #[test]
    fn the_end_is_a_short_read_each_time() {
        let mut window = counting(5, [0; 8]);
        let mut buf = [0; 4];
        for _ in 0..2 {
            assert_eq!(window.read_at(4, &mut buf), Ok(1));
            assert_eq!(buf[0], 4);
        }
    }

    #[test]
    fn a_buffer_smaller_than_a_window_is_reported() {
        let mut window = counting(20, [0; 7]);
        assert_eq!(
            window.read_at(4, &mut [0; 4]),
            Err(WindowError::TooSmall { needed: 8 })
        );
    }

    #[cfg(feature = "std")]
    #[test]
    fn memory_grows_to_the_window_and_no_further() {
        let mut window = Window::growing(Counting { next: 0, end: 200 });
        let mut buf = [0; 4];
        for offset in (0..200).step_by(4) {
            assert_eq!(window.read_at(offset, &mut buf), Ok(4));
            window.release((offset + 4).saturating_sub(16));
        }
        assert!(window.buffer.len() <= 32, "{}", window.buffer.len());
    }
}
