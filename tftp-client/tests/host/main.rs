//! The host client against peers on the loopback interface: scripted ones, and the other machine of
//! `tftp-proto` over a link that loses datagrams.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow fails the test it happens in"
)]

#[cfg(feature = "embedded-io")]
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod files;
#[cfg(test)]
mod get;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod put;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod strays;
#[cfg(test)]
mod text;
