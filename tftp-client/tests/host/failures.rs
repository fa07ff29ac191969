//! Failures here are told to the server, and cancelling is one of them.

use std::{
    io::{self, Write},
    thread,
};

use tftp_client::{Cancel, Error, Request, Sink, StdIo, TransferError};

use crate::peer::{Peer, ack, calm, client, contents, data, is_error, oack};

/// Takes bytes up to a limit, and refuses to commit if told so.
struct Limited {
    room: usize,
    commits: bool,
}

impl Write for Limited {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let len = buf.len().min(self.room);
        self.room -= len;
        if len == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.commits {
            Ok(())
        } else {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
}

#[test]
fn a_full_disk_is_told_with_error_3() {
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &data(1, &[b'a'; 512]));
            let (answer, _) = peer.recv();
            assert!(is_error(&answer, 3), "{answer:?}");
        });
        let mut sink = StdIo(Limited {
            room: 100,
            commits: true,
        });
        let result = client(&peer).get(Request::octet("f").unwrap(), &mut sink);
        let Err(Error::Store(error)) = result else {
            panic!("{result:?}");
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    });
}

/// The final ACK says that the file is stored.
#[test]
fn a_file_that_cannot_be_committed_is_not_acknowledged() {
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &data(1, b"a"));
            let (answer, _) = peer.recv();
            assert!(is_error(&answer, 3), "{answer:?}");
        });
        let mut sink = StdIo(Limited {
            room: 100,
            commits: false,
        });
        let result = client(&peer).get(Request::octet("f").unwrap(), &mut sink);
        assert!(matches!(result, Err(Error::Store(_))), "{result:?}");
    });
}

#[test]
fn a_cancelled_get_tells_the_server_and_returns() {
    let peer = Peer::new();
    let cancel = Cancel::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &data(1, &[b'a'; 512]));
            peer.expect(&ack(1));
            let (answer, _) = peer.recv();
            assert!(is_error(&answer, 0), "{answer:?}");
        });
        let result = client(&peer)
            .cancel(cancel.clone())
            .progress(|progress| {
                if progress.bytes > 0 {
                    cancel.cancel();
                }
            })
            .get(Request::octet("f").unwrap(), &mut Vec::new());
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    });
}

#[test]
fn a_cancelled_put_tells_the_server_and_returns() {
    let peer = Peer::new();
    let cancel = Cancel::new();
    let file = contents(5000);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &ack(0));
            peer.expect(&data(1, &file[..512]));
            cancel.cancel();
            let (answer, _) = peer.recv();
            assert!(is_error(&answer, 0), "{answer:?}");
        });
        let result = client(&peer)
            .cancel(cancel.clone())
            .put(Request::octet("f").unwrap(), &mut &file[..]);
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    });
}

#[test]
fn a_request_that_is_cancelled_before_any_answer_returns() {
    let peer = Peer::new();
    let cancel = Cancel::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            peer.recv();
            cancel.cancel();
        });
        let result = client(&peer)
            .cancel(cancel.clone())
            .get(Request::octet("f").unwrap(), &mut Vec::new());
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    });
}

/// C-84, C-85.
#[test]
fn a_file_larger_than_allowed_is_refused_with_error_3() {
    let answers = [oack(&[("tsize", "11")]), data(1, &[b'a'; 512])];
    for answer in answers {
        let peer = Peer::new();
        let mut config = calm();
        config.max_len = 10;
        thread::scope(|scope| {
            scope.spawn(|| {
                let (_, to) = peer.recv();
                peer.send(to, &answer);
                let (answer, _) = peer.recv();
                assert!(is_error(&answer, 3), "{answer:?}");
            });
            let mut sink = Vec::new();
            let result = client(&peer)
                .config(config)
                .get(Request::octet("f").unwrap(), &mut sink);
            assert!(
                matches!(result, Err(Error::Transfer(TransferError::TooLarge))),
                "{result:?}"
            );
            assert!(sink.is_empty());
        });
    }
}

/// A sink that must not be committed.
#[derive(Default)]
struct Watched {
    committed: bool,
}

impl Sink for Watched {
    type Error = core::convert::Infallible;

    fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Self::Error> {
        self.committed = true;
        Ok(())
    }
}

#[test]
fn a_truncated_file_is_not_committed() {
    let peer = Peer::new();
    let mut sink = Watched::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &oack(&[("tsize", "1000")]));
            peer.expect(&ack(0));
            peer.send(to, &data(1, &[b'a'; 100]));
            let (answer, _) = peer.recv();
            assert!(is_error(&answer, 0), "{answer:?}");
        });
        let result = client(&peer).get(Request::octet("f").unwrap(), &mut sink);
        assert!(
            matches!(result, Err(Error::Transfer(TransferError::Truncated))),
            "{result:?}"
        );
    });
    assert!(!sink.committed);
}
