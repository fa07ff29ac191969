//! What arrives at the socket of a session.

use core::ops::ControlFlow;
use std::io::IoSlice;

use super::{
    batch::Outbox,
    datagrams::BATCH,
    transfer::Machine,
    turn::outlet,
    worker::{Buffers, Worker},
};

/// Room for an acknowledgement, or an ERROR with its text.
const ANSWER_ROOM: usize = 256;

impl Worker {
    /// Takes in what has arrived at the session's own socket. `false`: nothing has.
    pub(super) fn listen(&mut self, key: usize, buffers: &mut Buffers) -> bool {
        match self
            .sessions
            .get_mut(key)
            .map(|session| &session.transfer.machine)
        {
            Some(Machine::Sender(_)) => self.hear_answer(key),
            Some(Machine::Receiver(_)) => self.hear_data(key, buffers),
            None => false,
        }
    }

    /// Takes in what the client of a file that is sent has answered, until it wants more of the file. Clients
    /// send one ACK and wait, so there is seldom more, and one call suffices; what there is keeps until the next
    /// answer comes.
    fn hear_answer(&mut self, key: usize) -> bool {
        let mut heard = false;
        for _ in 0..BATCH {
            match self.take_answer(key) {
                Some(ControlFlow::Continue(())) => heard = true,
                Some(ControlFlow::Break(())) => return true,
                None => return heard,
            }
        }
        self.enqueue(key);
        heard
    }

    /// Has a session that sends a file take note of what its client said before it asked for something
    /// else: the last acknowledgement may just have arrived.
    pub(super) fn settle(&mut self, key: usize, outbox: &mut Outbox) {
        for _ in 0..BATCH {
            if self.take_answer(key).is_none() {
                break;
            }
        }
        self.speak(key, outbox);
    }

    /// Takes in the next answer of a client that fetches a file. `Break`: it has made room for more of the file.
    /// `None`: there is none.
    fn take_answer(&mut self, key: usize) -> Option<ControlFlow<()>> {
        let session = self.sessions.get_mut(key)?;
        let listener = self.listeners.get(session.listener)?;
        let socket = session.socket.as_ref()?;
        if !matches!(session.transfer.machine, Machine::Sender(_)) {
            return None;
        }
        let mut datagram = [0; ANSWER_ROOM];
        let Ok((len, from)) = socket.recv_from(&mut datagram) else {
            // After any error but that nothing is there the next answer, or the timer, is a new occasion.
            session.readable = false;
            return None;
        };
        let octets = datagram.get(..len).unwrap_or_default();
        let (was_proven, released) = (session.transfer.proven, session.transfer.released);
        let now = self.shared.clock.now();
        let answer = session.transfer.take(now, from, octets, &mut Vec::new());
        if let Some(answer) = answer {
            outlet(Some(socket), None, listener).send_plain(&answer);
        }
        let wants_more = session.transfer.released > released;
        self.note_proof(key, was_proven);
        Some(if wants_more {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }

    /// Takes in what has come of a file that is received.
    fn hear_data(&mut self, key: usize, buffers: &mut Buffers) -> bool {
        let Some(session) = self.sessions.get_mut(key) else {
            return false;
        };
        let Some(listener) = self.listeners.get(session.listener) else {
            return false;
        };
        let Some(socket) = &session.socket else {
            return false;
        };
        let Buffers { datagrams, outbox } = buffers;
        let more = datagrams.receive(socket, &listener.state, BATCH);
        session.readable = more;
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
        if more {
            self.enqueue(key);
        }
        true
    }

    /// Follows up what a session has taken in, `pieces` of a file if it receives one.
    ///
    /// A window, of one block as well, is acknowledged before it is stored, but for the last one, so that the client goes on meanwhile.
    /// Nothing is lost by that: what tells it that the file is stored is the last ACK, and if anything before
    /// cannot be, an ERROR comes instead.
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
        if !pieces.is_empty() && !session.transfer.is_complete() {
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
}
