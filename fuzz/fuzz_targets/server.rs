//! A device's server under any datagrams from many clients.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tftp_fuzz::hostile::{Name, Payload};
use tftp_proto::{
    Config, Direction, ErrorCode, Instant, Length, Server, ServerEvent, ServerOutput,
};

#[derive(Arbitrary, Debug)]
enum Step {
    Wait(u32),
    Request {
        client: u8,
        write: bool,
        name: u8,
        options: Vec<(Name, u32)>,
        answer: Answer,
    },
    Datagram {
        client: u8,
        payload: Payload,
    },
    Poll,
    Drain,
    Abort(u8),
}

#[derive(Arbitrary, Debug)]
enum Answer {
    Accept(u16),
    AcceptUnknown,
    Refuse(u16),
    Ignore,
}

fn client(number: u8) -> SocketAddr {
    SocketAddr::from((
        Ipv4Addr::new(192, 0, 2, 1 + number % 3),
        2000 + u16::from(number % 2),
    ))
}

fuzz_target!(|script: Vec<Step>| {
    let mut limits = Config::server();
    limits.windowsize = 8;
    let mut server = Server::<4>::new(limits);
    let mut now = Instant::ZERO;
    let mut open = Vec::new();
    for step in &script {
        match step {
            Step::Wait(micros) => now = Instant::from_micros(now.as_micros() + u64::from(*micros)),
            Step::Request {
                client: number,
                write,
                name,
                options,
                answer,
            } => {
                let mut datagram = vec![0, 1 + u8::from(*write), b'a' + name % 3, 0];
                datagram.extend_from_slice(b"octet\0");
                for (name, value) in options {
                    datagram.extend_from_slice(format!("{}\0{value}\0", name.text()).as_bytes());
                }
                request(
                    &mut server,
                    now,
                    client(*number),
                    &datagram,
                    answer,
                    &mut open,
                );
            }
            Step::Datagram {
                client: number,
                payload,
            } => {
                let octets = payload.octets(512);
                if let ServerEvent::Transfer(id, _) = server.handle(now, client(*number), &octets) {
                    assert!(open.contains(&id), "an event of a transfer that is over");
                }
            }
            Step::Poll => drop(poll(&mut server, now, &mut open)),
            Step::Drain => drain(&mut server, now, &mut open),
            Step::Abort(which) => {
                if let Some(id) = open.get(usize::from(*which)) {
                    server.abort(*id, ErrorCode::NOT_DEFINED);
                }
            }
        }
        assert!(server.len() <= 4);
    }
    for _ in 0..400 {
        drain(&mut server, now, &mut open);
        match server.poll_at() {
            Some(at) => now = at,
            None => {
                assert!(open.is_empty(), "a transfer that nobody heard the end of");
                return;
            }
        }
    }
    panic!("left alone, it never ends");
});

fn request(
    server: &mut Server<4>,
    now: Instant,
    from: SocketAddr,
    datagram: &[u8],
    answer: &Answer,
    open: &mut Vec<tftp_proto::SessionId>,
) {
    let ServerEvent::Request(incoming) = server.handle(now, from, datagram) else {
        return;
    };
    let length = match answer {
        Answer::Accept(length) => Length::Known(u64::from(*length)),
        Answer::AcceptUnknown => Length::Unknown,
        Answer::Refuse(code) => return server.refuse(&incoming, ErrorCode(*code)),
        Answer::Ignore => return,
    };
    let accepted = match incoming.direction() {
        Direction::Read => server.accept_read(now, &incoming, length),
        Direction::Write => server.accept_write(now, &incoming),
    };
    if let Ok(id) = accepted {
        assert!(!open.contains(&id), "a number given twice");
        open.push(id);
    }
}

fn drain(server: &mut Server<4>, now: Instant, open: &mut Vec<tftp_proto::SessionId>) {
    for _ in 0..200 {
        if !poll(server, now, open) {
            return;
        }
    }
    panic!("it never stops sending");
}

fn poll(server: &mut Server<4>, now: Instant, open: &mut Vec<tftp_proto::SessionId>) -> bool {
    match server.poll(now) {
        ServerOutput::Transmit(id, transmit) => {
            assert!(open.contains(&id));
            let mut buf = vec![0; transmit.encoded_len()];
            assert!(transmit.encode(&mut buf).is_ok());
            true
        }
        ServerOutput::Refuse(_) => true,
        ServerOutput::Done(id, _) => {
            let place = open.iter().position(|other| *other == id);
            open.swap_remove(place.expect("a transfer ends once"));
            true
        }
        ServerOutput::Wait(at) => {
            assert!(at.is_none_or(|at| at > now));
            false
        }
    }
}
