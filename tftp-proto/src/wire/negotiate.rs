//! The options that this library knows, as numbers: offered, agreed, checked.

use core::time::Duration;

use super::{
    DEFAULT_BLKSIZE, MAX_BLKSIZE, MAX_REQUEST_LEN, MAX_WINDOWSIZE, MIN_BLKSIZE, Options, Writer,
};
use crate::{Config, Mode, Negotiated, Rollover, time::micros32};

/// The options that this library knows. The order is that in which they are sent; when a request
/// becomes too long they are dropped from the back, so that the worthiest come first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Blksize,
    Windowsize,
    Tsize,
    Timeout,
    Utimeout,
    Rollover,
    Blksize2,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Blksize,
        Self::Windowsize,
        Self::Tsize,
        Self::Timeout,
        Self::Utimeout,
        Self::Rollover,
        Self::Blksize2,
    ];

    const fn name(self) -> &'static [u8] {
        match self {
            Self::Blksize => b"blksize",
            Self::Windowsize => b"windowsize",
            Self::Tsize => b"tsize",
            Self::Timeout => b"timeout",
            Self::Utimeout => b"utimeout",
            Self::Rollover => b"rollover",
            Self::Blksize2 => b"blksize2",
        }
    }

    /// Names are compared without regard to case (RFC 2347).
    fn find(name: &[u8]) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Plain decimal digits only: no sign, blank or other base. Leading zeros count for nothing.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, octet| {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 || number > u64::MAX / 10 {
            return None;
        }
        number.wrapping_mul(10).checked_add(u64::from(digit))
    })
}

/// Some of the known options, each with a value that is in range.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct OptionSet {
    tsize: u64,
    /// A bit for each letter of each name: whether the peer wrote it in upper case. An OACK copies
    /// the request's spelling (RFC 2347), and some clients insist on it.
    upper: u64,
    utimeout: u32,
    blksize: u16,
    windowsize: u16,
    timeout: u8,
    rollover: u8,
    present: u8,
}

impl OptionSet {
    const fn has(&self, kind: Kind) -> bool {
        self.present & kind.bit() != 0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.present == 0
    }

    fn value(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Blksize | Kind::Blksize2 => u64::from(self.blksize),
            Kind::Windowsize => u64::from(self.windowsize),
            Kind::Tsize => self.tsize,
            Kind::Timeout => u64::from(self.timeout),
            Kind::Utimeout => u64::from(self.utimeout),
            Kind::Rollover => u64::from(self.rollover),
        }
    }

    /// Takes `value` up if the rules of `kind` allow it.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each cast follows the check of its range"
    )]
    fn set(&mut self, kind: Kind, value: u64) -> bool {
        let range = match kind {
            Kind::Blksize | Kind::Blksize2 => MIN_BLKSIZE as u64..=MAX_BLKSIZE as u64,
            Kind::Windowsize => 1..=MAX_WINDOWSIZE as u64,
            Kind::Tsize => 0..=u64::MAX,
            Kind::Timeout => 1..=255,
            Kind::Utimeout => 10_000..=255_000_000,
            Kind::Rollover => 0..=1,
        };
        if !range.contains(&value) {
            return false;
        }
        match kind {
            Kind::Blksize | Kind::Blksize2 => self.blksize = value as u16,
            Kind::Windowsize => self.windowsize = value as u16,
            Kind::Tsize => self.tsize = value,
            Kind::Timeout => self.timeout = value as u8,
            Kind::Utimeout => self.utimeout = value as u32,
            Kind::Rollover => self.rollover = value as u8,
        }
        self.present |= kind.bit();
        true
    }

    /// What a client asks for. `tsize` is 0 in a read request and the file's length in a write
    /// request, if that is known. Options that would make the request too long are left out.
    pub(crate) fn offer(config: &Config, tsize: Option<u64>, bare_len: usize) -> Self {
        let mut offer = Self::default();
        if !config.options {
            return offer;
        }
        let mut room = MAX_REQUEST_LEN.saturating_sub(bare_len);
        let mut ask = |kind: Kind, value: u64| {
            let len = Writer::measure(|writer| {
                writer.string(kind.name());
                writer.decimal(value);
                writer.octet(0);
            });
            if let Some(left) = room.checked_sub(len)
                && offer.set(kind, value)
            {
                room = left;
            }
        };
        if config.blksize != DEFAULT_BLKSIZE {
            ask(
                Kind::Blksize,
                u64::from(config.blksize.clamp(MIN_BLKSIZE, MAX_BLKSIZE)),
            );
        }
        if config.windowsize > 1 {
            ask(
                Kind::Windowsize,
                u64::from(config.windowsize.min(MAX_WINDOWSIZE)),
            );
        }
        if let Some(tsize) = tsize.filter(|_| config.tsize) {
            ask(Kind::Tsize, tsize);
        }
        match config.timeout {
            Some(timeout) if timeout.subsec_micros() == 0 => {
                ask(Kind::Timeout, timeout.as_secs().clamp(1, 255))
            }
            Some(timeout) => ask(
                Kind::Utimeout,
                u64::from(micros32(timeout).clamp(10_000, 255_000_000)),
            ),
            None => {}
        }
        if config.rollover == Rollover::One {
            ask(Kind::Rollover, 1);
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
        let mut agreed = Self::default();
        if !limits.options {
            return agreed;
        }
        let mut seen = 0_u8;
        for (name, text) in requested {
            let Some(kind) = Kind::find(name).filter(|kind| seen & kind.bit() == 0) else {
                continue;
            };
            seen |= kind.bit();
            let Some(value) =
                decimal(text).and_then(|value| limit(kind, value, mode, tsize, limits))
            else {
                continue;
            };
            // Two spellings of one thing: the standard option wins, whichever comes first.
            let (standard, other) = match kind {
                Kind::Blksize | Kind::Blksize2 => (Kind::Blksize, Kind::Blksize2),
                _ => (Kind::Timeout, Kind::Utimeout),
            };
            if kind == other && agreed.has(standard) {
                continue;
            }
            if agreed.set(kind, value) {
                agreed.keep_spelling(kind, name);
                if kind == standard {
                    agreed.present &= !other.bit();
                }
            }
        }
        // Last, for the block size may come after the window size.
        if agreed.has(Kind::Windowsize) {
            let blocks = limits
                .window_bytes
                .checked_div(agreed.blksize().into())
                .unwrap_or(1);
            let blocks = u16::try_from(blocks).unwrap_or(MAX_WINDOWSIZE).max(1);
            agreed.windowsize = agreed.windowsize.min(blocks);
        }
        agreed
    }

    /// Remembers which letters of `name` are in upper case.
    fn keep_spelling(&mut self, kind: Kind, name: &[u8]) {
        let mut bit = 1_u64;
        for known in &Kind::ALL {
            for (letter, _) in known.name().iter().enumerate() {
                let spelt = name.get(letter).filter(|_| *known == kind);
                if spelt.is_some_and(u8::is_ascii_uppercase) {
                    self.upper |= bit;
                }
                bit <<= 1;
            }
        }
    }

    /// What a client makes of an OACK: `None` if it has an option that was not offered, one twice,
    /// or a value that is not allowed (RFC 2347, 2348, 2349, 7440).
    pub(crate) fn accept(offer: &Self, answer: Options<'_>, write: bool) -> Option<Self> {
        let mut agreed = Self::default();
        for (name, text) in answer {
            let kind = Kind::find(name).filter(|kind| offer.has(*kind) && !agreed.has(*kind))?;
            let value = decimal(text)?;
            let asked = offer.value(kind);
            let allowed = match kind {
                Kind::Blksize | Kind::Blksize2 | Kind::Windowsize => value <= asked,
                Kind::Tsize => !write || value == asked,
                Kind::Timeout | Kind::Utimeout | Kind::Rollover => value == asked,
            };
            if !allowed || !agreed.set(kind, value) {
                return None;
            }
        }
        Some(agreed)
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        let mut upper = self.upper;
        for kind in &Kind::ALL {
            let present = self.has(*kind);
            for octet in kind.name() {
                if present {
                    let shift = if upper & 1 == 1 { b'a' ^ b'A' } else { 0 };
                    writer.octet(octet ^ shift);
                }
                upper >>= 1;
            }
            if present {
                writer.octet(0);
                writer.decimal(self.value(*kind));
                writer.octet(0);
            }
        }
    }

    pub(crate) const fn blksize(&self) -> u16 {
        if self.has(Kind::Blksize) || self.has(Kind::Blksize2) {
            self.blksize
        } else {
            DEFAULT_BLKSIZE
        }
    }

    pub(crate) const fn windowsize(&self) -> u16 {
        if self.has(Kind::Windowsize) {
            self.windowsize
        } else {
            1
        }
    }

    pub(crate) fn tsize(&self) -> Option<u64> {
        self.has(Kind::Tsize).then_some(self.tsize)
    }

    /// The agreed time-out in microseconds, 0 if there is none.
    pub(crate) fn timeout_micros(&self) -> u32 {
        if self.has(Kind::Timeout) {
            u32::from(self.timeout).saturating_mul(1_000_000)
        } else if self.has(Kind::Utimeout) {
            self.utimeout
        } else {
            0
        }
    }

    pub(crate) fn rollover(&self) -> Option<Rollover> {
        self.has(Kind::Rollover).then_some(if self.rollover == 1 {
            Rollover::One
        } else {
            Rollover::Zero
        })
    }

    pub(crate) fn negotiated(&self, rollover: Rollover) -> Negotiated {
        Negotiated {
            blksize: self.blksize(),
            windowsize: self.windowsize(),
            timeout: match self.timeout_micros() {
                0 => None,
                micros => Some(Duration::from_micros(u64::from(micros))),
            },
            tsize: self.tsize(),
            rollover,
        }
    }
}

/// The value that a server answers `value` with; `None` leaves the option out.
fn limit(
    kind: Kind,
    value: u64,
    mode: Mode,
    tsize: Option<Option<u64>>,
    limits: &Config,
) -> Option<u64> {
    let blksize = u64::from(limits.blksize.clamp(MIN_BLKSIZE, MAX_BLKSIZE));
    match kind {
        Kind::Blksize => Some(value.min(blksize)),
        // The largest power of two, at most 32,768, that both sides allow.
        Kind::Blksize2 => value
            .min(blksize)
            .min(32_768)
            .checked_ilog2()
            .map(|log| 1 << log),
        Kind::Windowsize => Some(value.min(u64::from(limits.windowsize.clamp(1, MAX_WINDOWSIZE)))),
        // The length of a translated text is not the length that the request means.
        Kind::Tsize if mode == Mode::Netascii => None,
        Kind::Tsize => tsize.unwrap_or(Some(value)),
        // A time-out is answered as it is or not at all.
        Kind::Timeout | Kind::Utimeout => {
            let micros = if kind == Kind::Timeout {
                value.saturating_mul(1_000_000)
            } else {
                value
            };
            let longest = limits
                .timeout
                .map_or(u64::MAX, |longest| u64::from(micros32(longest)));
            (micros <= longest).then_some(value)
        }
        Kind::Rollover => Some(value),
    }
}

/// The value of the first `tsize`, if it is a number.
pub(crate) fn tsize(options: Options<'_>) -> Option<u64> {
    let (_, text) = options
        .iter()
        .find(|(name, _)| Kind::find(name) == Some(Kind::Tsize))?;
    decimal(text)
}
