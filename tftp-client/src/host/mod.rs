//! Transfers over the operating system's sockets.

mod batch;
mod client;
mod error;
mod file;
mod get;
mod io;
mod link;
mod put;
mod resolve;
mod route;
mod transfer;

pub use client::{Cancel, Client, Progress};
pub use error::Error;
pub use file::{FileSource, StagedFile};
pub use io::StdIo;
pub use resolve::resolve;
pub use route::route_blksize;
