//! One transfer: the machine that speaks, and the file that it speaks about.

use core::{fmt, net::SocketAddr};
use std::{
    collections::VecDeque,
    io::{self, IoSlice},
};

use tftp_proto::{
    ErrorCode, Event, Instant, Output, Receiver, Sender, Summary, TransferError, Transmit,
};

use super::lead::Lead;
use crate::{ContentError, Sink, Source};

/// Octets kept of what a client says when it gives up.
const LONGEST_MESSAGE: usize = 128;

/// Either machine, by the verbs that both have.
#[derive(Debug)]
pub(crate) enum Machine {
    Sender(Sender<'static>),
    Receiver(Receiver<'static>),
}

impl Machine {
    fn poll(&mut self, now: Instant) -> Output<'static> {
        match self {
            Self::Sender(sender) => sender.poll(now),
            Self::Receiver(receiver) => receiver.poll(now),
        }
    }

    fn handle<'b>(&mut self, now: Instant, from: SocketAddr, datagram: &'b [u8]) -> Event<'b> {
        match self {
            Self::Sender(sender) => sender.handle(now, from, datagram),
            Self::Receiver(receiver) => receiver.handle(now, from, datagram),
        }
    }

    pub(crate) fn abort(&mut self, code: ErrorCode) {
        match self {
            Self::Sender(sender) => sender.abort(code),
            Self::Receiver(receiver) => receiver.abort(code),
        }
    }

    /// Takes note that the client has asked again. `true`: it has started anew, and what came is no copy of its
    /// request.
    pub(crate) const fn handle_repeated_request(&mut self) -> bool {
        match self {
            Self::Sender(sender) => sender.handle_repeated_request(),
            Self::Receiver(_) => false,
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        match self {
            Self::Sender(sender) => sender.summary(),
            Self::Receiver(receiver) => receiver.summary(),
        }
    }
}

/// The file of a transfer.
pub(crate) enum File {
    Source(Box<dyn Source>),
    Sink(Box<dyn Sink>),
    /// A sink that is being committed, or that was given up.
    Gone,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source(_) => "Source",
            Self::Sink(_) => "Sink",
            Self::Gone => "Gone",
        })
    }
}

/// A machine with its file, and what is left to be sent.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) machine: Machine,
    pub(crate) file: File,
    /// The client has answered, so its address is not forged.
    pub(crate) proven: bool,
    /// Octets of the file that the client has acknowledged.
    pub(crate) released: u64,
    /// Octets that may be sent before the client has answered.
    allowance: u64,
    /// What the allowance did not suffice for.
    pub(crate) owed: Option<Transmit<'static>>,
    /// What the socket had no room for.
    pub(crate) blocked: VecDeque<Transmit<'static>>,
    pub(crate) lead: Lead,
    /// Runs of DATA may be handed over as one large datagram for the kernel to cut.
    pub(crate) segmentation: bool,
    /// The last block has arrived, and nothing has been committed.
    complete: bool,
    /// What the client is told with an ERROR that has no code of its own.
    pub(crate) farewell: Option<&'static str>,
    /// What went wrong with the file.
    pub(crate) cause: Option<ContentError>,
    /// What the client said when it gave up.
    pub(crate) message: Box<[u8]>,
}

impl Transfer {
    pub(crate) fn new(machine: Machine, file: File) -> Self {
        Self {
            machine,
            file,
            proven: false,
            released: 0,
            allowance: 0,
            owed: None,
            blocked: VecDeque::new(),
            lead: Lead::default(),
            segmentation: true,
            complete: false,
            farewell: None,
            cause: None,
            message: Box::default(),
        }
    }

    /// Allows `octets` more to be sent before the client has answered.
    pub(crate) const fn allow(&mut self, octets: u64) {
        self.allowance = self.allowance.saturating_add(octets);
    }

    /// Whether `octets` may be sent, which is then counted.
    pub(crate) const fn affords(&mut self, octets: usize) -> bool {
        if self.proven {
            return true;
        }
        match self.allowance.checked_sub(octets as u64) {
            Some(rest) => {
                self.allowance = rest;
                true
            }
            None => false,
        }
    }

    /// What to do next: first what there was no room for, unless the client has it by now.
    pub(crate) fn next_output(&mut self, now: Instant) -> Output<'static> {
        while let Some(transmit) = self.blocked.pop_front() {
            if transmit
                .span()
                .is_none_or(|span| span.offset >= self.released)
            {
                return Output::Transmit(transmit);
            }
        }
        self.machine.poll(now)
    }

    /// Takes in a datagram. What it brings of the file is added to `pieces`, which are to be
    /// [stored](Self::store): before the next poll if the file is [complete](Self::is_complete) with them. An answer to a
    /// stranger is returned.
    pub(crate) fn take<'b>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &'b [u8],
        pieces: &mut Vec<IoSlice<'b>>,
    ) -> Option<Transmit<'static>> {
        match self.machine.handle(now, from, datagram) {
            Event::Block(block) => {
                self.proven = true;
                self.complete = block.last;
                if !block.payload.is_empty() {
                    pieces.push(IoSlice::new(block.payload));
                }
            }
            Event::Acknowledged { up_to } => {
                self.proven = true;
                self.released = up_to;
                if let File::Source(source) = &mut self.file {
                    source.release(up_to);
                }
            }
            Event::Error { message, .. } => {
                self.message = message.0.iter().copied().take(LONGEST_MESSAGE).collect();
            }
            Event::Stray(answer) => return answer,
            Event::Failed(TransferError::Truncated) => {
                self.farewell = Some("the file ended before its announced size");
            }
            Event::Negotiated(_) | Event::Failed(_) | Event::Ignored(_) => {}
        }
        None
    }

    /// Writes what has arrived.
    pub(crate) fn store(&mut self, pieces: &mut Vec<IoSlice<'_>>) {
        if !pieces.is_empty()
            && let File::Sink(sink) = &mut self.file
            && let Err(error) = sink.write_vectored(pieces)
        {
            self.fail(error);
        }
        pieces.clear();
    }

    /// Whether the last block has come and is not [taken](Self::take_complete) to be committed.
    pub(crate) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// The sink, if the whole file is in it: it must be committed before the machine is polled.
    pub(crate) fn take_complete(&mut self) -> Option<Box<dyn Sink>> {
        if !core::mem::take(&mut self.complete) {
            return None;
        }
        match core::mem::replace(&mut self.file, File::Gone) {
            File::Sink(sink) => Some(sink),
            file => {
                self.file = file;
                None
            }
        }
    }

    /// Ends the transfer because of the file.
    pub(crate) fn fail(&mut self, error: ContentError) {
        self.machine.abort(error.code());
        let kind = error.cause().map(io::Error::kind);
        if kind == Some(io::ErrorKind::UnexpectedEof) {
            self.farewell = Some("the file has become shorter");
        }
        self.cause = Some(error);
        self.complete = false;
        if matches!(self.file, File::Sink(_)) {
            self.file = File::Gone;
        }
    }

    /// The whole file was received and stored, and the client was told.
    pub(crate) fn is_received(&self) -> bool {
        matches!(&self.machine, Machine::Receiver(receiver) if receiver.is_complete())
    }
}
