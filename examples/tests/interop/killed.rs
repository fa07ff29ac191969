//! Programs that end in the middle of a transfer (F30): the old file stays, and nothing else does.

use std::{fs, path::Path, sync::mpsc};

use rustix::process::Signal;

use crate::{
    clients::{Ask, Client, Direction, Unable},
    content::image,
    exchange::{LIMIT, for_each},
    installed::Skipped,
    matrix::Column,
    process::{Finished, Process},
    relay::{DATA, Fate, Frame, Relay},
    servers::{Daemon, Server},
};

const OLD: &[u8] = b"the old file";

/// A rule that says when DATA 50 has come, and holds the transfer there.
fn held() -> (impl FnMut(&Frame) -> Fate + Send, mpsc::Receiver<()>) {
    let (told, reached) = mpsc::channel();
    let rule = move |frame: &Frame| {
        if frame.opcode() == DATA && frame.block() >= 50 {
            let _ = told.send(());
            return Fate::Lose;
        }
        Fate::Pass
    };
    (rule, reached)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect()
}

#[test]
fn clients_killed_while_they_put_leave_the_old_file() {
    for_each(Client::FOREIGN, |client| {
        let server = Server::start_on(Daemon::Ours, [127, 0, 0, 1].into(), &["--overwrite"])?;
        fs::write(server.path("config"), OLD).unwrap();
        let (rule, reached) = held();
        let relay = Relay::start(server.addr, rule);
        let directory = tempfile::tempdir().unwrap();
        let local = directory.path().join("new");
        fs::write(&local, image(100_000)).unwrap();
        let command = client.command(Direction::Put, relay.addr, "config", &local, Ask::LOCKSTEP);
        let process = Process::start(command.map_err(Unable::skipped)?);
        reached.recv_timeout(LIMIT).unwrap();
        drop(process);
        assert_eq!(fs::read(server.path("config")).unwrap(), OLD, "{client:?}");
        // Whatever the server does about the upload, it is done when the server has ended.
        let root = server.stop();
        assert_eq!(
            fs::read(root.path().join("config")).unwrap(),
            OLD,
            "{client:?}"
        );
        assert_eq!(names(root.path()), ["config"], "{client:?}");
        Ok(())
    });
}

/// Our client gets a file over an old one, is held in the middle, and something happens. It goes on waiting for a second.
fn interrupted(daemon: Daemon, happens: impl Fn(&Process, &Server)) -> Result<Finished, Skipped> {
    let server = Server::start(daemon)?;
    fs::write(server.path("image"), image(100_000)).unwrap();
    let (rule, reached) = held();
    let relay = Relay::start(server.addr, rule);
    let directory = tempfile::tempdir().unwrap();
    let local = directory.path().join("old");
    fs::write(&local, OLD).unwrap();
    let ask = Ask {
        timeout: Some(1),
        ..Ask::LOCKSTEP
    };
    let command = Client::Ours.command(Direction::Get, relay.addr, "image", &local, ask);
    let mut command = command.map_err(Unable::skipped)?;
    command.args(["--retries", "1"]);
    let process = Process::start(command);
    reached.recv_timeout(LIMIT).unwrap();
    happens(&process, &server);
    let finished = process.finish(LIMIT);
    let title = Column::ours(Direction::Get, daemon).title();
    assert_eq!(fs::read(&local).unwrap(), OLD, "{title}: {finished:?}");
    assert_eq!(names(directory.path()), ["old"], "{title}: {finished:?}");
    Ok(finished)
}

#[test]
fn servers_killed_while_our_client_gets_leave_the_old_file() {
    for_each(Daemon::FOREIGN, |daemon| {
        let finished = interrupted(daemon, |_, server| server.kill())?;
        assert_eq!(finished.code(), Some(5), "{daemon:?}: {finished:?}");
        Ok(())
    });
}

#[test]
fn our_client_interrupted_while_it_gets_leaves_the_old_file() {
    for_each(Daemon::FOREIGN, |daemon| {
        let finished = interrupted(daemon, |client, _| client.signal(Signal::INT))?;
        assert_ne!(finished.code(), Some(0), "{daemon:?}: {finished:?}");
        Ok(())
    });
}
