//! Any datagram is read without a panic, and as an independent reader reads it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tftp_fuzz::layout::{self, Layout};
use tftp_proto::{Incoming, Options, Packet, Request};

fn owned(options: Options<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    options
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

fn request(opcode: u8, request: Request<'_>) -> Layout {
    let mode = request.mode().as_str().as_bytes().to_vec();
    Layout::Request(
        opcode,
        request.filename().to_vec(),
        mode,
        owned(request.options()),
    )
}

fuzz_target!(|datagram: &[u8]| {
    let packet = Packet::decode(datagram);
    let layout = packet.ok().map(|packet| match packet {
        Packet::Rrq(body) => request(1, body),
        Packet::Wrq(body) => request(2, body),
        Packet::Data { block, payload } => Layout::Data(block, payload.to_vec()),
        Packet::Ack { block } => Layout::Ack(block),
        Packet::Error { code, message } => Layout::Error(code.0, message.0.to_vec()),
        Packet::Oack(options) => Layout::Oack(owned(options)),
    });
    assert_eq!(layout, layout::read(datagram));

    // What is read strictly is read the same leniently.
    if let Ok(packet) = packet {
        assert_eq!(Packet::decode_lenient(datagram), Ok(packet));
    }
    let _ = format!("{packet:?}");
    let from = "192.0.2.9:1069".parse().expect("a literal address");
    match Incoming::decode(from, datagram) {
        Ok(_) => assert!(matches!(packet, Ok(Packet::Rrq(_) | Packet::Wrq(_)))),
        // Only what looks like a request is ever answered.
        Err(refusal) => assert!(refusal.reply().is_none() || matches!(datagram, [0, 1 | 2, ..])),
    }
});
