//! What the server knows of a transfer besides the transfer.

use core::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use tftp_proto::{Direction, ErrorCode, Instant, Mode, Summary, Text, TransferError};

use super::{
    report::{Outcome, Report},
    timers::SessionRef,
    transfer::{Machine, Transfer},
};

/// Why the server itself has ended a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Replaced,
    Evicted,
    Unanswered,
    TooSlow,
    Stopped,
}

/// A transfer with its place in the server.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) transfer: Transfer,
    pub(crate) peer: SocketAddr,
    /// The address and port that were asked.
    pub(crate) local: SocketAddr,
    /// Its own socket, unless it uses the listener's.
    pub(crate) socket: Option<UdpSocket>,
    /// The port that goes back to the pool.
    pub(crate) port: Option<u16>,
    /// Whose request it was.
    pub(crate) listener: usize,
    /// The address to send from, if the socket has several.
    pub(crate) source: Option<IpAddr>,
    pub(crate) name: Box<[u8]>,
    pub(crate) mode: Mode,
    pub(crate) fingerprint: u32,
    pub(crate) serial: u64,
    pub(crate) started: Instant,
    /// How long it may stay half open.
    pub(crate) half_open_until: Instant,
    /// Until when it keeps its port after its transfer has failed.
    pub(crate) lingers_until: Instant,
    /// When it wants a turn, and when a timer will give it one.
    pub(crate) wake: Instant,
    pub(crate) armed: Instant,
    /// When its rate is looked at next, and how far it was the last time.
    pub(crate) rate_due: Instant,
    pub(crate) rate_bytes: u64,
    /// It is in the queue for a turn.
    pub(crate) queued: bool,
    /// Its socket may have something to read.
    pub(crate) readable: bool,
    /// Its socket is watched for room.
    pub(crate) awaits_room: bool,
    /// Its file is being stored; until that is done the machine is left alone.
    pub(crate) committing: bool,
    /// It was reported, and stays only to repeat its last ACK, or because it lingers.
    pub(crate) reported: bool,
    pub(crate) verdict: Option<Verdict>,
}

impl Session {
    pub(crate) const fn reference(&self, key: usize) -> SessionRef {
        SessionRef {
            key,
            serial: self.serial,
        }
    }

    /// Ends the transfer, whose client is told why.
    pub(crate) fn end(&mut self, verdict: Option<Verdict>) {
        self.verdict = verdict;
        self.transfer.farewell = match verdict {
            Some(Verdict::TooSlow) => Some("too slow"),
            Some(Verdict::Stopped) => Some("the server is shutting down"),
            Some(Verdict::Replaced | Verdict::Evicted | Verdict::Unanswered) | None => None,
        };
        self.transfer.machine.abort(ErrorCode::NOT_DEFINED);
    }

    const fn direction(&self) -> Direction {
        match self.transfer.machine {
            Machine::Sender(_) => Direction::Read,
            Machine::Receiver(_) => Direction::Write,
        }
    }

    /// The report of a session that has ended with `result`, or because the server said so.
    pub(crate) fn report(
        &self,
        now: Instant,
        result: Result<Summary, TransferError>,
    ) -> Report<'_> {
        let summary = self.transfer.machine.summary();
        Report {
            peer: self.peer,
            local: self.local,
            direction: self.direction(),
            name: Text(&self.name),
            mode: self.mode,
            bytes: summary.bytes,
            blocks: summary.blocks,
            retransmissions: summary.retransmissions,
            ignored: summary.ignored,
            negotiated: Some(summary.negotiated),
            duration: now.saturating_since(self.started),
            outcome: self.outcome(result),
        }
    }

    fn outcome(&self, result: Result<Summary, TransferError>) -> Outcome<'_> {
        match (self.verdict, result) {
            (Some(Verdict::Replaced), _) => Outcome::Replaced,
            (Some(Verdict::Evicted), _) => Outcome::Evicted,
            (Some(Verdict::Unanswered), _) => Outcome::Unanswered,
            (Some(Verdict::TooSlow), _) => Outcome::TooSlow,
            (Some(Verdict::Stopped), _) => Outcome::Stopped,
            (None, Ok(_)) => Outcome::Complete,
            (None, Err(TransferError::Declined(code))) => Outcome::Declined(code),
            (None, Err(TransferError::TimedOut | TransferError::Unconfirmed))
                if !self.transfer.proven =>
            {
                Outcome::Unanswered
            }
            (None, Err(TransferError::Unconfirmed)) => Outcome::Unconfirmed,
            (None, Err(error)) => Outcome::Failed {
                error,
                cause: self.transfer.cause.as_ref(),
                message: Text(&self.transfer.message),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_takes_less_than_a_kilobyte() {
        assert!(size_of::<Session>() < 1024, "{}", size_of::<Session>());
    }
}
