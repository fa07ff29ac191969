//! A file from a source to a server.

use core::net::SocketAddr;

use tftp_proto::{
    Config, ErrorCode, Event, Instant, Length, Output, Request, Sender, Span, Summary,
    TransferError, Transmit,
};

use super::{
    batch::Batch,
    error::Error,
    link::INBOX_LEN,
    progress::Progress,
    transfer::{Course, Failure, Job, Next},
};
use crate::Source;

/// Offers `server` a file.
pub(super) fn run<S: Source>(
    job: &mut Job<'_, '_>,
    server: SocketAddr,
    request: Request<'_>,
    config: Config,
    source: &mut S,
) -> Result<Summary, Failure<S::Error>> {
    let length = source.length().map_err(|error| Failure {
        error: Error::Store(error),
        next: Next::Nothing,
    })?;
    let mut upload = Upload {
        sender: Sender::request(job.link.now(), server, request, length, config),
        source,
        length,
        sent: 0,
        course: Course::new(),
        batch: Batch::new(job.link.max_segments()),
    };
    let mut inbox = vec![0; INBOX_LEN];
    loop {
        let at = match upload.send(job) {
            Ok(at) => at,
            Err(result) => {
                upload.report(job);
                let plain_retry = upload.sender.retry_without_options();
                return upload.course.conclude(job, result, plain_retry);
            }
        };
        upload.report(job);
        upload.course.check_reachable(job)?;
        if upload.course.is_cancelled(job) {
            upload.sender.abort(ErrorCode::NOT_DEFINED);
            continue;
        }
        let left = at.saturating_since(job.link.now());
        let mut arrival = job.link.recv(&mut inbox, left).map_err(Failure::broken)?;
        while let Some(arrived) = arrival {
            let now = job.link.now();
            for datagram in arrived.datagrams(&inbox) {
                upload.take(job, now, arrived.from, datagram);
            }
            // The highest of all ACKs that are there counts: what it confirms need not be sent again.
            arrival = if upload.sender.summary().bytes < upload.sent {
                job.link.recv_now(&mut inbox).map_err(Failure::broken)?
            } else {
                None
            };
        }
    }
}

struct Upload<'u, S: Source> {
    sender: Sender<'u>,
    source: &'u mut S,
    length: Length,
    /// How far into the file blocks have been sent.
    sent: u64,
    course: Course<S::Error>,
    batch: Batch,
}

impl<S: Source> Upload<'_, S> {
    /// Sends what is due. Gives the moment to wait for, or how the transfer ended.
    fn send(&mut self, job: &mut Job<'_, '_>) -> Result<Instant, Result<Summary, TransferError>> {
        loop {
            match self.sender.poll(job.link.now()) {
                Output::Transmit(transmit) => match transmit.span() {
                    Some(span) => self.add(job, &transmit, span),
                    None => {
                        job.link.send_batch(&mut self.batch);
                        job.link.send(&transmit);
                    }
                },
                Output::Wait(at) => {
                    job.link.send_batch(&mut self.batch);
                    return Ok(at);
                }
                Output::Done(result) => return Err(result),
            }
        }
    }

    /// Puts a block with the bytes it carries to the others.
    fn add(&mut self, job: &mut Job<'_, '_>, transmit: &Transmit<'_>, span: Span) {
        if !self.batch.accepts(transmit) {
            job.link.send_batch(&mut self.batch);
        }
        let Some(gap) = self.batch.encode(transmit) else {
            return;
        };
        match self.source.read_at(span.offset, gap.buf) {
            Ok(len) if len == span.len => {
                self.batch.keep(transmit);
                self.sent = self.sent.max(span.offset.saturating_add(len as u64));
            }
            Ok(len) => {
                let end = span.offset.saturating_add(len as u64);
                match self.length {
                    Length::Unknown => self.sender.ends_at(end),
                    // The server was told another size, or the file changes while it is read.
                    Length::Known(expected) => {
                        self.sender.abort(ErrorCode::NOT_DEFINED);
                        self.course.cause = Some(Error::Shrunk {
                            expected,
                            found: end,
                        });
                    }
                }
            }
            Err(error) => {
                self.sender.abort(S::code(&error));
                // A source that waits for input ends the wait with an error when it hears of it.
                if !self.course.is_cancelled(job) {
                    self.course.cause = Some(Error::Store(error));
                }
            }
        }
    }

    fn take(&mut self, job: &mut Job<'_, '_>, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let event = self.sender.handle(now, from, datagram);
        if let Event::Acknowledged { up_to } = event {
            self.source.release(up_to);
        }
        self.course.note(job, event);
    }

    fn report(&mut self, job: &mut Job<'_, '_>) {
        let (sender, length) = (&self.sender, self.length);
        self.course.report(job, || Progress {
            server: sender.peer(),
            bytes: sender.summary().bytes,
            size: match length {
                Length::Known(octets) => Some(octets),
                Length::Unknown => None,
            },
            complete: sender.is_complete(),
        });
    }
}
