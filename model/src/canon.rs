//! When two states of a machine are the same.
//!
//! A machine holds moments of its own clock, so the same situation a second later would be another state,
//! and there would be no end of states. Here moments count from now. Nothing is lost by it: a machine compares
//! moments and takes their differences, and both are the same on a clock that was set to another time.
//!
//! What is told but never acted upon counts for nothing. The machine's `Debug` output has all its fields by
//! name, so no access to them is needed; a field that is added later, or has another name, is taken as it
//! is, which can only tell more states apart.

use core::{
    fmt::{self, Debug, Write},
    hash::Hasher,
};
use std::hash::DefaultHasher;

use tftp_proto::Instant;

/// Counters that are reported and not acted upon.
const TOLD_ONLY: [&str; 2] = ["ignored", "retransmissions"];

/// The round trip: what it leads to is always the same time-out while the shortest and the longest are equal.
const ROUND_TRIP: [&str; 2] = ["smoothed", "variation"];

/// Whether a stranger has had its ERROR: the one thing that a stranger's datagram may change.
const SCOLDED: &str = "scolded";

/// What to leave out.
#[derive(Clone, Copy)]
pub(crate) struct View {
    /// The time-out follows the round trip.
    pub(crate) adaptive: bool,
    /// What a stranger may change counts.
    pub(crate) scolded: bool,
}

/// A number for the state of `machine` at `now`, the same for the same state, and hardly ever for another.
pub(crate) fn digest(machine: &impl Debug, now: Instant, view: View) -> u64 {
    let mut hasher = DefaultHasher::new();
    canonical(machine, now, view, |octets| hasher.write(octets));
    hasher.finish()
}

fn canonical(machine: &impl Debug, now: Instant, view: View, sink: impl FnMut(&[u8])) {
    let mut writer = Canonical {
        now: now.as_micros(),
        view,
        sink,
        field: Field::Plain,
        last: Piece::Other,
    };
    // The writer never fails, and neither do derived implementations.
    let _ = write!(writer, "{machine:?}");
}

/// Understands the pieces in which a derived `Debug` writes.
struct Canonical<S> {
    now: u64,
    view: View,
    sink: S,
    /// What the value is that comes next.
    field: Field,
    last: Piece,
}

#[derive(Clone, Copy, PartialEq)]
enum Field {
    Plain,
    ToldOnly,
    /// The number inside a moment.
    Micros,
    /// The lower half of one.
    LowMicros,
}

#[derive(Clone, Copy, PartialEq)]
enum Piece {
    /// The `{` or `,` before a field.
    Separator,
    /// The field's name.
    Name,
    Other,
}

impl<S: FnMut(&[u8])> Write for Canonical<S> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        match (self.last, piece) {
            (_, " { " | ", ") => self.last = Piece::Separator,
            // In a list, this is a value.
            (Piece::Separator, name) => {
                self.name(name);
                self.last = Piece::Name;
            }
            (Piece::Name, ": ") => self.last = Piece::Other,
            (_, value) => {
                self.last = Piece::Other;
                self.value(value);
            }
        }
        Ok(())
    }
}

impl<S: FnMut(&[u8])> Canonical<S> {
    fn name(&mut self, name: &str) {
        let told_only = TOLD_ONLY.contains(&name)
            || (!self.view.adaptive && ROUND_TRIP.contains(&name))
            || (!self.view.scolded && name == SCOLDED);
        self.field = if told_only {
            Field::ToldOnly
        } else if name == "micros" {
            Field::Micros
        } else if name == "low_micros" {
            Field::LowMicros
        } else {
            (self.sink)(name.as_bytes());
            Field::Plain
        };
    }

    fn value(&mut self, value: &str) {
        match self.field {
            Field::ToldOnly => self.field = Field::Plain,
            Field::Micros => {
                self.field = Field::Plain;
                let at = value.parse().unwrap_or(u64::MAX);
                // 0 and the end of time are no moments but say that there is none.
                let relative = match at {
                    0 | u64::MAX => at,
                    at => at.wrapping_sub(self.now),
                };
                (self.sink)(&relative.to_le_bytes());
            }
            Field::LowMicros => {
                self.field = Field::Plain;
                // 0 says that there is none, here too.
                let relative = match value.parse::<u32>().unwrap_or(u32::MAX) {
                    0 => 0,
                    at => at.wrapping_sub(self.now as u32),
                };
                (self.sink)(&relative.to_le_bytes());
            }
            Field::Plain => (self.sink)(value.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use tftp_proto::{Config, Instant, Output, Receiver, Request};

    use super::{View, digest};

    const ALL: View = View {
        adaptive: true,
        scolded: true,
    };

    fn receiver(start: u64) -> (Receiver<'static>, Instant) {
        let now = Instant::from_micros(start);
        let server = ([10, 0, 0, 1], 69).into();
        let request = Request::octet("file").unwrap();
        let mut receiver = Receiver::request(now, server, request, Config::client());
        assert!(matches!(receiver.poll(now), Output::Transmit(_)));
        (receiver, now)
    }

    #[test]
    fn the_same_state_at_another_time_is_the_same() {
        let (early, then) = receiver(1);
        let (late, now) = receiver(77_000_000);
        assert_ne!(early, late);
        assert_eq!(digest(&early, then, ALL), digest(&late, now, ALL));
    }

    #[test]
    fn another_time_for_the_same_state_is_another() {
        let (receiver, now) = receiver(1);
        let later = now.saturating_add(Duration::from_micros(1));
        assert_ne!(digest(&receiver, now, ALL), digest(&receiver, later, ALL));
    }

    #[test]
    fn what_was_ignored_makes_no_difference() {
        let (mut receiver, now) = receiver(1);
        let before = digest(&receiver, now, ALL);
        let _ = receiver.handle(now, receiver.peer(), &[0, 4, 0, 1]);
        assert_eq!(receiver.summary().ignored, 1);
        assert_eq!(before, digest(&receiver, now, ALL));
    }

    #[test]
    fn what_was_obeyed_makes_a_difference() {
        let (mut receiver, now) = receiver(1);
        let before = digest(&receiver, now, ALL);
        let _ = receiver.handle(now, receiver.peer(), &[0, 3, 0, 1]);
        assert_ne!(before, digest(&receiver, now, ALL));
    }
}
