//! Our programs against those that people run: `tftp` fetches from and stores to in.tftpd, atftpd and dnsmasq;
//! tftp-hpa's tftp, atftp, curl and busybox fetch from and store to `tftpd`.
//!
//! `ci/peers.sh` installs the peers. One that is not in `PATH` is looked for below the directory that `TFTP_PEERS`
//! names, in `usr/sbin` and `usr/bin`: atftpd cannot be installed beside tftpd-hpa, but it can be unpacked. Without a
//! peer its tests say so and pass, unless `CI` or `TFTP_REQUIRE_PEERS` is set. The daemons want to be started by root.
//!
//! `cargo test -p tftp-examples --test interop table -- --nocapture` prints what works as Markdown.
#![cfg(target_os = "linux")]
#![expect(
    clippy::arithmetic_side_effects,
    reason = "a test whose numbers overflow has failed"
)]

#[cfg(test)]
mod capture;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod content;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod installed;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod process;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod served;
#[cfg(test)]
mod servers;
