//! What is to be reached, as ratios.

use serde::Serialize;

use crate::{
    cases::{BARE, BARE_OFFLOAD, BARE_SPINNING, BOTH_ASLEEP, BOTH_BUSY, BOTH_OURS, OURS},
    run::{Cell, Outcome},
};

/// A ratio that should be at least, or at most, so much.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bar {
    pub(crate) case: String,
    pub(crate) what: String,
    pub(crate) ours: f64,
    pub(crate) other: f64,
    pub(crate) other_name: String,
    pub(crate) ratio: f64,
    /// The ratio of the best rounds, of speeds: what else the machine did touches it least.
    pub(crate) best_ratio: Option<f64>,
    /// `None`: only to know.
    pub(crate) at_least: Option<f64>,
    pub(crate) at_most: Option<f64>,
    pub(crate) met: Option<bool>,
}

#[derive(Clone, Copy)]
enum Want {
    AtLeast(f64),
    AtMost(f64),
    Nothing,
}

const ONE_PORT: &str = "ours, one port";
const EVERY_CORE: &str = "ours, a loop per core";

/// All that can be said about these outcomes.
pub(super) fn all(outcomes: &[Outcome]) -> Vec<Bar> {
    let mut bars = Vec::new();
    for outcome in outcomes {
        let is = |text: &str| outcome.case.contains(text);
        let found = if is("busy poll") {
            busy_poll(outcome)
        } else if is("one port") {
            vec![speeds(
                outcome,
                "one port / port per transfer",
                ONE_PORT,
                OURS,
                Want::AtLeast(0.9),
            )]
        } else if outcome.is_crowd() {
            crowd(outcome)
        } else if is("lockstep") {
            lockstep(outcome)
        } else {
            windows(outcome)
        };
        bars.extend(found.into_iter().flatten());
    }
    bars
}

fn bar(
    outcome: &Outcome,
    what: &str,
    ours: f64,
    (other_name, other): (&str, f64),
    want: Want,
) -> Bar {
    let ratio = ours / other;
    let (at_least, at_most, met) = match want {
        Want::AtLeast(least) => (Some(least), None, Some(ratio >= least)),
        Want::AtMost(most) => (None, Some(most), Some(ratio <= most)),
        Want::Nothing => (None, None, None),
    };
    Bar {
        case: outcome.case.clone(),
        what: what.to_owned(),
        ours,
        other,
        other_name: other_name.to_owned(),
        ratio,
        best_ratio: None,
        at_least,
        at_most,
        met,
    }
}

/// The speed of one contender as a multiple of another's.
fn speeds(outcome: &Outcome, what: &str, ours: &str, other: &str, want: Want) -> Option<Bar> {
    versus(outcome, what, ours, outcome.cell(other)?, want)
}

fn against_peers(outcome: &Outcome, what: &str, ours: &str, want: Want) -> Option<Bar> {
    let speed = |cell: &Cell| {
        // Only uploads are compared with those alone that have windows.
        let comparable = !outcome.case.starts_with("put") || cell.granted()? == outcome.shape;
        cell.speed().filter(|_| comparable)
    };
    let (peer, _) = outcome.best_peer(|cell| Some(speed(cell)?.median))?;
    let (_, most) = outcome.best_peer(|cell| Some(speed(cell)?.most))?;
    let mut bar = versus(outcome, what, ours, peer, want)?;
    bar.best_ratio = Some(outcome.cell(ours)?.speed()?.most / most);
    Some(bar)
}

fn versus(outcome: &Outcome, what: &str, ours: &str, other: &Cell, want: Want) -> Option<Bar> {
    let (own, speed) = (outcome.cell(ours)?.speed()?, other.speed()?);
    let other = (other.contender.as_str(), speed.median);
    let mut bar = bar(outcome, what, own.median, other, want);
    bar.best_ratio = Some(own.most / speed.most);
    Some(bar)
}

fn lockstep(outcome: &Outcome) -> Vec<Option<Bar>> {
    let (peers, bare) = if outcome.case.starts_with("get") {
        (Want::AtLeast(1.0), Want::AtLeast(0.9))
    } else {
        (Want::Nothing, Want::Nothing)
    };
    vec![
        against_peers(outcome, "our server / fastest peer", OURS, peers),
        speeds(outcome, "our server / bare UDP", OURS, BARE, bare),
        speeds(
            outcome,
            "both ends ours / bare UDP",
            BOTH_OURS,
            BARE,
            Want::Nothing,
        ),
    ]
}

fn busy_poll(outcome: &Outcome) -> Vec<Option<Bar>> {
    vec![
        speeds(
            outcome,
            "busy poll / sleeping",
            BOTH_BUSY,
            BOTH_ASLEEP,
            Want::AtLeast(2.0),
        ),
        speeds(
            outcome,
            "bare UDP: spinning / sleeping",
            BARE_SPINNING,
            BARE,
            Want::Nothing,
        ),
        speeds(
            outcome,
            "busy poll / bare UDP, spinning",
            BOTH_BUSY,
            BARE_SPINNING,
            Want::Nothing,
        ),
    ]
}

fn windows(outcome: &Outcome) -> Vec<Option<Bar>> {
    let get = outcome.case.starts_with("get");
    let (peers, bare) = match (get, outcome.shape.windowsize) {
        (true, 16) => (Want::AtLeast(2.5), Want::AtLeast(0.7)),
        (true, 64) => (Want::AtLeast(4.0), Want::AtLeast(0.7)),
        (false, 16 | 64) => (Want::AtLeast(3.0), Want::Nothing),
        _ => (Want::Nothing, Want::Nothing),
    };
    let mut bars = vec![
        against_peers(
            outcome,
            "our server, plain client / fastest peer",
            OURS,
            peers,
        ),
        against_peers(
            outcome,
            "both ends ours / fastest peer, plain client",
            BOTH_OURS,
            Want::Nothing,
        ),
        speeds(
            outcome,
            "both ends ours / bare GSO+GRO",
            BOTH_OURS,
            BARE_OFFLOAD,
            bare,
        ),
    ];
    if get && outcome.shape.windowsize == 64 {
        bars.push(cpu(
            outcome,
            "server CPU s/GiB / best peer's",
            OURS,
            Cell::server_cpu,
        ));
        bars.push(cpu(
            outcome,
            "our client's CPU s/GiB / plain client's with the best peer",
            BOTH_OURS,
            Cell::client_cpu,
        ));
    }
    bars
}

fn cpu(
    outcome: &Outcome,
    what: &str,
    ours: &str,
    time: impl Fn(&Cell) -> Option<f64>,
) -> Option<Bar> {
    let (peer, least) = outcome.best_peer(|cell| time(cell).map(|time| -time))?;
    let own = time(outcome.cell(ours)?)?;
    Some(bar(
        outcome,
        what,
        own,
        (&peer.contender, -least),
        Want::AtMost(0.25),
    ))
}

fn crowd(outcome: &Outcome) -> Vec<Option<Bar>> {
    let mut bars = Vec::new();
    for name in [OURS, ONE_PORT, EVERY_CORE] {
        let Some(cell) = outcome.cell(name) else {
            continue;
        };
        let Some((failed, clients)) = cell.crowd_failed() else {
            continue;
        };
        let each = clients / cell.measurements.len().max(1);
        let wanted = |want| {
            if each >= 200 && name == OURS {
                want
            } else {
                Want::Nothing
            }
        };
        let limited = |want| {
            if each <= 1_000 {
                wanted(want)
            } else {
                Want::Nothing
            }
        };
        bars.push(Some(bar(
            outcome,
            &format!("{name}: clients that failed"),
            failed as f64,
            ("all clients", clients as f64),
            wanted(Want::AtMost(0.0)),
        )));
        bars.push(p99(outcome, cell, limited(Want::AtMost(0.5))));
        let middle = |figure: fn(&crate::crowd::Crowd) -> f64| Some(cell.crowd(figure)?.median);
        if let (Some(max), Some(p50)) = (middle(|crowd| crowd.max), middle(|crowd| crowd.p50)) {
            let what = format!("{name}: slowest / median client");
            bars.push(Some(bar(
                outcome,
                &what,
                max,
                ("median", p50),
                limited(Want::AtMost(1.2)),
            )));
        }
        if let Some(kib) = middle(|crowd| crowd.memory_growth as f64 / crowd.clients as f64) {
            let what = format!("{name}: KiB of memory a transfer");
            bars.push(Some(bar(
                outcome,
                &what,
                kib,
                ("1 KiB", 1.0),
                wanted(Want::AtMost(4.0)),
            )));
        }
    }
    bars
}

/// Against the best peer of which no client failed.
fn p99(outcome: &Outcome, cell: &Cell, want: Want) -> Option<Bar> {
    let own = cell.crowd(|crowd| crowd.p99)?.median;
    let (peer, least) = outcome.best_peer(|peer| {
        let all_served = peer.crowd_failed()?.0 == 0;
        let p99 = peer.crowd(|crowd| crowd.p99)?.median;
        all_served.then_some(-p99)
    })?;
    let what = format!("{}: p99 / best peer's that served all", cell.contender);
    Some(bar(outcome, &what, own, (&peer.contender, -least), want))
}
