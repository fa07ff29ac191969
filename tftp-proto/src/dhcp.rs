//! What DHCP says about TFTP: the values of options 66, 67 and 150 of DHCPv4.
//!
//! Option 150 wins over 66 where both are present (RFC 5859 section 3). DHCPv6 option 59 is a URL
//! (RFC 5970) and needs nothing but [`Uri::parse`].

use core::net::Ipv4Addr;

use crate::uri::{Host, Uri, UriError, after_scheme, host_and_port};

/// The value of option 66, TFTP server name (RFC 2132 section 9.4).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_enums,
    reason = "the value names a file or it does not"
)]
#[expect(
    clippy::large_enum_variant,
    reason = "a value lives for the length of a decision, and there is no heap to box it on"
)]
pub enum ServerName<'a> {
    /// A server; option 67 or the device itself knows the file.
    Host {
        /// Whom to ask.
        host: Host<'a>,
        /// The port to ask at.
        port: u16,
    },
    /// A whole URL, as some phones are given: it names the file too.
    Uri(Uri<'a>),
}

/// Reads the value of option 66: a name, an address, or a `tftp://` URL with or without a file.
///
/// Zeros at its end are ignored, as RFC 2132 section 2 demands.
///
/// # Errors
/// [`UriError::Host`] if it is none of these, otherwise what is wrong with the URL.
pub fn server_name(value: &[u8]) -> Result<ServerName<'_>, UriError> {
    let text = str::from_utf8(trim(value)).map_err(|_| UriError::Host)?;
    let Some(rest) = after_scheme(text) else {
        let host = Host::parse(text)?;
        let port = crate::uri::DEFAULT_PORT;
        return Ok(ServerName::Host { host, port });
    };
    match rest.split_once('/') {
        Some((_, file)) if !file.is_empty() => Uri::parse(text).map(ServerName::Uri),
        without_file => {
            let (host, port) =
                host_and_port(without_file.map_or(rest, |(authority, _)| authority))?;
            Ok(ServerName::Host { host, port })
        }
    }
}

/// Reads the value of option 67, boot file name (RFC 2132 section 9.5), for
/// [`Request::new`](crate::Request::new) as it is: it is no URI, and `?`, `#`, `%` and `\` are
/// ordinary characters in it.
///
/// Zeros at its end are ignored. `None` if nothing is left, or if a zero is left in the middle.
#[must_use]
pub fn boot_file(value: &[u8]) -> Option<&[u8]> {
    let name = trim(value);
    (!name.is_empty() && !name.contains(&0)).then_some(name)
}

/// Reads the value of option 150: servers in the order in which to try them (RFC 5859 section 3).
///
/// `None` if the length is not a non-zero multiple of 4, in which case the option is to be ignored.
#[must_use]
pub fn servers(value: &[u8]) -> Option<impl Iterator<Item = Ipv4Addr> + Clone> {
    let (addresses, rest) = value.as_chunks::<4>();
    (!addresses.is_empty() && rest.is_empty())
        .then(|| addresses.iter().map(|octets| Ipv4Addr::from(*octets)))
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [front @ .., 0] = value {
        value = front;
    }
    value
}
