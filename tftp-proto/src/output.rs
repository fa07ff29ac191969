//! What the machines say: datagrams to send, what a datagram meant, how it ended.

use core::net::SocketAddr;

use crate::{
    BufferTooSmall, DecodeError, ErrorCode, Instant, Negotiated, Text, TransferError,
    wire::{self, OptionSet, Title, Writer},
};

/// What a machine wants done now.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller must meet every case, and a new one must not compile"
)]
pub enum Output<'r> {
    /// Send this datagram, then poll again. A datagram that is dropped counts as lost on the way.
    Transmit(Transmit<'r>),
    /// Nothing to do before a datagram arrives or this moment, which is later than the `now` of
    /// the call.
    Wait(Instant),
    /// The transfer is over. Every later poll says the same.
    Done(Result<Summary, TransferError>),
}

/// What a datagram meant.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller must meet every case, and a new one must not compile"
)]
pub enum Event<'b> {
    /// The next bytes of the file. Store them, then poll: the poll acknowledges them. If they cannot
    /// be stored, abort.
    Block(Block<'b>),
    /// The peer has the file up to here: the source may forget those bytes.
    Acknowledged {
        /// Octets from the start of the file.
        up_to: u64,
    },
    /// The options are settled.
    Negotiated(Negotiated),
    /// The peer has given up. `Done` follows.
    Error {
        /// Why.
        code: ErrorCode,
        /// Why, for a person.
        message: Text<'b>,
    },
    /// This datagram is more than can be put up with. The peer is told, then `Done` follows.
    Failed(TransferError),
    /// The datagram is not from the peer, and nothing has changed. The first one comes with an
    /// ERROR for its sender (RFC 1350 section 4), which may be sent or not.
    Stray(Option<Transmit<'static>>),
    /// Nothing new.
    Ignored(Ignored),
}

/// Why a datagram from the peer was of no use.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Ignored {
    /// What it says was said before.
    Duplicate,
    /// It is not a packet, or a request that is not one.
    Malformed(DecodeError),
    /// A packet that has no place at this point.
    Unexpected,
    /// A block after one that is missing: it will be sent again.
    OutOfOrder,
}

/// Bytes of the file, in order, each once.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Block<'b> {
    /// Where in the file the payload starts, in octets.
    pub offset: u64,
    /// The bytes: as they are on the wire, so netascii is not decoded.
    pub payload: &'b [u8],
    /// Whether the file ends here. What must hold before the peer may believe that the file is
    /// stored (a flush, a rename) must hold before the next poll.
    pub last: bool,
}

/// A part of the file.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "a span is a start and a length")]
pub struct Span {
    /// Octets from the start of the file.
    pub offset: u64,
    /// Octets; 0 in the empty block that ends a file of whole blocks.
    pub len: usize,
}

impl Span {
    /// Of a packet that is not DATA.
    pub(crate) const NONE: Self = Self { offset: 0, len: 0 };
}

/// The place in an encoded DATA packet that the caller owes the file's bytes.
#[derive(Debug)]
#[must_use]
#[expect(clippy::exhaustive_structs, reason = "a gap is a span with its room")]
pub struct Gap<'t> {
    /// Octets from the start of the file.
    pub offset: u64,
    /// Room for exactly the bytes wanted.
    pub buf: &'t mut [u8],
}

/// How a transfer went.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Summary {
    /// Octets of the file that have arrived, or have been acknowledged.
    pub bytes: u64,
    /// Blocks likewise.
    pub blocks: u64,
    /// Packets that were sent more than once.
    pub retransmissions: u32,
    /// Datagrams that were of no use: strays, duplicates, noise.
    pub ignored: u32,
    /// What the ends settled on.
    pub negotiated: Negotiated,
}

/// A datagram to send: a small value from which [`encode`](Self::encode) makes the bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Transmit<'r> {
    /// The address to send it to.
    pub to: SocketAddr,
    pub(crate) again: bool,
    pub(crate) opcode: u16,
    /// The block of DATA and ACK, the code of an ERROR.
    pub(crate) number: u16,
    /// Name and mode, if it is a request.
    pub(crate) title: Option<Title<'r>>,
    /// Of a request and an OACK.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub(crate) options: OptionSet,
    /// Of DATA.
    pub(crate) span: Span,
}

impl Transmit<'_> {
    /// An ERROR for somebody who takes no part in a transfer.
    pub(crate) const fn error(to: SocketAddr, code: ErrorCode) -> Self {
        Self {
            to,
            again: false,
            opcode: wire::ERROR,
            number: code.0,
            title: None,
            options: OptionSet::NONE,
            span: Span::NONE,
        }
    }

    /// Whether the same packet was handed out before.
    #[must_use]
    pub const fn is_retransmission(&self) -> bool {
        self.again
    }

    /// The bytes of the file that it carries, if it is DATA.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        match self.opcode {
            wire::DATA => Some(self.span),
            _ => None,
        }
    }

    /// Octets of the datagram, known before there is a buffer for it.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        Writer::measure(|writer| self.write_head(writer)).wrapping_add(self.span.len)
    }

    /// Writes the datagram to the start of `buf`. DATA leaves a gap, which the caller fills.
    ///
    /// # Errors
    /// If `buf` is shorter than [`Self::encoded_len`].
    pub fn encode<'t>(&self, buf: &'t mut [u8]) -> Result<Option<Gap<'t>>, BufferTooSmall> {
        let mut writer = Writer::new(buf);
        self.write_head(&mut writer);
        let written = writer.finish();
        let Some(Span { offset, len }) = self.span() else {
            return written.map(|_| None);
        };
        let gap = buf
            .split_at_mut_checked(wire::DATA_HEADER_LEN)
            .and_then(|(_, body)| body.get_mut(..len));
        match gap {
            Some(buf) => Ok(Some(Gap { offset, buf })),
            None => Err(BufferTooSmall {
                needed: wire::DATA_HEADER_LEN.saturating_add(len),
            }),
        }
    }

    #[inline(never)]
    fn write_head(&self, writer: &mut Writer<'_>) {
        if (wire::DATA..=wire::ERROR).contains(&self.opcode) {
            writer.head(self.opcode, self.number);
        } else {
            writer.u16(self.opcode);
            if let Some(title) = &self.title {
                title.write(writer);
            }
            self.options.write(writer);
        }
        if self.opcode == wire::ERROR {
            writer.string(ErrorCode(self.number).message().as_bytes());
        }
    }
}
