//! What DHCP says about where to boot from.

use core::net::Ipv4Addr;

use heapless::Vec;
use smoltcp::wire::{DhcpPacket, IpEndpoint};
use tftp_proto::{
    dhcp::{self, ServerName},
    uri::{DEFAULT_PORT, Host, Uri},
};

/// The options to ask a DHCP server for: the usual three, TFTP server name, boot file name, and TFTP
/// server addresses.
pub(crate) const WANTED: &[u8] = &[
    1,
    3,
    6,
    OPTION_SERVER_NAME,
    OPTION_BOOT_FILE,
    OPTION_SERVERS,
];

const OPTION_OVERLOAD: u8 = 52;
const OPTION_SERVER_NAME: u8 = 66;
const OPTION_BOOT_FILE: u8 = 67;
const OPTION_SERVERS: u8 = 150;

/// The longest name of a manifest: what the fixed field of the packet holds.
const NAME_LEN: usize = 128;
const SERVERS: usize = 4;

/// Servers in the order in which to try them, and the name of the manifest.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Offer {
    /// Where to ask.
    pub servers: Vec<IpEndpoint, SERVERS>,
    /// What to ask for; empty if the offer does not say.
    pub name: Vec<u8, NAME_LEN>,
}

impl Offer {
    /// Reads a DHCP packet.
    ///
    /// Servers: option 150, else option 66 if it is an address (this device has no resolver for a name),
    /// else the packet's `siaddr` (RFC 5859 section 3). Name: option 67, else the packet's `file`. A name
    /// that is a whole `tftp://` URI with an address also says which server to ask at which port.
    #[must_use]
    pub fn read(packet: &DhcpPacket<&[u8]>) -> Self {
        let option = |kind: u8| packet.options().find(|option| option.kind == kind);
        let mut offer = Self::default();

        let listed = option(OPTION_SERVERS).map(|option| option.data);
        if let Some(listed) = listed.and_then(dhcp::servers) {
            for server in listed {
                offer.add(server, DEFAULT_PORT);
            }
        }
        if offer.servers.is_empty()
            && let Some(option) = option(OPTION_SERVER_NAME)
        {
            offer.take_server_name(option.data);
        }
        if offer.servers.is_empty() {
            offer.add(packet.server_ip(), DEFAULT_PORT);
        }

        // Option 52 says that the fixed field holds options instead.
        let overloaded = option(OPTION_OVERLOAD)
            .is_some_and(|option| option.data.first().is_some_and(|fields| fields & 1 != 0));
        let name = option(OPTION_BOOT_FILE).and_then(|option| dhcp::boot_file(option.data));
        if let Some(name) = name {
            offer.take_name(name);
        } else if !overloaded && let Ok(name) = packet.get_boot_file() {
            offer.take_name(name.as_bytes());
        }
        offer
    }

    fn take_server_name(&mut self, value: &[u8]) {
        match dhcp::server_name(value) {
            Ok(ServerName::Host {
                host: Host::V4(address),
                port,
            }) => self.add(address, port),
            Ok(ServerName::Uri(uri)) => self.take_uri(&uri),
            Ok(ServerName::Host { .. }) | Err(_) => {}
        }
    }

    /// Option 67 is no URI (RFC 2132 section 9.5), but a server whose port is not 69 can be named in no
    /// other way, and no file's name begins with `tftp://`.
    fn take_name(&mut self, name: &[u8]) {
        let uri = str::from_utf8(name)
            .ok()
            .and_then(|text| Uri::parse(text).ok());
        if let Some(uri) = uri {
            self.take_uri(&uri);
        } else if let Ok(name) = Vec::from_slice(name) {
            self.name = name;
        }
    }

    fn take_uri(&mut self, uri: &Uri<'_>) {
        if let Host::V4(address) = uri.host()
            && let Ok(name) = Vec::from_slice(uri.file())
        {
            self.servers.clear();
            self.add(address, uri.port());
            self.name = name;
        }
    }

    fn add(&mut self, address: Ipv4Addr, port: u16) {
        if !address.is_unspecified() {
            // A fifth server is one too many to wait for.
            let _ = self.servers.push(IpEndpoint::new(address.into(), port));
        }
    }
}
