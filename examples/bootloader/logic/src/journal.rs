//! The boot log: what happened, as text that can be read on the server.

use core::fmt::{self, Write as _};

/// The first `N` octets of what was noted. A line that has no room is left out and counted: the
/// beginning of a story says more than its end.
#[derive(Debug)]
pub struct Journal<const N: usize> {
    text: heapless::String<N>,
    left_out: u32,
}

impl<const N: usize> Default for Journal<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Journal<N> {
    /// An empty log.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            text: heapless::String::new(),
            left_out: 0,
        }
    }

    /// Adds a line, with the time since the start.
    pub fn add(&mut self, millis: u64, line: &dyn fmt::Display) {
        let before = self.text.len();
        if writeln!(self.text, "{millis} ms {line}").is_err() {
            self.text.truncate(before);
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// The lines.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Lines that had no room.
    #[must_use]
    pub const fn left_out(&self) -> u32 {
        self.left_out
    }
}
