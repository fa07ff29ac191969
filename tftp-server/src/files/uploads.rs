//! What clients may write.

/// What may be written.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Uploads {
    /// Whether a file that is there may be replaced. If not, the answer is ERROR 6.
    pub overwrite: bool,
    /// Octets that one file may have.
    pub max_file: u64,
    /// Octets that all uploads since the root was opened may have stored, those in progress included.
    pub max_total: u64,
    /// As `max_total`, of one client: of an address, or with IPv6 of a /64 network if it is not link-local.
    pub max_client: u64,
    /// Octets that must stay free on the file system (where it tells, which is on Unix).
    pub keep_free: u64,
}

impl Uploads {
    /// New files only, of any size.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            overwrite: false,
            max_file: u64::MAX,
            max_total: u64::MAX,
            max_client: u64::MAX,
            keep_free: 0,
        }
    }
}

impl Default for Uploads {
    fn default() -> Self {
        Self::new()
    }
}
