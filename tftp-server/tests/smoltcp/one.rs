//! One client, and what may happen to it.

use smoltcp::{
    time::{Duration, Instant},
    wire::IpEndpoint,
};
use tftp_client::{Config, ErrorCode, TransferError, smoltcp::Error};
use tftp_server::smoltcp::{Server, StartError};

use crate::net::{Net, Node, Part, Rings, Script};
use crate::parts::{Client, Device, Files, Store, config, endpoint, file};

const SERVER: &str = "10.0.0.1:69";
const DATA: u8 = 3;
const ERROR: u8 = 5;

fn error(code: ErrorCode) -> Vec<u8> {
    let number = u8::try_from(code.0).expect("a code of the RFC");
    [&[0, ERROR, 0, number], code.message().as_bytes(), &[0]].concat()
}

fn node(net: &Net, address: &str) -> Node {
    Node::new(net, &[address], Rings::AMPLE)
}

fn device(net: &Net, files: Files, limits: Config) -> Device<2> {
    Device::new(node(net, "10.0.0.1"), files, limits)
}

/// What `server` answers to these datagrams, each sent so many milliseconds after the start.
fn ask(net: &Net, server: &mut Device<2>, sends: &[(u64, &[u8])]) -> Vec<Vec<u8>> {
    let sends: Vec<_> = sends
        .iter()
        .map(|(at, datagram)| (*at, endpoint(SERVER), *datagram))
        .collect();
    let mut script = Script::new(node(net, "10.0.0.2"), 1000, &sends);
    // The last datagram is still on its way when the script is done.
    let mut witness = Script::new(
        node(net, "10.0.0.3"),
        1000,
        &[(5_000, endpoint("10.0.0.2:9"), b"")],
    );
    net.run(&mut [&mut script, server, &mut witness]);
    script.datagrams().into_iter().map(<[u8]>::to_vec).collect()
}

fn holding(len: usize) -> Files {
    Files::with([("a", Store::holding(file(len)))])
}

#[test]
fn a_file_of_unknown_length_ends_where_it_does_and_each_block_leaves_once() {
    for len in [0, 1, 511, 512, 513, 2_048, 2_049] {
        let net = Net::quiet();
        let store = Store {
            length_unknown: true,
            ..Store::holding(file(len))
        };
        let mut server = device(&net, Files::with([("a", store)]), Config::server());
        let mut client = Client::get(
            node(&net, "10.0.0.2"),
            endpoint(SERVER),
            "a",
            config(512, 4),
        );
        net.run(&mut [&mut server, &mut client]);
        assert_eq!(client.store.bytes, file(len), "{len} octets");
        assert_eq!(net.count(&server.node, DATA), len / 512 + 1, "{len} octets");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_once() {
    for broken_at in [0, 1_000, 10_001] {
        let net = Net::quiet();
        let store = Store {
            broken_at: Some(broken_at),
            ..Store::holding(file(20_000))
        };
        let mut server = device(&net, Files::with([("a", store)]), Config::server());
        let mut client = Client::get(
            node(&net, "10.0.0.2"),
            endpoint(SERVER),
            "a",
            config(1000, 4),
        );
        net.run(&mut [&mut server, &mut client]);
        let told = Error::Transfer(TransferError::Peer(ErrorCode::NOT_DEFINED));
        assert_eq!(client.result, Some(Err(told)));
        assert_eq!(
            server.files.result_of("a"),
            Err(TransferError::Local(ErrorCode::NOT_DEFINED))
        );
        assert_eq!(net.count(&server.node, ERROR), 1);
    }
}

#[test]
fn a_file_that_cannot_be_stored_is_told_to_its_sender() {
    let net = Net::quiet();
    let store = Store {
        broken_at: Some(4_000),
        ..Store::default()
    };
    let mut files = Files::with([("log", store)]);
    files.writable.push("log");
    let mut server = device(&net, files, Config::server());
    let store = Store::holding(file(20_000));
    let mut client = Client::put(
        node(&net, "10.0.0.2"),
        endpoint(SERVER),
        "log",
        store,
        config(1000, 4),
    );
    net.run(&mut [&mut server, &mut client]);
    let told = Error::Transfer(TransferError::Peer(ErrorCode::DISK_FULL));
    assert_eq!(client.result, Some(Err(told)));
    assert!(!server.files.files["log"].committed);
}

#[test]
fn a_file_that_may_not_be_written_leaves_no_transfer() {
    let net = Net::quiet();
    let mut server = device(&net, holding(10), Config::server());
    let answers = ask(&net, &mut server, &[(0, b"\0\x02a\0octet\0")]);
    assert_eq!(answers, [error(ErrorCode::ACCESS_VIOLATION)]);
    assert!(server.server.is_empty());
    assert_eq!((server.files.opened, server.files.closed.len()), (0, 0));
}

#[test]
fn a_file_announced_too_long_is_refused_before_it_is_made() {
    let net = Net::quiet();
    let mut files = Files::default();
    files.writable.push("log");
    let mut limits = Config::server();
    limits.max_len = 10;
    let mut server = device(&net, files, limits);
    let answers = ask(
        &net,
        &mut server,
        &[(0, b"\0\x02log\0octet\0tsize\x0011\0")],
    );
    assert_eq!(answers, [error(ErrorCode::DISK_FULL)]);
    assert_eq!(server.files.opened, 0);
}

#[test]
fn a_request_that_is_none_is_answered_with_error_4() {
    let net = Net::quiet();
    let mut server = device(&net, holding(10), Config::server());
    let answers = ask(&net, &mut server, &[(0, b"\0\x01a\0mail\0")]);
    assert_eq!(answers, [error(ErrorCode::ILLEGAL_OPERATION)]);
}

#[test]
fn a_request_that_is_repeated_makes_one_transfer() {
    let net = Net::quiet();
    let mut server = device(&net, holding(10), Config::server());
    let request: &[u8] = b"\0\x01a\0octet\0";
    let answers = ask(
        &net,
        &mut server,
        &[(0, request), (1, request), (20, b"\0\x04\0\x01")],
    );
    assert_eq!(answers, [[&[0, DATA, 0, 1], file(10).as_slice()].concat()]);
    assert_eq!(server.files.opened, 1);
}

#[test]
fn a_file_is_closed_before_its_client_s_next_one_is_opened() {
    for next in [
        b"\0\x02log\0octet\0tsize\x005\0".as_slice(),
        b"\0\x01log\0octet\0",
    ] {
        let net = Net::quiet();
        let mut files = Files::default();
        files.writable.push("log");
        let mut server = device(&net, files, Config::server());
        ask(&net, &mut server, &[(0, b"\0\x02log\0octet\0"), (20, next)]);
        assert_eq!((server.files.opened, server.files.closed_before), (2, 1));
        assert_eq!(server.files.result_of("log"), Err(TransferError::Replaced));
    }
}

#[test]
fn a_file_is_closed_before_one_is_made_for_which_it_made_room() {
    let net = Net::quiet();
    let mut files = Files::default();
    files.writable.push("log");
    let mut server = Device::<1>::new(node(&net, "10.0.0.1"), files, Config::server());
    let wrq: &[(u64, IpEndpoint, &[u8])] = &[(0, endpoint(SERVER), b"\0\x02log\0octet\0")];
    let mut first = Script::new(node(&net, "10.0.0.2"), 1000, wrq);
    let mut second = Script::new(node(&net, "10.0.0.3"), 1000, wrq);
    let idle: &[(u64, IpEndpoint, &[u8])] = &[(50, endpoint("10.0.0.9:9"), b"")];
    let mut idle = Script::new(node(&net, "10.0.0.4"), 1000, idle);
    net.run(&mut [&mut first, &mut second, &mut server, &mut idle]);
    assert_eq!((server.files.opened, server.files.closed_before), (2, 1));
    assert_eq!(server.files.result_of("log"), Err(TransferError::Evicted));
}

#[test]
fn a_broadcast_is_passed_over() {
    for to in ["255.255.255.255:69", "10.0.0.255:69"] {
        let net = Net::quiet();
        let mut server = device(&net, holding(10), Config::server());
        let sends: &[(u64, IpEndpoint, &[u8])] = &[
            (0, endpoint(to), b"\0\x01a\0octet\0"),
            (1, endpoint(to), b"\0\x01a\0mail\0"),
            (50, endpoint("10.0.0.9:9"), b""),
        ];
        let mut script = Script::new(node(&net, "10.0.0.2"), 1000, sends);
        net.run(&mut [&mut server, &mut script]);
        assert_eq!(server.files.opened, 0, "{to}");
        assert!(script.received.is_empty(), "{to}");
    }
}

#[test]
fn the_answer_comes_from_the_address_that_was_asked() {
    for asked in ["10.0.0.1:69", "10.0.0.5:69"] {
        let net = Net::quiet();
        let both = Node::new(&net, &["10.0.0.1", "10.0.0.5"], Rings::AMPLE);
        let mut server = Device::<2>::new(both, holding(10), Config::server());
        let to = endpoint(asked);
        let sends: &[(u64, IpEndpoint, &[u8])] = &[
            (0, to, b"\0\x01a\0octet\0"),
            (20, to, b"\0\x04\0\x01"),
            (30, to, b"\0\x01missing\0octet\0"),
            (60, to, b""),
        ];
        let mut script = Script::new(node(&net, "10.0.0.2"), 1000, sends);
        net.run(&mut [&mut server, &mut script]);
        let from: Vec<_> = script.received.iter().map(|(from, ..)| *from).collect();
        assert_eq!(from, [to, to]);
    }
}

#[test]
fn an_ipv6_client_is_served() {
    let net = Net::quiet();
    let mut server = Device::<2>::ample(&net, holding(10_000));
    let mut client = Client::get(
        node(&net, "fd00::2"),
        endpoint("[fd00::1]:69"),
        "a",
        config(1448, 4),
    );
    net.run(&mut [&mut server, &mut client]);
    assert_eq!(client.store.bytes, file(10_000));
}

#[test]
fn an_upload_s_window_is_lowered_to_the_receive_ring() {
    let net = Net::quiet();
    let mut files = Files::default();
    files.writable.push("log");
    let rings = Rings {
        receive: (8, 4 * 604),
        ..Rings::AMPLE
    };
    let mut server = Device::<1>::new(
        Node::new(&net, &["10.0.0.1"], rings),
        files,
        Config::server(),
    );
    let store = Store::holding(file(30_000));
    let mut client = Client::put(
        node(&net, "10.0.0.2"),
        endpoint(SERVER),
        "log",
        store,
        config(600, 64),
    );
    net.run(&mut [&mut server, &mut client]);
    let summary = client.summary();
    assert_eq!(
        (summary.negotiated.windowsize, summary.retransmissions),
        (3, 0)
    );
}

#[test]
fn the_block_size_is_lowered_to_half_the_transmit_ring() {
    let net = Net::quiet();
    let rings = Rings {
        transmit: (2, 2_000),
        ..Rings::AMPLE
    };
    let node_1 = Node::new(&net, &["10.0.0.1"], rings);
    let mut server = Device::<1>::new(node_1, holding(5_000), Config::server());
    let mut client = Client::get(
        node(&net, "10.0.0.2"),
        endpoint(SERVER),
        "a",
        config(1468, 1),
    );
    net.run(&mut [&mut server, &mut client]);
    assert_eq!(client.summary().negotiated.blksize, 996);
}

#[test]
fn what_was_acknowledged_is_released() {
    let net = Net::quiet();
    let mut server = device(&net, holding(5_000), Config::server());
    let mut client = Client::get(
        node(&net, "10.0.0.2"),
        endpoint(SERVER),
        "a",
        config(512, 2),
    );
    net.run(&mut [&mut server, &mut client]);
    assert_eq!(server.files.files["a"].released, 5_000);
}

/// A read of 16 blocks in one window, whose client has confirmed the options, with room for two of them.
fn read_of_one_window(net: &Net) -> Device<1> {
    let rings = Rings {
        transmit: (2, 1_032),
        ..Rings::AMPLE
    };
    let node_1 = Node::new(net, &["10.0.0.1"], rings);
    let mut server = Device::<1>::new(node_1, holding(16 * 512 - 1), Config::server());
    let request: &[u8] = b"\0\x01a\0octet\0windowsize\x0016\0";
    let sends: &[(u64, IpEndpoint, &[u8])] = &[
        (0, endpoint(SERVER), request),
        (20, endpoint(SERVER), &[0, 4, 0, 0]),
    ];
    let mut script = Script::new(node(net, "10.0.0.2"), 1000, sends);
    let mut idle = Idle(&mut server);
    net.run(&mut [&mut script, &mut idle]);
    server
}

/// Takes part, but need not be done.
struct Idle<'d>(&'d mut Device<1>);

impl Part for Idle<'_> {
    fn turn(&mut self, now: Instant) -> Option<Instant> {
        self.0.turn(now)
    }

    fn is_done(&self) -> bool {
        true
    }
}

#[test]
fn a_card_that_stands_still_for_a_while_loses_nothing() {
    let net = Net::quiet();
    let mut server = read_of_one_window(&net);
    let mut turn = |milliseconds, is_jammed| {
        server.node.nic.is_jammed = is_jammed;
        server.turn(Instant::from_millis(milliseconds));
    };
    turn(200, false);
    for milliseconds in [400, 600, 800, 1_000] {
        turn(milliseconds, true);
    }
    for number in 0..20 {
        turn(1_200 + 200 * number, false);
    }
    let blocks: Vec<_> = (1..=16).map(|block| [0, DATA, 0, block]).collect();
    assert_eq!(net.heads(&server.node, DATA)[..16], blocks);
}

#[test]
fn a_card_that_stands_still_for_good_ends_the_transfer() {
    let net = Net::quiet();
    let mut server = read_of_one_window(&net);
    server.node.nic.is_jammed = true;
    for second in 1..120 {
        server.turn(Instant::from_secs(second));
    }
    assert_eq!(server.files.result_of("a"), Err(TransferError::Unconfirmed));
}

#[test]
fn what_arrived_after_the_last_turn_needs_one_at_once() {
    let net = Net::quiet();
    let mut server = device(&net, holding(10), Config::server());
    let sends: &[(u64, IpEndpoint, &[u8])] = &[(10, endpoint(SERVER), b"\0\x01a\0octet\0")];
    net.run(&mut [&mut Script::new(node(&net, "10.0.0.2"), 1000, sends)]);
    assert_eq!(server.server.poll_at(server.node.socket()), None);
    let later = server.node.now() + Duration::from_millis(5);
    server.node.poll(later);
    assert_eq!(
        server.server.poll_at(server.node.socket()),
        Some(Instant::ZERO)
    );
}

#[test]
fn one_stranger_s_refusal_does_not_go_to_another() {
    let net = Net::quiet();
    let mut server = device(&net, holding(10), Config::server());
    let to = endpoint(SERVER);
    let mut first = Script::new(node(&net, "10.0.0.2"), 1000, &[(0, to, b"\0\x01a\0mail\0")]);
    let mut second = Script::new(node(&net, "10.0.0.3"), 1000, &[(0, to, &[0, 4, 0, 9])]);
    // Both are in the ring when the server has its turn.
    net.run(&mut [&mut first, &mut second]);
    let mut later = Script::new(
        node(&net, "10.0.0.4"),
        1000,
        &[(50, endpoint("10.0.0.9:9"), b"")],
    );
    net.run(&mut [&mut later, &mut first, &mut second]);
    net.run(&mut [&mut server, &mut first, &mut second]);
    let mut later = Script::new(
        node(&net, "10.0.0.5"),
        1000,
        &[(50, endpoint("10.0.0.9:9"), b"")],
    );
    net.run(&mut [&mut server, &mut first, &mut second, &mut later]);
    assert!(second.received.is_empty());
}

#[test]
fn rings_that_hold_no_plain_block_are_refused() {
    let start = |receive, transmit| {
        let mut socket = Rings { receive, transmit }.socket();
        Server::<Files, 1>::listen(&mut socket, 69, Config::server()).err()
    };
    assert_eq!(
        start((1, 515), (2, 1_032)),
        Some(StartError::ReceiveRing { needed: 516 })
    );
    assert_eq!(
        start((1, 516), (2, 1_031)),
        Some(StartError::TransmitRing { needed: 1_032 })
    );
    assert_eq!(
        start((1, 516), (1, 1_032)),
        Some(StartError::TransmitRing { needed: 1_032 })
    );
    assert_eq!(start((1, 516), (2, 1_032)), None);
}
