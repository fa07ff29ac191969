//! Who asks for files that are not there.

use core::net::IpAddr;
use std::collections::HashMap;

use tftp_proto::Instant;

/// Clients whose misses are remembered.
const REMEMBERED: usize = 1 << 16;
const MINUTE: u64 = 60_000_000;

/// Misses of each client in the current minute.
#[derive(Debug, Default)]
pub(crate) struct Misses {
    minute: u64,
    counts: HashMap<IpAddr, u32>,
}

impl Misses {
    pub(crate) fn of(&mut self, client: IpAddr, now: Instant) -> u32 {
        self.turn_over(now);
        self.counts.get(&client).copied().unwrap_or_default()
    }

    pub(crate) fn count(&mut self, client: IpAddr, now: Instant) {
        self.turn_over(now);
        if self.counts.len() >= REMEMBERED {
            // So many addresses in a minute are forged ones; which of them are not, nobody knows.
            self.counts.clear();
        }
        let count = self.counts.entry(client).or_default();
        *count = count.saturating_add(1);
    }

    fn turn_over(&mut self, now: Instant) {
        let minute = now.as_micros() / MINUTE;
        if minute != self.minute {
            self.minute = minute;
            self.counts.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misses_are_forgotten_after_a_minute() {
        let (mut misses, client) = (Misses::default(), IpAddr::from([192, 0, 2, 1]));
        misses.count(client, Instant::ZERO);
        misses.count(client, Instant::from_millis(59_999));
        assert_eq!(misses.of(client, Instant::from_millis(59_999)), 2);
        assert_eq!(misses.of(client, Instant::from_millis(60_000)), 0);
    }

    #[test]
    fn memory_for_misses_is_bounded() {
        let mut misses = Misses::default();
        for number in 0..100_000_u32 {
            misses.count(IpAddr::from(number.to_be_bytes()), Instant::ZERO);
        }
        assert!(misses.counts.len() <= REMEMBERED);
    }
}
