//! What a run found wrong.

use core::fmt;

use tftp_proto::Instant;

/// A promise that was broken: by a machine, or by a node of the user's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// `Wait(at)` was not later than `now`.
    WaitNotLater {
        /// The moment that was named.
        at: Instant,
    },
    /// A machine went on sending without any input, more than a window and its ERROR.
    Endless {
        /// Datagrams in a row.
        sent: u32,
    },
    /// A datagram was longer than its `encoded_len`, or could not be encoded.
    Encoding,
    /// A block did not follow the one before, or came after the last one.
    OutOfOrder {
        /// Where the block claims to stand.
        offset: u64,
    },
    /// The octets that arrived are not those that were sent.
    Altered {
        /// Where the block stands.
        offset: u64,
    },
    /// An acknowledgement went back, or beyond the end of the file.
    Acknowledged {
        /// What was acknowledged.
        up_to: u64,
    },
    /// A datagram from a stranger changed something.
    Stray,
    /// A machine that was done said something else later.
    DoneChanged,
    /// `Done` did not follow a failure, or came with another result.
    Result,
    /// An end reported success, but the file is not there.
    FalseSuccess,
    /// The virtual time that the run was given is over.
    TooLong,
    /// A rule of the user's own node.
    Other(&'static str),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaitNotLater { at } => {
                write!(f, "waits until {} µs, not later than now", at.as_micros())
            }
            Self::Endless { sent } => write!(f, "sent {sent} datagrams in a row without an input"),
            Self::Encoding => f.write_str("datagram does not fit its encoded length"),
            Self::OutOfOrder { offset } => {
                write!(f, "block at {offset} does not follow the one before")
            }
            Self::Altered { offset } => write!(f, "octets at {offset} are not those of the file"),
            Self::Acknowledged { up_to } => {
                write!(f, "acknowledged up to {up_to}, which cannot be")
            }
            Self::Stray => f.write_str("a stranger's datagram changed the transfer"),
            Self::DoneChanged => f.write_str("the result changed after the end"),
            Self::Result => f.write_str("the result is not what the event announced"),
            Self::FalseSuccess => f.write_str("success reported, but the file is not whole"),
            Self::TooLong => f.write_str("not over in the time that the run was given"),
            Self::Other(rule) => f.write_str(rule),
        }
    }
}

impl core::error::Error for Rule {}

/// A broken promise with what is needed to see it again. It prints as the seed, the moment, and the last
/// datagrams as a ladder.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// Which promise.
    pub rule: Rule,
    /// The seed of the link.
    pub seed: u64,
    /// When it was found.
    pub at: Instant,
    /// The last datagrams, as text.
    pub ladder: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            seed,
            at,
            ladder,
        } = self;
        write!(f, "seed {seed}, at {} µs: {rule}\n{ladder}", at.as_micros())
    }
}

/// As [`Display`](fmt::Display): `unwrap` in a test prints it, and escaped line ends help nobody.
impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Violation {}
