//! The other end: packets by hand, or a machine of `tftp-proto` behind a socket.

use core::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{io::IoSliceMut, net::UdpSocket, time::Instant as Clock};

use quinn_udp::{RecvMeta, UdpSocketState};
use tftp_client::{Client, Config, Length, Summary, TransferError};
use tftp_proto::{Event, Incoming, Instant, Output, Receiver, Sender, Transmit};

/// Longer than any test takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A socket whose owner decides what it says.
#[derive(Debug)]
pub(crate) struct Peer {
    socket: UdpSocket,
    /// The client has returned, so that nothing more will come.
    client_is_done: AtomicBool,
}

impl Peer {
    pub(crate) fn at(ip: IpAddr) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            client_is_done: AtomicBool::new(false),
        }
    }

    pub(crate) fn new() -> Self {
        Self::at(LOCALHOST)
    }

    /// Ends the stay of a server that repeats its last ACK.
    pub(crate) fn dismiss(&self) {
        self.client_is_done.store(true, Ordering::Relaxed);
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    #[track_caller]
    pub(crate) fn recv(&self) -> (Vec<u8>, SocketAddr) {
        // Offload leaves it non-blocking.
        self.socket.set_nonblocking(false).unwrap();
        let mut buf = vec![0; 1 << 16];
        let (len, from) = self.socket.recv_from(&mut buf).expect("a datagram");
        buf.truncate(len);
        (buf, from)
    }

    /// The next datagram, which must be this one.
    #[track_caller]
    pub(crate) fn expect(&self, datagram: &[u8]) -> SocketAddr {
        let (got, from) = self.recv();
        assert_eq!(
            got.escape_ascii().to_string(),
            datagram.escape_ascii().to_string()
        );
        from
    }

    /// Passes over repeats of what came before, until this datagram comes.
    #[track_caller]
    pub(crate) fn await_one(&self, datagram: &[u8]) {
        let (first, _) = self.recv();
        let mut got = first.clone();
        while got == first && got != datagram {
            got = self.recv().0;
        }
        assert_eq!(got, datagram);
    }

    /// Answers a request.
    pub(crate) fn answer(&self, datagram: &[u8]) {
        let (_, to) = self.recv();
        self.send(to, datagram);
    }

    /// Answers each datagram with this one, until it is dismissed.
    pub(crate) fn answer_any(&self, datagram: &[u8]) {
        let slice = Duration::from_millis(10);
        self.socket.set_read_timeout(Some(slice)).unwrap();
        while !self.client_is_done.load(Ordering::Relaxed) {
            if let Ok((_, to)) = self.socket.recv_from(&mut [0; 1 << 10]) {
                self.send(to, datagram);
            }
        }
    }

    /// Whether nothing has come.
    pub(crate) fn is_idle(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        self.socket.recv(&mut [0; 4]).is_err()
    }

    pub(crate) fn send(&self, to: SocketAddr, datagram: &[u8]) {
        self.socket.send_to(datagram, to).unwrap();
    }

    /// Receives what left in one call, where the system keeps it together: the length of each
    /// datagram but the last, and of all.
    pub(crate) fn recv_offloaded(&self, offload: &UdpSocketState) -> (usize, usize) {
        self.socket.set_nonblocking(false).unwrap();
        let (mut buf, mut meta) = ([0; 1 << 16], [RecvMeta::default()]);
        offload
            .recv(
                (&self.socket).into(),
                &mut [IoSliceMut::new(&mut buf)],
                &mut meta,
            )
            .unwrap();
        (meta[0].stride, meta[0].len)
    }

    /// Lets runs of datagrams arrive in one call. `None` if the system cannot.
    pub(crate) fn offload(&self) -> Option<UdpSocketState> {
        let offload = UdpSocketState::new((&self.socket).into()).unwrap();
        (offload.max_gso_segments() > 1 && offload.gro_segments() > 1).then_some(offload)
    }

    /// Sends datagrams of `segment` octets in one call, so that they arrive in one where the system can.
    pub(crate) fn send_offloaded(&self, to: SocketAddr, datagrams: &[u8], segment: usize) {
        let offload = UdpSocketState::new((&self.socket).into()).unwrap();
        self.socket.set_nonblocking(false).unwrap();
        let offloaded = quinn_udp::Transmit {
            destination: to,
            ecn: None,
            contents: datagrams,
            segment_size: Some(segment),
            src_ip: None,
        };
        if offload.max_gso_segments() > 1 {
            offload.try_send((&self.socket).into(), &offloaded).unwrap();
        } else {
            datagrams
                .chunks(segment)
                .for_each(|datagram| self.send(to, datagram));
        }
    }
}

pub(crate) fn data(block: u16, payload: &[u8]) -> Vec<u8> {
    [&[0, 3], &block.to_be_bytes()[..], payload].concat()
}

pub(crate) fn ack(block: u16) -> Vec<u8> {
    [&[0, 4], &block.to_be_bytes()[..]].concat()
}

pub(crate) fn error(code: u16, text: &str) -> Vec<u8> {
    [&[0, 5], &code.to_be_bytes()[..], text.as_bytes(), &[0]].concat()
}

pub(crate) fn oack(options: &[(&str, &str)]) -> Vec<u8> {
    let mut packet = vec![0, 6];
    for (name, value) in options {
        packet.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
    }
    packet
}

/// Name, mode and options of a request, as they are on the wire.
pub(crate) fn strings(request: &[u8]) -> Vec<String> {
    let text = String::from_utf8(request[2..].to_vec()).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

pub(crate) fn is_error(datagram: &[u8], code: u16) -> bool {
    datagram.starts_with(&[[0, 5], code.to_be_bytes()].concat())
}

/// Time-outs that no delay on this machine reaches, for scripts in which nothing is sent twice.
pub(crate) fn calm() -> Config {
    let mut config = Config::client();
    config.retry.initial = PATIENCE;
    config.retry.floor = PATIENCE;
    config.retry.ceiling = PATIENCE;
    config.dally = false;
    config
}

/// Time-outs that keep tests short in which something is sent twice.
pub(crate) fn quick() -> Config {
    let mut config = Config::client();
    config.retry.initial = Duration::from_millis(100);
    config.retry.floor = Duration::from_millis(20);
    config.retry.ceiling = Duration::from_millis(200);
    config.retry.resends = 40;
    config
}

/// A calm client that asks for plain blocks of 512 octets and their size.
pub(crate) fn client<'c>(peer: &Peer) -> Client<'c> {
    Client::new(peer.addr()).config(calm())
}

/// As [`quick`] once the server has answered, and calm before.
pub(crate) fn hasty() -> Config {
    let mut config = calm();
    config.retry.floor = quick().retry.floor;
    config
}

/// A calm client that asks for these.
pub(crate) fn asking(blksize: u16, windowsize: u16) -> Config {
    let mut config = calm();
    config.blksize = blksize;
    config.windowsize = windowsize;
    config
}

/// A quick client that asks for these.
pub(crate) fn windowed(blksize: u16, windowsize: u16) -> Config {
    let mut config = quick();
    config.blksize = blksize;
    config.windowsize = windowsize;
    config
}

/// Which datagrams of a transfer, counted from 0 in each direction, the link loses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    pub(crate) sent: fn(usize) -> bool,
    pub(crate) received: fn(usize) -> bool,
}

pub(crate) const NO_LOSS: Loss = Loss {
    sent: |_| false,
    received: |_| false,
};

/// Loses about one in seven, in both directions.
pub(crate) const LOSSY: Loss = Loss {
    sent: |n| scattered(n) % 7 == 3,
    received: |n| scattered(n) % 6 == 2,
};

/// Without a period: one that a window falls in with would lose the same block for ever.
const fn scattered(n: usize) -> usize {
    let mixed = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as usize
}

/// Answers one read request with `file`, from a port of its own. Gives the request too.
pub(crate) fn serve_read(
    peer: &Peer,
    file: &[u8],
    loss: Loss,
) -> (Vec<u8>, Result<Summary, TransferError>) {
    let (request, client) = peer.recv();
    let incoming = Incoming::decode(client, &request).unwrap();
    let length = Length::Known(file.len() as u64);
    let mut link = LossyLink::new(peer, loss);
    let mut sender = Sender::accept(link.now(), &incoming, length, server_limits());
    loop {
        match sender.poll(link.now()) {
            Output::Transmit(transmit) => link.send(&transmit, file),
            Output::Wait(at) => {
                if let Some((datagram, from)) = link.recv(at) {
                    let _ = sender.handle(link.now(), from, &datagram);
                }
            }
            Output::Done(result) => return (request, result),
        }
    }
}

/// Answers one write request, on a port of its own. Gives what arrived.
pub(crate) fn serve_write(peer: &Peer, loss: Loss) -> (Vec<u8>, Result<Summary, TransferError>) {
    let (request, client) = peer.recv();
    let incoming = Incoming::decode(client, &request).unwrap();
    let mut link = LossyLink::new(peer, loss);
    let mut receiver = Receiver::accept(link.now(), &incoming, server_limits());
    let mut file = Vec::new();
    loop {
        match receiver.poll(link.now()) {
            Output::Transmit(transmit) => link.send(&transmit, &[]),
            Output::Wait(_) if peer.client_is_done.load(Ordering::Relaxed) => {
                return (file, Ok(receiver.summary()));
            }
            Output::Wait(mut at) => {
                if receiver.is_complete() {
                    at = at.min(link.now().saturating_add(Duration::from_millis(10)));
                }
                if let Some((datagram, from)) = link.recv(at)
                    && let Event::Block(block) = receiver.handle(link.now(), from, &datagram)
                {
                    assert_eq!(block.offset, file.len() as u64);
                    file.extend_from_slice(block.payload);
                }
            }
            Output::Done(result) => return (file, result),
        }
    }
}

fn server_limits() -> Config {
    let mut limits = Config::server();
    limits.retry = quick().retry;
    limits.retry.unproven = limits.retry.resends;
    limits
}

struct LossyLink {
    socket: UdpSocket,
    start: Clock,
    loss: Loss,
    sent: usize,
    received: usize,
}

impl LossyLink {
    fn new(peer: &Peer, loss: Loss) -> Self {
        Self {
            socket: UdpSocket::bind((peer.addr().ip(), 0)).unwrap(),
            start: Clock::now(),
            loss,
            sent: 0,
            received: 0,
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO.saturating_add(self.start.elapsed())
    }

    fn send(&mut self, transmit: &Transmit<'_>, file: &[u8]) {
        let mut buf = vec![0; transmit.encoded_len()];
        if let Some(gap) = transmit.encode(&mut buf).unwrap() {
            let from = usize::try_from(gap.offset).unwrap();
            gap.buf.copy_from_slice(&file[from..from + gap.buf.len()]);
        }
        if !(self.loss.sent)(self.sent) {
            self.socket.send_to(&buf, transmit.to).unwrap();
        }
        self.sent += 1;
    }

    fn recv(&mut self, at: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        let left = at
            .saturating_since(self.now())
            .max(Duration::from_micros(1));
        self.socket.set_read_timeout(Some(left)).unwrap();
        let mut buf = vec![0; 1 << 16];
        let (len, from) = self.socket.recv_from(&mut buf).ok()?;
        buf.truncate(len);
        self.received += 1;
        (!(self.loss.received)(self.received - 1)).then_some((buf, from))
    }
}

/// Octets that are not the same at any two places of a block size.
pub(crate) fn contents(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let octet = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    };
    (0..len).map(octet).collect()
}
