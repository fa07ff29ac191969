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
