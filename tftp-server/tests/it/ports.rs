//! One port for all transfers, or ports from a range.

use core::{
    net::Ipv4Addr,
    ops::RangeInclusive,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};
use std::net::UdpSocket;

use tftp_server::{Memory, Ports, Root, TurnedAway, Uploads};

use crate::support::*;

fn memory() -> Memory {
    let mut memory = Memory::new();
    for number in 0..10 {
        memory
            .insert(&number.to_string(), vec![number; 30_000])
            .unwrap();
    }
    memory
}

fn single() -> tftp_server::ServerConfig {
    let mut config = config();
    config.ports = Ports::Single;
    config
}

#[test]
fn with_a_single_port_all_answers_come_from_it() {
    let server = serve(single(), memory());
    let client = Client::new(server.address);
    client.ask(&rrq("1", &[("windowsize", "4"), ("blksize", "1000")]));
    assert_eq!(
        client.receive(),
        (
            oack(&[("blksize", "1000"), ("windowsize", "4")]),
            server.address
        )
    );
    client.ask(&ack(0));
    for block in 1..=4 {
        assert_eq!(client.receive(), (data(block, &[1; 1000]), server.address));
    }
}

/// N4
#[test]
fn two_hundred_clients_share_a_single_port() {
    let server = serve(single(), memory());
    std::thread::scope(|scope| {
        for number in 0..10_u8 {
            let address = server.address;
            scope.spawn(move || {
                for (blksize, windowsize) in [(512, 1), (1468, 8), (100, 32), (8192, 2)] {
                    for _ in 0..5 {
                        let file = get(address, &number.to_string(), choices(blksize, windowsize));
                        assert!(file.unwrap() == vec![number; 30_000]);
                    }
                }
            });
        }
    });
    for _ in 0..200 {
        assert_eq!(server.ended().outcome, "Complete");
    }
}

#[test]
fn files_are_received_through_a_single_port() {
    let dir = directory(&[]);
    let root = Root::open(dir.path()).unwrap().uploads(Uploads::new());
    let server = serve(single(), root);
    std::thread::scope(|scope| {
        for number in 0..8_u8 {
            let address = server.address;
            scope.spawn(move || {
                let _ = put(
                    address,
                    &number.to_string(),
                    &[number; 30_000],
                    choices(1468, 8),
                )
                .unwrap();
            });
        }
    });
    for number in 0..8 {
        assert!(std::fs::read(dir.path().join(number.to_string())).unwrap() == [number; 30_000]);
    }
}

/// `count` ports in a row that are free, below those that the system gives to others, and not those of
/// another call.
pub(crate) fn free_ports(count: u16) -> RangeInclusive<u16> {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let start = 20_000 + (std::process::id() % 250) as u16 * 40 + call * 10;
    let is_free = |port: u16| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    (start..32_000)
        .map(|first| first..=first + count - 1)
        .find(|range| range.clone().all(is_free))
        .unwrap()
}

/// N4
#[test]
fn ports_of_the_range_are_used_and_no_others() {
    let range = free_ports(3);
    let mut config = config();
    config.ports = Ports::Range(range.clone());
    let server = serve(config, memory());
    let clients: Vec<_> = (0..3).map(|_| Client::new(server.address)).collect();
    let mut used: Vec<_> = clients
        .iter()
        .map(|client| {
            client.ask(&rrq("1", &[]));
            client.receive().1.port()
        })
        .collect();
    used.sort_unstable();
    assert_eq!(used, range.collect::<Vec<_>>());
}

/// N4
#[test]
fn a_request_beyond_the_range_is_served_once_a_port_is_free() {
    let mut config = config();
    config.ports = Ports::Range(free_ports(1));
    let server = serve(config, memory());
    let (first, second) = (Client::new(server.address), Client::new(server.address));
    first.ask(&rrq("1", &[]));
    let (_, tid) = first.receive();
    second.ask(&rrq("2", &[]));
    let from = second.socket.local_addr().unwrap();
    assert_eq!(server.told(), Told::TurnedAway(from, TurnedAway::NoPort));
    first.send_to(tid, ERROR_0);
    assert_eq!(server.ended().name, "1");
    second.ask(&rrq("2", &[]));
    assert_eq!(second.receive(), (data(1, &[2; 512]), tid));
}

/// A session that only stays to repeat its last ACK keeps nobody out.
#[test]
fn a_stored_upload_gives_its_port_to_the_next_request() {
    let dir = directory(&[]);
    let root = Root::open(dir.path()).unwrap().uploads(Uploads::new());
    let mut config = config();
    config.ports = Ports::Range(free_ports(1));
    let server = serve(config, root);
    for name in ["a", "b", "c"] {
        let client = Client::new(server.address);
        client.ask(&wrq(name, &[]));
        let (answer, tid) = client.receive();
        assert_eq!(answer, ack(0));
        client.send_to(tid, &data(1, b"end"));
        assert_eq!(client.receive(), (ack(1), tid));
        assert_eq!(server.ended().name, name);
    }
}

#[test]
fn a_port_of_the_range_that_another_program_has_is_passed_over() {
    let range = free_ports(2);
    let _other = UdpSocket::bind((Ipv4Addr::LOCALHOST, *range.start())).unwrap();
    let mut config = config();
    config.ports = Ports::Range(range.clone());
    let server = serve(config, memory());
    for _ in 0..5 {
        let client = Client::new(server.address);
        client.ask(&rrq("1", &[]));
        let (_, tid) = client.receive();
        assert_eq!(tid.port(), *range.end());
        client.send_to(tid, ERROR_0);
        let _ = server.ended();
    }
}

/// A datagram of another client's transfer has no place in this one.
#[test]
fn clients_of_a_single_port_cannot_reach_each_others_transfers() {
    let server = serve(single(), memory());
    let (client, stranger) = (Client::new(server.address), Client::new(server.address));
    client.ask(&rrq("1", &[]));
    assert_eq!(client.receive().0, data(1, &[1; 512]));
    stranger.ask(&ack(1));
    stranger.ask(ERROR_0);
    assert_eq!(client.receive_within(Duration::from_millis(30)), None);
    client.ask(&ack(1));
    assert_eq!(client.receive().0, data(2, &[1; 512]));
}
