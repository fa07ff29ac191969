//! The table of sessions, and who has how many.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::collections::{HashMap, VecDeque};

use slab::Slab;

use super::{session::Session, timers::SessionRef};

/// All sessions, found by their key, or by the two ends of the request.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    slab: Slab<Session>,
    by_ends: HashMap<(SocketAddr, SocketAddr), usize>,
    by_client: HashMap<IpAddr, usize>,
    /// Sessions in the order of their requests; those that are proven or gone are passed over.
    opening: VecDeque<SessionRef>,
    half_open: usize,
    next_serial: u64,
}

/// What counts as one client: an address, or with IPv6 a network, of which a host has as many addresses
/// as it likes.
pub(crate) fn client(peer: SocketAddr) -> IpAddr {
    match peer.ip() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !(u128::MAX >> 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    pub(crate) const fn half_open(&self) -> usize {
        self.half_open
    }

    /// Sessions of the client at `peer`.
    pub(crate) fn of_client(&self, peer: SocketAddr) -> usize {
        self.by_client
            .get(&client(peer))
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn find(&self, peer: SocketAddr, local: SocketAddr) -> Option<usize> {
        self.by_ends.get(&(peer, local)).copied()
    }

    pub(crate) fn get_mut(&mut self, key: usize) -> Option<&mut Session> {
        self.slab.get_mut(key)
    }

    pub(crate) fn by_reference(&mut self, reference: SessionRef) -> Option<&mut Session> {
        self.slab
            .get_mut(reference.key)
            .filter(|session| session.serial == reference.serial)
    }

    pub(crate) fn keys(&self) -> Vec<usize> {
        self.slab.iter().map(|(key, _)| key).collect()
    }

    /// Takes in a session, which is half open.
    pub(crate) fn insert(&mut self, mut session: Session) -> usize {
        self.next_serial = self.next_serial.wrapping_add(1);
        session.serial = self.next_serial;
        let (serial, peer, local) = (session.serial, session.peer, session.local);
        let key = self.slab.insert(session);
        self.by_ends.insert((peer, local), key);
        let count = self.by_client.entry(client(peer)).or_default();
        *count = count.saturating_add(1);
        self.half_open = self.half_open.saturating_add(1);
        self.opening.push_back(SessionRef { key, serial });
        self.forget_opened();
        key
    }

    /// The client of a session has answered.
    pub(crate) const fn prove(&mut self) {
        self.half_open = self.half_open.saturating_sub(1);
    }

    pub(crate) fn remove(&mut self, key: usize) -> Option<Session> {
        let session = self.slab.try_remove(key)?;
        self.by_ends.remove(&(session.peer, session.local));
        let client = client(session.peer);
        if let Some(count) = self.by_client.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_client.remove(&client);
            }
        }
        if !session.transfer.proven {
            self.half_open = self.half_open.saturating_sub(1);
        }
        Some(session)
    }

    /// The session that has been half open for longest.
    pub(crate) fn oldest_half_open(&mut self) -> Option<usize> {
        while let Some(first) = self.opening.pop_front() {
            if self.is_half_open(first) {
                // It stays in the queue until it is removed.
                self.opening.push_front(first);
                return Some(first.key);
            }
        }
        None
    }

    /// The oldest session that only stays to repeat its last ACK. It is looked for when room is short.
    pub(crate) fn oldest_dallying(&self) -> Option<usize> {
        let dallying = self.slab.iter().filter(|(_, session)| session.reported);
        dallying
            .min_by_key(|(_, session)| session.serial)
            .map(|(key, _)| key)
    }

    fn is_half_open(&self, reference: SessionRef) -> bool {
        self.slab
            .get(reference.key)
            .is_some_and(|session| session.serial == reference.serial && !session.transfer.proven)
    }

    /// Keeps the queue from growing with those that are not half open any more.
    fn forget_opened(&mut self) {
        if self.opening.len() > self.half_open.saturating_mul(2).saturating_add(64) {
            let mut opening = core::mem::take(&mut self.opening);
            opening.retain(|reference| self.is_half_open(*reference));
            self.opening = opening;
        }
    }
}
