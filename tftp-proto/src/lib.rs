//! TFTP as pure state machines: RFC 1350, 2347, 2348, 2349, 7440 and the de-facto options
//! `utimeout`, `blksize2` and `rollover`.
//!
//! No I/O, no clock, no allocation, no logging, no panic: the caller brings datagrams, the time and
//! the buffers, so that a bootloader, a server and a fuzzer can share the same code.
//!
//! There are two machines. A [`Receiver`] takes DATA and sends ACK, a [`Sender`] sends DATA and takes
//! ACK. A client and a server differ in the opening move only: `request` or `accept`.
//!
//! # The loop
//!
//! 1. [`poll`](Receiver::poll) until it says [`Output::Wait`], sending each datagram on the way.
//! 2. Wait for a datagram, or until that moment.
//! 3. [`handle`](Receiver::handle) the datagram and do what the [`Event`] says.
//!
//! There is no order to remember: any call is allowed at any time, and a needless one does nothing. A
//! block that was stored before the next poll is what that poll acknowledges.
//!
//! ```
//! use std::net::UdpSocket;
//! use tftp_proto::{Config, ErrorCode, Event, Instant, Output, Receiver, Request, Summary};
//!
//! fn download(name: &str, server: std::net::SocketAddr, sink: &mut impl std::io::Write)
//!     -> Result<Summary, Box<dyn std::error::Error>>
//! {
//!     let start = std::time::Instant::now();
//!     let now = || Instant::ZERO.saturating_add(start.elapsed());
//!     let socket = UdpSocket::bind("0.0.0.0:0")?;
//!     let (mut tx, mut rx) = ([0; 600], [0; 600]);
//!
//!     let mut download = Receiver::request(now(), server, Request::octet(name)?, Config::client());
//!     loop {
//!         let at = match download.poll(now()) {
//!             Output::Transmit(transmit) => {
//!                 transmit.encode(&mut tx)?;
//!                 socket.send_to(&tx[..transmit.encoded_len()], transmit.to)?;
//!                 continue;
//!             }
//!             Output::Wait(at) => at,
//!             Output::Done(result) => return Ok(result?),
//!         };
//!         let left = at.saturating_since(now()).max(std::time::Duration::from_micros(1));
//!         socket.set_read_timeout(Some(left))?;
//!         let Ok((len, from)) = socket.recv_from(&mut rx) else { continue };
//!         match download.handle(now(), from, &rx[..len]) {
//!             Event::Block(block) if sink.write_all(block.payload).is_err() => {
//!                 download.abort(ErrorCode::DISK_FULL);
//!             }
//!             Event::Error { code, message } => eprintln!("{code}: {message}"),
//!             _ => {}
//!         }
//!     }
//! }
//! ```
//!
//! # Lifetimes
//!
//! They say what is borrowed: `'b` a datagram that arrived, `'t` a buffer that a datagram is encoded
//! into, `'r` a request's file name. No output borrows from a machine, and no error from anything.
//!
//! # Panics and errors
//!
//! Nothing here panics. `Err` is the caller's mistake (a name too long, a buffer too small); what the
//! peer and the network do comes as [`Event`]s and in the result of [`Output::Done`].

#![no_std]
#![warn(clippy::cast_possible_truncation)]

mod block;
mod config;
pub mod dhcp;
mod error;
mod exchange;
mod incoming;
mod mode;
pub mod netascii;
mod output;
mod receiver;
mod rto;
mod sender;
mod server;
mod time;
pub mod uri;
mod wire;

pub use config::{Config, Negotiated, Retry, Rollover};
pub use error::{BufferTooSmall, DecodeError, RequestError, TransferError};
pub use incoming::{Direction, Incoming, Refusal};
pub use mode::Mode;
pub use output::{Block, Event, Gap, Ignored, Output, Span, Summary, Transmit};
pub use receiver::Receiver;
pub use sender::{Length, Sender};
pub use server::{Server, ServerEvent, ServerFull, ServerOutput, SessionId};
pub use time::Instant;
pub use wire::{
    DATA_HEADER_LEN, DEFAULT_BLKSIZE, ErrorCode, MAX_BLKSIZE, MAX_REQUEST_LEN, MAX_WINDOWSIZE,
    MIN_BLKSIZE, OptionIter, Options, Packet, Request, Text,
};
