//! Block numbers: 32 bits inside, 16 bits on the wire. Rollover is here and nowhere else.
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
        reason = "rollover to 0 is truncation; a sum of two 16-bit digits fits 32 bits"
    )]
    pub(crate) fn wire(self, n: u32) -> u16 {
        match self {
            Self::Zero => n as u16,
            Self::One => match n.checked_sub(1) {
                None => 0,
                Some(index) => {
                    // index mod 65535 without a division: 65536 = 1 (mod 65535), so 16-bit digits
                    // may be added up.
                    let rest = (index & 0xffff) + (index >> 16);
                    let rest = if rest >= 65_535 { rest - 65_535 } else { rest };
                    rest as u16 + 1
                }
            },
        }
    }

    /// The block nearest to `near` that `wire` can stand for; 0 if that would be one before the first.
    ///
    /// The answer is unique while all live blocks lie within 32,767 of `near`, which is why no
    /// larger window is ever agreed.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "differences of 16-bit numbers in 32 bits"
    )]
    pub(crate) fn absolute(self, wire: u16, near: u32) -> u32 {
        let apart = i32::from(wire) - i32::from(self.wire(near));
        let period = match self {
            Self::Zero => 65_536,
            // 0 is used once, to acknowledge a request, and never comes back.
            Self::One if wire == 0 => return 0,
            Self::One => 65_535,
        };
        let apart = if apart > 32_767 {
            apart - period
        } else if apart < -32_767 {
            apart + period
        } else {
            apart
        };
        // No transfer comes near the end of 32 bits: a number up there has wrapped.
        match near.wrapping_add_signed(apart) {
            block if block > u32::MAX - 65_536 => 0,
            block => block,
        }
    }
}

impl Rollover {
    /// Whether DATA with the number `wire` shows that its sender goes on with 1 after 65535, and not
    /// with 0 as was assumed; `next` is the block that is due.
    ///
    /// With 65535 acknowledged, a window that starts at 0 ends at `windowsize - 1` and one that starts
    /// at 1 ends at `windowsize`: only that number proves which it is. A 1 alone does so in lockstep,
    /// but in a larger window it may also mean that the 0 was lost, and whoever takes it for more than
    /// that loses a block in silence.
    pub(crate) fn is_disproved(self, wire: u16, next: u32, windowsize: u32) -> bool {
        self == Self::Zero && next == 65_536 && u32::from(wire) == windowsize
    }
}

/// The last block that a transfer can have: beyond it a window's end could not be counted. A file of
/// 2 TiB at 512 octets a block, of 5.7 TiB at 1468, is refused as too large.
pub(crate) const LAST_BLOCK: u32 = u32::MAX - 2 * 65_536;

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
        let mut n = 1_u32;
        while n < u32::MAX / 4 {
            for m in [n - 1, n, n + 1, n * 2 + 1] {
                if m > 0 {
                    assert_eq!(
                        u32::from(Rollover::One.wire(m)),
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
                1 << 30,
            ] {
                for n in near.max(32_768) - 32_767..near + 32_767 {
                    assert_eq!(
                        rollover.absolute(rollover.wire(n), near),
                        n,
                        "{rollover:?} {n} near {near}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_number_before_the_first_block_is_nothing() {
        assert_eq!(Rollover::Zero.absolute(65_535, 1), 0);
        assert_eq!(Rollover::One.absolute(65_535, 1), 0);
    }

    #[test]
    fn only_a_number_from_the_last_65536_of_32_bits_has_wrapped() {
        let last = u32::MAX - 65_536;
        let wire = Rollover::Zero.wire(last);
        assert_eq!(Rollover::Zero.absolute(wire, last), last);
        assert_eq!(Rollover::Zero.absolute(wire.wrapping_add(1), last), 0);
    }
}
