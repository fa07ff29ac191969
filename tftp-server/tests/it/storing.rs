//! Sinks that take their time, or fail: what is acknowledged, and what a client is told.

use core::net::Ipv4Addr;
use std::{
    net::UdpSocket,
    sync::{Arc, Mutex, mpsc},
};

use tftp_proto::ErrorCode;
use tftp_server::{Content, ContentError, FileRequest, Sink, Source};

use crate::support::*;

/// Refuses to commit, or to write.
struct Failing {
    at_commit: bool,
    log: Arc<Mutex<Vec<&'static str>>>,
}

impl Content for Failing {
    fn open(&mut self, _: &FileRequest<'_>) -> Result<Box<dyn Source>, ContentError> {
        Err(ErrorCode::FILE_NOT_FOUND.into())
    }

    fn create(&mut self, _: &FileRequest<'_>) -> Result<Box<dyn Sink>, ContentError> {
        Ok(Box::new(Self {
            at_commit: self.at_commit,
            log: Arc::clone(&self.log),
        }))
    }
}

impl Sink for Failing {
    fn write(&mut self, _: &[u8]) -> Result<(), ContentError> {
        self.log.lock().unwrap().push("write");
        if self.at_commit {
            Ok(())
        } else {
            Err(ErrorCode::DISK_FULL.into())
        }
    }

    fn commit(self: Box<Self>) -> Result<(), ContentError> {
        self.log.lock().unwrap().push("commit");
        Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into())
    }
}

/// C-53
#[test]
fn a_file_that_cannot_be_stored_gets_an_error_in_the_place_of_the_last_acknowledgement() {
    let log = Arc::default();
    let content = Failing {
        at_commit: true,
        log: Arc::clone(&log),
    };
    let server = serve(config(), content);
    let (client, tid) = begin(&server, "new");
    client.send_to(tid, &data(2, b"end"));
    assert_eq!(error_code(&client.receive().0), 3);
    assert_eq!(server.ended().outcome, "Local(ErrorCode(3))");
    assert_eq!(*log.lock().unwrap(), ["write", "write", "commit"]);
}

/// Cannot store the block of fours before it is told to.
struct Waiting(Arc<Mutex<mpsc::Receiver<()>>>);

impl Content for Waiting {
    fn open(&mut self, _: &FileRequest<'_>) -> Result<Box<dyn Source>, ContentError> {
        Err(ErrorCode::FILE_NOT_FOUND.into())
    }

    fn create(&mut self, _: &FileRequest<'_>) -> Result<Box<dyn Sink>, ContentError> {
        Ok(Box::new(Self(Arc::clone(&self.0))))
    }
}

impl Sink for Waiting {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        if bytes.first() == Some(&4) {
            let told = self.0.lock().unwrap().recv_timeout(PATIENCE);
            return told.map_err(|_| ErrorCode::DISK_FULL.into());
        }
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), ContentError> {
        Ok(())
    }
}

#[test]
fn a_window_is_acknowledged_while_it_is_being_stored() {
    let (stored, told) = mpsc::channel();
    let server = serve(config(), Waiting(Arc::new(Mutex::new(told))));
    let client = Client::new(server.address);
    client.ask(&wrq("new", &[("windowsize", "4")]));
    let (_, tid) = client.receive();
    for block in 1..=4 {
        client.send_to(tid, &data(block, &[block as u8; 512]));
    }
    assert_eq!(client.receive().0, ack(4));
    stored.send(()).unwrap();
    client.send_to(tid, &data(5, b"end"));
    assert_eq!(client.receive().0, ack(5));
    assert_eq!(server.ended().outcome, "Complete");
}

/// C-47: it may have been acknowledged by then, as the client is to go on meanwhile.
#[test]
fn a_window_that_cannot_be_written_ends_the_transfer_with_one_error() {
    let content = Failing {
        at_commit: false,
        log: Arc::default(),
    };
    let server = serve(config(), content);
    let client = Client::new(server.address);
    client.ask(&wrq("new", &[("windowsize", "4")]));
    let (answer, tid) = client.receive();
    assert_eq!(answer, oack(&[("windowsize", "4")]));
    for block in 1..=4 {
        client.send_to(tid, &data(block, &[1; 512]));
    }
    let mut answer = client.receive().0;
    if answer == ack(4) {
        answer = client.receive().0;
    }
    assert_eq!(error_code(&answer), 3);
    assert_eq!(server.ended().outcome, "Local(ErrorCode(3))");
    client.assert_no_answer();
}

/// C-47: like a window, it has been acknowledged by then.
#[test]
fn a_block_that_cannot_be_written_is_told_once() {
    let log = Arc::default();
    let content = Failing {
        at_commit: false,
        log: Arc::clone(&log),
    };
    let server = serve(config(), content);
    let client = Client::new(server.address);
    client.ask(&wrq("new", &[]));
    let (_, tid) = client.receive();
    client.send_to(tid, &data(1, &[1; 512]));
    assert_eq!(client.receive().0, ack(1));
    assert_eq!(error_code(&client.receive().0), 3);
    assert_eq!(server.ended().outcome, "Local(ErrorCode(3))");
    assert_eq!(*log.lock().unwrap(), ["write"]);
    client.assert_no_answer();
}

/// What it has sent on meanwhile must not bring it word of a closed port first, as the system would send it.
#[test]
fn a_client_with_a_connected_socket_hears_why_its_upload_failed() {
    let content = Failing {
        at_commit: false,
        log: Arc::default(),
    };
    let server = serve(config(), content);
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.send_to(&wrq("new", &[]), server.address).unwrap();
    let mut buf = [0; 516];
    let (_, tid) = client.recv_from(&mut buf).unwrap();
    client.connect(tid).unwrap();
    client.send(&data(1, &[1; 512])).unwrap();
    assert_eq!(server.ended().outcome, "Local(ErrorCode(3))");
    for _ in 0..3 {
        client.send(&data(2, &[2; 512])).unwrap();
    }
    let mut receive = || client.recv(&mut buf).map(|len| buf[..len].to_vec());
    assert_eq!(receive().unwrap(), ack(1));
    assert_eq!(error_code(&receive().unwrap()), 3);
}
