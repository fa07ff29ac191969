//! Requests: whom to serve.

use core::net::{IpAddr, SocketAddr};

use quinn_udp::RecvMeta;
use tftp_proto::{Incoming, TransferError, Transmit};

use super::{
    batch::{Outbox, Outlet},
    config::Ports,
    datagrams::{BATCH, Message},
    report::TurnedAway,
    session::Verdict,
    worker::{Buffers, Worker},
};

/// Batches that a listening socket may have at a time, if all transfers go through it: what its buffer
/// holds, or timers would fire for acknowledgements that have long arrived.
const ROUNDS: usize = 128;
/// A block without options, as the first answer may be (RFC 1350).
const PLAIN_BLOCK: u64 = 516;

/// A request with where it came in.
#[derive(Clone, Copy)]
pub(super) struct Call<'m> {
    pub(super) listener: usize,
    pub(super) local: SocketAddr,
    pub(super) octets: usize,
    pub(super) incoming: Incoming<'m>,
}

impl Worker {
    /// Takes in what has arrived at a listening socket. `false`: nothing has.
    pub(super) fn hear_at(&mut self, index: usize, buffers: &mut Buffers) -> bool {
        let single = self.shared.config.ports == Ports::Single;
        let mut heard = false;
        for _ in 0..if single { ROUNDS } else { 1 } {
            let Some(listener) = self.listeners.get_mut(index) else {
                break;
            };
            listener.readable = buffers
                .datagrams
                .receive(&listener.socket, &listener.state, BATCH);
            let more = listener.readable;
            let Buffers { datagrams, outbox } = buffers;
            for message in datagrams.messages() {
                heard = true;
                self.take_message(index, &message, outbox);
            }
            if !more {
                break;
            }
        }
        heard
    }

    fn take_message(&mut self, index: usize, message: &Message<'_>, outbox: &mut Outbox) {
        let Some(local) = self.asked_address(index, &message.meta) else {
            return;
        };
        let listens_to_all = self
            .listeners
            .get(index)
            .is_some_and(|listener| listener.address.ip().is_unspecified());
        if listens_to_all && self.local.is_for_many(local.ip()) {
            return self.turn_away(message.from(), TurnedAway::Broadcast);
        }
        let single = self.shared.config.ports == Ports::Single;
        let for_session = single && self.take_for_session(message, local, outbox);
        for datagram in message.datagrams() {
            if is_request(datagram) || !for_session {
                self.take_request(index, message, local, datagram, outbox);
            }
        }
    }

    /// The address and port that a datagram was sent to.
    fn asked_address(&self, index: usize, meta: &RecvMeta) -> Option<SocketAddr> {
        let mut local = self.listeners.get(index)?.address;
        if let Some(ip) = meta.dst_ip {
            local.set_ip(ip);
        }
        if let (SocketAddr::V6(local), Some(interface)) = (&mut local, meta.interface_index)
            && local.ip().is_unicast_link_local()
        {
            local.set_scope_id(interface);
        }
        Some(local)
    }

    /// Gives what is not a request, but came to the request port, to the session it belongs to.
    /// `false`: there is none.
    fn take_for_session(
        &mut self,
        message: &Message<'_>,
        local: SocketAddr,
        outbox: &mut Outbox,
    ) -> bool {
        let now = self.now();
        let Some(key) = self.sessions.find(message.from(), local) else {
            return false;
        };
        let Some(session) = self.sessions.get_mut(key) else {
            return false;
        };
        let was_proven = session.transfer.proven;
        let mut pieces = Vec::new();
        let datagrams = message.datagrams().filter(|datagram| !is_request(datagram));
        for datagram in datagrams.filter(|_| !session.committing) {
            // The session was found by the address, so the datagram is no stray.
            let _ = session
                .transfer
                .take(now, message.from(), datagram, &mut pieces);
        }
        self.digest(key, was_proven, &mut pieces, outbox);
        self.enqueue(key);
        true
    }

    fn take_request(
        &mut self,
        index: usize,
        message: &Message<'_>,
        local: SocketAddr,
        datagram: &[u8],
        outbox: &mut Outbox,
    ) {
        let peer = message.from();
        if peer.port() < self.shared.config.limits.lowest_client_port {
            return self.turn_away(peer, TurnedAway::LowPort);
        }
        let incoming = match Incoming::decode(peer, datagram) {
            Ok(incoming) => incoming,
            Err(refusal) => {
                let reason = match refusal.reply() {
                    None => TurnedAway::NotARequest,
                    Some(reply) => {
                        let limits = &self.shared.config.limits;
                        let may = self.shared.census().may_send_error(limits, self.now());
                        if may {
                            self.answer(index, local, &reply);
                        }
                        TurnedAway::Malformed
                    }
                };
                return self.turn_away(peer, reason);
            }
        };
        let call = Call {
            listener: index,
            local,
            octets: datagram.len(),
            incoming,
        };
        if !self.supersedes(&call, outbox) {
            return;
        }
        if self.is_closing() {
            return self.turn_away(peer, TurnedAway::ShuttingDown);
        }
        let limits = &self.shared.config.limits;
        let admitted = self.shared.census().admits(peer, limits, self.now());
        match admitted {
            Ok(()) => self.accept(&call, outbox),
            Err(reason) => self.turn_away(peer, reason),
        }
    }

    /// What becomes of a session that the same client has from the same port. `false`: it goes on, and
    /// the request is a repeat of its own.
    fn supersedes(&mut self, call: &Call<'_>, outbox: &mut Outbox) -> bool {
        let peer = call.incoming.from();
        if let Some(key) = self.sessions.find(peer, call.local) {
            self.settle(key, outbox);
        }
        let Some(key) = self.sessions.find(peer, call.local) else {
            return true;
        };
        let amplification = self.shared.config.limits.amplification;
        let own_port = self.shared.config.ports != Ports::Single;
        let Some(session) = self.sessions.get_mut(key) else {
            return true;
        };
        if session.reported && own_port {
            // The transfer is complete, so this starts another one, even if it says the same. Should it be
            // a late copy after all, the client may still need its last ACK again.
            return true;
        }
        let transfer = &mut session.transfer;
        let is_copy = session.fingerprint == call.incoming.fingerprint();
        if is_copy && !session.reported && !transfer.machine.handle_repeated_request() {
            transfer.allow(grant(call.octets, amplification));
            if let Some(owed) = transfer.owed.take().filter(|_| !transfer.proven) {
                transfer.blocked.push_back(owed);
                self.speak(key, outbox);
            }
            return false;
        }
        session.verdict = Some(Verdict::Replaced);
        self.finish(key, Err(TransferError::TimedOut));
        true
    }

    /// Ends the sessions that have to go before another one comes.
    pub(super) fn make_room(&mut self) {
        let victims = self.shared.census().victims(&self.shared.config.limits);
        for place in victims.into_iter().flatten() {
            self.evict(place);
        }
    }

    /// Ends a session because the system has no more handles. `false`: that has freed none yet.
    pub(super) fn spare_one(&mut self) -> bool {
        let victim = self.shared.census().most_dispensable();
        let Some(place) = victim else {
            return false;
        };
        self.evict(place);
        place.worker == self.index
    }

    /// Sends a datagram from the listening socket, without any state.
    pub(super) fn answer(&self, index: usize, local: SocketAddr, transmit: &Transmit<'_>) {
        let Some(listener) = self.listeners.get(index) else {
            return;
        };
        let several = listener.address.ip().is_unspecified();
        Outlet {
            socket: &listener.socket,
            state: &listener.state,
            source: several
                .then_some(local.ip())
                .filter(|ip: &IpAddr| !ip.is_unspecified()),
            segments: 1,
        }
        .send_plain(transmit);
    }
}

fn is_request(datagram: &[u8]) -> bool {
    matches!(datagram, [0, 1 | 2, ..])
}

/// Octets that may be sent for a request of `octets`, before the client has answered.
pub(super) fn grant(octets: usize, amplification: u32) -> u64 {
    if amplification == u32::MAX {
        return u64::MAX;
    }
    (octets as u64)
        .saturating_mul(u64::from(amplification))
        .saturating_add(PLAIN_BLOCK)
}
