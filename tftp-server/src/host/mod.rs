//! A server on a host: one event loop over the sockets of the operating system.

mod accept;
mod batch;
mod clock;
mod commit;
mod config;
mod control;
mod datagrams;
mod misses;
mod ports;
mod report;
mod server;
mod session;
mod sessions;
mod socket;
mod timers;
mod transfer;
mod turn;

pub use config::{Limits, Ports, ServerConfig};
pub use control::Handle;
pub use report::{Observer, Outcome, Report, TurnedAway};
pub use server::{BindError, Server};
