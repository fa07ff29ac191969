//! The core against its requirements, a file a theme. The names `c38_..`, `f02_..` and `h05_..` are the
//! rows of `CONFORMANCE.md`.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow fails the test it happens in"
)]

#[cfg(test)]
mod netascii;
#[cfg(test)]
mod uri;
