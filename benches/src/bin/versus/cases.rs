//! What is measured.

use core::time::Duration;

use crate::{
    host::{Kind, SPIN},
    plain::Shape,
    raw::{Calls, Way},
};

const MIB: u64 = 1 << 20;

/// The client of a measurement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Driver {
    /// One call for each datagram, the same for every server.
    Plain,
    /// Our library.
    Ours {
        /// `None`: the default.
        busy_poll: Option<Duration>,
    },
    /// No protocol; what the client's end and the server's end do.
    Raw(Calls, Calls),
    /// This many plain clients in one thread.
    Crowd(usize),
}

/// A server with its client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) driver: Driver,
}

/// Transfers of one shape.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) way: Way,
    pub(crate) shape: Shape,
    /// Octets of a file, below the point at which block numbers wrap: not every peer goes on there.
    pub(crate) len: u64,
    pub(crate) contenders: Vec<Contender>,
}

pub(crate) const OURS: &str = Kind::Ours.name();
pub(crate) const BOTH_OURS: &str = "both ends ours";
pub(crate) const BARE: &str = "bare UDP";
pub(crate) const BARE_SPINNING: &str = "bare UDP, spinning";
pub(crate) const BARE_GSO: &str = "bare GSO, plain receiver";
pub(crate) const BARE_OFFLOAD: &str = "bare GSO+GRO";
pub(crate) const BOTH_BUSY: &str = "both ends ours, busy poll";
pub(crate) const BOTH_ASLEEP: &str = "both ends ours, sleeping at once";

const fn contender(name: &'static str, kind: Kind, driver: Driver) -> Contender {
    Contender { name, kind, driver }
}

const fn by_name(kind: Kind, driver: Driver) -> Contender {
    contender(kind.name(), kind, driver)
}

const LOCKSTEP: Contender = contender(
    BARE,
    Kind::Bare,
    Driver::Raw(Calls::Blocking, Calls::Blocking),
);
const OFFLOAD: Contender = contender(
    BARE_OFFLOAD,
    Kind::Bare,
    Driver::Raw(Calls::Offload, Calls::Offload),
);
const BOTH: Contender = contender(BOTH_OURS, Kind::Ours, Driver::Ours { busy_poll: None });
const ASLEEP: Contender = by_name(Kind::OursAsleep, Driver::Plain);
const BOTH_SLEEPING: Contender = contender(
    BOTH_ASLEEP,
    Kind::OursAsleep,
    Driver::Ours {
        busy_poll: Some(Duration::ZERO),
    },
);

/// Every case; `quick`: enough of them to see that all parts work, with small files; `short`: files of an eighth,
/// but where there are many clients.
pub(crate) fn all(peers: &[Kind], quick: bool, short: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for (blksize, mib) in [(512, 16), (1_468, 32), (8_192, 128), (65_464, 512)] {
        if quick && blksize != 1_468 {
            continue;
        }
        cases.push(lockstep(Way::Get, blksize, mib, peers));
        cases.push(lockstep(Way::Put, blksize, mib, peers));
    }
    for windowsize in [4, 16, 64] {
        if quick && windowsize != 16 {
            continue;
        }
        cases.push(windows(Way::Get, windowsize, peers));
        cases.push(windows(Way::Put, windowsize, peers));
    }
    cases.extend(pairs());
    if short {
        for case in &mut cases {
            case.len /= 8;
        }
    }
    for (clients, len) in [
        (1, MIB),
        (50, MIB),
        (200, MIB),
        (1_000, MIB),
        (10_000, 64 << 10),
    ] {
        if quick && clients != 50 {
            continue;
        }
        cases.push(crowd(clients, len, peers));
    }
    if quick {
        for case in &mut cases {
            case.len = case.len.min(MIB);
        }
    }
    cases
}

fn case(
    kind: &str,
    way: Way,
    (blksize, windowsize): (u16, u16),
    len: u64,
    contenders: Vec<Contender>,
) -> Case {
    let verb = match way {
        Way::Get => "get",
        Way::Put => "put",
    };
    Case {
        name: format!("{verb} {blksize} {kind}"),
        way,
        shape: Shape {
            blksize,
            windowsize,
        },
        len,
        contenders,
    }
}

fn with_peers(first: &[Contender], peers: &[Kind], driver: Driver) -> Vec<Contender> {
    let peers = peers.iter().map(|kind| by_name(*kind, driver));
    first.iter().copied().chain(peers).collect()
}

fn lockstep(way: Way, blksize: u16, mib: u64, peers: &[Kind]) -> Case {
    let ours = by_name(Kind::Ours, Driver::Plain);
    let first = [LOCKSTEP, ours, BOTH, ASLEEP, BOTH_SLEEPING];
    let contenders = with_peers(&first, peers, Driver::Plain);
    case("lockstep", way, (blksize, 1), mib * MIB, contenders)
}

fn windows(way: Way, windowsize: u16, peers: &[Kind]) -> Case {
    let mut first = vec![OFFLOAD];
    first.push(match way {
        Way::Get => contender(
            BARE_GSO,
            Kind::Bare,
            Driver::Raw(Calls::Blocking, Calls::Offload),
        ),
        Way::Put => contender(
            "plain sender, bare GRO",
            Kind::Bare,
            Driver::Raw(Calls::Blocking, Calls::Offload),
        ),
    });
    let ours = by_name(Kind::Ours, Driver::Plain);
    first.extend([ours, BOTH, ASLEEP, BOTH_SLEEPING]);
    let contenders = with_peers(&first, peers, Driver::Plain);
    let kind = format!("window {windowsize}");
    case(&kind, way, (1_468, windowsize), 88 * MIB, contenders)
}

/// Ours in two ways.
fn pairs() -> Vec<Case> {
    let ports = || {
        vec![
            by_name(Kind::Ours, Driver::Plain),
            by_name(Kind::OursSinglePort, Driver::Plain),
        ]
    };
    let spinning = vec![
        LOCKSTEP,
        contender(
            BARE_SPINNING,
            Kind::Bare,
            Driver::Raw(Calls::Spinning, Calls::Spinning),
        ),
        BOTH,
        BOTH_SLEEPING,
        contender(
            BOTH_BUSY,
            Kind::OursBusyPoll,
            Driver::Ours {
                busy_poll: Some(SPIN),
            },
        ),
    ];
    vec![
        case("busy poll", Way::Get, (512, 1), 16 * MIB, spinning),
        case(
            "one port, lockstep",
            Way::Get,
            (1_468, 1),
            32 * MIB,
            ports(),
        ),
        case(
            "one port, window 16",
            Way::Get,
            (1_468, 16),
            88 * MIB,
            ports(),
        ),
        case(
            "one port, lockstep",
            Way::Put,
            (1_468, 1),
            32 * MIB,
            ports(),
        ),
    ]
}

fn crowd(clients: usize, len: u64, peers: &[Kind]) -> Case {
    let driver = Driver::Crowd(clients);
    let mut first = vec![by_name(Kind::Ours, driver)];
    if clients >= 200 {
        first.push(by_name(Kind::OursSinglePort, driver));
        first.push(by_name(Kind::OursEveryCore, driver));
    }
    let contenders = with_peers(&first, peers, driver);
    let size = if len >= MIB {
        format!("{} MiB", len / MIB)
    } else {
        format!("{} KiB", len >> 10)
    };
    let kind = format!("window 4, clients {clients} x {size}");
    case(&kind, Way::Get, (1_468, 4), len, contenders)
}
