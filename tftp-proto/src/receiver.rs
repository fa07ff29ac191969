//! The end that takes DATA and sends ACK: a client that reads, or a server that is written to.

use core::net::SocketAddr;

use crate::{
    Block, Config, ErrorCode, Event, Ignored, Incoming, Instant, Mode, Negotiated, Options, Output,
    Request, Rollover, Summary, TransferError, Transmit,
    block::LAST_BLOCK,
    exchange::Exchange,
    output::Payload,
    wire::{self, Frame, OptionSet, Title},
};

/// How long a finished client stays at the most, to repeat its last ACK. Clients' timers are theirs to choose, and this
/// is a usual one: a server stays for longer.
const LONGEST_DALLY: u64 = 5_000_000;

/// How long a receiver in lockstep stays silent after its timer has repeated an ACK. The peer does not answer
/// that, but it may start its own timer anew, which is 5 s with tftp-hpa and atftp: whoever repeats sooner keeps
/// the peer from ever repeating the DATA that was lost.
const LOCKSTEP_SILENCE: u64 = 6_000_000;

/// A server stays for no agreed time-out that is longer.
const LONGEST_SERVER_DALLY: u64 = 30_000_000;

/// Takes a file from the peer: the state machine of a client's read request or of a write request
/// that a server has accepted.
///
/// The caller drives it with [`handle`](Self::handle) and [`poll`](Self::poll); any call is allowed
/// at any time.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Receiver<'r> {
    exchange: Exchange,
    stage: Stage,
    /// What the next poll sends.
    pending: Pending,
    request: Option<Title<'r>>,
    max_len: u64,
    /// The block that is due: the first one not kept.
    next: u32,
    /// The last block that was acknowledged at the end of a window.
    acked: u32,
    /// The block at which the next ACK falls due.
    end: u32,
    /// Octets of the last block, once it is kept.
    last_len: u16,
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

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Pending {
    Nothing,
    /// The first packet: a request, or a server's OACK or ACK 0.
    Opening {
        again: bool,
    },
    /// An ACK of all that is kept, at the end of a window.
    Ack {
        again: bool,
    },
    /// An ACK of all that is kept although the window is not complete: the sender is to start a new
    /// one after it (RFC 7440 section 4).
    EarlyAck,
}

impl<'r> Receiver<'r> {
    /// A client that asks `server`, usually at port 69, for a file. The first poll gives the request.
    #[must_use]
    pub fn request(now: Instant, server: SocketAddr, request: Request<'r>, config: Config) -> Self {
        // 0 asks for the size (RFC 2349). Of a translated text no size is known.
        let tsize = (request.mode() == Mode::Octet).then_some(0);
        let offer = OptionSet::offer(&config, tsize, request.title().request_len());
        let exchange = Exchange::request(now, server, offer, &config);
        Self::new(exchange, Stage::Requesting, Some(request.title()), &config)
    }

    fn new(exchange: Exchange, stage: Stage, request: Option<Title<'r>>, config: &Config) -> Self {
        let end = u32::from(exchange.options.windowsize());
        Self {
            exchange,
            stage,
            pending: Pending::Opening { again: false },
            request,
            max_len: config.max_len,
            next: 1,
            acked: 0,
            end,
            last_len: 0,
            repeated: false,
            rewound: false,
            gap_reported: false,
            dally: config.dally,
            strict: config.strict_size,
        }
    }

    /// Takes in a datagram that arrived from `from`.
    pub fn handle<'b>(&mut self, now: Instant, from: SocketAddr, datagram: &'b [u8]) -> Event<'b> {
        if let Some(event) = self.exchange.stray(from, datagram) {
            return event;
        }
        let frame = match Frame::decode(datagram) {
            Ok(frame) => frame,
            Err(error) => return self.exchange.ignore(Ignored::Malformed(error)),
        };
        if self.exchange.is_over() {
            return self.exchange.ignore(Ignored::Unexpected);
        }
        match frame {
            Frame::Data { block, payload } => self.on_data(now, from, block, payload),
            Frame::Oack { body } => self.on_oack(now, from, Options::from_bytes(body)),
            // The file is complete, whatever the peer says now.
            Frame::Error { code, message } if self.stage != Stage::Dallying => {
                self.exchange.refused(code, message, false)
            }
            Frame::Error { .. } | Frame::Ack { .. } | Frame::Request { .. } => {
                self.exchange.ignore(Ignored::Unexpected)
            }
        }
    }

    fn on_oack<'b>(&mut self, now: Instant, from: SocketAddr, answer: Options<'b>) -> Event<'b> {
        match self.stage {
            Stage::Requesting => {}
            // Our ACK 0 was lost. A server has sent the OACK itself and gets none.
            Stage::Opened if self.request.is_some() => {
                self.pending = Pending::Ack { again: true };
                return self.exchange.ignore(Ignored::Duplicate);
            }
            _ => return self.exchange.ignore(Ignored::Unexpected),
        }
        self.exchange.lock(from);
        let offer = self.exchange.options;
        let agreed = match OptionSet::accept(&offer, answer, false) {
            Some(agreed) if !offer.is_empty() => agreed,
            _ => return self.exchange.fail(TransferError::OptionNegotiation),
        };
        if agreed.tsize() > Some(self.max_len) {
            return self.exchange.fail(TransferError::TooLarge);
        }
        self.exchange.progress(now);
        self.open(agreed);
        self.pending = Pending::Ack { again: false };
        Event::Negotiated(self.negotiated())
    }

    fn open(&mut self, agreed: OptionSet) {
        self.stage = Stage::Opened;
        if self.exchange.options.rollover().is_some() {
            // Asked for and not acknowledged is never asked (RFC 2347): the sender's way shows itself.
            self.exchange.rollover = Rollover::Zero;
        }
        self.exchange.settle(agreed);
        self.end = u32::from(agreed.windowsize());
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
            // The server passes over the options: they count as never sent (RFC 2347).
            self.exchange.lock(from);
            self.open(OptionSet::NONE);
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
        let block = match self.exchange.rollover.absolute(wire, self.next) {
            Some(block) if block > 0 => block,
            _ => return self.exchange.ignore(Ignored::Unexpected),
        };
        if block < self.next {
            return self.on_repeat(now, block);
        }
        if self.stage == Stage::Dallying {
            return self.exchange.ignore(Ignored::Unexpected);
        }
        if block > self.next {
            return self.on_gap(block);
        }
        self.keep(now, payload)
    }

    /// Rule R1: the block that was due.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a last block is shorter than a 16-bit block size"
    )]
    fn keep<'b>(&mut self, now: Instant, payload: &'b [u8]) -> Event<'b> {
        let offset = self.received();
        let received = offset.wrapping_add(payload.len() as u64);
        if received > self.max_len || self.next > LAST_BLOCK {
            return self.exchange.fail(TransferError::TooLarge);
        }
        let last = payload.len() < usize::from(self.blksize());
        if last && self.strict && self.exchange.options.tsize() > Some(received) {
            return self.exchange.fail(TransferError::Truncated);
        }
        self.exchange.progress(now);
        let due = last || self.next >= self.end;
        self.next = self.next.wrapping_add(1);
        self.rewound = false;
        self.gap_reported = false;
        if last {
            self.last_len = payload.len() as u16;
            self.stage = Stage::Dallying;
        } else {
            self.stage = Stage::Receiving;
        }
        if due {
            self.acknowledge_window(false);
        } else {
            // A report of the gap that this block fills would come too late.
            self.pending = Pending::Nothing;
            self.exchange.arm(now, true);
        }
        Event::Block(Block {
            offset,
            payload,
            last,
        })
    }

    /// Acknowledges all that is kept, as the end of a window.
    fn acknowledge_window(&mut self, again: bool) {
        self.acked = self.kept();
        self.end = self.acked.wrapping_add(self.windowsize());
        self.repeated = false;
        self.pending = Pending::Ack { again };
    }

    /// Rule R2: a block after one that is missing. One ACK for each gap, or two ends that answer each
    /// stray block multiply their traffic.
    fn on_gap<'b>(&mut self, block: u32) -> Event<'b> {
        let window = self.windowsize();
        if window > 1 && !self.gap_reported && block < self.next.wrapping_add(window) {
            self.gap_reported = true;
            self.pending = Pending::EarlyAck;
        }
        self.exchange.ignore(Ignored::OutOfOrder)
    }

    /// Rule R3: a block that is kept already.
    fn on_repeat<'b>(&mut self, now: Instant, block: u32) -> Event<'b> {
        if self.rewound && self.acked < block {
            // The sender did not follow our early ACK but went back: its window ends elsewhere.
            self.rewound = false;
            self.end = block.wrapping_sub(1).wrapping_add(self.windowsize());
            if self.next > self.end {
                self.acknowledge_window(true);
            }
        } else if block == self.acked && block == self.kept() {
            // Its ACK may be lost. At once for the first repeat, then at half the time-out, so that
            // doubled datagrams do not double for ever.
            let pause = u64::from(self.exchange.rto.current() >> 1);
            if !self.repeated || self.exchange.since_timed(now) >= pause {
                self.repeated = true;
                self.pending = Pending::Ack { again: true };
            }
        }
        self.exchange.ignore(Ignored::Duplicate)
    }

    /// What to do now. Call it again after each datagram that was sent.
    pub fn poll(&mut self, now: Instant) -> Output<'r> {
        if let Some(output) = self.exchange.finish(self.received(), self.kept()) {
            return output;
        }
        if self.pending == Pending::Nothing {
            let overdue = self.exchange.overdue(now);
            if overdue && !self.is_complete() {
                self.exchange.give_up(TransferError::TimedOut, false);
            } else if overdue || now >= self.exchange.deadline {
                self.on_timer();
            } else {
                return Output::Wait(self.exchange.next_deadline());
            }
            if let Some(output) = self.exchange.finish(self.received(), self.kept()) {
                return output;
            }
        }
        Output::Transmit(self.transmit(now))
    }

    /// Rule R4, and the timers of the other stages.
    fn on_timer(&mut self) {
        if self.stage == Stage::Dallying {
            self.exchange.close(Ok(()));
        } else if !self.exchange.expire() {
            self.exchange
                .give_up(TransferError::TimedOut, self.stage == Stage::Opened);
        } else if self.stage == Stage::Requesting
            || (self.stage == Stage::Opened && self.request.is_none())
        {
            self.pending = Pending::Opening { again: true };
        } else {
            self.pending = Pending::EarlyAck;
        }
    }

    fn transmit(&mut self, now: Instant) -> Transmit<'r> {
        let (again, payload) = match self.pending {
            Pending::Opening { again } => (again, self.opening()),
            Pending::Ack { again } => (again, self.ack()),
            Pending::EarlyAck | Pending::Nothing => {
                self.end = self.kept().wrapping_add(self.windowsize());
                self.rewound = true;
                (true, self.ack())
            }
        };
        let answers_repeat = self.pending == Pending::Ack { again: true };
        let early = self.pending == Pending::EarlyAck;
        self.pending = Pending::Nothing;
        self.exchange.time(now, !again);
        if self.stage == Stage::Dallying {
            // Each repeat prolongs the stay, but not for ever.
            if !again || self.exchange.expire() {
                self.start_dally(now);
            }
        } else if !answers_repeat {
            // A peer that only repeats itself makes no progress, and must not put the timer off.
            self.exchange.arm(now, self.stage != Stage::Requesting);
            if early && self.windowsize() == 1 {
                let silence = LOCKSTEP_SILENCE.min(u64::from(self.exchange.rto.ceiling()));
                self.exchange.deadline = self.exchange.deadline.max(now.after(silence));
            }
        }
        self.exchange.transmit(again, payload)
    }

    /// The ACK of all that is kept.
    fn ack(&self) -> Payload<'r> {
        Payload::Ack {
            block: self.exchange.rollover.wire(self.kept()),
        }
    }

    fn opening(&self) -> Payload<'r> {
        let options = self.exchange.options;
        match self.request {
            Some(request) => Payload::Request {
                opcode: wire::RRQ,
                request,
                offer: options,
            },
            None if options.is_empty() => Payload::Ack { block: 0 },
            None => Payload::Oack { agreed: options },
        }
    }

    /// RFC 1350 section 6: stay long enough for the peer to repeat the last block.
    fn start_dally(&mut self, now: Instant) {
        let rto = &self.exchange.rto;
        let span = if !self.dally {
            0
        } else if self.request.is_none() {
            // Timers are late: curl looks at its own once a second.
            let timer = LONGEST_DALLY.max(u64::from(rto.floor()));
            timer.saturating_add(timer / 2).min(LONGEST_SERVER_DALLY)
        } else {
            let twice = u64::from(rto.current()).saturating_mul(2);
            twice.max(u64::from(rto.floor())).min(LONGEST_DALLY)
        };
        self.exchange.deadline = now.after(span);
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
        self.stage == Stage::Dallying
            && self.pending == Pending::Nothing
            && !self.exchange.has_failed()
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
            Some(self.exchange.next_deadline())
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
        self.exchange.summary(self.received(), self.kept())
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

    /// Octets kept.
    fn received(&self) -> u64 {
        let blksize = u64::from(self.blksize());
        let (whole, rest) = if self.stage == Stage::Dallying {
            (self.kept().wrapping_sub(1), self.last_len)
        } else {
            (self.kept(), 0)
        };
        u64::from(whole)
            .wrapping_mul(blksize)
            .wrapping_add(u64::from(rest))
    }

    const fn blksize(&self) -> u16 {
        self.exchange.options.blksize()
    }

    fn windowsize(&self) -> u32 {
        u32::from(self.exchange.options.windowsize())
    }
}

impl Receiver<'static> {
    pub(crate) const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    pub(crate) const fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// A server that takes the file of a write request. The first poll gives the answer. A file that
    /// is announced larger than `limits.max_len` is refused with ERROR 3.
    #[must_use]
    pub fn accept(now: Instant, incoming: &Incoming<'_>, limits: Config) -> Self {
        let request = incoming.request();
        let agreed = OptionSet::agree(request.options(), request.mode(), None, &limits);
        let exchange = Exchange::accept(now, incoming.from(), agreed, &limits);
        let mut receiver = Self::new(exchange, Stage::Opened, None, &limits);
        if incoming.tsize() > Some(limits.max_len) {
            let _ = receiver.exchange.fail(TransferError::TooLarge);
        }
        receiver
    }
}
