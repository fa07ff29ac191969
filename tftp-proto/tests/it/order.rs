//! Any call in any order, with anything from anywhere: nothing breaks, and silence ends it.

use proptest::prelude::*;
use tftp_proto::{
    Config, ErrorCode, Event, Incoming, Instant, Length, Output, Receiver, Request, Sender,
    Summary, TransferError,
};

use crate::packet;
use crate::support::{addr, asking, left_alone};

/// What a caller, a peer, a stranger and the clock can do.
#[derive(Clone, Debug)]
enum Call {
    Handle {
        from: &'static str,
        datagram: Vec<u8>,
    },
    Poll,
    Later(u64),
    Earlier(u64),
    Abort(u16),
    EndsAt(u64),
}

fn datagram() -> impl Strategy<Value = Vec<u8>> {
    // Numbers near the start and near the wrap, so that they hit.
    let number = prop_oneof![4 => 0..12u16, 1 => 65_530..=65_535u16, 1 => any::<u16>()];
    let words = prop_oneof![
        4 => (number.clone(), prop_oneof![Just(8usize), 0..9usize, Just(512usize), Just(9usize)])
            .prop_map(|(block, len)| format!("DATA {block} [{len}]")),
        4 => number.prop_map(|block| format!("ACK {block}")),
        1 => (0..9u16).prop_map(|code| format!("ERROR {code}")),
        2 => prop_oneof![
            Just("OACK"), Just("OACK blksize=8"), Just("OACK blksize=8 windowsize=4"),
            Just("OACK tsize=20"), Just("OACK blksize=9"), Just("OACK foo=1"),
        ].prop_map(str::to_owned),
        1 => prop_oneof![Just("RRQ f octet"), Just("WRQ f octet blksize=8")].prop_map(str::to_owned),
    ];
    prop_oneof![
        9 => words.prop_map(|words| packet::bytes(&words)),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let from = prop_oneof![
        6 => Just("tid"), 1 => Just("69"), 1 => Just("other"), 1 => Just("elsewhere"), 6 => Just("a"),
    ];
    prop_oneof![
        8 => (from, datagram()).prop_map(|(from, datagram)| Call::Handle { from, datagram }),
        6 => Just(Call::Poll),
        3 => prop_oneof![0..2000u64, 0..3_000_000u64].prop_map(Call::Later),
        1 => (0..1_000_000u64).prop_map(Call::Earlier),
        1 => (0..9u16).prop_map(Call::Abort),
        1 => (0..=60u64).prop_map(Call::EndsAt),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    // Aborts and ends are rare, or few sequences would get far.
    prop::collection::vec(call(), 0..60).prop_map(|mut calls| {
        let mut budget = 1;
        calls.retain(|call| {
            if matches!(call, Call::Abort(_)) {
                budget -= 1;
                return budget >= 0;
            }
            true
        });
        calls
    })
}

/// Either machine, in either role.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Any {
    Receiver(Receiver<'static>),
    Sender(Sender<'static>),
}

impl Any {
    fn new(kind: u8, config: Config) -> Self {
        let request = Request::octet("f").unwrap();
        let (now, server) = (Instant::ZERO, addr("69"));
        let options = if config.windowsize > 1 {
            " blksize=8 windowsize=4"
        } else {
            ""
        };
        let rrq = packet::bytes(&format!("RRQ f octet{options}"));
        let wrq = packet::bytes(&format!("WRQ f octet{options}"));
        match kind {
            0 => Self::Receiver(Receiver::request(now, server, request, config)),
            1 => Self::Sender(Sender::request(
                now,
                server,
                request,
                Length::Known(60),
                config,
            )),
            2 => Self::Sender(Sender::request(
                now,
                server,
                request,
                Length::Unknown,
                config,
            )),
            3 => {
                let incoming = Incoming::decode(addr("a"), &wrq).unwrap();
                Self::Receiver(Receiver::accept(now, &incoming, config))
            }
            _ => {
                let incoming = Incoming::decode(addr("a"), &rrq).unwrap();
                Self::Sender(Sender::accept(now, &incoming, Length::Known(60), config))
            }
        }
    }

    fn handle<'b>(&mut self, now: Instant, from: &str, datagram: &'b [u8]) -> Event<'b> {
        match self {
            Self::Receiver(machine) => machine.handle(now, addr(from), datagram),
            Self::Sender(machine) => machine.handle(now, addr(from), datagram),
        }
    }

    fn poll(&mut self, now: Instant) -> Output<'static> {
        match self {
            Self::Receiver(machine) => machine.poll(now),
            Self::Sender(machine) => machine.poll(now),
        }
    }

    fn poll_at(&self) -> Option<Instant> {
        match self {
            Self::Receiver(machine) => machine.poll_at(),
            Self::Sender(machine) => machine.poll_at(),
        }
    }

    fn abort(&mut self, code: u16) {
        match self {
            Self::Receiver(machine) => machine.abort(ErrorCode(code)),
            Self::Sender(machine) => machine.abort(ErrorCode(code)),
        }
    }

    fn summary(&self) -> Summary {
        match self {
            Self::Receiver(machine) => machine.summary(),
            Self::Sender(machine) => machine.summary(),
        }
    }

    fn silence(self, now: u64) -> (usize, u64, Result<Summary, TransferError>) {
        let (sent, at, result) = match self {
            Self::Receiver(mut machine) => left_alone(&mut machine, now),
            Self::Sender(mut machine) => left_alone(&mut machine, now),
        };
        (sent.len(), at, result)
    }
}

/// What was seen of a machine so far, and must stay true.
#[derive(Default)]
struct Seen {
    received: u64,
    last: bool,
    acknowledged: u64,
    /// The file's length, if that is known.
    length: Option<u64>,
    done: Option<Result<Summary, TransferError>>,
}

impl Seen {
    fn event(&mut self, event: &Event<'_>) -> Result<(), TestCaseError> {
        if self.done.is_some() {
            prop_assert!(
                matches!(event, Event::Ignored(_) | Event::Stray(_)),
                "after Done: {event:?}"
            );
        }
        match event {
            Event::Block(block) => {
                prop_assert!(!self.last, "a block after the last one");
                prop_assert_eq!(block.offset, self.received, "in order, each octet once");
                self.received += block.payload.len() as u64;
                self.last = block.last;
            }
            Event::Acknowledged { up_to } => {
                prop_assert!(*up_to >= self.acknowledged, "{up_to}");
                prop_assert!(self.length.is_none_or(|length| *up_to <= length), "{up_to}");
                self.acknowledged = *up_to;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Polls until the machine waits. At most a window and an answer may leave at once.
fn settle(machine: &mut Any, now: Instant, seen: &mut Seen) -> Result<(), TestCaseError> {
    for _ in 0..8 {
        let due = machine.poll_at().is_none_or(|at| at <= now);
        match machine.poll(now) {
            Output::Transmit(transmit) => {
                prop_assert!(due, "it did not ask for this poll");
                prop_assert!(seen.done.is_none(), "sends after Done");
                prop_assert!(transmit.encoded_len() <= 516);
                if let Some(span) = transmit.span() {
                    prop_assert!(
                        span.offset >= seen.acknowledged,
                        "what the peer has is not sent"
                    );
                }
            }
            Output::Wait(at) => {
                prop_assert!(seen.done.is_none(), "waits after Done");
                prop_assert!(at > now);
                prop_assert_eq!(machine.poll_at(), Some(at));
                return Ok(());
            }
            Output::Done(result) => {
                let ends = |result: Result<Summary, _>| result.map(|summary| summary.bytes);
                let first = *seen.done.get_or_insert(result);
                prop_assert_eq!(ends(first), ends(result), "Done is for ever");
                prop_assert_eq!(machine.poll_at(), None);
                return Ok(());
            }
        }
    }
    Err(TestCaseError::fail("more than a window at once"))
}

fn configs() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>(), any::<bool>(), 0..3u32).prop_map(
        |(window, dally, any_server, seed)| {
            let mut config = if window { asking(8, 4) } else { asking(512, 1) };
            config.dally = dally;
            config.any_server = any_server;
            config.seed = seed;
            config
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn h18_any_calls_in_any_order_keep_every_promise(
        kind in 0..5u8, config in configs(), calls in calls(),
    ) {
        let mut machine = Any::new(kind, config);
        let length = [1, 4].contains(&kind).then_some(60);
        let mut seen = Seen { length, ..Seen::default() };
        let mut now = 0;
        for call in calls {
            let at = Instant::from_micros(now);
            match call {
                Call::Handle { from, datagram } => {
                    let event = machine.handle(at, from, &datagram);
                    seen.event(&event)?;
                }
                Call::Poll => settle(&mut machine, at, &mut seen)?,
                Call::Later(micros) => now += micros,
                Call::Earlier(micros) => now = now.saturating_sub(micros),
                Call::Abort(code) => machine.abort(code),
                Call::EndsAt(length) => if let Any::Sender(sender) = &mut machine {
                    sender.ends_at(length);
                },
            }
        }
        prop_assert_eq!(machine.summary().bytes, seen.received.max(seen.acknowledged));
        let (sent, end, result) = machine.silence(now);
        prop_assert!(sent <= 40, "{sent} datagrams into silence");
        prop_assert!(end - now < 300_000_000, "silence ends it after {} us", end - now);
        if let Some(done) = seen.done {
            prop_assert_eq!(result.is_ok(), done.is_ok());
        }
    }

    #[test]
    fn h05_c27_a_stranger_changes_nothing(
        kind in 0..5u8, config in configs(), calls in calls(), datagram in datagram(),
    ) {
        let mut machine = Any::new(kind, config);
        let answer = if kind == 0 { "DATA 1 [8]" } else { "ACK 0" };
        let _ = machine.handle(Instant::ZERO, "tid", &packet::bytes(answer));
        let mut now = 0;
        for call in calls {
            let at = Instant::from_micros(now);
            match call {
                Call::Handle { from, datagram } if ["tid", "a"].contains(&from) => {
                    let _ = machine.handle(at, from, &datagram);
                }
                Call::Poll => { let _ = machine.poll(at); }
                Call::Later(micros) => now += micros,
                _ => {}
            }
        }
        let locked = match &machine {
            Any::Receiver(machine) => machine.peer(),
            Any::Sender(machine) => machine.peer(),
        };
        prop_assert!(locked == addr("tid") || locked == addr("a"), "{locked}");
        let at = Instant::from_micros(now);
        let mut heard = machine.clone();
        let event = heard.handle(at, "elsewhere", &datagram);
        let ended = matches!(machine.clone().poll(at), Output::Done(_));
        prop_assert!(ended || matches!(event, Event::Stray(_)), "{event:?}");
        prop_assert_eq!(heard.poll_at(), machine.poll_at());
        for later in [0, 1000, 1_000_000, 5_000_000] {
            let at = Instant::from_micros(now + later);
            let (with, without) = (heard.poll(at), machine.poll(at));
            let same = match (with, without) {
                // Both count the strays that they hear.
                (Output::Done(a), Output::Done(b)) => a.map(|a| a.bytes) == b.map(|b| b.bytes),
                (with, without) => with == without,
            };
            prop_assert!(same, "{:?} and {:?}", with, without);
        }
    }

    #[test]
    fn c28_no_error_is_ever_answered(
        kind in 0..5u8, config in configs(), calls in calls(), code in any::<u16>(),
        from in prop_oneof![Just("tid"), Just("69"), Just("other"), Just("elsewhere"), Just("a")],
    ) {
        let mut machine = Any::new(kind, config);
        let mut now = 0;
        for call in calls {
            let at = Instant::from_micros(now);
            match call {
                Call::Handle { from, datagram } => { let _ = machine.handle(at, from, &datagram); }
                Call::Poll => { let _ = machine.poll(at); }
                Call::Later(micros) => now += micros,
                _ => {}
            }
        }
        // All that is due has left, so that whatever leaves now is an answer.
        let at = Instant::from_micros(now);
        for _ in 0..8 {
            let _ = machine.poll(at);
        }
        let datagram = packet::bytes(&format!("ERROR {code}"));
        let event = machine.handle(at, from, &datagram);
        prop_assert!(!matches!(event, Event::Stray(Some(_))), "{event:?}");
        prop_assert!(!matches!(machine.poll(at), Output::Transmit(_)));
    }
}
