//! The virtual world: nodes, a link, a clock.

use core::{
    cmp::Reverse,
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use std::collections::{BTreeMap, BinaryHeap};

use tftp_proto::Instant;

use crate::{Capture, Fate, Link, Rule, Stranger, Violation, link::Arrivals};

/// The most that any node may send at one moment: more than a window of the largest size.
const MOST_SENDS: u32 = 1 << 20;

/// A UDP datagram.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_structs, reason = "that is what a datagram is")]
pub struct Datagram {
    /// The sender, or who it claims to be.
    pub from: SocketAddr,
    /// The address that it is sent to.
    pub to: SocketAddr,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// A host on the network: one IP address with all its ports. Implement it to put a handler of your
/// own to the test.
pub trait Node {
    /// Where datagrams reach it.
    fn address(&self) -> IpAddr;

    /// A datagram has arrived. What it leads to is said by the next [`Self::poll`], which follows at
    /// once.
    ///
    /// # Errors
    /// If something is wrong, to end the run.
    fn handle(&mut self, now: Instant, datagram: &Datagram) -> Result<(), Rule>;

    /// What the node does now. It is asked until it waits, again after each datagram, and when the
    /// time comes that it named.
    ///
    /// # Errors
    /// If something is wrong, to end the run.
    fn poll(&mut self, now: Instant) -> Result<Action, Rule>;
}

/// What a node does.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a node can do nothing else")]
pub enum Action {
    /// Sends a datagram and wants to be asked again.
    Send(Datagram),
    /// Waits for a datagram or until this moment, which must be later than now.
    Wait(Instant),
    /// Has nothing to do. The run ends when all nodes say so and nothing is on its way.
    Idle,
}

/// How much the link carried.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Traffic {
    /// Datagrams that were sent.
    pub sent: u64,
    /// Those of them that never arrived.
    pub lost: u64,
    /// Those that arrived twice.
    pub doubled: u64,
    /// Those for an address without a node.
    pub unclaimed: u64,
}

/// Nodes, given at [`run`](Self::run), and the link between them.
///
/// ```
/// use tftp_sim::{Client, File, Host, Link, Network};
/// use tftp_proto::{Config, Request};
///
/// let file = File::pattern(1, 10_000);
/// let mut host = Host::new("10.0.0.1".parse()?, Config::server()).offering("image", file.clone());
/// let server = host.request_address();
/// let request = Request::octet("image")?;
/// let mut clients = [2, 3, 4].map(|last| {
///     Client::get(([10, 0, 0, last], 50_000).into(), server, request, Config::client()).expecting(file.clone())
/// });
///
/// let [a, b, c] = &mut clients;
/// let mut network = Network::new(Link::new(42).loss(0.1));
/// network.run(&mut [&mut host, a, b, c])?;
///
/// assert!(clients.iter().all(|client| client.ended().is_some_and(|ended| ended.result.is_ok())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Network {
    link: Link,
    now: Instant,
    flights: BinaryHeap<Reverse<Flight>>,
    /// Of the next flight: datagrams that arrive at the same moment do so in the order of sending.
    number: u64,
    limit: Duration,
    send_time: Duration,
    script: Option<Script>,
    stranger: Option<Stranger>,
    capture: Capture,
    traffic: Traffic,
}

type Script = Box<dyn FnMut(Instant, &Datagram) -> Fate>;

/// A node in a run.
struct Place<'n> {
    node: &'n mut dyn Node,
    /// When it is to be polled.
    due: Option<Instant>,
    /// Until when it is sending.
    busy: Instant,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Flight {
    at: Instant,
    number: u64,
    datagram: Datagram,
}

impl Network {
    /// A network at time zero.
    #[must_use]
    pub fn new(link: Link) -> Self {
        Self {
            link,
            now: Instant::ZERO,
            flights: BinaryHeap::new(),
            number: 0,
            limit: Duration::from_secs(86_400),
            send_time: Duration::ZERO,
            script: None,
            stranger: None,
            capture: Capture::tail(),
            traffic: Traffic::default(),
        }
    }

    /// The most virtual time that a run may take before it counts as [`Rule::TooLong`]; a day unless set.
    #[must_use]
    pub const fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// How long a node is busy with sending a datagram: arrivals are handled meanwhile, but it is not
    /// polled. Without it a whole window leaves in no time, and no ACK ever meets a window on its way.
    #[must_use]
    pub const fn send_time(mut self, span: Duration) -> Self {
        self.send_time = span;
        self
    }

    /// Lets `script` decide on the fate of each datagram that a node sends.
    #[must_use]
    pub fn script(mut self, script: impl FnMut(Instant, &Datagram) -> Fate + 'static) -> Self {
        self.script = Some(Box::new(script));
        self
    }

    /// Adds a third party that sees all traffic and forges some.
    #[must_use]
    pub fn stranger(mut self, stranger: Stranger) -> Self {
        self.stranger = Some(stranger);
        self
    }

    /// Keeps every datagram whole, not only the heads of the last few.
    #[must_use]
    pub fn capturing(mut self) -> Self {
        self.capture = Capture::whole();
        self
    }

    /// Runs until every node is idle and nothing is on its way. A second run goes on at the time where
    /// the first one ended.
    ///
    /// # Errors
    /// If a promise is broken, or the time is over.
    pub fn run(&mut self, nodes: &mut [&mut dyn Node]) -> Result<Instant, Violation> {
        let end = self.now.saturating_add(self.limit);
        let mut hosts: Vec<Place<'_>> = Vec::with_capacity(nodes.len());
        for node in nodes {
            hosts.push(Place {
                node: &mut **node,
                due: Some(self.now),
                busy: self.now,
            });
        }
        let places: BTreeMap<IpAddr, usize> = hosts
            .iter()
            .enumerate()
            .map(|(place, host)| (host.node.address(), place))
            .collect();
        loop {
            let wake = hosts.iter().filter_map(|host| host.due).min();
            let arrival = self.flights.peek().map(|flight| flight.0.at);
            let Some(next) = wake.into_iter().chain(arrival).min() else {
                return Ok(self.now);
            };
            self.now = next.max(self.now);
            if self.now > end {
                return Err(self.violation(Rule::TooLong));
            }
            self.step(&mut hosts, &places)
                .map_err(|rule| self.violation(rule))?;
        }
    }

    /// Does one thing that is due now. Arrivals first: who is polled knows all that had come by then.
    fn step(
        &mut self,
        hosts: &mut [Place<'_>],
        places: &BTreeMap<IpAddr, usize>,
    ) -> Result<(), Rule> {
        if let Some(datagram) = self.landed() {
            let place = places.get(&datagram.to.ip());
            let Some(host) = place.and_then(|place| hosts.get_mut(*place)) else {
                self.traffic.unclaimed += 1;
                return Ok(());
            };
            return self.deliver(host, &datagram);
        }
        for host in hosts {
            if host.due.is_some_and(|at| at <= self.now) {
                self.poll(host)?;
            }
        }
        Ok(())
    }

    /// The next datagram that has arrived by now.
    fn landed(&mut self) -> Option<Datagram> {
        let Reverse(flight) = self.flights.peek()?;
        if flight.at > self.now {
            return None;
        }
        self.flights.pop().map(|Reverse(flight)| flight.datagram)
    }

    fn deliver(&mut self, host: &mut Place<'_>, datagram: &Datagram) -> Result<(), Rule> {
        host.node.handle(self.now, datagram)?;
        if host.busy > self.now {
            host.due = Some(host.busy);
            return Ok(());
        }
        self.poll(host)
    }

    fn poll(&mut self, host: &mut Place<'_>) -> Result<(), Rule> {
        for _ in 0..MOST_SENDS {
            host.due = match host.node.poll(self.now)? {
                Action::Send(datagram) => {
                    self.send(datagram);
                    if self.send_time.is_zero() {
                        continue;
                    }
                    host.busy = self.now.saturating_add(self.send_time);
                    Some(host.busy)
                }
                Action::Wait(at) if at <= self.now => return Err(Rule::WaitNotLater { at }),
                Action::Wait(at) => Some(at),
                Action::Idle => None,
            };
            return Ok(());
        }
        Err(Rule::Endless { sent: MOST_SENDS })
    }

    fn send(&mut self, datagram: Datagram) {
        let fate = match &mut self.script {
            Some(script) => script(self.now, &datagram),
            None => Fate::Chance,
        };
        let forged = self
            .stranger
            .as_mut()
            .and_then(|stranger| stranger.observe(&datagram));
        self.launch(datagram, fate);
        if let Some(forged) = forged {
            self.launch(forged, Fate::Chance);
        }
    }

    fn launch(&mut self, datagram: Datagram, fate: Fate) {
        let Arrivals(first, second) = self.link.carry(self.now, &datagram, fate);
        self.traffic.sent += 1;
        self.traffic.lost += u64::from(first.is_none());
        self.traffic.doubled += u64::from(second.is_some());
        self.capture.record(self.now, &datagram, first, second);
        if let Some(at) = second {
            self.fly(at, datagram.clone());
        }
        if let Some(at) = first {
            self.fly(at, datagram);
        }
    }

    fn fly(&mut self, at: Instant, datagram: Datagram) {
        self.number += 1;
        let number = self.number;
        self.flights.push(Reverse(Flight {
            at,
            number,
            datagram,
        }));
    }

    pub(crate) fn violation(&self, rule: Rule) -> Violation {
        Violation {
            rule,
            seed: self.link.seed(),
            at: self.now,
            ladder: self.capture.ladder(),
        }
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// What was seen on the link.
    #[must_use]
    pub const fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Takes what was seen on the link.
    #[must_use]
    pub fn into_capture(self) -> Capture {
        self.capture
    }

    /// How much the link carried.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("now", &self.now)
            .field("link", &self.link)
            .field("flights", &self.flights.len())
            .field("traffic", &self.traffic)
            .finish_non_exhaustive()
    }
}
