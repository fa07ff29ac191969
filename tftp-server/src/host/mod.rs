//! A server on a host: event loops over the sockets of the operating system.

mod accept;
mod ahead;
mod batch;
mod begin;
mod census;
mod clock;
mod commit;
mod config;
mod control;
mod datagrams;
mod guard;
mod lead;
mod listen;
mod misses;
mod ports;
mod report;
mod server;
mod session;
mod sessions;
mod shared;
mod socket;
mod spin;
mod timers;
mod transfer;
mod turn;
mod worker;

pub use config::{Limits, Ports, ServerConfig};
pub use control::Handle;
pub use report::{Observer, Outcome, Report, TurnedAway};
pub use server::{BindError, Server};
