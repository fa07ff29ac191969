//! What is asked, and how it is asked again.

use core::{net::Ipv4Addr, time::Duration};
use std::{io::ErrorKind, net::UdpSocket, thread};

use tftp_client::{Client, Config, Error, Request, TransferError};

use crate::peer::{Peer, ack, asking, calm, client, data, error, hasty, oack, quick, strings};

#[test]
fn a_client_that_was_told_nothing_asks_for_size_window_and_fitting_blocks() {
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (request, to) = peer.recv();
            let mut asked = strings(&request);
            assert_eq!(asked.drain(..2).collect::<Vec<_>>(), ["f", "octet"]);
            let mut pairs: Vec<_> = asked.chunks(2).map(|pair| pair.join("=")).collect();
            pairs.sort();
            assert_eq!(pairs, ["blksize=1468", "tsize=0", "windowsize=16"]);
            peer.send(to, &data(1, b""));
        });
        Client::new(peer.addr())
            .get(Request::octet("f").unwrap(), &mut Vec::new())
            .unwrap();
    });
}

/// That a client uses these shows in what it asks for.
#[test]
fn a_client_that_was_told_nothing_waits_as_a_local_network_needs_it() {
    let retry = Client::default_config().retry;
    assert_eq!(retry.initial, Client::DEFAULT_TIMEOUT);
    assert!(retry.initial < Config::client().retry.initial);
    assert!(retry.initial > retry.floor);
}

/// C-29: a server must be able to see that it is the same request.
#[test]
fn a_repeated_request_is_the_same_from_the_same_port() {
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let first = peer.recv();
            assert_eq!(peer.recv(), first);
            assert_eq!(peer.recv(), first);
            peer.send(first.1, &data(1, b"a"));
        });
        let mut fetched = Vec::new();
        client(&peer)
            .config(quick())
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
        assert_eq!(fetched, b"a");
    });
}

/// C-25, for the codes that a server may mean by options it does not understand.
#[test]
fn a_request_whose_options_are_refused_is_repeated_without_them_from_a_new_port() {
    for code in [0, 4, 8] {
        let peer = Peer::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                let (request, first) = peer.recv();
                assert!(strings(&request).len() > 2);
                peer.send(first, &error(code, "what?"));
                let (request, second) = peer.recv();
                assert_eq!(strings(&request), ["f", "octet"]);
                assert_ne!(first, second);
                peer.send(second, &data(1, b"a"));
            });
            let mut fetched = Vec::new();
            client(&peer)
                .config(asking(1468, 4))
                .get(Request::octet("f").unwrap(), &mut fetched)
                .unwrap();
            assert_eq!(fetched, b"a");
        });
    }
}

#[test]
fn an_upload_whose_options_are_refused_is_repeated_without_them() {
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, first) = peer.recv();
            peer.send(first, &error(8, ""));
            let (request, second) = peer.recv();
            assert_eq!(strings(&request), ["f", "octet"]);
            peer.send(second, &ack(0));
            peer.expect(&data(1, b"a"));
            peer.send(second, &ack(1));
        });
        client(&peer)
            .config(asking(1468, 4))
            .put(Request::octet("f").unwrap(), &mut &b"a"[..])
            .unwrap();
    });
}

#[test]
fn an_oack_that_makes_no_sense_is_refused_and_the_request_repeated_without_options() {
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, first) = peer.recv();
            peer.send(first, &oack(&[("blksize", "9000")]));
            peer.expect(&error(8, "option negotiation failed"));
            let (request, second) = peer.recv();
            assert_eq!(strings(&request), ["f", "octet"]);
            peer.send(second, &data(1, b"a"));
        });
        client(&peer)
            .config(asking(1468, 4))
            .get(Request::octet("f").unwrap(), &mut Vec::new())
            .unwrap();
    });
}

#[test]
fn a_client_that_may_not_restart_reports_the_first_error() {
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, first) = peer.recv();
            peer.send(first, &error(8, "no\noptions"));
        });
        let result = client(&peer)
            .restart(false)
            .get(Request::octet("f").unwrap(), &mut Vec::new());
        let Err(Error::Refused { code, message }) = result else {
            panic!("{result:?}");
        };
        assert_eq!((code.0, message.as_str()), (8, "no\\noptions"));
    });
}

#[test]
fn blocks_that_never_arrive_are_asked_for_in_512() {
    let peer = Peer::new();
    let mut config = hasty();
    config.blksize = 1468;
    config.windowsize = 2;
    config.retry.resends = 1;
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, first) = peer.recv();
            peer.send(first, &oack(&[("blksize", "1468"), ("windowsize", "2")]));
            // The blocks are lost on the way.
            let second = loop {
                match peer.recv() {
                    (packet, from) if packet == ack(0) => assert_eq!(from, first),
                    (request, from) => {
                        assert!(!strings(&request).contains(&"blksize".to_owned()));
                        break from;
                    }
                }
            };
            assert_ne!(first, second);
            peer.send(second, &data(1, b"a"));
        });
        let mut fetched = Vec::new();
        client(&peer)
            .config(config)
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
        assert_eq!(fetched, b"a");
    });
}

#[test]
fn the_request_leaves_from_the_port_that_was_chosen() {
    let peer = Peer::new();
    thread::scope(|scope| {
        let seen = scope.spawn(|| {
            let (_, from) = peer.recv();
            peer.send(from, &data(1, b""));
            from.port()
        });
        // A port that is free now may be taken by another test before it is used.
        let chosen = loop {
            let port = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
                .and_then(|socket| socket.local_addr())
                .unwrap()
                .port();
            let result = client(&peer)
                .source_port(port)
                .get(Request::octet("f").unwrap(), &mut Vec::new());
            match result {
                Ok(_) => break port,
                Err(Error::Socket(error)) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(seen.join().unwrap(), chosen);
    });
}

/// F5: nothing waits for ever.
#[test]
fn a_silent_server_ends_the_attempt() {
    let peer = Peer::new();
    let mut config = quick();
    config.retry.resends = 2;
    let result = client(&peer)
        .config(config)
        .get(Request::octet("f").unwrap(), &mut Vec::new());
    assert!(
        matches!(result, Err(Error::Transfer(TransferError::TimedOut))),
        "{result:?}"
    );
    let (first, _) = peer.recv();
    peer.expect(&first);
    peer.expect(&first);
}

#[test]
fn a_server_that_falls_silent_ends_the_transfer() {
    let peer = Peer::new();
    let mut config = hasty();
    config.windowsize = 2;
    config.retry.resends = 2;
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &oack(&[("windowsize", "2")]));
            peer.send(to, &data(1, &[b'a'; 512]));
            peer.send(to, &data(2, &[b'a'; 512]));
            peer.expect(&ack(0));
            for _ in 0..3 {
                peer.expect(&ack(2));
            }
        });
        let result = client(&peer)
            .config(config)
            .get(Request::octet("f").unwrap(), &mut Vec::new());
        assert!(
            matches!(result, Err(Error::Transfer(TransferError::TimedOut))),
            "{result:?}"
        );
    });
}

#[test]
fn a_time_out_is_negotiated_in_whole_seconds() {
    let peer = Peer::new();
    let mut config = calm();
    config.timeout = Some(Duration::from_secs(3));
    thread::scope(|scope| {
        scope.spawn(|| {
            let (request, to) = peer.recv();
            assert!(
                strings(&request)
                    .windows(2)
                    .any(|pair| pair == ["timeout", "3"])
            );
            peer.send(to, &data(1, b""));
        });
        client(&peer)
            .config(config)
            .get(Request::octet("f").unwrap(), &mut Vec::new())
            .unwrap();
    });
}
