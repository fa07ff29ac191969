//! A device that serves: one port, a table of fixed size.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, VecDeque};

use tftp_proto::{
    Config, Direction, ErrorCode, Event, Incoming, Instant, Server, ServerEvent, ServerOutput,
    SessionId,
};

use crate::{
    Action, Datagram, File, Node, Rule, Served, Sink,
    host::REQUEST_PORT,
    ledger::{Encoded, Ledger},
    served::Order,
    transfer::wire_form,
};

/// A [`Server`] with its files. What is written is kept, or compared with the file of that name if
/// there is one. A request for which there is no room gets ERROR 0.
#[derive(Clone, Debug)]
pub struct Device<const N: usize> {
    local: SocketAddr,
    limits: Config,
    server: Server<N>,
    files: BTreeMap<Vec<u8>, File>,
    replies: VecDeque<Datagram>,
    sessions: Vec<Session>,
}

#[derive(Clone, Debug)]
struct Session {
    id: SessionId,
    order: Order,
    ledger: Ledger,
}

impl<const N: usize> Device<N> {
    /// A device at `ip` without files, whose transfers have these limits.
    #[must_use]
    pub const fn new(ip: IpAddr, limits: Config) -> Self {
        Self {
            local: SocketAddr::new(ip, REQUEST_PORT),
            limits,
            server: Server::new(limits),
            files: BTreeMap::new(),
            replies: VecDeque::new(),
            sessions: Vec::new(),
        }
    }

    /// Adds a file: it can be read, and what is written under its name has to be equal to it.
    #[must_use]
    pub fn offering(mut self, name: &str, file: File) -> Self {
        self.files.insert(name.as_bytes().to_vec(), file);
        self
    }

    /// Where requests go, and everything else.
    #[must_use]
    pub const fn request_address(&self) -> SocketAddr {
        self.local
    }

    /// The table itself.
    #[must_use]
    pub const fn server(&self) -> &Server<N> {
        &self.server
    }

    /// All transfers so far, in the order of their requests.
    pub fn served(&self) -> impl Iterator<Item = Served> {
        self.sessions.iter().map(|session| {
            let ledger = &session.ledger;
            session
                .order
                .served(ledger.ended(), ledger.sent(), ledger.sink())
        })
    }

    fn on_request(&mut self, now: Instant, incoming: &Incoming<'_>) {
        let file = self.files.get(incoming.request().filename()).cloned();
        let (accepted, ledger) = match (incoming.direction(), file) {
            (Direction::Read, None) => {
                self.server.refuse(incoming, ErrorCode::FILE_NOT_FOUND);
                return;
            }
            (Direction::Read, Some(file)) => (
                self.server.accept_read(now, incoming, file.length()),
                Ledger::sending(file),
            ),
            (Direction::Write, file) => (
                self.server.accept_write(now, incoming),
                Ledger::receiving(file.map_or_else(Sink::keeping, Sink::expecting)),
            ),
        };
        match accepted {
            Ok(id) => self.sessions.push(Session {
                id,
                order: Order::of(incoming),
                ledger,
            }),
            Err(_) => self.server.refuse(incoming, ErrorCode::NOT_DEFINED),
        }
    }
}

/// # Errors
/// If the server names a transfer that it was not given.
fn find(sessions: &mut [Session], id: SessionId) -> Result<&mut Ledger, Rule> {
    let session = sessions.iter_mut().find(|session| session.id == id);
    session
        .map(|session| &mut session.ledger)
        .ok_or(Rule::Result)
}

impl<const N: usize> Node for Device<N> {
    fn address(&self) -> IpAddr {
        self.local.ip()
    }

    fn handle(&mut self, now: Instant, datagram: &Datagram) -> Result<(), Rule> {
        if datagram.to != self.local {
            return Ok(());
        }
        let before = self.server.poll_at();
        match self.server.handle(now, datagram.from, &datagram.payload) {
            ServerEvent::Request(incoming) => self.on_request(now, &incoming),
            ServerEvent::Transfer(id, event) => {
                find(&mut self.sessions, id)?.event(&event)?;
                if let Event::Stray(reply) = event {
                    if before != self.server.poll_at() {
                        return Err(Rule::Stray);
                    }
                    let reply = reply.map(|reply| wire_form(self.local, &reply));
                    self.replies.extend(reply.transpose()?);
                }
            }
            ServerEvent::Ignored(_) => {}
        }
        if self.server.len() > N {
            return Err(Rule::Other("more transfers than the table has places"));
        }
        Ok(())
    }

    fn poll(&mut self, now: Instant) -> Result<Action, Rule> {
        if let Some(reply) = self.replies.pop_front() {
            return Ok(Action::Send(reply));
        }
        for session in &mut self.sessions {
            session.ledger.poll(now);
        }
        let from = self.local;
        loop {
            match self.server.poll(now) {
                ServerOutput::Transmit(id, transmit) => {
                    let ledger = find(&mut self.sessions, id)?;
                    match ledger.encode(&transmit, self.limits.windowsize)? {
                        Encoded::Octets(payload) => {
                            let to = transmit.to;
                            return Ok(Action::Send(Datagram { from, to, payload }));
                        }
                        Encoded::EndsAt(len) => self.server.ends_at(id, len),
                    }
                }
                ServerOutput::Refuse(transmit) => {
                    return Ok(Action::Send(wire_form(from, &transmit)?));
                }
                ServerOutput::Done(id, result) => find(&mut self.sessions, id)?.end(now, result)?,
                ServerOutput::Wait(Some(at)) => return Ok(Action::Wait(at)),
                ServerOutput::Wait(None) => return Ok(Action::Idle),
            }
        }
    }
}
