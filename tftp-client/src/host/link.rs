//! A UDP socket with segmentation offload where the system has it, and the clock that goes with it.

use core::{net::SocketAddr, time::Duration};
use std::{
    io::{self, ErrorKind, IoSliceMut},
    net::UdpSocket,
};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use tftp_proto::{Instant, MAX_REQUEST_LEN, Transmit};

use super::{batch::Batch, route::unspecified};

/// The most that one receive call gives: a whole run of segments.
pub(super) const INBOX_LEN: usize = 1 << 16;

/// How long a wait may last before a cancellation is noticed.
const CANCEL_SLICE: Duration = Duration::from_millis(50);

/// Below this a wait is not divided.
const SHORT_WAIT: Duration = Duration::from_millis(4);

/// The socket of one transfer.
#[derive(Debug)]
pub(super) struct Link {
    socket: UdpSocket,
    offload: UdpSocketState,
    epoch: std::time::Instant,
    /// The receive time-out that the socket has.
    timeout: Option<Duration>,
    nonblocking: bool,
    /// How long to look for a datagram before sleeping.
    spin: Duration,
    cancellable: bool,
    /// Why a datagram was not sent: it counts as lost.
    pub(super) lost: Option<io::Error>,
    /// How often a host has reported that the datagram before cannot reach its port.
    pub(super) unreachable: u8,
}

/// Datagrams that came in one receive call: `len` octets, one every `stride`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) from: SocketAddr,
    len: usize,
    stride: usize,
}

impl Arrival {
    pub(super) fn datagrams<'b>(
        &self,
        inbox: &'b [u8],
    ) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        inbox
            .get(..self.len)
            .unwrap_or_default()
            .chunks(self.stride.max(1))
    }
}

/// What a transfer wants of its socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkConfig {
    /// The local port; 0: one that the system picks at random.
    pub(super) port: u16,
    pub(super) spin: Duration,
    pub(super) cancellable: bool,
    pub(super) broadcast: bool,
}

impl Link {
    pub(super) fn open(server: SocketAddr, config: LinkConfig) -> io::Result<Self> {
        let socket = UdpSocket::bind(unspecified(server, config.port))?;
        if config.broadcast && server.is_ipv4() {
            socket.set_broadcast(true)?;
        }
        let offload = UdpSocketState::new(UdpSockRef::from(&socket))?;
        offload.enable_transport_errors(UdpSockRef::from(&socket))?;
        let_fragment(&socket, server)?;
        Ok(Self {
            socket,
            offload,
            epoch: std::time::Instant::now(),
            timeout: None,
            // The offload code has made it so.
            nonblocking: true,
            spin: config.spin,
            cancellable: config.cancellable,
            lost: None,
            unreachable: 0,
        })
    }

    pub(super) fn now(&self) -> Instant {
        Instant::ZERO.saturating_add(self.epoch.elapsed())
    }

    /// Asks for a receive buffer of `octets` and tells what there is.
    pub(super) fn make_room(&self, octets: usize) -> io::Result<usize> {
        let socket = socket2::SockRef::from(&self.socket);
        let size = socket.recv_buffer_size()?;
        if size >= octets {
            return Ok(size);
        }
        socket.set_recv_buffer_size(octets)?;
        let size = socket.recv_buffer_size()?;
        if size >= octets || !force_recv_buffer(&self.socket, octets) {
            return Ok(size);
        }
        socket.recv_buffer_size()
    }

    /// Sends a datagram that carries no data.
    pub(super) fn send(&mut self, transmit: &Transmit<'_>) {
        let mut buf = [0; MAX_REQUEST_LEN];
        let len = transmit.encoded_len();
        if transmit.encode(&mut buf).is_ok()
            && let Some(datagram) = buf.get(..len)
        {
            self.send_one(datagram, transmit.to);
        }
    }

    /// Sends a run of DATA, in one call if the system can.
    pub(super) fn send_batch(&mut self, batch: &mut Batch) {
        if let Some((bytes, segment, to)) = batch.contents() {
            let run = segment < bytes.len() && self.max_segments() > 1;
            if !run || !self.send_run(bytes, segment, to) {
                for datagram in bytes.chunks(segment) {
                    self.send_one(datagram, to);
                }
            }
        }
        batch.clear();
    }

    /// How many datagrams one send call takes.
    pub(super) fn max_segments(&self) -> usize {
        self.offload.max_gso_segments()
    }

    /// Sends a run of datagrams of `segment` octets, the last one perhaps shorter, in one call. `false` if
    /// the system may know offload and still not have it for this route.
    fn send_run(&mut self, contents: &[u8], segment: usize, to: SocketAddr) -> bool {
        let run = quinn_udp::Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size: Some(segment),
            src_ip: None,
        };
        let sent = self.insist(|link| link.offload.try_send((&link.socket).into(), &run));
        if let Err(error) = sent {
            self.lost = Some(error);
            return false;
        }
        true
    }

    fn send_one(&mut self, datagram: &[u8], to: SocketAddr) {
        let sent = self.insist(|link| link.socket.send_to(datagram, to).map(|_| ()));
        if let Err(error) = sent {
            self.lost = Some(error);
        }
    }

    /// Sends, once more if what failed was an earlier datagram whose failure is reported now, or if there
    /// was no room.
    fn insist(&mut self, send: impl Fn(&Self) -> io::Result<()>) -> io::Result<()> {
        match send(self) {
            Err(error) if is_report(&error) => self.note_report(error),
            Err(error) if error.kind() == ErrorKind::WouldBlock && self.nonblocking => {
                self.set_nonblocking(false)?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
        send(self)
    }

    /// Waits for datagrams until `at`, or a little less.
    pub(super) fn recv(&mut self, inbox: &mut [u8], at: Instant) -> io::Result<Option<Arrival>> {
        let left = at.saturating_since(self.now());
        if !self.spin.is_zero() {
            let spin = self.spin.min(left);
            let start = std::time::Instant::now();
            while start.elapsed() < spin {
                if let Some(arrival) = self.recv_now(inbox)? {
                    return Ok(Some(arrival));
                }
                core::hint::spin_loop();
            }
        }
        self.block_for(at.saturating_since(self.now()))?;
        self.recv_once(inbox)
    }

    /// Takes datagrams that have arrived already.
    pub(super) fn recv_now(&mut self, inbox: &mut [u8]) -> io::Result<Option<Arrival>> {
        self.set_nonblocking(true)?;
        self.recv_once(inbox)
    }

    fn set_nonblocking(&mut self, nonblocking: bool) -> io::Result<()> {
        if self.nonblocking != nonblocking {
            self.socket.set_nonblocking(nonblocking)?;
            self.nonblocking = nonblocking;
        }
        Ok(())
    }

    fn recv_once(&mut self, inbox: &mut [u8]) -> io::Result<Option<Arrival>> {
        let mut meta = [RecvMeta::default()];
        let result = self.offload.recv(
            (&self.socket).into(),
            &mut [IoSliceMut::new(inbox)],
            &mut meta,
        );
        match result {
            Ok(_) => {
                let [meta] = meta;
                Ok(Some(Arrival {
                    from: meta.addr,
                    len: meta.len,
                    stride: meta.stride,
                }))
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(None),
                _ if is_report(&error) => {
                    self.note_report(error);
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }

    /// Lets the next receive call wait for at most `left`. The time-out of the socket is changed only if
    /// it does not suit, as changing it costs a system call.
    fn block_for(&mut self, left: Duration) -> io::Result<()> {
        let left = if self.cancellable {
            left.min(CANCEL_SLICE)
        } else {
            left
        };
        self.set_nonblocking(false)?;
        // Waking up early does no harm.
        let suits = |timeout: Duration| timeout <= left && timeout.saturating_mul(2) >= left;
        if !self.timeout.is_some_and(suits) {
            let timeout = if left > SHORT_WAIT {
                left.mul_f32(0.75)
            } else {
                left.max(Duration::from_micros(1))
            };
            self.socket.set_read_timeout(Some(timeout))?;
            self.timeout = Some(timeout);
        }
        Ok(())
    }

    /// Takes in what the network has reported of earlier datagrams.
    fn note_report(&mut self, error: io::Error) {
        self.unreachable = self.unreachable.saturating_add(1);
        self.lost = Some(error);
        let mut pending = true;
        while pending {
            // The queue tells again what the error has told.
            pending = matches!(
                self.offload.recv_transport_error((&self.socket).into()),
                Ok(Some(_))
            );
        }
    }
}

/// Whether this error of a send or receive call is the network's report of an earlier datagram.
fn is_report(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::HostUnreachable
    )
}

/// Turns off the "don't fragment" that the offload code asks for: a block size above the route's MTU is
/// allowed, and hosts along the way may know a smaller one.
#[cfg(target_os = "linux")]
fn let_fragment(socket: &UdpSocket, server: SocketAddr) -> io::Result<()> {
    use rustix::net::sockopt::{
        Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
    };
    match server {
        SocketAddr::V4(_) => set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::WANT)?,
        SocketAddr::V6(_) => set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::WANT)?,
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn let_fragment(_socket: &UdpSocket, _server: SocketAddr) -> io::Result<()> {
    Ok(())
}

/// Sets the receive buffer past the system's limit, which needs a privilege.
#[cfg(target_os = "linux")]
fn force_recv_buffer(socket: &UdpSocket, octets: usize) -> bool {
    rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, octets).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn force_recv_buffer(_socket: &UdpSocket, _octets: usize) -> bool {
    false
}
