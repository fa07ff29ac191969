//! The options that this library knows, as numbers: offered, agreed, checked.

use core::time::Duration;

use super::{
    DEFAULT_BLKSIZE, MAX_BLKSIZE, MAX_REQUEST_LEN, MAX_WINDOWSIZE, MIN_BLKSIZE, OptionIter,
    Options, Writer,
};
use crate::{Config, Mode, Negotiated, Rollover, time::micros32};

/// The names of the known options, each ended by a zero as in a packet. The order is that in which
/// they are sent; when a request becomes too long they are dropped from the back, so that the worthiest
/// come first. Each option is known by its bit, the first name's being 1.
const NAMES: &[u8] = b"blksize\0windowsize\0tsize\0timeout\0utimeout\0rollover\0blksize2\0";

const BLKSIZE: u8 = 1;
const WINDOWSIZE: u8 = 1 << 1;
const TSIZE: u8 = 1 << 2;
const TIMEOUT: u8 = 1 << 3;
const UTIMEOUT: u8 = 1 << 4;
const ROLLOVER: u8 = 1 << 5;
const BLKSIZE2: u8 = 1 << 6;

/// What `utimeout` may ask for, in microseconds.
const UTIMEOUT_RANGE: (u32, u32) = (10_000, 255_000_000);

/// The option of this name; 0 is none. Names are compared without regard to case (RFC 2347).
#[inline(never)]
fn find(name: &[u8]) -> u8 {
    let mut bit = 1;
    let mut letters = name.iter();
    let mut same = true;
    for known in NAMES {
        let letter = letters.next().map_or(0, u8::to_ascii_lowercase);
        same &= letter == *known;
        if *known == 0 {
            if same {
                return bit;
            }
            bit <<= 1;
            letters = name.iter();
            same = true;
        }
    }
    0
}

/// Plain decimal digits only: no sign, blank or other base. Leading zeros count for nothing.
#[inline(never)]
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for octet in text {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 || number > u64::MAX / 10 {
            return None;
        }
        number = number.wrapping_mul(10).checked_add(u64::from(digit))?;
    }
    (!text.is_empty()).then_some(number)
}

/// Some of the known options, each with a value that is in range.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(C)]
pub(crate) struct OptionSet {
    present: u8,
    rollover: u8,
    /// 512 if neither option is there.
    blksize: u16,
    /// 1 if the option is not there.
    windowsize: u16,
    /// As `timeout` or `utimeout` has it: seconds or microseconds.
    timeout: u32,
    tsize: u64,
    /// A bit for each octet of [`NAMES`]: whether the peer wrote that letter in upper case. An OACK
    /// copies the request's spelling (RFC 2347), and some clients insist on it.
    upper: u64,
}

impl OptionSet {
    /// No options.
    pub(crate) const NONE: Self = Self {
        tsize: 0,
        upper: 0,
        timeout: 0,
        blksize: DEFAULT_BLKSIZE,
        windowsize: 1,
        rollover: 0,
        present: 0,
    };

    const fn has(&self, kind: u8) -> bool {
        self.present & kind != 0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.present == 0
    }

    fn value(&self, kind: u8) -> u64 {
        u64::from(match kind {
            BLKSIZE | BLKSIZE2 => self.blksize.into(),
            WINDOWSIZE => self.windowsize.into(),
            TSIZE => return self.tsize,
            ROLLOVER => self.rollover.into(),
            _ => self.timeout,
        })
    }

    /// What a client asks for. `tsize` is 0 in a read request and the file's length in a write
    /// request, if that is known. Options that would make the request too long are left out.
    pub(crate) fn offer(config: &Config, tsize: Option<u64>, bare_len: usize) -> Self {
        let mut offer = Self::NONE;
        if !config.options {
            return offer;
        }
        offer.blksize = config.blksize.clamp(MIN_BLKSIZE, MAX_BLKSIZE);
        offer.windowsize = config.windowsize.clamp(1, MAX_WINDOWSIZE);
        if offer.blksize != DEFAULT_BLKSIZE {
            offer.present |= BLKSIZE;
        }
        if offer.windowsize != 1 {
            offer.present |= WINDOWSIZE;
        }
        if let Some(tsize) = tsize
            && config.tsize
        {
            offer.tsize = tsize;
            offer.present |= TSIZE;
        }
        if let Some(timeout) = &config.timeout {
            let (least, most) = UTIMEOUT_RANGE;
            offer.timeout = micros32(timeout).clamp(least, most);
            if timeout.subsec_micros() == 0 {
                offer.timeout = (offer.timeout / 1_000_000).max(1);
                offer.present |= TIMEOUT;
            } else {
                offer.present |= UTIMEOUT;
            }
        }
        if config.rollover == Rollover::One {
            offer.rollover = 1;
            offer.present |= ROLLOVER;
        }
        let mut last = BLKSIZE2;
        while last > 0
            && Writer::measure(|writer| offer.write(writer)).wrapping_add(bare_len)
                > MAX_REQUEST_LEN
        {
            offer.present &= !last;
            last >>= 1;
        }
        if !offer.has(WINDOWSIZE) {
            offer.windowsize = 1;
        }
        if !offer.has(BLKSIZE) {
            offer.blksize = DEFAULT_BLKSIZE;
        }
        offer
    }

    /// What a server agrees to of a request's options: its own limits, no error for what it does
    /// not know or like (RFC 2347). The first of a repeated option counts. `tsize` is what a read
    /// request is told; `None` echoes the number of a write request.
    pub(crate) fn agree(
        requested: Options<'_>,
        mode: Mode,
        tsize: Option<Option<u64>>,
        limits: &Config,
    ) -> Self {
        let mut agreed = Self::NONE;
        if !limits.options {
            return agreed;
        }
        let mut seen = 0_u8;
        for (name, text) in requested {
            let kind = find(name);
            if kind & !seen == 0 {
                continue;
            }
            seen |= kind;
            // Two spellings of one thing: the standard option wins, whichever comes first.
            let (standard, other) = match kind {
                BLKSIZE | BLKSIZE2 => (BLKSIZE, BLKSIZE2),
                TIMEOUT | UTIMEOUT => (TIMEOUT, UTIMEOUT),
                _ => (kind, 0),
            };
            if kind == other && agreed.has(standard) {
                continue;
            }
            let Some(mut value) = decimal(text) else {
                continue;
            };
            if kind == TSIZE {
                // The length of a translated text is not the length that the request means.
                match tsize.unwrap_or(Some(value)) {
                    Some(told) if mode == Mode::Octet => value = told,
                    _ => continue,
                }
            }
            if agreed.grant(kind, value, limits) {
                agreed.present = agreed.present & !other | kind;
                agreed.keep_spelling(kind, name);
            }
        }
        // Last, for the block size may come after the window size.
        let blocks = limits
            .window_bytes
            .checked_div(agreed.blksize.into())
            .unwrap_or(1);
        let blocks = u16::try_from(blocks).unwrap_or(MAX_WINDOWSIZE).max(1);
        agreed.windowsize = agreed.windowsize.min(blocks);
        agreed
    }

    /// Takes up what `limits` allow of `value`; `false` leaves the option out.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each cast follows the check of its range"
    )]
    #[inline(never)]
    fn grant(&mut self, kind: u8, value: u64, limits: &Config) -> bool {
        let small = u32::try_from(value).unwrap_or(u32::MAX);
        match kind {
            BLKSIZE | BLKSIZE2 => {
                let mut size = small.min(limits.blksize.clamp(MIN_BLKSIZE, MAX_BLKSIZE).into());
                if kind == BLKSIZE2 {
                    // The largest power of two that both sides allow.
                    size = size.checked_ilog2().map_or(0, |log| 1 << log);
                }
                if size < u32::from(MIN_BLKSIZE) {
                    return false;
                }
                self.blksize = size as u16;
            }
            WINDOWSIZE => {
                if value == 0 {
                    return false;
                }
                self.windowsize =
                    small.min(limits.windowsize.clamp(1, MAX_WINDOWSIZE).into()) as u16;
            }
            TSIZE => self.tsize = value,
            ROLLOVER => {
                if value > 1 {
                    return false;
                }
                self.rollover = value as u8;
            }
            // A time-out is answered as it is or not at all.
            _ => {
                let (range, unit) = if kind == TIMEOUT {
                    ((1, 255), 1_000_000)
                } else {
                    (UTIMEOUT_RANGE, 1)
                };
                let longest = limits.timeout.as_ref().map_or(u32::MAX, micros32);
                if small < range.0 || small > range.1 || small.wrapping_mul(unit) > longest {
                    return false;
                }
                self.timeout = small;
            }
        }
        true
    }

    /// Remembers which letters of `name` are in upper case.
    #[inline(never)]
    fn keep_spelling(&mut self, kind: u8, name: &[u8]) {
        let mut bit = 1;
        let mut letters = name.iter();
        for (position, known) in NAMES.iter().enumerate() {
            if bit == kind && letters.next().is_some_and(u8::is_ascii_uppercase) {
                self.upper |= 1 << position;
            }
            if *known == 0 {
                bit <<= 1;
            }
        }
    }

    /// What a client makes of an OACK: the options that are agreed take the place of those offered.
    /// `false` if it has an option that was not offered, one twice, or a value that is not allowed
    /// (RFC 2347, 2348, 2349, 7440).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no value is larger than the one that was offered"
    )]
    pub(crate) fn accept(&mut self, answer: OptionIter<'_>, write: bool) -> bool {
        let mut agreed = Self::NONE;
        agreed.timeout = self.timeout;
        agreed.rollover = self.rollover;
        for (name, text) in answer {
            let kind = find(name);
            let Some(value) = decimal(text) else {
                return false;
            };
            if kind & self.present & !agreed.present == 0 {
                return false;
            }
            agreed.present |= kind;
            let asked = self.value(kind);
            let least = match kind {
                BLKSIZE => MIN_BLKSIZE.into(),
                WINDOWSIZE => 1,
                _ => asked,
            };
            // Only the answer to a request for the size may be larger than what was asked.
            if (value < least || value > asked) && (kind != TSIZE || write) {
                return false;
            }
            match kind {
                BLKSIZE => agreed.blksize = value as u16,
                WINDOWSIZE => agreed.windowsize = value as u16,
                TSIZE => agreed.tsize = value,
                _ => {}
            }
        }
        let offered = !self.is_empty();
        *self = agreed;
        offered
    }

    #[inline(never)]
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        let mut upper = self.upper;
        let mut bit = 1;
        for octet in NAMES {
            let present = self.has(bit);
            if present {
                let shift = if upper & 1 == 1 { b'a' ^ b'A' } else { 0 };
                writer.octet(octet ^ shift);
            }
            upper >>= 1;
            if *octet == 0 {
                if present {
                    writer.decimal(self.value(bit));
                    writer.octet(0);
                }
                bit <<= 1;
            }
        }
    }

    pub(crate) const fn blksize(&self) -> u16 {
        self.blksize
    }

    pub(crate) const fn windowsize(&self) -> u16 {
        self.windowsize
    }

    pub(crate) fn tsize(&self) -> Option<u64> {
        self.has(TSIZE).then_some(self.tsize)
    }

    /// The agreed time-out in microseconds, 0 if there is none.
    pub(crate) const fn timeout_micros(&self) -> u32 {
        if self.has(TIMEOUT) {
            self.timeout.wrapping_mul(1_000_000)
        } else if self.has(UTIMEOUT) {
            self.timeout
        } else {
            0
        }
    }

    pub(crate) fn rollover(&self) -> Option<Rollover> {
        self.has(ROLLOVER).then_some(if self.rollover == 1 {
            Rollover::One
        } else {
            Rollover::Zero
        })
    }

    #[inline(never)]
    pub(crate) fn negotiated(&self, rollover: Rollover) -> Negotiated {
        Negotiated {
            blksize: self.blksize,
            windowsize: self.windowsize,
            timeout: match self.timeout_micros() {
                0 => None,
                micros => Some(Duration::from_micros(micros.into())),
            },
            tsize: self.tsize(),
            rollover,
        }
    }
}

/// The value of the first `tsize`, if it is a number.
pub(crate) fn tsize(options: Options<'_>) -> Option<u64> {
    let (_, text) = options.iter().find(|(name, _)| find(name) == TSIZE)?;
    decimal(text)
}
