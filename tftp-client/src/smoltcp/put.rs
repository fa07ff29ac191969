//! A file to a server.

use core::{task::Poll, time::Duration};

use ::smoltcp::{
    socket::udp::{self, SendError},
    time,
    wire::{IpAddress, IpEndpoint, IpListenEndpoint},
};
use tftp_proto::{
    Config, DATA_HEADER_LEN, ErrorCode, Event, Instant, Length, Output, Packet, Request, Sender,
    Span, Summary, Text, Transmit,
};

use super::{Error, PLAIN_DATA_LEN, StartError, bind, endpoint, instant, send, stack_instant};
use crate::Source;

/// How long a datagram waits for room in a full transmit ring. If the stack has sent nothing by then
/// (no neighbour answers, the link is down), datagrams count as lost, so that the transfer's own time-outs
/// go on.
const PATIENCE: Duration = Duration::from_secs(5);
/// Octets that hold any ERROR of ours.
const ERROR_ROOM: usize = 64;
/// Octets that hold an answer with every option, and an ERROR with a long text.
const ANSWER_ROOM: usize = 256;

/// A file that is sent: the client of a write request on a socket of a stack.
#[derive(Clone, Debug)]
pub struct Put<'r> {
    sender: Sender<'r>,
    /// The address that is sent to, as the stack has it.
    peer: IpAddress,
    /// What the transmit ring had no room for.
    held: Option<Transmit<'r>>,
    /// Since when the transmit ring has had no room.
    full_since: Option<Instant>,
}

/// What became of a datagram.
enum Sent<E> {
    Yes,
    /// There is no room for it now.
    Full,
    /// As the last block, which turned out to be shorter.
    Shortened(Span),
    /// As the ERROR that tells of this one.
    Broken(E),
}

impl<'r> Put<'r> {
    /// Asks `server`, usually at port 69, to take a file of `length` octets: [`Source::length`] tells.
    ///
    /// The socket is taken over: whatever it holds is dropped, and it is bound to `local`, for example
    /// an [`ephemeral_port`](super::ephemeral_port). It belongs to this transfer until that is over.
    /// `config.blksize` is lowered to what its transmit ring holds twice.
    ///
    /// # Errors
    /// If the socket or an address cannot be used for a transfer.
    pub fn request(
        now: time::Instant,
        socket: &mut udp::Socket<'_>,
        local: impl Into<IpListenEndpoint>,
        server: IpEndpoint,
        request: Request<'r>,
        length: Length,
        mut config: Config,
    ) -> Result<Self, StartError> {
        limit_to_rings(socket, &mut config)?;
        bind(socket, local.into())?;
        let now = instant(now);
        let mut sender = Sender::request(now, server.into(), request, length, config);
        super::open(socket, server, sender.poll(now))?;
        Ok(Self {
            sender,
            peer: server.addr,
            held: None,
            full_since: None,
        })
    }

    /// Takes in the acknowledgements that have arrived, and sends what the transmit ring has room for.
    /// Call it after each poll of the interface, whose `poll_at` then says that there is something to send.
    ///
    /// It is ready when the transfer is over, and stays so. Nothing is lost for want
    /// of room in the transmit ring: the rest of a window goes in when the interface has sent some of it.
    ///
    /// `observe` sees each datagram's meaning before it is acted on: the place to log the text of the
    /// server's ERROR.
    ///
    /// # Errors
    /// In the result: if the source fails or the transfer does.
    pub fn poll<S: Source>(
        &mut self,
        now: time::Instant,
        socket: &mut udp::Socket<'_>,
        source: &mut S,
        mut observe: impl FnMut(&Event<'_>),
    ) -> Poll<Result<Summary, Error<S::Error>>> {
        let now = instant(now);
        let mut broken = None;
        if let Some(held) = self.held.take() {
            // An acknowledgement that is acted on before this has left would make it a stray repeat.
            if !self.send(now, socket, source, held, &mut broken) {
                return Poll::Pending;
            }
        }
        self.receive(now, socket, source, &mut observe);
        loop {
            match self.sender.poll(now) {
                Output::Transmit(transmit) => {
                    if !self.send(now, socket, source, transmit, &mut broken) {
                        return Poll::Pending;
                    }
                }
                Output::Wait(_) => return Poll::Pending,
                Output::Done(result) => {
                    return Poll::Ready(
                        result.map_err(|error| broken.map_or(Error::Transfer(error), Error::Store)),
                    );
                }
            }
        }
    }

    fn receive<S: Source>(
        &mut self,
        now: Instant,
        socket: &mut udp::Socket<'_>,
        source: &mut S,
        observe: &mut impl FnMut(&Event<'_>),
    ) {
        // The ring bounds this: nothing arrives in it while we are here.
        while let Ok((datagram, meta)) = socket.recv() {
            let from = meta.endpoint;
            let event = self.sender.handle(now, from.into(), datagram);
            observe(&event);
            let reply = match event {
                Event::Acknowledged { up_to } => {
                    source.release(up_to);
                    None
                }
                Event::Stray(reply) => reply,
                Event::Block(_)
                | Event::Negotiated(_)
                | Event::Error { .. }
                | Event::Failed(_)
                | Event::Ignored(_) => None,
            };
            if self.sender.peer() == from.into() {
                self.peer = from.addr;
            }
            if let Some(reply) = reply {
                let _ = send(socket, from, &reply);
            }
        }
    }

    /// Sends a datagram, or holds it if there is no room. `false`: nothing more can be sent now.
    fn send<S: Source>(
        &mut self,
        now: Instant,
        socket: &mut udp::Socket<'_>,
        source: &mut S,
        transmit: Transmit<'r>,
        broken: &mut Option<S::Error>,
    ) -> bool {
        let to = endpoint(self.peer, &transmit);
        let sent = match transmit.span() {
            Some(span) => send_data(socket, to, source, &transmit, span),
            None => match send(socket, to, &transmit) {
                Err(SendError::BufferFull) => Sent::Full,
                Ok(()) | Err(SendError::Unaddressable) => Sent::Yes,
            },
        };
        if let Sent::Full = sent {
            let since = *self.full_since.get_or_insert(now);
            let patient = now.saturating_since(since) < PATIENCE;
            self.held = patient.then_some(transmit);
            return !patient;
        }
        self.full_since = None;
        match sent {
            Sent::Yes | Sent::Full => {}
            Sent::Shortened(span) => {
                self.sender
                    .ends_at(span.offset.saturating_add(span.len as u64));
                self.skip(now, Some(span));
            }
            Sent::Broken(error) => {
                self.sender.abort(S::code(&error));
                self.skip(now, None);
                *broken = Some(error);
            }
        }
        true
    }

    /// Passes over what the machine now wants sent, as it has just been sent in another's place.
    fn skip(&mut self, now: Instant, span: Option<Span>) {
        if let Output::Transmit(transmit) = self.sender.poll(now)
            && transmit.span() != span
        {
            self.held = Some(transmit);
        }
    }

    /// When [`Self::poll`] needs its next turn even if nothing arrives; `None` once the transfer is over.
    /// A time that is past means at once, as with the interface's. While the transmit ring is full, it
    /// is for the interface's to say when there is room.
    #[must_use]
    pub fn poll_at(&self, socket: &udp::Socket<'_>) -> Option<time::Instant> {
        let at = match (self.held, self.full_since) {
            (Some(_), Some(since)) if socket.send_queue() > 0 => since.saturating_add(PATIENCE),
            (Some(_), _) => Instant::ZERO,
            (None, _) => self.sender.poll_at()?,
        };
        Some(if self.held.is_none() && socket.can_recv() {
            time::Instant::ZERO
        } else {
            stack_instant(at)
        })
    }

    /// How far the transfer has come: what the server has acknowledged.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.sender.summary()
    }

    /// Gives up: the next [`Self::poll`] tells the server and is ready.
    pub fn abort(&mut self, code: ErrorCode) {
        self.sender.abort(code);
    }

    /// After a failure: whether the same request with [`Config::options`] off may do better.
    #[must_use]
    pub const fn retry_without_options(&self) -> bool {
        self.sender.retry_without_options()
    }
}

/// Builds a DATA packet in the transmit ring. What is there cannot be taken back, only made shorter: a
/// source that ends or fails makes a shorter DATA packet or an ERROR of it.
fn send_data<S: Source>(
    socket: &mut udp::Socket<'_>,
    to: IpEndpoint,
    source: &mut S,
    transmit: &Transmit<'_>,
    span: Span,
) -> Sent<S::Error> {
    let len = transmit.encoded_len();
    let mut sent = Sent::Yes;
    let result = socket.send_with(len.max(ERROR_ROOM), to, |buf| {
        // The room is what was asked for, so there is a gap.
        let Ok(Some(gap)) = transmit.encode(buf) else {
            return 0;
        };
        match source.read_at(gap.offset, gap.buf) {
            Ok(read) if read < span.len => {
                let offset = span.offset;
                sent = Sent::Shortened(Span { offset, len: read });
                read.saturating_add(DATA_HEADER_LEN)
            }
            Ok(_) => len,
            Err(error) => {
                let code = S::code(&error);
                sent = Sent::Broken(error);
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

/// Asks for no larger block than the transmit ring holds twice: as the room at its end may be too short
/// for a block, one of two always is free.
fn limit_to_rings(socket: &udp::Socket<'_>, config: &mut Config) -> Result<(), StartError> {
    if socket.payload_recv_capacity() < ANSWER_ROOM || socket.packet_recv_capacity() == 0 {
        return Err(StartError::ReceiveRing {
            needed: ANSWER_ROOM,
        });
    }
    let octets = socket.payload_send_capacity() / 2;
    if octets < PLAIN_DATA_LEN || socket.packet_send_capacity() < 2 {
        return Err(StartError::TransmitRing {
            needed: 2 * PLAIN_DATA_LEN,
        });
    }
    super::limit_blksize(config, octets);
    Ok(())
}
