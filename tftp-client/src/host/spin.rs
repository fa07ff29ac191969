//! How long to look for a datagram before sleeping.

use core::{hint, time::Duration};
use std::thread;

/// The longest wait that a client stays awake for unless it is told to. For a processor, a virtual one above all,
/// to fall asleep and to be woken takes about as long as this.
const WORTHWHILE: Duration = Duration::from_micros(50);
/// How long it stays awake at first, when a wait was short.
const FIRST: Duration = Duration::from_micros(6);
/// How often a processor is told to wait between two looks, about a microsecond in all: looking without a pause slows
/// down the other end, where both are on one core.
const PAUSES: u32 = 50;

/// A span that follows how long datagrams have been waited for, or one that is given.
#[derive(Debug)]
pub(super) struct Spin {
    span: Duration,
    adapts: bool,
}

impl Spin {
    /// Stays awake for `busy_poll`; if that is not told, for as long as seems worthwhile.
    pub(super) fn new(busy_poll: Option<Duration>) -> Self {
        // With one core the server could not answer meanwhile.
        let several = || thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
        Self {
            span: busy_poll.unwrap_or_default(),
            adapts: busy_poll.is_none() && several(),
        }
    }

    pub(super) const fn span(&self) -> Duration {
        self.span
    }

    /// A datagram has come after so long a wait.
    pub(super) fn learn(&mut self, waited: Duration) {
        if !self.adapts || waited <= self.span {
            return;
        }
        self.span = if waited <= WORTHWHILE {
            self.span.saturating_mul(2).clamp(FIRST, WORTHWHILE)
        } else if self.span > FIRST {
            self.span.checked_div(2).unwrap_or_default()
        } else {
            Duration::ZERO
        };
    }
}

/// Waits for a moment without sleeping.
pub(super) fn pause() {
    for _ in 0..PAUSES {
        hint::spin_loop();
    }
    // The other end may be waiting for this very processor.
    thread::yield_now();
}
