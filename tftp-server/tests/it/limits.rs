//! What a peer cannot make grow.

use core::time::Duration;
use tftp_server::{Memory, Ports, ServerConfig, TurnedAway};

use crate::support::*;

fn memory() -> Memory {
    let mut memory = Memory::new();
    memory.insert("image", noise(100_000)).unwrap();
    memory
}

/// Timers that let a silent client be given up soon.
fn hasty() -> ServerConfig {
    let mut config = config();
    config.transfer.retry.initial = Duration::from_millis(10);
    config.transfer.retry.floor = Duration::from_millis(5);
    config.transfer.retry.ceiling = Duration::from_millis(20);
    config
}

fn half_open(server: &Running, count: usize) -> Vec<Client> {
    (0..count)
        .map(|_| {
            let client = Client::new(server.address);
            client.ask(&rrq("image", &[]));
            let _ = client.receive();
            client
        })
        .collect()
}

#[test]
#[cfg(unix)]
fn a_request_that_there_is_no_handle_for_is_served_when_it_is_repeated() {
    use tftp_server::{Bytes, ContentError, FileRequest, Generated, Source};

    let mut handles = [false, true].into_iter();
    let make = move |_: &FileRequest<'_>| -> Result<Box<dyn Source>, ContentError> {
        if handles.next().unwrap_or_default() {
            return Ok(Box::new(Bytes::from(b"here".to_vec())));
        }
        Err(std::io::Error::from(rustix::io::Errno::MFILE).into())
    };
    let server = serve(config(), Generated::new(make));
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[]));
    let from = client.socket.local_addr().unwrap();
    assert_eq!(server.told(), Told::TurnedAway(from, TurnedAway::NoHandle));
    client.ask(&rrq("image", &[]));
    assert_eq!(client.receive().0, data(1, b"here"));
}

/// H3, F31
#[test]
fn two_hundred_half_open_transfers_shut_nobody_out() {
    let mut config = config();
    config.limits.sessions = 200;
    config.limits.half_open = 100;
    let server = serve(config, memory());
    let _flood = half_open(&server, 200);
    assert!(get(server.address, "image", choices(1468, 8)).unwrap() == noise(100_000));
    assert_eq!(
        server.ended().outcome,
        "Evicted",
        "not after its time was up"
    );
}

/// H3
#[test]
fn the_oldest_half_open_transfer_makes_room() {
    let mut config = config();
    config.limits.half_open = 2;
    let server = serve(config, memory());
    let clients = half_open(&server, 3);
    let ended = server.ended();
    assert_eq!(ended.peer, clients[0].socket.local_addr().unwrap());
    assert_eq!(ended.outcome, "Evicted");
}

/// H3
#[test]
fn a_transfer_that_nobody_acknowledges_ends_soon() {
    let mut config = config();
    config.limits.half_open_time = Duration::from_millis(30);
    let server = serve(config, memory());
    let _client = half_open(&server, 1);
    let ended = server.ended();
    // By its own timers the transfer would have repeated its answer before it gave up.
    assert_eq!(
        (ended.outcome.as_str(), ended.retransmissions),
        ("Unanswered", 0)
    );
}

/// A client that asks for long time-outs, as curl does, may lose the answer too.
#[test]
fn a_half_open_transfer_lives_until_its_answer_was_repeated() {
    let mut config = config();
    config.limits.half_open_time = Duration::from_millis(1);
    let server = serve(config, memory());
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[("timeout", "1")]));
    for _ in 0..2 {
        assert_eq!(client.receive().0, oack(&[("timeout", "1")]));
    }
    assert_eq!(server.ended().outcome, "Unanswered");
}

/// H3
#[test]
fn a_request_for_a_missing_file_evicts_nobody() {
    let mut config = config();
    config.limits.half_open = 1;
    let server = serve(config, memory());
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[]));
    let (_, tid) = client.receive();
    assert_eq!(
        Client::new(server.address).error_for(&rrq("missing", &[])),
        1
    );
    client.send_to(tid, &ack(1));
    assert_eq!(client.receive().0, data(2, &noise(100_000)[512..1024]));
}

/// C-86
#[test]
fn transfers_that_are_under_way_are_not_evicted() {
    let mut config = config();
    config.limits.sessions = 2;
    let server = serve(config, memory());
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let client = Client::new(server.address);
            client.ask(&rrq("image", &[]));
            let (_, tid) = client.receive();
            client.send_to(tid, &ack(1));
            let _ = client.receive();
            client
        })
        .collect();
    let late = Client::new(server.address);
    late.ask(&rrq("image", &[]));
    let from = late.socket.local_addr().unwrap();
    assert_eq!(server.told(), Told::TurnedAway(from, TurnedAway::Busy));
    drop(busy);
}

/// C-86
#[test]
fn a_client_has_only_so_many_transfers() {
    let mut config = config();
    config.limits.per_client = 3;
    config.limits.loopback_counts = true;
    let server = serve(config, memory());
    let _three = half_open(&server, 3);
    let fourth = Client::new(server.address);
    fourth.ask(&rrq("image", &[]));
    let from = fourth.socket.local_addr().unwrap();
    assert_eq!(
        server.told(),
        Told::TurnedAway(from, TurnedAway::ClientBusy)
    );
    let other = Client::from([127, 0, 0, 9].into(), server.address);
    other.ask(&rrq("image", &[]));
    assert_eq!(other.receive().0, data(1, &noise(100_000)[..512]));
}

#[test]
fn a_transfer_that_ends_makes_room_for_its_client() {
    let mut config = config();
    config.limits.per_client = 1;
    config.limits.loopback_counts = true;
    let server = serve(config, memory());
    for _ in 0..3 {
        assert!(get(server.address, "image", choices(1468, 8)).unwrap() == noise(100_000));
        assert_eq!(server.ended().outcome, "Complete");
    }
}

/// Octets that arrive until the server has given up.
fn octets_drawn(server: &Running, request: &[u8]) -> usize {
    let client = Client::new(server.address);
    client.ask(request);
    assert_eq!(server.ended().outcome, "Unanswered");
    let mut octets = 0;
    while let Some(datagram) = client.receive_within(Duration::from_millis(1)) {
        octets += datagram.len();
    }
    octets
}

/// H1, F32, C-87
#[test]
fn a_request_that_nobody_acknowledges_draws_little_more_than_a_block() {
    let server = serve(hasty(), memory());
    let plain = rrq("image", &[]);
    let drawn = octets_drawn(&server, &plain);
    assert!((516..=516 + 3 * plain.len()).contains(&drawn), "{drawn}");
    let bomb = rrq("image", &[("blksize", "65464"), ("windowsize", "65535")]);
    let drawn = octets_drawn(&server, &bomb);
    assert!(drawn <= 3 * bomb.len(), "{drawn}");
}

/// C-87
#[test]
fn without_a_bound_of_octets_there_is_one_of_repeats() {
    let mut config = hasty();
    config.limits.amplification = u32::MAX;
    config.transfer.retry.unproven = 2;
    let server = serve(config, memory());
    assert_eq!(octets_drawn(&server, &rrq("image", &[])), 3 * 516);
}

/// The bound must not strand a client whose first block was lost: it asks again.
#[test]
fn a_repeated_request_has_its_answer_repeated() {
    let mut config = config();
    config.transfer.retry.initial = Duration::from_millis(20);
    config.transfer.retry.floor = Duration::from_millis(20);
    config.transfer.retry.unproven = 100;
    config.limits.half_open_time = PATIENCE;
    let server = serve(config, memory());
    let client = Client::new(server.address);
    for _ in 0..3 {
        client.ask(&rrq("image", &[]));
        assert_eq!(client.receive().0, data(1, &noise(100_000)[..512]));
        assert_eq!(client.receive_within(Duration::from_millis(60)), None);
    }
}

/// H10, F38
#[test]
fn a_window_is_bounded_in_octets() {
    let server = serve(config(), memory());
    let client = Client::new(server.address);
    client.ask(&rrq(
        "image",
        &[("blksize", "65464"), ("windowsize", "65535")],
    ));
    assert_eq!(
        client.receive().0,
        oack(&[("blksize", "65464"), ("windowsize", "64")])
    );
}

/// H1
#[test]
fn a_request_from_a_low_port_is_not_answered() {
    let mut config = config();
    config.limits.lowest_client_port = u16::MAX;
    let server = serve(config, memory());
    let client = Client::new(server.address);
    let from = client.socket.local_addr().unwrap();
    for request in [
        rrq("image", &[]),
        rrq("missing", &[]),
        b"\0\x01image".to_vec(),
    ] {
        client.ask(&request);
        assert_eq!(server.told(), Told::TurnedAway(from, TurnedAway::LowPort));
    }
    client.socket.set_nonblocking(true).unwrap();
    assert!(client.socket.recv_from(&mut [0; 600]).is_err());
}

#[test]
fn answers_to_malformed_requests_are_limited() {
    let mut config = config();
    config.limits.error_rate = 0;
    let server = serve(config, memory());
    let client = Client::new(server.address);
    client.ask(b"\0\x01image");
    let from = client.socket.local_addr().unwrap();
    assert_eq!(server.told(), Told::TurnedAway(from, TurnedAway::Malformed));
    client.assert_no_answer();
}

/// H4: a client that acknowledges now and then.
#[test]
fn a_client_that_is_too_slow_is_told_so() {
    for ports in [Ports::PerTransfer, Ports::Single] {
        let mut config = config();
        config.ports = ports;
        config.limits.min_rate = 1_000_000;
        config.limits.rate_period = Duration::from_millis(60);
        let server = serve(config, memory());
        let client = Client::new(server.address);
        client.ask(&rrq("image", &[]));
        let (_, tid) = client.receive();
        let mut acknowledge = 1..;
        let code = loop {
            client.send_to(tid, &ack(acknowledge.next().unwrap()));
            // The answer, then nothing, unless the server has had enough.
            let answers = [
                client.receive_within(PATIENCE),
                client.receive_within(Duration::from_millis(20)),
            ];
            if let Some(error) = answers.into_iter().flatten().find(|answer| answer[1] == 5) {
                break error_code(&error);
            }
        };
        assert_eq!(code, 0);
        assert_eq!(server.ended().outcome, "TooSlow");
    }
}

/// H4
#[test]
fn a_transfer_has_only_so_long() {
    let mut config = config();
    config.transfer.retry.deadline = Some(Duration::from_millis(50));
    let server = serve(config, memory());
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[]));
    let (_, tid) = client.receive();
    client.send_to(tid, &ack(1));
    assert_eq!(server.ended().outcome, "TimedOut");
}

/// H17: names are guessed by trying.
#[test]
fn a_client_that_asks_for_many_missing_files_is_not_answered_any_more() {
    let mut config = config();
    config.limits.misses_per_minute = 5;
    let server = serve(config, memory());
    let client = Client::new(server.address);
    let from = client.socket.local_addr().unwrap();
    for name in ["1", "2", "3", "4", "5"] {
        assert_eq!(client.error_for(&rrq(name, &[])), 1);
        assert_eq!(server.ended().outcome, "Refused(1)");
    }
    for name in ["6", "image"] {
        client.ask(&rrq(name, &[]));
        assert_eq!(
            server.told(),
            Told::TurnedAway(from, TurnedAway::TooManyMisses)
        );
    }
    let other = Client::from([127, 0, 0, 9].into(), server.address);
    assert_eq!(other.error_for(&rrq("missing", &[])), 1);
}
