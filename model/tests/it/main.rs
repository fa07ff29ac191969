//! The small setups hold, and what is broken on purpose is found.

mod broken;
mod lists;
mod whole;
