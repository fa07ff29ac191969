//! A client and a server of ours over a link that loses, doubles and delays, in virtual time.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use tftp_proto::{Event, Instant, Summary, TransferError};

use crate::support::{Heard, Machine, Want, addr, byte, encode};

/// What the link does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) seed: u64,
    /// Of a thousand datagrams.
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) late: u64,
    /// Microseconds one way, and how much more a late one takes at the most.
    pub(crate) delay: u64,
    pub(crate) lateness: u64,
}

/// Loses nothing; 10 ms one way.
pub(crate) const CLEAN: Link = Link {
    seed: 1,
    lost: 0,
    doubled: 0,
    late: 0,
    delay: 10_000,
    lateness: 0,
};

/// How a transfer went.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) client: Result<Summary, TransferError>,
    /// `None` if no request arrived.
    pub(crate) server: Option<Result<Summary, TransferError>>,
    /// What the receiving end was given.
    pub(crate) file: Vec<u8>,
    /// Whether the receiving end was told of the last block.
    pub(crate) whole: bool,
    /// Datagrams that were sent, those that were lost too.
    pub(crate) sent: Vec<Vec<u8>>,
}

impl Report {
    /// How many DATA packets were sent.
    pub(crate) fn data(&self) -> usize {
        self.of_kind(3).count()
    }

    /// Block numbers of the packets with this opcode, in the order in which they were sent.
    pub(crate) fn of_kind(&self, opcode: u8) -> impl Iterator<Item = u16> {
        let kind = self
            .sent
            .iter()
            .filter(move |datagram| datagram[1] == opcode);
        kind.map(|datagram| u16::from_be_bytes([datagram[2], datagram[3]]))
    }

    /// Both ends have succeeded, and the receiving one has exactly this many of the file's bytes.
    #[track_caller]
    pub(crate) fn assert_whole(&self, len: u64) {
        assert_eq!(self.client.map(|summary| summary.bytes), Ok(len), "client");
        assert_eq!(
            self.server.map(|end| end.map(|summary| summary.bytes)),
            Some(Ok(len)),
            "server"
        );
        self.assert_intact(len);
    }

    /// Whatever the ends believe: what was received is the file, and whole.
    #[track_caller]
    pub(crate) fn assert_intact(&self, len: u64) {
        assert!(self.whole, "the last block came");
        assert_eq!(self.file.len() as u64, len);
        let wrong = (0..)
            .zip(&self.file)
            .find(|&(at, octet)| *octet != byte(at));
        assert_eq!(wrong, None, "offset and octet");
    }
}

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn happens(&mut self, of_a_thousand: u64) -> bool {
        self.below(1000) < of_a_thousand
    }
}

/// One machine with its address, and what has become of it.
struct End<M> {
    machine: M,
    result: Option<Result<Summary, TransferError>>,
}

/// Datagrams on their way, by time of arrival: whether it is the client's, from, datagram.
struct Air {
    link: Link,
    random: Random,
    datagrams: BTreeMap<(u64, u64), (bool, SocketAddr, Vec<u8>)>,
    number: u64,
}

impl Air {
    fn send(&mut self, now: u64, to_client: bool, from: SocketAddr, bytes: &[u8]) {
        let copies = 1 + u64::from(self.random.happens(self.link.doubled));
        for _ in 0..copies {
            let lost = self.random.happens(self.link.lost);
            let mut at = now + self.link.delay;
            if self.random.happens(self.link.late) {
                at += self.random.below(self.link.lateness);
            }
            if !lost {
                self.datagrams
                    .insert((at, self.number), (to_client, from, bytes.to_vec()));
                self.number += 1;
            }
        }
    }
}

/// Runs `client` against the server's machine that `accept` makes from its request, until both are
/// done.
pub(crate) fn transfer<C: Machine, S: Machine>(
    client: C,
    mut accept: impl FnMut(Instant, SocketAddr, &[u8]) -> S,
    link: Link,
) -> Report {
    let mut client = End {
        machine: client,
        result: None,
    };
    let mut server: Option<End<S>> = None;
    let mut air = Air {
        link,
        random: Random(link.seed),
        datagrams: BTreeMap::new(),
        number: 0,
    };
    let (mine, theirs, asked) = (addr("a"), addr("tid"), addr("69"));
    let mut report = Report {
        client: Err(TransferError::TimedOut),
        server: None,
        file: Vec::new(),
        whole: false,
        sent: Vec::new(),
    };
    let mut now = 0;
    while now < 4_000_000_000 {
        let mut out = |to_client: bool, from, bytes: Vec<u8>, to: SocketAddr, air: &mut Air| {
            let known = if to_client {
                to == mine
            } else {
                to == theirs || to == asked
            };
            assert!(known, "sent to {to}");
            air.send(now, to_client, from, &bytes);
            report.sent.push(bytes);
        };
        let a = settle(&mut client, now, |bytes, to| {
            out(false, mine, bytes, to, &mut air)
        });
        let b = server
            .as_mut()
            .and_then(|end| settle(end, now, |bytes, to| out(true, theirs, bytes, to, &mut air)));
        if let (Some(result), Some(other)) = (
            client.result,
            server
                .as_ref()
                .map_or(Some(None), |end| end.result.map(Some)),
        ) && (other.is_some() || air.datagrams.is_empty())
        {
            return Report {
                client: result,
                server: other,
                ..report
            };
        }
        let arrival = air.datagrams.first_key_value().map(|(key, _)| key.0);
        now = [a, b, arrival]
            .into_iter()
            .flatten()
            .min()
            .expect("somebody waits for something")
            .max(now);
        let Some(first) = air
            .datagrams
            .first_entry()
            .filter(|first| first.key().0 <= now)
        else {
            continue;
        };
        let (to_client, from, bytes) = first.remove();
        let at = Instant::from_micros(now);
        match (&mut server, to_client) {
            (_, true) => hear(&mut client.machine, at, from, &bytes, &mut report),
            (Some(end), false) => hear(&mut end.machine, at, from, &bytes, &mut report),
            (none, false) => {
                *none = Some(End {
                    machine: accept(at, from, &bytes),
                    result: None,
                });
            }
        }
    }
    panic!(
        "not done after {now} us with {link:?}: {:?} {:?}",
        client.result,
        report.file.len()
    );
}

fn hear<M: Machine>(
    machine: &mut M,
    now: Instant,
    from: SocketAddr,
    bytes: &[u8],
    report: &mut Report,
) {
    if let Heard::Event(Event::Block(block)) = machine.handle(now, from, bytes) {
        assert_eq!(
            block.offset,
            report.file.len() as u64,
            "blocks come in order"
        );
        assert!(!report.whole, "nothing comes after the last block");
        report.file.extend(block.payload);
        report.whole = block.last;
    }
}

/// Sends what there is to send now; when it wants to be asked again.
fn settle<M: Machine>(
    end: &mut End<M>,
    now: u64,
    mut out: impl FnMut(Vec<u8>, SocketAddr),
) -> Option<u64> {
    for _ in 0..100_000 {
        match end.machine.poll(Instant::from_micros(now)) {
            Want::Send(transmit) => out(encode(&transmit), transmit.to),
            Want::Wait(at) => {
                let at = at.map(Instant::as_micros);
                assert!(at.is_none_or(|at| at > now), "waits for what is past");
                return at;
            }
            Want::Done(result) => {
                end.result = Some(result);
                return None;
            }
        }
    }
    panic!("sends for ever");
}
