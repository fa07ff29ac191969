//! The program `tftpd`: its flags, its lines, its end, and how much it bears.
#![cfg(unix)]

#[cfg(test)]
mod flags;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod scale;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod sockets;
#[cfg(test)]
mod support;
