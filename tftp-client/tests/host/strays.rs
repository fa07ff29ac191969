//! Datagrams from others change nothing.

use core::net::Ipv4Addr;
use std::thread;

use tftp_client::Request;

use crate::peer::{Peer, ack, client, data, error, is_error};

/// C-26: only the host that was asked may answer.
#[test]
fn an_answer_from_another_address_is_ignored() {
    let peer = Peer::new();
    let stranger = Peer::at(Ipv4Addr::new(127, 0, 0, 2).into());
    let mut fetched = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            stranger.send(to, &data(1, b"forged"));
            stranger.send(to, &error(1, "forged"));
            peer.send(to, &data(1, b"true"));
            peer.expect(&ack(1));
        });
        client(&peer)
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
    });
    assert_eq!(fetched, b"true");
}

/// F6, C-27: nor may another port, once the server's is known.
#[test]
fn data_and_errors_from_another_port_change_nothing() {
    let peer = Peer::new();
    let stranger = Peer::new();
    let mut fetched = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &data(1, &[b'a'; 512]));
            peer.expect(&ack(1));
            stranger.send(to, &data(2, b"forged"));
            stranger.send(to, &error(0, "forged"));
            peer.send(to, &data(2, b"true"));
            peer.expect(&ack(2));
        });
        client(&peer)
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
    });
    assert_eq!(&fetched[512..], b"true");
}

/// RFC 1350 section 4: the stray's sender is told, so that it stops.
#[test]
fn a_second_answer_to_a_request_gets_error_5() {
    let peer = Peer::new();
    let second = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &data(1, &[b'a'; 512]));
            peer.expect(&ack(1));
            second.send(to, &data(1, &[b'a'; 512]));
            let (answer, from) = second.recv();
            assert!(is_error(&answer, 5), "{answer:?}");
            assert_eq!(from, to);
            peer.send(to, &data(2, b""));
            peer.expect(&ack(2));
        });
        client(&peer)
            .get(Request::octet("f").unwrap(), &mut Vec::new())
            .unwrap();
    });
}

#[test]
fn an_upload_goes_on_through_forged_acks_and_errors() {
    let peer = Peer::new();
    let stranger = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &ack(0));
            peer.expect(&data(1, &[b'a'; 512]));
            stranger.send(to, &error(3, "forged"));
            stranger.send(to, &ack(1));
            peer.send(to, &ack(1));
            peer.expect(&data(2, b"a"));
            peer.send(to, &ack(2));
        });
        client(&peer)
            .put(Request::octet("f").unwrap(), &mut &[b'a'; 513][..])
            .unwrap();
    });
}

#[test]
fn noise_from_the_server_changes_nothing() {
    let peer = Peer::new();
    let mut fetched = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            for noise in [
                &b""[..],
                b"\0",
                b"\0\x03\0",
                b"\0\x09abc",
                b"\xff\xff\xff\xff",
            ] {
                peer.send(to, noise);
            }
            peer.send(to, &data(1, b"a"));
            peer.expect(&ack(1));
        });
        client(&peer)
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
    });
    assert_eq!(fetched, b"a");
}
