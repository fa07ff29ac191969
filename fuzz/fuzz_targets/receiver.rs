//! A receiver, as a client and as a server, under a hostile peer.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tftp_fuzz::hostile::{self, MAX_WINDOW, Source, Step};
use tftp_proto::{Config, Incoming, Receiver, Request, Rollover};

#[derive(Arbitrary, Debug)]
struct Input {
    /// `Some`: a server that got this request.
    request: Option<Vec<u8>>,
    blksize: u16,
    windowsize: u8,
    max_len: u32,
    flags: u8,
    seed: u32,
    timeout_ms: Option<u32>,
    script: Vec<Step>,
}

fuzz_target!(|input: Input| {
    let mut config = Config::client();
    config.blksize = input.blksize % 2048;
    config.windowsize = u16::from(input.windowsize) % MAX_WINDOW;
    config.max_len = u64::from(input.max_len);
    config.seed = input.seed;
    config.timeout = input.timeout_ms.map(|ms| Duration::from_millis(ms.into()));
    config.any_server = input.flags & 1 != 0;
    config.dally = input.flags & 2 != 0;
    config.strict_size = input.flags & 4 != 0;
    config.options = input.flags & 8 != 0;
    config.rollover = if input.flags & 16 != 0 {
        Rollover::One
    } else {
        Rollover::Zero
    };
    let now = tftp_proto::Instant::ZERO;
    let receiver = if let Some(request) = &input.request {
        let mut datagram = b"\0\x02f\0octet\0".to_vec();
        datagram.extend_from_slice(request);
        datagram.push(0);
        match Incoming::decode(Source::Peer.address(), &datagram) {
            Ok(incoming) => Receiver::accept(now, &incoming, config),
            Err(_) => return,
        }
    } else {
        let request = Request::octet("f").expect("a short name");
        Receiver::request(
            now,
            "192.0.2.1:69".parse().expect("a literal address"),
            request,
            config,
        )
    };
    hostile::run(receiver, &input.script);
});
