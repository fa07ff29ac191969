//! placeholder replaced by the branch proto-text

/// Transfer mode.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "RFC 1123 leaves two modes")]
pub enum Mode {
    /// octet
    #[default]
    Octet,
    /// netascii
    Netascii,
}

impl Mode {
    /// parse
    #[must_use]
    pub const fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.eq_ignore_ascii_case(b"octet") {
            Some(Self::Octet)
        } else if bytes.eq_ignore_ascii_case(b"netascii") {
            Some(Self::Netascii)
        } else {
            None
        }
    }

    /// text
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Octet => "octet",
            Self::Netascii => "netascii",
        }
    }
}
