//! How a caller watches a transfer.

use core::net::SocketAddr;

/// Is told how far a transfer has come.
pub(super) type Tell<'c> = dyn FnMut(&Progress) + 'c;

/// How far a transfer has come.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The server's end of the transfer.
    pub server: SocketAddr,
    /// Octets that are stored, or that the server has acknowledged. In netascii mode those on the wire.
    pub bytes: u64,
    /// The size of the file, if it is known. A server's word, so it may be wrong.
    pub size: Option<u64>,
    /// The file is complete at both ends. A get may stay a moment longer to repeat its last ACK.
    pub complete: bool,
}
