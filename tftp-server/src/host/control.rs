//! Ending a server from another thread, and what the event loops say to each other.

use core::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;

use super::timers::SessionRef;

/// What is wanted of the event loops.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub(crate) enum Wanted {
    Serve,
    Drain,
    Stop,
}

/// How others reach one event loop.
#[derive(Debug)]
struct Mailbox {
    waker: Waker,
    /// Sessions that must make room.
    evicted: Mutex<Vec<SessionRef>>,
}

#[derive(Debug)]
pub(crate) struct Control {
    wanted: AtomicU8,
    workers: Vec<Mailbox>,
}

impl Control {
    /// Of event loops that these wake.
    pub(crate) fn new(wakers: impl IntoIterator<Item = Waker>) -> Self {
        let workers = wakers.into_iter().map(|waker| Mailbox {
            waker,
            evicted: Mutex::default(),
        });
        Self {
            wanted: AtomicU8::new(Wanted::Serve as u8),
            workers: workers.collect(),
        }
    }

    pub(crate) fn wanted(&self) -> Wanted {
        match self.wanted.load(Ordering::Relaxed) {
            0 => Wanted::Serve,
            1 => Wanted::Drain,
            _ => Wanted::Stop,
        }
    }

    /// Interrupts the sleep of a loop.
    pub(crate) fn wake(&self, worker: usize) {
        if let Some(mailbox) = self.workers.get(worker) {
            // Writing to an event descriptor fails only if it cannot be read any more, when nobody sleeps.
            let _ = mailbox.waker.wake();
        }
    }

    pub(crate) fn want(&self, wanted: Wanted) {
        self.wanted.fetch_max(wanted as u8, Ordering::Relaxed);
        for worker in 0..self.workers.len() {
            self.wake(worker);
        }
    }

    /// Has a loop end a session.
    pub(crate) fn evict(&self, worker: usize, session: SessionRef) {
        if let Some(mailbox) = self.workers.get(worker) {
            let mut evicted = mailbox
                .evicted
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            evicted.push(session);
        }
        self.wake(worker);
    }

    /// The sessions that others want a loop to end.
    pub(crate) fn evicted(&self, worker: usize) -> Vec<SessionRef> {
        let Some(mailbox) = self.workers.get(worker) else {
            return Vec::new();
        };
        core::mem::take(
            &mut mailbox
                .evicted
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

/// Ends a server from another thread, or from a signal handler's thread. It may outlive the server.
#[derive(Clone, Debug)]
pub struct Handle(pub(crate) Arc<Control>);

impl Handle {
    /// Lets the transfers end, as long as the server's `drain` time allows, and takes no new ones. Then
    /// [`Server::run`](crate::Server::run) returns. An upload that is stored has ended: it does not wait to
    /// repeat its last acknowledgement.
    pub fn shutdown(&self) {
        self.0.want(Wanted::Drain);
    }

    /// As [`shutdown`](Self::shutdown), without waiting: the peers are told that their transfers are over. Only
    /// files that are being stored are still stored.
    pub fn stop(&self) {
        self.0.want(Wanted::Stop);
    }
}
