//! A server on a UDP socket of a smoltcp stack, for a device that gives or takes files: a recovery mode
//! that is sent a firmware, an instrument whose log is fetched.
//!
//! It has no heap and no buffer of its own: a datagram is read where the socket received it, and built
//! where the socket sends it from. All transfers are on the one port of the socket, up to `N` at once.
//!
//! Nothing here waits. [`Server::poll`] takes its turn in the loop that polls the interface, after it:
//!
//! ```
//! use smoltcp::iface::{Interface, SocketHandle, SocketSet};
//! use smoltcp::{phy::Device, socket::udp, time::Instant};
//! use tftp_proto::Config;
//! use tftp_server::smoltcp::{Content, Server, StartError};
//!
//! fn serve<C: Content>(
//!     (iface, device, sockets): (&mut Interface, &mut impl Device, &mut SocketSet<'_>),
//!     handle: SocketHandle,
//!     content: &mut C,
//!     (clock, random): (impl Fn() -> Instant, u32),
//!     (is_done, wait_for_network): (impl Fn(&C) -> bool, impl Fn(Option<Instant>)),
//! ) -> Result<(), StartError> {
//!     let mut limits = Config::server();
//!     (limits.blksize, limits.windowsize, limits.seed) = (1468, 8, random);
//!     let socket = sockets.get_mut::<udp::Socket>(handle);
//!     let mut server = Server::<C, 4>::listen(socket, 69, limits)?;
//!     while !(is_done(content) && server.is_empty()) {
//!         let now = clock();
//!         iface.poll(now, device, sockets);
//!         let socket = sockets.get_mut::<udp::Socket>(handle);
//!         server.poll(now, iface, socket, content);
//!         let poll_at = server.poll_at(socket);
//!         wait_for_network([iface.poll_at(now, sockets), poll_at].into_iter().flatten().min());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # The socket's rings
//!
//! The receive ring holds a window of an upload, or what the clients send at once; the transmit ring
//! takes what it can of the windows that are being sent and at least two datagrams. Block and window
//! sizes are lowered to that.

mod content;
mod table;

use core::{fmt, net::SocketAddr, time::Duration};

use ::smoltcp::{
    iface::Interface,
    socket::udp::{self, BindError, SendError, UdpMetadata},
    time,
    wire::{IpAddress, IpListenEndpoint},
};
use tftp_proto::{
    Config, DATA_HEADER_LEN, DEFAULT_BLKSIZE, Direction, ErrorCode, Event, Incoming, Instant,
    Packet, ServerEvent, ServerFull, ServerOutput, SessionId, Span, Summary, Text, TransferError,
    Transmit,
};

pub use content::Content;
use table::{Open, Table};

/// Octets of a DATA packet of a transfer without options.
const PLAIN_DATA_LEN: usize = DEFAULT_BLKSIZE as usize + DATA_HEADER_LEN;
/// Octets that hold any ERROR of ours.
const ERROR_ROOM: usize = 64;
/// How long a datagram waits for room in a full transmit ring. If the stack has sent nothing by then
/// (a client's neighbour entry is missing, the link is down), datagrams count as lost, so that the
/// transfers' own time-outs go on.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a server could not be started: something to mend in the program, not in the network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StartError {
    /// The local port is 0.
    Bind(BindError),
    /// The socket's receive ring is too small.
    ReceiveRing {
        /// Octets that it needs at the least, in at least one packet.
        needed: usize,
    },
    /// The socket's transmit ring is too small.
    TransmitRing {
        /// Octets that it needs at the least, in at least two packets.
        needed: usize,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::ReceiveRing { needed } => {
                write!(f, "receive ring smaller than {needed} octets")
            }
            Self::TransmitRing { needed } => {
                write!(f, "transmit ring smaller than {needed} octets")
            }
        }
    }
}

impl core::error::Error for StartError {}

/// Up to `N` transfers on a socket of a stack, with the files of a [`Content`].
#[derive(Debug)]
pub struct Server<C: Content, const N: usize> {
    machine: tftp_proto::Server<N>,
    files: Table<C::File, N>,
    /// The longest file that is taken.
    max_len: u64,
    /// The last one who sent something that is no transfer's: whom a refusal is for.
    stranger: Option<UdpMetadata>,
    /// What the transmit ring had no room for.
    held: Option<(SessionId, Transmit<'static>)>,
    /// Since when the transmit ring has had no room.
    full_since: Option<Instant>,
}

/// What became of a DATA packet.
enum Sent {
    Whole,
    /// There is no room for it now.
    Full,
    /// It is the last block, which turned out to be shorter.
    Shortened(Span),
    /// It is the ERROR that tells why there is none.
    Broken(ErrorCode),
}

impl<C: Content, const N: usize> Server<C, N> {
    /// Binds the socket, usually to port 69, and serves what arrives there. Whatever it holds is dropped.
    ///
    /// `limits` are those of each transfer, with block and window size lowered to what the rings hold.
    ///
    /// # Errors
    /// If the socket cannot be used for transfers.
    pub fn listen(
        socket: &mut udp::Socket<'_>,
        local: impl Into<IpListenEndpoint>,
        mut limits: Config,
    ) -> Result<Self, StartError> {
        limit_to_rings(socket, &mut limits)?;
        socket.close();
        socket.bind(local).map_err(StartError::Bind)?;
        Ok(Self {
            machine: tftp_proto::Server::new(limits),
            files: Table::new(),
            max_len: limits.max_len,
            stranger: None,
            held: None,
            full_since: None,
        })
    }

    /// Takes in what has arrived, and sends what the transmit ring has room for. Call it after each
    /// poll of the interface, whose `poll_at` then says that there is something to send.
    ///
    /// What was not sent to one of the interface's own addresses, a broadcast for example, is passed over
    /// (RFC 1123 section 4.2.3.5). Answers come from the address that was asked.
    ///
    /// Nothing is lost for want of room in the transmit ring: the rest of a window goes in when the
    /// interface has sent some of it.
    pub fn poll(
        &mut self,
        now: time::Instant,
        iface: &Interface,
        socket: &mut udp::Socket<'_>,
        content: &mut C,
    ) {
        let now = Instant::from_micros(u64::try_from(now.total_micros()).unwrap_or(0));
        if let Some((id, held)) = self.held.take() {
            // What is acted on before this has left would make it a stray repeat.
            if !self.send(now, socket, content, id, &held) {
                return;
            }
        }
        // The ring bounds this: nothing arrives in it while we are here.
        while let Ok((datagram, meta)) = socket.recv() {
            if meta.local_address.is_none_or(|asked| is_own(iface, asked)) {
                self.receive(now, content, datagram, meta);
            }
        }
        loop {
            match self.machine.poll(now) {
                ServerOutput::Transmit(id, transmit) => {
                    if !self.send(now, socket, content, id, &transmit) {
                        return;
                    }
                }
                ServerOutput::Refuse(transmit) => self.turn_away(socket, &transmit),
                ServerOutput::Done(id, result) => self.close(content, id, result),
                ServerOutput::Wait(_) => return,
            }
        }
    }

    fn close(&mut self, content: &mut C, id: SessionId, result: Result<Summary, TransferError>) {
        if let Some(file) = self.files.remove(id).and_then(|open| open.file) {
            content.close(file, result);
        }
    }

    /// Closes the files of transfers that are over. They may be those that a new request is for.
    fn close_ended(&mut self, content: &mut C) {
        while let Some((id, result)) = self.machine.ended() {
            self.close(content, id, result);
        }
    }

    fn receive(&mut self, now: Instant, content: &mut C, datagram: &[u8], meta: UdpMetadata) {
        match self.machine.handle(now, meta.endpoint.into(), datagram) {
            ServerEvent::Request(incoming) => {
                if let Err(code) = self.decide(now, content, &incoming, meta) {
                    self.machine.refuse(&incoming, code);
                    self.stranger = Some(meta);
                }
            }
            ServerEvent::Transfer(id, event) => {
                if let Some(open) = self.files.find(id)
                    && let Some(file) = &mut open.file
                    && let Err(code) = act(content, file, &event)
                {
                    self.machine.abort(id, code);
                }
            }
            ServerEvent::Ignored(_) => self.stranger = Some(meta),
        }
    }

    /// Accepts a request, or says why not. One that the table has no room for gets no answer: the client
    /// asks again, and then there may be room.
    fn decide(
        &mut self,
        now: Instant,
        content: &mut C,
        incoming: &Incoming<'_>,
        peer: UdpMetadata,
    ) -> Result<(), ErrorCode> {
        self.close_ended(content);
        match incoming.direction() {
            Direction::Read => {
                let (file, length) = content.open(incoming)?;
                match self.machine.accept_read(now, incoming, length) {
                    Ok(id) => self.files.insert(Open::new(id, peer, Some(file))),
                    Err(ServerFull) => content.close(file, Err(TransferError::Evicted)),
                }
            }
            Direction::Write if incoming.tsize() > Some(self.max_len) => {
                return Err(ErrorCode::DISK_FULL);
            }
            Direction::Write => {
                // To make a file may cost the one that is there, so a place in the table comes first.
                let Ok(id) = self.machine.accept_write(now, incoming) else {
                    return Ok(());
                };
                self.close_ended(content);
                let file = content.create(incoming);
                if let Err(code) = file {
                    self.machine.abort(id, code);
                }
                self.files.insert(Open::new(id, peer, file.ok()));
            }
        }
        Ok(())
    }

    /// Sends a datagram of a transfer, or holds it if there is no room. `false`: nothing more can be sent
    /// now.
    fn send(
        &mut self,
        now: Instant,
        socket: &mut udp::Socket<'_>,
        content: &mut C,
        id: SessionId,
        transmit: &Transmit<'static>,
    ) -> bool {
        let Some(open) = self.files.find(id) else {
            return true;
        };
        let span = transmit.span();
        if open.said.take() == Some(span) {
            return true;
        }
        let sent = match (span, &mut open.file) {
            (Some(span), Some(file)) => {
                send_data(socket, open.peer, transmit, span, |offset, buf| {
                    content.read_at(file, offset, buf)
                })
            }
            (Some(_), None) | (None, _) => send(socket, open.peer, transmit),
        };
        match sent {
            Sent::Whole => {}
            Sent::Full => {
                let since = *self.full_since.get_or_insert(now);
                let patient = now.saturating_since(since) < PATIENCE;
                self.held = patient.then_some((id, *transmit));
                return !patient;
            }
            Sent::Shortened(span) => {
                open.said = Some(Some(span));
                let end = span.offset.saturating_add(span.len as u64);
                self.machine.ends_at(id, end);
            }
            Sent::Broken(code) => {
                open.said = Some(None);
                self.machine.abort(id, code);
            }
        }
        self.full_since = None;
        true
    }

    /// Sends an ERROR to somebody without a transfer. If there is no room it is lost, as it may be on its
    /// way.
    fn turn_away(&self, socket: &mut udp::Socket<'_>, refusal: &Transmit<'_>) {
        if let Some(stranger) = self.stranger
            && refusal.to == SocketAddr::from(stranger.endpoint)
        {
            let _ = send(socket, stranger, refusal);
        }
    }

    /// When [`Self::poll`] needs its next turn even if nothing arrives; `None` without transfers. A time
    /// that is past means at once, as with the interface's. While the transmit ring is full, it is for
    /// the interface's to say when there is room.
    #[must_use]
    pub fn poll_at(&self, socket: &udp::Socket<'_>) -> Option<time::Instant> {
        let at = match (self.held, self.full_since) {
            (Some(_), Some(since)) if socket.send_queue() > 0 => since.saturating_add(PATIENCE),
            (Some(_), _) => Instant::ZERO,
            (None, _) if socket.can_recv() => Instant::ZERO,
            (None, _) => self.machine.poll_at()?,
        };
        let at = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
        Some(time::Instant::from_micros(at))
    }

    /// The number of transfers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.machine.len()
    }

    /// Whether there is no transfer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.machine.is_empty()
    }
}

fn act<C: Content>(
    content: &mut C,
    file: &mut C::File,
    event: &Event<'_>,
) -> Result<(), ErrorCode> {
    content.observe(file, event);
    match event {
        Event::Block(block) => {
            content.write(file, block.payload)?;
            if block.last {
                content.commit(file)
            } else {
                Ok(())
            }
        }
        Event::Acknowledged { up_to } => {
            content.release(file, *up_to);
            Ok(())
        }
        // The table tells transfers apart by the peer's address, so that no stray gets here.
        Event::Negotiated(_)
        | Event::Error { .. }
        | Event::Failed(_)
        | Event::Stray(_)
        | Event::Ignored(_) => Ok(()),
    }
}

/// Whether it is an address of this host alone, not a broadcast or a group. With AnyIP that is also one
/// outside the interface's subnets.
fn is_own(iface: &Interface, asked: IpAddress) -> bool {
    let is_foreign = || {
        iface
            .ip_addrs()
            .iter()
            .all(|cidr| !cidr.contains_addr(&asked))
    };
    iface.has_ip_addr(asked) || (iface.any_ip() && asked.is_unicast() && is_foreign())
}

fn send(socket: &mut udp::Socket<'_>, to: UdpMetadata, transmit: &Transmit<'_>) -> Sent {
    match socket.send(transmit.encoded_len(), to) {
        Err(SendError::BufferFull) => return Sent::Full,
        // The peer's address came from a datagram of its own: an unusable one gets no answer.
        Err(SendError::Unaddressable) => {}
        Ok(buf) => {
            // The room is what was asked for.
            let _ = transmit.encode(buf);
        }
    }
    Sent::Whole
}

/// Builds a DATA packet in the transmit ring. What is there cannot be taken back, only made shorter: a
/// file that ends or fails makes a shorter DATA packet or an ERROR of it.
fn send_data(
    socket: &mut udp::Socket<'_>,
    to: UdpMetadata,
    transmit: &Transmit<'_>,
    span: Span,
    read_at: impl FnOnce(u64, &mut [u8]) -> Result<usize, ErrorCode>,
) -> Sent {
    let len = transmit.encoded_len();
    let mut sent = Sent::Whole;
    let result = socket.send_with(len.max(ERROR_ROOM), to, |buf| {
        // The room is at least what was asked for, so there is a gap.
        let Ok(Some(gap)) = transmit.encode(buf) else {
            return 0;
        };
        match read_at(gap.offset, gap.buf) {
            Ok(read) if read < span.len => {
                let offset = span.offset;
                sent = Sent::Shortened(Span { offset, len: read });
                read.saturating_add(DATA_HEADER_LEN)
            }
            Ok(_) => len,
            Err(code) => {
                sent = Sent::Broken(code);
                let message = Text(code.message().as_bytes());
                Packet::Error { code, message }.encode(buf).unwrap_or(0)
            }
        }
    });
    match result {
        Err(SendError::BufferFull) => Sent::Full,
        Ok(_) | Err(SendError::Unaddressable) => sent,
    }
}

/// Agrees to no larger window than the receive ring holds, as what is sent beyond that is lost, and to no
/// larger block than the transmit ring holds twice: as the room at its end may be too short for a block,
/// one of two always is free.
fn limit_to_rings(socket: &udp::Socket<'_>, limits: &mut Config) -> Result<(), StartError> {
    let received = socket.payload_recv_capacity();
    let packets = socket.packet_recv_capacity();
    if received < PLAIN_DATA_LEN || packets == 0 {
        return Err(StartError::ReceiveRing {
            needed: PLAIN_DATA_LEN,
        });
    }
    let sent = socket.payload_send_capacity() / 2;
    if sent < PLAIN_DATA_LEN || socket.packet_send_capacity() < 2 {
        return Err(StartError::TransmitRing {
            needed: 2 * PLAIN_DATA_LEN,
        });
    }
    let octets = received.min(sent).saturating_sub(DATA_HEADER_LEN);
    let octets = u16::try_from(octets).unwrap_or(u16::MAX);
    limits.blksize = limits.blksize.min(octets);
    let packets = u16::try_from(packets).unwrap_or(u16::MAX);
    limits.windowsize = limits.windowsize.min(packets);
    // What that leaves of a window of small blocks depends on the block size that a client asks for.
    let headers = usize::from(limits.windowsize).saturating_mul(DATA_HEADER_LEN);
    let octets = u32::try_from(received.saturating_sub(headers)).unwrap_or(u32::MAX);
    limits.window_bytes = limits.window_bytes.min(octets);
    Ok(())
}
