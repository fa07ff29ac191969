//! Text survives the way to the wire and back, however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tftp_proto::netascii::{Decoder, Encoder};

/// Encodes or decodes `input` in pieces of so many octets, into room for so many.
fn coded(
    input: &[u8],
    pieces: (usize, usize),
    mut step: impl FnMut(&[u8], &mut [u8]) -> tftp_proto::netascii::Progress,
    mut finish: impl FnMut(&mut [u8]) -> usize,
) -> Vec<u8> {
    let mut output = Vec::new();
    let mut room = vec![0; pieces.1];
    for piece in input.chunks(pieces.0) {
        let mut rest = piece;
        while !rest.is_empty() {
            let done = step(rest, &mut room);
            assert!(done.consumed > 0 || done.written > 0, "no progress");
            output.extend_from_slice(&room[..done.written]);
            rest = &rest[done.consumed..];
        }
    }
    loop {
        match finish(&mut room) {
            0 => return output,
            written => output.extend_from_slice(&room[..written]),
        }
    }
}

fuzz_target!(|input: (u8, u8, Vec<u8>)| {
    let (piece, room, text) = input;
    let pieces = (1 + usize::from(piece % 7), 1 + usize::from(room % 7));
    let encoder = std::cell::RefCell::new(Encoder::new());
    let wire = coded(
        &text,
        pieces,
        |input, out| encoder.borrow_mut().encode(input, out),
        |out| encoder.borrow_mut().finish(out),
    );
    let decoder = std::cell::RefCell::new(Decoder::new());
    let back = coded(
        &wire,
        (pieces.1, pieces.0),
        |input, out| decoder.borrow_mut().decode(input, out),
        |out| decoder.borrow_mut().finish(out),
    );
    assert_eq!(back, text);
});
