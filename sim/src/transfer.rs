//! A machine with its file, watched at every call.

use core::net::SocketAddr;

use tftp_proto::{
    Config, ErrorCode, Event, Incoming, Instant, Negotiated, Output, Receiver, Request, Sender,
    Summary, TransferError, Transmit,
};

use crate::{
    Datagram, Ended, File, Rule, Sent, Sink,
    ledger::{Encoded, Ledger},
};

/// A [`Receiver`] or [`Sender`] with its file, which checks each promise of the machine at each call:
/// blocks follow each other and have the octets of the file, `Wait` is later than now, a stranger
/// changes nothing, nothing is sent without end, `Done` is for ever, success is true.
///
/// It reads no clock and does no I/O: drive it as the machine itself, from a test or a fuzzer.
#[derive(Clone, Debug)]
pub struct Transfer<'r> {
    machine: Machine<'r>,
    ledger: Ledger,
}

#[derive(Clone, Debug)]
enum Machine<'r> {
    Receiver(Receiver<'r>),
    Sender(Sender<'r>),
}

macro_rules! either {
    ($machine:expr, $inner:ident => $call:expr) => {
        match $machine {
            Machine::Receiver($inner) => $call,
            Machine::Sender($inner) => $call,
        }
    };
}

/// What a transfer wants done now: as [`Output`], the datagram encoded and its gap filled.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the cases are those of Output")]
pub enum Turn {
    /// Send these octets to this address, then poll again.
    Send(SocketAddr, Vec<u8>),
    /// Nothing to do before a datagram or this moment.
    Wait(Instant),
    /// The transfer is over.
    Done(Result<Summary, TransferError>),
}

impl Transfer<'static> {
    /// A server's end of a read request.
    #[must_use]
    pub fn accept_read(now: Instant, incoming: &Incoming<'_>, file: File, limits: Config) -> Self {
        let machine = Sender::accept(now, incoming, file.length(), limits);
        Self::sending(machine, file)
    }

    /// A server's end of a write request.
    #[must_use]
    pub fn accept_write(now: Instant, incoming: &Incoming<'_>, sink: Sink, limits: Config) -> Self {
        Self::receiving(Receiver::accept(now, incoming, limits), sink)
    }
}

impl<'r> Transfer<'r> {
    /// A client's end of a read request.
    #[must_use]
    pub fn read(
        now: Instant,
        server: SocketAddr,
        request: Request<'r>,
        sink: Sink,
        config: Config,
    ) -> Self {
        Self::receiving(Receiver::request(now, server, request, config), sink)
    }

    /// A client's end of a write request.
    #[must_use]
    pub fn write(
        now: Instant,
        server: SocketAddr,
        request: Request<'r>,
        file: File,
        config: Config,
    ) -> Self {
        let machine = Sender::request(now, server, request, file.length(), config);
        Self::sending(machine, file)
    }

    /// Watches a receiver that was made elsewhere.
    #[must_use]
    pub const fn receiving(machine: Receiver<'r>, sink: Sink) -> Self {
        Self {
            machine: Machine::Receiver(machine),
            ledger: Ledger::receiving(sink),
        }
    }

    /// Watches a sender that was made elsewhere, with the length that `file` tells or does not.
    #[must_use]
    pub const fn sending(machine: Sender<'r>, file: File) -> Self {
        Self {
            machine: Machine::Sender(machine),
            ledger: Ledger::sending(file),
        }
    }

    /// Hands the machine a datagram. A stray may get an answer, which goes straight to the wire.
    ///
    /// # Errors
    /// If the machine breaks a promise.
    pub fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<Option<Transmit<'static>>, Rule> {
        let before = self.facts();
        let event = either!(&mut self.machine, machine => machine.handle(now, from, datagram));
        self.ledger.event(&event)?;
        let Event::Stray(reply) = event else {
            return Ok(None);
        };
        if before != self.facts() || reply.is_some_and(|reply| reply.to != from) {
            return Err(Rule::Stray);
        }
        Ok(reply)
    }

    /// All that the machine tells of itself, save for the count of what it ignored.
    fn facts(&self) -> (Summary, SocketAddr, Option<Instant>, bool) {
        let mut summary = self.summary();
        summary.ignored = 0;
        (summary, self.peer(), self.poll_at(), self.is_complete())
    }

    /// Asks the machine what to do.
    ///
    /// # Errors
    /// If the machine breaks a promise.
    pub fn poll(&mut self, now: Instant) -> Result<Turn, Rule> {
        self.ledger.poll(now);
        let turn = loop {
            match either!(&mut self.machine, machine => machine.poll(now)) {
                Output::Transmit(transmit) => match self.encode(&transmit)? {
                    Encoded::Octets(octets) => break Turn::Send(transmit.to, octets),
                    Encoded::EndsAt(len) => {
                        if let Machine::Sender(sender) = &mut self.machine {
                            sender.ends_at(len);
                        }
                    }
                },
                Output::Wait(at) if at <= now => return Err(Rule::WaitNotLater { at }),
                Output::Wait(at) => break Turn::Wait(at),
                Output::Done(result) => {
                    self.ledger.end(now, result)?;
                    break Turn::Done(result);
                }
            }
        };
        if self.is_complete() {
            self.ledger.complete(now)?;
        }
        Ok(turn)
    }

    fn encode(&mut self, transmit: &Transmit<'_>) -> Result<Encoded, Rule> {
        let window = self.negotiated().windowsize;
        self.ledger.encode(transmit, window)
    }

    /// Gives up, as the machine's `abort`.
    pub fn abort(&mut self, code: ErrorCode) {
        either!(&mut self.machine, machine => machine.abort(code));
    }

    /// How far it has come.
    #[must_use]
    pub fn summary(&self) -> Summary {
        either!(&self.machine, machine => machine.summary())
    }

    /// The options as the machine has them now.
    #[must_use]
    pub fn negotiated(&self) -> Negotiated {
        either!(&self.machine, machine => machine.negotiated())
    }

    /// The peer's address as the machine has it now.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        either!(&self.machine, machine => machine.peer())
    }

    /// When the machine wants to be polled; `None` once it is done.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        either!(&self.machine, machine => machine.poll_at())
    }

    /// Whether the file is known to be complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        either!(&self.machine, machine => machine.is_complete())
    }

    /// Whether the same request without options may do better.
    #[must_use]
    pub const fn retry_without_options(&self) -> bool {
        either!(&self.machine, machine => machine.retry_without_options())
    }

    /// Result, moments and counts, once the machine is done.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ledger.ended()
    }

    /// Whether the machine is done.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.ledger.is_over()
    }

    /// What was sent so far.
    #[must_use]
    pub const fn sent(&self) -> Sent {
        self.ledger.sent()
    }

    /// What has arrived, if this is a receiver.
    #[must_use]
    pub const fn sink(&self) -> Option<&Sink> {
        self.ledger.sink()
    }
}

/// A datagram that leaves no gap.
pub(crate) fn wire_form(from: SocketAddr, transmit: &Transmit<'_>) -> Result<Datagram, Rule> {
    let mut payload = vec![0; transmit.encoded_len()];
    match transmit.encode(&mut payload) {
        Ok(None) => Ok(Datagram {
            from,
            to: transmit.to,
            payload,
        }),
        _ => Err(Rule::Encoding),
    }
}
