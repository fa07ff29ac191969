//! Every kind of transfer with every peer, in both directions.

mod case;
mod column;
mod known;
mod tests;

pub(crate) use case::Case;
pub(crate) use column::{Cell, Column};
