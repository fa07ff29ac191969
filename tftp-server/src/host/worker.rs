//! One event loop.

use core::{fmt, net::SocketAddr, time::Duration};
use std::{collections::VecDeque, io, sync::Arc};

use mio::{Events, Interest, Poll, Token};
use tftp_proto::{Instant, TransferError};

use super::{
    batch::Outbox,
    census::Place,
    commit::Committer,
    control::Wanted,
    datagrams::Datagrams,
    report::TurnedAway,
    session::Verdict,
    sessions::Sessions,
    shared::Shared,
    socket::{Listener, LocalAddresses},
    spin::{Spin, pause},
    timers::Timers,
};

/// Events that are taken from the system at once.
const EVENTS: usize = 1024;
pub(super) const WAKER: Token = Token(0);
/// A loop that stays awake looks at all sockets once in so many rounds, and else at the one that it expects an
/// answer at.
const LOOK_AROUND: u32 = 8;
/// What comes before the tokens of listeners.
const FIRST_LISTENER: usize = 1;

/// Room for datagrams, one for all sessions of a loop.
#[derive(Debug)]
pub(super) struct Buffers {
    pub(super) datagrams: Datagrams,
    pub(super) outbox: Outbox,
}

/// An event loop with its sockets and its sessions.
pub(super) struct Worker {
    pub(super) index: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) poll: Poll,
    pub(super) listeners: Vec<Listener>,
    pub(super) local: LocalAddresses,
    pub(super) sessions: Sessions,
    pub(super) timers: Timers,
    /// Sessions that want a turn.
    pub(super) ready: VecDeque<usize>,
    pub(super) committer: Committer,
    /// Somebody has woken the loop.
    woken: bool,
    spin: Spin,
    /// The session that spoke last.
    pub(super) recent: usize,
    /// When a shutdown waits no longer.
    drain_until: Option<Instant>,
    stopped: bool,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("index", &self.index)
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

impl Worker {
    pub(super) fn new(
        index: usize,
        poll: Poll,
        mut listeners: Vec<Listener>,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        for (index, listener) in listeners.iter_mut().enumerate() {
            let token = Token(index.saturating_add(FIRST_LISTENER));
            poll.registry()
                .register(&mut listener.socket, token, Interest::READABLE)?;
        }
        Ok(Self {
            index,
            spin: Spin::new(shared.config.busy_poll),
            committer: Committer::new(Arc::clone(&shared.control), index, shared.config.threads),
            shared,
            poll,
            listeners,
            local: LocalAddresses::default(),
            sessions: Sessions::default(),
            timers: Timers::default(),
            ready: VecDeque::new(),
            woken: false,
            recent: usize::MAX,
            drain_until: None,
            stopped: false,
        })
    }

    /// Serves until the server is ended.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut buffers = Buffers {
            datagrams: Datagrams::new(),
            outbox: Outbox::new(),
        };
        while !self.is_finished() {
            self.wait(&mut events, &mut buffers)?;
            for event in &events {
                self.note(event);
            }
            for index in 0..self.listeners.len() {
                if self
                    .listeners
                    .get(index)
                    .is_some_and(|listener| listener.readable)
                {
                    self.hear_at(index, &mut buffers);
                }
            }
            if core::mem::take(&mut self.woken) {
                self.collect_commits(&mut buffers);
                for session in self.shared.control.evicted(self.index) {
                    self.evict(Place {
                        worker: self.index,
                        session,
                    });
                }
            }
            self.fire_timers();
            // Those that queue up meanwhile wait for the next round, after new requests.
            let turns = self.ready.len();
            for _ in 0..turns {
                if let Some(key) = self.ready.pop_front() {
                    self.turn(key, &mut buffers);
                    if turns == 1 {
                        self.read_ahead(key, &mut buffers.outbox);
                    }
                }
            }
            self.follow_control(&mut buffers);
        }
        Ok(())
    }

    pub(super) fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// Waits until something happens, or may have happened.
    fn wait(&mut self, events: &mut Events, buffers: &mut Buffers) -> io::Result<()> {
        let timeout = self.timeout();
        if timeout == Some(Duration::ZERO) || self.sessions.is_empty() {
            return poll(&mut self.poll, events, timeout);
        }
        let start = self.now();
        let heard = self.stay_awake(start, timeout, events, buffers)? || {
            let timeout = self.timeout();
            poll(&mut self.poll, events, timeout)?;
            !events.is_empty()
        };
        if heard {
            self.spin.learn(self.now().saturating_since(start));
        }
        Ok(())
    }

    /// Looks for datagrams without sleeping, for as long as that is worthwhile and no longer than `timeout`.
    /// `true`: something has happened.
    fn stay_awake(
        &mut self,
        start: Instant,
        timeout: Option<Duration>,
        events: &mut Events,
        buffers: &mut Buffers,
    ) -> io::Result<bool> {
        events.clear();
        let span = self.spin.span(self.sessions.len());
        if span.is_zero() {
            return Ok(false);
        }
        let until = start.saturating_add(timeout.map_or(span, |timeout| span.min(timeout)));
        loop {
            for _ in 0..LOOK_AROUND {
                if self.hears_recent(buffers) {
                    return Ok(true);
                }
                pause();
            }
            poll(&mut self.poll, events, Some(Duration::ZERO))?;
            if !events.is_empty() {
                return Ok(true);
            }
            if self.now() >= until {
                return Ok(false);
            }
        }
    }

    /// Takes in what the client that spoke last says, which takes one system call less than to ask first
    /// whether it says something. `false`: it says nothing, or is gone.
    fn hears_recent(&mut self, buffers: &mut Buffers) -> bool {
        let key = self.recent;
        let Some(session) = self.sessions.get_mut(key) else {
            return false;
        };
        if session.socket.is_none() {
            let index = session.listener;
            return self.hear_at(index, buffers);
        }
        let heard = self.listen(key, buffers);
        if heard {
            self.enqueue(key);
        }
        heard
    }

    /// How long there is nothing to do; `None` if there is no end in sight.
    fn timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() || self.listeners.iter().any(|listener| listener.readable) {
            return Some(Duration::ZERO);
        }
        let drain = self.drain_until.filter(|_| !self.stopped);
        let next = self.timers.next().into_iter().chain(drain).min()?;
        Some(next.saturating_since(self.now()))
    }

    /// Takes note of what the system says about a socket.
    fn note(&mut self, event: &mio::event::Event) {
        let Some(index) = event.token().0.checked_sub(FIRST_LISTENER) else {
            self.woken = true;
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

    /// Uses the time until the client has acknowledged a window, if there is nothing else to do.
    fn read_ahead(&mut self, key: usize, outbox: &mut Outbox) {
        if self.ready.is_empty()
            && let Some(session) = self.sessions.get_mut(key)
        {
            outbox.read_ahead(session.serial, &mut session.transfer);
        }
    }

    fn fire_timers(&mut self) {
        let now = self.now();
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
        self.is_closing() && self.sessions.are_done()
    }

    /// Whether new requests are turned away.
    pub(super) fn is_closing(&self) -> bool {
        self.shared.control.wanted() != Wanted::Serve
    }

    fn follow_control(&mut self, buffers: &mut Buffers) {
        let wanted = self.shared.control.wanted();
        if wanted == Wanted::Serve || self.stopped {
            return;
        }
        let now = self.now();
        let until = *self
            .drain_until
            .get_or_insert_with(|| now.saturating_add(self.shared.config.drain));
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
            let verdict = (!session.reported).then_some(Verdict::Stopped);
            session.end(verdict);
            self.speak(key, outbox);
        }
    }

    /// Ends a session that has to make room for another, here or in another loop.
    pub(super) fn evict(&mut self, place: Place) {
        if place.worker != self.index {
            return self.shared.control.evict(place.worker, place.session);
        }
        // If its client has answered while the order was on its way, it stays.
        if let Some(session) = self.sessions.by_reference(place.session)
            && (session.reported || !session.transfer.proven)
        {
            session.verdict = (!session.reported).then_some(Verdict::Evicted);
            self.finish(place.session.key, Err(TransferError::TimedOut));
        }
    }

    pub(super) fn turn_away(&self, peer: SocketAddr, reason: TurnedAway) {
        self.shared.tell_turned_away(peer, reason);
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
