//! What is told of each transfer, and of what did not become one.

use core::{net::SocketAddr, time::Duration};

use tftp_proto::{Direction, ErrorCode, Mode, Negotiated, Text, TransferError};

use crate::ContentError;

/// How one request went, told when it is over.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Report<'a> {
    /// The client.
    pub peer: SocketAddr,
    /// The address and port that it asked.
    pub local: SocketAddr,
    /// Whether it read or wrote.
    pub direction: Direction,
    /// The name that it asked for. `Display` escapes it.
    pub name: Text<'a>,
    /// How the file was transferred.
    pub mode: Mode,
    /// Octets of the file, as they are on the wire, that were acknowledged.
    pub bytes: u64,
    /// Blocks likewise.
    pub blocks: u64,
    /// Packets that were sent more than once.
    pub retransmissions: u32,
    /// Datagrams that were of no use: strays, duplicates, noise.
    pub ignored: u32,
    /// What the ends settled on; `None` if the request was refused.
    pub negotiated: Option<Negotiated>,
    /// From the request to the end.
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome<'a>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The whole file has arrived; if it was written, it is stored.
    Complete,
    /// The client asked for the options only, as firmware does to learn the size. This is normal.
    Declined(ErrorCode),
    /// All was sent, but the last acknowledgement did not arrive. Some clients never send it.
    Unconfirmed,
    /// The request was answered with an ERROR.
    Refused(&'a ContentError),
    /// The transfer broke off.
    Failed {
        /// Why, as the protocol sees it.
        error: TransferError,
        /// What went wrong with the file, if that was it.
        cause: Option<&'a ContentError>,
        /// What the client said, if it gave up. `Display` escapes it.
        message: Text<'a>,
    },
    /// The client started something else from the same port.
    Replaced,
    /// It was half open and made room for another.
    Evicted,
    /// It stayed half open for too long: nobody acknowledged the answer.
    Unanswered,
    /// The client was slower than is put up with.
    TooSlow,
    /// The server was stopped.
    Stopped,
}

/// Why a datagram got no transfer, and mostly no answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum TurnedAway {
    /// It was sent to a broadcast or multicast address (RFC 1123 section 4.2.3.5).
    Broadcast,
    /// It came from a port below the lowest that clients may use.
    LowPort,
    /// It is no request, nor of a transfer that is known.
    NotARequest,
    /// It is a request with a fault. ERROR 4 was sent, unless there were too many.
    Malformed,
    /// There are too many transfers.
    Busy,
    /// The client has too many transfers.
    ClientBusy,
    /// The client has asked for too many files that are missing.
    TooManyMisses,
    /// No port is free for the transfer.
    NoPort,
    /// The system has no more handles for files and sockets. On Unix `ulimit -n` bounds them; a transfer
    /// takes one, or none if all use one port, and each file that is being sent takes one.
    NoHandle,
    /// The server is shutting down.
    ShuttingDown,
}

/// Is told what happens. It is called on the threads of the event loops, by one at a time, so it should be
/// quick. Its panics are not caught: they end [`Server::run`](crate::Server::run).
pub trait Observer: Send {
    /// A request is over and done with.
    fn finished(&mut self, report: &Report<'_>) {
        let _ = report;
    }

    /// A datagram from `peer` got no transfer.
    fn turned_away(&mut self, peer: SocketAddr, reason: TurnedAway) {
        let _ = (peer, reason);
    }
}

/// Looks away.
impl Observer for () {}
