//! Packets octet for octet, made and checked by tools that are not this crate: GP are valid, BP are
//! malformed or hostile. A test carries the row's name and shows what it does.

use tftp_proto::{Direction, Event, Incoming, Instant, Mode, Output, Packet};

use crate::packet;
use crate::rollover::{received, sending, to_zero};
use crate::script::{check, check_from};
use crate::support::{addr, asking, encode, get, limits, plain, put, serve, take};

/// Name and octets.
pub(crate) const ROWS: &[(&str, &str)] = &[
    ("GP-1", "00 01 61 00 6f 63 74 65 74 00"),
    ("GP-2", "00 01 66 00 4e 65 74 41 73 63 69 69 00"),
    (
        "GP-3",
        "00 01 66 00 6f 63 74 65 74 00 62 6c 6b 73 69 7a 65 00 31 34 32 38 00 74 73 69 7a 65 00 30 00 74 69 6d 65 6f 75 74 00 32 00 77 69 6e 64 6f 77 73 69 7a 65 00 31 36 00",
    ),
    (
        "GP-4",
        "00 02 75 70 00 6f 63 74 65 74 00 74 73 69 7a 65 00 32 30 00 62 6c 6b 73 69 7a 65 00 38 00",
    ),
    (
        "GP-5",
        "00 01 66 00 6f 63 74 65 74 00 42 4c 4b 53 49 5a 45 00 35 31 32 00",
    ),
    (
        "GP-6",
        "00 06 62 6c 6b 73 69 7a 65 00 38 00 74 73 69 7a 65 00 32 30 00",
    ),
    ("GP-7", "00 06 42 4c 4b 53 49 5a 45 00 35 31 32 00"),
    ("GP-8", "00 06 77 69 6e 64 6f 77 73 69 7a 65 00 34 00"),
    ("GP-9", "00 03 00 01 31 32 33 34 35 36 37 38"),
    ("GP-10", "00 03 00 03 77 78 79 7a"),
    ("GP-11", "00 03 00 03"),
    ("GP-12", "00 03 00 01"),
    ("GP-13", "00 03 ff ff 31 32 33 34 35 36 37 38"),
    ("GP-14", "00 03 00 00 31 32 33 34 35 36 37 38"),
    ("GP-15", "00 04 00 00"),
    ("GP-16", "00 04 00 03"),
    ("GP-17", "00 04 ff ff"),
    (
        "GP-18",
        "00 05 00 01 46 69 6c 65 20 6e 6f 74 20 66 6f 75 6e 64 00",
    ),
    ("GP-19", "00 05 00 00 00"),
    (
        "GP-20",
        "00 05 00 08 55 73 65 72 20 61 62 6f 72 74 65 64 20 74 68 65 20 74 72 61 6e 73 66 65 72 00",
    ),
    (
        "GP-21",
        "00 05 00 05 55 6e 6b 6e 6f 77 6e 20 74 72 61 6e 73 66 65 72 20 49 44 00",
    ),
    (
        "GP-22",
        "00 01 66 00 6f 63 74 65 74 00 6d 75 6c 74 69 63 61 73 74 00 00",
    ),
    (
        "GP-23",
        "00 06 6d 75 6c 74 69 63 61 73 74 00 32 33 39 2e 32 35 35 2e 31 2e 31 2c 31 37 35 38 2c 31 00",
    ),
    ("GP-24", "00 06 6d 75 6c 74 69 63 61 73 74 00 2c 2c 31 00"),
    (
        "GP-25",
        "00 01 66 00 6f 63 74 65 74 00 62 6c 6b 73 69 7a 65 32 00 32 30 34 38 00 75 74 69 6d 65 6f 75 74 00 32 35 30 30 30 30 00 72 6f 6c 6c 6f 76 65 72 00 30 00",
    ),
    (
        "GP-26",
        "00 01 66 00 6f 63 74 65 74 00 77 69 6e 64 6f 77 73 69 7a 65 00 34 00 6d 73 66 74 77 69 6e 64 6f 77 00 33 31 34 31 36 00",
    ),
    (
        "GP-27",
        "00 06 77 69 6e 64 6f 77 73 69 7a 65 00 34 00 6d 73 66 74 77 69 6e 64 6f 77 00 32 37 31 38 32 00",
    ),
    ("GP-28", "00 04 00 04 08"),
    ("BP-1", ""),
    ("BP-2", "00"),
    ("BP-3", "00 00"),
    ("BP-4", "00 07 66 00"),
    ("BP-5", "00 01 66 00 6f 63 74 65 74"),
    ("BP-6", "00 01 66 69 6c 65"),
    ("BP-7", "00 01 00 6f 63 74 65 74 00"),
    ("BP-8", "00 01 66 00 62 69 6e 00"),
    ("BP-9", "00 01 66 00 6f 63 74 65 74 00 74 73 69 7a 65 00"),
    (
        "BP-10",
        "00 01 66 00 6f 63 74 65 74 00 74 73 69 7a 65 00 30",
    ),
    (
        "BP-11",
        "00 01 66 00 6f 63 74 65 74 00 62 6c 6b 73 69 7a 65 00 35 31 32 00 62 6c 6b 73 69 7a 65 00 31 30 32 34 00",
    ),
    (
        "BP-12",
        "00 01 66 00 6f 63 74 65 74 00 62 6c 6b 73 69 7a 65 00 37 00",
    ),
    (
        "BP-13",
        "00 01 66 00 6f 63 74 65 74 00 62 6c 6b 73 69 7a 65 00 36 35 34 36 35 00",
    ),
    (
        "BP-14",
        "00 01 66 00 6f 63 74 65 74 00 62 6c 6b 73 69 7a 65 00 2b 38 00",
    ),
    (
        "BP-15",
        "00 01 66 00 6f 63 74 65 74 00 77 69 6e 64 6f 77 73 69 7a 65 00 30 00",
    ),
    ("BP-16", "00 01 66 00 6f 63 74 65 74 00 00 00 00 00"),
    ("BP-17", "00 03 00"),
    ("BP-18", "00 04 00"),
    ("BP-19", "00 04 00 01 ff ff"),
    ("BP-20", "00 05 00 02"),
    ("BP-21", "00 05 00 01 6e 6f"),
    ("BP-22", "00 05 00 63 78 00"),
    ("BP-23", "00 05 00 00 00 00"),
    ("BP-24", "00 05"),
    ("BP-25", "00 06"),
    ("BP-26", "00 06 62 6c 6b 73 69 7a 65 00 38 00 00 00 00 00"),
    ("BP-27", "00 06 62 6c 6b 73 69 7a 65 00 31 30 32 34 00"),
    ("BP-28", "00 06 74 73 69 7a 65 00 35 00"),
    ("BP-29", "00 06 62 6c 6b 73 69 7a 65 00 30 00"),
    ("BP-30", "00 03 00 01 31 32 33 34 35 36 37 38 39"),
];

/// The octets of a row, as a script has them.
pub(crate) fn row(name: &str) -> String {
    let found = ROWS.iter().find(|(id, _)| *id == name);
    format!("raw {}", found.expect("a row").1)
}

pub(crate) fn octets(name: &str) -> Vec<u8> {
    packet::bytes(&row(name))
}

pub(crate) fn served(name: &str, answer: &str) {
    check(serve(&row(name), 1000, limits()), &format!("> {answer}"));
}

#[test]
fn c01_valid_packets_are_encoded_octet_for_octet() {
    // GP-2 spells its mode in capitals, and GP-28 has an octet that is no part of the packet.
    let other = ["GP-2", "GP-28"];
    for (name, _) in ROWS
        .iter()
        .filter(|(name, _)| name.starts_with("GP") && !other.contains(name))
    {
        let datagram = octets(name);
        let packet = Packet::decode(&datagram).expect(name);
        let mut buffer = vec![0; packet.encoded_len()];
        assert_eq!(packet.encode(&mut buffer), Ok(datagram.len()), "{name}");
        assert_eq!(buffer, datagram, "{name}");
    }
}

#[test]
fn gp01_a_request_without_options_gets_data_1() {
    served("GP-1", "DATA 1 [512]");
    let datagram = octets("GP-1");
    let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
    assert_eq!(
        (incoming.request().filename(), incoming.direction()),
        (&b"a"[..], Direction::Read)
    );
}

#[test]
fn gp01_is_what_a_plain_client_sends() {
    let request = tftp_proto::Request::octet("a").unwrap();
    let mut machine = tftp_proto::Receiver::request(Instant::ZERO, addr("69"), request, plain());
    let Output::Transmit(transmit) = machine.poll(Instant::ZERO) else {
        panic!("a request")
    };
    assert_eq!(encode(&transmit), octets("GP-1"));
}

#[test]
fn gp02_the_mode_is_matched_without_case() {
    let datagram = octets("GP-2");
    let Ok(Packet::Rrq(request)) = Packet::decode(&datagram) else {
        panic!("a read request")
    };
    assert_eq!(request.mode(), Mode::Netascii);
}

#[test]
fn gp03_the_four_standard_options_are_agreed() {
    served(
        "GP-3",
        "OACK blksize=1428 tsize=1000 timeout=2 windowsize=16",
    );
}

#[test]
fn gp04_a_write_request_gets_an_oack() {
    check(take(&row("GP-4"), limits()), "> OACK tsize=20 blksize=8");
}

#[test]
fn gp05_gets_gp07() {
    let mut machine = serve(&row("GP-5"), 5, limits()).0;
    let Output::Transmit(transmit) = machine.poll(Instant::ZERO) else {
        panic!("an answer")
    };
    assert_eq!(encode(&transmit), octets("GP-7"));
}

#[test]
fn gp06_is_answered_by_ack_0_or_data_1() {
    let mut config = asking(8, 1);
    config.tsize = true;
    let oack = row("GP-6");
    check(
        get(config),
        &format!("> RRQ f octet blksize=8 tsize=0\n 5 < {oack}\n > ACK 0"),
    );
    check(
        put(20, config),
        &format!("> WRQ f octet blksize=8 tsize=20\n 5 < {oack}\n > DATA 1 [8]"),
    );
}

#[test]
fn gp07_is_accepted_in_whatever_case() {
    let script = format!("> RRQ f octet blksize=1024\n 5 < {}\n > ACK 0", row("GP-7"));
    assert_eq!(
        check(get(asking(1024, 1)), &script).negotiated().blksize,
        512
    );
}

#[test]
fn gp08_lowers_the_window() {
    let script = format!(
        "> RRQ f octet windowsize=16\n 5 < {}\n > ACK 0",
        row("GP-8")
    );
    assert_eq!(
        check(get(asking(512, 16)), &script).negotiated().windowsize,
        4
    );
}

/// A download with blocks of 8 octets.
pub(crate) fn eights(script: &str) {
    let opening = "> RRQ f octet blksize=8\n 5 < OACK blksize=8\n > ACK 0";
    check(get(asking(8, 1)), &format!("{opening}\n {script}"));
}

#[test]
fn gp09_is_a_full_block_of_8() {
    eights(&format!("6 < {} = block\n > ACK 1", row("GP-9")));
}

#[test]
fn gp09_is_a_last_block_of_512() {
    check(
        get(plain()),
        &format!(
            "> RRQ f octet\n 6 < {} = last\n > ACK 1\n * done ok 8",
            row("GP-9")
        ),
    );
}

#[test]
fn gp10_ends_a_file_of_20_octets() {
    eights(&format!(
        "6 < DATA 1 [8]\n > ACK 1\n 7 < DATA 2 [8]\n > ACK 2\n 8 < {} = last\n > ACK 3\n * done ok 20",
        row("GP-10")
    ));
}

#[test]
fn gp11_ends_a_file_of_16_octets() {
    eights(&format!(
        "6 < DATA 1 [8]\n > ACK 1\n 7 < DATA 2 [8]\n > ACK 2\n 8 < {} = last\n > ACK 3\n * done ok 16",
        row("GP-11")
    ));
}

#[test]
fn gp12_is_a_whole_empty_file() {
    check(
        get(plain()),
        &format!(
            "> RRQ f octet\n 6 < {} = last\n > ACK 1\n * done ok 0",
            row("GP-12")
        ),
    );
}

#[test]
fn gp13_and_gp14_are_the_last_before_the_wrap_and_the_first_after_it() {
    let machine = received(asking(8, 1), "blksize=8", 65_534, to_zero);
    let script = format!(
        "5 < {}\n > ACK 65535\n 6 < {}\n > ACK 0",
        row("GP-13"),
        row("GP-14")
    );
    check_from(machine, 65_534 * 8, &script);
}

#[test]
fn gp14_is_no_first_block() {
    eights(&format!("6 < {} = ignored", row("GP-14")));
}

#[test]
fn gp15_accepts_an_upload_and_confirms_an_oack() {
    let ack = row("GP-15");
    check(
        put(5, plain()),
        &format!("> WRQ f octet\n 5 < {ack}\n > DATA 1 [5]"),
    );
    check(
        serve("RRQ f octet blksize=8", 5, limits()),
        &format!("> OACK blksize=8\n 5 < {ack}\n > DATA 1 [5]"),
    );
}

#[test]
fn gp16_confirms_block_3() {
    check(
        sending(100, 3),
        &format!("> DATA 3 [8]\n 5 < {}\n > DATA 4 [8]", row("GP-16")),
    );
}

#[test]
fn gp17_confirms_block_65535() {
    check(
        sending(70_000 * 8, 65_535),
        &format!("> DATA 65535 [8]\n 5 < {}\n > DATA 0 [8]", row("GP-17")),
    );
}

/// The event of an ERROR that comes as the answer to a request.
pub(crate) fn told(name: &str) -> (u16, String) {
    let mut machine = get(plain());
    let Output::Transmit(_) = machine.poll(Instant::ZERO) else {
        panic!("a request")
    };
    let datagram = octets(name);
    match machine.handle(Instant::ZERO, addr("tid"), &datagram) {
        Event::Error { code, message } => (code.0, message.to_string()),
        event => panic!("{event:?}"),
    }
}

#[test]
fn gp18_carries_code_and_text() {
    assert_eq!(told("GP-18"), (1, "File not found".into()));
}

#[test]
fn gp19_has_an_empty_text() {
    assert_eq!(told("GP-19"), (0, String::new()));
}

#[test]
fn gp20_after_the_oack_declines_the_file() {
    check(
        serve("RRQ f octet tsize=0", 5, limits()),
        &format!(
            "> OACK tsize=5\n 5 < {} = error 8\n done declined 8",
            row("GP-20")
        ),
    );
}

#[test]
fn gp21_from_a_stranger_ends_nothing() {
    check(
        serve("RRQ f octet", 5, limits()),
        &format!(
            "> DATA 1 [5]\n 5 < {} @b = stray\n 6 < ACK 1\n done ok 5",
            row("GP-21")
        ),
    );
}

#[test]
fn gp22_multicast_is_left_out() {
    served("GP-22", "DATA 1 [512]");
}

#[test]
fn gp23_and_gp24_were_not_asked_for() {
    for name in ["GP-23", "GP-24"] {
        let oack = row(name);
        check(
            get(asking(8, 1)),
            &format!(
                "> RRQ f octet blksize=8\n 5 < {oack} = failed OptionNegotiation\n > ERROR 8\n done OptionNegotiation"
            ),
        );
    }
}

#[test]
fn gp25_the_customary_options_are_agreed() {
    served("GP-25", "OACK blksize2=2048 utimeout=250000 rollover=0");
}

#[test]
fn gp26_only_the_standard_window_is_agreed() {
    served("GP-26", "OACK windowsize=4");
}

#[test]
fn gp27_was_not_asked_for() {
    check(
        get(asking(512, 4)),
        &format!(
            "> RRQ f octet windowsize=4\n 5 < {} = failed OptionNegotiation\n > ERROR 8\n done OptionNegotiation",
            row("GP-27")
        ),
    );
}

#[test]
fn gp28_is_ack_4() {
    check(
        serve("RRQ f octet windowsize=4", 4 * 512 + 5, limits()),
        &format!(
            "> OACK windowsize=4\n 5 < ACK 0\n > DATA 1 [512]\n > DATA 2 [512]\n > DATA 3 [512]\n > DATA 4 [512]
             6 < {}\n > DATA 5 [5]",
            row("GP-28")
        ),
    );
}
