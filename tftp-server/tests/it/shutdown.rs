//! Ending a server.

use core::time::Duration;
use std::{sync::mpsc, time::Instant};

use tftp_proto::ErrorCode;
use tftp_server::{
    Content, ContentError, FileRequest, Memory, Ports, Root, ServerConfig, Sink, Source,
    TurnedAway, Uploads,
};

use crate::support::*;

fn memory() -> Memory {
    let mut memory = Memory::new();
    memory.insert("image", noise(1000)).unwrap();
    memory
}

fn each_mode() -> [ServerConfig; 2] {
    [Ports::PerTransfer, Ports::Single].map(|ports| {
        let mut config = config();
        config.ports = ports;
        config
    })
}

#[test]
fn a_server_without_transfers_ends_at_once() {
    let server = serve(config(), memory());
    server.handle.shutdown();
    server.join().unwrap();
}

#[test]
fn a_shutdown_lets_transfers_end_and_takes_no_new_ones() {
    for config in each_mode() {
        let server = serve(config, memory());
        let (client, late) = (Client::new(server.address), Client::new(server.address));
        client.ask(&rrq("image", &[]));
        let (_, tid) = client.receive();
        server.handle.shutdown();
        late.ask(&rrq("image", &[]));
        let from = late.socket.local_addr().unwrap();
        assert_eq!(
            server.told(),
            Told::TurnedAway(from, TurnedAway::ShuttingDown)
        );
        client.send_to(tid, &ack(1));
        assert_eq!(client.receive().0, data(2, &noise(1000)[512..]));
        client.send_to(tid, &ack(2));
        assert_eq!(server.ended().outcome, "Complete");
        server.join().unwrap();
    }
}

#[test]
fn an_upload_is_stored_during_a_shutdown() {
    let dir = directory(&[]);
    let root = Root::open(dir.path()).unwrap().uploads(Uploads::new());
    let server = serve(config(), root);
    let client = Client::new(server.address);
    client.ask(&wrq("new", &[]));
    let (_, tid) = client.receive();
    server.handle.shutdown();
    client.send_to(tid, &data(1, b"all"));
    assert_eq!(client.receive().0, ack(1));
    server.join().unwrap();
    assert_eq!(std::fs::read(dir.path().join("new")).unwrap(), b"all");
}

#[test]
fn a_shutdown_waits_only_so_long_and_then_tells_the_peers() {
    for mut config in each_mode() {
        config.drain = Duration::from_millis(50);
        let server = serve(config, memory());
        let client = Client::new(server.address);
        client.ask(&rrq("image", &[]));
        let _ = client.receive();
        let start = Instant::now();
        server.handle.shutdown();
        assert_eq!(error_code(&client.receive().0), 0);
        assert!(start.elapsed() >= Duration::from_millis(50));
        assert_eq!(server.ended().outcome, "Stopped");
        server.join().unwrap();
    }
}

#[test]
fn a_stop_does_not_wait() {
    let server = serve(config(), memory());
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[]));
    let _ = client.receive();
    server.handle.stop();
    assert_eq!(error_code(&client.receive().0), 0);
    server.join().unwrap();
}

#[test]
fn a_stop_discards_uploads_that_are_not_complete() {
    let dir = directory(&[]);
    let root = Root::open(dir.path()).unwrap().uploads(Uploads::new());
    let server = serve(config(), root);
    let client = Client::new(server.address);
    client.ask(&wrq("new", &[]));
    let _ = client.receive();
    server.handle.stop();
    server.join().unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// It stays to repeat its last ACK for half a minute if the client asks for long time-outs.
#[test]
fn a_stored_upload_holds_up_no_shutdown() {
    for stop in [false, true] {
        let dir = directory(&[]);
        let root = Root::open(dir.path()).unwrap().uploads(Uploads::new());
        let server = serve(config(), root);
        let client = Client::new(server.address);
        client.ask(&wrq("new", &[("timeout", "200")]));
        let (_, tid) = client.receive();
        client.send_to(tid, &data(1, b"all"));
        assert_eq!(client.receive().0, ack(1));
        if stop {
            server.handle.stop();
        } else {
            server.handle.shutdown();
        }
        server.join().unwrap();
    }
}

/// Tells that it commits, and goes on when it is told to. It panics if it never will be.
struct Slow {
    committing: mpsc::Sender<()>,
    go_on: mpsc::Receiver<()>,
}

struct Slowly(Option<Slow>);

impl Content for Slowly {
    fn open(&mut self, _: &FileRequest<'_>) -> Result<Box<dyn Source>, ContentError> {
        Err(ErrorCode::FILE_NOT_FOUND.into())
    }

    fn create(&mut self, _: &FileRequest<'_>) -> Result<Box<dyn Sink>, ContentError> {
        Ok(Box::new(self.0.take().unwrap()))
    }
}

impl Sink for Slow {
    fn write(&mut self, _: &[u8]) -> Result<(), ContentError> {
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), ContentError> {
        self.committing.send(()).unwrap();
        self.go_on.recv().unwrap();
        Ok(())
    }
}

/// A server that was told to stop while it stores the file of the client, which it does when it is told to go on.
fn stopped_while_it_stores() -> (Running, Client, mpsc::Sender<()>) {
    let ((committing, begun), (done, go_on)) = (mpsc::channel(), mpsc::channel());
    let server = serve(config(), Slowly(Some(Slow { committing, go_on })));
    let client = Client::new(server.address);
    client.ask(&wrq("new", &[("timeout", "200")]));
    let (_, tid) = client.receive();
    client.send_to(tid, &data(1, b"all"));
    begun.recv_timeout(PATIENCE).unwrap();
    server.handle.stop();
    (server, client, done)
}

#[test]
fn a_file_that_is_being_stored_is_stored_during_a_stop_which_then_ends() {
    let (server, client, done) = stopped_while_it_stores();
    done.send(()).unwrap();
    assert_eq!(client.receive().0, ack(1));
    assert_eq!(server.ended().outcome, "Complete");
    server.join().unwrap();
}

#[test]
fn a_sink_that_panics_holds_up_no_stop_and_its_client_is_told() {
    let (server, client, done) = stopped_while_it_stores();
    drop(done);
    assert_eq!(error_code(&client.receive().0), 0);
    assert_eq!(server.ended().outcome, "Local(ErrorCode(0))");
    server.join().unwrap();
}

#[test]
fn a_client_is_told_that_the_server_is_shutting_down() {
    let server = serve(config(), memory());
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[]));
    let _ = client.receive();
    server.handle.stop();
    assert_eq!(
        error_text(&client.receive().0),
        "the server is shutting down"
    );
}
