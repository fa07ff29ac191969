//! A session's turn: take in what has arrived, send what is due.

use core::{net::IpAddr, time::Duration};

use mio::{Interest, net::UdpSocket};
use tftp_proto::{Instant, Summary, TransferError};

use super::{
    batch::{Flow, Outbox, Outlet},
    census::Place,
    session::Verdict,
    socket::Listener,
    spin::FEW,
    transfer::{File, Machine},
    worker::{Buffers, Worker},
};

/// How long to wait for a socket to have room before trying anyway.
const ROOM_PATIENCE: Duration = Duration::from_secs(1);
/// How long an upload that could not be stored keeps its port.
const LINGER: Duration = Duration::from_secs(1);

/// Where the datagrams of a session leave.
pub(super) fn outlet<'s>(
    own: Option<&'s UdpSocket>,
    source: Option<IpAddr>,
    listener: &'s Listener,
) -> Outlet<'s> {
    Outlet {
        socket: own.unwrap_or(&listener.socket),
        state: &listener.state,
        source,
        segments: listener.segments,
    }
}

impl Worker {
    pub(super) fn turn(&mut self, key: usize, buffers: &mut Buffers) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.queued = false;
        if session.readable && session.socket.is_some() {
            self.listen(key, buffers);
        }
        if self.is_put_up_with(key) {
            self.speak(key, &mut buffers.outbox);
        }
    }

    /// Ends a session that is half open for too long, or too slow. `false`: it is gone.
    fn is_put_up_with(&mut self, key: usize) -> bool {
        let now = self.now();
        let limits = self.shared.config.limits;
        let Some(session) = self.sessions.get_mut(key) else {
            return false;
        };
        if session.committing || session.reported || session.verdict.is_some() {
            return true;
        }
        if !session.transfer.proven {
            if now < session.half_open_until {
                return true;
            }
            session.verdict = Some(Verdict::Unanswered);
            self.finish(key, Err(TransferError::TimedOut));
            return false;
        }
        if limits.min_rate > 0 && now >= session.rate_due {
            let bytes = session.transfer.machine.summary().bytes;
            let passed = bytes.saturating_sub(session.rate_bytes);
            let period = u64::try_from(limits.rate_period.as_millis()).unwrap_or(u64::MAX);
            let wanted = period.saturating_mul(u64::from(limits.min_rate)) / 1000;
            if passed < wanted {
                session.end(Some(Verdict::TooSlow));
            }
            session.rate_bytes = bytes;
            session.rate_due = now.saturating_add(limits.rate_period);
        }
        true
    }

    /// Sends what a session has to say.
    pub(super) fn speak(&mut self, key: usize, outbox: &mut Outbox) {
        let now = self.now();
        let few = self.sessions.len() <= FEW;
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.committing {
            return;
        }
        let Some(listener) = self.listeners.get(session.listener) else {
            return;
        };
        let outlet = outlet(session.socket.as_ref(), session.source, listener);
        let flow = outbox.serve(session.serial, &mut session.transfer, &outlet, now, few);
        self.note_received(key);
        match flow {
            Flow::Idle(at) => self.rest(key, at),
            Flow::More => self.enqueue(key),
            Flow::Blocked => self.await_room(key),
            Flow::Done(result) => self.conclude(key, now, result),
        }
    }

    /// Reports an upload as soon as the client was told that it is stored. The session stays for a
    /// while, in case that was lost.
    fn note_received(&mut self, key: usize) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.transfer.is_received() && !session.reported {
            let summary = session.transfer.machine.summary();
            self.report_ahead(key, Ok(summary));
        }
    }

    /// Reports a session that stays for a while although its transfer is over.
    fn report_ahead(&mut self, key: usize, result: Result<Summary, TransferError>) {
        let now = self.now();
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.reported = true;
        self.shared.tell(&session.report(now, result));
        let session = session.reference(key);
        self.sessions.dally();
        let worker = self.index;
        self.shared.census().dally(Place { worker, session });
    }

    /// Ends a session whose transfer is over. An upload that could not be stored keeps its port for a moment: what its
    /// client has sent meanwhile, as it was told to, would else be answered by the system, and a client that has
    /// connected its socket would hear that before our ERROR.
    fn conclude(&mut self, key: usize, now: Instant, result: Result<Summary, TransferError>) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let is_upload = matches!(session.transfer.machine, Machine::Receiver(_));
        let has_failed_here = matches!(result, Err(TransferError::Local(_)));
        if is_upload && has_failed_here && session.socket.is_some() && !session.reported {
            session.lingers_until = now.saturating_add(LINGER);
            // Whoever is told of an upload that failed finds nothing of it.
            session.transfer.file = File::Gone;
            self.report_ahead(key, result);
        }
        match self.sessions.get_mut(key) {
            Some(session) if now < session.lingers_until => {
                let until = session.lingers_until;
                self.wake_at(key, until);
            }
            _ => self.finish(key, result),
        }
    }

    /// Has the session wait for a datagram, or for the first moment at which something is due.
    fn rest(&mut self, key: usize, at: Instant) {
        let limits = self.shared.config.limits;
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let policy = if session.reported {
            at
        } else if !session.transfer.proven {
            session.half_open_until
        } else if limits.min_rate > 0 {
            session.rate_due
        } else {
            at
        };
        self.recent = key;
        let awaited_room = core::mem::take(&mut session.awaits_room);
        self.wake_at(key, at.min(policy));
        if awaited_room {
            self.watch(key, Interest::READABLE);
        }
    }

    /// Gives the session a turn at `at`, if it has none before.
    fn wake_at(&mut self, key: usize, at: Instant) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.wake = at;
            if at < session.armed {
                session.armed = at;
                self.timers.insert(at, session.reference(key));
            }
        }
    }

    /// Has the session wait until its socket has room, or for a while if the system does not tell.
    fn await_room(&mut self, key: usize) {
        let later = self.now().saturating_add(ROOM_PATIENCE);
        self.wake_at(key, later);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if core::mem::replace(&mut session.awaits_room, true) {
            return;
        }
        let (index, own) = (session.listener, session.socket.is_some());
        if own {
            return self.watch(key, Interest::READABLE | Interest::WRITABLE);
        }
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.blocked.push(key);
            if listener.blocked.len() == 1 {
                self.watch_listener(index, Interest::READABLE | Interest::WRITABLE);
            }
        }
    }

    fn watch(&mut self, key: usize, interest: Interest) {
        let token = self.token(key);
        if let Some(session) = self.sessions.get_mut(key)
            && let Some(socket) = &mut session.socket
        {
            // If it fails, the timers give the session its turns.
            let _ = self.poll.registry().reregister(socket, token, interest);
        }
    }

    /// Takes a session out and reports it.
    pub(super) fn finish(&mut self, key: usize, result: Result<Summary, TransferError>) {
        let Some(mut session) = self.sessions.remove(key) else {
            return;
        };
        // Whoever is told of an upload that failed finds nothing of it.
        session.transfer.file = File::Gone;
        self.shared
            .census()
            .leave(session.peer, session.serial, session.port);
        if !session.reported {
            self.shared.tell(&session.report(self.now(), result));
        }
    }
}
