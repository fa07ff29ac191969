//! The parts of the images: a device, and the loops that drive the machines on it.

#![no_std]

pub mod client;
pub mod device;
pub mod server;
