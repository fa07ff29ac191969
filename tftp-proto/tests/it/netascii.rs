//! Both coders, in pieces of every size.

use proptest::prelude::*;
use tftp_proto::netascii::{Cursor, Decoder, Encoder, Progress};

/// Encodes in pieces whose sizes repeat `cuts`: (octets of input offered, octets of room).
fn encode(source: &[u8], cuts: &[(usize, usize)]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let mut wire = run(source, cuts, |input, out| encoder.encode(input, out));
    let mut last = [0];
    let written = encoder.finish(&mut last);
    wire.extend(&last[..written]);
    assert!(encoder.is_finished());
    wire
}

fn decode(wire: &[u8], cuts: &[(usize, usize)]) -> Vec<u8> {
    let mut decoder = Decoder::new();
    let mut text = run(wire, cuts, |input, out| decoder.decode(input, out));
    let mut last = [0];
    let written = decoder.finish(&mut last);
    text.extend(&last[..written]);
    assert!(decoder.is_finished());
    text
}

fn run(
    mut input: &[u8],
    cuts: &[(usize, usize)],
    mut coder: impl FnMut(&[u8], &mut [u8]) -> Progress,
) -> Vec<u8> {
    let mut output = Vec::new();
    let whole = input.len();
    for &(offered, room) in cuts.iter().cycle() {
        if input.is_empty() {
            break;
        }
        let mut out = vec![0xEE; room];
        let piece = &input[..offered.min(input.len())];
        let done = coder(piece, &mut out);
        assert!(done.consumed <= piece.len() && done.written <= room);
        assert!(
            out[done.written..].iter().all(|&octet| octet == 0xEE),
            "octets beyond `written` are untouched"
        );
        if !piece.is_empty() && room > 0 {
            assert!(done.consumed + done.written > 0, "no progress");
        }
        output.extend(&out[..done.written]);
        input = &input[done.consumed..];
        let consumed = whole - input.len();
        assert!(output.len() <= 2 * consumed + 1, "octets of nothing");
    }
    output
}

/// The blocks of a transfer: pieces of exactly `size` octets, then one that is shorter.
fn blocks(source: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new();
    let mut rest = source;
    let mut blocks = Vec::new();
    loop {
        let mut block = vec![0; size];
        let done = encoder.encode(rest, &mut block);
        rest = &rest[done.consumed..];
        let short = done.written < size;
        block.truncate(done.written);
        blocks.push(block);
        if short {
            assert!(rest.is_empty() && encoder.is_finished());
            return blocks;
        }
    }
}

const WHOLE: &[(usize, usize)] = &[(usize::MAX, 4096)];

#[test]
fn c77_line_feed_becomes_cr_lf() {
    assert_eq!(encode(b"a\nb", WHOLE), b"a\r\nb");
}

#[test]
fn c77_carriage_return_becomes_cr_nul() {
    assert_eq!(encode(b"a\rb", WHOLE), b"a\r\0b");
}

#[test]
fn c77_cr_lf_is_two_characters_of_local_text() {
    assert_eq!(encode(b"\r\n", WHOLE), b"\r\0\r\n");
}

#[test]
fn c77_all_other_octets_are_encoded_as_themselves() {
    let others: Vec<u8> = (0..=255)
        .filter(|octet| !matches!(octet, b'\r' | b'\n'))
        .collect();
    assert_eq!(encode(&others, WHOLE), others);
}

#[test]
fn c77_a_pair_is_cut_between_two_blocks() {
    assert_eq!(
        blocks(b"abcdefg\nhi", 8),
        [&b"abcdefg\r"[..], &b"\nhi"[..]],
        "LF"
    );
    assert_eq!(
        blocks(b"abcdefg\rhi", 8),
        [&b"abcdefg\r"[..], &b"\0hi"[..]],
        "NUL"
    );
}

#[test]
fn c77_an_encoded_multiple_of_the_block_size_ends_with_an_empty_block() {
    assert_eq!(blocks(b"abcdef\n", 8), [&b"abcdef\r\n"[..], &b""[..]]);
}

#[test]
fn c77_an_empty_text_is_one_empty_block() {
    assert_eq!(blocks(b"", 8), [b""]);
}

#[test]
fn c77_decoder_reads_a_pair_across_blocks() {
    assert_eq!(
        decode(b"abcdefg\r\nhi", &[(8, 8)]),
        b"abcdefg\nhi",
        "LF in the next block"
    );
    assert_eq!(
        decode(b"abcdefg\r\0hi", &[(8, 8)]),
        b"abcdefg\rhi",
        "NUL in the next block"
    );
}

#[test]
fn c78_a_block_encoded_again_from_its_checkpoint_is_the_same() {
    let source = b"abcdefg\nhijklm\rn\n";
    let mut encoder = Encoder::new();
    let mut rest = &source[..];
    let mut first = [0; 8];
    rest = &rest[encoder.encode(rest, &mut first).consumed..];
    let (checkpoint, at) = (encoder, rest);

    let mut once = [0; 8];
    let done = encoder.encode(rest, &mut once);
    assert_eq!(
        once[0], b'\n',
        "the block begins with the pair's second half"
    );
    let mut again = [0; 8];
    assert_eq!({ checkpoint }.encode(at, &mut again), done);
    assert_eq!(again, once);
}

#[test]
fn c79_a_final_cr_is_kept() {
    assert_eq!(decode(b"a\r", WHOLE), b"a\r");
}

#[test]
fn c79_a_cr_before_another_octet_keeps_both() {
    assert_eq!(decode(b"\rA", WHOLE), b"\rA");
}

#[test]
fn c79_two_crs_then_lf_are_a_cr_and_a_line_end() {
    assert_eq!(decode(b"\r\r\n", WHOLE), b"\r\n");
}

#[test]
fn c79_a_line_feed_without_cr_is_kept() {
    assert_eq!(decode(b"a\nb", WHOLE), b"a\nb");
}

#[test]
fn an_owed_octet_waits_for_room() {
    let mut encoder = Encoder::new();
    let mut one = [0];
    let done = encoder.encode(b"\n", &mut one);
    assert_eq!((done.consumed, done.written, one), (1, 1, [b'\r']));
    assert_eq!(encoder.finish(&mut []), 0);
    assert!(!encoder.is_finished(), "there was no room for the LF");
    assert_eq!(encoder.finish(&mut one), 1);
    assert_eq!((one, encoder), ([b'\n'], Encoder::new()));
}

#[test]
fn a_held_cr_waits_for_room() {
    let mut decoder = Decoder::new();
    let done = decoder.decode(b"\r", &mut []);
    assert_eq!((done.consumed, done.written), (1, 0));
    assert_eq!(decoder.finish(&mut []), 0);
    assert!(!decoder.is_finished());
    let done = decoder.decode(b"A", &mut []);
    assert_eq!((done.consumed, done.written), (0, 0));
    let mut out = [0; 2];
    let done = decoder.decode(b"A", &mut out);
    assert_eq!((done.consumed, done.written, out), (1, 2, *b"\rA"));
}

/// The netascii of `text` from `offset` on, through a cursor, the text read in pieces of at most `piece`.
fn read_at(cursor: &mut Cursor, text: &[u8], offset: usize, len: usize, piece: usize) -> Vec<u8> {
    let (mut out, mut scratch) = (vec![0xEE; len], vec![0; piece]);
    let read = |at, buf: &mut [u8]| local(text, at, buf);
    let count = cursor
        .read_at(offset as u64, &mut out, &mut scratch, read)
        .unwrap();
    out.truncate(count);
    out
}

fn local(text: &[u8], at: u64, buf: &mut [u8]) -> Result<usize, Failed> {
    let rest = &text[text.len().min(usize::try_from(at).unwrap())..];
    let len = rest.len().min(buf.len());
    buf[..len].copy_from_slice(&rest[..len]);
    Ok(len)
}

#[derive(Debug, PartialEq)]
struct Failed;

fn piece_of(wire: &[u8], offset: usize, len: usize) -> &[u8] {
    &wire[offset.min(wire.len())..(offset + len).min(wire.len())]
}

#[test]
fn c78_a_reading_that_failed_can_be_repeated() {
    let (text, wire) = (b"a\nb\nc\n", b"a\r\nb\r\nc\r\n");
    let mut cursor = Cursor::new();
    let mut reads = 0;
    let failed = cursor.read_at(0, &mut [0; 9], &mut [0; 2], |at, buf| {
        reads += 1;
        if reads > 2 {
            Err(Failed)
        } else {
            local(text, at, buf)
        }
    });
    assert_eq!(failed, Err(Failed));
    assert_eq!(read_at(&mut cursor, text, 0, 9, 2), wire);
}

#[test]
fn c78_a_release_that_failed_forgets_nothing() {
    let (text, wire) = (b"a\nb\nc\n", b"a\r\nb\r\nc\r\n");
    let mut cursor = Cursor::new();
    assert_eq!(read_at(&mut cursor, text, 0, 9, 2), wire);
    let failed = cursor.release(3, &mut [0; 2], |_, _| Err(Failed));
    assert_eq!(failed, Err(Failed));
    assert_eq!(read_at(&mut cursor, text, 0, 9, 2), wire);
}

/// Text in which the octets that matter are frequent.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![Just(b'\r'), Just(b'\n'), Just(0), any::<u8>()];
    prop::collection::vec(octet, 0..200)
}

/// Sizes of pieces; the last has room for progress, so that a run ends.
fn cuts() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..9usize, 0..9usize), 0..8).prop_map(|mut cuts| {
        cuts.push((1, 1));
        cuts
    })
}

proptest! {
    #[test]
    fn c77_decoding_undoes_encoding(source in text(), there in cuts(), back in cuts()) {
        prop_assert_eq!(decode(&encode(&source, &there), &back), source);
    }

    #[test]
    fn c77_cuts_do_not_change_what_is_encoded(source in text(), cuts in cuts()) {
        prop_assert_eq!(encode(&source, &cuts), encode(&source, WHOLE));
    }

    #[test]
    fn c77_cuts_do_not_change_what_is_decoded(wire in text(), cuts in cuts()) {
        prop_assert_eq!(decode(&wire, &cuts), decode(&wire, WHOLE));
    }

    #[test]
    fn c77_blocks_of_any_size_join_to_the_encoded_text(source in text(), size in 8..=16usize) {
        let blocks = blocks(&source, size);
        prop_assert_eq!(blocks.concat(), encode(&source, WHOLE));
        let last = blocks.len() - 1;
        prop_assert!(blocks[..last].iter().all(|block| block.len() == size));
        prop_assert!(blocks[last].len() < size);
    }

    #[test]
    fn c77_well_formed_netascii_is_encoded_back_to_itself(source in text()) {
        let wire = encode(&source, WHOLE);
        prop_assert_eq!(encode(&decode(&wire, WHOLE), WHOLE), wire);
    }

    /// As a sender does it: blocks forward, again from what is acknowledged, which may be within a window.
    #[test]
    fn c78_a_cursor_reads_what_the_encoder_writes_at_every_offset(
        source in text(),
        size in 1..=9usize,
        piece in 1..=9usize,
        steps in prop::collection::vec((0..4usize, 0..5usize), 1..12),
    ) {
        let wire = encode(&source, WHOLE);
        let mut cursor = Cursor::new();
        let mut base = 0;
        for (ahead, acknowledged) in steps {
            for block in 0..=ahead {
                let offset = base + block * size;
                prop_assert_eq!(
                    read_at(&mut cursor, &source, offset, size, piece),
                    piece_of(&wire, offset, size)
                );
            }
            base = (base + acknowledged.min(ahead + 1) * size).min(wire.len());
            let read = |at, buf: &mut [u8]| local(&source, at, buf);
            let needed = cursor.release(base as u64, &mut vec![0; piece], read).unwrap();
            prop_assert!(needed <= base as u64 && needed <= source.len() as u64);
        }
    }

    #[test]
    fn c79_no_octet_but_a_pairs_second_is_lost(wire in text()) {
        let mut expected = Vec::new();
        let mut octets = wire.iter().copied().peekable();
        while let Some(octet) = octets.next() {
            match (octet, octets.peek()) {
                (b'\r', Some(b'\n')) => { octets.next(); expected.push(b'\n'); }
                (b'\r', Some(0)) => { octets.next(); expected.push(b'\r'); }
                _ => expected.push(octet),
            }
        }
        prop_assert_eq!(decode(&wire, WHOLE), expected);
    }
}
