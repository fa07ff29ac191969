//! Several clients at once.

use smoltcp::phy::Medium;
use tftp_client::{Config, ErrorCode, TransferError, smoltcp::Error};

use crate::net::{Faults, Net, Node, Part, Rings, Script};
use crate::parts::{Client, Device, Files, Store, config, endpoint, file};

const SERVER: &str = "10.0.0.1:69";
/// "RRQ a octet"
const RRQ: &[u8] = b"\0\x01a\0octet\0";

fn node(net: &Net, number: usize) -> Node {
    Node::new(net, &[&format!("10.0.0.{}", number + 10)], Rings::AMPLE)
}

/// Five that fetch and three that send.
fn serve_eight(net: &Net, server_rings: Rings) -> (Device<8>, Vec<Client>) {
    let names = ["a", "b", "c", "d", "e"];
    let sizes = [0, 1, 5_120, 40_000, 77_777];
    let served = names.iter().zip(sizes);
    let mut files = Files::with(served.map(|(name, len)| (*name, Store::holding(file(len)))));
    files.writable = vec!["x", "y", "z"];
    let server = Node::new(net, &["10.0.0.1"], server_rings);
    let mut server = Device::<8>::new(server, files, Config::server());
    let mut clients = Vec::new();
    for (name, windowsize) in names.into_iter().zip([1, 4, 2, 8, 16]) {
        let node = node(net, clients.len());
        clients.push(Client::get(
            node,
            endpoint(SERVER),
            name,
            config(512, windowsize),
        ));
    }
    for (name, windowsize) in [("x", 1), ("y", 4), ("z", 8)] {
        let node = node(net, clients.len());
        let store = Store::holding(file(30_000));
        clients.push(Client::put(
            node,
            endpoint(SERVER),
            name,
            store,
            config(600, windowsize),
        ));
    }
    let mut parts: Vec<&mut dyn Part> = vec![&mut server];
    parts.extend(clients.iter_mut().map(|client| client as &mut dyn Part));
    net.run(&mut parts);
    for (client, len) in clients.iter().zip(sizes) {
        assert_eq!(client.store.bytes, file(len));
    }
    for name in ["x", "y", "z"] {
        assert_eq!(server.files.files[name].bytes, file(30_000));
    }
    (server, clients)
}

#[test]
fn eight_clients_are_served_at_once() {
    let (server, clients) = serve_eight(&Net::quiet(), Rings::AMPLE);
    assert!(
        clients
            .iter()
            .all(|client| client.summary().retransmissions == 0)
    );
    assert_eq!(server.files.closed.len(), 8);
    assert_eq!(server.files.opened, 8);
}

#[test]
fn eight_clients_on_a_rough_network_are_served_by_small_rings() {
    for seed in 0..40 {
        let rings = Rings {
            receive: (8, 8 * 604),
            transmit: (3, 1_800),
        };
        let (server, clients) = serve_eight(&Net::rough(seed), rings);
        assert!(
            clients
                .iter()
                .all(|client| matches!(client.result, Some(Ok(_))))
        );
        assert_eq!(
            server.files.closed.len(),
            server.files.opened,
            "seed {seed}"
        );
    }
}

#[test]
fn transmit_rings_that_are_full_lose_nothing() {
    let net = Net::quiet();
    let rings = Rings {
        transmit: (2, 1_032),
        ..Rings::AMPLE
    };
    let (server, _) = serve_eight(&net, rings);
    let results = server
        .files
        .closed
        .iter()
        .map(|(_, result)| result.expect("a good end"));
    assert_eq!(
        results.map(|summary| summary.retransmissions).sum::<u32>(),
        0
    );
}

#[test]
fn a_client_that_finds_the_table_full_gets_its_turn_later() {
    let net = Net::quiet();
    let files = Files::with([("a", Store::holding(file(200_000)))]);
    let node_1 = Node::new(&net, &["10.0.0.1"], Rings::AMPLE);
    let mut server = Device::<2>::new(node_1, files, Config::server());
    let mut first = Client::get(node(&net, 0), endpoint(SERVER), "a", Config::client());
    let mut second = Client::get(node(&net, 1), endpoint(SERVER), "a", Config::client());
    let mut early = Script::new(node(&net, 3), 1000, &[(100, endpoint(SERVER), RRQ)]);
    net.run(&mut [&mut server, &mut first, &mut second, &mut early]);
    assert!(early.received.is_empty());
    assert_eq!(server.files.closed.len(), server.files.opened);

    let mut first = Client::get(node(&net, 4), endpoint(SERVER), "a", Config::client());
    let mut second = Client::get(node(&net, 5), endpoint(SERVER), "a", Config::client());
    let mut third = Client::get(node(&net, 6), endpoint(SERVER), "a", Config::client());
    net.run(&mut [&mut server, &mut first, &mut second, &mut third]);
    for client in [first, second, third] {
        assert_eq!(client.store.bytes, file(200_000));
    }
}

#[test]
fn who_never_answers_makes_room_for_who_does() {
    let net = Net::quiet();
    let files = Files::with([("a", Store::holding(file(5_000)))]);
    let node_1 = Node::new(&net, &["10.0.0.1"], Rings::AMPLE);
    let mut server = Device::<2>::new(node_1, files, Config::server());
    let mut silent = Script::new(node(&net, 0), 1000, &[(0, endpoint(SERVER), RRQ)]);
    let mut silent_too = Script::new(node(&net, 1), 1000, &[(1, endpoint(SERVER), RRQ)]);
    net.run(&mut [&mut silent, &mut silent_too]);
    let mut client = Client::get(node(&net, 2), endpoint(SERVER), "a", Config::client());
    net.run(&mut [&mut silent, &mut silent_too, &mut server, &mut client]);
    assert_eq!(client.store.bytes, file(5_000));
    let ends: Vec<_> = server
        .files
        .closed
        .iter()
        .map(|(_, result)| *result)
        .collect();
    assert!(ends.contains(&Err(TransferError::Evicted)), "{ends:?}");
    assert_eq!(server.files.closed.len(), 3);
}

#[test]
fn a_place_is_free_again_after_a_transfer() {
    let net = Net::quiet();
    let files = Files::with([("a", Store::holding(file(5_000)))]);
    let node_1 = Node::new(&net, &["10.0.0.1"], Rings::AMPLE);
    let mut server = Device::<1>::new(node_1, files, Config::server());
    for number in 0..3 {
        let mut client = Client::get(node(&net, number), endpoint(SERVER), "a", Config::client());
        net.run(&mut [&mut server, &mut client]);
        assert_eq!(client.store.bytes, file(5_000));
    }
    assert_eq!(server.files.closed.len(), 3);
}

#[test]
fn clients_on_ethernet_are_told_apart() {
    let faults = Faults {
        loss: 5,
        ..Faults::default()
    };
    for seed in 0..10 {
        serve_eight(&Net::new(Medium::Ethernet, faults, seed), Rings::AMPLE);
    }
}

#[test]
fn a_client_that_was_turned_away_says_why() {
    let net = Net::quiet();
    let node_1 = Node::new(&net, &["10.0.0.1"], Rings::AMPLE);
    let mut server = Device::<1>::new(node_1, Files::default(), Config::server());
    let mut client = Client::get(node(&net, 0), endpoint(SERVER), "a", Config::client());
    net.run(&mut [&mut server, &mut client]);
    let error = Error::Transfer(TransferError::Peer(ErrorCode::FILE_NOT_FOUND));
    assert_eq!(client.result, Some(Err(error)));
}
