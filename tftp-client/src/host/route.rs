//! The block size that fits the route to a server.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::{io, net::UdpSocket};

use tftp_proto::{DATA_HEADER_LEN, DEFAULT_BLKSIZE};

/// The MTU of Ethernet: what is assumed if the system does not tell, and the most that is trusted, as
/// jumbo frames at this end say nothing of the other.
const ETHERNET_MTU: u32 = 1500;

const UDP_HEADER_LEN: u32 = 8;

/// The largest block that reaches `server` in one piece: 1468 octets over IPv4 and 1448 over IPv6 if
/// the route begins with an Ethernet or better, less over a tunnel, never below 512.
///
/// A datagram that is cut into fragments is lost with any of them, and some paths drop them all.
///
/// # Errors
/// If there is no route to `server`.
pub fn route_blksize(server: SocketAddr) -> io::Result<u16> {
    let room = whole_blksize(server)?.min(blksize_of(ETHERNET_MTU, server));
    Ok(u16::try_from(room)
        .unwrap_or(DEFAULT_BLKSIZE)
        .max(DEFAULT_BLKSIZE))
}

/// The largest block that leaves this host in one piece.
pub(super) fn whole_blksize(server: SocketAddr) -> io::Result<u32> {
    let socket = UdpSocket::bind(unspecified(server, 0))?;
    // No datagram is sent: this only looks up the route, which a broadcast address (RFC 906) has as well.
    if server.is_ipv4() {
        socket.set_broadcast(true)?;
    }
    socket.connect(server)?;
    let mtu = route_mtu(&socket, server).unwrap_or(ETHERNET_MTU);
    Ok(blksize_of(mtu, server))
}

const fn blksize_of(mtu: u32, server: SocketAddr) -> u32 {
    let ip_header_len = if server.is_ipv4() { 20 } else { 40 };
    mtu.saturating_sub(ip_header_len)
        .saturating_sub(UDP_HEADER_LEN)
        .saturating_sub(DATA_HEADER_LEN as u32)
}

#[cfg(target_os = "linux")]
fn route_mtu(socket: &UdpSocket, server: SocketAddr) -> Option<u32> {
    use rustix::net::sockopt;
    let mtu = match server {
        SocketAddr::V4(_) => sockopt::ip_mtu(socket),
        SocketAddr::V6(_) => sockopt::ipv6_mtu(socket),
    };
    mtu.ok()
}

#[cfg(not(target_os = "linux"))]
fn route_mtu(_socket: &UdpSocket, _server: SocketAddr) -> Option<u32> {
    None
}

/// Any local address of the family of `server`.
pub(super) const fn unspecified(server: SocketAddr, port: u16) -> SocketAddr {
    let ip = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(ip, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_fit_an_ethernet_even_where_the_route_takes_more() {
        for (server, blksize) in [("127.0.0.1:69", 1468), ("[::1]:69", 1448)] {
            let server = server.parse().unwrap();
            assert_eq!(route_blksize(server).ok(), Some(blksize), "{server}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_broadcast_address_has_a_route() {
        let server = "127.255.255.255:69".parse().unwrap();
        assert_eq!(route_blksize(server).ok(), Some(1468));
    }
}
