//! Datagrams lost and doubled between our programs and the peers. The numbers F.. are those of the faults that were
//! found in other implementations, listed in `tftp-proto/CONFORMANCE.md`.

use core::{net::Ipv4Addr, time::Duration};
use std::{collections::HashSet, time::Instant};

use crate::{
    clients::{Ask, Client, Direction},
    content::image,
    exchange::{Exchange, LIMIT, NAME, for_each},
    installed::{Skipped, or_skip},
    matrix::Column,
    process::run,
    relay::{ACK, DATA, Fate, Frame, OACK, RRQ, Relay, WRQ},
    servers::{Daemon, Server},
};

fn we_send(column: Column) -> bool {
    match column.client {
        Client::Ours => column.direction == Direction::Put,
        _ => column.direction == Direction::Get,
    }
}

/// Every packet that the rule picks is lost when it is seen first.
fn lose_once(mut picks: impl FnMut(&Frame) -> bool + Send) -> impl FnMut(&Frame) -> Fate + Send {
    let mut lost = HashSet::new();
    move |frame| {
        let key = (frame.opcode(), frame.block());
        if picks(frame) && lost.insert(key) {
            Fate::Lose
        } else {
            Fate::Pass
        }
    }
}

/// The exchange through a relay with the rule; what both ends have sent.
fn relayed(
    exchange: &Exchange,
    rule: impl FnMut(&Frame) -> Fate + Send + 'static,
) -> Result<Vec<Frame>, Skipped> {
    let server = Server::start(exchange.column.server)?;
    let relay = Relay::start(server.addr, rule);
    exchange.run(&server, relay.addr)?;
    Ok(relay.finish())
}

/// F1, C-21.
#[test]
fn options_that_a_server_refuses_are_not_in_force() {
    let gets = Daemon::FOREIGN.map(|server| Column::ours(Direction::Get, server));
    let puts = [Daemon::InTftpd, Daemon::Atftpd].map(|server| Column::ours(Direction::Put, server));
    for_each(gets.into_iter().chain(puts), |column| {
        let refusing: &[&str] = match column.server {
            Daemon::InTftpd => &["--refuse", "blksize"],
            Daemon::Atftpd => &["--no-blksize", "--no-windowsize"],
            _ => &["--tftp-no-blocksize"],
        };
        let server = Server::start_on(column.server, Ipv4Addr::LOCALHOST.into(), refusing)?;
        let exchange = Exchange {
            column,
            octets: image(50_001),
            ask: Ask::blocks(1428, 16),
        };
        let finished = exchange.run(&server, server.addr)?;
        let in_force = "blksize 512, windowsize 1,";
        assert!(finished.output.contains(in_force), "{}", finished.output);
        Ok(())
    });
}

/// F7, F8, F11, C-38: a network that delivers everything twice costs nothing but the copies. Two things are spared:
/// requests, which are a matter of their own, and OACK to curl, because that takes the next octets of its file for block
/// 1 then.
#[test]
fn doubled_datagrams_add_no_data_of_ours() {
    const BLOCKS: usize = 200;
    for_each(Column::ALL, |column| {
        let exchange = Exchange {
            column,
            octets: image(BLOCKS * 512 - 1),
            ask: Ask::LOCKSTEP,
        };
        let frames = relayed(&exchange, move |frame| match frame.opcode() {
            RRQ | WRQ => Fate::Pass,
            OACK if column.client == Client::Curl => Fate::Pass,
            _ => Fate::Repeat(2),
        })?;
        let data = frames.iter().filter(|frame| frame.opcode() == DATA).count();
        // A sender that answers every ACK sends all blocks twice. The slack is for time-outs on a busy machine.
        assert!(
            !we_send(column) || data < BLOCKS + BLOCKS / 4,
            "{}: {data} DATA for {BLOCKS} blocks",
            column.title()
        );
        Ok(())
    });
}

/// F12, F15: curl sends two different blocks 1 after an OACK that comes twice, and stops a block early. The size that it
/// has announced tells that the file is not whole.
#[test]
fn an_upload_that_has_lost_a_block_is_not_stored() {
    let exchange = Exchange {
        column: Column::theirs(Client::Curl, Direction::Put),
        octets: image(20_000),
        ask: Ask::LOCKSTEP,
    };
    let server = or_skip!(Server::start(Daemon::Ours));
    let relay = Relay::start(server.addr, |frame| match frame.opcode() {
        OACK => Fate::Repeat(2),
        _ => Fate::Pass,
    });
    let (command, _directory) = or_skip!(exchange.command(&server, relay.addr));
    let finished = run(command, LIMIT);
    let data: HashSet<_> = relay
        .finish()
        .into_iter()
        .filter(|frame| frame.is(DATA, 1))
        .map(|frame| frame.datagram)
        .collect();
    assert_eq!(data.len(), 2, "curl has sent {} blocks 1", data.len());
    assert_ne!(finished.code(), Some(0), "{}", finished.output);
    assert!(!server.path(NAME).exists(), "{}", server.log().text());
}

/// F34, C-31. The first answer is lost, so that all the requests are there before the client goes on. curl is not among
/// the clients: with its `timeout` of 6 s our server would let go of the transfer, half open, before it answers again.
#[test]
fn identical_requests_make_one_transfer_at_our_server() {
    let columns = [Client::TftpHpa, Client::Atftp, Client::Busybox]
        .into_iter()
        .flat_map(|client| {
            [Direction::Get, Direction::Put].map(|direction| Column::theirs(client, direction))
        });
    for_each(columns, |column| {
        let exchange = Exchange {
            column,
            octets: image(20_000),
            ask: Ask::LOCKSTEP,
        };
        let (mut asked, mut answered) = (false, false);
        let frames = relayed(&exchange, move |frame| match frame.opcode() {
            RRQ | WRQ if !asked => {
                asked = true;
                Fate::Repeat(3)
            }
            _ if frame.from_server && !answered => {
                answered = true;
                Fate::Lose
            }
            _ => Fate::Pass,
        })?;
        let answers = frames.iter().filter(|frame| frame.from_server);
        let ports: HashSet<_> = answers.map(|frame| frame.server).collect();
        assert_eq!(ports.len(), 1, "{}: {ports:?}", column.title());
        Ok(())
    });
}

/// F39, C-51: a client that has missed the last ACK sends its last block again, and finds our server. That is after 5 s,
/// or after the time-out agreed. curl would wait for 72 s if it were not told to end sooner.
#[test]
fn a_lost_last_ack_fails_no_upload_to_our_server() {
    const AGREED: Ask = Ask {
        timeout: Some(7),
        ..Ask::LOCKSTEP
    };
    let asks = Client::FOREIGN.map(|client| (client, Ask::LOCKSTEP));
    for_each(
        asks.into_iter().chain([(Client::Atftp, AGREED)]),
        |(client, ask)| {
            let exchange = Exchange {
                column: Column::theirs(client, Direction::Put),
                octets: image(1000),
                ask,
            };
            let server = Server::start(Daemon::Ours)?;
            let relay = Relay::start(server.addr, lose_once(|frame| frame.is(ACK, 2)));
            let (mut command, _directory) = exchange.command(&server, relay.addr)?;
            if client == Client::Curl {
                command.args(["--max-time", "30"]);
            }
            let finished = run(command, LIMIT);
            let last = relay
                .finish()
                .iter()
                .filter(|frame| frame.is(ACK, 2))
                .count();
            assert!(last >= 2, "{client:?}: {last} times the last ACK");
            exchange.check(&finished, &server.path(NAME), &server);
            Ok(())
        },
    );
}

/// C-51, seen from the other side: with a `timeout` agreed our client knows when the block comes again.
#[test]
fn our_client_acknowledges_a_repeated_last_block() {
    for_each([Daemon::InTftpd, Daemon::Atftpd], |server| {
        let exchange = Exchange {
            column: Column::ours(Direction::Get, server),
            octets: image(1000),
            ask: Ask {
                timeout: Some(1),
                ..Ask::LOCKSTEP
            },
        };
        let frames = relayed(&exchange, lose_once(|frame| frame.is(ACK, 2)))?;
        let last = frames.iter().filter(|frame| frame.is(ACK, 2)).count();
        assert!(last >= 2, "{server:?}: {last} times the last ACK");
        Ok(())
    });
}

/// F12, C-22, C-49.
#[test]
fn a_lost_oack_leads_to_no_other_file() {
    let columns = Column::ALL.into_iter();
    for_each(
        columns.filter(|column| column.client != Client::TftpHpa),
        |column| {
            let exchange = Exchange {
                column,
                octets: image(20_000),
                ask: Ask::blocks(1428, 1),
            };
            let mut lost = false;
            let frames = relayed(&exchange, move |frame| {
                if frame.opcode() == OACK && !lost {
                    lost = true;
                    return Fate::Lose;
                }
                Fate::Pass
            })?;
            assert!(
                frames.iter().any(|frame| frame.opcode() == OACK),
                "{}: there was no OACK to lose",
                column.title()
            );
            Ok(())
        },
    );
}

/// F2, F5, F13: in lockstep, a DATA and an ACK lost.
#[test]
fn lost_data_and_a_lost_ack_are_made_up_for() {
    for_each(Column::ALL, |column| {
        let exchange = Exchange {
            column,
            octets: image(20_000),
            ask: Ask::LOCKSTEP,
        };
        let picks = |frame: &Frame| frame.is(DATA, 3) || frame.is(ACK, 7);
        let frames = relayed(&exchange, lose_once(picks))?;
        for (opcode, block) in [(DATA, 3), (ACK, 7)] {
            let sent = frames
                .iter()
                .filter(|frame| frame.is(opcode, block))
                .count();
            assert!(
                sent >= 2,
                "{}: {opcode} {block} was sent {sent} times",
                column.title()
            );
        }
        Ok(())
    });
}

/// F16, F18: whichever end is ours notices by itself that the first, a middle or the last block of a window is lost,
/// in less than the 5 s of atftp's and atftpd's timer.
#[test]
fn a_block_lost_from_a_window_does_not_wait_for_the_peers_timer() {
    const PEERS_TIMER: Duration = Duration::from_secs(5);
    let columns = [
        Column::ours(Direction::Get, Daemon::Atftpd),
        Column::ours(Direction::Put, Daemon::Atftpd),
        Column::theirs(Client::Atftp, Direction::Get),
        Column::theirs(Client::Atftp, Direction::Put),
    ];
    let losses = [("first", 9), ("middle", 13), ("last", 16)];
    let runs = columns
        .into_iter()
        .flat_map(|column| losses.map(|(which, block)| (column, which, block)));
    for_each(runs, |(column, which, block)| {
        let exchange = Exchange {
            column,
            octets: image(40 * 512 + 1),
            ask: Ask::blocks(512, 8),
        };
        let server = Server::start(column.server)?;
        let relay = Relay::start(server.addr, lose_once(move |frame| frame.is(DATA, block)));
        let start = Instant::now();
        exchange.run(&server, relay.addr)?;
        let took = start.elapsed();
        let frames = relay.finish();
        let sent = frames.iter().filter(|frame| frame.is(DATA, block)).count();
        assert!(
            sent >= 2,
            "{}: DATA {block} was sent {sent} times",
            column.title()
        );
        assert!(
            took < PEERS_TIMER,
            "{}, {which} block: {took:?}",
            column.title()
        );
        Ok(())
    });
}
