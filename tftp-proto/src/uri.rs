//! `tftp:` URIs (RFC 3617 section 2), with the host forms of RFC 3986 and the port that everybody accepts.
//!
//! The boot file name of DHCP option 67 is not a URI and must not be parsed as one: it may contain
//! `?`, `#` and `\`. See [`dhcp`](crate::dhcp).

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use heapless::Vec;

use crate::Mode;

/// The port of requests (RFC 1350 section 4), and of a URI that names none.
pub const DEFAULT_PORT: u16 = 69;

/// The longest file name that a request of 512 octets holds, with the shorter of the modes.
const MAX_FILE: usize = 503;

/// Why a text is not a `tftp:` URI, or not a host.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UriError {
    /// It does not begin with `tftp://`.
    Scheme,
    /// The host is empty, or neither a name nor an address. A user name before it counts as part of
    /// it, and is refused.
    Host,
    /// What follows the host's colon is not a number in 1..=65535.
    Port,
    /// There is no file name after the host and its slash.
    NoFile,
    /// A `%` without two hexadecimal digits after it.
    Escape,
    /// The file name has an octet 0, which no request can carry.
    ZeroOctet,
    /// The file name has a character that must be written as `%XX`, such as `?`, `#` or a blank.
    Character,
    /// What follows the semicolon is neither `mode=octet` nor `mode=netascii`.
    Mode,
    /// The decoded file name does not fit a request of 512 octets (RFC 2347).
    TooLong,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "URI does not begin with tftp://",
            Self::Host => "host is neither a name nor an address",
            Self::Port => "port is not a number from 1 to 65535",
            Self::NoFile => "URI has no file name",
            Self::Escape => "percent sign without two hexadecimal digits",
            Self::ZeroOctet => "file name contains a zero octet",
            Self::Character => "file name has a character that must be percent-encoded",
            Self::Mode => "parameter is neither mode=octet nor mode=netascii",
            Self::TooLong => "file name does not fit a request of 512 octets",
        })
    }
}

impl core::error::Error for UriError {}

/// Whom to ask.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 3986 section 3.2.2 has these three forms"
)]
pub enum Host<'a> {
    /// A name to look up: labels of letters, digits, `-` and `_`, the last one not a number.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6 {
        /// The address.
        address: Ipv6Addr,
        /// The zone of a link-local address as it was written, an interface's name or number
        /// (RFC 4007 section 11).
        scope: Option<&'a str>,
    },
}

impl<'a> Host<'a> {
    /// Reads a host that stands alone, as in DHCP option 66 or on a command line. An IPv6 address
    /// may be in brackets or not.
    ///
    /// # Errors
    /// [`UriError::Host`] if it is neither a name nor an address.
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        if let Some(inner) = text.strip_prefix('[') {
            return Self::v6(inner.strip_suffix(']').ok_or(UriError::Host)?);
        }
        if text.contains(':') {
            return Self::v6(text);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::V4(address));
        }
        if is_name(text) {
            Ok(Self::Name(text))
        } else {
            Err(UriError::Host)
        }
    }

    fn v6(text: &'a str) -> Result<Self, UriError> {
        let (address, scope) = match text.split_once('%') {
            // RFC 6874 writes the zone's separator as %25, people write it bare. %25 alone can only
            // be the bare form of interface 25.
            Some((address, scope)) => match scope.strip_prefix("25") {
                Some(escaped) if !escaped.is_empty() => (address, Some(escaped)),
                _ => (address, Some(scope)),
            },
            None => (text, None),
        };
        if scope.is_some_and(|scope| scope.is_empty() || !scope.bytes().all(is_unreserved)) {
            return Err(UriError::Host);
        }
        let address = address.parse().map_err(|_| UriError::Host)?;
        Ok(Self::V6 { address, scope })
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6 {
                address,
                scope: None,
            } => address.fmt(f),
            Self::V6 {
                address,
                scope: Some(scope),
            } => write!(f, "{address}%{scope}"),
        }
    }
}

/// Letters, digits, `-` and `_` between dots, 255 octets at most, and a last label that is not all
/// digits (RFC 1123 section 2.1): a mistyped address must not be looked up as a name.
fn is_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    text.len() <= 255
        && text.split('.').all(label)
        && text
            .rsplit('.')
            .next()
            .is_some_and(|last| !last.bytes().all(|octet| octet.is_ascii_digit()))
}

/// RFC 3986 section 2.3.
const fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

/// What may stand for itself in a file name. RFC 3617 has the unreserved characters only; slashes
/// and the rest of RFC 3986's path characters are what everybody writes. The semicolon is not here
/// because it starts the mode.
const fn is_path(octet: u8) -> bool {
    is_unreserved(octet)
        || matches!(
            octet,
            b'/' | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
        )
}

/// A server, a file on it, and a mode: `tftp://host[:port]/file[;mode=octet|netascii]`.
///
/// ```
/// use tftp_proto::{Mode, uri::{Host, Uri}};
///
/// let uri = Uri::parse("tftp://boot.example/images/a%20b;mode=netascii").unwrap();
/// assert_eq!(uri.host(), Host::Name("boot.example"));
/// assert_eq!((uri.port(), uri.file(), uri.mode()), (69, &b"images/a b"[..], Mode::Netascii));
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Uri<'a> {
    host: Host<'a>,
    port: u16,
    file: Vec<u8, MAX_FILE>,
    mode: Mode,
}

impl<'a> Uri<'a> {
    /// Reads a URI.
    ///
    /// The slash after the host is not part of the file name: a name that begins with one is written
    /// `tftp://host//name`. Escapes are decoded once. Scheme, mode and hexadecimal digits may be in
    /// either case.
    ///
    /// # Errors
    /// The first fault from left to right, see [`UriError`].
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        let rest = after_scheme(text).ok_or(UriError::Scheme)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host_and_port(authority)?;
        let (name, parameter) = match path.split_once(';') {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (path, None),
        };
        let file = decode(name)?;
        let mode = parameter.map_or(Ok(Mode::Octet), parse_mode)?;
        Ok(Self {
            host,
            port,
            file,
            mode,
        })
    }

    /// The server.
    #[must_use]
    pub const fn host(&self) -> Host<'a> {
        self.host
    }

    /// The server's port, [`DEFAULT_PORT`] if the URI names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The file name after decoding, 1 to 503 octets without a zero.
    #[must_use]
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// The mode, octet if the URI names none (RFC 3617 section 2).
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uri")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("file", &format_args!("\"{}\"", self.file.escape_ascii()))
            .field("mode", &self.mode)
            .finish()
    }
}

/// What follows `tftp://`.
pub(crate) fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked("tftp://".len())?;
    scheme.eq_ignore_ascii_case("tftp://").then_some(rest)
}

/// What stands between `tftp://` and the slash.
pub(crate) fn host_and_port(authority: &str) -> Result<(Host<'_>, u16), UriError> {
    // The colons inside brackets are the address's own.
    let bracket = authority.rfind(']');
    let (host, port) = match authority.rfind(':') {
        Some(colon) if bracket.is_none_or(|bracket| bracket < colon) => authority
            .split_at_checked(colon)
            .map_or((authority, None), |(host, port)| (host, port.get(1..))),
        _ => (authority, None),
    };
    // RFC 3986 requires the brackets here: without them the port could not be told apart. There is
    // nobody to tell a user's name or password to.
    if authority.contains('@') || host.contains(':') && !host.starts_with('[') {
        return Err(UriError::Host);
    }
    Ok((
        Host::parse(host)?,
        port.map_or(Ok(DEFAULT_PORT), parse_port)?,
    ))
}

fn parse_port(digits: &str) -> Result<u16, UriError> {
    // `parse` alone would take a sign.
    if !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(UriError::Port);
    }
    digits
        .parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or(UriError::Port)
}

fn parse_mode(parameter: &str) -> Result<Mode, UriError> {
    let (key, value) = parameter.split_once('=').ok_or(UriError::Mode)?;
    if !key.eq_ignore_ascii_case("mode") {
        return Err(UriError::Mode);
    }
    Mode::from_bytes(value.as_bytes()).ok_or(UriError::Mode)
}

fn decode(name: &str) -> Result<Vec<u8, MAX_FILE>, UriError> {
    let mut file = Vec::new();
    let mut octets = name.bytes();
    while let Some(octet) = octets.next() {
        let octet = match octet {
            b'%' => match (octets.next().and_then(hex), octets.next().and_then(hex)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(UriError::Escape),
            },
            plain if is_path(plain) => plain,
            _ => return Err(UriError::Character),
        };
        if octet == 0 {
            return Err(UriError::ZeroOctet);
        }
        file.push(octet).map_err(|_| UriError::TooLong)?;
    }
    if file.is_empty() {
        return Err(UriError::NoFile);
    }
    Ok(file)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(feature = "defmt")]
impl defmt::Format for Uri<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Uri {{ {}, port {=u16}, {=[u8]:a}, {} }}",
            self.host,
            self.port,
            self.file(),
            self.mode
        );
    }
}
