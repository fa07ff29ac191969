//! What the peers are known not to do. Each limit is tried: one that is gone fails a test, so that the list is true.

use super::{Case, Column, case::Content};
use crate::{
    clients::{Client, Direction},
    servers::Daemon,
};

/// What a transfer must come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expected {
    /// The file arrives, and this is to be known about it.
    Arrives(&'static str),
    /// The file arrives as its netascii form; or is stored from it.
    ArrivesOnTheWire(&'static str),
    /// The client ends with one of these exit codes or words, and no file arrives.
    Fails {
        reason: &'static str,
        codes: &'static [i32],
        words: &'static str,
    },
}

/// The expectation for a peer and a direction.
pub(crate) fn expected(column: Column, case: &Case) -> Expected {
    if case.content == Content::Missing {
        return missing(column);
    }
    match (column.client, column.server) {
        (Client::Curl, _) => curl(column.direction, case),
        (Client::Busybox, _) => busybox(case),
        (Client::Ours, server) => Expected::Arrives(server_limit(server, case)),
        _ => Expected::Arrives(""),
    }
}

fn server_limit(server: Daemon, case: &Case) -> &'static str {
    let windows = case.ask.options && case.ask.windowsize != Some(1);
    match (server, case.ask.blksize) {
        (Daemon::InTftpd | Daemon::Dnsmasq, _) if windows => "it has no windowsize: lockstep",
        (Daemon::Atftpd, Some(8)) => {
            "it refuses blocks shorter than its OACK: asked again without options"
        }
        (Daemon::Dnsmasq, Some(65464)) => "it agrees to 2263",
        _ => "",
    }
}

/// The block size and the window size that must be in force, if the case says what to ask for: what was asked for,
/// but for the limits above.
pub(crate) fn agreed(column: Column, case: &Case) -> Option<(u16, u16)> {
    if !case.ask.options {
        return Some((512, 1));
    }
    let (blksize, windowsize) = case.ask.blksize.zip(case.ask.windowsize)?;
    match (column.client, column.server) {
        (Client::Ours, Daemon::Atftpd) if blksize == 8 => Some((512, 1)),
        (Client::Ours, Daemon::Dnsmasq) => Some((blksize.min(2263), 1)),
        (Client::Ours, Daemon::InTftpd) => Some((blksize, 1)),
        _ => Some((blksize, windowsize)),
    }
}

/// The error must be told from others, and be the right one.
fn missing(column: Column) -> Expected {
    let fails = |codes, words| Expected::Fails {
        reason: "",
        codes,
        words,
    };
    match column.client {
        // 3 is "file not found", 4 "refused": atftpd calls a missing directory an access violation.
        Client::Ours if column.direction == Direction::Put => {
            fails(&[3, 4], "refused by the server")
        }
        Client::Ours => fails(&[3], "file not found"),
        Client::TftpHpa => fails(&[0], "Error code 1"),
        Client::Atftp => fails(&[255], "error received from server"),
        // CURLE_TFTP_NOTFOUND.
        Client::Curl => fails(&[68], ""),
        Client::Busybox => fails(&[1], "server error: (1)"),
    }
}

fn curl(direction: Direction, case: &Case) -> Expected {
    if case.ask.netascii {
        return Expected::ArrivesOnTheWire("curl leaves the line ends to the user");
    }
    if direction == Direction::Get && case.content == Content::Image(0) {
        return Expected::Fails {
            reason: "curl 7.88 takes `tsize` 0 for an error",
            // CURLE_TFTP_ILLEGAL, or it waits for ever.
            codes: &[71, 28],
            words: "",
        };
    }
    Expected::Arrives("")
}

fn busybox(case: &Case) -> Expected {
    if case.ask.blksize == Some(8) {
        return Expected::Fails {
            reason: "busybox takes no block size that its request does not fit into",
            codes: &[1],
            words: "bad blocksize",
        };
    }
    Expected::Arrives("")
}
