//! One line for each transfer. Whatever came over the network is escaped.

use core::{net::SocketAddr, time::Duration};
use std::{
    collections::HashMap,
    io::{self, IsTerminal as _},
    time::Instant,
};

use tftp_proto::{Direction, ErrorCode, TransferError};
use tftp_server::{Observer, Outcome, Report, TurnedAway};

use crate::options::LogFormat;

/// How often a reason for turning clients away is logged: anybody can make it happen.
const TURNED_AWAY_INTERVAL: Duration = Duration::from_secs(10);

pub(crate) fn start(format: LogFormat) {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        // It would be told on the standard error, which is what cannot be written: that ends the process.
        .log_internal_errors(false)
        .with_target(false);
    match format {
        LogFormat::Text => subscriber.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => subscriber
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .init(),
    }
}

/// Logs what it is told.
#[derive(Debug, Default)]
pub(crate) struct Log {
    turned_away: HashMap<TurnedAway, (Option<Instant>, u64)>,
}

impl Observer for Log {
    fn finished(&mut self, report: &Report<'_>) {
        let line = Line::new(&report.outcome);
        // As a string it is quoted, so that no name can look like another field.
        let name = report.name.to_string();
        macro_rules! transfer {
            ($level:ident) => {
                tracing::$level!(
                    peer = %report.peer,
                    local = %report.local,
                    op = match report.direction {
                        Direction::Read => "read",
                        Direction::Write => "write",
                    },
                    name = name.as_str(),
                    mode = report.mode.as_str(),
                    bytes = report.bytes,
                    blocks = report.blocks,
                    blksize = report.negotiated.map(|agreed| agreed.blksize),
                    windowsize = report.negotiated.map(|agreed| agreed.windowsize),
                    retransmissions = report.retransmissions,
                    ignored = report.ignored,
                    duration_us = report.duration.as_micros(),
                    outcome = line.outcome,
                    code = line.code.map(|code| code.0),
                    cause = line.cause.as_deref(),
                    "transfer"
                )
            };
        }
        if line.is_failure {
            transfer!(warn);
        } else {
            transfer!(info);
        }
    }

    fn turned_away(&mut self, peer: SocketAddr, reason: TurnedAway) {
        if reason == TurnedAway::NotARequest {
            // Late packets of transfers that are over arrive all the time.
            tracing::debug!(%peer, "not a request");
            return;
        }
        let (logged, unlogged) = self.turned_away.entry(reason).or_default();
        if logged.is_some_and(|logged| logged.elapsed() < TURNED_AWAY_INTERVAL) {
            *unlogged = unlogged.saturating_add(1);
            return;
        }
        tracing::warn!(%peer, ?reason, unlogged, "turned away");
        (*logged, *unlogged) = (Some(Instant::now()), 0);
    }
}

/// What a line says of the outcome.
struct Line {
    outcome: &'static str,
    code: Option<ErrorCode>,
    cause: Option<String>,
    is_failure: bool,
}

impl Line {
    fn new(outcome: &Outcome<'_>) -> Self {
        let line = |outcome, is_failure| Self {
            outcome,
            code: None,
            cause: None,
            is_failure,
        };
        match outcome {
            Outcome::Complete => line("complete", false),
            Outcome::Declined(code) => Self {
                code: Some(*code),
                ..line("declined", false)
            },
            Outcome::Unconfirmed => line("unconfirmed", false),
            // A file that is missing is usual: phones and boot ROMs ask for a list of names.
            Outcome::Refused(error) => Self {
                code: Some(error.code()),
                cause: Some(
                    error
                        .cause()
                        .map_or_else(|| error.code().to_string(), ToString::to_string),
                ),
                ..line("refused", error.code() != ErrorCode::FILE_NOT_FOUND)
            },
            Outcome::Failed {
                error,
                cause,
                message,
            } => Self {
                code: code_of(*error),
                cause: Some(match cause {
                    Some(cause) => cause.to_string(),
                    None if message.0.is_empty() => error.to_string(),
                    None => format!("{error}: {message}"),
                }),
                ..line("failed", true)
            },
            Outcome::Replaced => line("replaced", false),
            Outcome::Evicted => line("evicted", true),
            Outcome::Unanswered => line("unanswered", true),
            Outcome::TooSlow => line("too slow", true),
            Outcome::Stopped => line("stopped", true),
            _ => line("other", true),
        }
    }
}

const fn code_of(error: TransferError) -> Option<ErrorCode> {
    match error {
        TransferError::Local(code) | TransferError::Peer(code) | TransferError::Declined(code) => {
            Some(code)
        }
        _ => None,
    }
}
