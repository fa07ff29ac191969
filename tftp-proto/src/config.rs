//! What a client asks for, what a server agrees to, how long either waits.

use core::time::Duration;

pub use crate::block::Rollover;
use crate::wire::{DEFAULT_BLKSIZE, MAX_BLKSIZE, MAX_WINDOWSIZE};

/// The choices of one transfer. A client asks for these values; for a server they are the most
/// that it agrees to.
///
/// Start from [`Config::client`] or [`Config::server`] and set what differs. A value outside its
/// range counts as the nearest one inside.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Config {
    /// Octets in a block, 8..=65464 (RFC 2348). A client asks for it unless it is 512.
    pub blksize: u16,
    /// Blocks in a window, 1..=32767 (RFC 7440). A client asks for it unless it is 1.
    pub windowsize: u16,
    /// Server: the most octets that a window may have; `windowsize` is lowered to fit.
    pub window_bytes: u32,
    /// Client: the retransmission time-out to ask for: `timeout` (RFC 2349) if it is a whole number
    /// of seconds, 1..=255, else `utimeout`, 10 ms..=255 s. Server: the longest that it agrees to.
    /// `None`: the client does not ask; the server agrees to any.
    pub timeout: Option<Duration>,
    /// Client: ask for, or announce, the size of the file (RFC 2349). A size that is not known
    /// is not announced.
    pub tsize: bool,
    /// `false`: a client sends no options at all, and a server acknowledges none (plain RFC 1350).
    pub options: bool,
    /// What follows block 65535 unless the `rollover` option settles it. A client that wants
    /// [`Rollover::One`] asks for it; where that is not acknowledged, what it sends follows this all the
    /// same, and what it receives counts as [`Rollover::Zero`] until the sender shows otherwise.
    pub rollover: Rollover,
    /// The most octets of a file that are received. A longer one is refused with ERROR 3.
    pub max_len: u64,
    /// Client: take the first valid answer from whatever address it comes, and let no ERROR end the
    /// request before it, as a request to a broadcast address needs it (RFC 906). Whoever can reach the
    /// client's port can then answer.
    pub any_server: bool,
    /// Receiver: stay after the final ACK to repeat it if the final DATA is repeated (RFC 1350 section 6).
    pub dally: bool,
    /// Receiver: treat an octet file that ends before its announced size as truncated.
    pub strict_size: bool,
    /// Seed of the timers' jitter of 10 %, so that a fleet that restarts at once does not stay in
    /// step. 0: no jitter.
    pub seed: u32,
    /// How long to wait, how often to try.
    pub retry: Retry,
}

/// How long to wait for the peer, how often to try again.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Retry {
    /// Time-out before any round trip was measured; 1 s (RFC 6298 section 2.1).
    pub initial: Duration,
    /// Shortest time-out, whatever was measured. An agreed `timeout` replaces a shorter one.
    ///
    /// 50 ms: RFC 6298 has 1 s, for paths across the internet. TFTP is used on local networks, where
    /// a second for each lost block is most of the transfer.
    pub floor: Duration,
    /// Longest time-out that doubling leads to; 16 s.
    pub ceiling: Duration,
    /// How often one packet, or one window, is sent again before the peer counts as gone; 6.
    /// Any progress starts the count anew.
    pub resends: u8,
    /// As `resends`, for a server's first answer, while the client has not proved that it is at its
    /// address: each repeat of a large answer to a small forged request is an attack on somebody; 2.
    pub unproven: u8,
    /// The most that the whole transfer may take.
    pub deadline: Option<Duration>,
}

impl Config {
    /// A client that asks for the size and nothing else.
    #[must_use]
    pub const fn client() -> Self {
        Self {
            blksize: DEFAULT_BLKSIZE,
            windowsize: 1,
            window_bytes: 4 << 20,
            timeout: None,
            tsize: true,
            options: true,
            rollover: Rollover::Zero,
            max_len: u64::MAX,
            any_server: false,
            dally: true,
            strict_size: true,
            seed: 0,
            retry: Retry::new(),
        }
    }

    /// A server that agrees to all that can be asked for, windows up to 4 MiB.
    #[must_use]
    pub const fn server() -> Self {
        Self {
            blksize: MAX_BLKSIZE,
            windowsize: MAX_WINDOWSIZE,
            ..Self::client()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::client()
    }
}

impl Retry {
    /// The values named at the fields.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            initial: Duration::from_secs(1),
            floor: Duration::from_millis(50),
            ceiling: Duration::from_secs(16),
            resends: 6,
            unproven: 2,
            deadline: None,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

/// What the two ends settled on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Negotiated {
    /// Octets in every block but the last.
    pub blksize: u16,
    /// Blocks from one acknowledgement to the next.
    pub windowsize: u16,
    /// The agreed time-out, if one was.
    pub timeout: Option<Duration>,
    /// The size of the file that was told, if it was.
    pub tsize: Option<u64>,
    /// What follows block 65535.
    pub rollover: Rollover,
}
