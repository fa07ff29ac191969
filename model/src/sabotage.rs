//! Ends and links that are broken on purpose: a checker that finds nothing wrong with these finds nothing.

/// What is broken.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Sabotage {
    /// The link alters an octet of every second block.
    AlteredOctet,
    /// The receiver goes away with its last ACK.
    NoDally,
    /// An end takes whatever reaches its port for the peer's.
    Gullible,
    /// A sender takes a repeated ACK for a time-out (the sorcerer's apprentice of RFC 1123).
    Apprentice,
    /// A sender reports success when it has sent its last block.
    HastySender,
    /// A receiver reports success when it has its first block.
    HastyReceiver,
    /// A sender puts each block on its way twice.
    Doubling,
    /// No timer ever fires.
    NoTimer,
    /// An end waits until now, so that its caller spins.
    Restless,
}
