//! A table of transfers on one port: `Server`.

use core::net::{Ipv4Addr, SocketAddr};

use tftp_proto::{Instant, Server, ServerEvent, ServerOutput};

use crate::packet;
use crate::script::check;
use crate::shop::{Shop, play};
use crate::support::{Heard, Machine, Want, addr, encode, flush, limits};

#[test]
fn clients_are_served_side_by_side() {
    let left = play(
        "
             < RRQ f octet @a
             > DATA 1 [512] @a
        1    < RRQ f octet blksize=8 @b
             > OACK blksize=8 @b
        2    < ACK 1 @a
             > DATA 2 [88] @a
        3    < ACK 0 @b
             > DATA 1 [8] @b
        4    < WRQ up octet @c
             > ACK 0 @c
        5    < ACK 2 @a
             done ok 600
        6    < DATA 1 [3] @c
             > ACK 1 @c
        7    < ACK 1 @b
             > DATA 2 [8] @b",
    );
    assert_eq!(left, 2, "b is at work and c may need its last ACK again");
}

#[test]
fn windows_are_sent_in_turn() {
    play(
        "
             < RRQ big octet windowsize=3 @a
             > OACK windowsize=3 @a
             < RRQ big octet windowsize=3 @b
             > OACK windowsize=3 @b
        1    < ACK 0 @a
             > DATA 1 [512] @a
             > DATA 2 [512] @a
             > DATA 3 [512] @a
        1    < ACK 0 @b
             > DATA 1 [512] @b
             > DATA 2 [512] @b
             > DATA 3 [512] @b
        1001 > DATA 1 [512] @a
             > DATA 1 [512] @b
             > DATA 2 [512] @a
             > DATA 2 [512] @b
             > DATA 3 [512] @a
             > DATA 3 [512] @b",
    );
}

#[test]
fn c83_a_missing_file_is_refused_and_keeps_no_state() {
    assert_eq!(play("< RRQ nothing octet\n > ERROR 1\n 9999 quiet"), 0);
}

#[test]
fn c82_a_refusal_carries_the_code_it_is_given() {
    assert_eq!(play("< WRQ secret octet\n > ERROR 2\n 9999 quiet"), 0);
}

#[test]
fn a_request_that_is_not_decided_draws_no_answer() {
    assert_eq!(play("< RRQ slow octet\n 9999 quiet"), 0);
}

#[test]
fn a_malformed_request_gets_error_4() {
    assert_eq!(play("< RRQ f mail = ignored\n > ERROR 4\n 9999 quiet"), 0);
}

#[test]
fn c45_an_error_frees_the_place() {
    assert_eq!(
        play("< RRQ f octet\n > DATA 1 [512]\n 5 < ERROR 0 = error 0\n done peer 0"),
        0
    );
}

#[test]
fn h02_f36_what_is_no_request_draws_no_answer_at_the_request_port() {
    for words in [
        "ERROR 0",
        "ERROR 4",
        "ERROR 5",
        "ACK 0",
        "ACK 1",
        "DATA 1 [512]",
        "OACK",
        "OACK blksize=8",
        "raw",
        "raw 00",
        "raw 00 00",
        "raw 00 07 66 00",
        "raw ff ff ff ff",
    ] {
        assert_eq!(play(&format!("< {words} = ignored\n 99999 quiet")), 0);
    }
}

#[test]
fn h02_an_error_and_a_refusal_do_not_meet_for_ever() {
    // What one server says to a bad request, told to another server as if by the first.
    let mut one = Server::<2>::new(limits());
    let datagram = packet::bytes("RRQ f mail");
    let _ = one.handle(Instant::ZERO, addr("b"), &datagram);
    let ServerOutput::Refuse(refusal) = one.poll(Instant::ZERO) else {
        panic!("a refusal")
    };
    let refusal = encode(&refusal);
    let mut other = Server::<2>::new(limits());
    assert!(matches!(
        other.handle(Instant::ZERO, addr("a"), &refusal),
        ServerEvent::Ignored(_)
    ));
    assert!(matches!(
        other.poll(Instant::ZERO),
        ServerOutput::Wait(None)
    ));
}

#[test]
fn f14_after_a_size_probe_the_same_port_is_served() {
    let left = play(
        "
             < RRQ f octet tsize=0
             > OACK tsize=600
        1    < ERROR 8 = error 8
             done declined 8
        2    < RRQ f octet tsize=0
             > OACK tsize=600
        3    < ACK 0
             > DATA 1 [512]",
    );
    assert_eq!(left, 1);
}

#[test]
fn f25_long_time_outs_keep_nobody_out() {
    play(
        "
             < RRQ big octet timeout=99999 @a
             > DATA 1 [512] @a
        1    < RRQ big octet timeout=99999 @b
             > DATA 1 [512] @b
        2    < RRQ f octet @c
             > DATA 1 [512] @c
        3    < ACK 1 @c
             > DATA 2 [88] @c
        4    < ACK 2 @c
             done ok 600",
    );
}

#[test]
fn f26_a_short_datagram_and_a_bad_block_size_end_nothing() {
    play(
        "
             < raw 00 = ignored
             < RRQ f octet blksize=0 @b
             > DATA 1 [512] @b
        1    < RRQ f octet blksize=99999999999999999999 @a
             > DATA 1 [512] @a
        2    < ACK 1 @a
             > DATA 2 [88] @a
        3    < ACK 2 @a
             done ok 600",
    );
}

fn attacker(n: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(203, 0, 113, 7), 1000 + n))
}

/// A server of four whose clients have all asked and never answered.
fn half_open() -> Shop<4> {
    let mut shop = Shop::<4>::new(limits());
    let request = packet::bytes("RRQ big octet");
    for n in 0..200 {
        let now = Instant::from_millis(u64::from(n));
        assert!(matches!(
            shop.handle(now, attacker(n), &request),
            Heard::Request
        ));
        flush(|| matches!(shop.poll(now), Want::Send(_) | Want::Done(_)));
        assert!(shop.server.len() <= 4, "after {n} requests");
    }
    shop
}

#[test]
fn c86_the_number_of_transfers_is_bounded() {
    assert_eq!(half_open().server.len(), 4);
}

#[test]
fn h03_f31_half_open_requests_shut_nobody_out() {
    let mut shop = half_open();
    let now = Instant::from_millis(300);
    let request = packet::bytes("RRQ f octet");
    assert!(matches!(
        shop.handle(now, addr("a"), &request),
        Heard::Request
    ));
    let mut sent = Vec::new();
    flush(|| {
        let want = shop.poll(now);
        if let Want::Send(transmit) = &want {
            sent.push(transmit.to);
        }
        !matches!(want, Want::Wait(_))
    });
    assert_eq!(sent, [addr("a")]);
}

#[test]
fn h03_clients_at_work_are_not_evicted() {
    let full = check(
        Shop::<2>::new(limits()),
        "
             < RRQ big octet @a
             > DATA 1 [512] @a
        1    < RRQ big octet @b
             > DATA 1 [512] @b
        2    < ACK 1 @a
             > DATA 2 [512] @a
        3    < ACK 1 @b
             > DATA 2 [512] @b
        4    < RRQ f octet @c = full
        5    < ACK 2 @a
             > DATA 3 [512] @a
        6    < ACK 2 @b
             > DATA 3 [512] @b",
    );
    assert_eq!(full.server.len(), 2);
}

#[test]
fn h03_the_oldest_half_open_transfer_makes_room() {
    check(
        Shop::<2>::new(limits()),
        "
             < RRQ big octet @a
             > DATA 1 [512] @a
        1    < RRQ big octet @b
             > DATA 1 [512] @b
        2    < RRQ f octet @c
             done Evicted
             > DATA 1 [512] @c
        3    < ACK 1 @a = ignored
        4    < ACK 1 @b
             > DATA 2 [512] @b",
    );
}

#[test]
fn a_transfer_that_only_dallies_makes_room() {
    check(
        Shop::<1>::new(limits()),
        "
             < WRQ up octet @a
             > ACK 0 @a
        1    < DATA 1 [3] @a
             > ACK 1 @a
        2    < RRQ f octet @b
             done ok 3
             > DATA 1 [512] @b",
    );
}

#[test]
fn an_abort_ends_one_transfer() {
    let left = play(
        "
             < RRQ big octet @a
             > DATA 1 [512] @a
        1    < WRQ up octet @b
             > ACK 0 @b
        2    < DATA 1 [512] @b ! 3
             > ERROR 3 @b
             done local 3
        3    < ACK 1 @a
             > DATA 2 [512] @a",
    );
    assert_eq!(left, 1);
}

#[test]
fn a_source_that_ends_early_ends_the_file() {
    play(
        "
             < RRQ pipe octet
             > DATA 1 [512]
        1    < ACK 1
             > DATA 2 [512]
        1    ends 600
             > DATA 2 [88]
        2    < ACK 2
             done ok 600",
    );
}

#[test]
fn session_numbers_are_not_used_again() {
    let mut shop = Shop::<1>::new(limits());
    let mut seen = Vec::new();
    for n in 0..50 {
        let request = packet::bytes("RRQ f octet");
        assert!(matches!(
            shop.handle(Instant::ZERO, attacker(n), &request),
            Heard::Request
        ));
        flush(|| matches!(shop.poll(Instant::ZERO), Want::Send(_) | Want::Done(_)));
        let id = shop.last.expect("accepted");
        assert!(!seen.contains(&id), "{id:?}");
        seen.push(id);
    }
}

#[test]
fn an_empty_server_waits_for_ever() {
    let mut server = Server::<2>::new(limits());
    assert!(matches!(
        server.poll(Instant::ZERO),
        ServerOutput::Wait(None)
    ));
    assert_eq!(
        (server.poll_at(), server.len(), server.is_empty()),
        (None, 0, true)
    );
}

#[test]
fn a_server_at_work_is_not_empty() {
    assert!(!half_open().server.is_empty());
}

#[test]
fn h10_f38_a_transfer_takes_the_same_memory_whatever_is_asked() {
    let two = size_of::<Server<2>>() - size_of::<Server<1>>();
    assert!(two <= 256, "{two} octets a transfer");
    let mut shop = Shop::<4>::new(limits());
    let request = packet::bytes("RRQ big octet blksize=65464 windowsize=65535");
    assert!(matches!(
        shop.handle(Instant::ZERO, addr("a"), &request),
        Heard::Request
    ));
    let Want::Send(oack) = shop.poll(Instant::ZERO) else {
        panic!("an answer")
    };
    let words = packet::words(&encode(&oack));
    let window: u64 = words.split_once("windowsize=").unwrap().1.parse().unwrap();
    assert!(
        window * 65_464 <= 4 << 20,
        "{words}: what is to be kept at hand"
    );
}
