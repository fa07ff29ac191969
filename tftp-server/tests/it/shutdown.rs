//! Ending a server.

use core::time::Duration;
use std::time::Instant;

use tftp_server::{Memory, Ports, Root, ServerConfig, TurnedAway, Uploads};

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
    let mut config = config();
    config.transfer.dally = false;
    let server = serve(config, root);
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
