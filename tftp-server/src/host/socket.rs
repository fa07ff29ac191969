//! Making sockets.

use core::net::{IpAddr, SocketAddr};
use std::{collections::HashMap, io};

use mio::net::UdpSocket;
use quinn_udp::UdpSocketState;
use socket2::{Domain, Protocol, Socket, Type};

/// Local addresses whose kind is remembered.
const REMEMBERED: usize = 256;

/// A socket that takes requests, and in single-port mode all the rest.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: UdpSocket,
    /// What `quinn-udp` knows of sockets of this family.
    pub(crate) state: UdpSocketState,
    pub(crate) address: SocketAddr,
    /// Datagrams that the kernel cuts out of one that it is given, as it said at first: one route that
    /// cannot do it says nothing of the others.
    pub(crate) segments: usize,
    /// There may be something to read.
    pub(crate) readable: bool,
    /// Sessions that wait until something can be sent.
    pub(crate) blocked: Vec<usize>,
}

impl Listener {
    fn new(socket: Socket, receive_buffer: usize) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        ask_receive_buffer(&socket, receive_buffer);
        let socket = UdpSocket::from_std(socket.into());
        // It also forbids fragments, which is undone below.
        let state = UdpSocketState::new((&socket).into())?;
        let address = socket.local_addr()?;
        allow_fragments(&socket, address.is_ipv6())?;
        Ok(Self {
            segments: state.max_gso_segments(),
            socket,
            state,
            address,
            readable: true,
            blocked: Vec::new(),
        })
    }
}

/// Sockets that listen on `address`, one for each of `count` loops.
pub(crate) fn bind_group(
    address: SocketAddr,
    count: usize,
    receive_buffer: usize,
) -> io::Result<Vec<Listener>> {
    // The first one finds out whether anybody has the address: it does not share it yet.
    let first = bind(address)?;
    let joining = join(&first, count)?;
    core::iter::once(first)
        .chain(joining)
        .map(|socket| Listener::new(socket, receive_buffer))
        .collect()
}

/// As [`bind_group`], with a socket that is bound. If no others can join it, it is the only one.
pub(crate) fn join_group(
    socket: std::net::UdpSocket,
    count: usize,
    receive_buffer: usize,
) -> io::Result<Vec<Listener>> {
    let first = Socket::from(socket);
    let joining = join(&first, count).unwrap_or_default();
    core::iter::once(first)
        .chain(joining)
        .map(|socket| Listener::new(socket, receive_buffer))
        .collect()
}

/// More sockets at the address of `first`, until there are `count`. The system deals datagrams out by their
/// addresses and ports, so all that a client sends from one port reaches one of them.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn join(first: &Socket, count: usize) -> io::Result<Vec<Socket>> {
    if count < 2 {
        return Ok(Vec::new());
    }
    first.set_reuse_port(true)?;
    let address = first
        .local_addr()?
        .as_socket()
        .ok_or(io::ErrorKind::InvalidInput)?;
    let others = (1..count).map(|_| {
        let socket = open(address)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        Ok(socket)
    });
    others.collect()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::unnecessary_wraps, reason = "on Linux it can fail")]
const fn join(_: &Socket, _: usize) -> io::Result<Vec<Socket>> {
    Ok(Vec::new())
}

/// A socket for one transfer.
pub(crate) fn bind_transfer(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    allow_fragments(&socket, address.is_ipv6())?;
    Ok(socket)
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = open(address)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // Else whether IPv4 clients are served would depend on a setting of the system.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Gets as large a receive buffer as the system gives, up to `octets`: there is no harm in less.
pub(crate) fn ask_receive_buffer(socket: &Socket, octets: usize) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, octets).is_ok() {
        return;
    }
    let _ = socket.set_recv_buffer_size(octets);
}

/// Prepares the socket of a transfer for windows of `octets` from the client.
pub(crate) fn prepare_upload(socket: &UdpSocket, octets: usize) {
    let socket = socket2::SockRef::from(socket);
    // A buffer is charged for the room that packets take, which is more than what they carry.
    let wanted = octets.saturating_mul(2);
    if socket.recv_buffer_size().is_ok_and(|size| size < wanted) {
        ask_receive_buffer(&socket, wanted);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // Without it datagrams arrive one by one, which works as well.
        let _ =
            nix::sys::socket::setsockopt(&*socket, nix::sys::socket::sockopt::UdpGroSegment, &true);
    }
}

/// Lets a datagram be sent in fragments where a block is larger than the path takes, and keeps the
/// system from setting "don't fragment": some boot ROMs drop what has it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn allow_fragments(socket: &UdpSocket, ipv6: bool) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    use rustix::net::sockopt::{
        Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
    };
    if ipv6 {
        setsockopt(socket, sockopt::Ipv6DontFrag, &false)?;
        set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::DONT)?;
    } else {
        set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT)?;
    }
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::unnecessary_wraps, reason = "on Linux it can fail")]
const fn allow_fragments(_: &UdpSocket, _: bool) -> io::Result<()> {
    Ok(())
}

/// Tells unicast addresses of this host from broadcast and multicast ones.
#[derive(Debug, Default)]
pub(crate) struct LocalAddresses {
    broadcast: HashMap<IpAddr, bool>,
}

impl LocalAddresses {
    /// Whether a datagram to `address` was meant for many hosts (RFC 1123 section 4.2.3.5).
    pub(crate) fn is_for_many(&mut self, address: IpAddr) -> bool {
        let IpAddr::V4(v4) = address else {
            return address.is_multicast();
        };
        if v4.is_multicast() || v4.is_broadcast() {
            return true;
        }
        if let Some(known) = self.broadcast.get(&address) {
            return *known;
        }
        if self.broadcast.len() >= REMEMBERED {
            self.broadcast.clear();
        }
        let broadcast = is_subnet_broadcast(address);
        self.broadcast.insert(address, broadcast);
        broadcast
    }
}

/// Whether `address` is the broadcast address of a network that this host is in. Which ones are, only the
/// system knows; it refuses to connect a socket to one unless that was asked for. Nothing is sent.
fn is_subnet_broadcast(address: IpAddr) -> bool {
    let probe = || -> io::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.connect(&SocketAddr::new(address, 9).into())
    };
    probe().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    #[test]
    fn broadcast_and_multicast_addresses_are_for_many() {
        let mut addresses = LocalAddresses::default();
        for address in ["255.255.255.255", "224.0.0.1", "127.255.255.255", "ff02::1"] {
            assert!(addresses.is_for_many(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn addresses_of_this_host_are_not_for_many() {
        let mut addresses = LocalAddresses::default();
        for address in ["127.0.0.1", "127.0.0.2", "::1"] {
            assert!(
                !addresses.is_for_many(address.parse().unwrap()),
                "{address}"
            );
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn packets_are_sent_without_dont_fragment() {
        let listener = bind_group((Ipv4Addr::LOCALHOST, 0).into(), 1, 1 << 20).unwrap();
        let listener = &listener[0];
        let transfer = bind_transfer((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        for socket in [&listener.socket, &transfer] {
            let value = rustix::net::sockopt::ip_mtu_discover(socket).unwrap();
            assert_eq!(value, rustix::net::sockopt::Ipv4PathMtuDiscovery::DONT);
        }
    }
}
