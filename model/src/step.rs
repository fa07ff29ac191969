//! From one state to the next: what may happen, and what comes of it.

use core::net::SocketAddr;

use tftp_proto::Instant;

use crate::{
    Setup,
    ledger::Cause,
    setup::PAUSE,
    state::{Side, State},
    wire::{Datagram, Wire, client_address, name},
};

/// What happens next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// The next datagram to this end arrives.
    Arrive(Side),
    Lose(Side),
    /// It arrives, and a copy stays on its way.
    Double(Side),
    Hold(Side),
    /// A datagram that was held arrives, or a copy.
    Release(usize),
    /// The end's timer fires too early.
    Expire(Side),
    /// Nothing is on its way, and this end's timer is the next.
    Elapse(Side),
    /// Half a time-out passes.
    Pause,
    /// The end sends one datagram.
    Send(Side),
    /// A stranger's datagram reaches the end.
    Stray(Side, Forgery),
}

/// What a stranger sends, and from where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Forgery {
    /// Nothing stands for the very datagram that the end is waiting for, altered if it has octets of the file.
    octets: Option<&'static [u8]>,
    /// From another port of the peer's address, not from elsewhere.
    near: bool,
}

const FORGED: [Option<&[u8]>; 6] = [
    Some(&[0, 3, 0, 1, 0xee]),
    Some(&[0, 4, 0, 1]),
    Some(b"\0\x05\0\x02no\0"),
    Some(b"\0\x06blksize\x008\0"),
    Some(b"\0\x01f\0octet\0"),
    None,
];

/// Timers nearer to each other than this, in microseconds, may fire in either order.
const TIE: u128 = 10_000;

impl State {
    /// Every step that the budget allows.
    pub(crate) fn steps(&self, setup: &Setup, steps: &mut Vec<Step>) {
        if self.fault.is_some() {
            return;
        }
        let left = self.left;
        let quiet = self.is_quiet(setup);
        for side in Side::BOTH {
            if !self.on_way_to(side).is_empty() {
                steps.push(Step::Arrive(side));
                let faults = [
                    (left.loss, Step::Lose(side)),
                    (left.double, Step::Double(side)),
                    (left.hold, Step::Hold(side)),
                ];
                let allowed = faults.iter().filter(|(left, _)| *left > 0);
                steps.extend(allowed.map(|(_, step)| *step));
            }
            if self.wants_to_send(setup, side) {
                steps.push(Step::Send(side));
            } else if left.early > 0 && !quiet && self.see(side).deadline(setup).is_some() {
                steps.push(Step::Expire(side));
            }
            if left.stray > 0 {
                let forgeries = self.forgeries(side);
                steps.extend(forgeries.map(|forgery| Step::Stray(side, forgery)));
            }
        }
        // Equal ones lead to the same state.
        let mut last = None;
        for (place, held) in self.held.iter().enumerate() {
            if last != Some(held) {
                steps.push(Step::Release(place));
            }
            last = Some(held);
        }
        if left.pause > 0 && self.can_pause(setup) {
            steps.push(Step::Pause);
        }
        if quiet {
            steps.extend(self.next_timers(setup).map(Step::Elapse));
        }
    }

    /// The step that comes without faults, and with an order that is fixed. It is always one of [`Self::steps`].
    pub(crate) fn smooth_step(&self, setup: &Setup) -> Option<Step> {
        if self.fault.is_some() {
            return None;
        }
        let find = |test: &dyn Fn(Side) -> bool| Side::BOTH.into_iter().find(|side| test(*side));
        if let Some(side) = find(&|side| self.wants_to_send(setup, side)) {
            Some(Step::Send(side))
        } else if let Some(side) = find(&|side| !self.on_way_to(side).is_empty()) {
            Some(Step::Arrive(side))
        } else if !self.held.is_empty() {
            Some(Step::Release(0))
        } else {
            self.next_timers(setup).next().map(Step::Elapse)
        }
    }

    /// The ends have nothing to do, and nothing comes by itself.
    fn is_quiet(&self, setup: &Setup) -> bool {
        Side::BOTH
            .into_iter()
            .all(|side| self.on_way_to(side).is_empty() && !self.wants_to_send(setup, side))
    }

    fn wants_to_send(&self, setup: &Setup, side: Side) -> bool {
        let end = self.see(side);
        end.deadline(setup).is_some_and(|at| at <= end.now)
    }

    /// How long the end will still wait, in microseconds.
    fn remaining(&self, setup: &Setup, side: Side) -> Option<u128> {
        let end = self.see(side);
        Some(end.deadline(setup)?.saturating_since(end.now).as_micros())
    }

    /// The timer that fires next, or both if it is a tie.
    fn next_timers(&self, setup: &Setup) -> impl Iterator<Item = Side> {
        let waits = Side::BOTH.map(|side| (self.remaining(setup, side), side));
        let least = waits.iter().filter_map(|(wait, _)| *wait).min();
        waits.into_iter().filter_map(move |(wait, side)| {
            let wait = wait?;
            (wait < least? + TIE).then_some(side)
        })
    }

    /// No timer fires within a pause.
    fn can_pause(&self, setup: &Setup) -> bool {
        Side::BOTH.into_iter().all(|side| {
            self.remaining(setup, side)
                .is_none_or(|wait| wait > PAUSE.as_micros())
        })
    }

    fn forgeries(&self, side: Side) -> impl Iterator<Item = Forgery> {
        // A client whose request has no answer yet cannot know the server's port.
        let locked = self.see(side).is_locked();
        // The port of a transfer that has not begun does not exist.
        let exists = side == Side::Client || locked;
        let waits = !self.on_way_to(side).is_empty();
        let places = [false, true]
            .into_iter()
            .filter(move |near| exists && (locked || !near));
        places.flat_map(move |near| {
            FORGED
                .into_iter()
                .filter(move |octets| waits || octets.is_some())
                .map(move |octets| Forgery { octets, near })
        })
    }

    /// Goes on to the next state, which is then to be sealed.
    pub(crate) fn take(&mut self, setup: &Setup, step: Step) {
        match step {
            Step::Arrive(side) => {
                if let Some(datagram) = self.way_to(side).pop_front() {
                    self.arrive(setup, side, &datagram);
                }
            }
            Step::Lose(side) => {
                self.left.loss -= 1;
                self.way_to(side).pop_front();
            }
            Step::Double(side) => {
                self.left.double -= 1;
                if let Some(datagram) = self.way_to(side).pop_front() {
                    self.hold(side, datagram.clone());
                    self.arrive(setup, side, &datagram);
                }
            }
            Step::Hold(side) => {
                self.left.hold -= 1;
                if let Some(datagram) = self.way_to(side).pop_front() {
                    self.hold(side, datagram);
                }
            }
            Step::Release(place) => {
                let (side, datagram) = self.held.remove(place);
                self.arrive(setup, side, &datagram);
            }
            Step::Expire(side) => {
                self.left.early -= 1;
                self.fire(setup, side);
            }
            Step::Elapse(side) => self.elapse(setup, side),
            Step::Pause => {
                self.left.pause -= 1;
                for side in Side::BOTH {
                    let end = self.end(side);
                    end.now = end.now.saturating_add(PAUSE);
                }
            }
            Step::Send(side) => self.send_one(setup, side, Cause::Datagram),
            Step::Stray(side, forgery) => {
                self.left.stray -= 1;
                let octets = self.forged(side, forgery);
                let from = forgery.from(side);
                let result = self.end(side).handle_stray(setup, from, &octets);
                self.note(result);
            }
        }
    }

    fn elapse(&mut self, setup: &Setup, side: Side) {
        // The same time passes for both.
        let end = self.see(side);
        let span = end
            .deadline(setup)
            .map(|at| at.saturating_since(end.now))
            .unwrap_or_default();
        let other = self.end(side.other());
        other.now = other.now.saturating_add(span);
        if let Some(at) = other.deadline(setup).filter(|at| *at <= other.now) {
            // A tie: this one is a little later.
            other.now = Instant::from_micros(at.as_micros().saturating_sub(1));
        }
        self.fire(setup, side);
    }

    fn hold(&mut self, side: Side, datagram: Datagram) {
        let held = (side, datagram);
        let place = self.held.partition_point(|other| *other < held);
        self.held.insert(place, held);
    }

    fn arrive(&mut self, setup: &Setup, side: Side, datagram: &Datagram) {
        match self.end(side).handle(setup, datagram) {
            Ok(reply) => self.way_to(side.other()).extend(reply),
            Err(fault) => self.note(Err(fault)),
        }
        self.after(setup, side, Cause::Datagram);
    }

    fn fire(&mut self, setup: &Setup, side: Side) {
        let end = self.end(side);
        if let Some(at) = end.deadline(setup) {
            end.now = end.now.max(at);
        }
        self.after(setup, side, Cause::TimeOut);
    }

    fn forged(&self, side: Side, forgery: Forgery) -> Vec<u8> {
        match (forgery.octets, self.on_way_to(side).front()) {
            (Some(octets), _) => octets.to_vec(),
            (None, Some(datagram)) => {
                let mut octets = datagram.wire.octets(None);
                if let (Wire::Data { .. }, Some(octet)) = (&datagram.wire, octets.get_mut(4)) {
                    *octet ^= 1;
                }
                octets
            }
            (None, None) => Vec::new(),
        }
    }

    /// What the stranger sends, in a word.
    pub(crate) fn forged_name(&self, side: Side, forgery: Forgery) -> &'static str {
        name(&self.forged(side, forgery))
    }
}

impl Forgery {
    /// Where the stranger is.
    pub(crate) fn from(self, side: Side) -> SocketAddr {
        match (self.near, side) {
            (false, _) => ([192, 0, 2, 66], 6_666).into(),
            (true, Side::Client) => ([10, 0, 0, 1], 6_666).into(),
            (true, Side::Server) => (client_address(0).ip(), 6_666).into(),
        }
    }
}
