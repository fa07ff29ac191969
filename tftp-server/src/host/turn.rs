//! A session's turn: take in what has arrived, send what is due.

use core::{net::IpAddr, time::Duration};
use std::io::IoSlice;

use mio::{Interest, net::UdpSocket};
use tftp_proto::{Instant, Summary, TransferError};

use super::{
    batch::{Flow, Outbox, Outlet},
    census::Place,
    datagrams::BATCH,
    session::Verdict,
    socket::Listener,
    transfer::{File, Machine},
    worker::{Buffers, Worker},
};

/// Messages that a client which reads is likely to have sent at once: one acknowledgement. Room for one more
/// shows that there are no others.
const ACKNOWLEDGEMENTS: usize = 2;
/// How long to wait for a socket to have room before trying anyway.
const ROOM_PATIENCE: Duration = Duration::from_secs(1);
/// Room for an acknowledgement, or an ERROR with its text.
const ERROR_ROOM: usize = 256;

/// Where the datagrams of a session leave.
fn outlet<'s>(
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

    /// Takes in what has arrived at the session's own socket. `false`: nothing has.
    pub(super) fn listen(&mut self, key: usize, buffers: &mut Buffers) -> bool {
        let Some(session) = self.sessions.get_mut(key) else {
            return false;
        };
        let Some(listener) = self.listeners.get(session.listener) else {
            return false;
        };
        let Some(socket) = &session.socket else {
            return false;
        };
        let most = match session.transfer.machine {
            Machine::Sender(_) => ACKNOWLEDGEMENTS,
            Machine::Receiver(_) => BATCH,
        };
        session.readable = buffers.datagrams.receive(socket, &listener.state, most);
        let Buffers { datagrams, outbox } = buffers;
        if datagrams.messages().next().is_none() {
            return false;
        }
        let now = self.shared.clock.now();
        let was_proven = session.transfer.proven;
        let mut pieces = Vec::new();
        for message in datagrams.messages() {
            for datagram in message.datagrams().filter(|_| !session.committing) {
                let answer = session
                    .transfer
                    .take(now, message.from(), datagram, &mut pieces);
                if let Some(answer) = answer {
                    outlet(Some(socket), None, listener).send_plain(&answer);
                }
            }
        }
        self.digest(key, was_proven, &mut pieces, outbox);
        if self
            .sessions
            .get_mut(key)
            .is_some_and(|session| session.readable)
        {
            self.enqueue(key);
        }
        true
    }

    /// Has a session that sends a file take note of what its client said before it asked for something
    /// else: the last acknowledgement may just have arrived.
    pub(super) fn settle(&mut self, key: usize, outbox: &mut Outbox) {
        let now = self.now();
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let Some(listener) = self.listeners.get(session.listener) else {
            return;
        };
        let was_proven = session.transfer.proven;
        if let (Some(socket), Machine::Sender(_)) = (&session.socket, &session.transfer.machine) {
            let mut datagram = [0; ERROR_ROOM];
            for _ in 0..ACKNOWLEDGEMENTS {
                let Ok((len, from)) = socket.recv_from(&mut datagram) else {
                    break;
                };
                let octets = datagram.get(..len).unwrap_or_default();
                if let Some(answer) = session.transfer.take(now, from, octets, &mut Vec::new()) {
                    outlet(Some(socket), None, listener).send_plain(&answer);
                }
            }
        }
        self.note_proof(key, was_proven);
        self.speak(key, outbox);
    }

    /// Follows up what a session has taken in, `pieces` of a file if it receives one.
    ///
    /// A window is acknowledged before it is stored, but for the last one, so that the client goes on meanwhile.
    /// Nothing is lost by that: what tells it that the file is stored is the last ACK, and if anything before
    /// cannot be, an ERROR comes instead. In lockstep a block that cannot be stored is not acknowledged.
    pub(super) fn digest(
        &mut self,
        key: usize,
        was_proven: bool,
        pieces: &mut Vec<IoSlice<'_>>,
        outbox: &mut Outbox,
    ) {
        self.note_proof(key, was_proven);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let reference = session.reference(key);
        if !pieces.is_empty() && session.transfer.has_more_windows() {
            self.speak(key, outbox);
        }
        let Some(session) = self.sessions.by_reference(reference) else {
            return;
        };
        session.transfer.store(pieces);
        if let Some(sink) = session.transfer.take_complete() {
            match self.committer.commit(reference, sink) {
                Ok(()) => session.committing = true,
                Err(error) => session.transfer.fail(error),
            }
        }
    }

    /// A client that has answered for the first time has its address from now on, and a rate to keep.
    fn note_proof(&mut self, key: usize, was_proven: bool) {
        let now = self.now();
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.transfer.proven && !was_proven {
            session.rate_due = now.saturating_add(self.shared.config.limits.rate_period);
            self.shared.census().prove(session.serial);
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
        let flow = outbox.serve(session.serial, &mut session.transfer, &outlet, now);
        self.note_received(key);
        match flow {
            Flow::Idle(at) => self.rest(key, at),
            Flow::More => self.enqueue(key),
            Flow::Blocked => self.await_room(key),
            Flow::Done(result) => self.finish(key, result),
        }
    }

    /// Reports an upload as soon as the client was told that it is stored. The session stays for a
    /// while, in case that was lost.
    fn note_received(&mut self, key: usize) {
        let now = self.now();
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.transfer.is_received() && !session.reported {
            session.reported = true;
            let summary = session.transfer.machine.summary();
            self.shared.tell(&session.report(now, Ok(summary)));
            let session = session.reference(key);
            self.sessions.dally();
            let worker = self.index;
            self.shared.census().dally(Place { worker, session });
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
