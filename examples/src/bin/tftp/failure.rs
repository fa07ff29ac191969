//! What went wrong, as the exit code and the message say it.

use core::fmt::{self, Display};
use std::io;

use tftp_client::{Error, ErrorCode, TransferError};

/// A failure with its exit code, which scripts rely on.
#[derive(Debug)]
pub(crate) struct Failure {
    cause: Cause,
    message: String,
    hint: Option<&'static str>,
}

/// What was tried, and how far it came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Attempt {
    Get { bytes: u64 },
    Put { bytes: u64 },
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
            hint: None,
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
        attempt: Attempt,
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
        let hint = match error {
            Error::Transfer(error) => protocol_hint(*error, attempt),
            Error::Unreachable(_) => Some("nothing seems to serve TFTP at that address and port"),
            Error::Refused { code, .. } => refusal_hint(*code, attempt),
            Error::Shrunk { .. } => Some("the file was changed while it was sent"),
            _ => None,
        };
        Self {
            hint,
            ..Self::new(cause, format_args!("{what}: {error}"))
        }
    }

    /// What the user can do about it, if that is not plain.
    pub(crate) const fn hint(&self) -> Option<&'static str> {
        self.hint
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

const fn protocol_hint(error: TransferError, attempt: Attempt) -> Option<&'static str> {
    match (error, attempt) {
        (TransferError::TimedOut, Attempt::Get { bytes: 0 } | Attempt::Put { bytes: 0 }) => Some(
            "is a server running there? Its answers come from another port than the request goes to, which \
             firewalls must let pass",
        ),
        (TransferError::TimedOut, _) => {
            Some("the server fell silent in the middle of the transfer")
        }
        (TransferError::Unconfirmed, _) => {
            Some("the server may have stored the file or not: look there before trying again")
        }
        (TransferError::Truncated, _) => {
            Some("the file changed on the server while it was sent, or its disk failed: try again")
        }
        (TransferError::OptionNegotiation, _) => Some("try --no-options"),
        _ => None,
    }
}

const fn refusal_hint(code: ErrorCode, attempt: Attempt) -> Option<&'static str> {
    match (code, attempt) {
        (ErrorCode::FILE_NOT_FOUND | ErrorCode::ACCESS_VIOLATION, Attempt::Put { bytes: 0 }) => {
            Some("many servers take only files that exist there already and that anybody may write")
        }
        (ErrorCode::FILE_EXISTS, Attempt::Put { .. }) => {
            Some("the server does not let files be replaced")
        }
        (ErrorCode::OPTION_NEGOTIATION, _) => Some("try --no-options"),
        _ => None,
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
