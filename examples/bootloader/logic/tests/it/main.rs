//! What the bootloader promises, without a board.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails is to stop at the line"
)]

mod application;
mod manifest;
mod offer;
mod slots;
