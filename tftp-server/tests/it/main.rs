//! A real server on loopback sockets, spoken to by the client machines of `tftp-proto` or by
//! datagrams written by hand.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow fails the test it happens in"
)]

#[cfg(test)]
mod ahead;
#[cfg(test)]
mod limits;
#[cfg(test)]
#[cfg(unix)]
mod names;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod storing;
#[cfg(test)]
mod support;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod threads;
#[cfg(test)]
mod tids;
#[cfg(test)]
mod transfers;
#[cfg(test)]
#[cfg(unix)]
mod uploads;
