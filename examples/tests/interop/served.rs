//! What our server shows of its directory, as real clients see it. The numbers F.. are those of the faults that were
//! found in other implementations, listed in `tftp-proto/CONFORMANCE.md`.

use core::time::Duration;
use std::{fs, net::UdpSocket, os::unix::fs::symlink, process::Command, sync::mpsc, time::Instant};

use crate::{
    clients::{Ask, Client, Direction, Unable},
    content::image,
    exchange::{Exchange, LIMIT, NAME, for_each},
    installed::{Skipped, or_skip},
    matrix::Column,
    process::{Finished, Process, run},
    relay::{ERROR, Fate, Frame, OACK, Relay},
    servers::{Daemon, Server},
};

/// The client gets the file; what it has said and what it has got.
fn get(
    client: Client,
    server: &Server,
    name: &str,
) -> Result<(Finished, Option<Vec<u8>>), Skipped> {
    let directory = tempfile::tempdir().unwrap();
    let local = directory.path().join("local");
    let command = client.command(Direction::Get, server.addr, name, &local, Ask::LOCKSTEP);
    let finished = run(command.map_err(Unable::skipped)?, LIMIT);
    // Some clients create the file before they ask.
    let octets = fs::read(local).ok().filter(|octets| !octets.is_empty());
    Ok((finished, octets))
}

/// F27, F33, F35, H7, H8, H14.
#[test]
fn what_is_no_file_below_the_root_is_not_found_and_no_path_is_told() {
    for_each(Client::FOREIGN, |client| {
        let server = Server::start(Daemon::Ours)?;
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::write(outside.path(), "secret").unwrap();
        symlink(outside.path(), server.path("link")).unwrap();
        fs::create_dir(server.path("directory")).unwrap();
        let fifo = run(
            {
                let mut command = Command::new("mkfifo");
                command.arg(server.path("fifo"));
                command
            },
            LIMIT,
        );
        assert_eq!(fifo.code(), Some(0), "{}", fifo.output);
        for name in ["link", "fifo", "directory", "missing", "../etc/passwd"] {
            let (finished, octets) = get(client, &server, name)?;
            assert_eq!(octets, None, "{client:?} has got {name}");
            let root = server.root().to_str().unwrap();
            assert!(!finished.output.contains(root), "{}", finished.output);
        }
        fs::write(server.path("file"), "still here").unwrap();
        let (_, octets) = get(client, &server, "file")?;
        assert_eq!(
            octets.as_deref(),
            Some(b"still here".as_slice()),
            "{client:?}"
        );
        Ok(())
    });
}

/// F28: the OACK has all 33 bits of the size.
#[test]
fn a_file_of_5_gib_is_announced_as_such() {
    const LEN: u64 = 5 << 30;
    for_each([Client::Curl, Client::Busybox], |client| {
        let server = Server::start(Daemon::Ours)?;
        fs::File::create(server.path("image"))
            .unwrap()
            .set_len(LEN)
            .unwrap();
        let (told, oack) = mpsc::channel();
        let relay = Relay::start(server.addr, move |frame| {
            if frame.opcode() == OACK {
                let _ = told.send(frame.datagram.clone());
            }
            Fate::Pass
        });
        let directory = tempfile::tempdir().unwrap();
        let local = directory.path().join("local");
        let ask = Ask::LOCKSTEP;
        let command = client.command(Direction::Get, relay.addr, "image", &local, ask);
        let process = Process::start(command.map_err(Unable::skipped)?);
        let oack = oack.recv_timeout(LIMIT).unwrap();
        drop(process);
        let text = String::from_utf8_lossy(&oack);
        let size = format!("tsize\0{LEN}\0");
        assert!(text.contains(&size), "{client:?}: {text:?}");
        Ok(())
    });
}

/// F31, H3.
#[test]
fn two_hundred_half_open_requests_shut_nobody_out() {
    let server = or_skip!(Server::start(Daemon::Ours));
    fs::write(server.path("other"), image(2000)).unwrap();
    let strangers: Vec<_> = (0..200)
        .map(|_| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket
                .send_to(b"\0\x01other\0octet\0", server.addr)
                .unwrap();
            socket
        })
        .collect();
    // When the last of them has its first block, they are all half open.
    let last = strangers.last().unwrap();
    last.set_read_timeout(Some(LIMIT)).unwrap();
    let mut answer = [0; 600];
    last.recv_from(&mut answer).unwrap();
    assert_eq!(answer[..4], [0, 3, 0, 1]);

    let start = Instant::now();
    for client in Client::FOREIGN {
        let exchange = Exchange {
            column: Column::theirs(client, Direction::Get),
            octets: image(20_000),
            ask: Ask::LOCKSTEP,
        };
        match exchange.run(&server, server.addr) {
            Ok(_) => {}
            Err(skipped) => skipped.report(),
        }
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
}

/// F3, C-10: options that atftp knows and our server does not. The password has a name or a value, but not both.
#[test]
fn options_that_our_server_does_not_have_are_left_out() {
    for_each(
        [("--option", "multicast"), ("--password", "secret")],
        |(flag, word)| {
            let exchange = Exchange {
                column: Column::theirs(Client::Atftp, Direction::Get),
                octets: image(20_000),
                ask: Ask::blocks(1468, 1),
            };
            let server = Server::start(Daemon::Ours)?;
            let relay = Relay::start(server.addr, |_| Fate::Pass);
            let (mut command, directory) = exchange.command(&server, relay.addr)?;
            command.args([flag, word]);
            let finished = run(command, LIMIT);
            exchange.check(&finished, &directory.path().join(NAME), &server);
            let frames = relay.finish();
            let has = |frame: &Frame| String::from_utf8_lossy(&frame.datagram).contains(word);
            assert!(has(&frames[0]), "atftp has not asked for {word}");
            let oack = frames.iter().find(|frame| frame.opcode() == OACK).unwrap();
            assert!(!has(oack), "{oack:?}");
            assert!(!frames.iter().any(|frame| frame.opcode() == ERROR));
            Ok(())
        },
    );
}
