//! The program `tftp`, as its users call it.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow fails the test it happens in"
)]

#[cfg(test)]
mod exits;
#[cfg(test)]
mod options;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod program;
#[cfg(unix)]
#[cfg(test)]
mod signals;
#[cfg(test)]
mod transfers;
