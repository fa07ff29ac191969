//! What can go wrong, one enum a question. All are `Copy + 'static`.

use core::fmt;

use crate::ErrorCode;

/// Why a datagram is not a TFTP packet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecodeError {
    /// Shorter than the header of its kind: 2 octets, or 4 for DATA, ACK and ERROR.
    Truncated,
    /// An opcode outside 1..=6.
    UnknownOpcode(u16),
    /// A request whose last octet is not 0.
    Unterminated,
    /// A request without a file name.
    EmptyFilename,
    /// A request without a mode, or with one that is neither `octet` nor `netascii`.
    UnknownMode,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("datagram shorter than a packet's header"),
            Self::UnknownOpcode(opcode) => write!(f, "unknown opcode {opcode}"),
            Self::Unterminated => f.write_str("request does not end with a zero octet"),
            Self::EmptyFilename => f.write_str("request without a file name"),
            Self::UnknownMode => f.write_str("request without a known mode"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Why a file name cannot be requested.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// The name is empty (RFC 1350 section 5).
    Empty,
    /// The name has a zero octet, which would end it early.
    ZeroOctet,
    /// Name and mode do not fit a request of 512 octets (RFC 2347).
    TooLong,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "file name is empty",
            Self::ZeroOctet => "file name contains a zero octet",
            Self::TooLong => "file name does not fit a request of 512 octets",
        })
    }
}

impl core::error::Error for RequestError {}

/// The buffer that was given to `encode` cannot hold the packet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "there is nothing else to say")]
pub struct BufferTooSmall {
    /// Octets that the packet takes.
    pub needed: usize,
}

impl fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "buffer too small, {} octets needed", self.needed)
    }
}

impl core::error::Error for BufferTooSmall {}

/// Why a transfer did not complete.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TransferError {
    /// The caller aborted with this code.
    Local(ErrorCode),
    /// The peer sent an ERROR with this code.
    Peer(ErrorCode),
    /// The peer sent an ERROR right after our OACK: it only wanted to learn the size
    /// (PXE firmware does so before each download). Nothing is wrong.
    Declined(ErrorCode),
    /// The peer fell silent: the retransmissions, or the deadline for the whole transfer, are used up.
    TimedOut,
    /// All was sent, but the final ACK never came: the peer may or may not have the file
    /// (RFC 1350 section 6).
    Unconfirmed,
    /// The file ended before the size that was announced (RFC 2349 `tsize`). The short block that ended it
    /// was not handed over.
    Truncated,
    /// The peer's OACK has an option that was not requested, or a value that is not allowed
    /// (RFC 2347).
    OptionNegotiation,
    /// The file is larger than [`Config::max_len`](crate::Config::max_len), or has more blocks than can be
    /// counted: 2^32 less two windows.
    TooLarge,
    /// A DATA packet has more octets than the block size.
    Oversized,
    /// The client has sent another request from the same port, and so given this one up.
    Replaced,
    /// The session table was full, and this transfer's client had not answered yet.
    Evicted,
}

impl TransferError {
    /// The code that the peer is told when this is found here.
    pub(crate) const fn code(self) -> ErrorCode {
        match self {
            Self::Local(code) => code,
            Self::OptionNegotiation => ErrorCode::OPTION_NEGOTIATION,
            Self::TooLarge => ErrorCode::DISK_FULL,
            Self::Oversized => ErrorCode::ILLEGAL_OPERATION,
            _ => ErrorCode::NOT_DEFINED,
        }
    }
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local(_) => "aborted here",
            Self::Peer(_) => "aborted by the peer",
            Self::Declined(_) => "declined by the peer after the options",
            Self::TimedOut => "no answer from the peer",
            Self::Unconfirmed => "sent, but the last block was never acknowledged",
            Self::Truncated => "truncated: shorter than the announced size",
            Self::OptionNegotiation => "the peer acknowledged options that it may not",
            Self::TooLarge => "file larger than allowed",
            Self::Oversized => "block larger than the block size",
            Self::Replaced => "replaced by a new request from the same port",
            Self::Evicted => "dropped, unanswered, from a full session table",
        })?;
        match self {
            Self::Local(code) | Self::Peer(code) | Self::Declined(code) => write!(f, ": {code}"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for TransferError {}
