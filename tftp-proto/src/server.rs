//! A server for devices: a fixed table of transfers on one port.

use core::net::SocketAddr;

use heapless::Vec;

use crate::{
    Config, ErrorCode, Event, Ignored, Incoming, Instant, Length, Output, Receiver, Sender,
    Summary, TransferError, Transmit, exchange::Exchange,
};

/// Names one transfer of a [`Server`], now and for ever after: numbers are not used again before
/// 2^32 others have been.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SessionId(u32);

/// There is no room for another transfer: the clients of all those in the table are at work.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "there is nothing else to say")]
pub struct ServerFull;

impl core::fmt::Display for ServerFull {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no room for another transfer")
    }
}

impl core::error::Error for ServerFull {}

/// What a datagram meant to a server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller must meet every case, and a new one must not compile"
)]
pub enum ServerEvent<'b> {
    /// A request: accept it, refuse it, or ignore it by doing nothing.
    Request(Incoming<'b>),
    /// An event of this transfer.
    Transfer(SessionId, Event<'b>),
    /// Nothing new, and no transfer's.
    Ignored(Ignored),
}

/// What a server wants done now.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller must meet every case, and a new one must not compile"
)]
pub enum ServerOutput {
    /// Send this datagram of this transfer, its gap filled from this transfer's file, then poll again.
    Transmit(SessionId, Transmit<'static>),
    /// Send this datagram, which is no transfer's, then poll again.
    Refuse(Transmit<'static>),
    /// This transfer is over, and its place is free. Then poll again.
    Done(SessionId, Result<Summary, TransferError>),
    /// Nothing to do before a datagram arrives or this moment, if there is one.
    Wait(Option<Instant>),
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Machine {
    Receiver(Receiver<'static>),
    Sender(Sender<'static>),
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Session {
    id: SessionId,
    /// Of the request, to tell a repeat of it from another one.
    fingerprint: u32,
    machine: Machine,
}

/// Up to `N` transfers on one port, told apart by the client's address and port.
///
/// The table is searched from end to end, which suits tens of transfers.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Server<const N: usize> {
    sessions: Vec<Session, N>,
    limits: Config,
    /// The session whose turn it is to send.
    turn: usize,
    last_id: u32,
    /// An ERROR to somebody without a session. One at a time: it is a courtesy.
    refusal: Option<(SocketAddr, ErrorCode)>,
    /// A transfer that had to make room, until its end is told.
    evicted: Option<(SessionId, Result<Summary, TransferError>)>,
}

impl<const N: usize> Server<N> {
    /// A server without transfers. `limits` are those of each transfer.
    #[must_use]
    pub const fn new(limits: Config) -> Self {
        Self {
            sessions: Vec::new(),
            limits,
            turn: 0,
            last_id: 0,
            refusal: None,
            evicted: None,
        }
    }

    /// Takes in a datagram that arrived at the server's port.
    #[inline(never)]
    pub fn handle<'b>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &'b [u8],
    ) -> ServerEvent<'b> {
        let request = Incoming::decode(from, datagram);
        let Some(session) = self
            .sessions
            .iter_mut()
            .find(|session| session.is_with(&from))
        else {
            return match request {
                Ok(incoming) => ServerEvent::Request(incoming),
                Err(refusal) => {
                    if let Some(to) = refusal.answer {
                        self.refusal = Some((to, ErrorCode::ILLEGAL_OPERATION));
                    }
                    ServerEvent::Ignored(refusal.reason())
                }
            };
        };
        match request {
            Ok(incoming) if session.takes_as_repeat(&incoming) => {
                ServerEvent::Ignored(Ignored::Duplicate)
            }
            Ok(incoming) => {
                session.machine.replace();
                ServerEvent::Request(incoming)
            }
            Err(_) => {
                ServerEvent::Transfer(session.id, session.machine.handle(now, from, datagram))
            }
        }
    }

    /// Accepts a read request: the file of `length` octets will be sent.
    ///
    /// # Errors
    /// If the table is full of clients at work. Otherwise a transfer that is complete and only dallies,
    /// or else the oldest whose client has not answered yet, makes room.
    #[inline(never)]
    pub fn accept_read(
        &mut self,
        now: Instant,
        incoming: &Incoming<'_>,
        length: Length,
    ) -> Result<SessionId, ServerFull> {
        let limits = self.next_limits();
        self.insert(
            incoming,
            Machine::Sender(Sender::accept(now, incoming, length, limits)),
        )
    }

    /// Accepts a write request: the file will arrive in [`Event::Block`]s.
    ///
    /// # Errors
    /// As [`Self::accept_read`].
    #[inline(never)]
    pub fn accept_write(
        &mut self,
        now: Instant,
        incoming: &Incoming<'_>,
    ) -> Result<SessionId, ServerFull> {
        let limits = self.next_limits();
        self.insert(
            incoming,
            Machine::Receiver(Receiver::accept(now, incoming, limits)),
        )
    }

    /// Each transfer has its own jitter.
    const fn next_limits(&mut self) -> Config {
        self.limits.seed = self.limits.seed.wrapping_mul(1_664_525);
        self.limits
    }

    fn insert(
        &mut self,
        incoming: &Incoming<'_>,
        machine: Machine,
    ) -> Result<SessionId, ServerFull> {
        if self.sessions.is_full() {
            self.evict()?;
        }
        self.last_id = self.last_id.wrapping_add(1);
        let id = SessionId(self.last_id);
        let session = Session {
            id,
            fingerprint: incoming.fingerprint(),
            machine,
        };
        self.sessions.push(session).map_err(|_| ServerFull)?;
        Ok(id)
    }

    /// Makes room: at the cost of one that only dallies, else of the oldest whose client has not
    /// answered, so that forged requests cannot keep others out. Sessions stand in the order of their
    /// requests.
    fn evict(&mut self) -> Result<(), ServerFull> {
        if self.evicted.is_some() {
            return Err(ServerFull);
        }
        let first = |spare: fn(&Machine) -> bool| {
            self.sessions.iter().find(|session| spare(&session.machine))
        };
        let (id, result) = if let Some(session) = first(Machine::is_complete) {
            (session.id, Ok(session.machine.summary()))
        } else {
            let session = first(Machine::is_unproven).ok_or(ServerFull)?;
            (session.id, Err(TransferError::Evicted))
        };
        self.evicted = Some((id, result));
        self.remove(id);
        Ok(())
    }

    fn remove(&mut self, id: SessionId) {
        self.sessions.retain(|session| session.id != id);
    }

    /// Refuses a request with an ERROR at the next poll. No state is kept for it.
    pub const fn refuse(&mut self, incoming: &Incoming<'_>, code: ErrorCode) {
        self.refusal = Some((incoming.from(), code));
    }

    /// Aborts a transfer, as [`Sender::abort`] and [`Receiver::abort`] do. One that is over is let be.
    pub fn abort(&mut self, id: SessionId, code: ErrorCode) {
        match self.machine(id) {
            Some(Machine::Receiver(receiver)) => receiver.abort(code),
            Some(Machine::Sender(sender)) => sender.abort(code),
            None => {}
        }
    }

    /// Tells the length of a file that is being sent, as [`Sender::ends_at`].
    pub fn ends_at(&mut self, id: SessionId, length: u64) {
        if let Some(Machine::Sender(sender)) = self.machine(id) {
            sender.ends_at(length);
        }
    }

    fn machine(&mut self, id: SessionId) -> Option<&mut Machine> {
        let session = self.sessions.iter_mut().find(|session| session.id == id)?;
        Some(&mut session.machine)
    }

    /// What to do now: one datagram a session, in turn.
    #[inline(never)]
    pub fn poll(&mut self, now: Instant) -> ServerOutput {
        if let Some((to, code)) = self.refusal.take() {
            return ServerOutput::Refuse(Transmit::error(to, code));
        }
        if let Some((id, result)) = self.evicted.take() {
            return ServerOutput::Done(id, result);
        }
        let mut earliest = None;
        for _ in 0..self.sessions.len() {
            if self.turn >= self.sessions.len() {
                self.turn = 0;
            }
            let Some(session) = self.sessions.get_mut(self.turn) else {
                break;
            };
            let id = session.id;
            match session.machine.poll(now) {
                Output::Transmit(transmit) => {
                    self.turn = self.turn.wrapping_add(1);
                    return ServerOutput::Transmit(id, transmit);
                }
                Output::Done(result) => {
                    self.remove(id);
                    return ServerOutput::Done(id, result);
                }
                Output::Wait(at) => {
                    earliest = Some(earliest.map_or(at, |other| at.min(other)));
                    self.turn = self.turn.wrapping_add(1);
                }
            }
        }
        ServerOutput::Wait(earliest)
    }

    /// A transfer that is over and has nothing left to say, out of turn: otherwise a later poll tells of it.
    ///
    /// A new request may have ended another transfer, which may be of the same file. Who makes room for
    /// a file asks this first, as often as there is one, so that the ends come before the beginning.
    pub fn ended(&mut self) -> Option<(SessionId, Result<Summary, TransferError>)> {
        if self.evicted.is_some() {
            return self.evicted.take();
        }
        let mut over = self.sessions.iter_mut();
        let session = over.find(|session| session.machine.poll_at().is_none())?;
        let id = session.id;
        // It is over at any time.
        let Output::Done(result) = session.machine.poll(Instant::ZERO) else {
            return None;
        };
        self.remove(id);
        Some((id, result))
    }

    /// When [`Self::poll`] wants to be called next; `None` without transfers.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        if self.refusal.is_some() || self.evicted.is_some() {
            return Some(Instant::ZERO);
        }
        let polls = self
            .sessions
            .iter()
            .map(|session| session.machine.poll_at());
        // A session that is over is removed by the next poll.
        polls.map(|at| at.unwrap_or(Instant::ZERO)).min()
    }

    /// The number of transfers in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is no transfer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

impl Session {
    fn is_with(&self, peer: &SocketAddr) -> bool {
        let exchange = self.machine.exchange();
        !exchange.is_over() && !exchange.is_stray(peer)
    }

    /// Takes in a request of this client. `true`: a repeat of its own, on its way or sent because our answer
    /// is; `false`: the client has started anew.
    fn takes_as_repeat(&mut self, incoming: &Incoming<'_>) -> bool {
        self.fingerprint == incoming.fingerprint()
            && match &mut self.machine {
                Machine::Sender(sender) => !sender.handle_repeated_request(),
                Machine::Receiver(_) => true,
            }
    }
}

macro_rules! either {
    ($machine:expr, $inner:ident => $call:expr) => {
        match $machine {
            Machine::Receiver($inner) => $call,
            Machine::Sender($inner) => $call,
        }
    };
}

impl Machine {
    fn handle<'b>(&mut self, now: Instant, from: SocketAddr, datagram: &'b [u8]) -> Event<'b> {
        either!(self, machine => machine.handle(now, from, datagram))
    }

    fn poll(&mut self, now: Instant) -> Output<'static> {
        either!(self, machine => machine.poll(now))
    }

    fn poll_at(&self) -> Option<Instant> {
        either!(self, machine => machine.poll_at())
    }

    const fn exchange(&self) -> &Exchange<'static> {
        either!(self, machine => machine.exchange())
    }

    const fn is_unproven(&self) -> bool {
        !self.exchange().is_proven()
    }

    fn is_complete(&self) -> bool {
        either!(self, machine => machine.is_complete())
    }

    fn summary(&self) -> Summary {
        either!(self, machine => machine.summary())
    }

    /// Ends the transfer without a word, because its client has begun another. A file that has arrived
    /// whole stays so.
    fn replace(&mut self) {
        if let Self::Receiver(receiver) = self
            && receiver.is_complete()
        {
            receiver.exchange_mut().close(Ok(()));
        }
        // The first end counts.
        either!(self, machine => machine.exchange_mut().close(Err(TransferError::Replaced)));
    }
}
