//! What a server answers to options: RFC 2347 to 2349, 7440, and those that are only custom.

use core::time::Duration;

use proptest::prelude::*;
use tftp_proto::{Config, Incoming, Instant, Length, Output, Receiver, Sender};

use crate::packet;
use crate::script::check;
use crate::support::{Served, addr, encode, limits, plain, put, serve, serve_length, take};

/// What a server that agrees to all answers to a read request of a file of 1000 octets.
#[track_caller]
fn answers(options: &str, answer: &str) {
    answers_with(limits(), options, answer);
}

#[track_caller]
fn answers_with(limits: Config, options: &str, answer: &str) {
    check(
        serve(&format!("RRQ f octet {options}"), 1000, limits),
        &format!("> {answer}"),
    );
}

const REFUSED: &str = "DATA 1 [512]";

#[test]
fn c07_names_are_matched_without_case_and_echoed_as_they_came() {
    let mut machine = serve("RRQ f octet BLKSIZE=512 TsIzE=0", 7, limits()).0;
    let Output::Transmit(oack) = machine.poll(Instant::ZERO) else {
        panic!("an OACK")
    };
    assert_eq!(packet::words(&encode(&oack)), "OACK BLKSIZE=512 TsIzE=7");
}

#[test]
fn c08_the_order_of_options_has_no_effect() {
    let options = ["blksize=1428", "tsize=0", "timeout=2", "windowsize=16"];
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| ![a, b].contains(c)) {
                let d = 6 - a - b - c;
                let request = [a, b, c, d].map(|at| options[at]).join(" ");
                answers(
                    &request,
                    "OACK blksize=1428 timeout=2 tsize=1000 windowsize=16",
                );
            }
        }
    }
}

#[test]
fn c09_of_a_repeated_option_the_first_counts_and_is_answered_once() {
    answers("blksize=512 blksize=1024", "OACK blksize=512");
    answers(
        "blksize=512 BLKSIZE=1024 tsize=0",
        "OACK blksize=512 tsize=1000",
    );
}

#[test]
fn c10_unknown_options_are_left_out() {
    answers("foo=1 blksize=8", "OACK blksize=8");
    answers("foo=1", REFUSED);
    answers("multicast= blksize=8", "OACK blksize=8");
    answers("msftwindow=31416 windowsize=4", "OACK windowsize=4");
}

#[test]
fn c12_malformed_numbers_count_as_unsupported() {
    for value in [
        "+8",
        "-8",
        "0x10",
        "1e3",
        " 8",
        "8 ",
        "8.0",
        "",
        "123456789012345678901234567890",
    ] {
        let mut datagram = packet::bytes("RRQ f octet");
        for name in ["blksize", "windowsize", "timeout", "utimeout", "blksize2"] {
            datagram.extend(name.bytes().chain([0]).chain(value.bytes()).chain([0]));
        }
        let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
        let machine = Sender::accept(Instant::ZERO, &incoming, Length::Known(1000), limits());
        check(Served(machine), &format!("> {REFUSED}"));
    }
}

#[test]
fn c12_leading_zeros_are_read_and_not_echoed() {
    answers("blksize=0001428 timeout=002", "OACK blksize=1428 timeout=2");
}

#[test]
fn c15_blksize_is_at_most_what_either_wants() {
    let mut small = limits();
    small.blksize = 1468;
    answers_with(small, "blksize=65464", "OACK blksize=1468");
    answers_with(small, "blksize=1428", "OACK blksize=1428");
    answers("blksize=8", "OACK blksize=8");
    answers("blksize=7", REFUSED);
    answers("blksize=0", REFUSED);
    answers("blksize=65464", "OACK blksize=65464");
    answers("blksize=65465", "OACK blksize=65464");
    answers("blksize=99999999999", "OACK blksize=65464");
    small.blksize = 100;
    answers_with(small, "blksize=512", "OACK blksize=100");
}

#[test]
fn c16_timeout_is_answered_equal_or_not_at_all() {
    answers("timeout=1", "OACK timeout=1");
    answers("timeout=255", "OACK timeout=255");
    answers("timeout=0", REFUSED);
    answers("timeout=256", REFUSED);
    let mut impatient = limits();
    impatient.timeout = Some(Duration::from_secs(10));
    answers_with(impatient, "timeout=10", "OACK timeout=10");
    answers_with(impatient, "timeout=11", REFUSED);
}

#[test]
fn utimeout_is_answered_equal_or_not_at_all() {
    answers("utimeout=10000", "OACK utimeout=10000");
    answers("utimeout=255000000", "OACK utimeout=255000000");
    answers("utimeout=9999", REFUSED);
    answers("utimeout=255000001", REFUSED);
}

#[test]
fn c17_windowsize_is_at_most_what_either_wants() {
    let mut small = limits();
    small.windowsize = 8;
    answers_with(small, "windowsize=4", "OACK windowsize=4");
    answers_with(small, "windowsize=16", "OACK windowsize=8");
    answers_with(small, "windowsize=65535", "OACK windowsize=8");
    answers_with(small, "windowsize=65536", "OACK windowsize=8");
    answers_with(small, "windowsize=0", REFUSED);
    answers_with(small, "windowsize=1", "OACK windowsize=1");
}

#[test]
fn c18_a_read_request_is_told_the_size() {
    for len in [0, 1, 1 << 32, 5 << 30, u64::MAX >> 16] {
        check(
            serve("RRQ f octet tsize=0", len, limits()),
            &format!("> OACK tsize={len}"),
        );
    }
}

#[test]
fn c18_a_read_request_is_told_the_real_size_whatever_it_says() {
    check(
        serve("RRQ f octet tsize=4711", 5, limits()),
        "> OACK tsize=5",
    );
}

#[test]
fn c18_a_size_that_is_not_known_is_not_told() {
    let machine = serve_length("RRQ f octet tsize=0 blksize=8", Length::Unknown, limits());
    check(machine, "> OACK blksize=8");
}

#[test]
fn c18_the_largest_length_there_can_be_is_a_length() {
    let machine = serve_length("RRQ f octet tsize=0", Length::Known(u64::MAX), limits());
    check(machine, "> OACK tsize=18446744073709551614");
}

#[test]
fn c18_a_write_requests_size_is_echoed() {
    for len in [0, 1, 1 << 32, u64::MAX] {
        let machine = take(&format!("WRQ f octet tsize={len}"), limits());
        check(machine, &format!("> OACK tsize={len}"));
    }
}

#[test]
fn c18_a_netascii_size_is_told_only_where_it_is_known() {
    let machine = serve_length("RRQ f netascii tsize=0", Length::Unknown, limits());
    check(machine, "> DATA 1 [512]");
}

#[test]
fn c18_a_netascii_size_is_a_hint() {
    let mut machine = take("WRQ f netascii tsize=100", limits());
    assert!(matches!(machine.0.poll(Instant::ZERO), Output::Transmit(_)));
    check(machine, "6 < DATA 1 [90]\n > ACK 1\n * done ok 90");
}

#[test]
fn c84_an_upload_announced_too_large_is_refused_before_any_data() {
    let mut config = limits();
    config.max_len = 10;
    check(
        take("WRQ f octet tsize=11", config),
        "> ERROR 3\n done TooLarge",
    );
    check(take("WRQ f octet tsize=10", config), "> OACK tsize=10");
}

#[test]
fn c85_more_octets_than_allowed_are_refused_whatever_was_announced() {
    let mut config = limits();
    config.max_len = 600;
    check(
        take("WRQ f octet tsize=5", config),
        "
             > OACK tsize=5
        5    < DATA 1 [512]
             > ACK 1
        6    < DATA 2 [89] = failed TooLarge
             > ERROR 3
             done TooLarge",
    );
    check(
        take("WRQ f octet", config),
        "> ACK 0\n 5 < DATA 1 [512]\n > ACK 1\n 6 < DATA 2 [88]\n > ACK 2\n * done ok 600",
    );
}

#[test]
fn more_octets_than_announced_are_taken() {
    check(
        take("WRQ f octet tsize=5", limits()),
        "> OACK tsize=5\n 5 < DATA 1 [50]\n > ACK 1\n * done ok 50",
    );
}

#[test]
fn a_size_of_zero_in_an_upload_may_mean_unknown() {
    check(
        take("WRQ f octet tsize=0", limits()),
        "> OACK tsize=0\n 5 < DATA 1 [50]\n > ACK 1\n * done ok 50",
    );
}

#[test]
fn blksize2_is_answered_by_a_power_of_two() {
    answers("blksize2=2048", "OACK blksize2=2048");
    answers("blksize2=2047", "OACK blksize2=1024");
    answers("blksize2=65464", "OACK blksize2=32768");
    let mut small = limits();
    small.blksize = 1468;
    answers_with(small, "blksize2=2048", "OACK blksize2=1024");
}

#[test]
fn blksize_wins_over_blksize2() {
    answers("blksize2=2048 blksize=1000", "OACK blksize=1000");
    answers("blksize=1000 blksize2=2048", "OACK blksize=1000");
}

#[test]
fn timeout_wins_over_utimeout() {
    answers("timeout=2 utimeout=500000", "OACK timeout=2");
    answers("utimeout=500000 timeout=2", "OACK timeout=2");
}

#[test]
fn a_server_without_options_answers_as_an_old_one() {
    let mut old = limits();
    old.options = false;
    answers_with(old, "blksize=8 tsize=0 windowsize=4", REFUSED);
    check(take("WRQ f octet blksize=8", old), "> ACK 0");
}

/// Options as peers send them: known names in any case, unknown ones, good and bad values.
pub(crate) fn option() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        Just("blksize".to_owned()),
        Just("tsize".to_owned()),
        Just("timeout".to_owned()),
        Just("windowsize".to_owned()),
        Just("utimeout".to_owned()),
        Just("rollover".to_owned()),
        Just("blksize2".to_owned()),
        Just("BlkSize".to_owned()),
        Just("multicast".to_owned()),
        "[a-z]{1,9}",
    ];
    let value = prop_oneof![
        (0..70_000u32).prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        "[0-9]{0,3}",
        "[ -~]{0,6}",
    ];
    (name, value)
}

#[test]
fn only_ack_0_confirms_an_oack() {
    check(
        serve("RRQ f octet blksize=8", 20, limits()),
        "
             > OACK blksize=8
        5    < ACK 1 = ignored
        6    < OACK blksize=8 = ignored
        7    < ACK 0
             > DATA 1 [8]",
    );
}

#[test]
fn only_ack_0_accepts_an_upload() {
    check(
        put(600, plain()),
        "
             > WRQ f octet
        5    < ACK 1 = ignored
        6    < ACK 0
             > DATA 1 [512]",
    );
}

proptest! {
    #[test]
    fn c11_an_oack_names_only_what_was_asked_and_once(
        options in prop::collection::vec(option(), 0..10),
        write in any::<bool>(),
        len in any::<u64>(),
    ) {
        let mut datagram = packet::bytes(if write { "WRQ f octet" } else { "RRQ f octet" });
        for (name, value) in &options {
            datagram.extend(name.bytes().chain([0]).chain(value.bytes()).chain([0]));
        }
        let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
        let output = if write {
            Receiver::accept(Instant::ZERO, &incoming, limits()).poll(Instant::ZERO)
        } else {
            let len = Length::Known(len);
            Sender::accept(Instant::ZERO, &incoming, len, limits()).poll(Instant::ZERO)
        };
        let Output::Transmit(answer) = output else { panic!("an answer") };
        if answer.span().is_some() {
            return Ok(());
        }
        let words = packet::words(&encode(&answer));
        let mut names: Vec<&str> = words
            .split_whitespace()
            .skip(1)
            .filter_map(|pair| pair.split_once('=').map(|(name, _)| name))
            .collect();
        if words.starts_with("OACK") {
            prop_assert!(!names.is_empty(), "{words}");
        }
        for name in &names {
            prop_assert!(options.iter().any(|(asked, _)| asked == name), "{words}");
        }
        let all = names.len();
        names.sort_by_key(|name| name.to_ascii_lowercase());
        names.dedup_by_key(|name| name.to_ascii_lowercase());
        prop_assert_eq!(names.len(), all, "{}", words);
    }
}
