//! Who has how many transfers, over all event loops.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, HashMap};

use tftp_proto::Instant;

use super::{
    config::{Limits, Ports},
    misses::Misses,
    ports::PortPool,
    report::TurnedAway,
    timers::SessionRef,
};
use crate::client::client;

/// A session of one of the event loops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) worker: usize,
    pub(crate) session: SessionRef,
}

/// The counts that the limits are about.
#[derive(Debug)]
pub(crate) struct Census {
    sessions: usize,
    by_client: HashMap<IpAddr, usize>,
    /// Sessions whose client has not answered, the oldest first.
    half_open: BTreeMap<u64, Place>,
    /// Sessions that only stay to repeat their last ACK, the oldest first.
    dallying: BTreeMap<u64, Place>,
    serials: u64,
    ports: Option<PortPool>,
    misses: Misses,
    /// Errors sent to malformed requests in this second.
    errors: (u64, u32),
}

impl Census {
    pub(crate) fn new(ports: &Ports) -> Self {
        Self {
            sessions: 0,
            by_client: HashMap::new(),
            half_open: BTreeMap::new(),
            dallying: BTreeMap::new(),
            serials: 0,
            ports: match ports {
                Ports::Range(range) => Some(PortPool::new(range.clone())),
                Ports::PerTransfer | Ports::Single => None,
            },
            misses: Misses::default(),
            errors: (0, 0),
        }
    }

    /// Whether another session of the client at `peer` would find room, or make it.
    pub(crate) fn admits(
        &mut self,
        peer: SocketAddr,
        limits: &Limits,
        now: Instant,
    ) -> Result<(), TurnedAway> {
        let client = client(peer.ip());
        let counts = limits.loopback_counts || !peer.ip().to_canonical().is_loopback();
        let held = self.by_client.get(&client).copied().unwrap_or_default();
        if counts && held >= limits.per_client {
            return Err(TurnedAway::ClientBusy);
        }
        if limits.misses_per_minute != u32::MAX
            && self.misses.of(client, now) >= limits.misses_per_minute
        {
            return Err(TurnedAway::TooManyMisses);
        }
        let is_full = self.sessions >= limits.sessions;
        if is_full && self.dallying.is_empty() && self.half_open.is_empty() {
            return Err(TurnedAway::Busy);
        }
        let crowded = is_full || self.half_open.len() >= limits.half_open.max(1);
        if self.is_out_of_ports() && self.dallying.is_empty() && !crowded {
            return Err(TurnedAway::NoPort);
        }
        Ok(())
    }

    fn is_out_of_ports(&self) -> bool {
        self.ports.as_ref().is_some_and(PortPool::is_empty)
    }

    /// Who has to go before another session comes: one that dallies if the table is full or no port is
    /// free, or else one that is half open; and one that is half open if there are as many as there may be.
    pub(crate) fn victims(&mut self, limits: &Limits) -> [Option<Place>; 2] {
        let is_full = self.sessions >= limits.sessions;
        let first = if is_full || self.is_out_of_ports() {
            self.dallying.pop_first()
        } else {
            None
        };
        let crowded = self.half_open.len() >= limits.half_open.max(1);
        let second = if crowded || (is_full && first.is_none()) {
            self.half_open.pop_first()
        } else {
            None
        };
        [first, second].map(|victim| victim.map(|(_, place)| place))
    }

    /// The session that can be spared most, if any can: the system has no more handles.
    pub(crate) fn most_dispensable(&mut self) -> Option<Place> {
        let dallying = self.dallying.pop_first();
        dallying
            .or_else(|| self.half_open.pop_first())
            .map(|(_, place)| place)
    }

    /// Counts a session of the client at `peer`, half open. The number returned is its own.
    pub(crate) fn enter(&mut self, peer: SocketAddr, worker: usize, key: usize) -> u64 {
        self.serials = self.serials.wrapping_add(1);
        let serial = self.serials;
        self.sessions = self.sessions.saturating_add(1);
        let count = self.by_client.entry(client(peer.ip())).or_default();
        *count = count.saturating_add(1);
        let session = SessionRef { key, serial };
        self.half_open.insert(serial, Place { worker, session });
        serial
    }

    /// The client of a session has answered.
    pub(crate) fn prove(&mut self, serial: u64) {
        self.half_open.remove(&serial);
    }

    /// A session only stays to repeat its last ACK.
    pub(crate) fn dally(&mut self, place: Place) {
        self.half_open.remove(&place.session.serial);
        self.dallying.insert(place.session.serial, place);
    }

    pub(crate) fn leave(&mut self, peer: SocketAddr, serial: u64, port: Option<u16>) {
        self.sessions = self.sessions.saturating_sub(1);
        let client = client(peer.ip());
        if let Some(count) = self.by_client.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_client.remove(&client);
            }
        }
        self.half_open.remove(&serial);
        self.dallying.remove(&serial);
        self.give_back(port);
    }

    /// A free port of the range, which `random` chooses. `None`: all are taken.
    pub(crate) fn take_port(&mut self, random: u32) -> Option<u16> {
        self.ports.as_mut()?.take(random)
    }

    pub(crate) fn give_back(&mut self, ports: impl IntoIterator<Item = u16>) {
        if let Some(pool) = &mut self.ports {
            ports.into_iter().for_each(|port| pool.give_back(port));
        }
    }

    /// The client at `peer` has asked for a file that is missing.
    pub(crate) fn count_miss(&mut self, peer: SocketAddr, limits: &Limits, now: Instant) {
        if limits.misses_per_minute != u32::MAX {
            self.misses.count(client(peer.ip()), now);
        }
    }

    /// Whether another answer to a malformed request is in order: they are worth little, and cost the
    /// one whose address may be forged.
    pub(crate) const fn may_send_error(&mut self, limits: &Limits, now: Instant) -> bool {
        let second = now.as_micros() / 1_000_000;
        let (current, count) = &mut self.errors;
        if *current != second {
            (*current, *count) = (second, 0);
        }
        *count = count.saturating_add(1);
        *count <= limits.error_rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 2000).into()
    }

    fn limits(sessions: usize, half_open: usize) -> Limits {
        let mut limits = Limits::new();
        (limits.sessions, limits.half_open) = (sessions, half_open);
        limits
    }

    fn keys(victims: [Option<Place>; 2]) -> Vec<usize> {
        let places = victims.into_iter().flatten();
        places.map(|place| place.session.key).collect()
    }

    #[test]
    fn the_oldest_half_open_session_of_all_loops_goes_first() {
        let mut census = Census::new(&Ports::PerTransfer);
        for (worker, key) in [(1, 7), (0, 8)] {
            census.enter(peer(1), worker, key);
        }
        let victim = census.victims(&limits(100, 2))[1].unwrap();
        assert_eq!((victim.worker, victim.session.key), (1, 7));
        assert_eq!(keys(census.victims(&limits(100, 2))), [0; 0]);
    }

    #[test]
    fn a_session_that_is_proven_is_never_a_victim() {
        let mut census = Census::new(&Ports::PerTransfer);
        let first = census.enter(peer(1), 0, 1);
        census.enter(peer(1), 0, 2);
        census.prove(first);
        assert_eq!(keys(census.victims(&limits(2, 100))), [2]);
        assert_eq!(keys(census.victims(&limits(2, 100))), [0; 0]);
        assert_eq!(
            census.admits(peer(2), &limits(2, 100), Instant::ZERO),
            Err(TurnedAway::Busy)
        );
    }

    #[test]
    fn who_dallies_goes_before_who_is_half_open() {
        let mut census = Census::new(&Ports::PerTransfer);
        census.enter(peer(1), 0, 1);
        let serial = census.enter(peer(1), 0, 2);
        census.dally(Place {
            worker: 0,
            session: SessionRef { key: 2, serial },
        });
        assert_eq!(keys(census.victims(&limits(2, 100))), [2]);
    }

    /// Whether a client that may have one session has another, when there is one of the client at `held`.
    fn another(held: &str, peer: &str) -> Result<(), TurnedAway> {
        let mut census = Census::new(&Ports::PerTransfer);
        let mut limits = limits(100, 100);
        limits.per_client = 1;
        let [held, peer] = [held, peer].map(|text| SocketAddr::new(text.parse().unwrap(), 2000));
        census.enter(held, 0, 1);
        census.admits(peer, &limits, Instant::ZERO)
    }

    #[test]
    fn a_client_is_not_admitted_with_another_address_of_its_network() {
        let busy = Err(TurnedAway::ClientBusy);
        assert_eq!(another("2001:db8::1", "2001:db8::2"), busy);
        assert_eq!(another("2001:db8::1", "2001:db8:0:1::1"), Ok(()));
    }

    #[test]
    fn a_client_that_comes_to_a_socket_for_both_families_is_counted_by_its_ipv4_address() {
        let (one, other) = ("::ffff:192.0.2.1", "::ffff:192.0.2.2");
        assert_eq!(another(one, one), Err(TurnedAway::ClientBusy));
        assert_eq!(another(one, other), Ok(()));
    }

    #[test]
    fn sessions_from_loopback_are_not_counted_whatever_the_family_of_the_socket() {
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "::1"] {
            assert_eq!(another(address, address), Ok(()), "{address}");
        }
    }
}
