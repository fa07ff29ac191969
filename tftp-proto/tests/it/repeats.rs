//! Requests that come again, from a client of a `Server` that is being served.

use tftp_proto::{Instant, Server, ServerEvent, TransferError};

use crate::packet;
use crate::shop::play;
use crate::support::{addr, limits};

#[test]
fn c31_a_repeated_read_request_makes_one_transfer() {
    let left = play(
        "
             < RRQ f octet
             > DATA 1 [512]
        1    < RRQ f octet = ignored
        2    < RRQ f octet = ignored
        5    < ACK 1
             > DATA 2 [88]
        6    < ACK 2
             done ok 600
        9999 quiet",
    );
    assert_eq!(left, 0);
}

#[test]
fn c31_a_repeated_request_with_options_makes_one_transfer() {
    let left = play(
        "
             < RRQ f octet blksize=8
             > OACK blksize=8
        1    < RRQ f octet blksize=8 = ignored
        1000 > OACK blksize=8
        1001 < ACK 0
             > DATA 1 [8]
        1002 < RRQ f octet blksize=8 = ignored",
    );
    assert_eq!(left, 1);
}

#[test]
fn c31_a_repeated_write_request_makes_one_transfer() {
    let left = play(
        "
             < WRQ up octet
             > ACK 0
        1    < WRQ up octet = ignored
        2    < DATA 1 [512]
             > ACK 1
        3    < WRQ up octet = ignored
        4    < DATA 2 [88]
             > ACK 2
        5    < WRQ up octet = ignored
        *    done ok 600",
    );
    assert_eq!(left, 0);
}

#[test]
fn c31_a_late_copy_of_the_request_does_not_end_the_transfer() {
    let left = play(
        "
             < RRQ f octet
             > DATA 1 [512]
        5    < ACK 1
             > DATA 2 [88]
        6    < RRQ f octet = ignored
        7    < ACK 2
             done ok 600",
    );
    assert_eq!(left, 0);
}

#[test]
fn c31_one_copy_of_the_request_does_not_end_the_transfer_after_a_time_out() {
    let left = play(
        "
             < RRQ f octet
             > DATA 1 [512]
        5    < ACK 1
             > DATA 2 [88]
        1005 > DATA 2 [88]
        1006 < RRQ f octet = ignored
        1007 < ACK 2
             done ok 600",
    );
    assert_eq!(left, 0);
}

#[test]
fn c31_copies_of_the_request_without_a_time_out_end_nothing() {
    let left = play(
        "
             < RRQ f octet
             > DATA 1 [512]
        5    < ACK 1
             > DATA 2 [88]
        6    < RRQ f octet = ignored
        7    < RRQ f octet = ignored
        8    < RRQ f octet = ignored
        9    < ACK 2
             done ok 600",
    );
    assert_eq!(left, 0);
}

#[test]
fn c31_requests_again_and_again_after_a_time_out_are_a_client_that_started_anew() {
    let left = play(
        "
             < RRQ f octet
             > DATA 1 [512]
        5    < ACK 1
             > DATA 2 [88]
        1005 > DATA 2 [88]
        1006 < RRQ f octet = ignored
        2006 < RRQ f octet
             > DATA 1 [512]
             done Replaced
        2007 < ACK 1
             > DATA 2 [88]
        2008 < ACK 2
             done ok 600",
    );
    assert_eq!(left, 0);
}

#[test]
fn c32_another_request_from_the_same_port_replaces_the_transfer_in_silence() {
    let left = play(
        "
             < RRQ f octet
             > DATA 1 [512]
        1    < RRQ big octet
             > DATA 1 [512]
             done Replaced
        2    < ACK 1
             > DATA 2 [512]
        3    < WRQ up octet
             > ACK 0
             done Replaced",
    );
    assert_eq!(left, 1);
}

#[test]
fn an_upload_that_was_stored_stays_complete_when_its_client_goes_on() {
    play(
        "
             < WRQ up octet
             > ACK 0
        1    < DATA 1 [88]
             > ACK 1
        2    < RRQ f octet
             > DATA 1 [512]
             done ok 88",
    );
}

#[test]
fn what_a_request_ends_can_be_told_before_its_transfer_begins() {
    let mut server = Server::<1>::new(limits());
    let mut ask = |request: &str| {
        let from = addr("a");
        let datagram = packet::bytes(request);
        let ServerEvent::Request(incoming) = server.handle(Instant::ZERO, from, &datagram) else {
            panic!("no request");
        };
        let ended = server.ended();
        let id = server
            .accept_write(Instant::ZERO, &incoming)
            .expect("a place");
        (ended, id)
    };
    let (ended, first) = ask("WRQ up octet");
    assert_eq!(ended, None);
    let (ended, _) = ask("WRQ other octet");
    assert_eq!(ended, Some((first, Err(TransferError::Replaced))));
}
