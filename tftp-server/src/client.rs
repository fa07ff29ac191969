//! Who counts as one client.

use core::net::{IpAddr, Ipv6Addr};

/// The client that has the address `peer`, for whatever is counted by client: the address, or with IPv6 its
/// network of 64 bits, of which a host has as many addresses as it likes. A link-local address stands for
/// itself, as all hosts of a link have one network there. A socket for both families says an IPv4 address in IPv6.
pub(crate) fn client(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) if !address.is_unicast_link_local() => {
            let network = address.to_bits() & !(u128::MAX >> 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_one(one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(|text| client(text.parse().unwrap()));
        one == other
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        assert!(are_one("2001:db8::1", "2001:db8::2"));
        assert!(!are_one("2001:db8::1", "2001:db8:0:1::1"));
    }

    #[test]
    fn ipv4_addresses_in_ipv6_are_clients_of_their_own() {
        assert!(!are_one("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
        assert!(are_one("::ffff:192.0.2.1", "192.0.2.1"));
    }

    #[test]
    fn link_local_addresses_are_clients_of_their_own() {
        assert!(!are_one("fe80::1", "fe80::2"));
    }
}
