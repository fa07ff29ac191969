//! The caller's clock.

use core::time::Duration;

/// A point in time, in microseconds since a moment of the caller's choosing.
///
/// The library reads no clock: every call that needs the time is told it. Any steady counter
/// will do (a boot-time tick, a monotonic clock, a simulator's variable). A clock that steps
/// backwards delays retransmissions by as much, and the step may count as a long round trip, so that
/// time-outs are longer for a while; it does no other harm. 64 bits of microseconds last 584,000 years,
/// so wrapping is not a concern.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant {
    micros: u64,
}

impl Instant {
    /// The moment that the caller counts from.
    pub const ZERO: Self = Self { micros: 0 };

    /// The point `micros` microseconds after the caller's zero.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// The point `millis` milliseconds after the caller's zero, at most the last one representable.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self {
            micros: millis.saturating_mul(1_000),
        }
    }

    /// Microseconds since the caller's zero.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.micros
    }

    /// The point `span` later, at most the last one representable.
    #[must_use]
    pub const fn saturating_add(self, span: Duration) -> Self {
        let whole = span.as_secs().saturating_mul(1_000_000);
        let micros = whole.saturating_add(span.subsec_micros() as u64);
        Self {
            micros: self.micros.saturating_add(micros),
        }
    }

    /// The time since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.micros.saturating_sub(earlier.micros))
    }

    /// [`Self::saturating_add`] without the 96-bit arithmetic of `Duration`. Beyond the last moment it
    /// wraps: a timer then fires early instead of never.
    pub(crate) const fn after(self, micros: u64) -> Self {
        Self {
            micros: self.micros.wrapping_add(micros),
        }
    }

    /// What short spans are measured with.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the rest of it is not wanted"
    )]
    pub(crate) const fn stamp(self) -> Stamp {
        Stamp {
            low_micros: self.micros as u32,
        }
    }
}

/// A moment of the last 71 minutes, in microseconds: half as many octets as an [`Instant`] has, in each machine and in
/// the code.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Stamp {
    low_micros: u32,
}

impl Stamp {
    /// Microseconds from then until `now`: more than an hour if the clock was set back by a little. After 71
    /// minutes it starts anew at 0.
    pub(crate) const fn until(self, now: Instant) -> u32 {
        now.stamp().low_micros.wrapping_sub(self.low_micros)
    }
}

/// A span in whole microseconds; one of more than 136 years counts as 136 years.
#[inline(never)]
pub(crate) fn micros(span: &Duration) -> u64 {
    let whole = u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
    u64::from(whole)
        .wrapping_mul(1_000_000)
        .wrapping_add(span.subsec_micros().into())
}

/// The longest time-out, in microseconds: 35 minutes, of which twice as much still fits 32 bits.
const LONGEST: u32 = u32::MAX / 2;

/// A time-out in whole microseconds.
pub(crate) fn micros32(span: &Duration) -> u32 {
    u32::try_from(micros(span)).map_or(LONGEST, |micros| micros.min(LONGEST))
}
