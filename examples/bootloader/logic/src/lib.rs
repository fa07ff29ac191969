//! A bootloader's decisions, for any smoltcp device and any NOR flash.
//!
//! [`Boot::run`] gets an address by DHCP, fetches a manifest and the image that it names over TFTP,
//! checks both, and tells which slot to start. Whatever goes wrong, the slot that worked is started
//! and a [`Note`] says why. A board brings the device, the flash, a clock and a console.

#![no_std]
#![forbid(unsafe_code)]

pub mod application;
mod boot;
mod journal;
mod manifest;
mod net;
mod note;
mod offer;
mod ram_flash;
#[cfg(feature = "recovery")]
mod recovery;
mod sink;
mod slots;

pub use boot::{Boot, Image};
pub use journal::Journal;
pub use manifest::{Manifest, ManifestError};
pub use net::{Board, Net, Rings, Tables, WINDOW, seed};
pub use note::{Failure, Note};
pub use offer::Offer;
pub use ram_flash::{RamFlash, RamFlashError};
pub use sink::{ImageWriter, StoreError};
pub use slots::{Record, SlotId, Slots, State, TRIES};
