//! A state of the whole: two ends, what is between them, what may still go wrong.

use core::{
    fmt,
    hash::{Hash, Hasher},
};
use std::{collections::VecDeque, hash::DefaultHasher, sync::Arc};

use tftp_proto::{Instant, TransferError};

use crate::{
    Budget, Fault, Sabotage, Setup, Way,
    end::End,
    ledger::{Cause, Ledger},
    wire::{Datagram, Wire},
};

/// One of the two ends, or the way to it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Client, Self::Server];

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A state.
#[derive(Clone)]
pub struct State {
    client: Arc<End>,
    server: Arc<End>,
    /// Datagrams on their way to the client and to the server, in order.
    to_client: VecDeque<Datagram>,
    to_server: VecDeque<Datagram>,
    /// Datagrams that may arrive at any time, and to whom; sorted, for their order says nothing.
    pub(crate) held: Vec<(Side, Datagram)>,
    pub(crate) left: Budget,
    pub(crate) fault: Option<Fault>,
}

impl State {
    /// The start: the client's request is on its way, or the numbers are nearly used up.
    pub(crate) fn start(setup: &Setup) -> Self {
        // 0 is no moment: machines say with it that there is nothing to wait for.
        let now = Instant::from_millis(1);
        let mut state = Self {
            client: Arc::new(End::client(setup, now)),
            server: Arc::new(End::server(setup, now)),
            to_client: VecDeque::new(),
            to_server: VecDeque::new(),
            held: Vec::new(),
            left: setup.budget,
            fault: None,
        };
        state.after(setup, Side::Client, Cause::Datagram);
        while state.client.blocks(setup).min(state.server.blocks(setup)) < setup.behind {
            let Some(step) = state.smooth_step(setup) else {
                break;
            };
            state.take(setup, step);
        }
        state.seal(setup);
        state
    }

    /// The end, to be changed: afterwards the state is to be sealed.
    pub(crate) fn end(&mut self, side: Side) -> &mut End {
        let end = Arc::make_mut(match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        });
        end.unseal();
        end
    }

    pub(crate) fn see(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(crate) const fn way_to(&mut self, side: Side) -> &mut VecDeque<Datagram> {
        match side {
            Side::Client => &mut self.to_client,
            Side::Server => &mut self.to_server,
        }
    }

    /// Datagrams on their way to this end, in order.
    pub(crate) const fn on_way_to(&self, side: Side) -> &VecDeque<Datagram> {
        match side {
            Side::Client => &self.to_client,
            Side::Server => &self.to_server,
        }
    }

    /// Lets the end send all that it has to send now.
    pub(crate) fn after(&mut self, setup: &Setup, side: Side, cause: Cause) {
        if setup.stepwise {
            // The timer acts at the first poll. A machine that is done is asked for its result.
            if cause == Cause::TimeOut || self.see(side).is_idle() {
                self.send_one(setup, side, cause);
            }
            return;
        }
        let most = usize::from(setup.window()) + 3;
        let before = self.on_way_to(side.other()).len();
        loop {
            let sent = self.on_way_to(side.other()).len();
            self.send_one(setup, side, cause);
            if self.fault.is_some() || self.on_way_to(side.other()).len() == sent {
                break;
            }
            if sent - before > most {
                self.fault = Some(Fault::Broken);
                return;
            }
        }
        if setup.ticking && self.on_way_to(side.other()).len() > before {
            self.tick(setup, side);
        }
    }

    /// What was sent took a microsecond, unless that is when the timer fires: that is a step of its own.
    fn tick(&mut self, setup: &Setup, side: Side) {
        let end = self.end(side);
        let later = end.now.saturating_add(core::time::Duration::from_micros(1));
        if end
            .deadline(setup)
            .is_none_or(|at| at <= end.now || later < at)
        {
            end.now = later;
        }
    }

    pub(crate) fn send_one(&mut self, setup: &Setup, side: Side, cause: Cause) {
        match self.end(side).poll(setup, cause) {
            Ok(Some(datagram)) => {
                let twice = setup.sabotage == Some(Sabotage::Doubling)
                    && matches!(datagram.wire, Wire::Data { .. });
                if twice {
                    self.way_to(side.other()).push_back(datagram.clone());
                }
                self.way_to(side.other()).push_back(datagram);
                if setup.stepwise && setup.ticking {
                    self.tick(setup, side);
                }
            }
            Ok(None) => {}
            Err(fault) => self.note(Err(fault)),
        }
        self.judge(setup);
    }

    pub(crate) fn note(&mut self, result: Result<(), Fault>) {
        if let (None, Err(fault)) = (self.fault, result) {
            self.fault = Some(fault);
        }
    }

    /// Looks at the whole, which no end can see.
    fn judge(&mut self, setup: &Setup) {
        let (sender, receiver) = match setup.way {
            Way::Get => (&self.server, &self.client),
            Way::Put => (&self.client, &self.server),
        };
        let arrived = self.has_arrived(setup);
        let fault = if sender.ledgers().any(Ledger::is_success) && !arrived {
            Fault::SenderSuccess
        } else if (receiver.reports_complete() || receiver.ledgers().any(Ledger::is_success))
            && !arrived
        {
            Fault::ReceiverSuccess
        } else if !setup.impatient && self.has_given_up(setup, arrived) {
            Fault::GaveUp
        } else if !receiver.has_ended() && self.extra() > self.most_extra(setup) {
            // To a receiver that is gone, the last window is sent until the sender gives up.
            Fault::Storm
        } else {
            return;
        };
        self.note(Err(fault));
    }

    /// Whether the receiver has the whole file.
    pub(crate) fn has_arrived(&self, setup: &Setup) -> bool {
        let receiver = match setup.way {
            Way::Get => &self.client,
            Way::Put => &self.server,
        };
        receiver
            .ledgers()
            .any(|ledger| ledger.whole && ledger.received == setup.len)
    }

    /// The client, or the transfer that its request began; what late copies of the request begin, ends as it may.
    ///
    /// A sender may end without knowing whether its last block arrived, but not for a single fault.
    fn has_given_up(&self, setup: &Setup, arrived: bool) -> bool {
        Side::BOTH
            .into_iter()
            .any(|side| match self.see(side).result() {
                Some(Err(TransferError::Unconfirmed)) => !arrived || self.spent(setup) < 2,
                Some(Err(_)) => true,
                Some(Ok(())) | None => false,
            })
    }

    /// Blocks that were sent again.
    fn extra(&self) -> u16 {
        Side::BOTH
            .into_iter()
            .flat_map(|side| self.see(side).ledgers())
            .map(|ledger| ledger.extra)
            .sum()
    }

    /// How many blocks may have been sent again: three windows for each fault so far, and for noticing how
    /// the numbers go on. Where the two ends' time-outs differ, the quicker one fires several times
    /// before the other sets things right.
    fn most_extra(&self, setup: &Setup) -> u16 {
        let windows = if setup.adaptive { 8 } else { 3 };
        windows * setup.window() * (u16::from(self.spent(setup)) + u16::from(setup.puzzles()))
    }

    /// Faults so far. A stranger's datagrams and pauses are none: they must not make a difference here.
    fn spent(&self, setup: &Setup) -> u8 {
        let all = |budget: Budget| budget.loss + budget.double + budget.hold + budget.early;
        all(setup.budget) - all(self.left)
    }

    /// Both ends are done.
    pub(crate) fn is_over(&self) -> bool {
        Side::BOTH.into_iter().all(|side| self.see(side).is_idle())
    }

    /// Both ends are done, and all that could go wrong went wrong.
    pub(crate) fn has_spent_all(&self) -> bool {
        self.left == Budget::default() && self.is_over()
    }

    /// The ends that have changed are compared by what they are now.
    pub(crate) fn seal(&mut self, setup: &Setup) {
        for end in [&mut self.client, &mut self.server] {
            if !end.is_sealed() {
                Arc::make_mut(end).seal(setup);
            }
        }
    }

    /// A number for this state, the same for the same state, and hardly ever for another.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.client.hash(hasher);
        self.server.hash(hasher);
        self.to_client.hash(hasher);
        self.to_server.hash(hasher);
        self.held.hash(hasher);
        self.left.hash(hasher);
        self.fault.hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("to_client", &self.to_client)
            .field("to_server", &self.to_server)
            .field("held", &self.held)
            .field("left", &self.left)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}
