//! The simulation itself, and the machines of `tftp-proto` against each other on it.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that goes wrong is to stop"
)]

mod capture;
mod link;
