//! What a get and a put have in common.

use std::io;

use tftp_proto::{ErrorCode, Event, Summary, TransferError};

use super::{
    cancel::Cancel,
    error::Error,
    link::Link,
    progress::{Progress, Tell},
};

/// After so many reports that nobody listens at the server's port, the last server counts as absent. The
/// first ones are forgiven: it may be about to start.
const UNREACHABLE_LIMIT: u8 = 3;

/// One request to one server.
pub(super) struct Job<'j, 'c> {
    pub(super) link: &'j mut Link,
    /// There is no other server to turn to.
    pub(super) last_server: bool,
    /// The same server may be asked again for less.
    pub(super) restart: bool,
    pub(super) cancel: Option<&'j Cancel>,
    pub(super) progress: Option<&'j mut Tell<'c>>,
}

/// A failed request.
#[derive(Debug)]
pub(super) struct Failure<E> {
    pub(super) error: Error<E>,
    pub(super) next: Next,
}

/// What may do better.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Nothing: the failure is final.
    Nothing,
    /// Another server: this one does not answer.
    OtherServer,
    /// Another server, from the start of the file: this one has fallen silent.
    OtherServerAnew,
    /// The same request without options (RFC 2347).
    WithoutOptions,
    /// The same request with blocks that fit any path.
    SmallBlocks,
}

impl<E> Failure<E> {
    /// There is no socket for this server; there may be one for the next, in another address family.
    pub(super) const fn socket(error: io::Error) -> Self {
        Self {
            error: Error::Socket(error),
            next: Next::OtherServer,
        }
    }

    pub(super) const fn unreachable(error: io::Error) -> Self {
        Self {
            error: Error::Unreachable(error),
            next: Next::OtherServer,
        }
    }

    pub(super) const fn broken(error: io::Error) -> Self {
        Self {
            error: Error::Socket(error),
            next: Next::Nothing,
        }
    }
}

impl<E> Failure<E> {
    /// Whether the server has said so.
    pub(super) fn is_refused_with(&self, expected: ErrorCode) -> bool {
        matches!(&self.error, Error::Refused { code, .. } if *code == expected)
    }
}

/// The state of a transfer that the loop keeps beside the machine's.
#[derive(Debug)]
pub(super) struct Course<E> {
    /// Why it was aborted here, or what the server's ERROR said.
    pub(super) cause: Option<Error<E>>,
    /// The server has answered.
    pub(super) answered: bool,
    /// What the progress callback was told last.
    told: Option<(u64, bool)>,
}

impl<E> Course<E> {
    pub(super) const fn new() -> Self {
        Self {
            cause: None,
            answered: false,
            told: None,
        }
    }

    /// Gives up if nobody listens at the server's port.
    pub(super) fn check_reachable(&self, job: &mut Job<'_, '_>) -> Result<(), Failure<E>> {
        let limit = if job.last_server {
            UNREACHABLE_LIMIT
        } else {
            1
        };
        if self.answered || job.link.reports < limit {
            return Ok(());
        }
        let report = job.link.take_trouble();
        Err(Failure::unreachable(
            report.unwrap_or_else(|| io::ErrorKind::HostUnreachable.into()),
        ))
    }

    /// Takes in an event that has no data for the caller.
    pub(super) fn note(&mut self, job: &mut Job<'_, '_>, event: Event<'_>) {
        match event {
            Event::Error { code, message } => {
                self.answered = true;
                self.cause = Some(Error::Refused {
                    code,
                    message: message.to_string(),
                });
            }
            Event::Stray(Some(answer)) => job.link.send(&answer),
            Event::Stray(None) | Event::Ignored(_) => {}
            Event::Block(_)
            | Event::Acknowledged { .. }
            | Event::Negotiated(_)
            | Event::Failed(_) => self.answered = true,
        }
    }

    /// Whether the user wants no more, which is told once.
    pub(super) fn is_cancelled(&mut self, job: &Job<'_, '_>) -> bool {
        let cancelled = self.cause.is_none() && job.cancel.is_some_and(Cancel::is_cancelled);
        if cancelled {
            self.cause = Some(Error::Cancelled);
        }
        cancelled
    }

    /// Tells how far the transfer is, if that is news.
    pub(super) fn report(&mut self, job: &mut Job<'_, '_>, progress: impl FnOnce() -> Progress) {
        let Some(tell) = job.progress.as_mut() else {
            return;
        };
        let progress = progress();
        let news = (progress.bytes, progress.complete);
        if self.told != Some(news) {
            self.told = Some(news);
            tell(&progress);
        }
    }

    /// How it ended, as the caller is told.
    pub(super) fn conclude(
        self,
        job: &mut Job<'_, '_>,
        result: Result<Summary, TransferError>,
        plain_retry: bool,
    ) -> Result<Summary, Failure<E>> {
        let error = match result {
            Ok(summary) => return Ok(summary),
            Err(error) => error,
        };
        let next = match error {
            // All of it may have arrived: to send it again could meet the file that it has made.
            TransferError::Unconfirmed => Next::Nothing,
            TransferError::TimedOut if plain_retry && job.restart => Next::SmallBlocks,
            TransferError::TimedOut if !self.answered => Next::OtherServer,
            TransferError::TimedOut => Next::OtherServerAnew,
            _ if plain_retry && job.restart => Next::WithoutOptions,
            _ => Next::Nothing,
        };
        let error = match (self.cause, job.link.take_trouble()) {
            (Some(cause), _) => cause,
            // Silence has a reason if nothing could be sent.
            (None, Some(lost)) if error == TransferError::TimedOut => Error::Unreachable(lost),
            _ => Error::Transfer(error),
        };
        Err(Failure { error, next })
    }
}
