//! Datagrams on their way, as small as states want them.

use core::{fmt, net::SocketAddr};
use std::sync::Arc;

use tftp_proto::Transmit;

use crate::{Fault, Sabotage};

pub(crate) const NAME: &str = "f";

/// A datagram between the client and the server.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Datagram {
    pub(crate) wire: Wire,
    /// The client's port: its first one or that of its second request.
    pub(crate) attempt: u8,
}

/// DATA is without its octets: they follow from their offset.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Wire {
    Data {
        block: u16,
        offset: u64,
        len: u16,
    },
    Ack {
        block: u16,
    },
    /// A request, an OACK or an ERROR.
    Other(Arc<[u8]>),
}

impl Wire {
    /// The datagram that a machine wants sent.
    pub(crate) fn of(transmit: &Transmit<'_>) -> Result<Self, Fault> {
        let mut octets = vec![0; transmit.encoded_len()];
        let gap = transmit.encode(&mut octets).map_err(|_| Fault::Broken)?;
        let span = gap.map(|gap| (gap.offset, gap.buf.len()));
        Ok(match (span, octets.as_slice()) {
            (Some((offset, len)), [0, 3, high, low, ..]) => Self::Data {
                block: u16::from_be_bytes([*high, *low]),
                offset,
                len: u16::try_from(len).map_err(|_| Fault::Broken)?,
            },
            (None, [0, 4, high, low]) => Self::Ack {
                block: u16::from_be_bytes([*high, *low]),
            },
            (None, [0, 1 | 2 | 5 | 6, ..]) => Self::Other(octets.into()),
            _ => return Err(Fault::Broken),
        })
    }

    pub(crate) fn octets(&self, sabotage: Option<Sabotage>) -> Vec<u8> {
        match self {
            Self::Data { block, offset, len } => {
                let [high, low] = block.to_be_bytes();
                let end = offset + u64::from(*len);
                let altered = sabotage == Some(Sabotage::AlteredOctet) && block % 2 == 0;
                [0, 3, high, low]
                    .into_iter()
                    .chain((*offset..end).map(|at| octet(at) ^ u8::from(altered && at == *offset)))
                    .collect()
            }
            Self::Ack { block } => {
                let [high, low] = block.to_be_bytes();
                vec![0, 4, high, low]
            }
            Self::Other(octets) => octets.to_vec(),
        }
    }

    pub(crate) fn is_request(&self) -> bool {
        matches!(self, Self::Other(octets) if matches!(**octets, [0, 1 | 2, ..]))
    }
}

/// The octet of the file at `offset`: no two blocks that can meet are alike.
#[expect(clippy::cast_possible_truncation, reason = "any eight bits will do")]
pub(crate) const fn octet(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8 ^ offset as u8
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data { block, len, .. } => write!(f, "DATA {block} ({len})"),
            Self::Ack { block } => write!(f, "ACK {block}"),
            Self::Other(octets) => f.write_str(name(octets)),
        }
    }
}

impl fmt::Debug for Datagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.wire)
    }
}

/// What kind of packet it is.
pub(crate) const fn name(octets: &[u8]) -> &'static str {
    match octets {
        [0, 1, ..] => "RRQ",
        [0, 2, ..] => "WRQ",
        [0, 3, ..] => "DATA",
        [0, 4, ..] => "ACK",
        [0, 6, ..] => "OACK",
        _ => "ERROR",
    }
}

/// The client's port: 50000, or 50001 for its second request.
pub(crate) fn client_address(attempt: u8) -> SocketAddr {
    ([10, 0, 0, 2], 50_000 + u16::from(attempt)).into()
}

/// Where requests go.
pub(crate) fn request_address() -> SocketAddr {
    ([10, 0, 0, 1], 69).into()
}

/// The port that a server with a port for each transfer gives to the one here.
pub(crate) fn transfer_address() -> SocketAddr {
    ([10, 0, 0, 1], 49_152).into()
}
