//! A network in memory to test TFTP on: two or more hosts, a link with faults, a third party that forges,
//! and a clock that only the simulation moves. A run takes no real time, and the same seed gives
//! the same run, datagram for datagram.
//!
//! - [`Pair`] is one transfer between the machines of `tftp-proto`, checked at every step.
//! - [`Network`] joins any number of [`Node`]s: [`Client`]s, a [`Host`] with a port for each transfer, a
//!   [`Device`] with a table of fixed size, or nodes of your own.
//! - [`Link`] has the faults: loss, duplication, reordering, delay, jitter, rate, MTU.
//! - [`Capture`] writes what was seen as a pcap file, or draws it.
//! - [`Transfer`] is a single machine that is watched at each call, for tests that need no network.
//!
//! Whatever breaks a promise of the machines ends the run with a [`Violation`], which prints the seed and
//! the last datagrams.
//!
//! # Testing a handler of your own
//!
//! A handler is what stands around a machine: it stores blocks, decides, gives up. Give it an address and
//! make it a [`Node`]. This one is a boot loader with a flash of 4 KiB, which must refuse an image that is
//! larger and take one that fits, over a link as bad as it gets.
//!
//! ```
//! use core::{net::{IpAddr, SocketAddr}, time::Duration};
//! use tftp_proto::{Config, ErrorCode, Event, Instant, Output, Receiver, Request, TransferError};
//! use tftp_sim::{Action, Datagram, File, Host, Link, Network, Node, Rule};
//!
//! struct BootLoader {
//!     local: SocketAddr,
//!     machine: Receiver<'static>,
//!     flash: Vec<u8>,
//!     result: Option<Result<(), TransferError>>,
//! }
//!
//! impl Node for BootLoader {
//!     fn address(&self) -> IpAddr {
//!         self.local.ip()
//!     }
//!
//!     fn handle(&mut self, now: Instant, datagram: &Datagram) -> Result<(), Rule> {
//!         match self.machine.handle(now, datagram.from, &datagram.payload) {
//!             Event::Block(block) if self.flash.len() + block.payload.len() > 4096 => {
//!                 self.machine.abort(ErrorCode::DISK_FULL);
//!             }
//!             Event::Block(block) => self.flash.extend_from_slice(block.payload),
//!             _ => {}
//!         }
//!         Ok(())
//!     }
//!
//!     fn poll(&mut self, now: Instant) -> Result<Action, Rule> {
//!         Ok(match self.machine.poll(now) {
//!             Output::Transmit(transmit) => {
//!                 let mut payload = vec![0; transmit.encoded_len()];
//!                 transmit.encode(&mut payload).map_err(|_| Rule::Encoding)?;
//!                 Action::Send(Datagram { from: self.local, to: transmit.to, payload })
//!             }
//!             Output::Wait(at) => Action::Wait(at),
//!             Output::Done(result) => {
//!                 self.result = Some(result.map(|_| ()));
//!                 Action::Idle
//!             }
//!         })
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! for (size, fits) in [(4096, true), (4097, false)] {
//!     let image = File::pattern(1, size);
//!     let mut host = Host::new("10.0.0.1".parse()?, Config::server()).offering("image", image.clone());
//!     let request = Request::octet("image")?;
//!     let mut config = Config::client();
//!     config.tsize = false;
//!     let mut loader = BootLoader {
//!         local: "10.0.0.2:50000".parse()?,
//!         machine: Receiver::request(Instant::ZERO, host.request_address(), request, config),
//!         flash: Vec::new(),
//!         result: None,
//!     };
//!
//!     let link = Link::new(3).loss(0.1).duplicate(0.1).delay(Duration::from_millis(1));
//!     let mut network = Network::new(link);
//!     network.run(&mut [&mut host, &mut loader])?;
//!
//!     assert_eq!(loader.result, Some(if fits { Ok(()) } else { Err(TransferError::Local(ErrorCode::DISK_FULL)) }));
//!     assert!(image.has(0, &loader.flash));
//!     println!("{}", network.capture().ladder());
//! }
//! # Ok(())
//! # }
//! ```

#![expect(
    clippy::arithmetic_side_effects,
    reason = "virtual time, counters and sizes of a test are far from their limits"
)]

mod capture;
mod client;
mod device;
mod file;
mod host;
mod ladder;
mod ledger;
mod link;
mod network;
mod pair;
mod pcap;
mod rng;
mod served;
mod stranger;
mod transfer;
mod violation;

pub use capture::{Capture, Record, Tap};
pub use client::Client;
pub use device::Device;
pub use file::{File, Sink};
pub use host::Host;
pub use ledger::{Ended, Sent};
pub use link::{Fate, Link};
pub use network::{Action, Datagram, Network, Node, Traffic};
pub use pair::{FILE_NAME, Pair, Report};
pub use rng::Rng;
pub use served::Served;
pub use stranger::Stranger;
pub use transfer::{Transfer, Turn};
pub use violation::{Rule, Violation};
