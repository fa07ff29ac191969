//! Packets and octets: RFC 1350 section 5 and RFC 2347.

use proptest::prelude::*;
use tftp_proto::{
    BufferTooSmall, DecodeError, ErrorCode, Event, Incoming, Instant, Length, Mode, Options,
    Output, Packet, Request, Sender, Text,
};

use crate::golden::ROWS;
use crate::packet::{self, hex};
use crate::support::{addr, encode, flush, get, limits, plain, serve};

fn answer(datagram: &[u8]) -> Option<String> {
    let refusal = Incoming::decode(addr("a"), datagram).expect_err("not a request");
    refusal.reply().map(|reply| packet::words(&encode(&reply)))
}

#[test]
fn c02_every_prefix_of_a_golden_packet_is_decoded_or_refused() {
    for (id, octets) in ROWS {
        let datagram = hex(octets);
        for len in 0..=datagram.len() {
            let prefix = &datagram[..len];
            for packet in [Packet::decode(prefix), Packet::decode_lenient(prefix)]
                .into_iter()
                .flatten()
            {
                assert!(
                    packet.encoded_len() <= len + 2,
                    "{id} up to {len}: {packet:?}"
                );
            }
        }
    }
}

#[test]
fn c03_datagrams_shorter_than_their_header_draw_no_answer() {
    for octets in [
        "", "00", "00 03 00", "00 04 00", "00 05", "00 05 00", "00 03",
    ] {
        assert_eq!(
            Packet::decode(&hex(octets)),
            Err(DecodeError::Truncated),
            "{octets}"
        );
        assert_eq!(answer(&hex(octets)), None, "{octets}");
    }
}

#[test]
fn c03_a_machine_drops_datagrams_shorter_than_their_header() {
    for octets in ["", "00", "00 03 00", "00 04 00", "00 05"] {
        let mut machine = get(plain());
        flush(|| matches!(machine.poll(Instant::ZERO), Output::Transmit(_)));
        let datagram = hex(octets);
        let event = machine.handle(Instant::ZERO, addr("tid"), &datagram);
        assert!(matches!(event, Event::Ignored(_)), "{octets}: {event:?}");
        assert!(
            matches!(machine.poll(Instant::ZERO), Output::Wait(_)),
            "{octets}"
        );
    }
}

#[test]
fn c04_a_request_without_its_last_zero_is_refused() {
    for words in [
        "00 01 66 00 6f 63 74 65 74",
        "00 01 66 69 6c 65",
        "00 02 66 00 6f 63 74 65 74",
    ] {
        assert_eq!(answer(&hex(words)).as_deref(), Some("ERROR 4"), "{words}");
    }
}

#[test]
fn c04_a_lenient_server_takes_the_end_for_the_last_zero() {
    let datagram = hex("00 01 66 00 6f 63 74 65 74");
    let incoming = Incoming::decode_lenient(addr("a"), &datagram).unwrap();
    assert_eq!(
        (incoming.request().filename(), incoming.request().mode()),
        (&b"f"[..], Mode::Octet)
    );
    let datagram = hex("00 01 66 00 6f 63 74 65 74 00 74 73 69 7a 65 00 30");
    let incoming = Incoming::decode_lenient(addr("a"), &datagram).unwrap();
    let options: Vec<_> = incoming.request().options().iter().collect();
    assert_eq!(options, [(&b"tsize"[..], &b"0"[..])]);
    assert!(
        Incoming::decode_lenient(addr("a"), &hex("00 01 66 69 6c 65")).is_err(),
        "no mode"
    );
}

#[test]
fn c05_the_mode_is_compared_without_case() {
    for (mode, expected) in [("OCTET", Mode::Octet), ("nEtAsCiI", Mode::Netascii)] {
        let datagram = packet::bytes(&format!("RRQ f {mode}"));
        let Ok(Packet::Rrq(request)) = Packet::decode(&datagram) else {
            panic!("{mode}")
        };
        assert_eq!(request.mode(), expected);
    }
}

#[test]
fn c05_an_unknown_mode_is_refused() {
    for mode in ["bin", "binary", "ascii", "octets", "octe"] {
        let datagram = packet::bytes(&format!("RRQ f {mode}"));
        assert_eq!(answer(&datagram).as_deref(), Some("ERROR 4"), "{mode}");
    }
    assert_eq!(
        answer(&hex("00 01 66 00 00")).as_deref(),
        Some("ERROR 4"),
        "empty"
    );
}

#[test]
fn c06_mail_is_refused() {
    assert_eq!(
        answer(&packet::bytes("WRQ user mail")).as_deref(),
        Some("ERROR 4")
    );
    assert_eq!(
        answer(&packet::bytes("RRQ user MAIL")).as_deref(),
        Some("ERROR 4")
    );
}

#[test]
fn c14_padding_after_the_mode_is_ignored() {
    let mut datagram = packet::bytes("RRQ f octet");
    datagram.resize(516, 0);
    let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
    assert_eq!(incoming.request().filename(), b"f");
    assert!(incoming.request().options().is_empty());
}

#[test]
fn c14_a_request_longer_than_512_octets_is_read() {
    let name = "n".repeat(900);
    let datagram = packet::bytes(&format!("RRQ {name} octet blksize=1428"));
    let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
    assert_eq!(incoming.request().filename(), name.as_bytes());
    assert_eq!(incoming.request().options().iter().count(), 1);
}

#[test]
fn f19_a_name_may_begin_with_a_slash() {
    let datagram = packet::bytes("RRQ /boot/f octet");
    let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
    assert_eq!(incoming.request().filename(), b"/boot/f");
}

#[test]
fn a_file_name_is_opaque_octets() {
    let datagram = hex("00 01 ff 0d 0a 01 00 6f 63 74 65 74 00");
    let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
    assert_eq!(incoming.request().filename(), b"\xff\r\n\x01");
}

#[test]
fn a_packet_that_does_not_fit_says_how_much_it_needs() {
    let packet = Packet::Data {
        block: 1,
        payload: &[0; 8],
    };
    for len in 0..12 {
        assert_eq!(
            packet.encode(&mut vec![0; len]),
            Err(BufferTooSmall { needed: 12 }),
            "{len}"
        );
    }
    assert_eq!(packet.encode(&mut [0; 12]), Ok(12));
}

#[test]
fn a_transmit_that_does_not_fit_says_how_much_it_needs() {
    for mut machine in [
        serve("RRQ f octet", 20, limits()).0,
        serve("RRQ f octet tsize=0", 20, limits()).0,
    ] {
        let Output::Transmit(transmit) = machine.poll(Instant::ZERO) else {
            panic!("one")
        };
        let needed = transmit.encoded_len();
        for len in 0..needed {
            let error = transmit.encode(&mut vec![0; len]).map(|_| ()).unwrap_err();
            assert_eq!(error, BufferTooSmall { needed }, "{len}");
        }
    }
}

#[test]
fn h14_errors_have_fixed_texts() {
    for code in 0..=9 {
        let code = ErrorCode(code);
        let datagram = packet::bytes("RRQ f octet");
        let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
        let bytes = encode(&incoming.refuse(code));
        let (text, zero) = bytes[4..].split_at(bytes.len() - 5);
        assert_eq!((text, zero), (code.message().as_bytes(), &[0][..]));
        assert!(!text.is_empty() && text.len() <= 128);
        assert!(
            text.iter().all(|octet| matches!(octet, b' '..=b'~')),
            "{}",
            text.escape_ascii()
        );
    }
}

#[test]
fn h15_texts_from_the_network_are_shown_escaped() {
    let text = Text(b"\x1b[31m\nfake line\xff\"\\");
    for shown in [text.to_string(), format!("{text:?}")] {
        assert!(
            shown.bytes().all(|octet| matches!(octet, b' '..=b'~')),
            "{shown}"
        );
    }
    let request = Request::new(b"\x1b\n", Mode::Octet).unwrap();
    assert!(
        format!("{request:?}")
            .bytes()
            .all(|octet| matches!(octet, b' '..=b'~'))
    );
}

#[test]
fn h09_a_hundred_options_are_read_in_bounded_time_and_answered_once() {
    let mut datagram = packet::bytes("RRQ f octet");
    for n in 0..100 {
        datagram.extend(packet::bytes(&format!("OACK blksize={n} x{n}=1")).split_off(2));
    }
    let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
    let length = Length::Known(5);
    let mut machine = Sender::accept(Instant::ZERO, &incoming, length, limits());
    let Output::Transmit(answer) = machine.poll(Instant::ZERO) else {
        panic!("an answer")
    };
    assert_eq!(
        packet::words(&encode(&answer)),
        "DATA 1 [5]",
        "the first blksize is 0"
    );
}

/// Any packet that can be sent.
fn any_packet() -> impl Strategy<Value = (u8, Vec<u8>, u16, bool)> {
    (
        1..=6u8,
        prop::collection::vec(1..=255u8, 1..200),
        any::<u16>(),
        any::<bool>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn c02_any_octets_are_decoded_or_refused(
        head in prop_oneof![Just(vec![]), (0..9u8).prop_map(|opcode| vec![0, opcode])],
        tail in prop::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..600),
    ) {
        let datagram = [head, tail].concat();
        for packet in [Packet::decode(&datagram), Packet::decode_lenient(&datagram)].into_iter().flatten() {
            let len = packet.encoded_len();
            let mut buffer = vec![0; len];
            prop_assert_eq!(packet.encode(&mut buffer), Ok(len));
            prop_assert_eq!(Packet::decode(&buffer), Ok(packet), "what it says is kept");
        }
    }

    #[test]
    fn c01_what_is_encoded_is_decoded(
        (opcode, octets, number, netascii) in any_packet(),
    ) {
        let mode = if netascii { Mode::Netascii } else { Mode::Octet };
        let request = Request::new(&octets, mode).unwrap();
        let pairs = [&octets[..], b"\x001\0blksize\x008\0"].concat();
        let packet = match opcode {
            1 => Packet::Rrq(request),
            2 => Packet::Wrq(request),
            3 => Packet::Data { block: number, payload: &octets },
            4 => Packet::Ack { block: number },
            5 => Packet::Error { code: ErrorCode(number), message: Text(&octets) },
            _ => Packet::Oack(Options::from_bytes(&pairs)),
        };
        let mut buffer = vec![0; packet.encoded_len()];
        prop_assert_eq!(packet.encode(&mut buffer), Ok(buffer.len()));
        prop_assert_eq!(Packet::decode(&buffer), Ok(packet));
    }
}
