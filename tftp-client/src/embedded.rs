//! Sinks and sources over the traits of `embedded_io`.

use core::fmt;

use embedded_io::{Error as _, ErrorKind, Read, Seek, SeekFrom, Write};
use tftp_proto::{ErrorCode, Length};

use crate::{Forward, Sink, Source, store::read_full};

/// A sink or a source over something with the traits of `embedded_io`: a [`Sink`] if it can be written,
/// a [`Source`] if it can be read and seeks, a [`Forward`] if it can be read.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper of one value")]
pub struct EmbeddedIo<T>(pub T);

fn code(kind: ErrorKind) -> ErrorCode {
    match kind {
        ErrorKind::OutOfMemory | ErrorKind::WriteZero => ErrorCode::DISK_FULL,
        ErrorKind::PermissionDenied => ErrorCode::ACCESS_VIOLATION,
        _ => ErrorCode::NOT_DEFINED,
    }
}

/// Why a writer of `embedded_io` could not store bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StoreError<E> {
    /// The writer failed.
    Io(E),
    /// The writer takes no more.
    Full,
}

impl<E: fmt::Display> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Full => f.write_str("no room left"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for StoreError<E> {}

impl<W: Write> Sink for EmbeddedIo<W> {
    type Error = StoreError<W::Error>;

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Self::Error> {
        // The trait's own `write_all` panics when there is no room.
        while !bytes.is_empty() {
            match self.0.write(bytes).map_err(StoreError::Io)? {
                0 => return Err(StoreError::Full),
                len => bytes = bytes.get(len..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Self::Error> {
        self.0.flush().map_err(StoreError::Io)
    }

    fn code(error: &Self::Error) -> ErrorCode {
        match error {
            StoreError::Io(error) => code(error.kind()),
            StoreError::Full => ErrorCode::DISK_FULL,
        }
    }
}

impl<R: Read> Forward for EmbeddedIo<R> {
    type Error = R::Error;

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Self::Error> {
        self.0.read(buf)
    }

    fn code(error: &Self::Error) -> ErrorCode {
        code(error.kind())
    }
}

impl<R: Read + Seek> Source for EmbeddedIo<R> {
    type Error = R::Error;

    fn length(&mut self) -> Result<Length, Self::Error> {
        self.0.seek(SeekFrom::End(0)).map(Length::Known)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error> {
        self.0.seek(SeekFrom::Start(offset))?;
        read_full(buf, |buf| self.0.read(buf))
    }

    fn code(error: &Self::Error) -> ErrorCode {
        code(error.kind())
    }
}
