//! The retransmission time-out: RFC 6298 with Karn's rule, backoff and jitter, in microseconds.

use crate::{config::Retry, time::micros32};

/// The clock tick `G` of RFC 6298: the least that is added to the smoothed round trip.
const GRANULARITY: u32 = 1_000;

/// The longest round trip that counts, in microseconds: eight times as much still fits 32 bits.
const LONGEST_SAMPLE: u32 = 1 << 28;

/// The estimator of one transfer. No time-out is longer than 2^31 microseconds (see [`micros32`]), no
/// sample longer than 2^28, so that nothing here wraps.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Rto {
    /// Smoothed round trip; 0 while there is no sample.
    smoothed: u32,
    variation: u32,
    shortest: u32,
    current: u32,
    floor: u32,
    ceiling: u32,
    /// State of the jitter's generator; 0: no jitter.
    random: u32,
}

impl Rto {
    pub(crate) fn new(retry: &Retry, seed: u32) -> Self {
        // A time-out of nothing would let a poll neither send nor wait.
        let floor = micros32(&retry.floor).max(GRANULARITY);
        let ceiling = micros32(&retry.ceiling).max(floor);
        Self {
            smoothed: 0,
            variation: 0,
            shortest: u32::MAX,
            current: micros32(&retry.initial).max(floor).min(ceiling),
            floor,
            ceiling,
            // Neighbouring seeds, such as addresses, must not give neighbouring delays.
            random: seed.wrapping_mul(0x9e37_79b9),
        }
    }

    /// An agreed time-out is the first and the smallest one (RFC 2349); RFC 1123's backoff goes on
    /// from there. 0 says that none was agreed.
    pub(crate) fn agree(&mut self, timeout: u32) {
        if timeout > 0 {
            self.floor = timeout;
            self.ceiling = self.ceiling.max(self.floor);
            self.current = self.floor;
        }
    }

    /// A round trip of a packet that was sent once (RFC 6298 section 2).
    pub(crate) fn sample(&mut self, micros: u32) {
        let sample = micros.clamp(1, LONGEST_SAMPLE);
        self.shortest = self.shortest.min(sample);
        if self.smoothed == 0 {
            self.smoothed = sample;
            self.variation = sample / 2;
        } else {
            // The variation first: it needs the smoothed value from before (section 2.3).
            let deviation = self.smoothed.abs_diff(sample);
            self.variation = self.variation.wrapping_mul(3).wrapping_add(deviation) / 4;
            self.smoothed = self.smoothed.wrapping_mul(7).wrapping_add(sample) / 8;
        }
        self.recover();
    }

    /// Takes the doublings back, if there ever was a sample.
    ///
    /// In lockstep each exchange gives a sample, and only a sample does this (Karn). Where windows are
    /// sent again from their gaps there may be none for a long time, and time-outs of many seconds would
    /// stay although the peer answers all the while.
    pub(crate) fn recover(&mut self) {
        if self.smoothed == 0 {
            return;
        }
        let margin = self.variation.wrapping_mul(4).max(GRANULARITY);
        self.current = self
            .smoothed
            .wrapping_add(margin)
            .max(self.floor)
            .min(self.ceiling);
    }

    /// Doubles the time-out; it stays doubled until the next sample (RFC 6298 section 5.5).
    pub(crate) fn back_off(&mut self) {
        self.current = self.current.wrapping_mul(2).min(self.ceiling);
    }

    /// The time-out as it stands.
    pub(crate) const fn current(&self) -> u32 {
        self.current
    }

    /// The agreed or configured minimum.
    pub(crate) const fn floor(&self) -> u32 {
        self.floor
    }

    /// The longest time-out.
    pub(crate) const fn ceiling(&self) -> u32 {
        self.ceiling
    }

    /// The shortest round trip seen, `u32::MAX` while there is none.
    pub(crate) const fn shortest(&self) -> u32 {
        self.shortest
    }

    /// The time-out for the next wait: the current one, give or take 10 %.
    pub(crate) fn interval(&mut self) -> u32 {
        if self.random == 0 {
            return self.current;
        }
        // xorshift32 (Marsaglia 2003): spread is wanted here, not secrecy.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        let spread = self.current / 5;
        let jitter = (u64::from(self.random).wrapping_mul(u64::from(spread)) >> 32) as u32;
        self.current.wrapping_sub(spread / 2).wrapping_add(jitter)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::Rto;
    use crate::Retry;

    fn rto() -> Rto {
        Rto::new(&Retry::new(), 0)
    }

    #[test]
    fn second_sample_updates_the_variation_before_the_mean() {
        let mut rto = rto();
        rto.sample(100_000);
        assert_eq!(
            (rto.smoothed, rto.variation, rto.current),
            (100_000, 50_000, 300_000)
        );
        rto.sample(200_000);
        assert_eq!(
            (rto.smoothed, rto.variation, rto.current),
            (112_500, 62_500, 362_500)
        );
    }

    #[test]
    fn backoff_doubles_up_to_the_ceiling() {
        let mut rto = rto();
        let mut seen = [0; 6];
        for interval in &mut seen {
            *interval = rto.interval() / 1_000_000;
            rto.back_off();
        }
        assert_eq!(seen, [1, 2, 4, 8, 16, 16]);
    }

    #[test]
    fn an_agreed_time_out_is_first_and_smallest() {
        let mut rto = rto();
        rto.agree(5_000_000);
        assert_eq!(rto.current(), 5_000_000);
        rto.sample(1_000);
        assert_eq!(rto.current(), 5_000_000);
    }

    #[test]
    fn jitter_stays_within_a_tenth_and_varies() {
        let mut rto = Rto::new(&Retry::new(), 7);
        let intervals: [u32; 64] = core::array::from_fn(|_| rto.interval());
        assert!(intervals.iter().all(|i| (900_000..=1_100_000).contains(i)));
        assert!(intervals.iter().any(|i| *i < 950_000) && intervals.iter().any(|i| *i > 1_050_000));
    }

    #[test]
    fn a_time_out_is_never_nothing() {
        let retry = Retry {
            initial: Duration::ZERO,
            floor: Duration::ZERO,
            ceiling: Duration::ZERO,
            ..Retry::new()
        };
        assert_eq!(Rto::new(&retry, 0).interval(), 1_000);
    }
}
