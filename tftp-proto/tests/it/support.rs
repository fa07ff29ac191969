//! Machines of every kind to play with, and what they have in common.

use core::net::SocketAddr;
use core::time::Duration;

use tftp_proto::{
    Config, ErrorCode, Event, Incoming, Instant, Length, Output, Receiver, Request, Sender,
    Summary, TransferError, Transmit,
};

use crate::packet;

/// Where requests go.
pub(crate) const SERVER: &str = "192.0.2.1:69";
/// The server's end of a transfer, and the names of the others.
const WHO: &[(&str, &str)] = &[
    ("tid", "192.0.2.1:4242"),
    ("69", SERVER),
    ("other", "192.0.2.1:4343"),
    ("elsewhere", "203.0.113.9:4242"),
    ("a", "198.51.100.1:1001"),
    ("b", "198.51.100.2:1001"),
    ("c", "198.51.100.1:1003"),
];

pub(crate) fn addr(name: &str) -> SocketAddr {
    let found = WHO.iter().find(|(who, _)| *who == name);
    let (_, text) = found.unwrap_or_else(|| panic!("nobody is called @{name}"));
    text.parse().unwrap()
}

pub(crate) fn name(addr: SocketAddr) -> &'static str {
    let found = WHO.iter().find(|(_, text)| text.parse() == Ok(addr));
    found.map_or("nobody", |(who, _)| who)
}

/// Plain RFC 1350: no options. The time-out stays at 1 s, so that scripts can count on it.
pub(crate) fn plain() -> Config {
    let mut config = Config::client();
    config.options = false;
    config.retry.floor = Duration::from_secs(1);
    config
}

/// Asks for these blocks and windows, and nothing else.
pub(crate) fn asking(blksize: u16, windowsize: u16) -> Config {
    let mut config = plain();
    config.options = true;
    config.tsize = false;
    config.blksize = blksize;
    config.windowsize = windowsize;
    config
}

/// A server that agrees to all, with the time-out of [`plain`].
pub(crate) fn limits() -> Config {
    let mut config = Config::server();
    config.retry.floor = Duration::from_secs(1);
    config
}

/// A client that gets `f`.
pub(crate) fn get(config: Config) -> Receiver<'static> {
    let request = Request::octet("f").unwrap();
    Receiver::request(Instant::ZERO, SERVER.parse().unwrap(), request, config)
}

/// A client that puts `f`, a file of `len` octets.
pub(crate) fn put(len: u64, config: Config) -> Sender<'static> {
    put_length(Length::Known(len), config)
}

pub(crate) fn put_length(length: Length, config: Config) -> Sender<'static> {
    let request = Request::octet("f").unwrap();
    let server = SERVER.parse().unwrap();
    Sender::request(Instant::ZERO, server, request, length, config)
}

/// A server that sends a file of `len` octets to whoever sent this request.
pub(crate) fn serve(request: &str, len: u64, limits: Config) -> Served<Sender<'static>> {
    serve_length(request, Length::Known(len), limits)
}

pub(crate) fn serve_length(request: &str, len: Length, limits: Config) -> Served<Sender<'static>> {
    let datagram = packet::bytes(request);
    let incoming = Incoming::decode(addr("a"), &datagram).expect("a well-formed request");
    Served(Sender::accept(Instant::ZERO, &incoming, len, limits))
}

/// A server that takes the file of this request.
pub(crate) fn take(request: &str, limits: Config) -> Served<Receiver<'static>> {
    let datagram = packet::bytes(request);
    let incoming = Incoming::decode(addr("a"), &datagram).expect("a well-formed request");
    Served(Receiver::accept(Instant::ZERO, &incoming, limits))
}

/// What a machine wants, of whatever kind it is.
pub(crate) enum Want {
    Send(Transmit<'static>),
    Wait(Option<Instant>),
    Done(Result<Summary, TransferError>),
}

/// A machine that a script can be played against.
pub(crate) trait Machine {
    /// The peer's name, and the port that a request goes to.
    const PEER: &'static str;
    const ASKED: &'static str;
    fn handle<'b>(&mut self, now: Instant, from: SocketAddr, datagram: &'b [u8]) -> Heard<'b>;
    fn poll(&mut self, now: Instant) -> Want;
    fn poll_at(&self) -> Option<Instant>;
    fn abort(&mut self, code: ErrorCode);
    fn ends_at(&mut self, _length: u64) {
        panic!("only a sender has a source");
    }
    /// Whether `Done` is for ever.
    fn ends(&self) -> bool {
        true
    }
}

/// An event, or what a server does besides.
pub(crate) enum Heard<'b> {
    Event(Event<'b>),
    Request,
    Full,
}

macro_rules! machine {
    ($name:ident { $($more:tt)* }) => {
        impl Machine for $name<'static> {
            const PEER: &'static str = "tid";
            const ASKED: &'static str = "69";
            fn handle<'b>(&mut self, now: Instant, from: SocketAddr, datagram: &'b [u8]) -> Heard<'b> {
                Heard::Event($name::handle(self, now, from, datagram))
            }
            fn poll(&mut self, now: Instant) -> Want {
                match $name::poll(self, now) {
                    Output::Transmit(transmit) => Want::Send(transmit),
                    Output::Wait(at) => Want::Wait(Some(at)),
                    Output::Done(result) => Want::Done(result),
                }
            }
            fn poll_at(&self) -> Option<Instant> {
                $name::poll_at(self)
            }
            fn abort(&mut self, code: ErrorCode) {
                $name::abort(self, code);
            }
            $($more)*
        }
    };
}
machine!(Receiver {});
machine!(Sender {
    fn ends_at(&mut self, length: u64) {
        Self::ends_at(self, length);
    }
});

/// A server's end of a transfer: the same machine, its peer called `a`.
pub(crate) struct Served<M>(pub(crate) M);

impl<M: Machine> Machine for Served<M> {
    const PEER: &'static str = "a";
    const ASKED: &'static str = "a";
    fn handle<'b>(&mut self, now: Instant, from: SocketAddr, datagram: &'b [u8]) -> Heard<'b> {
        self.0.handle(now, from, datagram)
    }
    fn poll(&mut self, now: Instant) -> Want {
        self.0.poll(now)
    }
    fn poll_at(&self) -> Option<Instant> {
        self.0.poll_at()
    }
    fn abort(&mut self, code: ErrorCode) {
        self.0.abort(code);
    }
    fn ends_at(&mut self, length: u64) {
        self.0.ends_at(length);
    }
}

/// The file's byte at `offset`, whoever sends it.
pub(crate) fn byte(offset: u64) -> u8 {
    let mixed = offset.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed.to_be_bytes()[1]
}

/// The datagram as bytes, its gap filled from the file, and what it is in words.
pub(crate) fn encode(transmit: &Transmit<'_>) -> Vec<u8> {
    let mut bytes = vec![0; transmit.encoded_len()];
    let gap = transmit.encode(&mut bytes).expect("the length it named");
    assert_eq!(gap.is_some(), transmit.span().is_some());
    if let Some(gap) = gap {
        let span = transmit.span().unwrap();
        assert_eq!((gap.offset, gap.buf.len()), (span.offset, span.len));
        for (offset, slot) in (gap.offset..).zip(gap.buf.iter_mut()) {
            *slot = byte(offset);
        }
    }
    bytes
}

/// Asks `sends` until it has nothing more to send now.
pub(crate) fn flush(mut sends: impl FnMut() -> bool) {
    for _ in 0..200_000 {
        if !sends() {
            return;
        }
    }
    panic!("sends for ever");
}

/// A datagram that left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Sent {
    pub(crate) at: u64,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// What `machine` sends from `now` (in microseconds) on if nothing ever arrives, and how that ends.
pub(crate) fn left_alone<M: Machine>(
    machine: &mut M,
    mut now: u64,
) -> (Vec<Sent>, u64, Result<Summary, TransferError>) {
    let mut sent = Vec::new();
    for _ in 0..5_000 {
        match machine.poll(Instant::from_micros(now)) {
            Want::Send(transmit) => {
                let bytes = encode(&transmit);
                sent.push(Sent {
                    at: now,
                    to: transmit.to,
                    bytes,
                });
            }
            Want::Wait(Some(at)) => now = at.as_micros(),
            Want::Wait(None) => panic!("waits for ever"),
            Want::Done(result) => return (sent, now, result),
        }
    }
    panic!("sends for ever");
}
