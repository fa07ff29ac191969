//! Reading and writing single packets.

use core::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tftp_benches::{CLIENT, SERVER};
use tftp_proto::{
    Config, ErrorCode, Incoming, Instant, Length, Output, Packet, Receiver, Request, Sender, Text,
};

const REQUEST: &[u8] = b"\0\x01firmware.bin\0octet\0";
const REQUEST_WITH_FOUR_OPTIONS: &[u8] =
    b"\0\x01firmware.bin\0octet\0blksize\x001468\0windowsize\x0016\0tsize\x000\0timeout\x005\0";
const OACK: &[u8] = b"\0\x06blksize\x001468\0windowsize\x0016\0tsize\x001048576\0timeout\x005\0";

fn decode(criterion: &mut Criterion) {
    let mut data = vec![0, 3, 0, 7];
    data.resize(1_472, 0x55);
    let packets: [(&str, &[u8]); 7] = [
        ("rrq", REQUEST),
        ("rrq with four options", REQUEST_WITH_FOUR_OPTIONS),
        ("wrq", b"\0\x02firmware.bin\0octet\0"),
        ("data", &data),
        ("ack", b"\0\x04\0\x07"),
        ("error", b"\0\x05\0\x01file not found\0"),
        ("oack", OACK),
    ];
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    for (name, datagram) in packets {
        group.bench_function(name, |bencher| {
            bencher.iter(|| Packet::decode(black_box(datagram)))
        });
    }
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let payload = [0x55; 1_468];
    let [Ok(request), Ok(oack)] = [REQUEST_WITH_FOUR_OPTIONS, OACK].map(Packet::decode) else {
        unreachable!("both are well-formed");
    };
    let message = Text(b"file not found");
    let packets = [
        ("rrq with four options", request),
        (
            "data",
            Packet::Data {
                block: 7,
                payload: &payload,
            },
        ),
        ("ack", Packet::Ack { block: 7 }),
        (
            "error",
            Packet::Error {
                code: ErrorCode::FILE_NOT_FOUND,
                message,
            },
        ),
        ("oack", oack),
    ];
    let mut buf = [0; 1_472];
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(1));
    for (name, packet) in packets {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                // The address of the array, not of a slice: that would be written to the stack in two halves, and to
                // read them at once as one makes processors wait for longer than the packet takes.
                let buf: &mut [u8; 1_472] = black_box(&mut buf);
                black_box(&packet).encode(buf)
            });
        });
    }
    group.finish();
}

/// What it takes to turn a request into the answer that a server sends.
fn answer(criterion: &mut Criterion) {
    let mut buf = [0; 512];
    let mut group = criterion.benchmark_group("answer");
    group.throughput(Throughput::Elements(1));
    group.bench_function("rrq with four options by oack", |bencher| {
        bencher.iter(|| {
            let incoming = Incoming::decode(CLIENT, black_box(REQUEST_WITH_FOUR_OPTIONS)).ok()?;
            let length = Length::Known(1 << 20);
            let mut sender = Sender::accept(Instant::ZERO, &incoming, length, Config::server());
            match sender.poll(Instant::ZERO) {
                Output::Transmit(oack) => oack
                    .encode(black_box(&mut buf))
                    .ok()
                    .map(|_| oack.encoded_len()),
                Output::Wait(_) | Output::Done(_) => None,
            }
        });
    });
    group.bench_function("a client's request", |bencher| {
        let mut config = Config::client();
        config.blksize = 1_468;
        config.windowsize = 16;
        bencher.iter(|| {
            let request = Request::octet(black_box("firmware.bin")).ok()?;
            let mut receiver = Receiver::request(Instant::ZERO, SERVER, request, config);
            match receiver.poll(Instant::ZERO) {
                Output::Transmit(rrq) => rrq
                    .encode(black_box(&mut buf))
                    .ok()
                    .map(|_| rrq.encoded_len()),
                Output::Wait(_) | Output::Done(_) => None,
            }
        });
    });
    group.finish();
}

criterion_group!(benches, decode, encode, answer);
criterion_main!(benches);
