//! Transfers over the operating system's sockets.

mod batch;
mod cancel;
mod client;
mod error;
mod get;
mod io;
mod link;
mod progress;
mod put;
mod resolve;
mod route;
mod source;
mod spin;
mod staged;
mod transfer;
mod writer;

pub use cancel::Cancel;
pub use client::Client;
pub use error::Error;
pub use io::StdIo;
pub use progress::Progress;
pub use resolve::resolve;
pub use route::route_blksize;
pub use source::FileSource;
pub use staged::StagedFile;
