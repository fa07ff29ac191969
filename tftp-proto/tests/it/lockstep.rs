//! One block, one ACK: RFC 1350 section 4 and 6, and the option exchange around it.

use tftp_proto::{DecodeError, ErrorCode, Event, Ignored, Instant, Output, Receiver};

use crate::packet;
use crate::script::check;
use crate::shop::Shop;
use crate::support::{
    Machine, Want, addr, asking, encode, flush, get, limits, plain, put, serve, take,
};

#[test]
fn c34_blocks_are_numbered_from_one_and_grow_by_one() {
    check(
        put(1100, plain()),
        "
             > WRQ f octet
        5    < ACK 0
             > DATA 1 [512]
        10   < ACK 1
             > DATA 2 [512]
        15   < ACK 2
             > DATA 3 [76]
        20   < ACK 3
             done ok 1100",
    );
}

#[test]
fn c22_a_download_without_oack_is_plain_rfc_1350() {
    check(
        get(asking(1428, 8)),
        "
             > RRQ f octet blksize=1428 windowsize=8
        5    < DATA 1 [512]
             > ACK 1
        10   < DATA 2 [88]
             > ACK 2
        *    done ok 600",
    );
}

#[test]
fn c22_an_upload_without_oack_is_plain_rfc_1350() {
    check(
        put(600, asking(1428, 8)),
        "
             > WRQ f octet blksize=1428 windowsize=8
        5    < ACK 0
             > DATA 1 [512]
        10   < ACK 1
             > DATA 2 [88]
        15   < ACK 2
             done ok 600",
    );
}

#[test]
fn c23_the_oack_of_a_read_request_is_answered_by_ack_0() {
    check(
        get(asking(1428, 1)),
        "
             > RRQ f octet blksize=1428
        5    < OACK blksize=1428
             > ACK 0
        10   < DATA 1 [1428]
             > ACK 1
        15   < DATA 2 [572]
             > ACK 2
        *    done ok 2000",
    );
}

#[test]
fn c23_the_oack_of_a_write_request_is_answered_by_data_1() {
    check(
        put(2000, asking(1428, 1)),
        "
             > WRQ f octet blksize=1428
        5    < OACK blksize=1428
             > DATA 1 [1428]
        10   < ACK 1
             > DATA 2 [572]
        15   < ACK 2
             done ok 2000",
    );
}

#[test]
fn c24_a_server_sends_oack_instead_of_data_1() {
    check(
        serve("RRQ f octet blksize=8 tsize=0", 12, limits()),
        "
             > OACK blksize=8 tsize=12
        999  quiet
        999  < ACK 0
             > DATA 1 [8]",
    );
}

#[test]
fn c24_a_server_sends_oack_instead_of_ack_0() {
    check(
        take("WRQ f octet blksize=8", limits()),
        "
             > OACK blksize=8
        5    < DATA 1 [3]
             > ACK 1",
    );
}

#[test]
fn c24_without_an_acknowledged_option_the_answer_is_data_1() {
    check(serve("RRQ f octet foo=1", 12, limits()), "> DATA 1 [12]");
}

#[test]
fn c24_without_an_acknowledged_option_the_answer_is_ack_0() {
    check(take("WRQ f octet foo=1", limits()), "> ACK 0");
}

#[test]
fn c38_duplicate_ack_sends_nothing() {
    check(
        serve("RRQ f octet", 1100, limits()),
        "
             > DATA 1 [512]
        5    < ACK 1
             > DATA 2 [512]
        6    < ACK 1 = ignored
        7    < ACK 1 = ignored
        8    < ACK 1 = ignored
        10   < ACK 2
             > DATA 3 [76]
        11   < ACK 2 = ignored
        12   < ACK 1 = ignored
        15   < ACK 3
             done ok 1100",
    );
}

#[test]
fn c38_duplicate_ack_0_sends_nothing() {
    check(
        put(600, plain()),
        "
             > WRQ f octet
        5    < ACK 0
             > DATA 1 [512]
        6    < ACK 0 = ignored
        900  < ACK 0 = ignored
        1005 > DATA 1 [512]",
    );
}

#[test]
fn c39_a_delayed_ack_does_not_double_the_blocks_after_it() {
    check(
        serve("RRQ f octet", 1100, limits()),
        "
             > DATA 1 [512]
        1000 > DATA 1 [512]
        1100 < ACK 1
             > DATA 2 [512]
        1200 < ACK 1 = ignored
        1300 < ACK 2
             > DATA 3 [76]
        1400 < ACK 2 = ignored
        1500 < ACK 3
             done ok 1100",
    );
}

#[test]
fn c40_duplicate_data_is_acknowledged_at_once_and_then_rarely() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 1 [512]
             > ACK 1
        6    < DATA 1 [512] = ignored
             > ACK 1
        7    < DATA 1 [512] = ignored
        400  < DATA 1 [512] = ignored
        505  < DATA 1 [512] = ignored
        506  < DATA 1 [512] = ignored
             > ACK 1
        508  < DATA 1 [512] = ignored
        510  < DATA 2 [88]
             > ACK 2
        *    done ok 600",
    );
}

#[test]
fn a_block_out_of_order_in_lockstep_is_dropped_in_silence() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 2 [512] = ignored
        6    < DATA 1 [512]
             > ACK 1
        7    < DATA 3 [512] = ignored
        8    < DATA 9999 [512] = ignored
        9    < DATA 2 [0]
             > ACK 2",
    );
}

#[test]
fn c42_data_longer_than_a_block_is_refused_and_not_stored() {
    check(
        get(asking(8, 1)),
        "
             > RRQ f octet blksize=8
        5    < OACK blksize=8
             > ACK 0
        6    < raw 00 03 00 01 31 32 33 34 35 36 37 38 39 = failed Oversized
             > ERROR 4
             done Oversized",
    );
}

#[test]
fn c42_a_first_block_longer_than_512_is_refused_without_oack() {
    check(
        get(asking(1428, 1)),
        "
             > RRQ f octet blksize=1428
        5    < DATA 1 [1428] = failed Oversized
             > ERROR 4
             done Oversized",
    );
}

#[test]
fn c42_a_server_refuses_data_longer_than_a_block() {
    check(
        take("WRQ f octet", limits()),
        "
             > ACK 0
        5    < DATA 1 [512]
             > ACK 1
        6    < DATA 2 [513] = failed Oversized
             > ERROR 4
             done Oversized",
    );
}

#[test]
fn c43_octets_after_an_ack_are_ignored() {
    check(
        serve("RRQ f octet", 600, limits()),
        "
             > DATA 1 [512]
        5    < raw 00 04 00 01 ff ff
             > DATA 2 [88]
        6    < raw 00 04 00 02 08
             done ok 600",
    );
}

#[test]
fn c48_a_repeated_oack_is_answered_by_ack_0_until_data_1_came() {
    check(
        get(asking(8, 1)),
        "
             > RRQ f octet blksize=8
        5    < OACK blksize=8
             > ACK 0
        6    < OACK blksize=8 = ignored
             > ACK 0
        10   < DATA 1 [8]
             > ACK 1
        11   < OACK blksize=8 = ignored
        12   < DATA 2 [1]
             > ACK 2",
    );
}

#[test]
fn c49_a_lost_oack_is_repeated_and_a_second_ack_0_is_ignored() {
    check(
        serve("RRQ f octet blksize=8", 20, limits()),
        "
             > OACK blksize=8
        1000 > OACK blksize=8
        1005 < ACK 0
             > DATA 1 [8]
        1006 < ACK 0 = ignored
        1010 < ACK 1
             > DATA 2 [8]",
    );
}

#[test]
fn c50_an_upload_ignores_a_repeated_oack() {
    check(
        put(20, asking(8, 1)),
        "
             > WRQ f octet blksize=8
        5    < OACK blksize=8
             > DATA 1 [8]
        6    < OACK blksize=8 = ignored
        900  < OACK blksize=8 = ignored
        1005 > DATA 1 [8]",
    );
}

/// Hands over datagrams that must be of no use, whatever is sent because of them.
fn waste(machine: &mut Receiver<'_>, all: &[&str]) {
    for words in all {
        let datagram = packet::bytes(words);
        let now = Instant::from_millis(6);
        let event = machine.handle(now, addr("tid"), &datagram);
        assert!(matches!(event, Event::Ignored(_)), "{words}: {event:?}");
        flush(|| matches!(machine.poll(now), Output::Transmit(_)));
    }
}

#[test]
fn c48_a_bad_oack_after_a_good_one_changes_nothing() {
    let opening = "> RRQ f octet blksize=8\n 5 < OACK blksize=8\n > ACK 0";
    let mut machine = check(get(asking(8, 1)), opening);
    waste(
        &mut machine,
        &["OACK blksize=9", "OACK foo=1", "OACK", "OACK blksize=512"],
    );
    assert_eq!(machine.negotiated().blksize, 8);
    check(machine, "8 < DATA 1 [8]\n > ACK 1");
}

#[test]
fn a_long_block_after_the_last_one_leaves_a_success() {
    let mut machine = check(get(plain()), "> RRQ f octet\n 5 < DATA 1 [100]\n > ACK 1");
    waste(&mut machine, &["DATA 1 [600]", "DATA 2 [600]"]);
    check(machine, "* done ok 100");
}

#[test]
fn c50_an_upload_in_windows_ignores_a_repeated_oack() {
    check(
        put(20, asking(8, 4)),
        "
             > WRQ f octet blksize=8 windowsize=4
        5    < OACK blksize=8 windowsize=4
             > DATA 1 [8]
             > DATA 2 [8]
             > DATA 3 [4]
        20   < OACK blksize=8 windowsize=4 = ignored
        21   < ACK 3
             done ok 20",
    );
}

#[test]
fn a_client_that_answers_the_oack_of_an_upload_with_ack_0_is_waited_for() {
    check(
        take("WRQ f octet blksize=8", limits()),
        "
             > OACK blksize=8
        5    < ACK 0 = ignored
        6    < DATA 0 [8] = ignored
        7    < DATA 1 [8]
             > ACK 1",
    );
}

/// What `machine` is handed to send, whether it says that this is a repeat, and its events.
fn flags<M: Machine>(machine: &mut M, now: u64) -> Vec<(bool, String)> {
    let mut sent = Vec::new();
    while let Want::Send(transmit) = machine.poll(Instant::from_millis(now)) {
        sent.push((
            transmit.is_retransmission(),
            packet::words(&encode(&transmit)),
        ));
        assert!(sent.len() < 100, "sends for ever");
    }
    sent
}

#[test]
fn what_is_sent_again_says_so() {
    let mut machine = serve("RRQ f octet", 600, limits());
    assert_eq!(flags(&mut machine, 0), [(false, "DATA 1 [512]".into())]);
    assert_eq!(flags(&mut machine, 1000), [(true, "DATA 1 [512]".into())]);
    let mut machine = get(plain());
    assert_eq!(flags(&mut machine, 0), [(false, "RRQ f octet".into())]);
    assert_eq!(flags(&mut machine, 1000), [(true, "RRQ f octet".into())]);
    let block = packet::bytes("DATA 1 [512]");
    for again in [false, true] {
        let _ = machine.handle(Instant::from_millis(1001), addr("tid"), &block);
        assert_eq!(flags(&mut machine, 1001), [(again, "ACK 1".into())]);
    }
    let at = machine.poll_at().unwrap().as_micros() / 1000 + 1;
    assert_eq!(
        flags(&mut machine, at),
        [(true, "ACK 1".into())],
        "of the timer"
    );
    assert_eq!(machine.summary().retransmissions, 3);
}

#[test]
fn what_is_of_no_use_is_said_to_be_late_early_or_strange() {
    let mut machine = check(
        serve("RRQ f octet", 5000, limits()),
        "> DATA 1 [512]\n 5 < ACK 1\n > DATA 2 [512]",
    )
    .0;
    let mut why = |words: &str| {
        let datagram = packet::bytes(words);
        let event = machine.handle(Instant::from_millis(6), addr("a"), &datagram);
        let Event::Ignored(why) = event else {
            panic!("{event:?}")
        };
        why
    };
    assert_eq!(why("ACK 1"), Ignored::Duplicate);
    assert_eq!(why("ACK 3"), Ignored::Unexpected);
    assert_eq!(why("DATA 1 [5]"), Ignored::Unexpected);
    assert_eq!(why("raw 00"), Ignored::Malformed(DecodeError::Truncated));
    let mut machine = check(get(plain()), "> RRQ f octet\n 5 < DATA 1 [512]\n > ACK 1");
    let mut why = |words: &str| {
        let datagram = packet::bytes(words);
        let event = machine.handle(Instant::from_millis(6), addr("tid"), &datagram);
        let Event::Ignored(why) = event else {
            panic!("{event:?}")
        };
        why
    };
    assert_eq!(why("DATA 1 [512]"), Ignored::Duplicate);
    assert_eq!(why("DATA 3 [512]"), Ignored::OutOfOrder);
    assert_eq!(why("ACK 1"), Ignored::Unexpected);
}

/// Whether the machine wants to be polled no later than `now`, in milliseconds.
fn is_due<M: Machine>(machine: &M, now: u64) -> bool {
    machine
        .poll_at()
        .is_some_and(|at| at <= Instant::from_millis(now))
}

#[test]
fn who_has_something_to_send_wants_to_be_polled_at_once() {
    let mut machine = check(get(plain()), "> RRQ f octet");
    assert!(!is_due(&machine, 5));
    let block = packet::bytes("DATA 1 [512]");
    let _ = machine.handle(Instant::from_millis(5), addr("tid"), &block);
    assert!(is_due(&machine, 5));
    let mut machine = check(serve("RRQ f octet", 600, limits()), "> DATA 1 [512]");
    assert!(!is_due(&machine, 5));
    let _ = machine.handle(Instant::from_millis(5), addr("a"), &[0, 4, 0, 1]);
    assert!(is_due(&machine, 5));
}

#[test]
fn who_gives_up_wants_to_be_polled_at_once_and_then_no_more() {
    let mut machine = check(get(plain()), "> RRQ f octet\n 5 < DATA 1 [512]\n > ACK 1");
    machine.abort(ErrorCode::DISK_FULL);
    assert!(is_due(&machine, 5));
    let machine = check(machine, "> ERROR 3\n done local 3");
    assert_eq!(machine.poll_at(), None);
    let mut machine = check(serve("RRQ f octet", 600, limits()), "> DATA 1 [512]");
    machine.abort(ErrorCode::DISK_FULL);
    assert!(is_due(&machine, 5));
}

#[test]
fn an_ack_of_the_next_block_before_it_is_sent_is_strange() {
    let mut machine = check(serve("RRQ f octet", 5000, limits()), "> DATA 1 [512]").0;
    let now = Instant::from_millis(5);
    let event = machine.handle(now, addr("a"), &[0, 4, 0, 1]);
    assert_eq!(event, Event::Acknowledged { up_to: 512 });
    let event = machine.handle(now, addr("a"), &[0, 4, 0, 2]);
    assert_eq!(event, Event::Ignored(Ignored::Unexpected));
}

#[test]
fn a_refusal_is_due_at_once() {
    let mut shop = Shop::<2>::new(limits());
    assert!(!is_due(&shop, 5));
    let request = packet::bytes("RRQ missing octet");
    let _ = shop.handle(Instant::from_millis(5), addr("a"), &request);
    assert!(is_due(&shop, 5));
}
