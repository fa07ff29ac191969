//! `instructions` lists the operations; `instructions OPERATION COUNT` does one so often and nothing else, for a tool that
//! counts instructions. `ci/instructions.sh` runs it twice and divides the difference, so that what start-up and
//! reporting take does not count.

use core::hint::black_box;
use std::{env, process::ExitCode};

use tftp_benches::{CLIENT, SERVER};
use tftp_proto::{
    Config, Incoming, Instant, Length, Output, Packet, Receiver, Request, Sender, Transmit,
};

const FOUR_OPTIONS: &[u8] =
    b"\0\x01firmware.bin\0octet\0blksize\x001468\0windowsize\x0016\0tsize\x000\0timeout\x005\0";
const OACK: &[u8] = b"\0\x06blksize\x001468\0windowsize\x0016\0tsize\x001048576\0timeout\x005\0";

const OPERATIONS: [&str; 12] = [
    "nothing",
    "decode-data",
    "decode-ack",
    "decode-rrq",
    "decode-rrq-four-options",
    "decode-oack",
    "encode-data",
    "encode-ack",
    "encode-rrq-four-options",
    "encode-oack",
    "transmit-ack",
    "transmit-oack",
];

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let operation = args.next();
    let listed = operation.is_none();
    let operation = operation.unwrap_or_default();
    let count = args.next().and_then(|count| count.parse().ok());
    let Some(count) = count.filter(|_| OPERATIONS.contains(&operation.as_str())) else {
        for operation in OPERATIONS {
            println!("{operation}");
        }
        return if listed {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(2)
        };
    };
    if repeat(&operation, count).is_none() {
        eprintln!("instructions: {operation} does not work");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn repeat(operation: &str, count: u32) -> Option<()> {
    let mut data = vec![0, 3, 0, 7];
    data.resize(1_472, 0x55);
    let mut buf = vec![0; 1_472];
    let payload = [0x55; 1_468];
    let data_packet = Packet::Data {
        block: 7,
        payload: &payload,
    };
    match operation {
        "decode-data" => decode(&data, count),
        "decode-ack" => decode(b"\0\x04\0\x07", count),
        "decode-rrq" => decode(b"\0\x01firmware.bin\0octet\0", count),
        "decode-rrq-four-options" => decode(FOUR_OPTIONS, count),
        "decode-oack" => decode(OACK, count),
        "encode-data" => encode(&data_packet, &mut buf, count),
        "encode-ack" => encode(&Packet::Ack { block: 7 }, &mut buf, count),
        "encode-rrq-four-options" => encode(&Packet::decode(FOUR_OPTIONS).ok()?, &mut buf, count),
        "encode-oack" => encode(&Packet::decode(OACK).ok()?, &mut buf, count),
        "transmit-ack" => transmit(&an_ack()?, &mut buf, count),
        "transmit-oack" => transmit(&an_oack()?, &mut buf, count),
        _ => {
            for round in 0..count {
                black_box(round);
            }
            Some(())
        }
    }
}

fn decode(datagram: &[u8], count: u32) -> Option<()> {
    Packet::decode(datagram).ok()?;
    for _ in 0..count {
        let _ = black_box(Packet::decode(black_box(datagram)));
    }
    Some(())
}

fn encode(packet: &Packet<'_>, buf: &mut [u8], count: u32) -> Option<()> {
    packet.encode(buf).ok()?;
    for _ in 0..count {
        let _ = black_box(black_box(packet).encode(black_box(buf)));
    }
    Some(())
}

/// What an adapter does with each datagram that a machine hands out.
fn transmit(transmit: &Transmit<'_>, buf: &mut [u8], count: u32) -> Option<()> {
    transmit.encode(buf).ok()?;
    for _ in 0..count {
        let transmit = black_box(transmit);
        let _ = black_box(transmit.encode(black_box(buf)).is_ok());
        black_box(transmit.encoded_len());
    }
    Some(())
}

/// The ACK of a first block.
fn an_ack() -> Option<Transmit<'static>> {
    let request = Request::octet("file").ok()?;
    let mut receiver = Receiver::request(Instant::ZERO, SERVER, request, Config::client());
    let _ = receiver.poll(Instant::ZERO);
    let mut data = vec![0, 3, 0, 1];
    data.resize(516, 0x55);
    let _ = receiver.handle(Instant::ZERO, SERVER, &data);
    match receiver.poll(Instant::ZERO) {
        Output::Transmit(ack) => Some(ack),
        Output::Wait(_) | Output::Done(_) => None,
    }
}

/// The answer to a request with four options.
fn an_oack() -> Option<Transmit<'static>> {
    let incoming = Incoming::decode(CLIENT, FOUR_OPTIONS).ok()?;
    let length = Length::Known(1 << 20);
    let mut sender = Sender::accept(Instant::ZERO, &incoming, length, Config::server());
    match sender.poll(Instant::ZERO) {
        Output::Transmit(oack) => Some(oack),
        Output::Wait(_) | Output::Done(_) => None,
    }
}
