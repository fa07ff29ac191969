//! The options that this library knows, as numbers: offered, agreed, checked.

use core::time::Duration;

use super::{
    DEFAULT_BLKSIZE, MAX_BLKSIZE, MAX_REQUEST_LEN, MAX_WINDOWSIZE, MIN_BLKSIZE, OptionIter,
    Options, Writer,
};
use crate::{Config, Mode, Negotiated, Request, Rollover, time::micros32};

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

/// In microseconds.
const SECOND: u32 = 1_000_000;

/// What `utimeout` may ask for at the least, in microseconds.
const LEAST_UTIMEOUT: u32 = 10_000;

/// What `timeout` and `utimeout` may ask for at the most, in microseconds (RFC 2349).
const LONGEST_TIMEOUT: u32 = 255 * SECOND;

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
    rollover: Rollover,
    /// 512 if neither option is there.
    blksize: u16,
    /// 1 if the option is not there.
    windowsize: u16,
    /// In microseconds; 0 if neither option is there.
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
        rollover: Rollover::Zero,
        present: 0,
    };

    const fn has(&self, kind: u8) -> bool {
        self.present & kind != 0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// The value of any option but `tsize`.
    fn value(&self, kind: u8) -> u32 {
        match kind {
            BLKSIZE | BLKSIZE2 => self.blksize.into(),
            WINDOWSIZE => self.windowsize.into(),
            ROLLOVER => (self.rollover == Rollover::One).into(),
            TIMEOUT => self.timeout / SECOND,
            _ => self.timeout,
        }
    }

    /// Takes up what a client asks for. `tsize` is 0 in a read request and the file's length in a write
    /// request, if that is known. Options that would make the request too long are left out.
    #[inline(never)]
    pub(crate) fn offer(&mut self, config: &Config, tsize: Option<u64>, bare_len: usize) {
        if !config.options {
            return;
        }
        self.blksize = config.blksize.clamp(MIN_BLKSIZE, MAX_BLKSIZE);
        self.windowsize = config.windowsize.clamp(1, MAX_WINDOWSIZE);
        let mut present = 0;
        if self.blksize != DEFAULT_BLKSIZE {
            present |= BLKSIZE;
        }
        if self.windowsize != 1 {
            present |= WINDOWSIZE;
        }
        if let Some(tsize) = tsize
            && config.tsize
        {
            self.tsize = tsize;
            present |= TSIZE;
        }
        if let Some(timeout) = &config.timeout {
            let (kind, least) = if timeout.subsec_micros() == 0 {
                (TIMEOUT, SECOND)
            } else {
                (UTIMEOUT, LEAST_UTIMEOUT)
            };
            self.timeout = micros32(timeout).clamp(least, LONGEST_TIMEOUT);
            present |= kind;
        }
        if config.rollover == Rollover::One {
            self.rollover = Rollover::One;
            present |= ROLLOVER;
        }
        self.present = present;
        let mut last = BLKSIZE2;
        while last > 0
            && Writer::measure(|writer| self.write(writer)).wrapping_add(bare_len) > MAX_REQUEST_LEN
        {
            self.present &= !last;
            last >>= 1;
        }
        self.reset_absent();
    }

    /// What no option speaks of is as in plain TFTP.
    const fn reset_absent(&mut self) {
        if !self.has(TIMEOUT) && !self.has(UTIMEOUT) {
            self.timeout = 0;
        }
        if !self.has(WINDOWSIZE) {
            self.windowsize = 1;
        }
        if !self.has(BLKSIZE) && !self.has(BLKSIZE2) {
            self.blksize = DEFAULT_BLKSIZE;
        }
    }

    /// Takes up what a server agrees to of a request's options: its own limits, no error for what it does
    /// not know or like (RFC 2347). The first of a repeated option counts. `tsize` is what a read
    /// request is told; `None` echoes the number of a write request.
    pub(crate) fn agree(
        &mut self,
        request: &Request<'_>,
        tsize: Option<Option<u64>>,
        limits: &Config,
    ) {
        if !limits.options {
            return;
        }
        let mut seen = 0_u8;
        for (name, text) in request.options() {
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
            if kind == other && self.has(standard) {
                continue;
            }
            let Some(mut value) = decimal(text) else {
                continue;
            };
            if kind == TSIZE {
                // The length of a translated text is not the length that the request means.
                match tsize.unwrap_or(Some(value)) {
                    Some(told) if request.mode() == Mode::Octet => value = told,
                    _ => continue,
                }
            }
            if self.grant(kind, value, limits) {
                self.present = self.present & !other | kind;
                self.keep_spelling(kind, name);
            }
        }
        // Last, for the block size may come after the window size.
        let blocks = limits
            .window_bytes
            .checked_div(self.blksize.into())
            .unwrap_or(1);
        let blocks = u16::try_from(blocks).unwrap_or(MAX_WINDOWSIZE).max(1);
        self.windowsize = self.windowsize.min(blocks);
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
                if small == 0 {
                    return false;
                }
                self.windowsize =
                    small.min(limits.windowsize.clamp(1, MAX_WINDOWSIZE).into()) as u16;
            }
            TSIZE => self.tsize = value,
            ROLLOVER => {
                self.rollover = match small {
                    0 => Rollover::Zero,
                    1 => Rollover::One,
                    _ => return false,
                };
            }
            // A time-out is answered as it is or not at all.
            _ => {
                let (unit, least) = if kind == TIMEOUT {
                    (SECOND, SECOND)
                } else {
                    (1, LEAST_UTIMEOUT)
                };
                let longest = limits.timeout.as_ref().map_or(LONGEST_TIMEOUT, micros32);
                let micros = small.saturating_mul(unit);
                if micros < least || micros > longest.min(LONGEST_TIMEOUT) {
                    return false;
                }
                self.timeout = micros;
            }
        }
        true
    }

    /// Remembers which letters of `name` are in upper case.
    #[inline(never)]
    fn keep_spelling(&mut self, kind: u8, name: &[u8]) {
        let mut bit = 1;
        let mut mark = 1;
        let mut letters = name.iter();
        for known in NAMES {
            if bit == kind && letters.next().is_some_and(u8::is_ascii_uppercase) {
                self.upper |= mark;
            }
            mark <<= 1;
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
        reason = "no size is larger than the one that was offered"
    )]
    pub(crate) fn accept(&mut self, answer: OptionIter<'_>, write: bool) -> bool {
        let offered = self.present;
        self.present = 0;
        for (name, text) in answer {
            let kind = find(name);
            let Some(value) = decimal(text) else {
                return false;
            };
            if kind & offered & !self.present == 0 {
                return false;
            }
            self.present |= kind;
            if kind == TSIZE {
                // Only the answer to a request for the size may be another number.
                if write && value != self.tsize {
                    return false;
                }
                self.tsize = value;
                continue;
            }
            let asked = self.value(kind);
            let least = match kind {
                BLKSIZE => MIN_BLKSIZE.into(),
                WINDOWSIZE => 1,
                _ => asked,
            };
            let value = u32::try_from(value).unwrap_or(u32::MAX);
            if value < least || value > asked {
                return false;
            }
            match kind {
                BLKSIZE => self.blksize = value as u16,
                WINDOWSIZE => self.windowsize = value as u16,
                _ => {}
            }
        }
        self.reset_absent();
        offered != 0
    }

    #[inline(never)]
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        let mut upper = self.upper;
        let mut bit = 1;
        for octet in NAMES {
            if self.has(bit) {
                let shift = if upper & 1 == 1 { b'a' ^ b'A' } else { 0 };
                writer.octet(octet ^ shift);
                if *octet == 0 {
                    writer.decimal(if bit == TSIZE {
                        self.tsize
                    } else {
                        self.value(bit).into()
                    });
                    writer.octet(0);
                }
            }
            upper >>= 1;
            if *octet == 0 {
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
        self.timeout
    }

    pub(crate) fn rollover(&self) -> Option<Rollover> {
        self.has(ROLLOVER).then_some(self.rollover)
    }

    /// No option was acknowledged: they count as never sent (RFC 2347).
    pub(crate) const fn forget(&mut self) {
        self.present = 0;
        self.reset_absent();
    }

    /// `rollover` is what follows block 65535 if no option says so.
    #[inline(never)]
    pub(crate) fn negotiated(&self, rollover: Rollover) -> Negotiated {
        Negotiated {
            blksize: self.blksize,
            windowsize: self.windowsize,
            timeout: match self.timeout {
                0 => None,
                micros => Some(Duration::from_micros(micros.into())),
            },
            tsize: self.tsize(),
            rollover: self.rollover().unwrap_or(rollover),
        }
    }
}

/// The value of the first `tsize`, if it is a number.
pub(crate) fn tsize(options: Options<'_>) -> Option<u64> {
    let (_, text) = options.iter().find(|(name, _)| find(name) == TSIZE)?;
    decimal(text)
}
