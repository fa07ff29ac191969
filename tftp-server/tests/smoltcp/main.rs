//! A server on a smoltcp stack and its clients, in virtual time.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

#[path = "../../../tftp-client/tests/smoltcp/net.rs"]
mod net;
#[path = "../../../tftp-client/tests/smoltcp/parts.rs"]
mod parts;

mod many;
mod one;
