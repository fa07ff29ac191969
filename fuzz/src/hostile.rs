//! A machine under a hostile peer: any call in any order, any datagram from anywhere at any time.

use std::net::SocketAddr;

use arbitrary::Arbitrary;
use tftp_proto::{
    ErrorCode, Event, Instant, Output, Receiver, Sender, Summary, TransferError, Transmit,
};

/// The most that one burst can be: a window and what goes with it.
pub const MAX_WINDOW: u16 = 64;

/// One step of the script.
#[derive(Arbitrary, Debug)]
pub enum Step {
    /// Time passes, in microseconds.
    Wait(u32),
    /// One poll.
    Poll,
    /// Polls until there is nothing to send.
    Drain,
    /// A datagram arrives.
    Datagram(Source, Payload),
    /// The caller gives up.
    Abort(u16),
    /// The caller says where the file ends.
    EndsAt(u16),
}

/// Where a datagram comes from.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Source {
    /// The peer's transfer port.
    Peer,
    /// The peer's host, another port.
    OtherPort,
    /// Another host.
    OtherHost,
}

/// What is in a datagram: mostly packets that make sense, so that the fuzzer gets anywhere.
#[derive(Arbitrary, Debug)]
pub enum Payload {
    /// DATA with so many octets.
    Data(u16, u16),
    /// DATA of a whole block.
    Block(u16),
    /// ACK.
    Ack(u16),
    /// OACK of these pairs.
    Oack(Vec<(Name, u32)>),
    /// ERROR.
    Error(u16),
    /// Anything.
    Raw(Vec<u8>),
}

/// Names of options.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Name {
    Blksize,
    Windowsize,
    Tsize,
    Timeout,
    Utimeout,
    Rollover,
    Unknown,
}

impl Name {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::Blksize => "blksize",
            Self::Windowsize => "WindowSize",
            Self::Tsize => "tsize",
            Self::Timeout => "timeout",
            Self::Utimeout => "utimeout",
            Self::Rollover => "rollover",
            Self::Unknown => "x-colour",
        }
    }
}

impl Source {
    /// The address that stands for it.
    pub fn address(self) -> SocketAddr {
        let address = match self {
            Self::Peer => "192.0.2.1:2000",
            Self::OtherPort => "192.0.2.1:2001",
            Self::OtherHost => "198.51.100.7:2000",
        };
        address.parse().expect("a literal address")
    }
}

impl Payload {
    /// The octets, `blksize` being what a block has.
    pub fn octets(&self, blksize: u16) -> Vec<u8> {
        let numbered = |opcode: u8, number: u16| {
            let [high, low] = number.to_be_bytes();
            vec![0, opcode, high, low]
        };
        match self {
            Self::Data(block, len) => {
                let mut octets = numbered(3, *block);
                octets.resize(4 + usize::from(*len % 1024), 7);
                octets
            }
            Self::Block(block) => {
                let mut octets = numbered(3, *block);
                octets.resize(4 + usize::from(blksize), 7);
                octets
            }
            Self::Ack(block) => numbered(4, *block),
            Self::Oack(pairs) => {
                let mut octets = vec![0, 6];
                for (name, value) in pairs {
                    octets.extend_from_slice(format!("{}\0{value}\0", name.text()).as_bytes());
                }
                octets
            }
            Self::Error(code) => {
                let mut octets = numbered(5, *code);
                octets.extend_from_slice(b"no\0");
                octets
            }
            Self::Raw(octets) => octets.clone(),
        }
    }
}

/// The verbs of both machines.
pub trait Machine: Clone + std::fmt::Debug + Eq {
    /// As the machine's own.
    fn handle<'b>(&mut self, now: Instant, from: SocketAddr, datagram: &'b [u8]) -> Event<'b>;
    /// As the machine's own.
    fn poll(&mut self, now: Instant) -> Output<'static>;
    /// As the machine's own.
    fn abort(&mut self, code: ErrorCode);
    /// As a sender's; a receiver has none.
    fn ends_at(&mut self, length: u64);
    /// As the machine's own.
    fn summary(&self) -> Summary;
    /// As the machine's own.
    fn poll_at(&self) -> Option<Instant>;
    /// As the machine's own.
    fn peer(&self) -> SocketAddr;
}

macro_rules! machine {
    ($name:ident, $ends_at:expr) => {
        impl Machine for $name<'static> {
            fn handle<'b>(
                &mut self,
                now: Instant,
                from: SocketAddr,
                datagram: &'b [u8],
            ) -> Event<'b> {
                $name::handle(self, now, from, datagram)
            }
            fn poll(&mut self, now: Instant) -> Output<'static> {
                $name::poll(self, now)
            }
            fn abort(&mut self, code: ErrorCode) {
                $name::abort(self, code);
            }
            fn ends_at(&mut self, length: u64) {
                let ends_at: fn(&mut Self, u64) = $ends_at;
                ends_at(self, length);
            }
            fn summary(&self) -> Summary {
                $name::summary(self)
            }
            fn poll_at(&self) -> Option<Instant> {
                $name::poll_at(self)
            }
            fn peer(&self) -> SocketAddr {
                $name::peer(self)
            }
        }
    };
}

machine!(Receiver, |_, _| {});
machine!(Sender, Sender::ends_at);

/// Runs the script and checks what must hold whatever it says; then leaves the machine alone, and
/// checks that it comes to an end.
pub fn run<M: Machine>(mut machine: M, script: &[Step]) {
    let mut now = Instant::ZERO;
    let mut kept = 0;
    let mut done = None;
    for step in script {
        match step {
            Step::Wait(micros) => now = Instant::from_micros(now.as_micros() + u64::from(*micros)),
            Step::Poll => drop(poll(&mut machine, now, &mut done)),
            Step::Drain => drain(&mut machine, now, &mut done),
            Step::Abort(code) => machine.abort(ErrorCode(*code)),
            Step::EndsAt(length) => machine.ends_at(u64::from(*length)),
            Step::Datagram(source, payload) => {
                let octets = payload.octets(machine.summary().negotiated.blksize);
                let before = machine.clone();
                let event = machine.handle(now, source.address(), &octets);
                check(&event, &before, &machine, &mut kept);
            }
        }
    }
    for _ in 0..200 {
        drain(&mut machine, now, &mut done);
        if done.is_some() {
            return;
        }
        now = machine
            .poll_at()
            .expect("a machine that is not done has a deadline");
    }
    panic!("left alone, it never ends: {machine:?}");
}

fn check<M: Machine>(event: &Event<'_>, before: &M, after: &M, kept: &mut u64) {
    match event {
        Event::Block(block) => {
            assert_eq!(block.offset, *kept, "bytes arrive in order and once");
            *kept += block.payload.len() as u64;
        }
        Event::Stray(_) => {
            assert_eq!(
                before.poll_at(),
                after.poll_at(),
                "a stranger moves no timer"
            );
            assert_eq!(before.peer(), after.peer());
            let (was, is) = (before.summary(), after.summary());
            assert_eq!((was.bytes, was.blocks), (is.bytes, is.blocks));
        }
        _ => {}
    }
}

fn drain<M: Machine>(
    machine: &mut M,
    now: Instant,
    done: &mut Option<Result<Summary, TransferError>>,
) {
    for _ in 0..2 * MAX_WINDOW + 8 {
        if poll(machine, now, done).is_none() {
            return;
        }
    }
    panic!("it never stops sending: {machine:?}");
}

fn poll<M: Machine>(
    machine: &mut M,
    now: Instant,
    done: &mut Option<Result<Summary, TransferError>>,
) -> Option<Transmit<'static>> {
    match machine.poll(now) {
        Output::Transmit(transmit) => {
            assert!(done.is_none(), "it sends after its end");
            let mut buf = vec![0; transmit.encoded_len()];
            let gap = transmit.encode(&mut buf).expect("the length that it said");
            assert_eq!(gap.is_some(), transmit.span().is_some());
            Some(transmit)
        }
        Output::Wait(at) => {
            assert!(at > now, "a deadline in the past makes a caller spin");
            assert!(done.is_none());
            None
        }
        Output::Done(result) => {
            assert!(done.is_none_or(|before| before == result), "two results");
            *done = Some(result);
            None
        }
    }
}
