//! Lists of servers, tried in order.

use core::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use std::{net::UdpSocket, thread};

use tftp_client::{Client, Error, ErrorCode, Request, TransferError};

use crate::peer::{Peer, data, error, quick};

fn of_servers<'c>(servers: &[&Peer]) -> Client<'c> {
    let mut config = quick();
    config.retry.initial = Duration::from_millis(400);
    config.retry.ceiling = Duration::from_millis(400);
    config.retry.resends = 1;
    Client::of_servers(servers.iter().map(|peer| peer.addr())).config(config)
}

/// A port at an address of its own, so that no other test opens it.
#[cfg(target_os = "linux")]
fn closed_port() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 3), 0))
        .and_then(|socket| socket.local_addr())
        .unwrap()
}

#[test]
fn a_silent_server_is_followed_by_the_next() {
    let (silent, peer) = (Peer::new(), Peer::new());
    let mut fetched = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &data(1, b"a"));
        });
        of_servers(&[&silent, &peer])
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
    });
    assert_eq!(fetched, b"a");
    silent.recv();
}

/// Its host says that nobody listens there, so there is nothing to wait for.
#[test]
#[cfg(target_os = "linux")]
fn a_closed_port_is_followed_by_the_next_server_at_once() {
    let closed = closed_port();
    let peer = Peer::new();
    let mut config = quick();
    config.retry.initial = Duration::from_secs(3600);
    config.retry.ceiling = Duration::from_secs(3600);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &data(1, b"a"));
        });
        Client::of_servers([closed, peer.addr()])
            .config(config)
            .get(Request::octet("f").unwrap(), &mut Vec::new())
            .unwrap();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_port_is_reported_as_unreachable() {
    let closed = closed_port();
    let result = Client::new(closed)
        .config(quick())
        .get(Request::octet("f").unwrap(), &mut Vec::new());
    assert!(matches!(result, Err(Error::Unreachable(_))), "{result:?}");
}

#[test]
fn a_server_that_refuses_is_the_last_one_asked() {
    let (refusing, other) = (Peer::new(), Peer::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = refusing.recv();
            refusing.send(to, &error(1, "none"));
        });
        let result =
            of_servers(&[&refusing, &other]).get(Request::octet("f").unwrap(), &mut Vec::new());
        assert!(
            matches!(
                result,
                Err(Error::Refused {
                    code: ErrorCode::FILE_NOT_FOUND,
                    ..
                })
            ),
            "{result:?}"
        );
    });
}

#[test]
fn an_empty_list_is_an_error() {
    let result = of_servers(&[]).get(Request::octet("f").unwrap(), &mut Vec::new());
    assert!(matches!(result, Err(Error::NoServer)), "{result:?}");
}

#[test]
fn a_list_of_silent_servers_is_asked_to_its_end() {
    let silent = [Peer::new(), Peer::new()];
    let result =
        of_servers(&[&silent[0], &silent[1]]).get(Request::octet("f").unwrap(), &mut Vec::new());
    assert!(
        matches!(result, Err(Error::Transfer(TransferError::TimedOut))),
        "{result:?}"
    );
    for peer in &silent {
        peer.recv();
    }
}
