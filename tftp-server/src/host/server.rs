//! The event loop.

use core::{fmt, net::SocketAddr, time::Duration};
use std::{collections::VecDeque, io, sync::Arc};

use mio::{Events, Interest, Poll, Token, Waker};
use tftp_proto::{ErrorCode, Instant};

use super::{
    batch::Outbox,
    clock::Clock,
    commit::Committer,
    config::{Ports, ServerConfig},
    control::{Control, Handle, Wanted},
    datagrams::Datagrams,
    misses::Misses,
    ports::PortPool,
    report::{Observer, TurnedAway},
    session::Verdict,
    sessions::Sessions,
    socket::{Listener, LocalAddresses},
    timers::Timers,
};
use crate::Content;

/// Events that are taken from the system at once.
const EVENTS: usize = 1024;
const WAKER: Token = Token(0);
/// What comes before the tokens of listeners.
const FIRST_LISTENER: usize = 1;

/// Why a server could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// No address to listen on was given.
    NoAddress,
    /// An address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The system has no more of something that the event loop needs.
    Setup(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("no address to listen on"),
            Self::Listen { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::Setup(error) => write!(f, "cannot set up the event loop: {error}"),
        }
    }
}

impl core::error::Error for BindError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NoAddress => None,
            Self::Listen { error, .. } | Self::Setup(error) => Some(error),
        }
    }
}

/// Room for datagrams, one for all sessions.
#[derive(Debug)]
pub(super) struct Buffers {
    pub(super) datagrams: Datagrams,
    pub(super) outbox: Outbox,
}

/// A server that is bound to its addresses. [`run`](Self::run) serves on the calling thread.
///
/// All transfers share that thread; besides it there are at most four that store complete uploads. A session
/// has its machine, its name, its socket (unless all share a port) and the handle of its file, which
/// those that read the same file share.
pub struct Server {
    pub(super) poll: Poll,
    pub(super) control: Arc<Control>,
    pub(super) listeners: Vec<Listener>,
    addresses: Vec<SocketAddr>,
    pub(super) local: LocalAddresses,
    pub(super) sessions: Sessions,
    pub(super) ports: Option<PortPool>,
    pub(super) timers: Timers,
    /// Sessions that want a turn.
    pub(super) ready: VecDeque<usize>,
    pub(super) committer: Committer,
    pub(super) content: Box<dyn Content>,
    pub(super) observer: Box<dyn Observer>,
    pub(super) config: ServerConfig,
    pub(super) clock: Clock,
    pub(super) misses: Misses,
    /// Errors sent to malformed requests in this second.
    pub(super) errors: (u64, u32),
    /// When a shutdown waits no longer.
    drain_until: Option<Instant>,
    stopped: bool,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Listens on the addresses of `config`, to serve `content`.
    ///
    /// # Errors
    /// If there is no address, one cannot be listened on, or the event loop cannot be set up.
    pub fn bind(config: ServerConfig, content: impl Content + 'static) -> Result<Self, BindError> {
        if config.listen.is_empty() {
            return Err(BindError::NoAddress);
        }
        let poll = Poll::new().map_err(BindError::Setup)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(BindError::Setup)?;
        let control = Arc::new(Control::new(waker));
        let mut listeners = Vec::new();
        for (index, address) in config.listen.iter().copied().enumerate() {
            let bind = || -> io::Result<Listener> {
                let mut listener = Listener::bind(address, config.receive_buffer)?;
                let token = Token(index.saturating_add(FIRST_LISTENER));
                poll.registry()
                    .register(&mut listener.socket, token, Interest::READABLE)?;
                Ok(listener)
            };
            listeners.push(bind().map_err(|error| BindError::Listen { address, error })?);
        }
        Ok(Self {
            addresses: listeners.iter().map(|listener| listener.address).collect(),
            committer: Committer::new(Arc::clone(&control)),
            ports: match &config.ports {
                Ports::Range(range) => Some(PortPool::new(range.clone())),
                Ports::PerTransfer | Ports::Single => None,
            },
            poll,
            control,
            listeners,
            local: LocalAddresses::default(),
            sessions: Sessions::default(),
            timers: Timers::default(),
            ready: VecDeque::new(),
            content: Box::new(content),
            observer: Box::new(()),
            config,
            clock: Clock::start(),
            misses: Misses::default(),
            errors: (0, 0),
            drain_until: None,
            stopped: false,
        })
    }

    /// Has `observer` told what happens.
    #[must_use]
    pub fn observe(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// The addresses that it listens on, in the order of the configuration, with the ports that the system
    /// chose for port 0.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What ends the server from another thread.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.control))
    }

    /// Serves until a [`Handle`] ends it.
    ///
    /// # Errors
    /// If the system does not tell what happens on the sockets any more. What a single socket or file
    /// suffers ends the transfer that it is for.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut buffers = Buffers {
            datagrams: Datagrams::new(),
            outbox: Outbox::new(),
        };
        while !self.is_finished() {
            self.wait(&mut events)?;
            for event in &events {
                self.note(event);
            }
            for index in 0..self.listeners.len() {
                self.serve_listener(index, &mut buffers);
            }
            self.collect_commits(&mut buffers);
            self.fire_timers();
            // Those that queue up meanwhile wait for the next round, after new requests.
            for _ in 0..self.ready.len() {
                if let Some(key) = self.ready.pop_front() {
                    self.turn(key, &mut buffers);
                }
            }
            self.follow_control(&mut buffers);
        }
        Ok(())
    }

    /// Sleeps until something happens.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = self.timeout();
        if let Some(span) = self.config.busy_poll
            && !self.sessions.is_empty()
        {
            let until = self
                .clock
                .now()
                .saturating_add(timeout.map_or(span, |timeout| timeout.min(span)));
            loop {
                poll(&mut self.poll, events, Some(Duration::ZERO))?;
                if !events.is_empty() || self.clock.now() >= until {
                    break;
                }
                core::hint::spin_loop();
            }
            if !events.is_empty() {
                return Ok(());
            }
        }
        let timeout = if self.config.busy_poll.is_some() {
            self.timeout()
        } else {
            timeout
        };
        poll(&mut self.poll, events, timeout)
    }

    /// How long there is nothing to do; `None` if there is no end in sight.
    fn timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() || self.listeners.iter().any(|listener| listener.readable) {
            return Some(Duration::ZERO);
        }
        let drain = self.drain_until.filter(|_| !self.stopped);
        let next = self.timers.next().into_iter().chain(drain).min()?;
        Some(next.saturating_since(self.clock.now()))
    }

    /// Takes note of what the system says about a socket.
    fn note(&mut self, event: &mio::event::Event) {
        let Some(index) = event.token().0.checked_sub(FIRST_LISTENER) else {
            return;
        };
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.readable |= event.is_readable();
            if event.is_writable() && !listener.blocked.is_empty() {
                let blocked = core::mem::take(&mut listener.blocked);
                self.watch_listener(index, Interest::READABLE);
                for key in blocked {
                    if let Some(session) = self.sessions.get_mut(key) {
                        session.awaits_room = false;
                    }
                    self.enqueue(key);
                }
            }
            return;
        }
        let key = index.saturating_sub(self.listeners.len());
        if let Some(session) = self.sessions.get_mut(key) {
            session.readable |= event.is_readable();
            self.enqueue(key);
        }
    }

    /// The token of the session with this key.
    pub(super) fn token(&self, key: usize) -> Token {
        Token(
            key.saturating_add(self.listeners.len())
                .saturating_add(FIRST_LISTENER),
        )
    }

    pub(super) fn watch_listener(&mut self, index: usize, interest: Interest) {
        let token = Token(index.saturating_add(FIRST_LISTENER));
        if let Some(listener) = self.listeners.get_mut(index) {
            // If it fails, the timers give the sessions their turns.
            let _ = self
                .poll
                .registry()
                .reregister(&mut listener.socket, token, interest);
        }
    }

    pub(super) fn enqueue(&mut self, key: usize) {
        if let Some(session) = self.sessions.get_mut(key)
            && !session.queued
        {
            session.queued = true;
            self.ready.push_back(key);
        }
    }

    fn fire_timers(&mut self) {
        let now = self.clock.now();
        while let Some(reference) = self.timers.pop_due(now) {
            let Some(session) = self.sessions.by_reference(reference) else {
                continue;
            };
            if session.wake <= now {
                session.armed = Instant::from_micros(u64::MAX);
                // What it waits for may have arrived without having been noted yet.
                session.readable = true;
                self.enqueue(reference.key);
            } else {
                session.armed = session.wake;
                self.timers.insert(session.wake, reference);
            }
        }
    }

    fn collect_commits(&mut self, buffers: &mut Buffers) {
        while let Some(committed) = self.committer.collect() {
            let Some(session) = self.sessions.by_reference(committed.session) else {
                continue;
            };
            session.committing = false;
            if let Err(error) = committed.result {
                session.transfer.fail(error);
            }
            self.speak(committed.session.key, &mut buffers.outbox);
        }
    }

    fn is_finished(&self) -> bool {
        self.control.wanted() != Wanted::Serve && self.sessions.is_empty()
    }

    /// Whether new requests are turned away.
    pub(super) fn is_closing(&self) -> bool {
        self.control.wanted() != Wanted::Serve
    }

    fn follow_control(&mut self, buffers: &mut Buffers) {
        let wanted = self.control.wanted();
        if wanted == Wanted::Serve || self.stopped {
            return;
        }
        let now = self.clock.now();
        let until = *self
            .drain_until
            .get_or_insert_with(|| now.saturating_add(self.config.drain));
        if wanted == Wanted::Stop || now >= until {
            self.stopped = true;
            for key in self.sessions.keys() {
                self.stop_session(key, &mut buffers.outbox);
            }
        }
    }

    /// Ends a session, telling the peer. One whose file is being stored ends when it is.
    fn stop_session(&mut self, key: usize, outbox: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if !session.committing {
            session.verdict = (!session.reported).then_some(Verdict::Stopped);
            session.transfer.machine.abort(ErrorCode::NOT_DEFINED);
            self.speak(key, outbox);
        }
    }

    pub(super) fn turn_away(&mut self, peer: SocketAddr, reason: TurnedAway) {
        self.observer.turned_away(peer, reason);
    }
}

fn poll(poll: &mut Poll, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, timeout) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        result => result,
    }
}
