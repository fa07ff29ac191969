//! Sinks and sources over the traits of `std::io`.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use tftp_proto::{ErrorCode, Length};

use crate::{Forward, Sink, Source, store::read_full};

/// A sink or a source over something with the traits of `std::io`: a [`Sink`] if it can be written, a
/// [`Source`] if it can be read and seeks, a [`Forward`] if it can be read.
///
/// Nothing is buffered here: give it a [`BufWriter`](io::BufWriter) if each write costs a system call.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper of one value")]
pub struct StdIo<T>(pub T);

/// What the peer is told of an error of the operating system.
pub(super) fn code(error: &io::Error) -> ErrorCode {
    match error.kind() {
        ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::FileTooLarge
        | ErrorKind::WriteZero => ErrorCode::DISK_FULL,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => ErrorCode::ACCESS_VIOLATION,
        _ => ErrorCode::NOT_DEFINED,
    }
}

/// Reads until `buf` is full or the file ends, through interruptions.
pub(super) fn fill(
    buf: &mut [u8],
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    read_full(buf, |buf| uninterrupted(|| read(buf)))
}

fn uninterrupted(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl<W: Write> Sink for StdIo<W> {
    type Error = io::Error;

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn commit(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    fn code(error: &io::Error) -> ErrorCode {
        code(error)
    }
}

impl<R: Read> Forward for StdIo<R> {
    type Error = io::Error;

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| self.0.read(buf))
    }

    fn code(error: &io::Error) -> ErrorCode {
        code(error)
    }
}

impl<R: Read + Seek> Source for StdIo<R> {
    type Error = io::Error;

    fn length(&mut self) -> io::Result<Length> {
        self.0.seek(SeekFrom::End(0)).map(Length::Known)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.seek(SeekFrom::Start(offset))?;
        fill(buf, |buf| self.0.read(buf))
    }

    fn code(error: &io::Error) -> ErrorCode {
        code(error)
    }
}
