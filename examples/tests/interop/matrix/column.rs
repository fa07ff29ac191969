//! A peer and a direction, and how the cases fare with it.

use core::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};
use std::{fs, path::Path, process::Command, sync::OnceLock};

use super::{
    case::{Case, Content},
    known::{self, Expected},
};
use crate::{
    clients::{Client, Direction, Unable},
    content::{netascii, sha256_of_file},
    exchange::{LIMIT, arrived},
    installed::Skipped,
    process::{Finished, run},
    servers::{Daemon, Server},
};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Column {
    pub(crate) client: Client,
    pub(crate) direction: Direction,
    pub(crate) server: Daemon,
}

/// What a case came to.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Works(&'static str),
    /// The peer does not do this, and why.
    NotApplicable(&'static str),
    Fails(String),
}

pub(crate) type Cells = Result<Vec<(Case, Cell)>, Skipped>;

impl Column {
    pub(crate) const ALL: [Self; 13] = [
        Self::ours(Direction::Get, Daemon::InTftpd),
        Self::ours(Direction::Put, Daemon::InTftpd),
        Self::ours(Direction::Get, Daemon::Atftpd),
        Self::ours(Direction::Put, Daemon::Atftpd),
        Self::ours(Direction::Get, Daemon::Dnsmasq),
        Self::theirs(Client::TftpHpa, Direction::Get),
        Self::theirs(Client::TftpHpa, Direction::Put),
        Self::theirs(Client::Atftp, Direction::Get),
        Self::theirs(Client::Atftp, Direction::Put),
        Self::theirs(Client::Curl, Direction::Get),
        Self::theirs(Client::Curl, Direction::Put),
        Self::theirs(Client::Busybox, Direction::Get),
        Self::theirs(Client::Busybox, Direction::Put),
    ];

    pub(crate) const fn ours(direction: Direction, server: Daemon) -> Self {
        Self {
            client: Client::Ours,
            direction,
            server,
        }
    }

    pub(crate) const fn theirs(client: Client, direction: Direction) -> Self {
        Self {
            client,
            direction,
            server: Daemon::Ours,
        }
    }

    pub(crate) fn title(self) -> String {
        let peer = match self.client {
            Client::Ours => self.server.name(),
            peer => peer.title(),
        };
        let verb = match self.direction {
            Direction::Get => "get",
            Direction::Put => "put",
        };
        format!("{peer} {verb}")
    }

    /// The cells from top to bottom. They are worked out once, whoever asks.
    pub(crate) fn cells(self) -> &'static Cells {
        static CELLS: [OnceLock<Cells>; Column::ALL.len()] =
            [const { OnceLock::new() }; Column::ALL.len()];
        let index = Self::ALL.iter().position(|column| *column == self);
        CELLS[index.unwrap()].get_or_init(|| self.run())
    }

    fn run(self) -> Cells {
        let mut servers: Vec<(IpAddr, Server)> = Vec::new();
        let mut cells = Vec::new();
        for case in Case::ALL {
            if !servers.iter().any(|(ip, _)| *ip == case.ip) {
                servers.push((case.ip, Server::start_on(self.server, case.ip, &[])?));
            }
            let (_, server) = servers.iter().find(|(ip, _)| *ip == case.ip).unwrap();
            cells.push((case, self.cell(case, server, server.addr)?));
        }
        Ok(cells)
    }
}

impl Column {
    /// Runs a case with the server, which the client reaches at the address.
    pub(crate) fn cell(
        self,
        case: Case,
        server: &Server,
        addr: SocketAddr,
    ) -> Result<Cell, Skipped> {
        match Transfer::new(self, case, server, addr) {
            Ok(transfer) => Ok(transfer.run()),
            Err(Unable::Lacks(reason)) => Ok(Cell::NotApplicable(reason)),
            Err(Unable::Skipped(skipped)) => Err(skipped),
        }
    }
}

/// A case with a peer, ready to run.
struct Transfer<'a> {
    column: Column,
    case: Case,
    server: &'a Server,
    /// Of the client's files.
    directory: tempfile::TempDir,
    expected: Expected,
    command: Command,
}

impl<'a> Transfer<'a> {
    fn new(
        column: Column,
        case: Case,
        server: &'a Server,
        addr: SocketAddr,
    ) -> Result<Self, Unable> {
        let directory = tempfile::tempdir().unwrap();
        let expected = known::expected(column, &case);
        let local = directory.path().join(case.local());
        let mut command =
            column
                .client
                .command(column.direction, addr, case.file, &local, case.ask)?;
        if column.client == Client::Curl && matches!(expected, Expected::Fails { .. }) {
            command.args(["--max-time", "3"]);
        }
        Ok(Self {
            column,
            case,
            server,
            directory,
            expected,
            command,
        })
    }

    fn run(self) -> Cell {
        let octets = self.case.content.octets();
        let wire = |octets: &[u8]| match self.expected {
            Expected::ArrivesOnTheWire(_) => netascii(octets),
            _ => octets.to_vec(),
        };
        let local = self.directory.path().join(self.case.local());
        let remote = self.server.path(self.case.file.trim_start_matches('/'));
        let (arrives, octets) = match self.column.direction {
            Direction::Get => {
                if self.case.content != Content::Missing {
                    fs::write(&remote, &octets).unwrap();
                }
                (local, wire(&octets))
            }
            Direction::Put => {
                fs::write(&local, wire(&octets)).unwrap();
                (remote, octets.into_owned())
            }
        };
        let finished = run(self.command, LIMIT);
        let verdict = match self.expected {
            Expected::Arrives(_) | Expected::ArrivesOnTheWire(_) => {
                arrived(self.column, &finished, &arrives, &octets)
                    .and_then(|()| agreed(self.column, &self.case, self.server, &finished))
            }
            Expected::Fails { codes, words, .. } => failed(&finished, &arrives, codes, words),
        };
        match (verdict, self.expected) {
            (Ok(()), Expected::Arrives(note) | Expected::ArrivesOnTheWire(note)) => {
                Cell::Works(note)
            }
            (Ok(()), Expected::Fails { reason: "", .. }) => {
                Cell::Works("fails with the right error")
            }
            (Ok(()), Expected::Fails { reason, .. }) => Cell::NotApplicable(reason),
            (Err(fault), _) => {
                let mut report = fault;
                let _ = write!(report, "\n  client: {finished:?}");
                let _ = write!(report, "\n  server: {}", self.server.log().tail());
                Cell::Fails(report)
            }
        }
    }
}

fn failed(finished: &Finished, file: &Path, codes: &[i32], words: &str) -> Result<(), String> {
    if !finished.code().is_some_and(|code| codes.contains(&code)) {
        return Err(format!("the exit code is none of {codes:?}"));
    }
    if !finished.output.contains(words) {
        return Err(format!("the client does not say {words:?}"));
    }
    match sha256_of_file(file) {
        // Some clients create the file before they ask.
        Ok((_, len)) if len > 0 => Err(format!("{len} octets have arrived")),
        _ => Ok(()),
    }
}

/// Our side says which options were in force.
fn agreed(column: Column, case: &Case, server: &Server, finished: &Finished) -> Result<(), String> {
    let Some((blksize, windowsize)) = known::agreed(column, case) else {
        return Ok(());
    };
    let (said, expected) = match column.client {
        Client::Ours => (
            finished.output.clone(),
            format!("blksize {blksize}, windowsize {windowsize},"),
        ),
        _ => (
            server.report(column.direction, case.file),
            format!("\"blksize\":{blksize},\"windowsize\":{windowsize},"),
        ),
    };
    if said.contains(&expected) {
        Ok(())
    } else {
        Err(format!("not in force: {expected}"))
    }
}
