//! A script is the exchange as a protocol text writes it, played against one machine in virtual time.
//!
//! ```text
//!      > RRQ f octet            the machine sends this, now
//! 5    < DATA 1 [512]           5 ms after the start, this arrives, and must be of use
//!      > ACK 1
//! 9    < DATA 1 [512] = ignored the event it must cause, where it is none of the useful ones
//! 1005 > ACK 1                  the machine sends this at 1005 ms, and nothing before
//! *    > ACK 1                  the same, at whatever time its timer says
//! 20   < DATA 2 [8] ! 3         the caller cannot store this block, and aborts with code 3
//! 30   <+ ACK 1                 this arrives together with what the next line has
//! +7   < ERROR 3 = error 3      7 ms later
//!      done peer 3              the result
//! ```
//!
//! Further lines: `abort CODE`, `ends LENGTH` (a source's end), `wait MS` (the deadline that the machine
//! names), `quiet` (nothing was sent until then). `@69`, `@tid`, `@other`, `@elsewhere`, `@a`, `@b`,
//! `@c` after a packet say whose it is where that is not the peer. `raw 00 04 ..` is a datagram octet by
//! octet. Nothing may be left unsaid: what a machine sends and a script does not name fails it.

use core::fmt::Write as _;
use std::collections::VecDeque;

use tftp_proto::{ErrorCode, Event, Instant, Summary, TransferError, Transmit};

use crate::packet;
use crate::support::{Heard, Machine, Want, addr, encode, name};

/// Plays `script` against `machine` and gives it back for more questions.
pub(crate) fn check<M: Machine>(machine: M, script: &str) -> M {
    check_from(machine, 0, script)
}

/// As [`check`], after `stored` octets have arrived.
pub(crate) fn check_from<M: Machine>(machine: M, stored: u64, script: &str) -> M {
    let mut play = Play {
        machine,
        now: 0,
        said: VecDeque::new(),
        done: false,
        stored,
        trace: String::new(),
    };
    play.drain();
    for line in script.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            play.line(line);
            writeln!(play.trace, "{line}").unwrap();
        }
    }
    play.expect_silence("the end");
    play.machine
}

struct Play<M> {
    machine: M,
    /// Microseconds.
    now: u64,
    /// What was sent and not named by the script yet, each with its time.
    said: VecDeque<(u64, String)>,
    done: bool,
    /// Octets that came in `Block`s.
    stored: u64,
    trace: String,
}

/// When a line takes place.
enum When {
    Now,
    At(u64),
    Timer,
}

impl<M: Machine> Play<M> {
    fn line(&mut self, line: &str) {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let after = |ms: &str| {
            ms.parse::<f64>()
                .ok()
                .map(|ms| (ms * 1000.0).round() as u64)
        };
        let (when, rest) = match (first, first.strip_prefix('+').and_then(after), after(first)) {
            ("*", ..) => (When::Timer, rest),
            (_, Some(later), _) => (When::At(self.now + later), rest),
            (_, _, Some(at)) => (When::At(at), rest),
            _ => (When::Now, line),
        };
        let rest = rest.trim();
        let (verb, what) = rest.split_once(' ').unwrap_or((rest, ""));
        if matches!(verb, ">" | "done") {
            let expected = if verb == ">" {
                self.expectation(what)
            } else {
                rest.to_owned()
            };
            return self.expect(&when, &expected);
        }
        match when {
            When::Now => {}
            When::At(at) => self.advance(at),
            When::Timer => self.fail("only what the machine does can wait for its timer"),
        }
        self.expect_silence(line);
        match verb {
            "<" => self.hear(what),
            "<+" => return self.hear(what),
            "abort" => self.machine.abort(ErrorCode(what.parse().unwrap())),
            "ends" => self.machine.ends_at(what.parse().unwrap()),
            "wait" => {
                let named = self.machine.poll_at().map(Instant::as_micros);
                self.same("deadline", &named, &after(what.trim()));
            }
            "quiet" => {}
            _ => self.fail(&format!("no such line: {line}")),
        }
        self.drain();
    }

    /// The machine says this next.
    fn expect(&mut self, when: &When, expected: &str) {
        match *when {
            When::Now => {}
            When::At(at) => self.advance_until(at),
            When::Timer => {
                for _ in 0..4 {
                    if !self.said.is_empty() {
                        break;
                    }
                    match self.machine.poll_at() {
                        Some(at) => self.advance_until(at.as_micros()),
                        None => break,
                    }
                }
            }
        }
        let Some((at, said)) = self.said.pop_front() else {
            self.fail(&format!("said nothing instead of: {expected}"));
        };
        self.same("said", &said.as_str(), &expected);
        if let When::At(wanted) = when {
            self.same(&format!("time of {expected}"), &at, wanted);
        }
    }

    fn expect_silence(&self, before: &str) {
        if let Some((at, said)) = self.said.front() {
            self.fail(&format!(
                "before {before}: at {} ms said {said}",
                *at as f64 / 1000.0
            ));
        }
    }

    fn same<T: PartialEq + core::fmt::Debug>(&self, what: &str, actual: &T, expected: &T) {
        if actual != expected {
            self.fail(&format!(
                "{what}: {actual:?}, but the script has {expected:?}"
            ));
        }
    }

    #[track_caller]
    fn fail(&self, why: &str) -> ! {
        panic!(
            "after\n{}at {} ms {why}",
            self.trace,
            self.now as f64 / 1000.0
        );
    }

    /// A datagram comes in, and its event is compared.
    fn hear(&mut self, what: &str) {
        let (what, failure) = split(what, " ! ");
        let (what, expected) = split(what, " = ");
        let (what, from) = what.split_once('@').unwrap_or((what, M::PEER));
        let datagram = packet::bytes(what.trim());
        let now = Instant::from_micros(self.now);
        let heard = self.machine.handle(now, addr(from.trim()), &datagram);
        let event = match heard {
            Heard::Request => "request".to_owned(),
            Heard::Full => "full".to_owned(),
            Heard::Event(event) => {
                if let Event::Block(block) = event {
                    self.same("payload", &block.payload, &&datagram[4..]);
                    self.same("offset", &block.offset, &self.stored);
                    self.stored += block.payload.len() as u64;
                }
                if let Event::Stray(Some(reply)) = event {
                    let reply = self.describe(&reply);
                    self.said.push_back((self.now, reply));
                }
                words(&event)
            }
        };
        if let Some(code) = failure {
            self.machine.abort(ErrorCode(code.parse().unwrap()));
        }
        let useful = ["block", "last", "agreed", "request"].contains(&event.as_str())
            || event.starts_with("acked");
        match expected {
            Some(expected) => self.same("event", &event.as_str(), &expected),
            None if !useful => self.fail(&format!("{what} was of no use: {event}")),
            None => {}
        }
    }

    /// As `describe` has it: whom it is for is said only where it is not the usual one.
    fn expectation(&self, what: &str) -> String {
        let (packet, who) = split(what, "@");
        let text = packet::words(&packet::bytes(packet.trim()));
        match who {
            Some(who) if who != usual::<M>(&text) => format!("{text} @{who}"),
            _ => text,
        }
    }

    fn describe(&self, transmit: &Transmit<'_>) -> String {
        let bytes = encode(transmit);
        let mut text = packet::words(&bytes);
        if transmit.to != addr(usual::<M>(&text)) {
            write!(text, " @{}", name(transmit.to)).unwrap();
        }
        text
    }

    /// Polls until there is nothing more to send now.
    fn drain(&mut self) {
        let now = Instant::from_micros(self.now);
        for _ in 0..5_000 {
            match self.machine.poll(now) {
                Want::Send(transmit) => {
                    let text = self.describe(&transmit);
                    self.said.push_back((self.now, text));
                }
                Want::Wait(at) => {
                    self.same("deadline of Wait", &at, &self.machine.poll_at());
                    if at.is_some_and(|at| at <= now) {
                        self.fail(&format!("waits until {at:?}, which is not later"));
                    }
                    return;
                }
                Want::Done(result) => {
                    if !self.done {
                        self.said.push_back((self.now, ending(&result)));
                    }
                    if self.machine.ends() {
                        self.done = true;
                        return;
                    }
                }
            }
        }
        self.fail("never stops sending");
    }

    /// To `at`, with what falls due on the way. An early poll must change nothing.
    fn advance(&mut self, at: u64) {
        while self.now < at {
            self.step_on(at);
        }
    }

    /// As `advance`, but not beyond the first moment at which something is said.
    fn advance_until(&mut self, at: u64) {
        while self.now < at && self.said.is_empty() {
            self.step_on(at);
        }
    }

    /// A step that leads somewhere.
    fn step_on(&mut self, limit: u64) {
        let before = (self.now, self.said.len(), self.done);
        self.step(limit);
        if (self.now, self.said.len(), self.done) == before {
            self.fail("wants to be polled at once, and then does nothing");
        }
    }

    fn step(&mut self, limit: u64) {
        let due = self.machine.poll_at().map_or(limit, Instant::as_micros);
        let next = due.min(limit).max(self.now);
        if next > self.now + 1 && !self.done {
            let said = self.said.len();
            self.now = next - 1;
            self.drain();
            if self.said.len() != said
                || self.machine.poll_at().map_or(limit, Instant::as_micros) != due
            {
                self.fail("a poll before the deadline changed something");
            }
        }
        self.now = next;
        self.drain();
        if due <= next && next < limit && self.machine.poll_at() == Some(Instant::from_micros(due))
        {
            self.fail("the deadline does not move");
        }
    }
}

fn usual<M: Machine>(packet: &str) -> &'static str {
    let request = packet.starts_with("RRQ") || packet.starts_with("WRQ");
    if request { M::ASKED } else { M::PEER }
}

fn split<'t>(text: &'t str, at: &str) -> (&'t str, Option<&'t str>) {
    text.split_once(at)
        .map_or((text, None), |(text, more)| (text, Some(more.trim())))
}

fn words(event: &Event<'_>) -> String {
    match event {
        Event::Block(block) if block.last => "last".into(),
        Event::Block(_) => "block".into(),
        Event::Acknowledged { up_to } => format!("acked {up_to}"),
        Event::Negotiated(_) => "agreed".into(),
        Event::Error { code, .. } => format!("error {}", code.0),
        Event::Failed(error) => format!(
            "failed {}",
            ending(&Err(*error)).trim_start_matches("done ")
        ),
        Event::Stray(_) => "stray".into(),
        Event::Ignored(_) => "ignored".into(),
    }
}

fn ending(result: &Result<Summary, TransferError>) -> String {
    match result {
        Ok(summary) => format!("done ok {}", summary.bytes),
        Err(TransferError::Local(code)) => format!("done local {}", code.0),
        Err(TransferError::Peer(code)) => format!("done peer {}", code.0),
        Err(TransferError::Declined(code)) => format!("done declined {}", code.0),
        Err(error) => format!("done {error:?}"),
    }
}
