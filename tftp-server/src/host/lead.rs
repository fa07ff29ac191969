//! Whether the first datagrams of a window go out ahead of the others.

use tftp_proto::Instant;

/// Datagrams that go ahead.
pub(crate) const LEAD: usize = 2;
/// One window in so many goes out in the way that seems slower: the client, or the machine, may have changed.
const TRIAL: u8 = 16;
/// A new time counts for one in so many of the smoothed one.
const WEIGHT: u32 = 8;

/// Finds out which of two ways gets the windows of a transfer through faster.
///
/// A client that takes one datagram a call wakes up, and works, while the rest of the window is still being sent. One
/// that takes many at once gains nothing, and pays with a call more. A server is not told which it talks to, but
/// sees how long it takes from one window to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lead {
    whole: Usual,
    apart: Usual,
    /// How the last window was sent, and when it was begun.
    is_apart: bool,
    begun: Option<Instant>,
    windows: u8,
}

impl Lead {
    /// A window is about to be sent. `true`: some of it ahead.
    pub(crate) fn begin(&mut self, now: Instant) -> bool {
        if let Some(begun) = self.begun.replace(now) {
            let took = now.saturating_since(begun).as_micros();
            let usual = if self.is_apart {
                &mut self.apart
            } else {
                &mut self.whole
            };
            usual.learn(u32::try_from(took).unwrap_or(u32::MAX));
        }
        self.windows = self.windows.wrapping_add(1);
        let trial = self.windows.is_multiple_of(TRIAL);
        self.is_apart = (self.apart.sum < self.whole.sum) != trial;
        self.is_apart
    }
}

/// A smoothed time.
#[derive(Clone, Copy, Debug, Default)]
struct Usual {
    /// [`WEIGHT`] times the microseconds; 0 if nothing is known, so that it is soon tried.
    sum: u32,
}

impl Usual {
    /// A time that is much longer than usual says little: something was lost, or the machine was busy.
    fn learn(&mut self, micros: u32) {
        let usual = self.sum / WEIGHT;
        let micros = micros.clamp(1, u32::MAX / WEIGHT);
        self.sum = if self.sum == 0 {
            micros.saturating_mul(WEIGHT)
        } else {
            let micros = micros.min(usual.saturating_mul(2).max(1));
            self.sum.saturating_sub(usual).saturating_add(micros)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of 160 windows have a lead if they take so many microseconds without and with one. Every tenth takes a
    /// hundred times as long, whatever the way.
    fn with_lead(whole: u64, apart: u64) -> usize {
        let mut lead = Lead::default();
        let mut now = 0_u64;
        let windows = (0..160_u64).filter(|window| {
            let is_apart = lead.begin(Instant::from_micros(now));
            let usual = if is_apart { apart } else { whole };
            let times = if window % 10 == 9 { 100 } else { 1 };
            now = now.wrapping_add(usual.wrapping_mul(times));
            is_apart
        });
        windows.count()
    }

    #[test]
    fn the_faster_way_is_taken_and_the_other_tried_now_and_then() {
        let few = with_lead(80, 100);
        assert!((5..=30).contains(&few), "{few}");
        let most = with_lead(100, 80);
        assert!((130..=155).contains(&most), "{most}");
    }

    #[test]
    fn a_change_of_the_client_is_noticed() {
        let mut lead = Lead::default();
        let mut now = 0;
        let mut last = [false; 32];
        for window in 0..2_000_usize {
            let is_apart = lead.begin(Instant::from_micros(now));
            now += match (window < 1_000, is_apart) {
                (true, true) | (false, false) => 80,
                (true, false) | (false, true) => 100,
            };
            last[window % 32] = is_apart;
        }
        assert!(
            last.iter().filter(|is_apart| **is_apart).count() <= 4,
            "{last:?}"
        );
    }

    #[test]
    fn no_time_is_too_long_or_too_short() {
        let mut lead = Lead::default();
        for now in [0, 0, u64::MAX, u64::MAX, 0, u64::MAX] {
            lead.begin(Instant::from_micros(now));
        }
    }
}
