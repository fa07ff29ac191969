//! Contents: files below a root, in memory, made on request; and the translation of netascii.

mod disk;
pub(crate) mod forward;
pub(crate) mod generated;
pub(crate) mod memory;
pub(crate) mod netascii;
pub(crate) mod quota;
pub(crate) mod root;
mod staging;
pub(crate) mod uploads;
