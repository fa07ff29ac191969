//! What a [`Put`](tftp_client::smoltcp::Put) does.

use smoltcp::{phy::Medium, time::Instant, wire::IpAddress};
use tftp_client::{Config, ErrorCode, TransferError, smoltcp::Error};

use crate::net::{Faults, Net, Node, Part, Rings, Script};
use crate::parts::{Broken, Client, Device, Files, Store, config, endpoint, file};

const WRQ: u8 = 2;
const DATA: u8 = 3;
const ACK: u8 = 4;
const ERROR: u8 = 5;

/// Sends `store` over `net` through a socket with these rings.
fn send(net: &Net, rings: Rings, store: Store, config: Config) -> (Client, Device<2>) {
    let mut files = Files::default();
    files.writable.push("log");
    let mut server = Device::<2>::ample(net, files);
    let node = Node::new(net, &["10.0.0.2", "fd00::2"], rings);
    let mut client = Client::put(node, endpoint("10.0.0.1:69"), "log", store, config);
    net.run(&mut [&mut client, &mut server]);
    (client, server)
}

fn of_unknown_length(len: usize) -> Store {
    Store {
        length_unknown: true,
        ..Store::holding(file(len))
    }
}

/// The lengths around a block and a window.
fn lengths(blksize: u16, windowsize: u16) -> [usize; 9] {
    let block = usize::from(blksize);
    let window = block * usize::from(windowsize);
    [
        0,
        1,
        block - 1,
        block,
        block + 1,
        window - 1,
        window,
        window + 1,
        3 * window,
    ]
}

#[test]
fn files_of_every_length_around_a_block_and_a_window_arrive_whole() {
    for (blksize, windowsize) in [(512, 1), (512, 4), (1468, 1), (1468, 16), (8, 3)] {
        for len in lengths(blksize, windowsize) {
            let store = Store::holding(file(len));
            let (client, server) = send(
                &Net::quiet(),
                Rings::AMPLE,
                store,
                config(blksize, windowsize),
            );
            assert_eq!(server.files.files["log"].bytes, file(len), "{len} octets");
            assert!(server.files.files["log"].committed, "{len} octets");
            assert_eq!(client.summary().bytes, len as u64);
        }
    }
}

#[test]
fn a_file_of_unknown_length_ends_where_its_source_does_and_each_block_leaves_once() {
    for (blksize, windowsize) in [(512, 1), (512, 4), (1468, 16), (8, 3)] {
        for len in lengths(blksize, windowsize) {
            let net = Net::quiet();
            let (client, server) = send(
                &net,
                Rings::AMPLE,
                of_unknown_length(len),
                config(blksize, windowsize),
            );
            assert_eq!(server.files.files["log"].bytes, file(len), "{len} octets");
            assert_eq!(client.summary().negotiated.tsize, None);
            let blocks = len / usize::from(blksize) + 1;
            assert_eq!(net.count(&client.node, DATA), blocks, "{len} octets");
        }
    }
}

#[test]
fn a_source_that_is_shorter_than_it_said_sends_what_it_has() {
    let net = Net::quiet();
    let mut store = Store::holding(file(5_000));
    let mut files = Files::default();
    files.writable.push("log");
    let mut limits = Config::server();
    limits.strict_size = false;
    let node = Node::new(&net, &["10.0.0.1"], Rings::AMPLE);
    let mut server = Device::<1>::new(node, files, limits);
    let node = Node::new(&net, &["10.0.0.2"], Rings::AMPLE);
    let mut client = Client::put(
        node,
        endpoint("10.0.0.1:69"),
        "log",
        store,
        Config::client(),
    );
    store = Store::holding(file(4_000));
    client.store = store;
    net.run(&mut [&mut client, &mut server]);
    assert_eq!(client.summary().bytes, 4_000);
    assert_eq!(server.files.files["log"].bytes, file(4_000));
}

#[test]
fn a_rough_network_changes_no_octet() {
    for seed in 0..300 {
        let windowsize = [1, 2, 7, 16][seed as usize % 4];
        let store = match seed % 2 {
            0 => Store::holding(file(40_000)),
            _ => of_unknown_length(40_000),
        };
        let (client, server) = send(
            &Net::rough(seed),
            Rings::AMPLE,
            store,
            config(600, windowsize),
        );
        assert_eq!(server.files.files["log"].bytes, file(40_000), "seed {seed}");
        assert!(client.result.expect("an end").is_ok(), "seed {seed}");
    }
}

#[test]
fn a_window_larger_than_the_transmit_ring_loses_nothing() {
    for slots in [2, 3, 5] {
        let net = Net::quiet();
        let rings = Rings {
            receive: (4, 1000),
            transmit: (slots, slots * 1004),
        };
        let (client, server) = send(&net, rings, Store::holding(file(50_000)), config(1000, 16));
        assert_eq!(server.files.files["log"].bytes, file(50_000));
        assert_eq!(net.count(&client.node, DATA), 51, "{slots} slots");
        assert_eq!(client.summary().negotiated.windowsize, 16);
    }
}

#[test]
fn the_block_size_is_lowered_to_half_the_transmit_ring() {
    let rings = Rings {
        receive: (4, 1000),
        transmit: (2, 2_000),
    };
    let (client, _) = send(
        &Net::quiet(),
        rings,
        Store::holding(file(5_000)),
        config(1468, 1),
    );
    assert_eq!(client.summary().negotiated.blksize, 996);
}

#[test]
fn neighbours_on_ethernet_find_each_other() {
    for seed in 0..20 {
        let faults = Faults {
            loss: 10,
            ..Faults::default()
        };
        let net = Net::new(Medium::Ethernet, faults, seed);
        let (_, server) = send(
            &net,
            Rings::AMPLE,
            Store::holding(file(50_000)),
            config(1468, 8),
        );
        assert_eq!(server.files.files["log"].bytes, file(50_000), "seed {seed}");
    }
}

#[test]
fn a_source_that_fails_is_told_once_and_ends_the_transfer() {
    for broken_at in [0, 100, 10_001] {
        let net = Net::quiet();
        let store = Store {
            broken_at: Some(broken_at),
            ..Store::holding(file(20_000))
        };
        let (client, server) = send(&net, Rings::AMPLE, store, config(1000, 4));
        assert_eq!(client.result, Some(Err(Error::Store(Broken))));
        let told = TransferError::Peer(ErrorCode::NOT_DEFINED);
        assert_eq!(server.files.result_of("log"), Err(told));
        assert!(!server.files.files["log"].committed);
        assert_eq!(net.count(&client.node, ERROR), 1);
    }
}

#[test]
fn a_refused_put_reports_the_server_s_word() {
    let net = Net::quiet();
    let mut server = Device::<2>::ample(&net, Files::default());
    let node = Node::new(&net, &["10.0.0.2"], Rings::AMPLE);
    let store = Store::holding(file(10));
    let mut client = Client::put(
        node,
        endpoint("10.0.0.1:69"),
        "log",
        store,
        Config::client(),
    );
    net.run(&mut [&mut client, &mut server]);
    let error = Error::Transfer(TransferError::Peer(ErrorCode::ACCESS_VIOLATION));
    assert_eq!(client.result, Some(Err(error)));
    assert_eq!(client.texts, [ErrorCode::ACCESS_VIOLATION.message()]);
}

#[test]
fn a_host_that_vanishes_is_given_up_even_if_the_transmit_ring_stays_full() {
    let net = Net::new(Medium::Ethernet, Faults::default(), 0);
    let rings = Rings {
        receive: (2, 1500),
        transmit: (2, 1200),
    };
    let node = Node::new(&net, &["10.0.0.2"], rings);
    let store = Store::holding(file(10));
    let mut client = Client::put(
        node,
        endpoint("10.0.0.9:69"),
        "log",
        store,
        Config::client(),
    );
    let took = net.run(&mut [&mut client]);
    assert_eq!(
        client.result,
        Some(Err(Error::Transfer(TransferError::TimedOut)))
    );
    assert!(took.secs() < 120, "{took}");
    assert!(net.count(&client.node, WRQ) <= 7);
}

#[test]
fn a_broadcast_put_goes_to_whoever_accepts_it_first() {
    let net = Net::quiet();
    let client = endpoint("10.0.0.2:1000");
    let sends: &[(u64, _, &[u8])] = &[(10, client, &[0, ACK, 0, 0]), (30, client, &[0, ACK, 0, 1])];
    let node = Node::new(&net, &["10.0.0.7"], Rings::AMPLE);
    let mut server = Script::new(node, 3000, sends);
    let mut config = Config::client();
    config.any_server = true;
    let node = Node::new(&net, &["10.0.0.2"], Rings::AMPLE);
    let store = Store::holding(b"short".to_vec());
    let mut client = Client::put(node, endpoint("10.0.0.255:69"), "log", store, config);
    net.run(&mut [&mut client, &mut server]);
    assert_eq!(client.summary().bytes, 5);
    assert_eq!(server.datagrams(), [b"\0\x03\0\x01short"]);
    assert_eq!(server.received[0].1, IpAddress::v4(10, 0, 0, 7));
}

/// A put of 16 blocks in one window, which the server has agreed to, with room for two of them.
fn put_of_one_window(net: &Net) -> Client {
    let oack: &[u8] = b"\0\x06windowsize\x0016\0";
    let node = Node::new(net, &["10.0.0.1"], Rings::AMPLE);
    let mut server = Script::new(node, 3000, &[(10, endpoint("10.0.0.2:1000"), oack)]);
    let rings = Rings {
        transmit: (2, 1_032),
        ..Rings::AMPLE
    };
    let node = Node::new(net, &["10.0.0.2"], rings);
    let store = Store::holding(file(16 * 512 - 1));
    let mut client = Client::put(node, endpoint("10.0.0.1:69"), "log", store, config(512, 16));
    client.turn(client.node.now());
    net.run(&mut [&mut server]);
    client
}

fn one_window() -> [[u8; 4]; 16] {
    core::array::from_fn(|at| [0, DATA, 0, at.to_le_bytes()[0] + 1])
}

#[test]
fn a_slow_card_gets_the_whole_window_in_time() {
    let net = Net::quiet();
    let mut client = put_of_one_window(&net);
    for second in 1..=12 {
        client.turn(Instant::from_secs(second));
    }
    assert_eq!(net.heads(&client.node, DATA)[..16], one_window());
}

#[test]
fn a_card_that_stands_still_for_a_while_loses_nothing() {
    let net = Net::quiet();
    let mut client = put_of_one_window(&net);
    client.turn(Instant::from_secs(1));
    client.node.nic.is_jammed = true;
    for second in 2..=5 {
        client.turn(Instant::from_secs(second));
    }
    client.node.nic.is_jammed = false;
    for second in 6..=17 {
        client.turn(Instant::from_secs(second));
    }
    assert_eq!(net.heads(&client.node, DATA)[..16], one_window());
}

#[test]
fn what_was_acknowledged_is_released() {
    let (client, _) = send(
        &Net::quiet(),
        Rings::AMPLE,
        Store::holding(file(5_000)),
        config(512, 2),
    );
    assert_eq!(client.store.released, 5_000);
}
