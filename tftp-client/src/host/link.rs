//! A UDP socket with segmentation offload where the system has it, and the clock that goes with it.

use core::{net::SocketAddr, time::Duration};
use std::{
    io::{self, ErrorKind, IoSliceMut},
    net::UdpSocket,
};

use quinn_udp::{RecvMeta, UdpSocketState};
use tftp_proto::{Instant, MAX_REQUEST_LEN, Transmit};

use super::{
    batch::Batch,
    route::{unspecified, whole_blksize},
    spin::{Spin, pause},
};

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
    /// How the system is asked for more than the standard library knows; `None` where it cannot be.
    state: Option<UdpSocketState>,
    /// Whether a call may take several datagrams.
    offload: bool,
    epoch: std::time::Instant,
    /// The receive time-out that the socket has.
    timeout: Option<Duration>,
    nonblocking: bool,
    spin: Spin,
    cancellable: bool,
    /// Why the last datagram could not be sent: it counts as lost.
    lost: Option<io::Error>,
    /// What the network has reported of earlier datagrams, and how often.
    report: Option<io::Error>,
    pub(super) reports: u8,
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
    /// How long to look for each datagram before sleeping; `None`: for as long as seems worthwhile.
    pub(super) busy_poll: Option<Duration>,
    pub(super) cancellable: bool,
    pub(super) broadcast: bool,
    /// The block size that is asked for.
    pub(super) blksize: u16,
    /// Whether blocks may come or go several at a time.
    pub(super) windows: bool,
    /// Whether to use offload if there is any.
    pub(super) offload: bool,
}

impl Link {
    pub(super) fn open(server: SocketAddr, config: LinkConfig) -> io::Result<Self> {
        let socket = UdpSocket::bind(unspecified(server, config.port))?;
        if config.broadcast && server.is_ipv4() {
            socket.set_broadcast(true)?;
        }
        let offload = config.offload && config.windows && may_offload(server, config.blksize);
        let state = if offload {
            start_offload(&socket, server).ok()
        } else {
            start_plain(&socket, server).ok()
        };
        Ok(Self {
            offload: offload && state.is_some(),
            state,
            socket,
            epoch: std::time::Instant::now(),
            timeout: None,
            // What the offload code leaves behind, even where it fails.
            nonblocking: offload,
            spin: Spin::new(config.busy_poll),
            cancellable: config.cancellable,
            lost: None,
            report: None,
            reports: 0,
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
        if let Some((bytes, segment, to)) = batch.contents()
            && !self.send_run(bytes, segment, to)
        {
            for datagram in bytes.chunks(segment) {
                self.send_one(datagram, to);
            }
        }
        batch.clear();
    }

    /// How many datagrams one send call takes.
    pub(super) fn max_segments(&self) -> usize {
        self.offload().map_or(1, UdpSocketState::max_gso_segments)
    }

    fn offload(&self) -> Option<&UdpSocketState> {
        self.state.as_ref().filter(|_| self.offload)
    }

    /// Sends a run of datagrams of `segment` octets, the last one perhaps shorter, in one call. `false` if
    /// that cannot be done: a system may know offload and still not have it for this route.
    fn send_run(&mut self, contents: &[u8], segment: usize, to: SocketAddr) -> bool {
        if segment >= contents.len() || self.max_segments() == 1 {
            return false;
        }
        let run = quinn_udp::Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size: Some(segment),
            src_ip: None,
        };
        let sent = self.insist(|link| match link.offload() {
            Some(offload) => offload.try_send((&link.socket).into(), &run),
            None => Err(ErrorKind::Unsupported.into()),
        });
        sent.is_ok()
    }

    fn send_one(&mut self, datagram: &[u8], to: SocketAddr) {
        let sent = self.insist(|link| link.socket.send_to(datagram, to).map(|_| ()));
        self.lost = sent.err();
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

    /// Waits so long for datagrams, or a little less.
    pub(super) fn recv(
        &mut self,
        inbox: &mut [u8],
        mut left: Duration,
    ) -> io::Result<Option<Arrival>> {
        if self.cancellable {
            left = left.min(CANCEL_SLICE);
        }
        let start = std::time::Instant::now();
        let spin = self.spin.span().min(left);
        let mut arrival = None;
        while start.elapsed() < spin {
            arrival = self.recv_now(inbox)?;
            if arrival.is_some() {
                break;
            }
            pause();
        }
        if arrival.is_none() {
            self.block_for(left.saturating_sub(spin))?;
            arrival = self.recv_once(inbox)?;
        }
        if arrival.is_some() {
            self.spin.learn(start.elapsed());
        }
        Ok(arrival)
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
        let result = match self.offload() {
            Some(offload) => recv_run(offload, &self.socket, inbox),
            None => self.socket.recv_from(inbox).map(|(len, from)| Arrival {
                from,
                len,
                stride: len,
            }),
        };
        match result {
            Ok(arrival) => Ok(Some(arrival)),
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

    /// Why the server may not have heard of what was sent.
    pub(super) fn take_trouble(&mut self) -> Option<io::Error> {
        self.lost.take().or(self.report.take())
    }

    /// Takes in what the network has reported of earlier datagrams.
    fn note_report(&mut self, error: io::Error) {
        self.reports = self.reports.saturating_add(1);
        self.report = Some(error);
        if let Some(state) = &self.state {
            drain_reports(state, &self.socket);
        }
    }
}

/// Receives a datagram, or a run of them that the system has put together.
///
/// One buffer is given and not several: what arrives together comes as a run, and what does not would
/// let a call for several wait for all.
fn recv_run(offload: &UdpSocketState, socket: &UdpSocket, inbox: &mut [u8]) -> io::Result<Arrival> {
    let mut meta = [RecvMeta::default()];
    offload.recv(socket.into(), &mut [IoSliceMut::new(inbox)], &mut meta)?;
    let [meta] = meta;
    Ok(Arrival {
        from: meta.addr,
        len: meta.len,
        stride: meta.stride,
    })
}

/// Lets the system report what did not arrive, and nothing more: what offload switches on in a socket costs
/// some of the time of each datagram. That is why its code is started with another socket.
fn start_plain(socket: &UdpSocket, server: SocketAddr) -> io::Result<UdpSocketState> {
    let other = UdpSocket::bind(unspecified(server, 0))?;
    let state = UdpSocketState::new((&other).into())?;
    enable_reports(&state, socket)?;
    Ok(state)
}

fn start_offload(socket: &UdpSocket, server: SocketAddr) -> io::Result<UdpSocketState> {
    let offload = UdpSocketState::new(socket.into())?;
    enable_reports(&offload, socket)?;
    let_fragment(socket, server)?;
    Ok(offload)
}

/// Whether blocks of this size can be sent by a socket with offload. It forbids fragments, which only on
/// Linux and over IPv4 can be undone ([`let_fragment`]), so that blocks beyond the route's MTU would never leave.
fn may_offload(server: SocketAddr, blksize: u16) -> bool {
    (cfg!(target_os = "linux") && server.is_ipv4())
        || whole_blksize(server).is_ok_and(|whole| u32::from(blksize) <= whole)
}

/// Lets the system report datagrams that did not arrive.
#[cfg(unix)]
fn enable_reports(state: &UdpSocketState, socket: &UdpSocket) -> io::Result<()> {
    state.enable_transport_errors(socket.into())
}

/// Windows reports them without being asked.
#[cfg(not(unix))]
const fn enable_reports(_: &UdpSocketState, _: &UdpSocket) -> io::Result<()> {
    Ok(())
}

/// Empties the queue of reports: it tells again what an error has told, and takes room until it is read.
#[cfg(unix)]
fn drain_reports(state: &UdpSocketState, socket: &UdpSocket) {
    while let Ok(Some(_)) = state.recv_transport_error(socket.into()) {}
}

#[cfg(not(unix))]
const fn drain_reports(_: &UdpSocketState, _: &UdpSocket) {}

/// Whether this error of a send or receive call is the network's report of an earlier datagram.
fn is_report(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
    ) || is_unusual_report(error)
}

/// Reports that the standard library has no stable name for: a hop that has a smaller MTU, which the next
/// datagram is cut for, a host without UDP, a route that is not allowed or is broken.
#[cfg(unix)]
fn is_unusual_report(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::MSGSIZE | Errno::NOPROTOOPT | Errno::PROTO | Errno::HOSTDOWN | Errno::OPNOTSUPP
        )
    )
}

#[cfg(not(unix))]
const fn is_unusual_report(_: &io::Error) -> bool {
    false
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::io::Errno;

    use super::{io, is_report};

    /// The errors that Linux makes of ICMP messages.
    #[test]
    fn what_the_network_reports_does_not_break_the_socket() {
        for errno in [
            Errno::NETUNREACH,
            Errno::HOSTUNREACH,
            Errno::NOPROTOOPT,
            Errno::CONNREFUSED,
            Errno::MSGSIZE,
            Errno::OPNOTSUPP,
            Errno::HOSTDOWN,
            Errno::PROTO,
        ] {
            assert!(is_report(&io::Error::from(errno)), "{errno:?}");
        }
    }

    #[test]
    fn a_socket_that_is_broken_is_no_report() {
        for errno in [Errno::BADF, Errno::NOTSOCK, Errno::NOMEM] {
            assert!(!is_report(&io::Error::from(errno)), "{errno:?}");
        }
    }
}
