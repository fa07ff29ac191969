//! Gets and puts between two smoltcp stacks, in virtual time.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod get;
mod net;
mod parts;
mod put;
mod start;
