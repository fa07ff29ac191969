//! What the event loops have in common.

use core::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    census::Census,
    clock::Clock,
    config::ServerConfig,
    control::Control,
    report::{Observer, Report, TurnedAway},
};
use crate::Content;

/// One for all event loops. What is behind a lock is wanted once or twice for each transfer, and never for
/// a datagram.
pub(crate) struct Shared {
    pub(crate) config: ServerConfig,
    pub(crate) control: Arc<Control>,
    pub(crate) clock: Clock,
    content: Mutex<Box<dyn Content>>,
    observer: Mutex<Box<dyn Observer>>,
    census: Mutex<Census>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// A thread that panicked has ended the server; until then the others go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(
        config: ServerConfig,
        control: Arc<Control>,
        content: Box<dyn Content>,
    ) -> Self {
        Self {
            census: Mutex::new(Census::new(&config.ports)),
            config,
            control,
            clock: Clock::start(),
            content: Mutex::new(content),
            observer: Mutex::new(Box::new(())),
        }
    }

    pub(crate) fn observe(&self, observer: Box<dyn Observer>) {
        *lock(&self.observer) = observer;
    }

    pub(crate) fn content(&self) -> MutexGuard<'_, Box<dyn Content>> {
        lock(&self.content)
    }

    pub(crate) fn census(&self) -> MutexGuard<'_, Census> {
        lock(&self.census)
    }

    pub(crate) fn tell(&self, report: &Report<'_>) {
        lock(&self.observer).finished(report);
    }

    pub(crate) fn tell_turned_away(&self, peer: core::net::SocketAddr, reason: TurnedAway) {
        lock(&self.observer).turned_away(peer, reason);
    }
}
