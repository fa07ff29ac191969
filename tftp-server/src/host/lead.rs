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
    /// How the last window was sent, when it was begun, and where in the file.
    is_apart: bool,
    begun: Option<(Instant, u64)>,
    windows: u8,
}

impl Lead {
    /// The window that starts at `offset` is about to be sent, perhaps not for the first time. `true`: some of it ahead.
    pub(crate) fn begin(&mut self, now: Instant, offset: u64) -> bool {
        if let Some((begun, before)) = self.begun {
            if before == offset {
                return self.is_apart;
            }
            let took = now.saturating_since(begun).as_micros();
            let usual = if self.is_apart {
                &mut self.apart
            } else {
                &mut self.whole
            };
            usual.learn(u32::try_from(took).unwrap_or(u32::MAX));
        }
        self.begun = Some((now, offset));
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
    /// A time that is much longer than usual says little: something was lost, or the machine was busy. One that is
    /// much shorter says that the usual one is wrong: the first window is often slow, as its file is not in memory.
    fn learn(&mut self, micros: u32) {
        let usual = self.sum / WEIGHT;
        let micros = micros.clamp(1, u32::MAX / WEIGHT);
        self.sum = if self.sum == 0 || micros < usual / 2 {
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

    /// How the windows of a transfer are sent that take as long as `times` says of a window and its way.
    fn ways(count: u64, times: impl Fn(u64, bool) -> u64) -> Vec<bool> {
        let mut lead = Lead::default();
        let mut now = 0_u64;
        let windows = (0..count).map(|window| {
            let is_apart = lead.begin(Instant::from_micros(now), window);
            now = now.wrapping_add(times(window, is_apart));
            is_apart
        });
        windows.collect()
    }

    fn with_lead(ways: &[bool]) -> usize {
        ways.iter().filter(|is_apart| **is_apart).count()
    }

    #[test]
    fn the_faster_way_is_taken_and_the_other_tried_now_and_then() {
        // Now and then a window takes long, whatever the way.
        let hiccup = |window: u64| if window % 10 == 9 { 10_000 } else { 0 };
        let few = with_lead(&ways(160, |window, is_apart| {
            hiccup(window) + if is_apart { 100 } else { 80 }
        }));
        assert!((5..=30).contains(&few), "{few}");
        let most = with_lead(&ways(160, |window, is_apart| {
            hiccup(window) + if is_apart { 80 } else { 100 }
        }));
        assert!((130..=155).contains(&most), "{most}");
    }

    #[test]
    fn a_slow_start_is_soon_forgotten() {
        for slow in [0, 1] {
            for (whole, apart) in [(80, 100), (100, 80)] {
                let ways = ways(96, |window, is_apart| match (window == slow, is_apart) {
                    (true, _) => 20_000,
                    (false, true) => apart,
                    (false, false) => whole,
                });
                let later = with_lead(&ways[32..]);
                let expected = if apart < whole { 52..=64 } else { 0..=12 };
                assert!(expected.contains(&later), "{slow} {whole} {apart} {later}");
            }
        }
    }

    #[test]
    fn a_change_of_the_client_is_noticed() {
        let ways = ways(2_000, |window, is_apart| {
            if (window < 1_000) == is_apart {
                80
            } else {
                100
            }
        });
        assert!(with_lead(&ways[..1_000]) >= 900);
        assert!(with_lead(&ways[1_900..]) <= 10);
    }

    #[test]
    fn a_window_that_is_sent_again_is_sent_in_the_same_way_and_teaches_nothing() {
        let mut lead = Lead::default();
        for (window, millis) in [(0, 0), (1, 1), (1, 1), (1, 900), (2, 901)] {
            lead.begin(Instant::from_millis(millis), window);
        }
        assert_eq!((lead.whole.sum, lead.apart.sum), (8_000, 7_200_000));
        assert_eq!(lead.windows, 3);
    }

    #[test]
    fn no_time_is_too_long_or_too_short() {
        let mut lead = Lead::default();
        for (window, now) in [0, 0, u64::MAX, u64::MAX, 0, u64::MAX]
            .into_iter()
            .enumerate()
        {
            lead.begin(Instant::from_micros(now), window as u64);
        }
    }
}
