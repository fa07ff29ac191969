//! A file from a server to a sink.

use core::net::SocketAddr;
use std::io;

use tftp_proto::{Block, Config, ErrorCode, Event, Output, Receiver, Request, Summary};

use super::{
    error::Error,
    link::{INBOX_LEN, Link},
    progress::Progress,
    transfer::{Course, Failure, Job, Next},
};
use crate::Sink;

/// Asks `server` for a file.
pub(super) fn run<S: Sink>(
    job: &mut Job<'_, '_>,
    server: SocketAddr,
    request: Request<'_>,
    mut config: Config,
    sink: &mut S,
) -> Result<Summary, Failure<S::Error>> {
    config.windowsize = window_that_fits(job.link, &config).map_err(Failure::broken)?;
    let mut receiver = Receiver::request(job.link.now(), server, request, config);
    let mut course = Course::new();
    let mut inbox = vec![0; INBOX_LEN];
    let mut now = job.link.now();
    loop {
        let at = match receiver.poll(now) {
            Output::Transmit(transmit) => {
                job.link.send(&transmit);
                continue;
            }
            Output::Wait(at) => at,
            Output::Done(result) => {
                course.report(job, || progress(&receiver));
                let stored = receiver.summary().bytes;
                return course
                    .conclude(job, result, receiver.retry_without_options())
                    .map_err(|failure| start_anew(failure, job.last_server, sink, stored));
            }
        };
        course.report(job, || progress(&receiver));
        course.check_reachable(job)?;
        if course.is_cancelled(job) {
            receiver.abort(ErrorCode::NOT_DEFINED);
            continue;
        }
        let left = at.saturating_since(now);
        let arrival = job.link.recv(&mut inbox, left).map_err(Failure::broken)?;
        now = job.link.now();
        let Some(arrival) = arrival else { continue };
        for datagram in arrival.datagrams(&inbox) {
            let event = receiver.handle(now, arrival.from, datagram);
            if let Event::Block(block) = event {
                course.answered = true;
                if let Err(error) = store(sink, block) {
                    receiver.abort(S::code(&error));
                    course.cause = Some(Error::Store(error));
                }
                if block.last {
                    // To commit a file takes its time.
                    now = job.link.now();
                }
            } else {
                course.note(job, event);
            }
            // The server waits for the ACK of a window, so that leaves before anything else is done.
            while let Output::Transmit(transmit) = receiver.poll(now) {
                job.link.send(&transmit);
            }
        }
        // To store a window may have taken its time, too.
        now = job.link.now();
    }
}

/// Readies the sink for the next server if this one has died in the middle.
fn start_anew<S: Sink>(
    failure: Failure<S::Error>,
    last_server: bool,
    sink: &mut S,
    stored: u64,
) -> Failure<S::Error> {
    let Failure { error, next } = failure;
    let gave_up = stored > 0 && matches!(error, Error::Refused { .. });
    if last_server || !(gave_up || next == Next::OtherServerAnew) {
        return Failure { error, next };
    }
    let restarted = if stored > 0 {
        sink.restart(stored)
    } else {
        Ok(true)
    };
    let (error, next) = match restarted {
        Ok(true) => (error, Next::OtherServer),
        Ok(false) => (error, Next::Nothing),
        Err(error) => (Error::Store(error), Next::Nothing),
    };
    Failure { error, next }
}

/// Stores a block; when this returns it may be acknowledged.
fn store<S: Sink>(sink: &mut S, block: Block<'_>) -> Result<(), S::Error> {
    sink.write(block.payload)?;
    if block.last { sink.commit() } else { Ok(()) }
}

fn progress(receiver: &Receiver<'_>) -> Progress {
    let summary = receiver.summary();
    Progress {
        server: receiver.peer(),
        bytes: summary.bytes,
        size: summary.negotiated.tsize,
        complete: receiver.is_complete(),
    }
}

/// Lowers the window size to what the socket can hold: blocks that find no room are lost, and a window
/// that never fits is never received.
fn window_that_fits(link: &Link, config: &Config) -> io::Result<u16> {
    if config.windowsize <= 1 {
        return Ok(config.windowsize);
    }
    let block = buffered_len(config.blksize);
    // Twice the window: its repetition may arrive while it is still there.
    let room = link.make_room(
        block
            .saturating_mul(usize::from(config.windowsize))
            .saturating_mul(2),
    )?;
    let fits = u16::try_from(room.checked_div(block).unwrap_or(1)).unwrap_or(u16::MAX);
    Ok(config.windowsize.min(fits.max(1)))
}

/// What a block of this size occupies in a receive buffer, on the cautious side: systems count the
/// memory that a datagram takes, not its octets.
fn buffered_len(blksize: u16) -> usize {
    const OVERHEAD: usize = 1024;
    let octets = usize::from(blksize).saturating_add(OVERHEAD);
    if octets <= 4096 {
        octets.next_power_of_two()
    } else {
        octets.next_multiple_of(4096)
    }
}
