//! Options as they stand in a packet: pairs of zero-terminated strings (RFC 2347).

use core::fmt;

use super::{Writer, request::string};
use crate::Text;

/// The options of a request or an OACK: pairs of a name and a value, in the packet's own spelling.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Options<'b> {
    /// Whole pairs, each string with its zero; the last zero may be missing in a lenient decode.
    pairs: &'b [u8],
}

impl<'b> Options<'b> {
    /// No options.
    pub const NONE: Self = Self { pairs: &[] };

    /// Reads the pairs at the start of `octets`, each string ended by a zero octet.
    ///
    /// An empty name ends the options: what follows is padding. So does a pair that is not
    /// complete, such as a name without a value.
    #[must_use]
    pub fn from_bytes(octets: &'b [u8]) -> Self {
        Self::decode(octets, false)
    }

    pub(super) fn decode(octets: &'b [u8], lenient: bool) -> Self {
        let mut pairs = OptionIter {
            rest: octets,
            lenient,
        };
        while pairs.next().is_some() {}
        let used = octets.len().saturating_sub(pairs.rest.len());
        Self {
            pairs: octets.get(..used).unwrap_or_default(),
        }
    }

    /// The pairs in their order, names and values as they were spelt.
    #[must_use]
    pub const fn iter(&self) -> OptionIter<'b> {
        OptionIter {
            rest: self.pairs,
            lenient: true,
        }
    }

    /// Whether there is no pair.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The pairs of an OACK, without a look ahead at where they end.
    pub(crate) const fn pairs(octets: &'b [u8]) -> OptionIter<'b> {
        OptionIter {
            rest: octets,
            lenient: false,
        }
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.octets(self.pairs);
        if self.pairs.last().is_some_and(|last| *last != 0) {
            writer.octet(0);
        }
    }
}

impl<'b> IntoIterator for Options<'b> {
    type Item = (&'b [u8], &'b [u8]);
    type IntoIter = OptionIter<'b>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (Text(name), Text(value))))
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Options<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        for (name, value) in self.iter() {
            defmt::write!(f, "{}={} ", Text(name), Text(value));
        }
    }
}

/// The pairs of [`Options`], name first.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OptionIter<'b> {
    rest: &'b [u8],
    /// The end of the input ends a value as a zero does.
    lenient: bool,
}

impl<'b> Iterator for OptionIter<'b> {
    type Item = (&'b [u8], &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (rest, name) = string(self.rest).ok()?;
        if name.is_empty() {
            return None;
        }
        let (rest, value) = match string(rest) {
            Ok(parts) => parts,
            Err(_) if self.lenient && !rest.is_empty() => (&[][..], rest),
            Err(_) => return None,
        };
        self.rest = rest;
        Some((name, value))
    }
}
