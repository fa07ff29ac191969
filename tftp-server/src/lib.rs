//! A TFTP server: the sessions of [`tftp_proto`] over a transport.
//!
//! The feature `names` alone is [`relative_path`], which makes a path of a name from a request.
//!
//! With the feature `std` (default): [`Server`] is an event loop over the sockets of the operating system,
//! which serves a [`Content`]: files below a [`Root`], [`Memory`], files that a function makes
//! ([`Generated`]).
//!
//! ```no_run
//! use tftp_server::{Root, Server, ServerConfig};
//!
//! let mut config = ServerConfig::default();
//! config.listen = vec!["127.0.0.1:6969".parse()?];
//! let server = Server::bind(config, Root::open("/srv/tftp")?)?;
//! println!("listening on {}", server.local_addrs()[0]);
//! server.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(any(feature = "names", feature = "std")), no_std)]

#[cfg(feature = "std")]
mod client;
#[cfg(feature = "std")]
mod content;
#[cfg(feature = "std")]
mod files;
#[cfg(feature = "std")]
mod host;
#[cfg(any(feature = "names", feature = "std"))]
mod name;
#[cfg(feature = "smoltcp")]
pub mod smoltcp;

#[cfg(feature = "std")]
pub use content::{Content, ContentError, FileRequest, Layered, Sink, Source};
#[cfg(feature = "std")]
pub use files::{
    forward::Forward,
    generated::Generated,
    memory::{Bytes, Memory},
    root::{Root, Symlinks},
    uploads::Uploads,
};
#[cfg(feature = "std")]
pub use host::{
    BindError, Handle, Limits, Observer, Outcome, Ports, Report, Server, ServerConfig, TurnedAway,
};
#[cfg(any(feature = "names", feature = "std"))]
pub use name::{NameError, relative_path};
