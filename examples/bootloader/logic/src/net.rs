//! The stack, its two sockets, and their memory.

use core::task::Poll;

use smoltcp::{
    iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage},
    phy::Device,
    socket::{
        dhcpv4::{self, RetryConfig},
        udp::{self, PacketBuffer, PacketMetadata},
    },
    time::{Duration, Instant},
    wire::{EthernetAddress, IpCidr, IpEndpoint, Ipv4Cidr},
};
use tftp_client::{
    Request, Sink, Summary, TransferError,
    smoltcp::{Error, Get, ephemeral_port, max_blksize},
};
use tftp_proto::Event;

use crate::{Failure, Note, Offer, offer};

/// Blocks in a window: what the ring has room for, and what a small Ethernet controller keeps while the
/// processor is busy with the flash. A board whose controller keeps less must ask for less: what is lost
/// at the end of each window costs a time-out each time.
pub const WINDOW: u16 = 6;

/// Octets of a DATA packet of a full Ethernet frame.
const DATAGRAM: usize = 1472;
/// A window, and a datagram's worth for what the ring leaves unused at its end.
const RX_LEN: usize = (WINDOW as usize + 1) * DATAGRAM;
/// Two datagrams, so that a put can place one while another waits.
const TX_LEN: usize = 2 * DATAGRAM;
const RX_PACKETS: usize = WINDOW as usize + 2;
const TX_PACKETS: usize = 4;
/// The longest DHCP packet, by the size that clients allow if they say nothing (RFC 2131 section 2).
const DHCP_LEN: usize = 576;

/// How long to look for a DHCP server.
const DHCP_PATIENCE: Duration = Duration::from_secs(12);

/// How long a put may take in all: a start is worth more than its log, and some servers pass over write
/// requests without a word.
#[cfg(feature = "put")]
const PUT_PATIENCE: core::time::Duration = core::time::Duration::from_secs(3);

/// What the machine gives: time, a console, a watchdog.
pub trait Board {
    /// The time since the start.
    fn now(&mut self) -> Instant;

    /// Called again and again while there is something to wait for: the place to feed a watchdog. Each
    /// wait has an end, so that a dog that is fed here still bites if a loop does not turn.
    fn turn(&mut self);

    /// Shows a line.
    fn print(&mut self, note: &Note<'_>);
}

/// The stack's buffers: the receive ring makes up most of them. All zeros, so that they take no flash.
#[derive(Debug)]
pub struct Rings {
    rx: [u8; RX_LEN],
    tx: [u8; TX_LEN],
    dhcp: [u8; DHCP_LEN],
}

impl Rings {
    /// All empty.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rx: [0; RX_LEN],
            tx: [0; TX_LEN],
            dhcp: [0; DHCP_LEN],
        }
    }
}

impl Default for Rings {
    fn default() -> Self {
        Self::new()
    }
}

/// The stack's tables.
#[derive(Debug)]
pub struct Tables {
    sockets: [SocketStorage<'static>; 2],
    rx: [PacketMetadata; RX_PACKETS],
    tx: [PacketMetadata; TX_PACKETS],
}

impl Tables {
    /// All empty.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sockets: [SocketStorage::EMPTY; 2],
            rx: [PacketMetadata::EMPTY; RX_PACKETS],
            tx: [PacketMetadata::EMPTY; TX_PACKETS],
        }
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self::new()
    }
}

/// A stack with a UDP socket for TFTP and a DHCP client.
pub struct Net<D> {
    pub(crate) iface: Interface,
    pub(crate) device: D,
    pub(crate) sockets: SocketSet<'static>,
    pub(crate) udp: SocketHandle,
    dhcp: SocketHandle,
    seed: u32,
    /// Whether requests are sent without options, because a server would not have them.
    pub(crate) plain: bool,
}

impl<D> core::fmt::Debug for Net<D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Net").finish_non_exhaustive()
    }
}

impl<D: Device> Net<D> {
    /// A stack on `device`, whose address is `mac`. `seed` is as random as the board can make it: ports
    /// and the timers' jitter come from it.
    pub fn new(
        mut device: D,
        mac: [u8; 6],
        seed: u32,
        (rings, tables): (&'static mut Rings, &'static mut Tables),
        now: Instant,
    ) -> Self {
        let mut config = Config::new(EthernetAddress(mac).into());
        config.random_seed = u64::from(seed);
        let iface = Interface::new(config, &mut device, now);
        let mut sockets = SocketSet::new(&mut tables.sockets[..]);
        let udp = sockets.add(udp::Socket::new(
            PacketBuffer::new(&mut tables.rx[..], &mut rings.rx[..]),
            PacketBuffer::new(&mut tables.tx[..], &mut rings.tx[..]),
        ));
        let mut dhcp = dhcpv4::Socket::new();
        dhcp.set_parameter_request_list(offer::WANTED);
        dhcp.set_receive_packet_buffer(&mut rings.dhcp);
        let mut retry = RetryConfig::default();
        retry.discover_timeout = Duration::from_secs(2);
        retry.initial_request_timeout = Duration::from_secs(1);
        dhcp.set_retry_config(retry);
        let dhcp = sockets.add(dhcp);
        Self {
            iface,
            device,
            sockets,
            udp,
            dhcp,
            seed,
            plain: false,
        }
    }

    /// The device.
    pub const fn device(&mut self) -> &mut D {
        &mut self.device
    }

    /// Moves frames, and keeps the address that DHCP gave.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<(Ipv4Cidr, Offer)> {
        self.iface.poll(now, &mut self.device, &mut self.sockets);
        match self
            .sockets
            .get_mut::<dhcpv4::Socket<'_>>(self.dhcp)
            .poll()?
        {
            dhcpv4::Event::Configured(lease) => {
                let offer = lease.packet.as_ref().map(Offer::read).unwrap_or_default();
                let (address, router) = (lease.address, lease.router);
                self.set_address(Some(address));
                if let Some(router) = router {
                    // The table has room for this one route.
                    let _ = self.iface.routes_mut().add_default_ipv4_route(router);
                }
                Some((address, offer))
            }
            dhcpv4::Event::Deconfigured => {
                self.set_address(None);
                self.iface.routes_mut().remove_default_ipv4_route();
                None
            }
        }
    }

    pub(crate) fn set_address(&mut self, address: Option<Ipv4Cidr>) {
        self.iface.update_ip_addrs(|addresses| {
            addresses.clear();
            addresses.extend(address.map(IpCidr::Ipv4));
        });
    }

    #[cfg(feature = "recovery")]
    pub(crate) fn address(&self) -> Option<core::net::Ipv4Addr> {
        self.iface.ipv4_addr()
    }

    /// Asks DHCP for an address, and where to boot from.
    pub(crate) fn acquire(&mut self, board: &mut impl Board) -> Option<(Ipv4Cidr, Offer)> {
        let since = board.now();
        loop {
            let now = board.now();
            if let Some(lease) = self.poll(now) {
                return Some(lease);
            }
            if elapsed(since, now) >= DHCP_PATIENCE {
                return None;
            }
            board.turn();
        }
    }

    pub(crate) fn next_seed(&mut self) -> u32 {
        self.seed = self
            .seed
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        self.seed
    }

    /// The largest block that the MTU has room for.
    pub(crate) fn blksize(&self) -> u16 {
        let mtu = self.device.capabilities().ip_mtu();
        max_blksize(mtu, core::net::Ipv4Addr::UNSPECIFIED.into())
    }

    /// Sends what the sockets have for the device.
    pub(crate) fn flush(&mut self, now: Instant) {
        self.iface.poll(now, &mut self.device, &mut self.sockets);
    }

    /// What to ask for: the largest block that needs no fragments, the window that the ring holds, and
    /// an end to each wait that suits a device that has something to fall back to.
    fn client(&mut self) -> tftp_client::Config {
        let mut config = tftp_client::Config::client();
        config.blksize = self.blksize();
        config.windowsize = WINDOW;
        config.options = !self.plain;
        config.seed = self.next_seed();
        config.retry.resends = 4;
        config.retry.ceiling = core::time::Duration::from_secs(4);
        config
    }

    /// Fetches a file of at most `max_len` octets. `watch` is told how many have arrived.
    pub(crate) fn get<B: Board, S: Sink>(
        &mut self,
        board: &mut B,
        server: IpEndpoint,
        name: &[u8],
        max_len: u64,
        mut sink: S,
        mut watch: impl FnMut(&mut B, u64),
    ) -> Result<Summary, Stopped<S::Error>> {
        let result = self.get_once(board, server, name, max_len, &mut sink, &mut watch);
        if matches!(result, Err(Stopped::Transfer(_, true))) {
            // RFC 2347: such a server may still serve who asks without options. It has sent nothing but the
            // refusal. Whatever else is asked of it is asked without options from then on.
            self.plain = true;
            return self.get_once(board, server, name, max_len, &mut sink, &mut watch);
        }
        result
    }

    fn get_once<B: Board, S: Sink>(
        &mut self,
        board: &mut B,
        server: IpEndpoint,
        name: &[u8],
        max_len: u64,
        mut sink: S,
        mut watch: impl FnMut(&mut B, u64),
    ) -> Result<Summary, Stopped<S::Error>> {
        let request = Request::new(name, tftp_client::Mode::Octet).map_err(|_| Stopped::Request)?;
        let mut config = self.client();
        config.max_len = max_len;
        let port = ephemeral_port(self.next_seed());
        let now = board.now();
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.udp);
        let mut get = Get::request(now, socket, port, server, request, config)
            .map_err(|_| Stopped::Request)?;
        loop {
            let now = board.now();
            self.poll(now);
            let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.udp);
            let result = get.poll(now, socket, &mut sink, |event| {
                if let Event::Error { code, .. } = event {
                    board.print(&Note::ServerSays { code: code.0 });
                }
            });
            self.flush(now);
            watch(board, get.summary().bytes);
            match result {
                Poll::Ready(Ok(summary)) => return Ok(summary),
                Poll::Ready(Err(Error::Store(error))) => return Err(Stopped::Store(error)),
                Poll::Ready(Err(Error::Transfer(error))) => {
                    return Err(Stopped::Transfer(error, get.retry_without_options()));
                }
                Poll::Pending => board.turn(),
            }
        }
    }

    /// Stores a file on the server.
    #[cfg(feature = "put")]
    pub(crate) fn put<B: Board>(
        &mut self,
        board: &mut B,
        server: IpEndpoint,
        name: &[u8],
        file: &[u8],
    ) -> Result<Summary, Failure> {
        let mut result = self.put_once(board, server, name, file);
        if matches!(result, Err(Stopped::Transfer(_, true))) {
            self.plain = true;
            result = self.put_once(board, server, name, file);
        }
        result.map_err(|stopped| stopped.into_failure(|never| match never {}))
    }

    #[cfg(feature = "put")]
    fn put_once<B: Board>(
        &mut self,
        board: &mut B,
        server: IpEndpoint,
        name: &[u8],
        mut file: &[u8],
    ) -> Result<Summary, Stopped<core::convert::Infallible>> {
        use tftp_client::{Length, smoltcp::Put};

        let request = Request::new(name, tftp_client::Mode::Octet).map_err(|_| Stopped::Request)?;
        let mut config = self.client();
        config.retry.deadline = Some(PUT_PATIENCE);
        let port = ephemeral_port(self.next_seed());
        let now = board.now();
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.udp);
        let length = Length::Known(file.len() as u64);
        let mut put = Put::request(now, socket, port, server, request, length, config)
            .map_err(|_| Stopped::Request)?;
        loop {
            let now = board.now();
            self.poll(now);
            let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.udp);
            let result = put.poll(now, socket, &mut file, |event| {
                if let Event::Error { code, .. } = event {
                    board.print(&Note::ServerSays { code: code.0 });
                }
            });
            self.flush(now);
            match result {
                Poll::Ready(Ok(summary)) => return Ok(summary),
                Poll::Ready(Err(Error::Store(never))) => match never {},
                Poll::Ready(Err(Error::Transfer(error))) => {
                    return Err(Stopped::Transfer(error, put.retry_without_options()));
                }
                Poll::Pending => board.turn(),
            }
        }
    }
}

/// A seed for a board without a random number generator: two boards that start at the same moment differ in
/// their address, and one board's starts in the time that the controller took.
#[must_use]
pub fn seed([_, _, c, d, e, f]: [u8; 6], now: Instant) -> u32 {
    let micros = u32::try_from(now.total_micros()).unwrap_or(u32::MAX);
    u32::from_be_bytes([c, d, e, f]) ^ micros
}

/// The time between two readings of one clock.
pub(crate) fn elapsed(since: Instant, now: Instant) -> Duration {
    let micros = now.total_micros().saturating_sub(since.total_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Why a file was not fetched.
pub(crate) enum Stopped<E> {
    Request,
    Store(E),
    /// And whether the same request without options may do better.
    Transfer(TransferError, bool),
}

impl<E> Stopped<E> {
    pub(crate) fn into_failure(self, store: impl FnOnce(E) -> Failure) -> Failure {
        match self {
            Self::Request => Failure::Request,
            Self::Store(error) => store(error),
            Self::Transfer(error, _) => Failure::Transfer(error),
        }
    }
}
