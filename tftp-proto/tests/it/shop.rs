//! A server in front of a few files, as a machine that scripts can be played against.

use core::net::SocketAddr;

use tftp_proto::{
    Config, Direction, ErrorCode, Event, Incoming, Instant, Length, Server, ServerEvent,
    ServerOutput, SessionId,
};

use crate::script::check;
use crate::support::{Heard, Machine, Want, limits};

/// A server with its files: `f` (600 octets), `big` (5000), `pipe` (of unknown length); uploads are
/// taken; `secret` may not be touched, `slow` gets no answer, and nothing else exists.
pub(crate) struct Shop<const N: usize> {
    pub(crate) server: Server<N>,
    pub(crate) last: Option<SessionId>,
}

impl<const N: usize> Shop<N> {
    pub(crate) fn new(limits: Config) -> Self {
        Self {
            server: Server::new(limits),
            last: None,
        }
    }

    fn decide(&mut self, now: Instant, incoming: &Incoming<'_>) -> Heard<'static> {
        let name = incoming.request().filename();
        let refusal = match name {
            b"slow" => return Heard::Request,
            b"secret" => Some(ErrorCode::ACCESS_VIOLATION),
            b"f" | b"big" | b"pipe" => None,
            _ if incoming.direction() == Direction::Write => None,
            _ => Some(ErrorCode::FILE_NOT_FOUND),
        };
        if let Some(code) = refusal {
            self.server.refuse(incoming, code);
            return Heard::Request;
        }
        let accepted = match incoming.direction() {
            Direction::Write => self.server.accept_write(now, incoming),
            Direction::Read => {
                let length = match name {
                    b"f" => Length::Known(600),
                    b"big" => Length::Known(5000),
                    _ => Length::Unknown,
                };
                self.server.accept_read(now, incoming, length)
            }
        };
        match accepted {
            Ok(id) => {
                self.last = Some(id);
                Heard::Request
            }
            Err(_) => Heard::Full,
        }
    }
}

impl<const N: usize> Machine for Shop<N> {
    const PEER: &'static str = "a";
    const ASKED: &'static str = "a";

    fn handle<'b>(&mut self, now: Instant, from: SocketAddr, datagram: &'b [u8]) -> Heard<'b> {
        match self.server.handle(now, from, datagram) {
            ServerEvent::Request(incoming) => self.decide(now, &incoming),
            ServerEvent::Transfer(_, event) => Heard::Event(event),
            ServerEvent::Ignored(why) => Heard::Event(Event::Ignored(why)),
        }
    }

    fn poll(&mut self, now: Instant) -> Want {
        match self.server.poll(now) {
            ServerOutput::Transmit(_, transmit) | ServerOutput::Refuse(transmit) => {
                Want::Send(transmit)
            }
            ServerOutput::Done(_, result) => Want::Done(result),
            ServerOutput::Wait(at) => Want::Wait(at),
        }
    }

    fn poll_at(&self) -> Option<Instant> {
        self.server.poll_at()
    }

    /// Of the transfer that was accepted last.
    fn abort(&mut self, code: ErrorCode) {
        self.server.abort(self.last.expect("a transfer"), code);
    }

    fn ends_at(&mut self, length: u64) {
        self.server.ends_at(self.last.expect("a transfer"), length);
    }

    fn ends(&self) -> bool {
        false
    }
}

/// Plays a script against a server of four, and says how many transfers are left.
#[track_caller]
pub(crate) fn play(script: &str) -> usize {
    check(Shop::<4>::new(limits()), script).server.len()
}
