//! Who speaks to whom: ports, addresses, repeats, strangers.

use core::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use tftp_server::{Memory, Ports, TurnedAway};

use crate::support::*;

fn memory() -> Memory {
    let mut memory = Memory::new();
    memory.insert("image", noise(2000)).unwrap();
    memory.insert("other", vec![7; 2000]).unwrap();
    memory
}

fn on_all_addresses(ports: Ports) -> (Running, u16) {
    let mut config = config();
    config.listen = vec![(Ipv4Addr::UNSPECIFIED, 0).into()];
    config.ports = ports;
    let server = serve(config, memory());
    let port = server.address.port();
    (server, port)
}

/// C-30
#[test]
fn each_transfer_has_a_port_of_its_own() {
    let server = serve(config(), memory());
    let (one, other) = (Client::new(server.address), Client::new(server.address));
    one.ask(&rrq("image", &[]));
    other.ask(&rrq("image", &[]));
    let (one, other) = (one.receive().1, other.receive().1);
    assert!(one != other && one != server.address && other != server.address);
}

/// C-30
#[test]
fn the_answer_comes_from_the_address_that_was_asked() {
    let asked = Ipv4Addr::new(127, 0, 0, 7);
    for ports in [Ports::PerTransfer, Ports::Single] {
        let (_server, port) = on_all_addresses(ports);
        let client = Client::new((asked, port).into());
        client.ask(&rrq("image", &[]));
        assert_eq!(client.receive().1.ip(), asked);
    }
}

#[test]
fn a_refusal_comes_from_the_address_that_was_asked() {
    let asked = Ipv4Addr::new(127, 0, 0, 7);
    let (_server, port) = on_all_addresses(Ports::PerTransfer);
    let client = Client::new((asked, port).into());
    client.ask(&rrq("missing", &[]));
    assert_eq!(client.receive().1, SocketAddr::from((asked, port)));
}

/// C-33
#[test]
fn a_request_to_a_broadcast_address_is_ignored() {
    let (server, port) = on_all_addresses(Ports::PerTransfer);
    let client = Client::from(
        Ipv4Addr::LOCALHOST.into(),
        (Ipv4Addr::LOCALHOST, port).into(),
    );
    client.socket.set_broadcast(true).unwrap();
    client.send_to(
        (Ipv4Addr::new(127, 255, 255, 255), port).into(),
        &rrq("image", &[]),
    );
    let from = client.socket.local_addr().unwrap();
    assert_eq!(server.told(), Told::TurnedAway(from, TurnedAway::Broadcast));
    client.assert_no_answer();
}

/// C-31, F34
#[test]
fn repeats_of_a_request_make_one_transfer() {
    for ports in [Ports::PerTransfer, Ports::Single] {
        let mut config = config();
        config.ports = ports;
        let server = serve(config, memory());
        let client = Client::new(server.address);
        for _ in 0..3 {
            client.ask(&rrq("image", &[]));
        }
        let (answer, tid) = client.receive();
        assert_eq!(answer, data(1, &noise(2000)[..512]));
        client.assert_no_answer();
        client.send_to(tid, &ack(1));
        assert_eq!(client.receive(), (data(2, &noise(2000)[512..1024]), tid));
    }
}

/// C-31
#[test]
fn repeats_of_a_write_request_make_one_transfer() {
    let dir = directory(&[]);
    let root = tftp_server::Root::open(dir.path())
        .unwrap()
        .uploads(tftp_server::Uploads::new());
    let server = serve(config(), root);
    let client = Client::new(server.address);
    for _ in 0..3 {
        client.ask(&wrq("up", &[]));
    }
    let (answer, tid) = client.receive();
    assert_eq!(answer, ack(0));
    client.send_to(tid, &data(1, &[1; 512]));
    assert_eq!(client.receive(), (ack(1), tid));
    client.ask(&wrq("up", &[]));
    client.assert_no_answer();
    client.send_to(tid, &data(2, b"end"));
    assert_eq!(client.receive(), (ack(2), tid));
    let names = [server.ended().name, server.ended().name];
    assert_eq!(names, [FENCE, "up"]);
    client.assert_no_answer();
    assert_eq!(server.ended().name, FENCE);
}

/// A client that has acknowledged data, falls silent and asks again and again has restarted.
#[test]
fn requests_repeated_after_silence_start_anew() {
    let server = serve(config(), memory());
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[]));
    let (_, tid) = client.receive();
    client.send_to(tid, &ack(1));
    let second = client.receive();
    assert_eq!(client.receive(), second, "sent again for want of an answer");
    client.ask(&rrq("image", &[]));
    client.ask(&rrq("image", &[]));
    assert_eq!(client.receive().0, data(1, &noise(2000)[..512]));
    assert_eq!(server.ended().outcome, "Replaced");
}

/// C-32
#[test]
fn a_different_request_from_the_same_port_replaces_the_transfer_silently() {
    for ports in [Ports::PerTransfer, Ports::Single] {
        let mut config = config();
        config.ports = ports;
        let server = serve(config, memory());
        let client = Client::new(server.address);
        client.ask(&rrq("image", &[]));
        let _ = client.receive();
        client.ask(&rrq("other", &[]));
        assert_eq!(client.receive().0, data(1, &[7; 512]));
        let ended = server.ended();
        assert_eq!(
            (ended.name.as_str(), ended.outcome.as_str()),
            ("image", "Replaced")
        );
    }
}

/// C-27, H5
#[test]
fn a_stranger_gets_one_error_5_and_disturbs_nothing() {
    let server = serve(config(), memory());
    let (client, stranger) = (Client::new(server.address), Client::new(server.address));
    client.ask(&rrq("image", &[]));
    let (_, tid) = client.receive();
    for block in [1, 1, 2] {
        stranger.send_to(tid, &ack(block));
    }
    assert_eq!(error_code(&stranger.receive().0), 5);
    client.send_to(tid, &ack(1));
    assert_eq!(client.receive().0, data(2, &noise(2000)[512..1024]));
    assert_eq!(stranger.receive_within(Duration::from_millis(50)), None);
}

/// C-28, F36, H2: two servers cannot be set against each other.
#[test]
fn nothing_but_a_request_is_answered_at_the_request_port() {
    let server = serve(config(), memory());
    let client = Client::new(server.address);
    for datagram in [
        ERROR_0,
        &ack(1),
        &data(1, b"x"),
        &oack(&[]),
        &[0],
        &[0, 9, 1, 2],
        &[],
    ] {
        client.ask(datagram);
    }
    client.assert_no_answer();
}

#[test]
fn a_malformed_request_is_answered_with_error_4() {
    let server = serve(config(), memory());
    let client = Client::new(server.address);
    for datagram in [
        b"\0\x01image\0mail\0".as_slice(),
        b"\0\x01image\0octet",
        b"\0\x02image",
        b"\0\x01\0octet\0",
    ] {
        assert_eq!(client.error_for(datagram), 4, "{datagram:?}");
    }
}

/// C-45: an ERROR of the client ends the transfer at once, unanswered.
#[test]
fn an_error_of_the_client_ends_the_transfer() {
    let server = serve(config(), memory());
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[]));
    let (_, tid) = client.receive();
    client.send_to(tid, &[0, 5, 0, 3, b'f', b'u', b'l', b'l', 0]);
    assert_eq!(server.ended().outcome, "Peer(ErrorCode(3))");
    client.assert_no_answer();
}

/// C-38: the Sorcerer's Apprentice.
#[test]
fn a_duplicate_acknowledgement_sends_nothing_in_lockstep() {
    let server = serve(config(), memory());
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[]));
    let (_, tid) = client.receive();
    for block in 1..=3 {
        for _ in 0..3 {
            client.send_to(tid, &ack(block));
        }
        assert_eq!(client.receive().0[..4], data(block + 1, b""));
    }
    client.send_to(tid, &ack(4));
    let ended = server.ended();
    assert_eq!(
        (ended.outcome.as_str(), ended.retransmissions),
        ("Complete", 0)
    );
    assert_eq!(client.receive_within(Duration::from_millis(20)), None);
}

#[test]
fn the_same_client_port_may_have_transfers_at_two_addresses() {
    let (_server, port) = on_all_addresses(Ports::Single);
    let client = Client::new((Ipv4Addr::LOCALHOST, port).into());
    let addresses = [2, 3].map(|last| SocketAddr::from((IpAddr::from([127, 0, 0, last]), port)));
    for address in addresses {
        client.send_to(address, &rrq("image", &[]));
        assert_eq!(client.receive(), (data(1, &noise(2000)[..512]), address));
    }
    for address in addresses {
        client.send_to(address, &ack(1));
        assert_eq!(
            client.receive(),
            (data(2, &noise(2000)[512..1024]), address)
        );
    }
}

/// A boot ROM with a fixed port asks for the next file at once.
#[test]
fn a_request_right_after_the_last_acknowledgement_does_not_replace_the_transfer() {
    for ports in [Ports::PerTransfer, Ports::Single] {
        let mut config = config();
        config.ports = ports;
        let server = serve(config, memory());
        let client = Client::new(server.address);
        for _ in 0..50 {
            client.ask(&rrq("image", &[("blksize", "1500")]));
            let (_, tid) = client.receive();
            client.send_to(tid, &ack(0));
            let _ = client.receive();
            client.send_to(tid, &ack(1));
            let _ = client.receive();
            client.send_to(tid, &ack(2));
            client.ask(&rrq("other", &[]));
            let (_, tid) = client.receive();
            client.send_to(tid, ERROR_0);
            assert_eq!(server.ended().outcome, "Complete");
            assert_eq!(server.ended().outcome, "Peer(ErrorCode(0))");
        }
    }
}
