//! What a server listens on, what it agrees to, what it puts up with.

use core::{net::SocketAddr, ops::RangeInclusive, time::Duration};

use tftp_proto::Config;

/// The ports that transfers use.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a port is chosen by the system, by us, or not at all"
)]
pub enum Ports {
    /// A port for each transfer, which the system chooses at random (RFC 1350 section 4).
    #[default]
    PerTransfer,
    /// A port for each transfer, chosen at random from these, for a firewall. As many transfers run at once
    /// as there are ports; a request beyond that gets no answer, and succeeds when it is repeated
    /// and a port is free.
    Range(RangeInclusive<u16>),
    /// The port of the request for all transfers, which are told apart by the client's address and
    /// port. This is not what RFC 1350 says, but it passes firewalls and address translation.
    Single,
}

/// What a server listens on and how it serves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The addresses to listen on. An IPv6 address takes no IPv4 requests: list both.
    pub listen: Vec<SocketAddr>,
    /// The ports that transfers use.
    pub ports: Ports,
    /// The most that is agreed to in each transfer: block size, window and so on. The seed of the
    /// jitter is chosen by the server, for each transfer anew.
    pub transfer: Config,
    /// Bounds of everything that a peer could make grow.
    pub limits: Limits,
    /// Octets of receive buffer to ask of the system for each listening socket, so that the requests of
    /// all devices that start at once have room; 4 MiB.
    pub receive_buffer: usize,
    /// Event loops, each on a thread of its own; 1. The system deals the clients out among them. All
    /// limits are for all of them together.
    ///
    /// More than one takes Linux or Android; elsewhere there is one whatever is set. While the server runs,
    /// another program of the same user can then listen on the same addresses and take a share of
    /// the requests.
    pub threads: usize,
    /// How long to look for the next datagram before sleeping, which makes a transfer faster by the time
    /// that waking takes, and keeps a core busy while there are transfers. `None`, which is set: up to 50 µs, while
    /// there are few transfers, more than one core, and datagrams that come in less; so a client that is
    /// further away than that has next to nothing spent on it. Zero: sleep at once.
    pub busy_poll: Option<Duration>,
    /// How long a shutdown waits for transfers to end; 30 s. Then the peers are told, and it ends.
    pub drain: Duration,
}

impl Default for ServerConfig {
    /// Listens nowhere yet.
    fn default() -> Self {
        let mut transfer = Config::server();
        transfer.retry.deadline = Some(Duration::from_secs(24 * 60 * 60));
        // With time-outs as short as local networks have them this many resends last some 40 s: a
        // device that writes to flash memory between two blocks is silent for long.
        transfer.retry.resends = 9;
        Self {
            listen: Vec::new(),
            ports: Ports::default(),
            transfer,
            limits: Limits::new(),
            receive_buffer: 4 << 20,
            threads: 1,
            busy_poll: None,
            drain: Duration::from_secs(30),
        }
    }
}

/// Bounds of everything that a peer could make grow.
///
/// A request that meets a bound gets no answer: an answer would help an attacker, and a client that
/// gets none asks again. The [`Observer`](crate::Observer) is told.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Transfers at once; 16,384. When it is reached, the oldest transfer that is half open makes room.
    pub sessions: usize,
    /// Transfers at once of one client: of an address, or with IPv6 of a /64 network if it is not link-local; 1,024.
    pub per_client: usize,
    /// Whether `per_client` applies to this host's own loopback addresses; `false`, as all clients on
    /// the host share them, and nobody else can send from them.
    pub loopback_counts: bool,
    /// Transfers that are half open: answered, and not yet acknowledged by the client, so that its
    /// address may be forged; 12,288. When it is reached, the oldest of them makes room.
    pub half_open: usize,
    /// How long a transfer may stay half open; 5 s. It is one and a half times the time-out that the client
    /// asked for if that is longer, so that an answer that was lost is repeated.
    pub half_open_time: Duration,
    /// Octets that may be sent for each octet of a request before the client has proved its address,
    /// besides one block of 512 for each request; 3. A client that repeats its request, because
    /// the answer was lost, has it repeated.
    /// `u32::MAX`: no bound.
    pub amplification: u32,
    /// Requests from ports below this one are not answered; 1024. Such a port is the server's end of
    /// something else, and a forged request would set the two against each other. 0: all are
    /// answered. Old lwIP clients ask from port 69.
    pub lowest_client_port: u16,
    /// Octets of the file that must pass each second, on average over `rate_period`; 128. 0: no bound.
    pub min_rate: u32,
    /// How long a client may be slower than `min_rate`, as one that erases its flash memory is; 60 s.
    pub rate_period: Duration,
    /// Requests for files that are missing that a client may make in a minute, before it is not
    /// answered for the rest of it: names are guessed by trying. Forged requests can then shut out
    /// the client whose address they bear. `u32::MAX`, which is set, is no bound.
    pub misses_per_minute: u32,
    /// Answers to malformed requests each second; 64.
    pub error_rate: u32,
}

impl Limits {
    /// The values named at the fields.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sessions: 16_384,
            per_client: 1024,
            loopback_counts: false,
            half_open: 12_288,
            half_open_time: Duration::from_secs(5),
            amplification: 3,
            lowest_client_port: 1024,
            min_rate: 128,
            rate_period: Duration::from_secs(60),
            misses_per_minute: u32::MAX,
            error_rate: 64,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
