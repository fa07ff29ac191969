//! The end that sends DATA and takes ACK: a client that writes, or a server that is read from.

use core::net::SocketAddr;

use crate::{
    Config, ErrorCode, Event, Ignored, Incoming, Instant, Negotiated, Output, Request, Span,
    Summary, TransferError, Transmit,
    block::LAST_BLOCK,
    exchange::Exchange,
    time::Stamp,
    wire::{self, Frame},
};

/// How long the file is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "a length is known or it is not")]
pub enum Length {
    /// This many octets, as they go on the wire.
    Known(u64),
    /// Not known before it ends, as with a pipe or a translated text: [`Sender::ends_at`] tells.
    Unknown,
}

/// Stands for a length that is not known: no file is that long.
const UNKNOWN: u64 = u64::MAX;

impl Length {
    fn octets(self) -> u64 {
        match self {
            Self::Known(octets) => octets.min(UNKNOWN - 1),
            Self::Unknown => UNKNOWN,
        }
    }
}

/// Sends a file to the peer: the state machine of a client's write request or of a read request
/// that a server has accepted.
///
/// It holds no bytes of the file. A DATA packet is encoded with a gap that the caller fills from the
/// offset that the gap names; a block may be asked for again until it is acknowledged, and must be
/// the same then.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[repr(C)]
pub struct Sender<'r> {
    stage: Stage,
    /// The window was already sent again because its first block was reported lost.
    hastened: bool,
    /// The window before it was so: its second copy draws an ACK that looks like such a report.
    wary: bool,
    /// The request came once more while its client seemed to be gone.
    asked: bool,
    /// The first block that is not acknowledged.
    base: u32,
    /// The block to send next, at most one past the window.
    next: u32,
    /// The last block that was ever sent.
    sent: u32,
    /// Octets of the file, or [`UNKNOWN`].
    length: u64,
    exchange: Exchange<'r>,
    /// When the first block of the window left.
    window_at: Stamp,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Stage {
    /// The first packet is to be sent: a request, or a server's OACK.
    Opening,
    /// As it was, once more.
    Reopening,
    /// The first packet has no answer.
    Opened,
    /// Blocks are on their way.
    Sending,
}

impl<'r> Sender<'r> {
    /// A client that asks `server`, usually at port 69, to take a file. The first poll gives the request.
    #[must_use]
    #[inline(never)]
    pub fn request(
        now: Instant,
        server: SocketAddr,
        request: Request<'r>,
        length: Length,
        config: Config,
    ) -> Self {
        let length = length.octets();
        let size = (length != UNKNOWN).then_some(length);
        let exchange = Exchange::new(now, server, &config);
        let mut sender = Self::new(exchange, Stage::Opening, length);
        sender.exchange.ask(&request, size, &config);
        sender
    }

    const fn new(exchange: Exchange<'r>, stage: Stage, length: u64) -> Self {
        Self {
            exchange,
            stage,
            length,
            base: 1,
            next: 1,
            sent: 0,
            window_at: Instant::ZERO.stamp(),
            hastened: false,
            wary: false,
            asked: false,
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
        let sending = self.stage == Stage::Sending;
        let client = self.exchange.is_client();
        let reason = match frame.opcode {
            _ if self.exchange.is_over() => Ignored::Unexpected,
            wire::ACK if sending => return self.on_ack(now, frame.number),
            wire::ACK if frame.number == 0 => return self.on_accepted(now, from),
            // A repeated OACK equals a repeated ACK 0; the timer covers what is lost.
            wire::OACK if sending => Ignored::Duplicate,
            wire::OACK if client => {
                self.stage = Stage::Sending;
                return self.exchange.on_oack(now, from, frame.body, true);
            }
            wire::ERROR => return self.exchange.refused(&frame, !client && !sending),
            _ => Ignored::Unexpected,
        };
        self.exchange.ignore(reason)
    }

    /// ACK 0: a write request is accepted without its options, or an OACK is confirmed.
    fn on_accepted<'b>(&mut self, now: Instant, from: SocketAddr) -> Event<'b> {
        self.exchange.progress(now);
        self.stage = Stage::Sending;
        if !self.exchange.is_client() {
            return Event::Acknowledged { up_to: 0 };
        }
        self.exchange.settle_without_options(from);
        self.exchange.accepted()
    }

    fn on_ack<'b>(&mut self, now: Instant, wire: u16) -> Event<'b> {
        let block = self.exchange.rollover.absolute(wire, self.base);
        let reason = if block > self.sent || (block == 0 && wire > 0) {
            // Never sent, so it cannot have arrived.
            Ignored::Unexpected
        } else if block >= self.base {
            return self.advance(now, block);
        } else {
            if block.wrapping_add(1) == self.base {
                self.hasten(now);
            }
            Ignored::Duplicate
        };
        self.exchange.ignore(reason)
    }

    /// Rule S2: everything up to `block` has arrived; a full new window starts after it.
    fn advance<'b>(&mut self, now: Instant, block: u32) -> Event<'b> {
        // What was timed is the last block that was sent; an ACK of an earlier one says nothing of it.
        if block.wrapping_add(1) != self.next {
            self.exchange.time(now, false);
        }
        self.exchange.progress(now);
        self.base = block.wrapping_add(1);
        self.next = self.base;
        self.wary = self.hastened;
        self.hastened = false;
        self.asked = false;
        if self.ends(block) {
            self.exchange.close(Ok(()));
        } else if block > LAST_BLOCK {
            return self.exchange.fail(TransferError::TooLarge);
        }
        Event::Acknowledged {
            up_to: self.acknowledged(),
        }
    }

    /// Rule S5: the block before the window is acknowledged once more. In a window that may say that
    /// its first block is lost; once for each window it is taken so, and not before an answer to this
    /// sending can have come. In lockstep it is never taken so (RFC 1123 section 4.2.3.1).
    fn hasten(&mut self, now: Instant) {
        // Without a sample there is nothing to compare with; once a window is little all the same.
        let shortest = match self.exchange.rto.shortest() {
            u32::MAX => 0,
            micros => micros,
        };
        if self.exchange.options.windowsize() > 1
            && self.window_is_sent()
            && !self.hastened
            && !self.wary
            && self.window_at.until(now) >= shortest
        {
            self.hastened = true;
            self.exchange.hurry();
            self.next = self.base;
        }
    }

    /// What to do now. Call it again after each datagram that was sent.
    #[inline(never)]
    pub fn poll(&mut self, now: Instant) -> Output<'r> {
        if self.is_idle() && !self.exchange.is_over() {
            let due = self.exchange.deadline;
            if now < due {
                return Output::Wait(due);
            }
            self.on_timer(now);
        }
        if self.exchange.is_over() {
            let acknowledged = self.acknowledged();
            return self
                .exchange
                .finish(acknowledged, self.base.wrapping_sub(1));
        }
        Output::Transmit(self.transmit(now))
    }

    /// Nothing to send before an answer or the timer.
    fn is_idle(&self) -> bool {
        match self.stage {
            Stage::Opening | Stage::Reopening => false,
            Stage::Opened => true,
            Stage::Sending => self.window_is_sent(),
        }
    }

    fn window_is_sent(&self) -> bool {
        let window = u32::from(self.exchange.options.windowsize());
        self.next >= self.base.wrapping_add(window) || self.ends(self.next.wrapping_sub(1))
    }

    /// Whether `block` is the last one: the first that is shorter than a block.
    fn ends(&self, block: u32) -> bool {
        self.offset(block.wrapping_add(1)) > self.length
    }

    /// Where `block` starts, in octets.
    fn offset(&self, block: u32) -> u64 {
        u64::from(block.wrapping_sub(1)).wrapping_mul(u64::from(self.exchange.options.blksize()))
    }

    /// Octets that the peer has.
    fn acknowledged(&self) -> u64 {
        self.offset(self.base).min(self.length)
    }

    fn on_timer(&mut self, now: Instant) {
        let vanished = self.stage == Stage::Sending && self.base == 1;
        if !self.exchange.fire(now, self.silence(), vanished) {
            // The end.
        } else if self.stage == Stage::Opened {
            self.stage = Stage::Reopening;
        } else {
            // Rule S4: the peer counts on whole windows.
            self.next = self.base;
        }
    }

    /// What the peer's silence means: once the last block has been sent, it may well have arrived.
    fn silence(&self) -> TransferError {
        if self.stage == Stage::Sending && self.ends(self.sent) {
            TransferError::Unconfirmed
        } else {
            TransferError::TimedOut
        }
    }

    fn transmit(&mut self, now: Instant) -> Transmit<'r> {
        if self.stage == Stage::Sending {
            return self.transmit_block(now);
        }
        let again = self.stage == Stage::Reopening;
        self.stage = Stage::Opened;
        self.exchange.time(now, !again);
        self.exchange.arm(now, false, 0);
        let opcode = self.exchange.opening(wire::WRQ);
        self.exchange.transmit(again, opcode, 0, Span::NONE)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the smaller of the rest and a 16-bit block size"
    )]
    fn transmit_block(&mut self, now: Instant) -> Transmit<'r> {
        let block = self.next;
        let again = block <= self.sent;
        let offset = self.offset(block);
        let rest = self.length.saturating_sub(offset);
        let len = rest.min(u64::from(self.exchange.options.blksize())) as usize;
        if block == self.base {
            self.window_at = now.stamp();
        }
        self.sent = self.sent.max(block);
        self.next = block.wrapping_add(1);
        if self.window_is_sent() {
            self.exchange.time(now, !again);
            self.exchange.arm(now, false, 0);
        }
        let block = self.exchange.rollover.wire(block);
        self.exchange
            .transmit(again, wire::DATA, block, Span { offset, len })
    }

    /// Tells that the file has `length` octets: for a source whose length was not known, when it has
    /// come to its end. Drop the DATA packet that could not be filled: the next poll gives the last block
    /// as it is. A length beyond the known one changes nothing; one before what the peer has already
    /// acknowledged means that the file shrank, and ends the transfer.
    pub fn ends_at(&mut self, length: u64) {
        if self.exchange.is_over() || length > self.length {
            return;
        }
        if self.offset(self.base) > length {
            self.abort(ErrorCode::NOT_DEFINED);
            return;
        }
        self.length = length.min(UNKNOWN - 1);
        while self.offset(self.next) > self.length {
            self.next = self.next.wrapping_sub(1);
        }
        self.sent = self.sent.min(self.next.wrapping_sub(1));
    }

    /// Gives up with an ERROR to the peer, if it is known: the source failed, or the user wants no
    /// more. The first call counts.
    pub fn abort(&mut self, code: ErrorCode) {
        let _ = self.exchange.fail(TransferError::Local(code));
    }

    /// Whether the peer has acknowledged the whole file.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.exchange.has_succeeded()
    }

    /// When [`Self::poll`] wants to be called next: in the past if it has something to send, `None`
    /// once the transfer is over.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        if self.exchange.is_done() {
            None
        } else if self.exchange.is_over() || !self.is_idle() {
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

    /// How far the transfer has come: what the peer has acknowledged.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.exchange
            .summary(self.acknowledged(), self.base.wrapping_sub(1))
    }

    /// After a failure: whether the same request without options, from a new port, may do better
    /// (RFC 2347): the server refused it, or the full blocks that were agreed never arrived.
    #[must_use]
    pub const fn retry_without_options(&self) -> bool {
        self.exchange.retry_without_options()
    }
}

impl Sender<'static> {
    pub(crate) const fn exchange(&self) -> &Exchange<'static> {
        &self.exchange
    }

    pub(crate) const fn exchange_mut(&mut self) -> &mut Exchange<'static> {
        &mut self.exchange
    }

    /// Takes in the request that this transfer answers, when it has come once more from the same client. `true`:
    /// the client has started anew, and waits for another transfer than this one; `false`: it may be a late copy.
    ///
    /// Call it once for each such datagram, as it counts them. A client has started anew if it had acknowledged a
    /// block, has then been silent for a time-out, and asks for the second time in that silence. To take
    /// anything less for that would end the transfer of a client that is at work.
    #[must_use]
    pub const fn handle_repeated_request(&mut self) -> bool {
        let silent = self.base > 1 && self.exchange.is_unanswered();
        let again = self.asked;
        self.asked = silent;
        silent && again
    }

    /// A server that sends the file of a read request. The first poll gives the answer.
    #[must_use]
    pub fn accept(now: Instant, incoming: &Incoming<'_>, length: Length, limits: Config) -> Self {
        let length = length.octets();
        let tsize = (length != UNKNOWN).then_some(length);
        let exchange = Exchange::accept(now, incoming, Some(tsize), &limits);
        // Without an option to acknowledge, DATA 1 is the answer.
        let stage = if exchange.options.is_empty() {
            Stage::Sending
        } else {
            Stage::Opening
        };
        Self::new(exchange, stage, length)
    }
}
