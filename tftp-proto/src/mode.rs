//! The transfer modes that are left (RFC 1350 section 1; RFC 1123 section 4.2.2.1 retired `mail`).

/// How the octets of a file travel.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 1123 leaves two modes, and no registry can add one"
)]
pub enum Mode {
    /// As they are; a file that is fetched and sent back is unchanged.
    #[default]
    Octet,
    /// As text with CR LF line ends. The machines carry the encoded octets; whoever owns the file
    /// converts them with [`netascii`](crate::netascii).
    Netascii,
}

impl Mode {
    /// The mode that a request names, ASCII case ignored (RFC 1350 section 5).
    ///
    /// `None` is for everything else: `mail`, and the aliases `ascii` and `binary` of some clients.
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

    /// The word that a request carries, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Octet => "octet",
            Self::Netascii => "netascii",
        }
    }
}
