//! netascii: line ends are translated on the way.

use std::thread;

use tftp_client::{Error, Length, Request, Source, StdIo, Window};

use crate::peer::{
    LOSSY, NO_LOSS, Peer, ack, client, data, is_error, serve_read, serve_write, windowed,
};

const LOCAL: &[u8] = b"one\ntwo\rthree\n\nfour\r";
const WIRE: &[u8] = b"one\r\ntwo\r\0three\r\n\r\nfour\r\0";

/// Long, and with pairs on every block boundary of some size.
fn many(text: &[u8]) -> Vec<u8> {
    text.repeat(200)
}

#[test]
fn a_fetched_text_has_local_line_ends() {
    let peer = Peer::new();
    let mut text = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| serve_read(&peer, &many(WIRE), NO_LOSS));
        client(&peer)
            .config(windowed(11, 3))
            .get(Request::netascii("f").unwrap(), &mut text)
            .unwrap();
    });
    assert_eq!(text, many(LOCAL));
}

#[test]
fn a_cr_that_ends_a_fetched_text_is_kept() {
    let peer = Peer::new();
    let mut text = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| serve_read(&peer, b"a\r", NO_LOSS));
        client(&peer)
            .get(Request::netascii("f").unwrap(), &mut text)
            .unwrap();
    });
    assert_eq!(text, b"a\r");
}

#[test]
fn a_stored_text_has_the_line_ends_of_the_wire() {
    let peer = Peer::new();
    let local = many(LOCAL);
    thread::scope(|scope| {
        let server = scope.spawn(|| serve_write(&peer, NO_LOSS));
        let summary = client(&peer)
            .config(windowed(11, 3))
            .put(Request::netascii("f").unwrap(), &mut &local[..])
            .unwrap();
        assert_eq!(summary.negotiated.tsize, None);
        peer.dismiss();
        assert_eq!(server.join().unwrap().0, many(WIRE));
    });
}

/// C-78: a block that is sent again is the same, wherever its line ends are.
#[test]
fn a_text_is_translated_alike_when_it_is_sent_again() {
    let peer = Peer::new();
    let local = many(LOCAL);
    thread::scope(|scope| {
        let server = scope.spawn(|| serve_write(&peer, LOSSY));
        client(&peer)
            .config(windowed(64, 4))
            .put(Request::netascii("f").unwrap(), &mut &local[..])
            .unwrap();
        peer.dismiss();
        assert_eq!(server.join().unwrap().0, many(WIRE));
    });
}

#[test]
fn a_text_that_is_read_once_is_translated_alike_when_it_is_sent_again() {
    let peer = Peer::new();
    let local = many(LOCAL);
    thread::scope(|scope| {
        let server = scope.spawn(|| serve_write(&peer, LOSSY));
        let mut pipe = Window::growing(StdIo(&local[..]));
        client(&peer)
            .config(windowed(64, 4))
            .put(Request::netascii("f").unwrap(), &mut pipe)
            .unwrap();
        peer.dismiss();
        assert_eq!(server.join().unwrap().0, many(WIRE));
    });
}

/// A text of 1000 octets that loses 400 of them once it is being read.
#[derive(Default)]
struct Shrinking {
    is_read: bool,
}

impl Source for Shrinking {
    type Error = core::convert::Infallible;

    fn length(&mut self) -> Result<Length, Self::Error> {
        Ok(Length::Known(if self.is_read { 600 } else { 1000 }))
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error> {
        self.is_read = true;
        (&[b'a'; 600][..]).read_at(offset, buf)
    }
}

#[test]
fn a_text_that_shrinks_while_it_is_sent_does_not_pass_for_whole() {
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &ack(0));
            peer.expect(&data(1, &[b'a'; 512]));
            peer.send(to, &ack(1));
            let (last, _) = peer.recv();
            assert!(is_error(&last, 0), "{last:?}");
        });
        let result = client(&peer).put(Request::netascii("f").unwrap(), &mut Shrinking::default());
        assert!(
            matches!(
                result,
                Err(Error::Shrunk {
                    expected: 1000,
                    found: 600
                })
            ),
            "{result:?}"
        );
    });
}
