//! Transfers over the operating system's sockets.

mod batch;
mod client;
mod error;
mod get;
mod io;
mod link;
mod put;
mod resolve;
mod route;
mod source;
mod staged;
mod transfer;
mod writer;

pub use client::{Cancel, Client, Progress};
pub use error::Error;
pub use io::StdIo;
pub use resolve::resolve;
pub use route::route_blksize;
pub use source::FileSource;
pub use staged::StagedFile;
