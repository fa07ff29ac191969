//! The end that takes DATA and sends ACK: a client that reads, or a server that is written to.

use core::net::SocketAddr;

use crate::{
    Block, Config, ErrorCode, Event, Ignored, Incoming, Instant, Negotiated, Output, Request,
    Rollover, Span, Summary, TransferError, Transmit,
    block::LAST_BLOCK,
    exchange::Exchange,
    wire::{self, Frame},
};

/// How long a finished client stays at the most, to repeat its last ACK. Clients' timers are theirs to choose, and this
/// is a usual one: a server stays for longer.
const LONGEST_DALLY: u32 = 5_000_000;

/// How long a receiver in lockstep stays silent after its timer has repeated an ACK. The peer does not answer
/// that, but it may start its own timer anew, which is 5 s with tftp-hpa and atftp: whoever repeats sooner keeps
/// the peer from ever repeating the DATA that was lost.
const LOCKSTEP_SILENCE: u32 = 6_000_000;

/// A server stays for no agreed time-out that is longer.
const LONGEST_SERVER_DALLY: u32 = 30_000_000;

/// Takes a file from the peer: the state machine of a client's read request or of a write request
/// that a server has accepted.
///
/// The caller drives it with [`handle`](Self::handle) and [`poll`](Self::poll); any call is allowed
/// at any time.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[repr(C)]
pub struct Receiver<'r> {
    stage: Stage,
    /// What the next poll sends.
    pending: Pending,
    /// `acked` was acknowledged again.
    repeated: bool,
    /// An ACK for less than a window was sent since a block was last kept (by the timer, or for a gap),
    /// so that the sender may have started a window that ends elsewhere.
    rewound: bool,
    /// The gap before the block that is due has been reported.
    gap_reported: bool,
    dally: bool,
    /// A file that ends before its announced size is truncated.
    strict: bool,
    /// The block that is due: the first one not kept.
    next: u32,
    /// The last block that was acknowledged at the end of a window.
    acked: u32,
    /// The block at which the next ACK falls due.
    end: u32,
    exchange: Exchange<'r>,
    /// Octets kept.
    received: u64,
    max_len: u64,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Stage {
    /// The request has no answer.
    Requesting,
    /// The options are answered, no block has come.
    Opened,
    /// At least one block is kept.
    Receiving,
    /// The last block is kept. Its ACK may have to be repeated.
    Dallying,
}

/// What the next poll sends.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, PartialOrd)]
enum Pending {
    Nothing,
    /// The first packet: a request, or a server's OACK or ACK 0.
    Opening,
    /// An ACK of all that is kept, at the end of a window.
    Ack,
    /// The first packet once more. This and all below are retransmissions.
    Reopening,
    /// The last ACK once more.
    Repeat,
    /// An ACK of all that is kept although the window is not complete: the sender is to start a new
    /// one after it (RFC 7440 section 4).
    EarlyAck,
}

impl<'r> Receiver<'r> {
    /// A client that asks `server`, usually at port 69, for a file. The first poll gives the request.
    #[must_use]
    #[inline(never)]
    pub fn request(now: Instant, server: SocketAddr, request: Request<'r>, config: Config) -> Self {
        let exchange = Exchange::new(now, server, &config);
        let mut receiver = Self::new(exchange, Stage::Requesting, &config);
        // 0 asks for the size (RFC 2349).
        receiver.exchange.ask(&request, Some(0), &config);
        receiver.exchange.forget_rollover();
        receiver
    }

    fn new(exchange: Exchange<'r>, stage: Stage, config: &Config) -> Self {
        Self {
            exchange,
            stage,
            pending: Pending::Opening,
            received: 0,
            max_len: config.max_len,
            next: 1,
            acked: 0,
            end: 0,
            repeated: false,
            rewound: false,
            gap_reported: false,
            dally: config.dally,
            strict: config.strict_size,
        }
    }

    /// Takes in a datagram that arrived from `from`.
    #[inline(never)]
    pub fn handle<'b>(&mut self, now: Instant, from: SocketAddr, datagram: &'b [u8]) -> Event<'b> {
        if self.exchange.is_stray(&from) {
            return self.exchange.scold(from, datagram);
        }
        let frame = match Frame::decode(datagram) {
            Ok(frame) => frame,
            Err(error) => return self.exchange.ignore(Ignored::Malformed(error)),
        };
        if !self.exchange.is_over() {
            match frame.opcode {
                wire::DATA => return self.on_data(now, from, frame.number, frame.body),
                wire::OACK if self.stage == Stage::Requesting => {
                    return self.on_oack(now, from, frame.body);
                }
                // Our ACK 0 was lost. A server has sent the OACK itself and gets none.
                wire::OACK if self.stage == Stage::Opened && self.exchange.is_client() => {
                    self.pending = Pending::Repeat;
                    return self.exchange.ignore(Ignored::Duplicate);
                }
                // Once the file is complete, it is so whatever the peer says.
                wire::ERROR if self.stage != Stage::Dallying => {
                    return self.exchange.refused(&frame, false);
                }
                _ => {}
            }
        }
        self.exchange.ignore(Ignored::Unexpected)
    }

    fn on_oack<'b>(&mut self, now: Instant, from: SocketAddr, body: &[u8]) -> Event<'b> {
        let event = self.exchange.on_oack(now, from, body, false);
        self.open();
        self.pending = Pending::Ack;
        // An OACK that is refused has left its numbers behind.
        if self.exchange.options.tsize() > Some(self.max_len) && !self.exchange.is_over() {
            return self.exchange.fail(TransferError::TooLarge);
        }
        event
    }

    const fn open(&mut self) {
        self.stage = Stage::Opened;
        self.end = self.windowsize();
    }

    fn on_data<'b>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        wire: u16,
        payload: &'b [u8],
    ) -> Event<'b> {
        if self.stage == Stage::Requesting {
            if wire != 1 {
                return self.exchange.ignore(Ignored::Unexpected);
            }
            self.exchange.settle_without_options(from);
            self.open();
        }
        if self.stage != Stage::Dallying && payload.len() > usize::from(self.blksize()) {
            return self.exchange.fail(TransferError::Oversized);
        }
        let rollover = self.exchange.rollover;
        if self.exchange.options.rollover().is_none()
            && rollover.is_disproved(wire, self.next, self.windowsize())
        {
            self.exchange.rollover = Rollover::One;
        }
        let block = self.exchange.rollover.absolute(wire, self.next);
        let reason = if block == 0 {
            Ignored::Unexpected
        } else if block < self.next {
            self.on_repeat(now, block);
            Ignored::Duplicate
        } else if self.stage == Stage::Dallying {
            Ignored::Unexpected
        } else if block == self.next {
            return self.keep(now, payload);
        } else {
            self.on_gap(block);
            Ignored::OutOfOrder
        };
        self.exchange.ignore(reason)
    }

    /// Rule R1: the block that was due.
    fn keep<'b>(&mut self, now: Instant, payload: &'b [u8]) -> Event<'b> {
        let offset = self.received;
        let received = offset.wrapping_add(payload.len() as u64);
        if received > self.max_len || self.next > LAST_BLOCK {
            return self.exchange.fail(TransferError::TooLarge);
        }
        let last = payload.len() < usize::from(self.blksize());
        if last && self.strict && self.exchange.options.tsize() > Some(received) {
            return self.exchange.fail(TransferError::Truncated);
        }
        self.received = received;
        self.advance(now, last);
        Event::Block(Block {
            offset,
            payload,
            last,
        })
    }

    #[inline(never)]
    fn advance(&mut self, now: Instant, last: bool) {
        self.exchange.progress(now);
        self.next = self.next.wrapping_add(1);
        self.rewound = false;
        self.gap_reported = false;
        self.stage = if last {
            Stage::Dallying
        } else {
            Stage::Receiving
        };
        if last || self.next > self.end {
            self.acknowledge_window(Pending::Ack);
        } else {
            // A report of the gap that this block fills would come too late.
            self.pending = Pending::Nothing;
            self.exchange.arm(now, true, 0);
        }
    }

    /// Acknowledges all that is kept, as the end of a window.
    const fn acknowledge_window(&mut self, pending: Pending) {
        self.acked = self.kept();
        self.end = self.acked.wrapping_add(self.windowsize());
        self.repeated = false;
        self.pending = pending;
    }

    /// Rule R2: a block after one that is missing. One ACK for each gap, or two ends that answer each
    /// stray block multiply their traffic.
    const fn on_gap(&mut self, block: u32) {
        let window = self.windowsize();
        if !self.gap_reported && block < self.next.wrapping_add(window) {
            self.gap_reported = true;
            self.pending = Pending::EarlyAck;
        }
    }

    /// Rule R3: a block that is kept already.
    fn on_repeat(&mut self, now: Instant, block: u32) {
        if self.rewound && self.acked < block {
            // The sender did not follow our early ACK but went back: its window ends elsewhere.
            self.rewound = false;
            self.end = block.wrapping_sub(1).wrapping_add(self.windowsize());
            if self.next > self.end {
                self.acknowledge_window(Pending::Repeat);
            }
        } else if block == self.acked && block == self.kept() {
            // Its ACK may be lost. At once for the first repeat, then at half the time-out, so that
            // doubled datagrams do not double for ever.
            let pause = self.exchange.rto.current() >> 1;
            if !self.repeated || self.exchange.timed.until(now) >= pause {
                self.repeated = true;
                self.pending = Pending::Repeat;
            }
        }
    }

    /// What to do now. Call it again after each datagram that was sent.
    #[inline(never)]
    pub fn poll(&mut self, now: Instant) -> Output<'r> {
        if self.pending == Pending::Nothing && !self.exchange.is_over() {
            let due = self.exchange.deadline;
            if now < due {
                return Output::Wait(due);
            }
            self.on_timer(now);
        }
        if self.exchange.is_over() {
            return self.exchange.finish(self.received, self.kept());
        }
        Output::Transmit(self.transmit(now))
    }

    /// Rule R4, and the timers of the other stages.
    fn on_timer(&mut self, now: Instant) {
        if self.is_complete() {
            self.exchange.close(Ok(()));
        } else if !self
            .exchange
            .fire(now, TransferError::TimedOut, self.stage == Stage::Opened)
        {
            // The end.
        } else if self.stage == Stage::Requesting
            || (self.stage == Stage::Opened && !self.exchange.is_client())
        {
            self.pending = Pending::Reopening;
        } else {
            self.pending = Pending::EarlyAck;
        }
    }

    fn transmit(&mut self, now: Instant) -> Transmit<'r> {
        let pending = self.pending;
        self.pending = Pending::Nothing;
        let again = pending >= Pending::Reopening;
        let early = pending == Pending::EarlyAck;
        if early {
            self.end = self.kept().wrapping_add(self.windowsize());
            self.rewound = true;
        }
        self.exchange.time(now, !again);
        if self.stage == Stage::Dallying {
            // Each repeat prolongs the stay, but not for ever.
            if !again || self.exchange.expire() {
                self.start_dally(now);
            }
        } else if pending != Pending::Repeat {
            // A peer that only repeats itself makes no progress, and must not put the timer off.
            let silence = if early && self.windowsize() == 1 {
                LOCKSTEP_SILENCE.min(self.exchange.rto.ceiling())
            } else {
                0
            };
            self.exchange
                .arm(now, self.stage != Stage::Requesting, silence);
        }
        let opcode = if pending == Pending::Opening || pending == Pending::Reopening {
            self.exchange.opening(wire::RRQ)
        } else {
            wire::ACK
        };
        let block = self.exchange.rollover.wire(self.kept());
        self.exchange.transmit(again, opcode, block, Span::NONE)
    }

    /// RFC 1350 section 6: stay long enough for the peer to repeat the last block.
    fn start_dally(&mut self, now: Instant) {
        let rto = &self.exchange.rto;
        let span = if !self.dally {
            0
        } else if self.exchange.is_client() {
            let twice = rto.current().wrapping_mul(2);
            twice.max(rto.floor()).min(LONGEST_DALLY)
        } else {
            // Timers are late: curl looks at its own once a second.
            let timer = LONGEST_DALLY.max(rto.floor());
            timer.wrapping_add(timer / 2).min(LONGEST_SERVER_DALLY)
        };
        self.exchange.wait(now, span);
    }

    /// Gives up with an ERROR to the peer, if it is known: the block of the last event could not be
    /// stored, or the user wants no more. The first call counts. A transfer whose last ACK is sent stays
    /// complete.
    pub fn abort(&mut self, code: ErrorCode) {
        if self.is_complete() {
            self.exchange.close(Ok(()));
        } else {
            let _ = self.exchange.fail(TransferError::Local(code));
        }
    }

    /// Whether the last block has been acknowledged, so that success may be reported. What is left is
    /// to stay for a while in case that ACK is lost.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stage == Stage::Dallying && self.pending == Pending::Nothing
    }

    /// When [`Self::poll`] wants to be called next: in the past if it has something to send, `None`
    /// once the transfer is over.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        if self.exchange.is_done() {
            None
        } else if self.pending != Pending::Nothing || self.exchange.is_over() {
            Some(Instant::ZERO)
        } else {
            Some(self.exchange.deadline)
        }
    }

    /// The peer's address: the server that was asked until its transfer port is known.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.exchange.peer()
    }

    /// The options: those offered until the peer has answered, then those agreed.
    #[must_use]
    pub fn negotiated(&self) -> Negotiated {
        self.exchange.options.negotiated(self.exchange.rollover)
    }

    /// How far the transfer has come.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.exchange.summary(self.received, self.kept())
    }

    /// After a failure: whether the same request without options, from a new port, may do better
    /// (RFC 2347): the server refused it, or the full blocks that were agreed never arrived.
    #[must_use]
    pub const fn retry_without_options(&self) -> bool {
        self.exchange.retry_without_options()
    }

    /// The last block that is kept, 0 if there is none. `next` is between 1 and two windows past
    /// [`LAST_BLOCK`], so that arithmetic on block numbers wraps in name only.
    const fn kept(&self) -> u32 {
        self.next.wrapping_sub(1)
    }

    const fn blksize(&self) -> u16 {
        self.exchange.options.blksize()
    }

    const fn windowsize(&self) -> u32 {
        self.exchange.options.windowsize() as u32
    }
}

impl Receiver<'static> {
    pub(crate) const fn exchange(&self) -> &Exchange<'static> {
        &self.exchange
    }

    pub(crate) const fn exchange_mut(&mut self) -> &mut Exchange<'static> {
        &mut self.exchange
    }

    /// A server that takes the file of a write request. The first poll gives the answer. A file that
    /// is announced larger than `limits.max_len` is refused with ERROR 3.
    #[must_use]
    pub fn accept(now: Instant, incoming: &Incoming<'_>, limits: Config) -> Self {
        let exchange = Exchange::accept(now, incoming, None, &limits);
        let mut receiver = Self::new(exchange, Stage::Opened, &limits);
        receiver.open();
        if incoming.tsize() > Some(limits.max_len) {
            let _ = receiver.exchange.fail(TransferError::TooLarge);
        }
        receiver
    }
}
