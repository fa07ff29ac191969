//! What went wrong, as the exit code and the message say it.

use core::fmt::{self, Display};
use std::io;

use tftp_client::{Error, ErrorCode, TransferError};

/// A failure with its exit code, which scripts rely on.
#[derive(Debug)]
pub(crate) struct Failure {
    cause: Cause,
    message: String,
}

/// The exit codes.
#[derive(Clone, Copy, Debug)]
enum Cause {
    Usage = 2,
    NotFound = 3,
    Refused = 4,
    NoAnswer = 5,
    DiskFull = 6,
    Peer = 7,
    Local = 8,
    /// 128 and the number of SIGINT, as shells have it.
    Interrupted = 130,
}

impl Failure {
    fn new(cause: Cause, message: impl Display) -> Self {
        Self {
            cause,
            message: message.to_string(),
        }
    }

    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Cause::Usage, message)
    }

    /// A local file or stream cannot be used.
    pub(crate) fn local(what: impl Display, error: &io::Error) -> Self {
        let cause = if is_full(error) {
            Cause::DiskFull
        } else {
            Cause::Local
        };
        Self::new(cause, format_args!("{what}: {error}"))
    }

    /// The server's name leads nowhere.
    pub(crate) fn unknown_host(host: impl Display, error: &io::Error) -> Self {
        Self::new(Cause::NoAnswer, format_args!("{host}: {error}"))
    }

    /// A transfer of `what` failed. `code` is what the store's error means.
    pub(crate) fn transfer<E: Display>(
        what: impl Display,
        error: &Error<E>,
        code: impl Fn(&E) -> ErrorCode,
    ) -> Self {
        let cause = match error {
            Error::Request(_) => Cause::Usage,
            Error::NoServer | Error::Unreachable(_) => Cause::NoAnswer,
            Error::Store(error) if code(error) == ErrorCode::DISK_FULL => Cause::DiskFull,
            Error::Refused { code, .. } => refused(*code),
            Error::Transfer(error) => protocol(*error),
            Error::Cancelled => Cause::Interrupted,
            _ => Cause::Local,
        };
        Self::new(cause, format_args!("{what}: {error}"))
    }

    pub(crate) const fn exit_code(&self) -> u8 {
        self.cause as u8
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

const fn refused(code: ErrorCode) -> Cause {
    match code {
        ErrorCode::FILE_NOT_FOUND => Cause::NotFound,
        ErrorCode::ACCESS_VIOLATION | ErrorCode::FILE_EXISTS | ErrorCode::ILLEGAL_OPERATION => {
            Cause::Refused
        }
        ErrorCode::DISK_FULL => Cause::DiskFull,
        _ => Cause::Peer,
    }
}

const fn protocol(error: TransferError) -> Cause {
    match error {
        TransferError::TimedOut | TransferError::Unconfirmed => Cause::NoAnswer,
        TransferError::Local(_) => Cause::Local,
        _ => Cause::Peer,
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
