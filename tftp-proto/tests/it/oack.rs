//! What a client asks for, and which answers it takes.

use core::time::Duration;

use proptest::prelude::*;
use tftp_proto::{
    Config, Event, Instant, Length, Mode, Output, Receiver, Request, RequestError, TransferError,
};

use crate::options::option;
use crate::packet;
use crate::script::check;
use crate::support::{addr, asking, encode, get, left_alone, plain, put, put_length};

/// Whether a client that asked for `config` fails with ERROR 8 when it gets this OACK.
#[track_caller]
fn rejects(config: Config, oack: &str) {
    let mut machine = get(config);
    let Output::Transmit(_) = machine.poll(Instant::ZERO) else {
        panic!("a request")
    };
    check(
        machine,
        &format!("5 < {oack} = failed OptionNegotiation\n > ERROR 8\n done OptionNegotiation"),
    );
}

/// A client that asks for all four options: blksize 1428, windowsize 8, timeout 2, tsize.
fn all() -> Config {
    let mut config = asking(1428, 8);
    config.tsize = true;
    config.timeout = Some(Duration::from_secs(2));
    config
}

#[test]
fn a_client_asks_for_what_it_is_configured_to() {
    check(
        get(all()),
        "> RRQ f octet blksize=1428 timeout=2 tsize=0 windowsize=8",
    );
    check(
        put(77, all()),
        "> WRQ f octet blksize=1428 timeout=2 tsize=77 windowsize=8",
    );
    check(get(plain()), "> RRQ f octet");
    check(get(Config::client()), "> RRQ f octet tsize=0");
}

#[test]
fn c07_a_client_takes_names_in_any_case() {
    check(
        get(asking(8, 1)),
        "
             > RRQ f octet blksize=8
        5    < OACK BlkSize=8
             > ACK 0
        6    < DATA 1 [8]
             > ACK 1",
    );
}

#[test]
fn c13_options_that_do_not_fit_are_dropped() {
    let name = "n".repeat(500);
    let request = Request::octet(&name).unwrap();
    let mut machine = Receiver::request(Instant::ZERO, addr("69"), request, all());
    let Output::Transmit(transmit) = machine.poll(Instant::ZERO) else {
        panic!("a request")
    };
    let bytes = encode(&transmit);
    assert!(bytes.len() <= 512, "{}", bytes.len());
    assert_eq!(packet::words(&bytes), format!("RRQ {name} octet"));
}

#[test]
fn c13_a_dropped_option_counts_as_not_asked_for() {
    let name = "n".repeat(500);
    let request = Request::octet(&name).unwrap();
    let mut machine = Receiver::request(Instant::ZERO, addr("69"), request, all());
    let Output::Transmit(_) = machine.poll(Instant::ZERO) else {
        panic!("a request")
    };
    let oack = packet::bytes("OACK blksize=1428");
    let event = machine.handle(Instant::ZERO, addr("tid"), &oack);
    assert_eq!(event, Event::Failed(TransferError::OptionNegotiation));
}

#[test]
fn c13_the_options_worth_most_are_kept() {
    for len in 400..=503 {
        let name = "n".repeat(len);
        let request = Request::octet(&name).unwrap();
        let mut machine = Receiver::request(Instant::ZERO, addr("69"), request, all());
        let Output::Transmit(transmit) = machine.poll(Instant::ZERO) else {
            panic!("a request")
        };
        let bytes = encode(&transmit);
        assert!(bytes.len() <= 512, "{len}: {}", bytes.len());
        let words = packet::words(&bytes);
        // `blksize 1428` takes 13 octets, `windowsize 8` as many.
        let room = 512 - (9 + len);
        assert_eq!(words.contains("blksize=1428"), room >= 13, "{len}: {words}");
        assert_eq!(words.contains("windowsize=8"), room >= 26, "{len}: {words}");
    }
}

#[test]
fn c13_a_longer_name_is_an_error_here() {
    assert!(Request::octet(&"n".repeat(503)).is_ok());
    assert_eq!(Request::octet(&"n".repeat(504)), Err(RequestError::TooLong));
    assert!(Request::netascii(&"n".repeat(500)).is_ok());
    assert_eq!(
        Request::netascii(&"n".repeat(501)),
        Err(RequestError::TooLong)
    );
}

#[test]
fn a_name_without_octets_or_with_a_zero_is_an_error_here() {
    assert_eq!(Request::octet(""), Err(RequestError::Empty));
    assert_eq!(Request::octet("a\0b"), Err(RequestError::ZeroOctet));
    assert!(
        Request::new(b"\xff\x01", Mode::Octet).is_ok(),
        "a name is opaque octets"
    );
}

#[test]
fn c18_an_upload_of_unknown_length_announces_none() {
    let mut config = asking(512, 1);
    config.tsize = true;
    check(put_length(Length::Unknown, config), "> WRQ f octet");
}

#[test]
fn c18_a_client_asks_for_no_size_of_a_netascii_file() {
    let request = Request::netascii("f").unwrap();
    let machine = Receiver::request(Instant::ZERO, addr("69"), request, Config::client());
    check(machine, "> RRQ f netascii");
}

#[test]
fn c19_a_client_rejects_values_it_did_not_ask_for() {
    for oack in [
        "OACK blksize=1429",
        "OACK blksize=7",
        "OACK blksize=0",
        "OACK blksize=+8",
        "OACK blksize=",
        "OACK windowsize=9",
        "OACK windowsize=0",
        "OACK timeout=3",
        "OACK timeout=1",
        "OACK tsize=x",
        "OACK tsize=123456789012345678901234567890",
        "OACK blksize=1428 blksize=1428",
        "OACK blksize=1428 BLKSIZE=512",
        "OACK utimeout=2000000",
        "OACK rollover=0",
        "OACK foo=1",
        "OACK blksize=1428 foo=1",
    ] {
        rejects(all(), oack);
    }
}

#[test]
fn c19_a_client_rejects_options_it_did_not_ask_for() {
    let mut config = asking(1428, 1);
    rejects(config, "OACK windowsize=1");
    rejects(config, "OACK tsize=5");
    rejects(config, "OACK timeout=1");
    config = asking(512, 4);
    rejects(config, "OACK blksize=512");
}

#[test]
fn c19_a_client_without_options_rejects_any_oack() {
    for oack in ["OACK blksize=512", "OACK tsize=0"] {
        check(
            get(plain()),
            &format!(
                "> RRQ f octet\n 5 < {oack} = failed OptionNegotiation\n > ERROR 8\n done OptionNegotiation"
            ),
        );
    }
}

#[test]
fn c19_an_upload_rejects_what_it_did_not_ask_for() {
    for oack in [
        "OACK blksize=9",
        "OACK blksize=0",
        "OACK tsize=21",
        "OACK windowsize=1",
    ] {
        let mut config = asking(8, 1);
        config.tsize = true;
        check(
            put(20, config),
            &format!(
                "> WRQ f octet blksize=8 tsize=20
                 5 < {oack} = failed OptionNegotiation\n > ERROR 8\n done OptionNegotiation"
            ),
        );
    }
}

#[test]
fn c20_an_oack_without_options_is_accepted() {
    let mut config = asking(1428, 8);
    config.tsize = true;
    check(
        get(config),
        "
             > RRQ f octet blksize=1428 tsize=0 windowsize=8
        5    < OACK
             > ACK 0
        6    < DATA 1 [512]
             > ACK 1
        7    < DATA 2 [0]
             > ACK 2",
    );
}

#[test]
fn c20_what_follows_the_last_whole_pair_is_ignored() {
    for tail in [
        "00 00 00 00",
        "00 ff fe",
        "66 6f 6f",
        "74 73 69 7a 65 00",
        "66 6f 6f 00 31",
    ] {
        check(
            get(asking(8, 1)),
            &format!(
                "
                 > RRQ f octet blksize=8
            5    < raw 00 06 62 6c 6b 73 69 7a 65 00 38 00 {tail}
                 > ACK 0
            6    < DATA 1 [8]
                 > ACK 1"
            ),
        );
    }
}

#[test]
fn c21_what_is_not_acknowledged_counts_as_never_asked() {
    let mut config = asking(1428, 8);
    config.tsize = true;
    config.timeout = Some(Duration::from_secs(200));
    let machine = check(
        get(config),
        "
             > RRQ f octet blksize=1428 timeout=200 tsize=0 windowsize=8
        5    < OACK tsize=600
             > ACK 0
        6    < DATA 1 [512]
             > ACK 1
        7    < DATA 2 [88]
             > ACK 2
        *    done ok 600",
    );
    let agreed = machine.negotiated();
    assert_eq!((agreed.blksize, agreed.windowsize), (512, 1));
    assert_eq!((agreed.timeout, agreed.tsize), (None, Some(600)));
}

#[test]
fn c25_a_refused_request_with_options_may_be_tried_without() {
    for (code, may) in [(8, true), (4, true), (0, true), (1, false), (2, false)] {
        let script = format!("5 < ERROR {code} = error {code}\n done peer {code}");
        let asked = check(
            get(asking(8, 1)),
            &format!("> RRQ f octet blksize=8\n {script}"),
        );
        assert_eq!(asked.retry_without_options(), may, "ERROR {code}");
        let asked = check(
            put(5, asking(8, 1)),
            &format!("> WRQ f octet blksize=8\n {script}"),
        );
        assert_eq!(
            asked.retry_without_options(),
            may,
            "ERROR {code} to an upload"
        );
        let bare = check(get(plain()), &format!("> RRQ f octet\n {script}"));
        assert!(!bare.retry_without_options(), "it had no options");
    }
}

#[test]
fn c25_an_unacceptable_oack_may_be_followed_by_a_request_without_options() {
    let machine = check(
        get(asking(8, 1)),
        "
             > RRQ f octet blksize=8
        5    < OACK blksize=9 = failed OptionNegotiation
             > ERROR 8
             done OptionNegotiation",
    );
    assert!(machine.retry_without_options());
}

#[test]
fn c25_large_blocks_that_never_arrive_may_be_asked_for_without_options() {
    for (blksize, may) in [(1428, true), (512, false)] {
        let mut config = asking(blksize, 4);
        config.tsize = true;
        let mut machine = get(config);
        let oack = if blksize == 512 {
            "OACK tsize=9000"
        } else {
            "OACK tsize=9000 blksize=1428"
        };
        assert!(matches!(machine.poll(Instant::ZERO), Output::Transmit(_)));
        let mut machine = check(machine, &format!("5 < {oack}\n > ACK 0"));
        assert_eq!(
            left_alone(&mut machine, 5_000).2,
            Err(TransferError::TimedOut)
        );
        assert_eq!(machine.retry_without_options(), may, "blocks of {blksize}");
    }
}

#[test]
fn c25_an_upload_that_may_have_arrived_is_not_sent_anew_without_options() {
    for (len, first, may) in [(700, 700, false), (3000, 1428, true)] {
        let mut machine = check(
            put(len, asking(1428, 1)),
            &format!("> WRQ f octet blksize=1428\n 5 < OACK blksize=1428\n > DATA 1 [{first}]"),
        );
        let result = left_alone(&mut machine, 5_000).2;
        assert_eq!(result == Err(TransferError::TimedOut), may, "{result:?}");
        assert_eq!(machine.retry_without_options(), may, "{len} octets");
    }
}

#[test]
fn c25_a_transfer_that_had_begun_is_not_tried_without_options() {
    let machine = check(
        get(asking(8, 1)),
        "
             > RRQ f octet blksize=8
        5    < OACK blksize=8
             > ACK 0
        6    < DATA 1 [8]
             > ACK 1
        7    < ERROR 0 = error 0
             done peer 0",
    );
    assert!(!machine.retry_without_options());
}

#[test]
fn an_upload_that_was_never_answered_is_not_tried_without_options() {
    let mut machine = put(6000, asking(1428, 1));
    assert_eq!(left_alone(&mut machine, 0).2, Err(TransferError::TimedOut));
    assert!(!machine.retry_without_options());
}

#[test]
fn an_upload_that_had_begun_is_not_tried_without_options() {
    let mut machine = check(
        put(6000, asking(1428, 1)),
        "
             > WRQ f octet blksize=1428
        5    < OACK blksize=1428
             > DATA 1 [1428]
        6    < ACK 1
             > DATA 2 [1428]",
    );
    assert_eq!(
        left_alone(&mut machine, 6_000).2,
        Err(TransferError::TimedOut)
    );
    assert!(!machine.retry_without_options());
}

#[test]
fn c84_a_download_announced_too_large_is_refused() {
    let mut config = asking(512, 1);
    config.tsize = true;
    config.max_len = 10;
    check(
        get(config),
        "> RRQ f octet tsize=0\n 5 < OACK tsize=11 = failed TooLarge\n > ERROR 3\n done TooLarge",
    );
    check(
        get(config),
        "> RRQ f octet tsize=0\n 5 < OACK tsize=10\n > ACK 0",
    );
}

#[test]
fn an_oack_with_two_faults_is_refused_for_one_of_them_everywhere() {
    let mut config = asking(512, 1);
    config.tsize = true;
    config.max_len = 10;
    check(
        get(config),
        "
             > RRQ f octet tsize=0
        5    < OACK tsize=11 foo=1 = failed OptionNegotiation
             > ERROR 8
             done OptionNegotiation",
    );
}

#[test]
fn fewer_octets_than_announced_are_truncated() {
    let mut config = asking(512, 1);
    config.tsize = true;
    let script =
        |end: &str| format!("> RRQ f octet tsize=0\n 5 < OACK tsize=600\n > ACK 0\n {end}");
    let mut machine = check(get(config), &script(""));
    let short = packet::bytes("DATA 1 [90]");
    let event = machine.handle(Instant::from_millis(6), addr("tid"), &short);
    assert_eq!(event, Event::Failed(TransferError::Truncated));
    assert_eq!(machine.negotiated().tsize, Some(600));
    config.strict_size = false;
    check(
        get(config),
        &script("6 < DATA 1 [90]\n > ACK 1\n * done ok 90"),
    );
}

proptest! {
    #[test]
    fn a_client_that_accepts_an_oack_got_values_it_may_get(
        options in prop::collection::vec(option(), 0..5),
    ) {
        let mut machine = get(all());
        let Output::Transmit(_) = machine.poll(Instant::ZERO) else { panic!("a request") };
        let mut datagram = vec![0, 6];
        for (name, value) in &options {
            datagram.extend(name.bytes().chain([0]).chain(value.bytes()).chain([0]));
        }
        let event = machine.handle(Instant::ZERO, addr("tid"), &datagram);
        if let Event::Negotiated(agreed) = event {
            prop_assert!((8..=1428).contains(&agreed.blksize));
            prop_assert!((1..=8).contains(&agreed.windowsize));
            prop_assert!(agreed.timeout.is_none_or(|timeout| timeout == Duration::from_secs(2)));
        } else {
            prop_assert_eq!(event, Event::Failed(TransferError::OptionNegotiation));
        }
    }
}
