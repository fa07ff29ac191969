//! What the fuzz targets share: a packet reader written from the RFC's layout alone, and a peer that
//! does whatever the fuzzer says.

pub mod hostile;
pub mod layout;
