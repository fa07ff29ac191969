//! A request that a server has not decided on yet.

use core::net::SocketAddr;

use crate::{
    ErrorCode, Ignored, Request, Transmit,
    wire::{self, Frame, tsize},
};

/// Which way the file of a request goes, as the client sees it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "RFC 1350 has two requests")]
pub enum Direction {
    /// RRQ: the server sends.
    Read,
    /// WRQ: the server receives.
    Write,
}

/// A well-formed request that has arrived at a server.
///
/// It can be accepted ([`Sender::accept`](crate::Sender::accept),
/// [`Receiver::accept`](crate::Receiver::accept)), refused, or ignored by dropping it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Incoming<'b> {
    from: SocketAddr,
    direction: Direction,
    request: Request<'b>,
    fingerprint: u32,
}

/// Why a datagram at the request port is not a request, and what its sender is to be told.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal {
    reason: Ignored,
    /// Whom to answer.
    pub(crate) answer: Option<SocketAddr>,
}

impl Refusal {
    /// What is wrong with the datagram.
    #[must_use]
    pub const fn reason(&self) -> Ignored {
        self.reason
    }

    /// ERROR 4 for a request that is malformed. Nothing else is ever answered at the request port, or
    /// two servers could be set to answer each other for ever.
    #[must_use]
    pub fn reply(&self) -> Option<Transmit<'static>> {
        let to = self.answer?;
        Some(Transmit::error(to, ErrorCode::ILLEGAL_OPERATION))
    }
}

impl<'b> Incoming<'b> {
    /// Reads a datagram that arrived at the request port.
    ///
    /// # Errors
    /// If it is not a well-formed request.
    pub fn decode(from: SocketAddr, datagram: &'b [u8]) -> Result<Self, Refusal> {
        Self::read(from, datagram, false)
    }

    /// As [`Self::decode`], but the end of the datagram may stand in for the last zero octet.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_lenient(from: SocketAddr, datagram: &'b [u8]) -> Result<Self, Refusal> {
        Self::read(from, datagram, true)
    }

    #[inline(never)]
    fn read(from: SocketAddr, datagram: &'b [u8], lenient: bool) -> Result<Self, Refusal> {
        let refusal = |reason, answer| Err(Refusal { reason, answer });
        let frame = match Frame::decode(datagram) {
            Ok(frame) => frame,
            Err(error) => return refusal(Ignored::Malformed(error), None),
        };
        let direction = match frame.opcode {
            wire::RRQ => Direction::Read,
            wire::WRQ => Direction::Write,
            _ => return refusal(Ignored::Unexpected, None),
        };
        match Request::decode(frame.body, lenient) {
            Ok(request) => Ok(Self {
                from,
                direction,
                request,
                fingerprint: fnv1a(datagram),
            }),
            Err(error) => refusal(Ignored::Malformed(error), Some(from)),
        }
    }

    /// The client's address and port: its end of the transfer.
    #[must_use]
    pub const fn from(&self) -> SocketAddr {
        self.from
    }

    /// Whether the client reads or writes.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// File name, mode and options.
    #[must_use]
    pub const fn request(&self) -> Request<'b> {
        self.request
    }

    /// The size that a write request announces (RFC 2349). 0 may mean that it is not known.
    #[must_use]
    pub fn tsize(&self) -> Option<u64> {
        tsize(self.request.options())
    }

    /// The ERROR that says no. No state is kept for it.
    pub const fn refuse(&self, code: ErrorCode) -> Transmit<'static> {
        Transmit::error(self.from, code)
    }

    /// A number that is equal for a repeat of the same request, and hardly ever for another one.
    #[must_use]
    pub const fn fingerprint(&self) -> u32 {
        self.fingerprint
    }
}

/// 32-bit FNV-1a.
fn fnv1a(octets: &[u8]) -> u32 {
    octets.iter().fold(0x811c_9dc5, |hash: u32, octet| {
        (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193)
    })
}
