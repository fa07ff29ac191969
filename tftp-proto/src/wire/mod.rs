//! Packets: octets to values and back (RFC 1350 section 5, RFC 2347).

mod code;
mod negotiate;
mod options;
mod request;
mod writer;

pub use code::{ErrorCode, Text};
pub(crate) use negotiate::{OptionSet, tsize};
pub use options::{OptionIter, Options};
pub(crate) use request::Title;
pub use request::{MAX_REQUEST_LEN, Request};
pub(crate) use writer::Writer;

use crate::{BufferTooSmall, DecodeError};

/// Octets of opcode and block number before the data of a DATA packet.
pub const DATA_HEADER_LEN: usize = 4;

/// The block size when none was agreed (RFC 1350 section 2).
pub const DEFAULT_BLKSIZE: u16 = 512;

/// The smallest block size that may be agreed (RFC 2348).
pub const MIN_BLKSIZE: u16 = 8;

/// The largest block size that may be agreed (RFC 2348).
pub const MAX_BLKSIZE: u16 = 65_464;

/// The largest window that is ever agreed, in blocks. RFC 7440 allows 65,535, but then a block
/// number of 16 bits would no longer tell a block of this window from one of the next.
pub const MAX_WINDOWSIZE: u16 = 32_767;

/// One TFTP packet, borrowing from the datagram that it was decoded from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "the RFCs define six packets")]
pub enum Packet<'b> {
    /// Read request, opcode 1.
    Rrq(Request<'b>),
    /// Write request, opcode 2.
    Wrq(Request<'b>),
    /// A block of the file, opcode 3.
    Data {
        /// Block number as on the wire; the first block is 1.
        block: u16,
        /// The octets of the file.
        payload: &'b [u8],
    },
    /// Acknowledgement, opcode 4.
    Ack {
        /// Number of the block that is confirmed; 0 confirms a WRQ or an OACK.
        block: u16,
    },
    /// The sender has given up, opcode 5.
    Error {
        /// Why.
        code: ErrorCode,
        /// Why, for a person.
        message: Text<'b>,
    },
    /// Option acknowledgement, opcode 6 (RFC 2347).
    Oack(Options<'b>),
}

/// A datagram split at its header, the requests and options not yet read: a machine that never gets one
/// does not pay for their parser.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'b> {
    /// 1..=6.
    pub(crate) opcode: u16,
    /// The block of DATA and ACK, the code of an ERROR.
    pub(crate) number: u16,
    /// What follows.
    pub(crate) body: &'b [u8],
}

pub(crate) const RRQ: u16 = 1;
pub(crate) const WRQ: u16 = 2;
pub(crate) const DATA: u16 = 3;
pub(crate) const ACK: u16 = 4;
pub(crate) const ERROR: u16 = 5;
pub(crate) const OACK: u16 = 6;

impl<'b> Frame<'b> {
    pub(crate) fn decode(datagram: &'b [u8]) -> Result<Self, DecodeError> {
        let [high, low, body @ ..] = datagram else {
            return Err(DecodeError::Truncated);
        };
        let opcode = u16::from_be_bytes([*high, *low]);
        if matches!(opcode, DATA..=ERROR) {
            // Octets after the number of an ACK: an extension that was not agreed, or noise.
            let [high, low, body @ ..] = body else {
                return Err(DecodeError::Truncated);
            };
            let number = u16::from_be_bytes([*high, *low]);
            return Ok(Self {
                opcode,
                number,
                body,
            });
        }
        if opcode == 0 || opcode > OACK {
            return Err(DecodeError::UnknownOpcode(opcode));
        }
        Ok(Self {
            opcode,
            number: 0,
            body,
        })
    }

    /// The text of an ERROR, whose zero may be missing.
    pub(crate) fn message(&self) -> Text<'b> {
        let mut strings = self.body.split(|octet| *octet == 0);
        Text(strings.next().unwrap_or_default())
    }
}

impl<'b> Packet<'b> {
    /// Reads a datagram, which must be exactly one packet.
    ///
    /// Replies are read leniently (octets after an ACK, an ERROR without a text, padding after
    /// the options), requests strictly.
    ///
    /// # Errors
    /// If the datagram is shorter than its header, has an unknown opcode, or is a request without
    /// a final zero, a file name, or a known mode.
    pub fn decode(datagram: &'b [u8]) -> Result<Self, DecodeError> {
        Self::read(datagram, false)
    }

    /// As [`Self::decode`], but the end of the datagram may stand in for the last zero octet of a
    /// request, as some clients have it.
    ///
    /// # Errors
    /// As [`Self::decode`], less the missing final zero.
    pub fn decode_lenient(datagram: &'b [u8]) -> Result<Self, DecodeError> {
        Self::read(datagram, true)
    }

    fn read(datagram: &'b [u8], lenient: bool) -> Result<Self, DecodeError> {
        let frame = Frame::decode(datagram)?;
        let Frame { number, body, .. } = frame;
        Ok(match frame.opcode {
            RRQ => Self::Rrq(Request::decode(body, lenient)?),
            WRQ => Self::Wrq(Request::decode(body, lenient)?),
            DATA => Self::Data {
                block: number,
                payload: body,
            },
            ACK => Self::Ack { block: number },
            OACK => Self::Oack(Options::decode(body, false)),
            _ => Self::Error {
                code: ErrorCode(number),
                message: frame.message(),
            },
        })
    }

    /// Octets that [`Self::encode`] writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        Writer::measure(|writer| self.write(writer))
    }

    /// Writes the packet to the start of `buf` and tells its length.
    ///
    /// # Errors
    /// If `buf` is too small; what was written to it is then of no use.
    pub fn encode(&self, buf: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let mut writer = Writer::new(buf);
        self.write(&mut writer);
        writer.finish()
    }

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Self::Rrq(request) | Self::Wrq(request) => {
                writer.u16(if matches!(self, Self::Rrq(_)) {
                    RRQ
                } else {
                    WRQ
                });
                request.title().write(writer);
                request.options().write(writer);
            }
            Self::Data { block, payload } => {
                writer.head(DATA, *block);
                writer.octets(payload);
            }
            Self::Ack { block } => {
                writer.head(ACK, *block);
            }
            Self::Error { code, message } => {
                writer.head(ERROR, code.0);
                writer.string(message.0);
            }
            Self::Oack(options) => {
                writer.u16(OACK);
                options.write(writer);
            }
        }
    }
}
