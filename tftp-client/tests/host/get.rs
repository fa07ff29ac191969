//! Files are fetched whole.

use core::{net::Ipv6Addr, time::Duration};
use std::thread;

use tftp_client::{Cancel, Config, Error, Request, Summary, TransferError};

use crate::peer::{
    LOSSY, Loss, NO_LOSS, PATIENCE, Peer, ack, asking, calm, client, contents, data, hasty, oack,
    quick, serve_read, windowed,
};

/// Fetches `file` from a server of ours.
fn fetch(peer: &Peer, file: &[u8], config: Config, loss: Loss) -> (Vec<u8>, Summary) {
    thread::scope(|scope| {
        scope.spawn(|| serve_read(peer, file, loss));
        let mut sink = Vec::new();
        let request = Request::octet("f").unwrap();
        let summary = client(peer).config(config).get(request, &mut sink).unwrap();
        (sink, summary)
    })
}

#[track_caller]
fn fetches_whole(len: usize, config: Config, loss: Loss) {
    let file = contents(len);
    let (fetched, summary) = fetch(&Peer::new(), &file, config, loss);
    assert!(fetched == file, "{len} octets differ");
    assert_eq!(summary.bytes, len as u64);
}

#[test]
fn files_of_every_edge_size_arrive_in_lockstep() {
    for len in [0, 1, 511, 512, 513, 1023, 1024, 1025] {
        fetches_whole(len, quick(), NO_LOSS);
    }
}

#[test]
fn files_of_every_edge_size_arrive_in_windows() {
    for len in [
        0,
        1,
        511,
        512,
        513,
        4 * 512 - 1,
        4 * 512,
        4 * 512 + 1,
        8 * 512,
    ] {
        fetches_whole(len, windowed(512, 4), NO_LOSS);
    }
}

#[test]
fn the_smallest_blocks_and_the_largest_arrive() {
    fetches_whole(1000, windowed(8, 3), NO_LOSS);
    fetches_whole(200_000, windowed(65464, 2), NO_LOSS);
}

#[test]
fn a_lossy_link_delays_a_file_and_does_not_change_it() {
    fetches_whole(40_000, windowed(1000, 8), LOSSY);
}

#[test]
fn a_lossy_link_delays_a_lockstep_file_and_does_not_change_it() {
    fetches_whole(10_000, quick(), LOSSY);
}

#[test]
fn a_file_arrives_over_ipv6() {
    let file = contents(10_000);
    let peer = Peer::at(Ipv6Addr::LOCALHOST.into());
    let (fetched, _) = fetch(&peer, &file, windowed(1448, 4), NO_LOSS);
    assert!(fetched == file);
}

#[test]
fn a_window_that_comes_as_one_offloaded_send_is_taken_apart() {
    let file = contents(16 * 512 + 100);
    let peer = Peer::new();
    let mut fetched = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &oack(&[("windowsize", "16")]));
            peer.expect(&ack(0));
            let window: Vec<u8> = (1_u16..)
                .zip(file.chunks(512).take(16))
                .flat_map(|(block, payload)| data(block, payload))
                .collect();
            peer.send_offloaded(to, &window, 516);
            peer.expect(&ack(16));
            peer.send(to, &data(17, &file[16 * 512..]));
            peer.expect(&ack(17));
        });
        client(&peer)
            .config(asking(512, 16))
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
    });
    assert!(fetched == file);
}

/// F1: a client that keeps the block size it asked for takes the first block for the last.
#[test]
fn a_server_without_options_sends_the_whole_file_in_512() {
    let file = contents(1300);
    let peer = Peer::new();
    let mut fetched = Vec::new();
    let summary = thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            for (block, payload) in (1..).zip(file.chunks(512)) {
                peer.send(to, &data(block, payload));
                peer.expect(&ack(block));
            }
        });
        client(&peer)
            .config(asking(1468, 16))
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap()
    });
    assert!(fetched == file);
    assert_eq!(
        (summary.negotiated.blksize, summary.negotiated.windowsize),
        (512, 1)
    );
}

/// F11: a block that comes twice is stored once.
#[test]
fn a_repeated_block_is_stored_once() {
    let peer = Peer::new();
    let mut fetched = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            let first = data(1, &[b'a'; 512]);
            peer.send(to, &first);
            peer.expect(&ack(1));
            peer.send(to, &first);
            peer.expect(&ack(1));
            peer.send(to, &data(2, b"b"));
            peer.expect(&ack(2));
        });
        client(&peer)
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
    });
    assert_eq!(fetched.len(), 513);
    assert!(fetched.ends_with(b"ab"));
}

/// F5: a lost ACK is sent again, by the receiver's own timer if the server stays silent.
#[test]
fn a_silent_server_is_told_again_what_has_arrived() {
    let peer = Peer::new();
    let mut fetched = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &data(1, &[b'a'; 512]));
            peer.expect(&ack(1));
            peer.expect(&ack(1));
            peer.send(to, &data(2, &[]));
            peer.await_one(&ack(2));
        });
        client(&peer)
            .config(hasty())
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
    });
    assert_eq!(fetched, [b'a'; 512]);
}

#[test]
fn the_last_ack_is_repeated_for_a_server_that_missed_it() {
    let peer = Peer::new();
    let mut config = calm();
    config.dally = true;
    config.retry.floor = Duration::from_millis(300);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &data(1, b"a"));
            peer.expect(&ack(1));
            peer.send(to, &data(1, b"a"));
            peer.expect(&ack(1));
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
fn progress_ends_with_the_whole_size_and_complete() {
    let file = contents(5000);
    let peer = Peer::new();
    let mut seen = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| serve_read(&peer, &file, NO_LOSS));
        client(&peer)
            .progress(|progress| seen.push((progress.bytes, progress.size, progress.complete)))
            .get(Request::octet("f").unwrap(), &mut Vec::new())
            .unwrap();
    });
    assert!(seen.is_sorted());
    assert_eq!(seen.last(), Some(&(5000, Some(5000), true)));
}

#[test]
fn a_file_arrives_without_offload() {
    let file = contents(200_000);
    let peer = Peer::new();
    let mut fetched = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| serve_read(&peer, &file, LOSSY));
        client(&peer)
            .config(windowed(1468, 16))
            .offload(false)
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
    });
    assert!(fetched == file);
}

#[test]
fn busy_polling_fetches_the_same_file() {
    let file = contents(20_000);
    let peer = Peer::new();
    let mut fetched = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| serve_read(&peer, &file, NO_LOSS));
        client(&peer)
            .busy_poll(Duration::from_micros(50))
            .get(Request::octet("f").unwrap(), &mut fetched)
            .unwrap();
    });
    assert!(fetched == file);
}

#[test]
fn busy_polling_ends_with_the_time_out() {
    let peer = Peer::new();
    let mut config = quick();
    config.retry.resends = 1;
    let result = client(&peer)
        .config(config)
        .busy_poll(Duration::MAX)
        .get(Request::octet("f").unwrap(), &mut Vec::new());
    assert!(
        matches!(result, Err(Error::Transfer(TransferError::TimedOut))),
        "{result:?}"
    );
    let (first, _) = peer.recv();
    peer.expect(&first);
}

#[test]
fn busy_polling_ends_when_it_is_cancelled() {
    let peer = Peer::new();
    let cancel = Cancel::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            peer.recv();
            cancel.cancel();
        });
        let result = client(&peer)
            .cancel(cancel.clone())
            .busy_poll(PATIENCE)
            .get(Request::octet("f").unwrap(), &mut Vec::new());
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    });
    // After the busy wait the request would have been repeated.
    assert!(peer.is_idle());
}
