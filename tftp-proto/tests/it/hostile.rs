//! The rows BP of the golden packets: malformed or hostile.

use tftp_proto::{Incoming, Instant, Length, Packet, Sender, Text};

use crate::golden::{eights, octets, row, served, told};
use crate::packet::{self, hex};
use crate::script::check;
use crate::support::{Served, addr, asking, encode, get, limits, plain, put, serve, take};

/// What the request port answers to a datagram that is no request.
fn refusal(name: &str) -> Option<String> {
    let datagram = octets(name);
    let refusal = Incoming::decode(addr("a"), &datagram).expect_err("not a request");
    refusal.reply().map(|reply| packet::words(&encode(&reply)))
}

/// The datagram comes into every kind of transfer, and must change nothing.
fn dropped_in_transfers(name: &str) {
    let bad = row(name);
    let after =
        |opening: &str| format!("{opening}\n 5 < {bad} = ignored\n 6 < {bad} = ignored\n 9 quiet");
    check(get(plain()), &after("> RRQ f octet"));
    check(
        put(600, plain()),
        &after("> WRQ f octet\n 1 < ACK 0\n > DATA 1 [512]"),
    );
    check(
        serve("RRQ f octet", 600, limits()),
        &after("> DATA 1 [512]"),
    );
    check(take("WRQ f octet", limits()), &after("> ACK 0"));
}

#[test]
fn bp01_bp02_bp17_bp18_bp24_too_short_datagrams_are_dropped() {
    for name in ["BP-1", "BP-2", "BP-17", "BP-18", "BP-24"] {
        assert_eq!(refusal(name), None, "{name}");
        dropped_in_transfers(name);
    }
}

#[test]
fn bp03_bp04_unknown_opcodes_are_dropped() {
    // An answer to what is no request could come back as another, for ever.
    for name in ["BP-3", "BP-4"] {
        assert_eq!(refusal(name), None, "{name}");
        dropped_in_transfers(name);
    }
}

#[test]
fn bp05_bp06_bp07_bp08_bp10_malformed_requests_get_error_4() {
    for name in ["BP-5", "BP-6", "BP-7", "BP-8", "BP-10"] {
        assert_eq!(refusal(name).as_deref(), Some("ERROR 4"), "{name}");
        dropped_in_transfers(name);
    }
}

#[test]
fn bp05_bp10_a_lenient_server_takes_the_end_for_the_last_zero() {
    for (name, answer) in [("BP-5", "DATA 1 [5]"), ("BP-10", "OACK tsize=5")] {
        let datagram = octets(name);
        let incoming = Incoming::decode_lenient(addr("a"), &datagram).unwrap();
        let length = Length::Known(5);
        let machine = Sender::accept(Instant::ZERO, &incoming, length, limits());
        check(Served(machine), &format!("> {answer}"));
    }
}

#[test]
fn bp09_a_name_without_a_value_is_ignored() {
    served("BP-9", "DATA 1 [512]");
}

#[test]
fn bp11_of_a_repeated_option_the_first_counts() {
    served("BP-11", "OACK blksize=512");
}

#[test]
fn bp12_bp14_bp15_values_out_of_range_or_malformed_are_left_out() {
    for name in ["BP-12", "BP-14", "BP-15"] {
        served(name, "DATA 1 [512]");
    }
}

#[test]
fn bp13_a_block_size_above_the_range_is_lowered() {
    served("BP-13", "OACK blksize=65464");
}

#[test]
fn bp16_padding_is_ignored() {
    served("BP-16", "DATA 1 [512]");
}

#[test]
fn bp19_is_ack_1() {
    check(
        serve("RRQ f octet", 600, limits()),
        &format!("> DATA 1 [512]\n 5 < {}\n > DATA 2 [88]", row("BP-19")),
    );
}

#[test]
fn bp20_bp21_bp22_bp23_errors_are_obeyed_whatever_their_text() {
    assert_eq!(told("BP-20"), (2, String::new()));
    assert_eq!(told("BP-21"), (1, "no".into()));
    assert_eq!(told("BP-22"), (99, "x".into()));
    assert_eq!(told("BP-23"), (0, String::new()));
}

#[test]
fn bp25_accepts_nothing() {
    let script = format!(
        "> RRQ f octet blksize=1428 windowsize=8\n 5 < {}\n > ACK 0",
        row("BP-25")
    );
    let agreed = check(get(asking(1428, 8)), &script).negotiated();
    assert_eq!((agreed.blksize, agreed.windowsize), (512, 1));
}

#[test]
fn bp26_stops_at_the_padding() {
    let script = format!(
        "> RRQ f octet blksize=1428\n 5 < {}\n > ACK 0",
        row("BP-26")
    );
    assert_eq!(check(get(asking(1428, 1)), &script).negotiated().blksize, 8);
}

#[test]
fn bp27_bp28_bp29_unacceptable_oacks_get_error_8() {
    for name in ["BP-27", "BP-28", "BP-29"] {
        check(
            get(asking(511, 1)),
            &format!(
                "> RRQ f octet blksize=511\n 5 < {} = failed OptionNegotiation\n > ERROR 8\n done OptionNegotiation",
                row(name)
            ),
        );
    }
}

#[test]
fn bp30_is_longer_than_a_block_of_8() {
    eights(&format!(
        "6 < {} = failed Oversized\n > ERROR 4\n done Oversized",
        row("BP-30")
    ));
}

#[test]
fn texts_are_shown_as_they_came_where_they_are_printable() {
    let datagram = hex("00 05 00 01 46 69 6c 65");
    let Ok(Packet::Error { message, .. }) = Packet::decode(&datagram) else {
        panic!("an ERROR")
    };
    assert_eq!(message, Text(b"File"));
}
