//! The host's side of the bootloader: seals images, and tries the bootloader in QEMU.

pub mod board;
pub mod console;
pub mod image;
pub mod parts;
pub mod peers;
pub mod plain;
pub mod qemu;
pub mod relay;
pub mod segment;
