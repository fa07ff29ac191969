//! Why a transfer did not happen.

use core::fmt;
use std::io;

use tftp_proto::{ErrorCode, RequestError, TransferError};

use crate::EncodedError;

/// Why a get or a put failed. `E` is the error of the sink or the source.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<E = io::Error> {
    /// There is no server to ask: the list is empty.
    NoServer,
    /// The file name cannot be requested.
    Request(RequestError),
    /// The server cannot be reached: there is no route, or its host says that nobody listens there.
    Unreachable(io::Error),
    /// The socket failed, or could not be had: the source port is taken, for instance.
    Socket(io::Error),
    /// The sink or the source failed. The server has been told.
    Store(E),
    /// The source ended before the length that it had told. The server has been told.
    Shrunk {
        /// Octets that the source had promised.
        expected: u64,
        /// Where it ended.
        found: u64,
    },
    /// The server sent an ERROR.
    Refused {
        /// Its code.
        code: ErrorCode,
        /// Its text, escaped: printable ASCII only.
        message: String,
    },
    /// The protocol failed: silence, a truncated file, options that are not allowed.
    Transfer(TransferError),
    /// [`Cancel::cancel`](crate::Cancel::cancel) was called. The server has been told.
    Cancelled,
}

impl<E> Error<EncodedError<E>> {
    /// The same failure without the translation of a text.
    pub(super) fn of_text(self) -> Error<E> {
        match self {
            Self::Store(EncodedError::Source(error)) => Error::Store(error),
            Self::Store(EncodedError::Shrunk { expected, found }) => {
                Error::Shrunk { expected, found }
            }
            Self::NoServer => Error::NoServer,
            Self::Request(error) => Error::Request(error),
            Self::Unreachable(error) => Error::Unreachable(error),
            Self::Socket(error) => Error::Socket(error),
            Self::Shrunk { expected, found } => Error::Shrunk { expected, found },
            Self::Refused { code, message } => Error::Refused { code, message },
            Self::Transfer(error) => Error::Transfer(error),
            Self::Cancelled => Error::Cancelled,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer => f.write_str("no server to ask"),
            Self::Request(error) => error.fmt(f),
            Self::Unreachable(error) => write!(f, "server cannot be reached: {error}"),
            Self::Socket(error) => write!(f, "socket: {error}"),
            Self::Store(error) => error.fmt(f),
            Self::Shrunk { expected, found } => {
                write!(f, "source ended at {found} of {expected} octets")
            }
            Self::Refused { code, message } if message.is_empty() => {
                write!(f, "refused by the server: {code}")
            }
            Self::Refused { code, message } => {
                write!(f, "refused by the server: {code}: {message}")
            }
            Self::Transfer(error) => error.fmt(f),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Request(error) => Some(error),
            Self::Unreachable(error) | Self::Socket(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Transfer(error) => Some(error),
            Self::NoServer | Self::Shrunk { .. } | Self::Refused { .. } | Self::Cancelled => None,
        }
    }
}

impl<E> From<RequestError> for Error<E> {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}
