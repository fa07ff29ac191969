//! The sessions of one event loop.

use core::net::SocketAddr;
use std::collections::HashMap;

use slab::Slab;

use super::{session::Session, timers::SessionRef};

/// Sessions, found by their key, or by the two ends of the request.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    slab: Slab<Session>,
    by_ends: HashMap<(SocketAddr, SocketAddr), usize>,
    /// Those that were reported and only stay for a while.
    dallying: usize,
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// Whether none is left that was not reported.
    pub(crate) fn are_done(&self) -> bool {
        self.slab.len() == self.dallying
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

    /// The key that the next session will have.
    pub(crate) fn next_key(&self) -> usize {
        self.slab.vacant_key()
    }

    /// Takes in a session. One that dallies between the same ends stays, but is not found by them any more.
    pub(crate) fn insert(&mut self, session: Session) -> usize {
        let ends = (session.peer, session.local);
        let key = self.slab.insert(session);
        self.by_ends.insert(ends, key);
        key
    }

    /// A session has been reported and only stays for a while.
    pub(crate) const fn dally(&mut self) {
        self.dallying = self.dallying.saturating_add(1);
    }

    pub(crate) fn remove(&mut self, key: usize) -> Option<Session> {
        let session = self.slab.try_remove(key)?;
        let ends = (session.peer, session.local);
        if self.by_ends.get(&ends) == Some(&key) {
            self.by_ends.remove(&ends);
        }
        if session.reported {
            self.dallying = self.dallying.saturating_sub(1);
        }
        Some(session)
    }
}
