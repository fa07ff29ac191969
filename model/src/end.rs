//! The two ends: the shipped machines, as the programs around them drive them.

use core::net::SocketAddr;

use tftp_proto::{
    Config, Direction, ErrorCode, Event, Incoming, Instant, Length, Output, Receiver, Request,
    Sender, Server, ServerEvent, ServerOutput, SessionId, TransferError, Transmit,
};

use crate::{
    Fault, Sabotage, Setup, Way,
    canon::{self, View},
    ledger::{Cause, Ledger, is_mistaken},
    setup::Answer,
    wire::{Datagram, NAME, Wire, client_address, request_address, transfer_address},
};

/// One end with its clock. The clocks are not in step: a datagram may be under way for any time.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) host: Host,
    pub(crate) now: Instant,
    /// A stranger has had its ERROR.
    scolded: bool,
    /// Of all that matters, to compare states; nothing while it may have changed.
    digest: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) enum Host {
    /// A client, and how often it asked without an answer that it could use.
    Client(Machine, Ledger, u8),
    /// A server with a port for each transfer, before and after the request.
    Port(Option<(Machine, Ledger)>),
    /// A server with one port, and all transfers that it had.
    Table(Box<Server<2>>, Vec<(SessionId, Ledger)>),
}

#[derive(Clone, Debug)]
pub(crate) enum Machine {
    Receiver(Receiver<'static>),
    Sender(Sender<'static>),
}

macro_rules! either {
    ($machine:expr, $inner:ident => $call:expr) => {
        match $machine {
            Machine::Receiver($inner) => $call,
            Machine::Sender($inner) => $call,
        }
    };
}

impl End {
    pub(crate) fn client(setup: &Setup, now: Instant) -> Self {
        // The name is valid: it is neither empty nor long.
        let host = match request(setup, now, setup.client) {
            Some(machine) => Host::Client(machine, Ledger::default(), 0),
            None => Host::Port(None),
        };
        Self::new(host, now)
    }

    pub(crate) fn server(setup: &Setup, now: Instant) -> Self {
        let host = if setup.table {
            Host::Table(Box::new(Server::new(setup.server)), Vec::new())
        } else {
            Host::Port(None)
        };
        Self::new(host, now)
    }

    const fn new(host: Host, now: Instant) -> Self {
        Self {
            host,
            now,
            scolded: false,
            digest: None,
        }
    }

    /// Hands over a datagram from the peer. What is answered at once and by no machine comes back.
    pub(crate) fn handle(
        &mut self,
        setup: &Setup,
        datagram: &Datagram,
    ) -> Result<Option<Datagram>, Fault> {
        let wire = &datagram.wire;
        let octets = wire.octets(setup.sabotage);
        let now = self.now;
        match &mut self.host {
            Host::Port(session) if wire.is_request() => {
                let from = client_address(datagram.attempt);
                let incoming = Incoming::decode(from, &octets).map_err(|_| Fault::Broken)?;
                if setup.refuses(&incoming) {
                    let reply = incoming.refuse(ErrorCode::OPTION_NEGOTIATION);
                    return self.pack(setup, &reply).map(Some);
                }
                // A copy of the request changes nothing: there is one client only.
                if session.is_none() {
                    *session = Some((accept(now, &incoming, setup), Ledger::default()));
                }
                Ok(None)
            }
            // Its port does not exist yet.
            Host::Port(None) => Ok(None),
            Host::Client(_, _, attempt) if *attempt != datagram.attempt => Ok(None),
            Host::Client(machine, ledger, _) | Host::Port(Some((machine, ledger))) => {
                let from = match setup.side_is_client(machine) {
                    true => setup.server_address(),
                    false => client_address(datagram.attempt),
                };
                let event = either!(machine, machine => machine.handle(now, from, &octets));
                if is_mistaken(&event, wire, setup)
                    && let Some(at) = either!(machine, machine => machine.poll_at())
                {
                    self.now = at.max(now);
                }
                ledger.event(event, setup)?;
                Ok(None)
            }
            Host::Table(server, sessions) => {
                let from = client_address(datagram.attempt);
                match server.handle(now, from, &octets) {
                    ServerEvent::Request(incoming) if setup.refuses(&incoming) => {
                        server.refuse(&incoming, ErrorCode::OPTION_NEGOTIATION);
                    }
                    ServerEvent::Request(incoming) => {
                        let accepted = match incoming.direction() {
                            Direction::Read => server.accept_read(now, &incoming, setup.length()),
                            Direction::Write => server.accept_write(now, &incoming),
                        };
                        let id = accepted.map_err(|_| Fault::Broken)?;
                        sessions.push((id, Ledger::default()));
                    }
                    ServerEvent::Transfer(id, event) => find(sessions, id)?.event(event, setup)?,
                    ServerEvent::Ignored(_) => {}
                }
                Ok(None)
            }
        }
    }

    /// What the end sends next; `None` when it waits or is done.
    pub(crate) fn poll(&mut self, setup: &Setup, cause: Cause) -> Result<Option<Datagram>, Fault> {
        loop {
            let now = self.now;
            let (transmit, ledger) = match &mut self.host {
                Host::Port(None) => return Ok(None),
                Host::Client(machine, ledger, _) | Host::Port(Some((machine, ledger))) => {
                    match either!(machine, machine => machine.poll(now)) {
                        Output::Transmit(transmit) if overruns(&transmit, setup) => {
                            machine.ends_at(setup.len);
                            continue;
                        }
                        Output::Transmit(transmit) => (transmit, ledger),
                        Output::Wait(at) if setup.wakes_at(at, now) <= now => {
                            return Err(Fault::Broken);
                        }
                        Output::Wait(_) => return Ok(None),
                        Output::Done(Err(_)) if machine.may_ask_again(setup) => {
                            self.ask_again(setup)?;
                            continue;
                        }
                        Output::Done(result) => return ledger.end(result, setup).map(|()| None),
                    }
                }
                Host::Table(server, sessions) => match server.poll(now) {
                    ServerOutput::Transmit(id, transmit) if overruns(&transmit, setup) => {
                        server.ends_at(id, setup.len);
                        continue;
                    }
                    ServerOutput::Transmit(id, transmit) => (transmit, find(sessions, id)?),
                    ServerOutput::Refuse(transmit) => {
                        return self.pack(setup, &transmit).map(Some);
                    }
                    ServerOutput::Done(id, result) => {
                        find(sessions, id)?.end(result, setup)?;
                        continue;
                    }
                    ServerOutput::Wait(Some(at)) if setup.wakes_at(at, now) <= now => {
                        return Err(Fault::Broken);
                    }
                    ServerOutput::Wait(_) => return Ok(None),
                },
            };
            ledger.transmit(transmit.span(), setup, cause)?;
            if setup.sabotage == Some(Sabotage::Doubling) {
                ledger.transmit(transmit.span(), setup, cause)?;
            }
            return self.pack(setup, &transmit).map(Some);
        }
    }

    /// A client that was refused for its options asks without them, from a new port.
    fn ask_again(&mut self, setup: &Setup) -> Result<(), Fault> {
        let mut plain = setup.client;
        plain.options = false;
        match (&self.host, request(setup, self.now, plain)) {
            (Host::Client(_, _, 0), Some(machine)) => {
                self.host = Host::Client(machine, Ledger::default(), 1);
                self.scolded = false;
                Ok(())
            }
            _ => Err(Fault::Broken),
        }
    }

    /// The datagram on its way; it must go to the peer and to nobody else.
    fn pack(&self, setup: &Setup, transmit: &Transmit<'_>) -> Result<Datagram, Fault> {
        let wire = Wire::of(transmit)?;
        let attempt = match &self.host {
            Host::Client(_, _, attempt) => {
                let server = match wire.is_request() {
                    true => request_address(),
                    false => setup.server_address(),
                };
                (transmit.to == server).then_some(*attempt)
            }
            _ => (0..2).find(|attempt| transmit.to == client_address(*attempt)),
        };
        let attempt = attempt.ok_or(Fault::Broken)?;
        Ok(Datagram { wire, attempt })
    }

    /// When the timer fires; `None` if there is nothing to wait for.
    pub(crate) fn deadline(&self, setup: &Setup) -> Option<Instant> {
        let at = match &self.host {
            Host::Port(None) => None,
            Host::Client(machine, ..) | Host::Port(Some((machine, _))) => {
                either!(machine, machine => machine.poll_at())
            }
            Host::Table(server, _) => server.poll_at(),
        };
        at.filter(|at| setup.sabotage != Some(Sabotage::NoTimer) || *at <= self.now)
    }

    /// Hands over a datagram that is not the peer's, which must change nothing.
    pub(crate) fn handle_stray(
        &mut self,
        setup: &Setup,
        from: SocketAddr,
        octets: &[u8],
    ) -> Result<(), Fault> {
        let now = self.now;
        let before = self.compute(setup, false);
        let reply = match &mut self.host {
            Host::Port(None) => None,
            Host::Client(machine, ..) | Host::Port(Some((machine, _))) => {
                let from = match setup.sabotage {
                    Some(Sabotage::Gullible) => either!(machine, machine => machine.peer()),
                    _ => from,
                };
                match either!(machine, machine => machine.handle(now, from, octets)) {
                    Event::Stray(reply) => reply,
                    _ => return Err(Fault::Stranger),
                }
            }
            Host::Table(server, _) => match server.handle(now, from, octets) {
                ServerEvent::Request(incoming) => {
                    server.refuse(&incoming, ErrorCode::ACCESS_VIOLATION);
                    match server.poll(now) {
                        ServerOutput::Refuse(reply) if reply.to == from => None,
                        _ => return Err(Fault::Stranger),
                    }
                }
                ServerEvent::Ignored(_) => None,
                ServerEvent::Transfer(..) => return Err(Fault::Stranger),
            },
        };
        let wrong = reply.is_some_and(|reply| self.scolded || reply.to != from);
        self.scolded |= reply.is_some();
        if wrong || before != self.compute(setup, false) {
            return Err(Fault::Stranger);
        }
        Ok(())
    }

    fn compute(&self, setup: &Setup, scolded: bool) -> u64 {
        let view = View {
            adaptive: setup.adaptive,
            scolded,
        };
        match &self.host {
            Host::Port(None) => 0,
            Host::Client(machine, ..) | Host::Port(Some((machine, _))) => {
                either!(machine, machine => canon::digest(machine, self.now, view))
            }
            Host::Table(server, _) => canon::digest(server, self.now, view),
        }
    }

    /// Takes note of what the state is now, for [`Self::hash`].
    pub(crate) fn seal(&mut self, setup: &Setup) {
        self.digest = Some(self.compute(setup, true));
    }

    pub(crate) const fn unseal(&mut self) {
        self.digest = None;
    }

    pub(crate) const fn is_sealed(&self) -> bool {
        self.digest.is_some()
    }

    pub(crate) fn hash(&self, hasher: &mut impl core::hash::Hasher) {
        use core::hash::Hash as _;
        self.digest.hash(hasher);
        match &self.host {
            Host::Port(None) => {}
            Host::Port(Some((_, ledger))) => ledger.hash(hasher),
            Host::Client(_, ledger, attempt) => (ledger, attempt).hash(hasher),
            Host::Table(_, sessions) => sessions.hash(hasher),
        }
        self.scolded.hash(hasher);
    }

    /// The accounts, in the order of the requests: the first is the transfer's, the others those of late copies
    /// of the request.
    pub(crate) fn ledgers(&self) -> impl Iterator<Item = &Ledger> {
        let (one, many) = match &self.host {
            Host::Port(None) => (None, &[][..]),
            Host::Client(_, ledger, _) | Host::Port(Some((_, ledger))) => (Some(ledger), &[][..]),
            Host::Table(_, sessions) => (None, sessions.as_slice()),
        };
        one.into_iter().chain(many.iter().map(|(_, ledger)| ledger))
    }

    /// How the transfer ended, if it has.
    pub(crate) fn result(&self) -> Option<Result<(), TransferError>> {
        self.ledgers().next().and_then(|ledger| ledger.result)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.result().is_some()
    }

    /// Whether this end takes the file and has reported it complete.
    pub(crate) fn reports_complete(&self) -> bool {
        match &self.host {
            Host::Client(Machine::Receiver(receiver), ..)
            | Host::Port(Some((Machine::Receiver(receiver), _))) => receiver.is_complete(),
            _ => false,
        }
    }

    /// Whether it has nothing more to do.
    pub(crate) fn is_idle(&self) -> bool {
        match &self.host {
            Host::Port(None) => true,
            Host::Client(machine, ..) | Host::Port(Some((machine, _))) => {
                either!(machine, machine => machine.poll_at()).is_none()
            }
            Host::Table(server, _) => server.poll_at().is_none(),
        }
    }

    /// Whether the peer's port is known, so that another of its ports is a stranger's.
    pub(crate) fn is_locked(&self) -> bool {
        match &self.host {
            Host::Client(machine, ..) => {
                either!(machine, machine => machine.peer() != request_address())
            }
            Host::Port(session) => session.is_some(),
            Host::Table(_, sessions) => !sessions.is_empty(),
        }
    }

    /// Blocks that are acknowledged or kept.
    pub(crate) fn blocks(&self, setup: &Setup) -> u64 {
        match &self.host {
            Host::Client(machine, ..) | Host::Port(Some((machine, _))) => {
                either!(machine, machine => machine.summary().blocks)
            }
            // The client tells of both.
            Host::Table(..) => setup.behind,
            Host::Port(None) => 0,
        }
    }
}

fn request(setup: &Setup, now: Instant, config: Config) -> Option<Machine> {
    let request = Request::octet(NAME).ok()?;
    let server = request_address();
    Some(match setup.way {
        Way::Get => Machine::Receiver(Receiver::request(now, server, request, config)),
        Way::Put => Machine::Sender(Sender::request(
            now,
            server,
            request,
            setup.length(),
            config,
        )),
    })
}

fn accept(now: Instant, incoming: &Incoming<'_>, setup: &Setup) -> Machine {
    match incoming.direction() {
        Direction::Read => {
            Machine::Sender(Sender::accept(now, incoming, setup.length(), setup.server))
        }
        Direction::Write => Machine::Receiver(Receiver::accept(now, incoming, setup.server)),
    }
}

fn find(sessions: &mut [(SessionId, Ledger)], id: SessionId) -> Result<&mut Ledger, Fault> {
    let session = sessions.iter_mut().find(|(known, _)| *known == id);
    session.map(|(_, ledger)| ledger).ok_or(Fault::Broken)
}

/// Whether a source of unknown length has fewer octets than this block wants.
fn overruns(transmit: &Transmit<'_>, setup: &Setup) -> bool {
    let end = transmit.span().map(|span| span.offset + span.len as u64);
    setup.unknown && end > Some(setup.len)
}

impl Machine {
    fn may_ask_again(&self, setup: &Setup) -> bool {
        let may = either!(self, machine => machine.retry_without_options());
        may && setup.answer == Answer::Refuse
    }

    fn ends_at(&mut self, length: u64) {
        if let Self::Sender(sender) = self {
            sender.ends_at(length);
        }
    }
}

impl Setup {
    /// Where the server is once a transfer has begun.
    pub(crate) fn server_address(&self) -> SocketAddr {
        if self.table {
            request_address()
        } else {
            transfer_address()
        }
    }

    /// What the sender is told of the length.
    fn length(&self) -> Length {
        if self.unknown {
            Length::Unknown
        } else {
            Length::Known(self.len)
        }
    }

    /// Whether the server wants no options.
    fn refuses(&self, incoming: &Incoming<'_>) -> bool {
        self.answer == Answer::Refuse && incoming.request().options().iter().next().is_some()
    }

    fn side_is_client(&self, machine: &Machine) -> bool {
        matches!(machine, Machine::Receiver(_)) == (self.way == Way::Get)
    }

    fn wakes_at(&self, at: Instant, now: Instant) -> Instant {
        match self.sabotage {
            Some(Sabotage::Restless) => now,
            _ => at,
        }
    }
}
