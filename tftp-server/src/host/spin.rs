//! How long to look for a datagram before sleeping.

use core::{hint, time::Duration};
use std::thread;

/// The longest wait that a loop stays awake for unless it is told to. For a processor, a virtual one above all, to
/// fall asleep and to be woken takes about as long as this.
const WORTHWHILE: Duration = Duration::from_micros(50);
/// How long it stays awake at first, when a wait was short.
const FIRST: Duration = Duration::from_micros(6);
/// With more transfers than this the next datagram is seldom of the one that spoke last, and no single one waits for
/// the loop.
pub(super) const FEW: usize = 4;
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
    /// A loop that stays awake for `busy_poll`; if that is not told, for as long as seems worthwhile.
    pub(super) fn new(busy_poll: Option<Duration>) -> Self {
        // With one core the client could not answer meanwhile.
        let several = || thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
        Self {
            span: busy_poll.unwrap_or_default(),
            adapts: busy_poll.is_none() && several(),
        }
    }

    /// How long to stay awake for the next datagram of so many transfers.
    pub(super) const fn span(&self, transfers: usize) -> Duration {
        if self.adapts && transfers > FEW {
            Duration::ZERO
        } else {
            self.span
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(waits: &[u64]) -> Duration {
        let mut spin = Spin {
            span: Duration::ZERO,
            adapts: true,
        };
        for wait in waits {
            spin.learn(Duration::from_micros(*wait));
        }
        spin.span(1)
    }

    #[test]
    fn short_waits_are_soon_waited_for_awake() {
        assert!(learned(&[40; 4]) >= Duration::from_micros(40));
    }

    #[test]
    fn long_waits_soon_cost_nothing() {
        let waits = [[40; 8], [1000; 8]].concat();
        assert_eq!(learned(&waits), Duration::ZERO);
    }

    #[test]
    fn it_never_stays_awake_for_longer_than_is_worthwhile() {
        for wait in 0..200 {
            assert!(learned(&[wait; 64]) <= WORTHWHILE);
        }
    }

    #[test]
    fn one_long_wait_among_short_ones_is_not_the_end_of_it() {
        let waits = [&[40; 8][..], &[1000], &[40; 2]].concat();
        assert!(learned(&waits) >= Duration::from_micros(40));
    }

    #[test]
    fn what_is_told_stays() {
        for told in [Duration::ZERO, Duration::from_secs(1)] {
            let mut spin = Spin::new(Some(told));
            spin.learn(Duration::from_micros(10));
            spin.learn(Duration::from_secs(2));
            assert_eq!(spin.span(1000), told);
        }
    }
}
