//! The device's network card: it carries the UDP packets of its stack to real sockets of this host and
//! back, as a router with address translation does, so that no privilege is needed.

use core::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
};

use mio::{Events, Interest, Poll, Token, net::UdpSocket};
use smoltcp::{
    phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken},
    time::Instant,
    wire::{IPV4_HEADER_LEN, IpProtocol, Ipv4Packet, Ipv4Repr, UDP_HEADER_LEN, UdpPacket},
};

use crate::image::Random;

/// The server's address, as the device sees it.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
/// The device's address, which nobody but the gateway sees.
pub(crate) const DEVICE: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);

/// Where the server really is.
const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Octets of an IP packet and of a UDP packet before the payload.
pub(crate) const HEADER_LEN: usize = IPV4_HEADER_LEN + UDP_HEADER_LEN;

/// A network card whose other end is this host.
pub(crate) struct Gateway {
    uplink: Uplink,
    /// The packet that the stack is given.
    inbound: Vec<u8>,
    /// The packet that the stack is writing.
    outbound: Vec<u8>,
    events: Events,
}

/// The sockets of the host, one for each port of the device.
struct Uplink {
    poll: Poll,
    sockets: BTreeMap<u16, UdpSocket>,
    loss: f64,
    random: Random,
    /// Why a packet could not be carried, unless it was lost on the way.
    error: Option<io::Error>,
}

impl Gateway {
    /// A card for IP packets of up to `mtu` octets that loses this part of them in each direction.
    pub(crate) fn new(mtu: usize, loss: f64, seed: u32) -> io::Result<Self> {
        Ok(Self {
            uplink: Uplink {
                poll: Poll::new()?,
                sockets: BTreeMap::new(),
                loss,
                random: Random::new(seed),
                error: None,
            },
            inbound: vec![0; mtu],
            outbound: Vec::with_capacity(mtu),
            events: Events::with_capacity(16),
        })
    }

    /// Sleeps until a packet arrives, at the longest for this time.
    ///
    /// # Errors
    /// If the system cannot wait, or a packet could not be carried.
    pub(crate) fn wait(&mut self, longest: Option<Duration>) -> io::Result<()> {
        if let Some(error) = self.uplink.error.take() {
            return Err(error);
        }
        match self.uplink.poll.poll(&mut self.events, longest) {
            Err(error) if error.kind() != ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }
}

impl Uplink {
    /// Carries a packet of the device to where it wants to go. What cannot get there is lost, as it is in
    /// any network.
    fn send(&mut self, packet: &[u8]) -> Option<()> {
        let ip = Ipv4Packet::new_checked(packet).ok()?;
        if ip.next_header() != IpProtocol::Udp || ip.dst_addr() != SERVER {
            return None;
        }
        let udp = UdpPacket::new_checked(ip.payload()).ok()?;
        let to = SocketAddr::from((HOST, udp.dst_port()));
        if self.random.is_one_of(self.loss) {
            return None;
        }
        let sent = self
            .socket(udp.src_port())
            .and_then(|socket| socket.send_to(udp.payload(), to));
        match sent {
            Err(error) if !is_loss(&error) => self.error = Some(error),
            _ => {}
        }
        Some(())
    }

    /// The socket that stands for this port of the device.
    fn socket(&mut self, port: u16) -> io::Result<&UdpSocket> {
        if !self.sockets.contains_key(&port) {
            let mut socket = UdpSocket::bind(SocketAddr::from((HOST, 0)))?;
            let registry = self.poll.registry();
            registry.register(&mut socket, Token(port.into()), Interest::READABLE)?;
            self.sockets.insert(port, socket);
        }
        self.sockets
            .get(&port)
            .ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Builds the packet that the next datagram would be on the device's network, and tells its length.
    fn receive(&mut self, packet: &mut [u8]) -> Option<usize> {
        loop {
            let (port, len, from) = self.next_datagram(packet.get_mut(HEADER_LEN..)?)?;
            if !self.random.is_one_of(self.loss) {
                return address(packet, len, from.port(), port);
            }
        }
    }

    /// The next datagram from the server, with the device's port. `None` only when nothing is left in any
    /// socket: that is when the system will tell of more.
    fn next_datagram(&mut self, payload: &mut [u8]) -> Option<(u16, usize, SocketAddr)> {
        for (port, socket) in &self.sockets {
            loop {
                match socket.recv_from(payload) {
                    Ok((len, from)) if from.ip() == HOST => return Some((*port, len, from)),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if is_loss(&error) => {}
                    Err(error) => {
                        self.error = Some(error);
                        break;
                    }
                }
            }
        }
        None
    }
}

/// Whether the packet just did not get through: no room, or nobody there.
fn is_loss(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::ConnectionRefused | ErrorKind::Interrupted
    )
}

/// Writes the headers of a packet to the device before its payload of `len` octets.
fn address(packet: &mut [u8], len: usize, from: u16, to: u16) -> Option<usize> {
    let checksums = DeviceCapabilities::default().checksum;
    let udp_len = UDP_HEADER_LEN.checked_add(len)?;
    let total = IPV4_HEADER_LEN.checked_add(udp_len)?;
    let packet = packet.get_mut(..total)?;
    let ip = Ipv4Repr {
        src_addr: SERVER,
        dst_addr: DEVICE,
        next_header: IpProtocol::Udp,
        payload_len: udp_len,
        hop_limit: 64,
    };
    let mut header = Ipv4Packet::new_unchecked(&mut *packet);
    ip.emit(&mut header, &checksums);
    let mut udp = UdpPacket::new_unchecked(header.payload_mut());
    udp.set_src_port(from);
    udp.set_dst_port(to);
    udp.set_len(u16::try_from(udp_len).ok()?);
    udp.fill_checksum(&SERVER.into(), &DEVICE.into());
    Some(total)
}

/// A packet for the stack.
pub(crate) struct Received<'g>(&'g [u8]);

/// Room for a packet of the stack.
pub(crate) struct Sending<'g> {
    uplink: &'g mut Uplink,
    packet: &'g mut Vec<u8>,
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.packet.resize(len, 0);
        let result = f(self.packet);
        self.uplink.send(self.packet);
        result
    }
}

impl Device for Gateway {
    type RxToken<'g> = Received<'g>;
    type TxToken<'g> = Sending<'g>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        let len = self.uplink.receive(&mut self.inbound)?;
        let packet = self.inbound.get(..len)?;
        let sending = Sending {
            uplink: &mut self.uplink,
            packet: &mut self.outbound,
        };
        Some((Received(packet), sending))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending {
            uplink: &mut self.uplink,
            packet: &mut self.outbound,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.inbound.len();
        capabilities
    }
}
