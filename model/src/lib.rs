#![doc = include_str!("../README.md")]
#![expect(
    clippy::arithmetic_side_effects,
    reason = "a model has a few states and small numbers"
)]

mod canon;
mod end;
mod fault;
mod finish;
mod ladder;
mod ledger;
mod list;
mod model;
mod report;
mod sabotage;
mod setup;
mod state;
mod step;
mod wire;

pub use fault::Fault;
pub use list::{exhaustive, quick};
pub use model::{Action, Transfer};
pub use report::{Findings, check};
pub use sabotage::Sabotage;
pub use setup::{Budget, Setup, Way};
pub use state::State;
