//! What a [`Get`](tftp_client::smoltcp::Get) does.

use smoltcp::{
    phy::Medium,
    time::{Duration, Instant},
    wire::IpAddress,
};
use tftp_client::{Config, ErrorCode, TransferError, smoltcp::Error};

use crate::net::{Faults, Net, Node, Part, Rings, Script};
use crate::parts::{Broken, Client, Device, Files, Store, config, endpoint, file};

const RRQ: u8 = 1;
const DATA: u8 = 3;
const ACK: u8 = 4;
const ERROR: u8 = 5;

fn device_at(net: &Net, address: &str) -> Node {
    Node::new(net, &[address], Rings::AMPLE)
}

/// Fetches a file of `len` octets over `net` from a server at `server`.
fn fetch(net: &Net, server: &str, client: &str, len: usize, config: Config) -> (Client, Device<2>) {
    let files = Files::with([("boot.img", Store::holding(file(len)))]);
    let mut server_part = Device::<2>::ample(net, files);
    let node = device_at(net, client);
    let mut client = Client::get(node, endpoint(server), "boot.img", config);
    net.run(&mut [&mut client, &mut server_part]);
    (client, server_part)
}

fn fetch_v4(net: &Net, len: usize, config: Config) -> (Client, Device<2>) {
    fetch(net, "10.0.0.1:69", "10.0.0.2", len, config)
}

/// A server that says what the test says, from this port.
fn scripted(net: &Net, address: &str, port: u16, sends: &[(u64, &[u8])]) -> Script {
    let client = endpoint("10.0.0.2:1000");
    let sends: Vec<_> = sends
        .iter()
        .map(|(at, datagram)| (*at, client, *datagram))
        .collect();
    Script::new(device_at(net, address), port, &sends)
}

fn get_from(net: &Net, server: &str, config: Config) -> Client {
    Client::get(
        device_at(net, "10.0.0.2"),
        endpoint(server),
        "boot.img",
        config,
    )
}

#[test]
fn files_of_every_length_around_a_block_and_a_window_arrive_whole() {
    for (blksize, windowsize) in [(512, 1), (512, 4), (1468, 1), (1468, 16), (8, 3)] {
        let block = usize::from(blksize);
        let window = block * usize::from(windowsize);
        for len in [
            0,
            1,
            block - 1,
            block,
            block + 1,
            window - 1,
            window,
            window + 1,
            3 * window,
        ] {
            let (client, server) = fetch_v4(&Net::quiet(), len, config(blksize, windowsize));
            assert_eq!(client.store.bytes, file(len), "{len} octets");
            assert!(client.store.committed, "{len} octets");
            assert_eq!(client.summary().bytes, len as u64);
            assert_eq!(
                server
                    .files
                    .result_of("boot.img")
                    .map(|summary| summary.bytes),
                Ok(len as u64)
            );
        }
    }
}

#[test]
fn options_are_agreed_as_asked_when_the_rings_allow() {
    let (client, _) = fetch_v4(&Net::quiet(), 100_000, config(1468, 16));
    let negotiated = client.summary().negotiated;
    assert_eq!((negotiated.blksize, negotiated.windowsize), (1468, 16));
    assert_eq!(negotiated.tsize, Some(100_000));
}

#[test]
fn a_quiet_network_sees_each_packet_once() {
    let net = Net::quiet();
    let (client, server) = fetch_v4(&net, 100_000, config(1000, 8));
    assert_eq!(net.count(&server.node, DATA), 101);
    // ACK 0, one for each full window and one for the last block.
    assert_eq!(net.count(&client.node, ACK), 1 + 12 + 1);
    assert_eq!(client.summary().retransmissions, 0);
}

#[test]
fn a_rough_network_changes_no_octet() {
    for seed in 0..300 {
        let windowsize = [1, 2, 7, 16][seed as usize % 4];
        let (client, _) = fetch_v4(&Net::rough(seed), 40_000, config(600, windowsize));
        assert_eq!(client.store.bytes, file(40_000), "seed {seed}");
        assert!(client.result.expect("an end").is_ok(), "seed {seed}");
    }
}

#[test]
fn ipv6_is_served_as_ipv4_is() {
    let (client, _) = fetch(
        &Net::quiet(),
        "[fd00::1]:69",
        "fd00::2",
        100_000,
        config(1448, 4),
    );
    assert_eq!(client.store.bytes, file(100_000));
}

#[test]
fn neighbours_on_ethernet_find_each_other() {
    for seed in 0..20 {
        let faults = Faults {
            loss: 10,
            ..Faults::default()
        };
        let (client, _) = fetch_v4(
            &Net::new(Medium::Ethernet, faults, seed),
            50_000,
            config(1468, 8),
        );
        assert_eq!(client.store.bytes, file(50_000), "seed {seed}");
    }
}

#[test]
fn the_window_is_lowered_to_the_receive_ring() {
    let net = Net::quiet();
    let files = Files::with([("boot.img", Store::holding(file(60_000)))]);
    let mut server = Device::<2>::ample(&net, files);
    let rings = Rings {
        receive: (4, 4 * 1472),
        transmit: (1, 100),
    };
    let node = Node::new(&net, &["10.0.0.2"], rings);
    let mut client = Client::get(node, endpoint("10.0.0.1:69"), "boot.img", config(1468, 64));
    net.run(&mut [&mut client, &mut server]);
    assert_eq!(client.summary().negotiated.windowsize, 4);
    assert_eq!(client.store.bytes, file(60_000));
    assert_eq!(
        server
            .files
            .result_of("boot.img")
            .map(|summary| summary.retransmissions),
        Ok(0)
    );
}

#[test]
fn the_smallest_rings_fetch_a_file_without_options() {
    let net = Net::quiet();
    let files = Files::with([("boot.img", Store::holding(file(5_000)))]);
    let mut server = Device::<2>::ample(&net, files);
    let rings = Rings {
        receive: (1, 516),
        transmit: (1, 18),
    };
    let mut config = Config::client();
    config.options = false;
    let node = Node::new(&net, &["10.0.0.2"], rings);
    let mut client = Client::get(node, endpoint("10.0.0.1:69"), "boot.img", config);
    net.run(&mut [&mut client, &mut server]);
    assert_eq!(client.store.bytes, file(5_000));
    assert_eq!(client.summary().retransmissions, 0);
}

#[test]
fn a_missing_file_is_the_server_s_word() {
    let net = Net::quiet();
    let mut server = Device::<2>::ample(&net, Files::default());
    let mut client = get_from(&net, "10.0.0.1:69", Config::client());
    net.run(&mut [&mut client, &mut server]);
    let error = Error::Transfer(TransferError::Peer(ErrorCode::FILE_NOT_FOUND));
    assert_eq!(client.result, Some(Err(error)));
    assert_eq!(client.texts, [ErrorCode::FILE_NOT_FOUND.message()]);
}

#[test]
fn a_sink_that_fails_ends_the_transfer_on_both_sides() {
    let net = Net::quiet();
    let files = Files::with([("boot.img", Store::holding(file(20_000)))]);
    let mut server = Device::<2>::ample(&net, files);
    let mut client = get_from(&net, "10.0.0.1:69", config(1000, 4));
    client.store.broken_at = Some(9_999);
    net.run(&mut [&mut client, &mut server]);
    assert_eq!(client.result, Some(Err(Error::Store(Broken))));
    assert!(!client.store.committed);
    assert_eq!(
        server.files.result_of("boot.img"),
        Err(TransferError::Peer(ErrorCode::DISK_FULL))
    );
    assert_eq!(net.count(&client.node, ERROR), 1);
}

#[test]
fn a_silent_server_is_given_up_after_the_last_resend() {
    let net = Net::quiet();
    let mut client = get_from(&net, "10.0.0.9:69", Config::client());
    let took = net.run(&mut [&mut client]);
    assert_eq!(
        client.result,
        Some(Err(Error::Transfer(TransferError::TimedOut)))
    );
    assert_eq!(net.count(&client.node, RRQ), 7);
    assert_eq!(took, Duration::from_secs(1 + 2 + 4 + 8 + 16 + 16 + 16));
}

#[test]
fn a_host_that_does_not_exist_on_ethernet_is_given_up_too() {
    let net = Net::new(Medium::Ethernet, Faults::default(), 0);
    let node = Node::new(
        &net,
        &["10.0.0.2"],
        Rings {
            receive: (2, 1500),
            transmit: (2, 200),
        },
    );
    let mut client = Client::get(node, endpoint("10.0.0.9:69"), "boot.img", Config::client());
    net.run(&mut [&mut client]);
    assert_eq!(
        client.result,
        Some(Err(Error::Transfer(TransferError::TimedOut)))
    );
}

#[test]
fn a_stranger_gets_one_error_and_changes_nothing() {
    let net = Net::quiet();
    let data_1 = [&[0, DATA, 0, 1][..], &[7; 512]].concat();
    let forged = [&[0, DATA, 0, 2][..], b"forged"].concat();
    let data_2 = [&[0, DATA, 0, 2][..], b"end"].concat();
    let mut server = scripted(&net, "10.0.0.1", 3000, &[(10, &data_1), (40, &data_2)]);
    let mut stranger = scripted(&net, "10.0.0.3", 3000, &[(20, &forged), (30, &forged)]);
    let mut client = get_from(&net, "10.0.0.1:69", Config::client());
    net.run(&mut [&mut client, &mut server, &mut stranger]);
    assert_eq!(client.store.bytes, [&[7; 512][..], b"end"].concat());
    let unknown_tid = [
        &[0, ERROR, 0, 5][..],
        ErrorCode::UNKNOWN_TID.message().as_bytes(),
        &[0],
    ]
    .concat();
    assert_eq!(stranger.datagrams(), [unknown_tid]);
}

#[test]
fn a_broadcast_request_is_answered_to_whoever_sends_the_first_block() {
    let net = Net::quiet();
    let data_1 = [&[0, DATA, 0, 1][..], b"short"].concat();
    let mut server = scripted(&net, "10.0.0.7", 3000, &[(10, &data_1)]);
    let mut config = Config::client();
    config.any_server = true;
    let mut client = get_from(&net, "10.0.0.255:69", config);
    net.run(&mut [&mut client, &mut server]);
    assert_eq!(client.store.bytes, b"short");
    assert_eq!(server.datagrams(), [[0, ACK, 0, 1]]);
    assert_eq!(server.received[0].1, IpAddress::v4(10, 0, 0, 7));
}

#[test]
fn an_answer_from_another_host_than_was_asked_is_passed_over() {
    let net = Net::quiet();
    let data_1 = [&[0, DATA, 0, 1][..], b"forged"].concat();
    let mut stranger = scripted(&net, "10.0.0.7", 3000, &[(10, &data_1)]);
    let mut client = get_from(&net, "10.0.0.1:69", Config::client());
    net.run(&mut [&mut client, &mut stranger]);
    assert_eq!(
        client.result,
        Some(Err(Error::Transfer(TransferError::TimedOut)))
    );
    assert!(client.store.bytes.is_empty());
}

#[test]
fn what_arrived_after_the_last_turn_needs_one_at_once() {
    let net = Net::quiet();
    let data_1 = [&[0, DATA, 0, 1][..], b"short"].concat();
    let mut server = scripted(&net, "10.0.0.1", 3000, &[(10, &data_1)]);
    let mut client = get_from(&net, "10.0.0.1:69", Config::client());
    client.turn(client.node.now());
    net.run(&mut [&mut server]);
    assert!(client.poll_at() > Some(client.node.now()));
    let later = client.node.now() + Duration::from_millis(5);
    client.node.poll(later);
    assert_eq!(client.poll_at(), Some(Instant::ZERO));
}

#[test]
fn the_file_is_complete_before_the_stay_for_a_lost_ack_is_over() {
    let (client, _) = fetch_v4(&Net::quiet(), 1_000, Config::client());
    assert!(client.was_complete);
}

#[test]
fn without_dallying_the_last_block_is_the_end() {
    let mut config = Config::client();
    config.dally = false;
    let (client, _) = fetch_v4(&Net::quiet(), 1_000, config);
    assert!(!client.was_complete);
    assert_eq!(client.summary().bytes, 1_000);
}

#[test]
fn a_transfer_that_is_over_stays_so() {
    let (mut client, _) = fetch_v4(&Net::quiet(), 1_000, Config::client());
    client.last = None;
    let later = client.node.now() + Duration::from_secs(1_000);
    client.turn(later);
    assert_eq!(client.last, client.result);
}
