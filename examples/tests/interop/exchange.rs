//! One transfer between a client and a server, compared by its digest.

use core::{fmt::Debug, net::SocketAddr, time::Duration};
use std::{fs, os::fd::OwnedFd, path::Path, process::Command, thread, time::Instant};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::Errno,
};
use tempfile::TempDir;

use crate::{
    clients::{Ask, Direction, Unable},
    content::{sha256, sha256_of_file},
    installed::Skipped,
    matrix::Column,
    process::{Finished, run},
    servers::{Daemon, Server},
};

/// For one transfer, 40 MiB in lockstep beside others on a busy machine included.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);
/// How long a server that acknowledges before it has stored may take to store.
const STORING: Duration = Duration::from_secs(5);

/// A transfer of octets that is yet to run.
pub(crate) struct Exchange {
    pub(crate) column: Column,
    pub(crate) octets: Vec<u8>,
    pub(crate) ask: Ask,
}

impl Exchange {
    /// Runs it with the server, which the client reaches at the address, and says what the client has said.
    ///
    /// # Panics
    ///
    /// If the file does not arrive as it is.
    pub(crate) fn run(&self, server: &Server, addr: SocketAddr) -> Result<Finished, Skipped> {
        let (command, directory) = self.command(server, addr)?;
        let finished = run(command, LIMIT);
        let arrives = match self.column.direction {
            Direction::Get => directory.path().join(NAME),
            Direction::Put => server.path(NAME),
        };
        self.check(&finished, &arrives, server);
        Ok(finished)
    }

    /// # Panics
    ///
    /// If the client does not say that it has succeeded, or the file is not as it was.
    pub(crate) fn check(&self, finished: &Finished, file: &Path, server: &Server) {
        if let Err(fault) = arrived(self.column, finished, file, &self.octets) {
            panic!(
                "{}: {fault}\n  client: {finished:?}\n  server: {}",
                self.column.title(),
                server.log().tail()
            );
        }
    }

    /// The client's command and the directory of its file, which has the octets if they are to be put.
    pub(crate) fn command(
        &self,
        server: &Server,
        addr: SocketAddr,
    ) -> Result<(Command, TempDir), Skipped> {
        let directory = tempfile::tempdir().unwrap();
        let local = directory.path().join(NAME);
        let from = match self.column.direction {
            Direction::Get => &server.path(NAME),
            Direction::Put => &local,
        };
        fs::write(from, &self.octets).unwrap();
        let command =
            self.column
                .client
                .command(self.column.direction, addr, NAME, &local, self.ask);
        let command = command.map_err(Unable::skipped)?;
        Ok((command, directory))
    }
}

/// The file on both sides.
pub(crate) const NAME: &str = "image";

/// The client says that it has succeeded, and the octets are there.
pub(crate) fn arrived(
    column: Column,
    finished: &Finished,
    file: &Path,
    octets: &[u8],
) -> Result<(), String> {
    if finished.code() != Some(0) {
        return Err("the client has failed".to_owned());
    }
    let patience = match (column.direction, column.server) {
        (Direction::Put, Daemon::InTftpd | Daemon::Atftpd) => STORING,
        // The last ACK of our server means that the file is stored.
        _ => Duration::ZERO,
    };
    let sent = sha256(octets);
    let deadline = Instant::now() + patience;
    // Made before the first look, so that what changes after it is told.
    let changes = (!patience.is_zero()).then(|| Changes::of(file.parent().unwrap()));
    loop {
        let found = sha256_of_file(file);
        match &found {
            Ok((digest, _)) if *digest == sent => return Ok(()),
            _ if changes
                .as_ref()
                .is_some_and(|changes| changes.before(deadline)) => {}
            Ok((_, len)) => {
                let sent = octets.len();
                return Err(format!("{len} octets, or others, in place of {sent}"));
            }
            Err(error) => return Err(format!("no file: {error}")),
        }
    }
}

/// What happens to the files of a directory.
struct Changes(OwnedFd);

impl Changes {
    fn of(directory: &Path) -> Self {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        let events = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::MOVED_TO;
        inotify::add_watch(&queue, directory, events).unwrap();
        Self(queue)
    }

    /// Waits for something to happen; `false`: nothing has by then.
    fn before(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let timeout = Timespec::try_from(left).unwrap();
        let mut queue = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut queue, Some(&timeout)) {
            Ok(0) => return false,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => panic!("{error}"),
        }
        // What has happened is looked at; only that something has counts.
        while rustix::io::read(&self.0, &mut [0; 4096]).is_ok_and(|len| len > 0) {}
        true
    }
}

/// Checks the peers beside each other, because most of the time is spent waiting for their timers.
pub(crate) fn for_each<P: Copy + Debug + Send>(
    peers: impl IntoIterator<Item = P>,
    check: impl Fn(P) -> Result<(), Skipped> + Sync,
) {
    let check = &check;
    let failed: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = peers
            .into_iter()
            .map(|peer| (peer, scope.spawn(move || check(peer))))
            .collect();
        running
            .into_iter()
            .filter_map(|(peer, thread)| match thread.join() {
                Ok(Ok(())) => None,
                Ok(Err(skipped)) => {
                    skipped.report();
                    None
                }
                // It has said why.
                Err(_) => Some(peer),
            })
            .collect()
    });
    assert!(failed.is_empty(), "failed: {failed:?}");
}
