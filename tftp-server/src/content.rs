//! What a server serves: the traits between the event loop and the files.

use core::{fmt, net::SocketAddr};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};

use tftp_proto::{ErrorCode, Mode};

use crate::NameError;

/// A request for a file, as the content sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FileRequest<'r> {
    /// The name as it came: untrusted octets without a NUL. [`relative_path`](crate::relative_path)
    /// makes a path of it that stays below a directory.
    pub name: &'r [u8],
    /// How the file is to be transferred. The event loop translates netascii; a content deals in the
    /// bytes of the file.
    pub mode: Mode,
    /// Who asks.
    pub peer: SocketAddr,
    /// The address and port that were asked.
    pub local: SocketAddr,
    /// The size that a write request announces (`tsize`, RFC 2349): a hint, in octets as they
    /// are on the wire, where 0 may also mean "not known".
    pub size: Option<u64>,
}

impl<'r> FileRequest<'r> {
    /// A request from `peer` to `local`, with no size announced.
    #[must_use]
    pub const fn new(name: &'r [u8], mode: Mode, peer: SocketAddr, local: SocketAddr) -> Self {
        Self {
            name,
            mode,
            peer,
            local,
            size: None,
        }
    }
}

/// Why a request is refused or a transfer cannot go on.
///
/// The peer is told the code with its fixed text; the cause is for the report only, as it may name what
/// is nobody's business.
#[derive(Debug)]
pub struct ContentError {
    code: ErrorCode,
    cause: Option<io::Error>,
}

impl ContentError {
    /// What the peer is told.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What happened here.
    #[must_use]
    pub const fn cause(&self) -> Option<&io::Error> {
        self.cause.as_ref()
    }
}

impl From<ErrorCode> for ContentError {
    fn from(code: ErrorCode) -> Self {
        Self { code, cause: None }
    }
}

impl From<NameError> for ContentError {
    fn from(error: NameError) -> Self {
        let code = match error {
            NameError::TooLong | NameError::Reserved => ErrorCode::FILE_NOT_FOUND,
            NameError::Empty | NameError::NotAName | NameError::Outside => {
                ErrorCode::ACCESS_VIOLATION
            }
        };
        code.into()
    }
}

impl From<io::Error> for ContentError {
    fn from(cause: io::Error) -> Self {
        let code = match cause.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
                ErrorCode::FILE_NOT_FOUND
            }
            ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::IsADirectory => ErrorCode::ACCESS_VIOLATION,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                ErrorCode::DISK_FULL
            }
            ErrorKind::AlreadyExists => ErrorCode::FILE_EXISTS,
            _ => unusual_code(&cause),
        };
        Self {
            code,
            cause: Some(cause),
        }
    }
}

/// Errors that the standard library has no stable name for: a symbolic link where none is followed, a
/// socket or a device without a driver that was opened as a file.
#[cfg(unix)]
fn unusual_code(cause: &io::Error) -> ErrorCode {
    use rustix::io::Errno;
    match Errno::from_io_error(cause) {
        Some(Errno::LOOP | Errno::NXIO | Errno::NODEV) => ErrorCode::ACCESS_VIOLATION,
        _ => ErrorCode::NOT_DEFINED,
    }
}

#[cfg(not(unix))]
const fn unusual_code(_: &io::Error) -> ErrorCode {
    ErrorCode::NOT_DEFINED
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{}: {cause}", self.code),
            None => write!(f, "{}", self.code),
        }
    }
}

impl core::error::Error for ContentError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

/// Decides on requests and opens what they name.
///
/// It is called on the thread of the event loop: what blocks here holds up every transfer. What panics here, or in
/// a source or a sink, ends the transfer that it was called for with ERROR 0; the server goes on.
pub trait Content: Send {
    /// Opens a file to be sent.
    ///
    /// # Errors
    /// What the peer is told instead: [`ErrorCode::FILE_NOT_FOUND`] for a file that is missing.
    fn open(&mut self, request: &FileRequest<'_>) -> Result<Box<dyn Source>, ContentError>;

    /// Makes room for a file that is to be received.
    ///
    /// # Errors
    /// What the peer is told instead. By default nothing can be written.
    fn create(&mut self, request: &FileRequest<'_>) -> Result<Box<dyn Sink>, ContentError> {
        let _ = request;
        Err(ErrorCode::ACCESS_VIOLATION.into())
    }
}

/// A file that is being sent. It is read by offset, as what was lost is read again.
pub trait Source: Send {
    /// Octets of the file, if they are known before it is read. A server over sockets of the system may
    /// then read up to 128 KiB before they are wanted.
    fn length(&self) -> Option<u64>;

    /// Fills `buf` from `offset`, and tells how much of it: less than all only at the end of the file.
    ///
    /// No offset is asked for that lies before what was [released](Self::release), and what is read
    /// again must be the same.
    ///
    /// # Errors
    /// If the bytes cannot be had: the transfer ends, and the peer is told the code.
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ContentError>;

    /// As [`read_at`](Self::read_at), into several places one after the other: a window at once.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at).
    fn read_vectored_at(
        &mut self,
        offset: u64,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Result<usize, ContentError> {
        let mut total = 0_usize;
        for buf in bufs {
            let count = self.read_at(offset.saturating_add(total as u64), buf)?;
            total = total.saturating_add(count);
            if count < buf.len() {
                break;
            }
        }
        Ok(total)
    }

    /// The peer has everything before `up_to`; it will not be asked for again.
    fn release(&mut self, up_to: u64) {
        let _ = up_to;
    }
}

/// A file that is being received. To drop it is to discard it: what was there before must stay as it was.
pub trait Sink: Send {
    /// Takes the next bytes. They may have been acknowledged already, unless they are those of the last block; that the
    /// file is stored the peer is told after [`commit`](Self::commit).
    ///
    /// # Errors
    /// If they cannot be kept: the transfer ends, and the peer is told the code.
    fn write(&mut self, bytes: &[u8]) -> Result<(), ContentError>;

    /// Takes several pieces one after the other: what arrived at once.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> Result<(), ContentError> {
        pieces.iter().try_for_each(|piece| self.write(piece))
    }

    /// The file is complete. When this returns it is stored, and only then the peer is told so. It is
    /// called on a thread of its own, so it may take its time.
    ///
    /// # Errors
    /// If it cannot be stored: the peer is told the code, and what was there before must be there.
    fn commit(self: Box<Self>) -> Result<(), ContentError>;
}

/// Two contents, one over the other: what the upper one does not have is asked of the lower one.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "two layers are two layers")]
pub struct Layered<A, B> {
    /// Asked first.
    pub upper: A,
    /// Asked if the upper one answers [`ErrorCode::FILE_NOT_FOUND`] to a read request, or refuses a
    /// write request.
    pub lower: B,
}

impl<A: Content, B: Content> Content for Layered<A, B> {
    fn open(&mut self, request: &FileRequest<'_>) -> Result<Box<dyn Source>, ContentError> {
        match self.upper.open(request) {
            Err(error) if error.code() == ErrorCode::FILE_NOT_FOUND => self.lower.open(request),
            result => result,
        }
    }

    fn create(&mut self, request: &FileRequest<'_>) -> Result<Box<dyn Sink>, ContentError> {
        match self.upper.create(request) {
            Err(error) if error.code() == ErrorCode::ACCESS_VIOLATION => self.lower.create(request),
            result => result,
        }
    }
}
