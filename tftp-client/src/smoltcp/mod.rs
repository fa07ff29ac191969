//! Transfers over a UDP socket of a smoltcp stack, without a heap and without a buffer of our own:
//! a datagram is read where the socket received it, and built where the socket sends it from.
//!
//! Nothing here waits. [`Get`] and [`Put`] take their turn in the loop that polls the interface; their
//! `poll_at` says when they need the next one, like the interface's.
//!
//! ```
//! use core::task::Poll;
//! use smoltcp::iface::{Interface, SocketHandle, SocketSet};
//! use smoltcp::{phy::Device, socket::udp, time::Instant, wire::IpEndpoint};
//! use tftp_client::smoltcp::{Error, Get, StartError, ephemeral_port};
//! use tftp_client::{Config, Request, Sink, Summary};
//!
//! # #[derive(Debug)]
//! enum BootError<E> {
//!     Start(StartError),
//!     Fetch(Error<E>),
//! }
//!
//! fn fetch<S: Sink>(
//!     (iface, device, sockets): (&mut Interface, &mut impl Device, &mut SocketSet<'_>),
//!     handle: SocketHandle,
//!     server: IpEndpoint,
//!     flash: &mut S,
//!     (clock, random): (impl Fn() -> Instant, u32),
//!     wait_for_network: impl Fn(Option<Instant>),
//! ) -> Result<Summary, BootError<S::Error>> {
//!     let mut config = Config::client();
//!     (config.blksize, config.windowsize, config.seed) = (1468, 8, random);
//!     let request = Request::octet("firmware.img").expect("a name that fits");
//!     let socket = sockets.get_mut::<udp::Socket>(handle);
//!     let mut get = Get::request(clock(), socket, ephemeral_port(random), server, request, config)
//!         .map_err(BootError::Start)?;
//!     loop {
//!         let now = clock();
//!         iface.poll(now, device, sockets);
//!         let socket = sockets.get_mut::<udp::Socket>(handle);
//!         let result = get.poll(now, socket, flash, |event| { /* log it, if you like */ });
//!         if let Poll::Ready(result) = result {
//!             iface.poll(now, device, sockets); // the last word
//!             return result.map_err(BootError::Fetch);
//!         }
//!         let poll_at = get.poll_at(socket);
//!         wait_for_network([iface.poll_at(now, sockets), poll_at].into_iter().flatten().min());
//!     }
//! }
//! ```
//!
//! # The socket's rings
//!
//! Their sizes are the transfer's memory. The receive ring of a [`Get`] holds a window, so a request asks
//! for no more than fits: `windowsize` × (`blksize` + 4) octets in `windowsize` packets. Its transmit
//! ring holds the request. A [`Put`] is the other way round: its transmit ring takes what it can of the
//! window at a time and at least two datagrams, as a block may have to be placed at the start of the ring
//! with the rest of its end left over; its receive ring holds a few ACKs.
//!
//! A server may pass over every option and send, or expect, blocks of 512 octets: both rings must be
//! fit for those.
//!
//! # The block size
//!
//! smoltcp drops what it cannot fragment, so `blksize` must suit the MTU: [`max_blksize`] tells.

mod get;
mod put;

use core::{fmt, net::IpAddr};

use ::smoltcp::{
    socket::udp::{self, BindError, SendError},
    time,
    wire::{IpAddress, IpEndpoint, IpListenEndpoint},
};
use tftp_proto::{
    Config, DATA_HEADER_LEN, DEFAULT_BLKSIZE, Instant, MAX_BLKSIZE, MIN_BLKSIZE, Output,
    TransferError, Transmit,
};

pub use get::Get;
pub use put::Put;

const UDP_HEADER_LEN: usize = 8;
/// Octets of a DATA packet of a transfer without options.
const PLAIN_DATA_LEN: usize = DEFAULT_BLKSIZE as usize + DATA_HEADER_LEN;

/// Why a transfer could not be started: something to mend in the program, not in the network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StartError {
    /// The local port is 0.
    Bind(BindError),
    /// The server's address is unspecified or its port is 0.
    Unaddressable,
    /// The socket's receive ring is too small.
    ReceiveRing {
        /// Octets that it needs at the least, in at least one packet.
        needed: usize,
    },
    /// The socket's transmit ring is too small.
    TransmitRing {
        /// Octets that it needs at the least, in at least two packets for a [`Put`].
        needed: usize,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Unaddressable => f.write_str("server address or port unspecified"),
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

/// Why a transfer failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a transfer fails by the protocol or by the store"
)]
pub enum Error<E> {
    /// The sink or the source failed. The peer was told its code.
    Store(E),
    /// The protocol's reason.
    Transfer(TransferError),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Transfer(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Error<E> {}

/// A local port that another boot, with another seed, hardly ever chooses (RFC 1350 section 4): one of
/// the 16,384 dynamic ones.
#[must_use]
pub const fn ephemeral_port(seed: u32) -> u16 {
    let mixed = (seed ^ (seed >> 16)).wrapping_mul(0x7feb_352d);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x846c_a68b);
    let [high, low, ..] = mixed.to_be_bytes();
    0xc000 | u16::from_be_bytes([high, low])
}

/// The largest block that needs no fragments on an interface whose IP packets have up to `ip_mtu`
/// octets: 1468 for IPv4 and 1448 for IPv6 over Ethernet.
#[must_use]
pub fn max_blksize(ip_mtu: usize, server: IpAddress) -> u16 {
    let ip = if IpAddr::from(server).is_ipv4() {
        20
    } else {
        40
    };
    let headers = UDP_HEADER_LEN
        .saturating_add(DATA_HEADER_LEN)
        .saturating_add(ip);
    let octets = ip_mtu.saturating_sub(headers);
    u16::try_from(octets).map_or(MAX_BLKSIZE, |octets| octets.clamp(MIN_BLKSIZE, MAX_BLKSIZE))
}

/// The stack's time on the machines' scale.
fn instant(now: time::Instant) -> Instant {
    Instant::from_micros(u64::try_from(now.total_micros()).unwrap_or(0))
}

fn stack_instant(at: Instant) -> time::Instant {
    time::Instant::from_micros(i64::try_from(at.as_micros()).unwrap_or(i64::MAX))
}

/// Takes the socket for a new transfer.
fn bind(socket: &mut udp::Socket<'_>, local: IpListenEndpoint) -> Result<(), StartError> {
    socket.close();
    socket.bind(local).map_err(StartError::Bind)
}

/// Asks for no larger block than `room` octets of a ring hold in one datagram.
fn limit_blksize(config: &mut Config, room: usize) {
    let octets = room.saturating_sub(DATA_HEADER_LEN);
    config.blksize = config
        .blksize
        .min(u16::try_from(octets).unwrap_or(u16::MAX));
}

/// Where a datagram goes. The stack's own form of the peer's address is kept, as the way back to it
/// depends on which families the stack was built with.
fn endpoint(peer: IpAddress, transmit: &Transmit<'_>) -> IpEndpoint {
    IpEndpoint::new(peer, transmit.to.port())
}

/// Sends the request, which is the first thing that a machine wants sent.
fn open(
    socket: &mut udp::Socket<'_>,
    server: IpEndpoint,
    output: Output<'_>,
) -> Result<(), StartError> {
    let Output::Transmit(request) = output else {
        return Ok(());
    };
    send(socket, server, &request).map_err(|error| match error {
        SendError::Unaddressable => StartError::Unaddressable,
        SendError::BufferFull => StartError::TransmitRing {
            needed: request.encoded_len(),
        },
    })
}

/// Sends a datagram that is no DATA.
fn send(
    socket: &mut udp::Socket<'_>,
    to: IpEndpoint,
    transmit: &Transmit<'_>,
) -> Result<(), SendError> {
    let buf = socket.send(transmit.encoded_len(), to)?;
    // The buffer has the length that was asked for.
    let _ = transmit.encode(buf);
    Ok(())
}
