//! What is decoded encodes to what decodes to the same, at the length that was said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tftp_proto::{BufferTooSmall, Packet};

fn check(packet: Packet<'_>) {
    let needed = packet.encoded_len();
    let mut buf = vec![0xaa; needed];
    assert_eq!(packet.encode(&mut buf), Ok(needed));
    assert_eq!(Packet::decode(&buf), Ok(packet));
    let mut short = vec![0; needed - 1];
    assert_eq!(packet.encode(&mut short), Err(BufferTooSmall { needed }));
}

fuzz_target!(|datagram: &[u8]| {
    if let Ok(packet) = Packet::decode(datagram) {
        check(packet);
    }
});
