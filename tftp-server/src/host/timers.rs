//! When which session wants a turn.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

use tftp_proto::Instant;

/// One session, even after its place in the table has been given to another.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct SessionRef {
    pub(crate) key: usize,
    pub(crate) serial: u64,
}

/// A heap of moments. A session has one entry at a time, or a few if its moment was brought forward; one
/// whose moment has moved back is found too early and entered anew.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, SessionRef)>>,
}

impl Timers {
    pub(crate) fn insert(&mut self, at: Instant, session: SessionRef) {
        self.heap.push(Reverse((at, session)));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out an entry that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<SessionRef> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, session))| session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_when_they_are_due_and_in_order() {
        let mut timers = Timers::default();
        for (millis, key) in [(30, 3), (10, 1), (20, 2)] {
            timers.insert(Instant::from_millis(millis), SessionRef { key, serial: 0 });
        }
        let mut due = || {
            timers
                .pop_due(Instant::from_millis(20))
                .map(|session| session.key)
        };
        assert_eq!([due(), due(), due()], [Some(1), Some(2), None]);
        assert_eq!(timers.next(), Some(Instant::from_millis(30)));
    }
}
