//! The time of the event loop.

use std::time;

use tftp_proto::Instant;

/// Monotonic time since the server was made.
#[derive(Debug)]
pub(crate) struct Clock {
    start: time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            start: time::Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::ZERO.saturating_add(self.start.elapsed())
    }
}
