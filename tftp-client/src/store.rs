//! Where the bytes of a file come from and go to.

use core::{convert::Infallible, fmt};

use tftp_proto::{ErrorCode, Length};

/// Takes the bytes of a file that is fetched.
pub trait Sink {
    /// Why bytes could not be stored.
    type Error: fmt::Debug;

    /// Stores the next bytes of the file. Each byte comes once, in order.
    ///
    /// # Errors
    /// If they cannot be stored. The transfer ends, and the peer is told [`Self::code`].
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// The file is complete. The peer hears so only after this has returned, so what "stored" promises
    /// (a flush, a rename) belongs here. It is called at most once, and not at all if the transfer fails.
    ///
    /// # Errors
    /// If the file cannot be kept. The transfer fails, and the peer is told [`Self::code`].
    fn commit(&mut self) -> Result<(), Self::Error>;

    /// Takes back the last `written` octets, which are all that this transfer has written: the file
    /// comes again from its start, from another server. `false`, unless told otherwise: that
    /// cannot be done, as with a pipe. It is not called after [`Self::commit`].
    ///
    /// # Errors
    /// If it fails. The transfer ends.
    fn restart(&mut self, written: u64) -> Result<bool, Self::Error> {
        let _ = written;
        Ok(false)
    }

    /// What the peer is told of an error: [`ErrorCode::DISK_FULL`] if there is no room.
    fn code(error: &Self::Error) -> ErrorCode {
        let _ = error;
        ErrorCode::NOT_DEFINED
    }
}

/// Gives the bytes of a file that is sent, by offset: a block that was lost is read again.
pub trait Source {
    /// Why bytes could not be read.
    type Error: fmt::Debug;

    /// How many octets the file has, asked before each request.
    ///
    /// # Errors
    /// If the source cannot be used at all.
    fn length(&mut self) -> Result<Length, Self::Error>;

    /// Reads the bytes at `offset` into `buf`, and tells how many: fewer than asked only where the file
    /// ends. Bytes that are read again must be the same.
    ///
    /// # Errors
    /// If they cannot be read. The transfer ends, and the peer is told [`Self::code`].
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error>;

    /// The peer has everything before `up_to`: those bytes are not asked for again.
    fn release(&mut self, up_to: u64) {
        let _ = up_to;
    }

    /// What the peer is told of an error.
    fn code(error: &Self::Error) -> ErrorCode {
        let _ = error;
        ErrorCode::NOT_DEFINED
    }
}

/// Gives the bytes of a file once, from the first to the last. A [`Window`](crate::Window) makes a
/// [`Source`] of it.
pub trait Forward {
    /// Why bytes could not be read.
    type Error: fmt::Debug;

    /// Reads the next bytes to the start of `buf`, which is not empty, and tells how many: 0 only at the
    /// end of the file.
    ///
    /// # Errors
    /// If they cannot be read.
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Self::Error>;

    /// What the peer is told of an error.
    fn code(error: &Self::Error) -> ErrorCode {
        let _ = error;
        ErrorCode::NOT_DEFINED
    }
}

impl<S: Sink> Sink for &mut S {
    type Error = S::Error;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        (**self).write(bytes)
    }

    fn commit(&mut self) -> Result<(), Self::Error> {
        (**self).commit()
    }

    fn restart(&mut self, written: u64) -> Result<bool, Self::Error> {
        (**self).restart(written)
    }

    fn code(error: &Self::Error) -> ErrorCode {
        S::code(error)
    }
}

impl<S: Source> Source for &mut S {
    type Error = S::Error;

    fn length(&mut self) -> Result<Length, Self::Error> {
        (**self).length()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error> {
        (**self).read_at(offset, buf)
    }

    fn release(&mut self, up_to: u64) {
        (**self).release(up_to);
    }

    fn code(error: &Self::Error) -> ErrorCode {
        S::code(error)
    }
}

/// A file in memory.
impl Source for &[u8] {
    type Error = Infallible;

    fn length(&mut self) -> Result<Length, Self::Error> {
        Ok(Length::Known(self.len() as u64))
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..))
            .unwrap_or_default();
        let len = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }
}

/// A file into memory. Bound it with [`Config::max_len`](crate::Config::max_len): the peer decides
/// how much it sends.
#[cfg(feature = "std")]
impl Sink for Vec<u8> {
    type Error = Infallible;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn restart(&mut self, written: u64) -> Result<bool, Self::Error> {
        let written = usize::try_from(written).unwrap_or(usize::MAX);
        self.truncate(self.len().saturating_sub(written));
        Ok(true)
    }
}

/// Reads until `buf` is full or the file ends.
#[cfg(any(feature = "std", feature = "embedded-io"))]
pub(crate) fn read_full<E>(
    mut buf: &mut [u8],
    mut read: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<usize, E> {
    let whole = buf.len();
    while !buf.is_empty() {
        let len = read(buf)?;
        if len == 0 {
            break;
        }
        buf = core::mem::take(&mut buf).get_mut(len..).unwrap_or_default();
    }
    Ok(whole.saturating_sub(buf.len()))
}
