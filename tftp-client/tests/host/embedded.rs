//! The traits of `embedded_io`.

use core::convert::Infallible;
use std::thread;

use embedded_io::{ErrorType, Read, Seek, SeekFrom, Write};
use tftp_client::{EmbeddedIo, Error, Request, StoreError, Window};

use crate::peer::{NO_LOSS, Peer, client, contents, is_error, serve_read, serve_write, windowed};

/// A memory of fixed size with a position.
struct Flash {
    octets: Vec<u8>,
    at: usize,
}

impl ErrorType for Flash {
    type Error = Infallible;
}

impl Read for Flash {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let rest = self.octets.get(self.at..).unwrap_or_default();
        // Less than asked, as a device may.
        let len = rest.len().min(buf.len()).min(100);
        buf[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }
}

impl Write for Flash {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        let len = buf.len().min(self.octets.len() - self.at).min(100);
        self.octets[self.at..self.at + len].copy_from_slice(&buf[..len]);
        self.at += len;
        Ok(len)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Seek for Flash {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Infallible> {
        self.at = match to {
            SeekFrom::Start(at) => usize::try_from(at).unwrap(),
            SeekFrom::End(back) => self
                .octets
                .len()
                .strict_add_signed(isize::try_from(back).unwrap()),
            SeekFrom::Current(by) => self.at.strict_add_signed(isize::try_from(by).unwrap()),
        };
        Ok(self.at as u64)
    }
}

fn flash(octets: Vec<u8>) -> Flash {
    Flash { octets, at: 0 }
}

#[test]
fn a_file_is_fetched_into_a_writer() {
    let file = contents(3000);
    let peer = Peer::new();
    let mut sink = EmbeddedIo(flash(vec![0; 3000]));
    thread::scope(|scope| {
        scope.spawn(|| serve_read(&peer, &file, NO_LOSS));
        client(&peer)
            .get(Request::octet("f").unwrap(), &mut sink)
            .unwrap();
    });
    assert!(sink.0.octets == file);
}

#[test]
fn a_writer_without_room_is_a_full_disk() {
    let file = contents(3000);
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &crate::peer::data(1, &file[..512]));
            let (answer, _) = peer.recv();
            assert!(is_error(&answer, 3), "{answer:?}");
        });
        let mut sink = EmbeddedIo(flash(vec![0; 300]));
        let result = client(&peer).get(Request::octet("f").unwrap(), &mut sink);
        assert!(
            matches!(result, Err(Error::Store(StoreError::Full))),
            "{result:?}"
        );
    });
}

#[test]
fn a_seekable_reader_is_stored() {
    let file = contents(3000);
    let peer = Peer::new();
    thread::scope(|scope| {
        let server = scope.spawn(|| serve_write(&peer, NO_LOSS));
        let mut source = EmbeddedIo(flash(file.clone()));
        client(&peer)
            .put(Request::octet("f").unwrap(), &mut source)
            .unwrap();
        peer.dismiss();
        assert!(server.join().unwrap().0 == file);
    });
}

#[test]
fn a_reader_is_stored_through_a_fixed_window() {
    let file = contents(3000);
    let peer = Peer::new();
    thread::scope(|scope| {
        let server = scope.spawn(|| serve_write(&peer, NO_LOSS));
        let mut room = [0; 4 * 256];
        let mut source = Window::new(EmbeddedIo(flash(file.clone())), &mut room[..]);
        client(&peer)
            .config(windowed(256, 4))
            .put(Request::octet("f").unwrap(), &mut source)
            .unwrap();
        peer.dismiss();
        assert!(server.join().unwrap().0 == file);
    });
}
