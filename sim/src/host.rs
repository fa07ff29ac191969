//! A server's host, with a port for each transfer.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, VecDeque};

use tftp_proto::{Config, Direction, ErrorCode, Incoming, Instant};

use crate::{
    Action, Datagram, File, Node, Rule, Served, Sink, Transfer, Turn, served::Order,
    transfer::wire_form,
};

/// The port of requests (RFC 1350 section 4).
pub(crate) const REQUEST_PORT: u16 = 69;
/// The port of the first transfer; each one takes the next.
const FIRST_PORT: u16 = 49_152;

/// A server that gives each transfer a port of its own, as RFC 1350 has it, and has no limit on their
/// number. Files that are written are kept, or compared with the file of that name if there is one.
#[derive(Clone, Debug)]
pub struct Host {
    ip: IpAddr,
    limits: Config,
    files: BTreeMap<Vec<u8>, File>,
    replies: VecDeque<Datagram>,
    sessions: Vec<Session>,
    turn: usize,
}

#[derive(Clone, Debug)]
struct Session {
    order: Order,
    local: SocketAddr,
    fingerprint: u32,
    transfer: Transfer<'static>,
    /// Its client has begun another.
    replaced: bool,
}

impl Session {
    const fn is_live(&self) -> bool {
        !self.replaced && !self.transfer.is_over()
    }
}

impl Host {
    /// A server at `ip` without files, whose transfers have these limits.
    #[must_use]
    pub const fn new(ip: IpAddr, limits: Config) -> Self {
        Self {
            ip,
            limits,
            files: BTreeMap::new(),
            replies: VecDeque::new(),
            sessions: Vec::new(),
            turn: 0,
        }
    }

    /// Adds a file: it can be read, and what is written under its name has to be equal to it.
    #[must_use]
    pub fn offering(mut self, name: &str, file: File) -> Self {
        self.files.insert(name.as_bytes().to_vec(), file);
        self
    }

    /// Where requests go.
    #[must_use]
    pub const fn request_address(&self) -> SocketAddr {
        SocketAddr::new(self.ip, REQUEST_PORT)
    }

    /// All transfers so far, in the order of their requests.
    pub fn served(&self) -> impl Iterator<Item = Served> {
        self.sessions.iter().map(|session| {
            let transfer = &session.transfer;
            session
                .order
                .served(transfer.ended(), transfer.sent(), transfer.sink())
        })
    }

    fn on_request(&mut self, now: Instant, request: &Datagram) -> Result<(), Rule> {
        let incoming = match Incoming::decode(request.from, &request.payload) {
            Ok(incoming) => incoming,
            Err(refusal) => {
                if let Some(reply) = refusal.reply() {
                    self.replies.push_back(wire_form(request.to, &reply)?);
                }
                return Ok(());
            }
        };
        let live = self
            .sessions
            .iter_mut()
            .find(|session| session.order.client == request.from && session.is_live());
        if let Some(session) = live {
            if session.fingerprint == incoming.fingerprint() {
                return Ok(());
            }
            session.replaced = true;
        }
        let file = self.files.get(incoming.request().filename()).cloned();
        let transfer = match (incoming.direction(), file) {
            (Direction::Read, None) => {
                let reply = incoming.refuse(ErrorCode::FILE_NOT_FOUND);
                self.replies.push_back(wire_form(request.to, &reply)?);
                return Ok(());
            }
            (Direction::Read, Some(file)) => {
                Transfer::accept_read(now, &incoming, file, self.limits)
            }
            (Direction::Write, file) => {
                let sink = file.map_or_else(Sink::keeping, Sink::expecting);
                Transfer::accept_write(now, &incoming, sink, self.limits)
            }
        };
        let ports = u16::try_from(self.sessions.len()).unwrap_or(0);
        self.sessions.push(Session {
            order: Order::of(&incoming),
            local: SocketAddr::new(self.ip, FIRST_PORT.wrapping_add(ports)),
            fingerprint: incoming.fingerprint(),
            transfer,
            replaced: false,
        });
        Ok(())
    }
}

impl Node for Host {
    fn address(&self) -> IpAddr {
        self.ip
    }

    fn handle(&mut self, now: Instant, datagram: &Datagram) -> Result<(), Rule> {
        if datagram.to.port() == REQUEST_PORT {
            return self.on_request(now, datagram);
        }
        let session = self
            .sessions
            .iter_mut()
            .find(|session| session.local == datagram.to && session.is_live());
        let Some(session) = session else {
            return Ok(());
        };
        let reply = session
            .transfer
            .handle(now, datagram.from, &datagram.payload)?;
        if let Some(reply) = reply {
            self.replies.push_back(wire_form(session.local, &reply)?);
        }
        Ok(())
    }

    fn poll(&mut self, now: Instant) -> Result<Action, Rule> {
        if let Some(reply) = self.replies.pop_front() {
            return Ok(Action::Send(reply));
        }
        // One datagram a transfer, in turn.
        let count = self.sessions.len();
        let (first, second) = self.sessions.split_at_mut(self.turn.min(count));
        let sessions = second.iter_mut().chain(first).enumerate();
        let mut earliest = None;
        for (place, session) in sessions.filter(|(_, session)| session.is_live()) {
            match session.transfer.poll(now)? {
                Turn::Send(to, payload) => {
                    let from = session.local;
                    self.turn = (self.turn + place + 1) % count;
                    return Ok(Action::Send(Datagram { from, to, payload }));
                }
                Turn::Wait(at) => earliest = Some(earliest.map_or(at, |other| at.min(other))),
                Turn::Done(_) => {}
            }
        }
        Ok(earliest.map_or(Action::Idle, Action::Wait))
    }
}
