//! Chance, from one seed.

/// A small generator of numbers that look random: SplitMix64 (Steele, Lea, Flood 2014). The same
/// seed gives the same numbers on every machine, for ever.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The generator of `seed`; any seed is as good as another.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        ((self.next() as u128 * end as u128) >> 64) as u64
    }

    /// `true` with probability `chance`: never at 0.0, always at 1.0.
    pub fn chance(&mut self, chance: f64) -> bool {
        // 53 bits, as many as the fraction of an f64 has.
        let drawn = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < chance
    }
}
