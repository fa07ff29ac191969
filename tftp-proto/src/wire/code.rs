//! What an ERROR packet carries: a code and a text.

use core::fmt::{self, Write as _};

/// The code of an ERROR packet (RFC 1350 appendix, RFC 2347).
///
/// Every 16-bit value is representable, because a peer can send any: one that is not in the
/// table ends a transfer like [`ErrorCode::NOT_DEFINED`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_structs,
    reason = "a code is its 16 bits and nothing else"
)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// 0: the text says what happened.
    pub const NOT_DEFINED: Self = Self(0);
    /// 1: there is no such file.
    pub const FILE_NOT_FOUND: Self = Self(1);
    /// 2: the file may not be read, or not be written.
    pub const ACCESS_VIOLATION: Self = Self(2);
    /// 3: no room for the file, or more than the receiver allows.
    pub const DISK_FULL: Self = Self(3);
    /// 4: a packet that makes no sense.
    pub const ILLEGAL_OPERATION: Self = Self(4);
    /// 5: a packet from a port that takes no part in the transfer.
    pub const UNKNOWN_TID: Self = Self(5);
    /// 6: an upload would overwrite a file that it may not overwrite.
    pub const FILE_EXISTS: Self = Self(6);
    /// 7: there is no such user (obsolete with mail mode).
    pub const NO_SUCH_USER: Self = Self(7);
    /// 8: an option or its value is unacceptable (RFC 2347).
    pub const OPTION_NEGOTIATION: Self = Self(8);

    /// The text that this library sends with the code: fixed, so that nothing local leaks.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self.0 {
            1 => "file not found",
            2 => "access violation",
            3 => "disk full or allocation exceeded",
            4 => "illegal operation",
            5 => "unknown transfer ID",
            6 => "file already exists",
            7 => "no such user",
            8 => "option negotiation failed",
            _ => "error",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message(), self.0)
    }
}

/// The text of an ERROR packet: octets from the network, meant for a person, trusted by nobody.
///
/// `Display` escapes all but printable ASCII, so that a text can be logged or shown as it is.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a text is its octets and nothing else"
)]
pub struct Text<'b>(pub &'b [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for escaped in self.0.iter().flat_map(|octet| octet.escape_ascii()) {
            f.write_char(char::from(escaped))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Text<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=[u8]:a}", self.0);
    }
}
