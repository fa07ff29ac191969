//! Ending a server from another thread.

use core::sync::atomic::{AtomicU8, Ordering};
use std::sync::Arc;

use mio::Waker;

/// What is wanted of the event loop.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub(crate) enum Wanted {
    Serve,
    Drain,
    Stop,
}

#[derive(Debug)]
pub(crate) struct Control {
    wanted: AtomicU8,
    waker: Waker,
}

impl Control {
    pub(crate) const fn new(waker: Waker) -> Self {
        Self {
            wanted: AtomicU8::new(Wanted::Serve as u8),
            waker,
        }
    }

    pub(crate) fn wanted(&self) -> Wanted {
        match self.wanted.load(Ordering::Relaxed) {
            0 => Wanted::Serve,
            1 => Wanted::Drain,
            _ => Wanted::Stop,
        }
    }

    /// Interrupts the loop's sleep.
    pub(crate) fn wake(&self) {
        // Writing to an event descriptor fails only if it cannot be read any more, when nobody sleeps.
        let _ = self.waker.wake();
    }

    fn want(&self, wanted: Wanted) {
        self.wanted.fetch_max(wanted as u8, Ordering::Relaxed);
        self.wake();
    }
}

/// Ends a server from another thread, or from a signal handler's thread. It may outlive the server.
#[derive(Clone, Debug)]
pub struct Handle(pub(crate) Arc<Control>);

impl Handle {
    /// Lets the transfers end, as long as the server's `drain` time allows, and takes no new ones. Then
    /// [`Server::run`](crate::Server::run) returns.
    pub fn shutdown(&self) {
        self.0.want(Wanted::Drain);
    }

    /// As [`shutdown`](Self::shutdown), without waiting: the peers are told that their transfers are over.
    pub fn stop(&self) {
        self.0.want(Wanted::Stop);
    }
}
