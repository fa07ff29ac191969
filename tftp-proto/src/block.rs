//! Block numbers: 64 bits inside, 16 bits on the wire. Rollover is here and nowhere else.
//!
//! RFC 1350 has 65,535 numbers and does not say what follows the last one. Peers go on with 0
//! (most) or with 1 (some). A received number is mapped to the nearest block that it can mean.

/// What follows block 65535 on the wire (the de-facto `rollover` option).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "no peer wraps to another number")]
pub enum Rollover {
    /// 65535 is followed by 0: what most peers do.
    #[default]
    Zero,
    /// 65535 is followed by 1.
    One,
}

impl Rollover {
    /// The 16 bits that stand for block `n` on the wire. Block 0 is only ever acknowledged, never sent.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::arithmetic_side_effects,
        reason = "rollover to 0 is truncation; casting out leaves at most 65,535 + 3"
    )]
    pub(crate) fn wire(self, n: u64) -> u16 {
        match self {
            Self::Zero => n as u16,
            Self::One => match n.checked_sub(1) {
                None => 0,
                Some(index) => {
                    // index mod 65535 without a division: 65536 = 1 (mod 65535), so 16-bit digits
                    // may be added up. Twice, for the sum can carry.
                    let digits = |x: u64| {
                        (x & 0xffff) + ((x >> 16) & 0xffff) + ((x >> 32) & 0xffff) + (x >> 48)
                    };
                    let rest = digits(digits(index)) as u32;
                    let rest = if rest >= 65_535 { rest - 65_535 } else { rest };
                    rest as u16 + 1
                }
            },
        }
    }

    /// The block nearest to `near` that `wire` can stand for; `None` if there is none.
    ///
    /// The answer is unique while all live blocks lie within 32,767 of `near`, which is why no
    /// larger window is ever agreed.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "differences of 16-bit numbers in 32 bits"
    )]
    pub(crate) fn absolute(self, wire: u16, near: u64) -> Option<u64> {
        let apart = i32::from(wire) - i32::from(self.wire(near));
        let period = match self {
            Self::Zero => 65_536,
            // 0 is used once, to acknowledge a request, and never comes back.
            Self::One if wire == 0 => return (near <= 32_767).then_some(0),
            Self::One if near == 0 => return Some(u64::from(wire)),
            Self::One => 65_535,
        };
        let apart = if apart > 32_767 {
            apart - period
        } else if apart < -32_767 {
            apart + period
        } else {
            apart
        };
        near.checked_add_signed(i64::from(apart))
            .filter(|n| *n > 0 || wire == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Rollover;

    #[test]
    fn wraps_to_zero() {
        let wire: [u16; 4] = [65_535, 65_536, 65_537, 131_072].map(|n| Rollover::Zero.wire(n));
        assert_eq!(wire, [65_535, 0, 1, 0]);
    }

    #[test]
    fn wraps_to_one() {
        let wire: [u16; 6] =
            [0, 1, 65_535, 65_536, 131_070, 131_071].map(|n| Rollover::One.wire(n));
        assert_eq!(wire, [0, 1, 65_535, 1, 65_535, 1]);
    }

    #[test]
    fn casting_out_equals_the_remainder() {
        let mut n = 1_u64;
        while n < u64::MAX / 3 {
            for m in [n - 1, n, n + 1, n * 2 + 1] {
                if m > 0 {
                    assert_eq!(
                        u64::from(Rollover::One.wire(m)),
                        (m - 1) % 65_535 + 1,
                        "{m}"
                    );
                }
            }
            n = n * 3 + 7;
        }
    }

    #[test]
    fn every_number_near_the_reference_is_recovered() {
        for rollover in [Rollover::Zero, Rollover::One] {
            for near in [
                1,
                2,
                40_000,
                65_534,
                65_535,
                65_536,
                65_537,
                131_071,
                1 << 40,
            ] {
                for n in near.max(32_768) - 32_767..near + 32_767 {
                    assert_eq!(
                        rollover.absolute(rollover.wire(n), near),
                        Some(n),
                        "{rollover:?} {n} near {near}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_number_before_the_first_block_is_nothing() {
        assert_eq!(Rollover::Zero.absolute(65_535, 1), None);
        assert_eq!(Rollover::One.absolute(65_535, 1), None);
    }
}
