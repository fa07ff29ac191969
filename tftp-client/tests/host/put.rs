//! Files are stored whole.

use core::net::Ipv6Addr;
use std::{io, thread};

use tftp_client::{
    Config, Error, ErrorCode, Length, Request, Source, StdIo, Summary, TransferError, Window,
};

use crate::peer::{
    LOSSY, Loss, NO_LOSS, Peer, ack, asking, client, contents, data, hasty, is_error, oack, quick,
    serve_write, strings, windowed,
};

/// Stores the file that `source` gives at a server of ours.
fn store<S: Source>(source: &mut S, config: Config, loss: Loss) -> (Vec<u8>, Summary)
where
    S::Error: Send + Sync,
{
    let peer = Peer::new();
    thread::scope(|scope| {
        let server = scope.spawn(|| serve_write(&peer, loss));
        let request = Request::octet("f").unwrap();
        let summary = client(&peer).config(config).put(request, source).unwrap();
        peer.dismiss();
        let (stored, result) = server.join().unwrap();
        result.unwrap();
        (stored, summary)
    })
}

#[track_caller]
fn stores_whole(len: usize, config: Config, loss: Loss) {
    let file = contents(len);
    let (stored, summary) = store(&mut &file[..], config, loss);
    assert!(stored == file, "{len} octets differ");
    assert_eq!(summary.bytes, len as u64);
}

#[track_caller]
fn pipes_whole(len: usize, config: Config, loss: Loss) {
    let file = contents(len);
    let (stored, summary) = store(&mut Window::growing(StdIo(&file[..])), config, loss);
    assert!(stored == file, "{len} octets differ");
    assert_eq!(summary.negotiated.tsize, None);
}

#[test]
fn files_of_every_edge_size_are_stored_in_lockstep() {
    for len in [0, 1, 511, 512, 513, 1023, 1024, 1025] {
        stores_whole(len, quick(), NO_LOSS);
    }
}

#[test]
fn files_of_every_edge_size_are_stored_in_windows() {
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
        stores_whole(len, windowed(512, 4), NO_LOSS);
    }
}

#[test]
fn a_window_larger_than_one_send_is_stored() {
    stores_whole(1_000_000, windowed(1468, 100), NO_LOSS);
}

#[test]
fn the_smallest_blocks_and_the_largest_are_stored() {
    stores_whole(1000, windowed(8, 3), NO_LOSS);
    stores_whole(200_000, windowed(65464, 2), NO_LOSS);
}

#[test]
fn a_lossy_link_delays_an_upload_and_does_not_change_it() {
    stores_whole(40_000, windowed(1000, 8), LOSSY);
}

#[test]
fn a_source_of_unknown_length_is_stored_whole() {
    for len in [
        0,
        1,
        511,
        512,
        513,
        4 * 512 - 1,
        4 * 512,
        4 * 512 + 1,
        10_000,
    ] {
        pipes_whole(len, windowed(512, 4), NO_LOSS);
    }
}

#[test]
fn a_source_that_is_read_once_is_sent_again_after_a_loss() {
    pipes_whole(40_000, windowed(1000, 8), LOSSY);
}

#[test]
fn a_window_leaves_in_one_call_where_the_system_can() {
    let file = contents(8 * 1000 + 1);
    let peer = Peer::new();
    let Some(offload) = peer.offload() else {
        return;
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &oack(&[("blksize", "1000"), ("windowsize", "8")]));
            assert_eq!(peer.recv_offloaded(&offload), (1004, 8 * 1004));
            peer.send(to, &ack(8));
            assert_eq!(peer.recv_offloaded(&offload), (5, 5));
            peer.send(to, &ack(9));
        });
        client(&peer)
            .config(asking(1000, 8))
            .put(Request::octet("f").unwrap(), &mut &file[..])
            .unwrap();
    });
}

#[test]
fn a_file_is_stored_without_offload() {
    let file = contents(200_000);
    let peer = Peer::new();
    thread::scope(|scope| {
        let server = scope.spawn(|| serve_write(&peer, LOSSY));
        client(&peer)
            .config(windowed(1468, 16))
            .offload(false)
            .put(Request::octet("f").unwrap(), &mut &file[..])
            .unwrap();
        peer.dismiss();
        assert!(server.join().unwrap().0 == file);
    });
}

/// Blocks beyond the MTU of most routes, which the socket must be able to cut into fragments.
#[test]
fn large_blocks_are_stored_over_ipv6() {
    let file = contents(200_000);
    let peer = Peer::at(Ipv6Addr::LOCALHOST.into());
    thread::scope(|scope| {
        let server = scope.spawn(|| serve_write(&peer, NO_LOSS));
        client(&peer)
            .config(windowed(65464, 2))
            .put(Request::octet("f").unwrap(), &mut &file[..])
            .unwrap();
        peer.dismiss();
        assert!(server.join().unwrap().0 == file);
    });
}

/// F22: the empty block that ends a file of whole blocks, and the one that is an empty file.
#[test]
fn whole_blocks_and_empty_files_end_with_an_empty_block() {
    for len in [0, 512] {
        let file = contents(len);
        let peer = Peer::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                let (_, to) = peer.recv();
                peer.send(to, &ack(0));
                if len > 0 {
                    peer.expect(&data(1, &file));
                    peer.send(to, &ack(1));
                }
                let last = u16::from(len > 0) + 1;
                peer.expect(&data(last, &[]));
                peer.send(to, &ack(last));
            });
            client(&peer)
                .put(Request::octet("f").unwrap(), &mut &file[..])
                .unwrap();
        });
    }
}

/// F12: after a lost OACK both ends must mean the same block size.
#[test]
fn a_lost_oack_does_not_split_the_ends() {
    let first_lost = Loss {
        sent: |n| n == 0,
        received: |_| false,
    };
    let file = contents(5000);
    let (stored, summary) = store(&mut &file[..], windowed(1000, 2), first_lost);
    assert!(stored == file);
    assert_eq!(summary.negotiated.blksize, 1000);
}

/// F12: a server that falls back to ACK 0 after its OACK was lost gets blocks of 512 octets.
#[test]
fn ack_0_instead_of_an_oack_means_512() {
    let file = contents(600);
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            peer.recv();
            let (_, to) = peer.recv();
            peer.send(to, &ack(0));
            peer.await_one(&data(1, &file[..512]));
            peer.send(to, &ack(1));
            peer.await_one(&data(2, &file[512..]));
            peer.send(to, &ack(2));
        });
        client(&peer)
            .config(windowed(1468, 8))
            .put(Request::octet("f").unwrap(), &mut &file[..])
            .unwrap();
    });
}

#[test]
fn a_server_that_never_acknowledges_the_end_leaves_it_unconfirmed() {
    let peer = Peer::new();
    let mut config = hasty();
    config.retry.resends = 1;
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &oack(&[("tsize", "1")]));
            peer.expect(&data(1, b"a"));
            peer.expect(&data(1, b"a"));
        });
        let result = client(&peer)
            .config(config)
            .put(Request::octet("f").unwrap(), &mut &b"a"[..]);
        assert!(matches!(
            result,
            Err(Error::Transfer(TransferError::Unconfirmed))
        ));
    });
}

/// The blocks may have arrived and the ACKs be lost: a second request could meet the file.
#[test]
fn an_upload_that_may_have_arrived_is_not_asked_for_again() {
    let peer = Peer::new();
    let mut config = hasty();
    config.blksize = 1468;
    config.retry.resends = 1;
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &oack(&[("blksize", "1468")]));
            peer.expect(&data(1, b"a"));
            peer.expect(&data(1, b"a"));
        });
        let result = client(&peer)
            .config(config)
            .put(Request::octet("f").unwrap(), &mut &b"a"[..]);
        assert!(
            matches!(result, Err(Error::Transfer(TransferError::Unconfirmed))),
            "{result:?}"
        );
    });
    assert!(peer.is_idle());
}

/// The last block was never sent, so the server cannot have the file.
#[test]
fn full_blocks_that_never_arrive_are_sent_in_512() {
    let peer = Peer::new();
    let mut config = hasty();
    config.blksize = 1468;
    config.retry.resends = 1;
    let file = contents(1500);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, first) = peer.recv();
            peer.send(first, &oack(&[("blksize", "1468")]));
            peer.expect(&data(1, &file[..1468]));
            peer.expect(&data(1, &file[..1468]));
            let (request, second) = peer.recv();
            assert_eq!(strings(&request), ["f", "octet", "tsize", "1500"]);
            assert_ne!(first, second);
            peer.send(second, &ack(0));
            for (number, block) in (1..).zip(file.chunks(512)) {
                peer.await_one(&data(number, block));
                peer.send(second, &ack(number));
            }
        });
        client(&peer)
            .config(config)
            .put(Request::octet("f").unwrap(), &mut &file[..])
            .unwrap();
    });
}

/// Promises more than it has.
struct Shrinking;

impl Source for Shrinking {
    type Error = core::convert::Infallible;

    fn length(&mut self) -> Result<Length, Self::Error> {
        Ok(Length::Known(1000))
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error> {
        (&[b'a'; 600][..]).read_at(offset, buf)
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_does_not_pass_for_whole() {
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &oack(&[("tsize", "1000")]));
            peer.expect(&data(1, &[b'a'; 512]));
            peer.send(to, &ack(1));
            let (last, _) = peer.recv();
            assert!(is_error(&last, 0), "{last:?}");
        });
        let result = client(&peer).put(Request::octet("f").unwrap(), &mut Shrinking);
        assert!(matches!(
            result,
            Err(Error::Shrunk {
                expected: 1000,
                found: 600
            })
        ));
    });
}

/// Breaks after its first block.
struct Broken;

impl Source for Broken {
    type Error = io::Error;

    fn length(&mut self) -> io::Result<Length> {
        Ok(Length::Unknown)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        buf.fill(b'a');
        if offset == 0 {
            Ok(buf.len())
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }

    fn code(_: &io::Error) -> ErrorCode {
        ErrorCode::ACCESS_VIOLATION
    }
}

#[test]
fn a_source_that_fails_is_told_with_its_code() {
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &ack(0));
            peer.expect(&data(1, &[b'a'; 512]));
            peer.send(to, &ack(1));
            let (last, _) = peer.recv();
            assert!(is_error(&last, 2), "{last:?}");
        });
        let result = client(&peer).put(Request::octet("f").unwrap(), &mut Broken);
        assert!(matches!(result, Err(Error::Store(_))), "{result:?}");
    });
}
