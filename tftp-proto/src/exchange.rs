//! What both machines share: the peer, the timer, the counters, the end.

use core::net::SocketAddr;

use crate::{
    Config, ErrorCode, Event, Ignored, Incoming, Instant, Mode, Output, Request, Rollover, Span,
    Summary, TransferError, Transmit,
    rto::Rto,
    time::{Stamp, micros},
    wire::{self, Frame, OptionSet, Options, Title},
};

/// One end of a transfer, whichever way the file goes.
///
/// The small fields come first: the short instructions of small processors reach them only there.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[repr(C)]
pub(crate) struct Exchange<'r> {
    /// A client's request without its options; `None` at a server.
    title: Option<Title<'r>>,
    pub(crate) rollover: Rollover,
    any_server: bool,
    /// Resends allowed in a row, and before the peer has proved its address.
    resends: u8,
    unproven: u8,
    /// The peer's port is known, and no other is listened to (RFC 1350 section 4).
    locked: bool,
    /// A packet came that only the peer could send.
    proven: bool,
    /// A stray has had its ERROR.
    scolded: bool,
    /// The request may be repeated without options.
    plain_retry: bool,
    /// The peer is owed an ERROR about the end.
    farewell: bool,
    /// Whether `timed` holds: Karn's rule takes no sample from what was sent twice.
    timing: bool,
    /// Resends since the last progress.
    tried: u8,
    /// The last progress was made without the timer's help.
    calm: bool,
    /// Set when the transfer is over; the peer may still have to be told.
    end: Option<Result<(), TransferError>>,
    retransmissions: u32,
    ignored: u32,
    pub(crate) rto: Rto,
    /// What was offered, later what was agreed.
    pub(crate) options: OptionSet,
    /// When the timer fires, `give_up` at the latest.
    pub(crate) deadline: Instant,
    /// When the whole transfer has taken too long.
    give_up: Instant,
    /// When the packet left whose answer is a sample.
    pub(crate) timed: Stamp,
    /// The peer; until `locked`, the address that was asked.
    peer: SocketAddr,
}

impl<'r> Exchange<'r> {
    /// An end of a transfer that has not begun.
    pub(crate) fn new(now: Instant, peer: SocketAddr, config: &Config) -> Self {
        Self {
            peer,
            title: None,
            options: OptionSet::NONE,
            rto: Rto::new(&config.retry, config.seed),
            deadline: now,
            give_up: match &config.retry.deadline {
                Some(span) => now.after(micros(span)),
                None => Instant::from_micros(u64::MAX),
            },
            timed: now.stamp(),
            retransmissions: 0,
            ignored: 0,
            end: None,
            farewell: false,
            resends: config.retry.resends,
            unproven: config.retry.resends,
            tried: 0,
            rollover: config.rollover,
            calm: true,
            timing: false,
            locked: false,
            proven: false,
            any_server: config.any_server,
            scolded: false,
            plain_retry: false,
        }
    }

    /// Makes it a client's end. `size` is what is said of the file's size, if its octets are not translated.
    pub(crate) fn ask(&mut self, request: &Request<'r>, size: Option<u64>, config: &Config) {
        let title = request.title();
        self.title = Some(title);
        let size = size.filter(|_| request.mode() == Mode::Octet);
        self.options.offer(config, size, title.request_len());
    }

    /// A server's end: the peer is known, and its options are settled. `tsize`: see [`OptionSet::agree`].
    #[inline(never)]
    pub(crate) fn accept(
        now: Instant,
        incoming: &Incoming<'_>,
        tsize: Option<Option<u64>>,
        limits: &Config,
    ) -> Self {
        let mut exchange = Self::new(now, incoming.from(), limits);
        exchange.options.agree(&incoming.request(), tsize, limits);
        exchange.locked = true;
        exchange.unproven = limits.retry.unproven;
        exchange.settle();
        exchange
    }

    pub(crate) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether the peer has sent something that only it could send.
    pub(crate) const fn is_proven(&self) -> bool {
        self.proven
    }

    /// Whether the timer has fired since the last progress.
    pub(crate) const fn is_unanswered(&self) -> bool {
        self.tried > 0
    }

    pub(crate) const fn retry_without_options(&self) -> bool {
        self.plain_retry
    }

    /// Whether this is a client's end.
    pub(crate) const fn is_client(&self) -> bool {
        self.title.is_some()
    }

    /// The options are agreed.
    fn settle(&mut self) {
        self.rto.agree(self.options.timeout_micros());
        if let Some(rollover) = self.options.rollover() {
            self.rollover = rollover;
        }
    }

    /// Of a request to read: the sender's way counts. That it was asked for and not acknowledged is the same as not
    /// asked for (RFC 2347): it shows itself.
    pub(crate) fn forget_rollover(&mut self) {
        if self.options.rollover().is_some() {
            self.rollover = Rollover::Zero;
        }
    }

    /// The server's first answer passes over the options: they count as never sent (RFC 2347).
    pub(crate) const fn settle_without_options(&mut self, from: SocketAddr) {
        self.lock(from);
        self.options.forget();
    }

    /// The server's first answer settles the options. `write`: of a request to write.
    #[inline(never)]
    pub(crate) fn on_oack<'b>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        body: &[u8],
        write: bool,
    ) -> Event<'b> {
        self.lock(from);
        if !self.options.accept(Options::pairs(body), write) {
            return self.fail(TransferError::OptionNegotiation);
        }
        self.progress(now);
        self.settle();
        self.accepted()
    }

    /// The event that tells the options.
    pub(crate) fn accepted<'b>(&self) -> Event<'b> {
        Event::Negotiated(self.options.negotiated(self.rollover))
    }

    /// Whether a datagram does not come from the peer. Until the server's port is known, any port of its
    /// host will do.
    #[inline(never)]
    pub(crate) fn is_stray(&self, from: &SocketAddr) -> bool {
        let same_host = match (&self.peer, from) {
            (SocketAddr::V4(peer), SocketAddr::V4(from)) => peer.ip() == from.ip(),
            (SocketAddr::V6(peer), SocketAddr::V6(from)) => {
                // The flow label is the sender's own choice for each direction (RFC 6437).
                peer.ip().to_bits() == from.ip().to_bits() && peer.scope_id() == from.scope_id()
            }
            _ => false,
        };
        if self.locked {
            !(same_host && self.peer.port() == from.port())
        } else {
            !(same_host || self.any_server)
        }
    }

    /// What becomes of a datagram that does not come from the peer.
    #[cold]
    #[inline(never)]
    pub(crate) fn scold<'b>(&mut self, from: SocketAddr, datagram: &[u8]) -> Event<'b> {
        self.count_ignored();
        // Before the peer is known nobody is told anything; an ERROR is never answered.
        let packet = matches!(datagram, [0, opcode, _, _, ..] if u16::from(*opcode) != wire::ERROR);
        if !self.locked || !packet || self.scolded {
            return Event::Stray(None);
        }
        self.scolded = true;
        Event::Stray(Some(Transmit::error(from, ErrorCode::UNKNOWN_TID)))
    }

    #[inline(never)]
    pub(crate) const fn ignore<'b>(&mut self, reason: Ignored) -> Event<'b> {
        self.count_ignored();
        Event::Ignored(reason)
    }

    /// After the end nothing counts: the result stays as it was told.
    const fn count_ignored(&mut self) {
        if self.end.is_none() {
            self.ignored = self.ignored.saturating_add(1);
        }
    }

    /// A client has its first valid answer: from now on only this address counts.
    pub(crate) const fn lock(&mut self, from: SocketAddr) {
        self.peer = from;
        self.locked = true;
    }

    /// The peer has shown that it goes on: the count of resends starts anew.
    #[inline(never)]
    pub(crate) fn progress(&mut self, now: Instant) {
        self.proven = true;
        self.tried = 0;
        if self.timing {
            self.timing = false;
            self.rto.sample(self.timed.until(now));
        } else if self.options.windowsize() > 1 {
            // Once is not enough: what answers a time-out that came too early looks the same.
            if self.calm {
                self.rto.recover();
            }
            self.calm = true;
        }
    }

    /// A packet leaves whose answer will be a sample if `first`.
    pub(crate) const fn time(&mut self, now: Instant, first: bool) {
        self.timed = now.stamp();
        self.timing = first;
    }

    /// A window is sent again, or is about to be, without the timer.
    pub(crate) const fn hurry(&mut self) {
        self.calm = false;
    }

    /// Starts the timer with the current time-out, half as long again for a receiver, so that both
    /// ends do not fire together; with `least` if that is longer.
    #[inline(never)]
    pub(crate) fn arm(&mut self, now: Instant, patient: bool, least: u32) {
        let interval = self.rto.interval();
        let more = if patient { interval >> 1 } else { 0 };
        self.wait(now, interval.wrapping_add(more).max(least));
    }

    /// Starts the timer, which fires no later than the whole transfer has taken too long.
    pub(crate) fn wait(&mut self, now: Instant, span: u32) {
        self.deadline = now.after(span.into()).min(self.give_up);
    }

    /// Counts a resend and backs off. `false`: there have been too many.
    pub(crate) fn expire(&mut self) -> bool {
        let limit = if self.proven {
            self.resends
        } else {
            self.unproven
        };
        if self.tried >= limit {
            return false;
        }
        self.tried = self.tried.saturating_add(1);
        self.timing = false;
        self.calm = false;
        self.rto.back_off();
        true
    }

    fn overdue(&self, now: Instant) -> bool {
        now >= self.give_up
    }

    /// Makes the datagram, counting it. What is not DATA has no span.
    #[inline(never)]
    pub(crate) const fn transmit(
        &mut self,
        again: bool,
        opcode: u16,
        number: u16,
        span: Span,
    ) -> Transmit<'r> {
        if again {
            self.retransmissions = self.retransmissions.saturating_add(1);
        }
        Transmit {
            to: self.peer,
            again,
            opcode,
            number,
            title: self.title,
            options: self.options,
            span,
        }
    }

    /// What the first packet is: the request, or a server's answer to one.
    pub(crate) const fn opening(&self, request: u16) -> u16 {
        if self.is_client() {
            request
        } else if self.options.is_empty() {
            wire::ACK
        } else {
            wire::OACK
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Over, and the peer has been told what it must be told.
    pub(crate) const fn is_done(&self) -> bool {
        self.end.is_some() && !self.farewell
    }

    pub(crate) const fn has_succeeded(&self) -> bool {
        matches!(self.end, Some(Ok(())))
    }

    pub(crate) const fn close(&mut self, end: Result<(), TransferError>) {
        if self.end.is_none() {
            self.end = Some(end);
        }
    }

    /// Ends the transfer for a reason found here, which the peer is told once if it is known.
    #[inline(never)]
    pub(crate) fn fail<'b>(&mut self, error: TransferError) -> Event<'b> {
        if self.end.is_none() {
            self.end = Some(Err(error));
            self.farewell = self.locked;
            self.plain_retry = matches!(error, TransferError::OptionNegotiation);
        }
        Event::Failed(error)
    }

    /// Ends the transfer because the peer says so with an ERROR. `declined`: after our OACK.
    #[inline(never)]
    pub(crate) fn refused<'b>(&mut self, error: &Frame<'b>, declined: bool) -> Event<'b> {
        let code = ErrorCode(error.number);
        if !self.locked {
            if self.any_server {
                return self.ignore(Ignored::Unexpected);
            }
            // RFC 2347: a server that stumbles over options may do without them.
            self.plain_retry = !self.options.is_empty() && matches!(code.0, 0 | 4 | 8);
        }
        self.close(Err(if declined {
            TransferError::Declined(code)
        } else {
            TransferError::Peer(code)
        }));
        Event::Error {
            code,
            message: error.message(),
        }
    }

    /// The timer has fired: backs off, or ends the transfer with `silence` if the peer has been silent for too
    /// long; `false` then. `vanished`: full blocks never arrived although the options were agreed, as on
    /// a path that drops fragments. What may have arrived is not sent anew.
    pub(crate) fn fire(&mut self, now: Instant, silence: TransferError, vanished: bool) -> bool {
        let overdue = self.overdue(now);
        if !overdue && self.expire() {
            return true;
        }
        self.plain_retry = vanished
            && !overdue
            && matches!(silence, TransferError::TimedOut)
            && self.options.blksize() > wire::DEFAULT_BLKSIZE;
        self.close(Err(silence));
        false
    }

    /// Once the transfer is over: the last words, if there are any, then the result.
    #[inline(never)]
    pub(crate) fn finish(&mut self, bytes: u64, blocks: u32) -> Output<'r> {
        if let Some(Err(error)) = self.end {
            if self.farewell {
                self.farewell = false;
                return Output::Transmit(self.transmit(
                    false,
                    wire::ERROR,
                    error.code().0,
                    Span::NONE,
                ));
            }
            return Output::Done(Err(error));
        }
        Output::Done(Ok(self.summary(bytes, blocks)))
    }

    pub(crate) fn summary(&self, bytes: u64, blocks: u32) -> Summary {
        Summary {
            bytes,
            blocks: u64::from(blocks),
            retransmissions: self.retransmissions,
            ignored: self.ignored,
            negotiated: self.options.negotiated(self.rollover),
        }
    }
}
