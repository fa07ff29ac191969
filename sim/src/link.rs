//! The path between the ends and what it does to datagrams.

use core::{net::IpAddr, time::Duration};
use std::collections::BTreeMap;

use tftp_proto::Instant;

use crate::{Datagram, Rng};

/// Octets of an IPv4 and a UDP header.
const HEADERS: usize = 28;

/// A path with faults. All of them come from one seed, so that the same seed gives the same run.
///
/// A new link is perfect and takes no time; each method adds a fault, in both directions alike.
///
/// ```
/// use core::time::Duration;
/// use tftp_sim::Link;
///
/// let wifi = Link::new(7)
///     .delay(Duration::from_millis(3))
///     .jitter(Duration::from_millis(2))
///     .loss(0.02)
///     .rate(2_000_000);
/// # let _ = wifi;
/// ```
#[derive(Clone, Debug)]
pub struct Link {
    seed: u64,
    rng: Rng,
    loss: f64,
    duplicate: f64,
    reorder: f64,
    hold: Duration,
    delay: Duration,
    jitter: Duration,
    rate: Option<u64>,
    queue: Duration,
    mtu: usize,
    /// When the last datagram of each host has left it.
    busy: BTreeMap<IpAddr, Instant>,
}

/// What a script wants done with a datagram ([`Network::script`](crate::Network::script)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fate {
    /// What chance says: the faults of the link.
    Chance,
    /// It arrives, whatever the link's faults.
    Arrive,
    /// It is lost.
    Lose,
    /// It arrives twice.
    Twice,
    /// It arrives this much later than it would.
    Hold(Duration),
}

impl Link {
    /// A perfect link, whose faults, once there are any, are chosen by `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            rng: Rng::new(seed),
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            hold: Duration::ZERO,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            rate: None,
            queue: Duration::MAX,
            mtu: usize::MAX,
            busy: BTreeMap::new(),
        }
    }

    /// The share of datagrams that vanish, 0.0 to 1.0.
    #[must_use]
    pub const fn loss(mut self, chance: f64) -> Self {
        self.loss = chance;
        self
    }

    /// The share of datagrams that arrive twice, 0.0 to 1.0.
    #[must_use]
    pub const fn duplicate(mut self, chance: f64) -> Self {
        self.duplicate = chance;
        self
    }

    /// The share of datagrams that are held back by up to `hold`, so that later ones overtake them.
    #[must_use]
    pub const fn reorder(mut self, chance: f64, hold: Duration) -> Self {
        self.reorder = chance;
        self.hold = hold;
        self
    }

    /// How long each datagram takes, one way.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Up to this much is added to the delay of each datagram. Datagrams that follow each other
    /// more closely may change places.
    #[must_use]
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// Octets a second that each host can send, counted with IPv4 and UDP headers.
    #[must_use]
    pub const fn rate(mut self, octets: u64) -> Self {
        self.rate = Some(octets);
        self
    }

    /// With a rate: how long a datagram may wait for its turn. One that would wait longer is lost, as in
    /// a router whose queue is full.
    #[must_use]
    pub const fn queue(mut self, queue: Duration) -> Self {
        self.queue = queue;
        self
    }

    /// The largest IP packet, in octets, counted with IPv4 and UDP headers. Larger ones are lost, as on
    /// a path that drops fragments.
    #[must_use]
    pub const fn mtu(mut self, octets: usize) -> Self {
        self.mtu = octets;
        self
    }

    /// The seed, to repeat the run.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// When the copies of a datagram arrive that leaves now: none, one or two.
    pub(crate) fn carry(&mut self, now: Instant, datagram: &Datagram, fate: Fate) -> Arrivals {
        let len = datagram.payload.len() + HEADERS;
        let Some(left) = self.departure(now, datagram.from.ip(), len) else {
            return Arrivals::default();
        };
        // Drawn in any case, so that a script changes nothing for the datagrams that it lets alone.
        let lost = self.rng.chance(self.loss);
        let twice = self.rng.chance(self.duplicate);
        let arrivals = [(); 2].map(|()| left.saturating_add(self.flight()));
        let [first, second] = arrivals;
        match fate {
            _ if len > self.mtu => Arrivals::default(),
            Fate::Lose => Arrivals::default(),
            Fate::Chance if lost => Arrivals::default(),
            Fate::Twice => Arrivals(Some(first), Some(second)),
            Fate::Chance if twice => Arrivals(Some(first), Some(second)),
            Fate::Hold(longer) => Arrivals(Some(first.saturating_add(longer)), None),
            Fate::Arrive | Fate::Chance => Arrivals(Some(first), None),
        }
    }

    /// When the last octet has left the host; `None` if the queue is full.
    fn departure(&mut self, now: Instant, host: IpAddr, len: usize) -> Option<Instant> {
        let Some(rate) = self.rate else {
            return Some(now);
        };
        let start = self.busy.get(&host).copied().unwrap_or(now).max(now);
        if start.saturating_since(now) > self.queue {
            return None;
        }
        let micros = (len as u64 * 1_000_000).div_ceil(rate.max(1));
        let end = start.saturating_add(Duration::from_micros(micros));
        self.busy.insert(host, end);
        Some(end)
    }

    fn flight(&mut self) -> Duration {
        let held = self.rng.chance(self.reorder);
        let hold = self.up_to(self.hold);
        let jitter = self.up_to(self.jitter);
        self.delay + jitter + if held { hold } else { Duration::ZERO }
    }

    fn up_to(&mut self, span: Duration) -> Duration {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.rng.below(micros.saturating_add(1)))
    }
}

/// When the copies of one datagram arrive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Arrivals(pub(crate) Option<Instant>, pub(crate) Option<Instant>);
