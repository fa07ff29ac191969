//! A server among many clients that say anything: its table stays within bounds and empties itself.

use core::net::{Ipv4Addr, SocketAddr};
use std::collections::BTreeSet;

use proptest::prelude::*;
use tftp_proto::{ErrorCode, Instant, Length, Server, ServerEvent, ServerOutput, SessionId};

use crate::packet;
use crate::support::limits;

const PLACES: usize = 3;

#[derive(Clone, Debug)]
enum Call {
    Handle {
        client: u8,
        datagram: Vec<u8>,
        decision: u8,
    },
    Poll,
    Later(u64),
    Abort,
    EndsAt(u64),
}

fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let words = prop_oneof![
        4 => prop_oneof![
            Just("RRQ f octet"), Just("RRQ f octet blksize=8 windowsize=3"), Just("RRQ g octet"),
            Just("WRQ f octet"), Just("WRQ f octet blksize=8"), Just("RRQ f mail"),
        ].prop_map(str::to_owned),
        4 => (0..6u16).prop_map(|block| format!("ACK {block}")),
        4 => (0..6u16, prop_oneof![Just(512), Just(8), 0..9u32])
            .prop_map(|(block, len)| format!("DATA {block} [{len}]")),
        1 => (0..9u16).prop_map(|code| format!("ERROR {code}")),
        1 => Just("OACK".to_owned()),
    ];
    prop_oneof![
        9 => words.prop_map(|words| packet::bytes(&words)),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        9 => (0..6u8, datagram(), 0..4u8)
            .prop_map(|(client, datagram, decision)| Call::Handle { client, datagram, decision }),
        6 => Just(Call::Poll),
        3 => (0..3_000_000u64).prop_map(Call::Later),
        1 => Just(Call::Abort),
        1 => (0..40u64).prop_map(Call::EndsAt),
    ]
}

struct Crowd {
    server: Server<PLACES>,
    now: u64,
    /// Transfers that have begun and not ended, the last one also apart.
    open: BTreeSet<String>,
    last: Option<SessionId>,
}

impl Crowd {
    fn begin(&mut self, id: SessionId) -> Result<(), TestCaseError> {
        prop_assert!(self.open.insert(format!("{id:?}")), "{id:?} is in use");
        self.last = Some(id);
        Ok(())
    }

    fn handle(&mut self, client: u8, datagram: &[u8], decision: u8) -> Result<(), TestCaseError> {
        let from = SocketAddr::from((Ipv4Addr::new(198, 51, 100, client), 2000));
        let now = Instant::from_micros(self.now);
        let accepted = match self.server.handle(now, from, datagram) {
            ServerEvent::Request(incoming) => {
                prop_assert_eq!(incoming.from(), from);
                match decision {
                    0 => {
                        self.server.refuse(&incoming, ErrorCode::FILE_NOT_FOUND);
                        return Ok(());
                    }
                    1 => self.server.accept_read(now, &incoming, Length::Unknown),
                    2 => self.server.accept_read(now, &incoming, Length::Known(30)),
                    _ => self.server.accept_write(now, &incoming),
                }
            }
            ServerEvent::Transfer(id, _) => {
                prop_assert!(self.open.contains(&format!("{id:?}")), "an event of {id:?}");
                return Ok(());
            }
            ServerEvent::Ignored(_) => return Ok(()),
        };
        accepted.map_or(Ok(()), |id| self.begin(id))
    }

    /// Polls until the server waits, and says until when.
    fn settle(&mut self) -> Result<Option<Instant>, TestCaseError> {
        let now = Instant::from_micros(self.now);
        for _ in 0..8 * PLACES {
            match self.server.poll(now) {
                ServerOutput::Transmit(id, _) => {
                    prop_assert!(
                        self.open.contains(&format!("{id:?}")),
                        "a datagram of {id:?}"
                    );
                }
                ServerOutput::Refuse(transmit) => prop_assert!(transmit.span().is_none()),
                ServerOutput::Done(id, _) => {
                    prop_assert!(self.open.remove(&format!("{id:?}")), "{id:?} ends twice");
                }
                ServerOutput::Wait(at) => {
                    prop_assert!(at.is_none_or(|at| at > now));
                    prop_assert_eq!(at, self.server.poll_at());
                    prop_assert_eq!(at.is_none(), self.server.is_empty());
                    prop_assert_eq!(self.open.len(), self.server.len());
                    return Ok(at);
                }
            }
        }
        Err(TestCaseError::fail("more than a window for each at once"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn h18_c86_any_clients_keep_the_table_within_bounds(calls in prop::collection::vec(call(), 0..80)) {
        let mut crowd = Crowd {
            server: Server::new(limits()),
            now: 0,
            open: BTreeSet::new(),
            last: None,
        };
        for call in calls {
            match call {
                Call::Handle { client, datagram, decision } => {
                    crowd.handle(client, &datagram, decision)?;
                }
                Call::Poll => { crowd.settle()?; }
                Call::Later(micros) => crowd.now += micros,
                Call::Abort => if let Some(id) = crowd.last {
                    crowd.server.abort(id, ErrorCode::NOT_DEFINED);
                },
                Call::EndsAt(length) => if let Some(id) = crowd.last {
                    crowd.server.ends_at(id, length);
                },
            }
            prop_assert!(crowd.server.len() <= PLACES);
        }
        let start = crowd.now;
        while let Some(at) = crowd.settle()? {
            crowd.now = at.as_micros();
            prop_assert!(crowd.now - start < 300_000_000, "silence empties it");
        }
        prop_assert!(crowd.open.is_empty());
    }
}
