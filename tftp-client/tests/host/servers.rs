//! Lists of servers, tried in order.

use core::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use std::{fs, net::UdpSocket, thread};

use tempfile::TempDir;
use tftp_client::{Client, Error, ErrorCode, Request, Sink, StagedFile, StdIo, TransferError};

use crate::peer::{PATIENCE, Peer, ack, calm, contents, data, error, hasty, oack, quick};

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
    for (windowsize, offload) in [(1, true), (4, true), (4, false)] {
        let closed = closed_port();
        let mut config = quick();
        config.windowsize = windowsize;
        let result = Client::new(closed)
            .config(config)
            .offload(offload)
            .get(Request::octet("f").unwrap(), &mut Vec::new());
        assert!(matches!(result, Err(Error::Unreachable(_))), "{result:?}");
    }
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

/// A client of two servers that soon loses patience with one that has answered.
fn of_dying_and_next<'c>(dying: &Peer, next: &Peer) -> Client<'c> {
    let mut config = hasty();
    config.windowsize = 2;
    config.retry.resends = 1;
    Client::of_servers([dying.addr(), next.addr()]).config(config)
}

/// Fetches from a server that falls silent after this block, and from the next one that gives `b`.
fn get_after_a_death<S: Sink>(
    request: Request<'_>,
    first_block: &[u8],
    sink: &mut S,
) -> Result<(), Error<S::Error>> {
    let (dying, next) = (Peer::new(), Peer::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = dying.recv();
            dying.send(to, &oack(&[("windowsize", "2")]));
            dying.send(to, &data(1, first_block));
        });
        scope.spawn(|| next.answer_any(&data(1, b"b")));
        let result = of_dying_and_next(&dying, &next).get(request, sink);
        next.dismiss();
        result.map(|_| ())
    })
}

#[test]
fn a_server_that_dies_in_the_middle_is_followed_by_the_next_from_the_start() {
    let mut fetched = b"before ".to_vec();
    let request = Request::octet("f").unwrap();
    get_after_a_death(request, &contents(512), &mut fetched).unwrap();
    assert_eq!(fetched, b"before b");
}

#[test]
fn a_server_that_gives_up_in_the_middle_is_followed_by_the_next() {
    let (dying, next) = (Peer::new(), Peer::new());
    let mut fetched = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = dying.recv();
            dying.send(to, &data(1, &contents(512)));
            dying.expect(&ack(1));
            dying.send(to, &error(0, "shutting down"));
        });
        scope.spawn(|| next.answer(&data(1, b"b")));
        Client::of_servers([dying.addr(), next.addr()])
            .config(calm())
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
    });
    assert_eq!(fetched, b"b");
}

#[test]
fn a_text_starts_anew_at_the_next_server() {
    let mut fetched = b"before ".to_vec();
    let request = Request::netascii("f").unwrap();
    // The CR at the end of the block waits for what follows.
    let lines = [b"\r\n".repeat(255), b"a\r".to_vec()].concat();
    get_after_a_death(request, &lines, &mut fetched).unwrap();
    assert_eq!(fetched, b"before b");
}

#[test]
fn a_staged_file_starts_anew_at_the_next_server() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("f");
    let mut file = StagedFile::create(&path).unwrap();
    let request = Request::octet("f").unwrap();
    get_after_a_death(request, &contents(512), &mut file).unwrap();
    assert_eq!(fs::read(path).unwrap(), b"b");
}

/// Half of one file and the whole of another would be in the pipe.
#[test]
fn what_cannot_be_taken_back_ends_with_the_server_that_died() {
    let mut pipe = StdIo(Vec::new());
    let request = Request::octet("f").unwrap();
    let result = get_after_a_death(request, &contents(512), &mut pipe);
    assert!(
        matches!(result, Err(Error::Transfer(TransferError::TimedOut))),
        "{result:?}"
    );
    assert_eq!(pipe.0, contents(512));
}

#[test]
fn an_upload_is_not_taken_to_another_server() {
    let (dying, next) = (Peer::new(), Peer::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = dying.recv();
            dying.send(to, &ack(0));
        });
        let file = contents(1000);
        let result =
            of_dying_and_next(&dying, &next).put(Request::octet("f").unwrap(), &mut &file[..]);
        assert!(
            matches!(result, Err(Error::Transfer(TransferError::TimedOut))),
            "{result:?}"
        );
    });
    assert!(next.is_idle());
}

#[test]
fn the_time_for_the_whole_transfer_is_not_given_to_each_server() {
    let (silent, next) = (Peer::new(), Peer::new());
    let mut config = quick();
    config.retry.initial = PATIENCE;
    config.retry.ceiling = PATIENCE;
    config.retry.deadline = Some(Duration::from_millis(20));
    let result = Client::of_servers([silent.addr(), next.addr()])
        .config(config)
        .get(Request::octet("f").unwrap(), &mut Vec::new());
    assert!(
        matches!(result, Err(Error::Transfer(TransferError::TimedOut))),
        "{result:?}"
    );
    assert!(next.is_idle());
}
