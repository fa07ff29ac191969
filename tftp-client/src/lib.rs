//! A TFTP client: fetches and stores files (RFC 1350) with the options of RFC 2347, 2348, 2349 and 7440.
//!
//! The protocol is `tftp-proto`'s; this crate brings it to a transport and to the places where bytes
//! come from and go to:
//!
//! - [`Sink`] and [`Source`] are those places. `StdIo` makes them of the traits of `std::io`, `EmbeddedIo`
//!   (feature `embedded-io`) of those of `embedded_io`; [`Window`] makes a source that can only be read
//!   forwards, such as a pipe, fit for repeating a block that was lost.
//! - `Client` (feature `std`, on by default) transfers over the operating system's sockets and waits
//!   until it is done. `StagedFile` keeps a download from looking complete before it is.
//! - `smoltcp::Get` and `smoltcp::Put` (feature `smoltcp`) are polled beside a smoltcp stack, and need
//!   neither std nor a heap. `FlashRegion` (feature `embedded-storage`) is a sink in NOR flash.

#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "embedded-io")]
mod embedded;
#[cfg(feature = "embedded-storage")]
mod flash;
mod netascii;
#[cfg(feature = "smoltcp")]
pub mod smoltcp;
mod store;
mod window;

#[cfg(feature = "std")]
mod host;

#[cfg(feature = "embedded-io")]
pub use embedded::{EmbeddedIo, StoreError};
#[cfg(feature = "embedded-storage")]
pub use flash::{FlashError, FlashRegion, RegionError};
#[cfg(feature = "std")]
pub use host::{
    Cancel, Client, Error, FileSource, Progress, StagedFile, StdIo, resolve, route_blksize,
};
pub use netascii::{Decoded, Encoded, EncodedError};
pub use store::{Forward, Sink, Source};
pub use tftp_proto::{
    Config, ErrorCode, Length, Mode, Negotiated, Request, RequestError, Retry, Rollover, Summary,
    TransferError,
};
pub use window::{Buffer, Window, WindowError};
