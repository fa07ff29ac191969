//! Who may take part: transfer identifiers (RFC 1350 section 4), strangers, requests and their repeats.

use core::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use tftp_proto::{Event, Instant, Receiver, Request};

use crate::packet;
use crate::script::check;
use crate::shop::play;
use crate::support::{addr, asking, byte, get, left_alone, limits, plain, put, serve, take};

#[test]
fn c26_the_first_answer_from_the_asked_address_fixes_the_port() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 1 [512] @other
             > ACK 1 @other
        6    < DATA 2 [5] @tid = stray
             > ERROR 5 @tid
        7    < DATA 2 [5] @other
             > ACK 2 @other",
    );
}

#[test]
fn c26_an_answer_from_another_address_is_not_taken() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 1 [512] @elsewhere = stray
        6    < ERROR 1 @elsewhere = stray
        7    < OACK @elsewhere = stray
        8    < DATA 1 [512]
             > ACK 1",
    );
    check(
        put(5, plain()),
        "
             > WRQ f octet
        5    < ACK 0 @elsewhere = stray
        6    < ACK 0
             > DATA 1 [5]",
    );
}

#[test]
fn c26_a_packet_that_is_no_answer_fixes_nothing() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 2 [512] @other = ignored
        6    < ACK 0 @other = ignored
        7    < raw 00 @other = ignored
        8    < DATA 1 [512]
             > ACK 1",
    );
}

#[test]
fn a_request_to_a_broadcast_address_takes_an_answer_from_anywhere() {
    let mut config = plain();
    config.any_server = true;
    check(
        get(config),
        "
             > RRQ f octet
        5    < ERROR 1 @other = ignored
        6    < DATA 1 [512] @elsewhere
             > ACK 1 @elsewhere
        7    < DATA 1 [512] @other = stray
             > ERROR 5 @other
        8    < DATA 2 [0] @elsewhere
             > ACK 2 @elsewhere
        *    done ok 512",
    );
}

#[test]
fn c27_a_stray_draws_one_error_5_and_changes_nothing() {
    let script = |stray: &str| {
        format!(
            "
             > DATA 1 [512]
        5    wait 1000
        {stray}
        7    wait 1000
        8    < ACK 1
             > DATA 2 [88]
        9    < ACK 2
             done ok 600"
        )
    };
    for other in ["c", "b"] {
        let stray =
            format!("6 < ACK 1 @{other} = stray\n > ERROR 5 @{other}\n 6 < ACK 1 @{other} = stray");
        check(serve("RRQ f octet", 600, limits()), &script(&stray));
    }
}

#[test]
fn c27_a_duplicated_request_that_two_ports_answer_is_one_transfer() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 1 [512]
             > ACK 1
        6    < DATA 1 [512] @other = stray
             > ERROR 5 @other
        7    < DATA 2 [88]
             > ACK 2
        *    done ok 600",
    );
}

#[test]
fn c27_a_receiver_keeps_its_deadline_when_strangers_talk() {
    let mut machine = check(get(plain()), "> RRQ f octet\n 5 < DATA 1 [512]\n > ACK 1");
    let before = machine.poll_at();
    for words in ["DATA 2 [512]", "ACK 1", "ERROR 0", "OACK"] {
        let datagram = packet::bytes(words);
        let event = machine.handle(Instant::from_millis(6), addr("elsewhere"), &datagram);
        assert!(matches!(event, Event::Stray(_)), "{words}: {event:?}");
    }
    assert_eq!(machine.poll_at(), before);
}

#[test]
fn c28_an_error_from_a_stranger_is_not_answered() {
    check(
        serve("RRQ f octet", 600, limits()),
        "
             > DATA 1 [512]
        5    < ERROR 0 @b = stray
        6    < ERROR 5 @c = stray
        7    < ACK 1
             > DATA 2 [88]",
    );
}

#[test]
fn c28_an_error_from_the_peer_is_not_answered() {
    for (script, error) in [
        ("> ACK 0\n 5", 0),
        ("> ACK 0\n 5 < DATA 1 [512]\n > ACK 1\n 6", 5),
    ] {
        let script =
            format!("{script} < ERROR {error} = error {error}\n done peer {error}\n 9999 quiet");
        check(take("WRQ f octet", limits()), &script);
    }
}

#[test]
fn c29_a_repeated_request_is_the_same_octet_for_octet() {
    for mut machine in [get(asking(1428, 16)), get(plain())] {
        let (sent, ..) = left_alone(&mut machine, 0);
        assert_eq!(sent.len(), 7);
        let first = sent[0].bytes.clone();
        assert!(
            sent.iter()
                .all(|sent| sent.bytes == first && sent.to == addr("69"))
        );
    }
}

#[test]
fn c29_a_repeated_block_is_the_same_octet_for_octet() {
    let mut machine = put(2, plain());
    machine = check(machine, "> WRQ f octet\n 5 < ACK 0\n > DATA 1 [2]");
    let (sent, ..) = left_alone(&mut machine, 5_000);
    let first = &sent[0].bytes;
    assert_eq!(first, &[0, 3, 0, 1, byte(0), byte(1)]);
    assert!(sent.iter().all(|sent| sent.bytes == *first));
}

#[test]
fn requests_that_arrive_in_a_transfer_are_dropped() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < RRQ f octet = ignored
        6    < DATA 1 [512]
             > ACK 1
        7    < WRQ g octet = ignored
        8    < raw 00 07 66 00 = ignored
        9    < raw 00 00 = ignored
        10   < DATA 2 [0]
             > ACK 2",
    );
}

/// Whether a client that asked `server` takes its first answer from `from`.
fn takes(server: &str, from: &str) -> bool {
    takes_from(server.parse().unwrap(), from)
}

fn takes_from(server: SocketAddr, from: &str) -> bool {
    let request = Request::octet("f").unwrap();
    let mut machine = Receiver::request(Instant::ZERO, server, request, plain());
    let data = packet::bytes("DATA 1 [5]");
    let event = machine.handle(Instant::ZERO, from.parse().unwrap(), &data);
    matches!(event, Event::Block(_))
}

#[test]
fn an_ipv6_server_answers_from_any_of_its_ports() {
    assert!(takes("[2001:db8::1]:69", "[2001:db8::1]:4242"));
    assert!(takes("[fe80::1%2]:69", "[fe80::1%2]:4242"));
}

#[test]
fn an_answer_from_another_ipv6_address_or_zone_is_not_taken() {
    assert!(!takes("[2001:db8::1]:69", "[2001:db8::2]:69"));
    assert!(!takes("[fe80::1%2]:69", "[fe80::1%3]:69"));
    assert!(!takes("[fe80::1%2]:69", "[fe80::2%2]:69"));
}

#[test]
fn a_flow_label_of_the_server_that_its_answers_lack_is_no_part_of_its_address() {
    let server = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 69, 7, 0);
    assert!(takes_from(server.into(), "[::1]:4242"));
}

#[test]
fn only_the_port_of_the_first_answer_counts_with_ipv6_too() {
    for (port, taken) in [(4242, true), (4243, false)] {
        let request = Request::octet("f").unwrap();
        let server = "[2001:db8::1]:69".parse().unwrap();
        let mut machine = Receiver::request(Instant::ZERO, server, request, plain());
        let mut hear = |words, port| {
            let from = format!("[2001:db8::1]:{port}").parse().unwrap();
            let data = packet::bytes(words);
            matches!(machine.handle(Instant::ZERO, from, &data), Event::Block(_))
        };
        assert!(hear("DATA 1 [512]", 4242));
        assert_eq!(hear("DATA 2 [5]", port), taken, "port {port}");
    }
}

#[test]
fn an_answer_of_the_other_family_is_not_taken() {
    assert!(!takes("192.0.2.1:69", "[::ffff:192.0.2.1]:69"));
    assert!(!takes("[::ffff:192.0.2.1]:69", "192.0.2.1:69"));
}

#[test]
fn a_request_repeated_because_its_answer_was_lost_is_no_new_start() {
    let left = play(
        "
             < RRQ f octet
             > DATA 1 [512]
        1000 > DATA 1 [512]
        1100 < RRQ f octet = ignored
        1150 < RRQ f octet = ignored
        1200 < ACK 1
             > DATA 2 [88]
        1201 < ACK 2
             done ok 600",
    );
    assert_eq!(left, 0);
}
