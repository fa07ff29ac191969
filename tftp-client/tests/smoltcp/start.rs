//! What a transfer needs to be started.

use std::collections::HashSet;

use smoltcp::{socket::udp::BindError, time::Instant, wire::IpAddress};
use tftp_client::{
    Config, Length, Request,
    smoltcp::{Get, Put, StartError, ephemeral_port, max_blksize},
};

use crate::net::Rings;
use crate::parts::endpoint;

fn get(rings: Rings, port: u16, server: &str) -> Option<StartError> {
    let request = Request::octet("boot.img").expect("a name");
    let mut socket = rings.socket();
    let server = endpoint(server);
    Get::request(
        Instant::ZERO,
        &mut socket,
        port,
        server,
        request,
        Config::client(),
    )
    .err()
}

fn put(rings: Rings) -> Option<StartError> {
    let request = Request::octet("log").expect("a name");
    let mut socket = rings.socket();
    let (server, length) = (endpoint("10.0.0.1:69"), Length::Unknown);
    Put::request(
        Instant::ZERO,
        &mut socket,
        1000,
        server,
        request,
        length,
        Config::client(),
    )
    .err()
}

#[test]
fn a_receive_ring_that_holds_no_plain_block_is_refused() {
    let needed = StartError::ReceiveRing { needed: 516 };
    for receive in [(1, 515), (0, 516)] {
        let rings = Rings {
            receive,
            ..Rings::AMPLE
        };
        assert_eq!(get(rings, 1000, "10.0.0.1:69"), Some(needed));
    }
    let rings = Rings {
        receive: (1, 516),
        ..Rings::AMPLE
    };
    assert_eq!(get(rings, 1000, "10.0.0.1:69"), None);
}

#[test]
fn a_transmit_ring_that_does_not_hold_the_request_is_refused() {
    // RRQ "boot.img" "octet" "tsize" "0"
    let needed = 2 + 9 + 6 + 6 + 2;
    let rings = |octets| Rings {
        transmit: (1, octets),
        ..Rings::AMPLE
    };
    let error = StartError::TransmitRing { needed };
    assert_eq!(get(rings(needed - 1), 1000, "10.0.0.1:69"), Some(error));
    assert_eq!(get(rings(needed), 1000, "10.0.0.1:69"), None);
}

#[test]
fn a_put_needs_room_for_two_plain_blocks() {
    let error = StartError::TransmitRing { needed: 1032 };
    for transmit in [(2, 1031), (1, 1032)] {
        assert_eq!(
            put(Rings {
                transmit,
                ..Rings::AMPLE
            }),
            Some(error)
        );
    }
    assert_eq!(
        put(Rings {
            transmit: (2, 1032),
            ..Rings::AMPLE
        }),
        None
    );
    let rings = Rings {
        receive: (1, 255),
        ..Rings::AMPLE
    };
    assert_eq!(put(rings), Some(StartError::ReceiveRing { needed: 256 }));
}

#[test]
fn port_0_is_refused_on_either_side() {
    let unbound = StartError::Bind(BindError::Unaddressable);
    assert_eq!(get(Rings::AMPLE, 0, "10.0.0.1:69"), Some(unbound));
    assert_eq!(
        get(Rings::AMPLE, 1000, "10.0.0.1:0"),
        Some(StartError::Unaddressable)
    );
    assert_eq!(
        get(Rings::AMPLE, 1000, "0.0.0.0:69"),
        Some(StartError::Unaddressable)
    );
}

#[test]
fn a_socket_is_taken_over_from_an_earlier_transfer() {
    let mut socket = Rings::AMPLE.socket();
    for port in [1000, 1001] {
        let request = Request::octet("boot.img").expect("a name");
        let server = endpoint("10.0.0.1:69");
        Get::request(
            Instant::ZERO,
            &mut socket,
            port,
            server,
            request,
            Config::client(),
        )
        .expect("a usable socket");
        assert_eq!(socket.endpoint().port, port);
        assert_eq!(socket.send_queue(), 25, "one request");
    }
}

#[test]
fn ephemeral_ports_are_dynamic_and_seldom_equal() {
    let ports: HashSet<_> = (0..1_000).map(ephemeral_port).collect();
    assert!(ports.iter().all(|port| *port >= 49_152));
    // 1,000 of 16,384 at random: 970 differ.
    assert!(ports.len() > 940, "{}", ports.len());
}

#[test]
fn the_largest_block_fills_the_mtu() {
    let at = |ip_mtu, address: &str| {
        max_blksize(ip_mtu, address.parse::<IpAddress>().expect("an address"))
    };
    assert_eq!(at(1500, "10.0.0.1"), 1468);
    assert_eq!(at(1500, "fd00::1"), 1448);
    assert_eq!(at(576, "10.0.0.1"), 544);
    assert_eq!(at(20, "10.0.0.1"), 8);
    assert_eq!(at(100_000, "10.0.0.1"), 65_464);
}
