//! Receiving: many datagrams with one system call.

use core::{fmt, net::SocketAddr};
use std::io::IoSliceMut;

use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, UdpSocketState};

/// Messages that are received at once.
pub(crate) const BATCH: usize = 32;
/// Room for one message: a datagram, or several of one length that the kernel has put together.
const ROOM: usize = 1 << 16;

/// Room for what arrives, shared by all sockets.
pub(crate) struct Datagrams {
    room: Vec<u8>,
    meta: [RecvMeta; BATCH],
    count: usize,
}

impl fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagrams")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'b> {
    pub(crate) meta: RecvMeta,
    octets: &'b [u8],
}

impl<'b> Message<'b> {
    pub(crate) const fn from(&self) -> SocketAddr {
        self.meta.addr
    }

    /// The datagrams in it. An empty one says nothing, so there is none then.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        self.octets.chunks(self.meta.stride.max(1))
    }
}

impl Datagrams {
    pub(crate) fn new() -> Self {
        Self {
            room: vec![0; BATCH.saturating_mul(ROOM)],
            meta: [RecvMeta::default(); BATCH],
            count: 0,
        }
    }

    /// Receives up to `most` messages in the place of those before. `true`: there may be more.
    pub(crate) fn receive(
        &mut self,
        socket: &UdpSocket,
        state: &UdpSocketState,
        most: usize,
    ) -> bool {
        let most = most.min(BATCH);
        let mut room = self.room.chunks_exact_mut(ROOM);
        let mut slices: [IoSliceMut<'_>; BATCH] =
            core::array::from_fn(|_| IoSliceMut::new(room.next().unwrap_or_default()));
        let slices = slices.get_mut(..most).unwrap_or_default();
        self.count = 0;
        match state.recv(socket.into(), slices, &mut self.meta) {
            Ok(count) => {
                self.count = count;
                count == most
            }
            // Nothing is there. After any other error the next datagram, or the timer, is a new occasion.
            Err(_) => false,
        }
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        self.room
            .chunks_exact(ROOM)
            .zip(&self.meta)
            .take(self.count)
            .map(|(room, meta)| Message {
                meta: *meta,
                octets: room.get(..meta.len).unwrap_or(room),
            })
    }
}
