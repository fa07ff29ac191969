//! A file from a server.

use core::task::Poll;

use ::smoltcp::{
    socket::udp,
    time,
    wire::{IpAddress, IpEndpoint, IpListenEndpoint},
};
use tftp_proto::{
    Block, Config, DATA_HEADER_LEN, ErrorCode, Event, Instant, Output, Receiver, Request, Summary,
    TransferError,
};

use super::{Error, StartError, bind, endpoint, instant, send, stack_instant};
use crate::Sink;

/// A file that is fetched: the client of a read request on a socket of a stack.
#[derive(Clone, Debug)]
pub struct Get<'r> {
    receiver: Receiver<'r>,
    /// The address that is sent to, as the stack has it.
    peer: IpAddress,
}

impl<'r> Get<'r> {
    /// Asks `server`, usually at port 69, for a file.
    ///
    /// The socket is taken over: whatever it holds is dropped, and it is bound to `local`, for example
    /// an [`ephemeral_port`](super::ephemeral_port). It belongs to this transfer until that is over.
    /// `config.blksize` and `config.windowsize` are lowered to what its receive ring holds.
    ///
    /// # Errors
    /// If the socket or an address cannot be used for a transfer.
    pub fn request(
        now: time::Instant,
        socket: &mut udp::Socket<'_>,
        local: impl Into<IpListenEndpoint>,
        server: IpEndpoint,
        request: Request<'r>,
        mut config: Config,
    ) -> Result<Self, StartError> {
        limit_to_ring(socket, &mut config)?;
        bind(socket, local.into())?;
        let now = instant(now);
        let mut receiver = Receiver::request(now, server.into(), request, config);
        super::open(socket, server, receiver.poll(now))?;
        Ok(Self {
            receiver,
            peer: server.addr,
        })
    }

    /// Stores what has arrived, and acknowledges it once it is stored. Call it after each poll of the
    /// interface, whose `poll_at` then says that there is something to send.
    ///
    /// It is ready when the transfer is over, and stays so. A get that has all of the
    /// file still stays for a moment, in case the server has not heard so; see
    /// [`is_complete`](Self::is_complete).
    ///
    /// `observe` sees each datagram's meaning before it is acted on: the place to log the text of the
    /// server's ERROR.
    ///
    /// A datagram for which the transmit ring has no room counts as lost and is repeated in time.
    ///
    /// # Errors
    /// In the result: if the sink fails or the transfer does.
    pub fn poll<S: Sink>(
        &mut self,
        now: time::Instant,
        socket: &mut udp::Socket<'_>,
        sink: &mut S,
        mut observe: impl FnMut(&Event<'_>),
    ) -> Poll<Result<Summary, Error<S::Error>>> {
        let now = instant(now);
        let mut broken = None;
        // The ring bounds this: nothing arrives in it while we are here.
        while let Ok((datagram, meta)) = socket.recv() {
            let from = meta.endpoint;
            let event = self.receiver.handle(now, from.into(), datagram);
            observe(&event);
            let reply = match event {
                Event::Block(block) => {
                    if let Err(error) = store(sink, &block) {
                        self.receiver.abort(S::code(&error));
                        broken = Some(error);
                    }
                    None
                }
                Event::Stray(reply) => reply,
                Event::Acknowledged { .. }
                | Event::Negotiated(_)
                | Event::Error { .. }
                | Event::Failed(_)
                | Event::Ignored(_) => None,
            };
            if self.receiver.peer() == from.into() {
                self.peer = from.addr;
            }
            if let Some(reply) = reply {
                let _ = send(socket, from, &reply);
            }
        }
        self.answer(now, socket).map(|result| {
            result.map_err(|error| broken.map_or(Error::Transfer(error), Error::Store))
        })
    }

    fn answer(
        &mut self,
        now: Instant,
        socket: &mut udp::Socket<'_>,
    ) -> Poll<Result<Summary, TransferError>> {
        loop {
            match self.receiver.poll(now) {
                Output::Transmit(transmit) => {
                    let _ = send(socket, endpoint(self.peer, &transmit), &transmit);
                }
                Output::Wait(_) => return Poll::Pending,
                Output::Done(result) => return Poll::Ready(result),
            }
        }
    }

    /// When [`Self::poll`] needs its next turn even if nothing arrives; `None` once the transfer is over.
    /// A time that is past means at once, as with the interface's.
    #[must_use]
    pub fn poll_at(&self, socket: &udp::Socket<'_>) -> Option<time::Instant> {
        let at = self.receiver.poll_at()?;
        Some(if socket.can_recv() {
            time::Instant::ZERO
        } else {
            stack_instant(at)
        })
    }

    /// Whether the whole file is stored and acknowledged. A bootloader in a hurry may leave then: poll the
    /// interface once more, so that the acknowledgement leaves. If that one gets lost, the server repeats
    /// its last block for a while and then reports that its end was not confirmed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.receiver.is_complete()
    }

    /// How far the transfer has come.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.receiver.summary()
    }

    /// Gives up: the next [`Self::poll`] tells the server and is ready.
    pub fn abort(&mut self, code: ErrorCode) {
        self.receiver.abort(code);
    }

    /// After a failure: whether the same request with [`Config::options`] off may do better.
    #[must_use]
    pub const fn retry_without_options(&self) -> bool {
        self.receiver.retry_without_options()
    }
}

fn store<S: Sink>(sink: &mut S, block: &Block<'_>) -> Result<(), S::Error> {
    sink.write(block.payload)?;
    if block.last { sink.commit() } else { Ok(()) }
}

/// Asks for no larger window than the receive ring holds: what is sent beyond that is lost.
fn limit_to_ring(socket: &udp::Socket<'_>, config: &mut Config) -> Result<(), StartError> {
    let octets = socket.payload_recv_capacity();
    let packets = socket.packet_recv_capacity();
    if octets < super::PLAIN_DATA_LEN || packets == 0 {
        return Err(StartError::ReceiveRing {
            needed: super::PLAIN_DATA_LEN,
        });
    }
    super::limit_blksize(config, octets);
    let datagram = usize::from(config.blksize).saturating_add(DATA_HEADER_LEN);
    let windowsize = octets.checked_div(datagram).unwrap_or(1).min(packets);
    let windowsize = u16::try_from(windowsize).unwrap_or(u16::MAX);
    config.windowsize = config.windowsize.min(windowsize).max(1);
    Ok(())
}
