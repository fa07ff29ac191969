//! A run as a drawing in text: the client to the left, the server to the right.

use core::fmt::Write as _;

use crate::{
    state::{Side, State},
    step::Step,
};

/// Characters between the two lines of the ladder.
const WIDTH: usize = 44;

/// Draws the states and the steps between them.
pub(crate) fn draw(way: &[(State, Option<Step>)]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "  client{:>WIDTH$}", "server");
    let mut before: Option<&State> = None;
    let mut step: Option<Step> = None;
    for (state, next) in way {
        if let (Some(before), Some(step)) = (before, step) {
            event(&mut text, before, step);
        }
        for side in Side::BOTH {
            for sent in sent(before, step, state, side) {
                note(&mut text, side, &format!("sends {sent}"));
            }
        }
        before = Some(state);
        step = *next;
    }
    if let Some(fault) = before.and_then(|state| state.fault) {
        let _ = writeln!(text, "  here it does not hold that {}", fault.meaning());
    }
    text
}

/// What the end sent with this step: what is new at the end of the other's queue.
fn sent(before: Option<&State>, step: Option<Step>, state: &State, side: Side) -> Vec<String> {
    let to = side.other();
    let taken = match step {
        Some(Step::Arrive(at) | Step::Lose(at) | Step::Double(at) | Step::Hold(at)) => at == to,
        _ => false,
    };
    let known = before.map_or(0, |before| before.on_way_to(to).len());
    let known = known.saturating_sub(usize::from(taken));
    let queue = state.on_way_to(to).iter();
    queue
        .skip(known)
        .map(|datagram| datagram.wire.to_string())
        .collect()
}

fn event(text: &mut String, state: &State, step: Step) {
    let next = |side| match state.on_way_to(side).front() {
        Some(datagram) => datagram.wire.to_string(),
        None => String::new(),
    };
    match step {
        Step::Arrive(side) => arrow(text, side, &next(side), true, ""),
        Step::Lose(side) => arrow(text, side, &next(side), false, "lost"),
        Step::Double(side) => arrow(text, side, &next(side), true, "a copy stays on its way"),
        Step::Hold(side) => arrow(text, side, &next(side), false, "held back"),
        Step::Release(place) => {
            if let Some((side, datagram)) = state.held.get(place) {
                arrow(text, *side, &datagram.wire.to_string(), true, "late");
            }
        }
        Step::Expire(side) => note(text, side, "time-out, early"),
        Step::Elapse(side) => note(text, side, "time-out"),
        Step::Pause => note(text, Side::Client, "(half a time-out passes)"),
        Step::Send(_) => {}
        Step::Stray(side, forgery) => {
            let what = state.forged_name(side, forgery);
            note(
                text,
                side,
                &format!("{what} of stranger {}", forgery.from(side)),
            );
        }
    }
}

fn arrow(text: &mut String, to: Side, label: &str, arrives: bool, remark: &str) {
    let label = format!(" {label} ");
    let room = WIDTH - 2;
    let (tail, head) = match (to, arrives) {
        (Side::Server, true) => ('-', '>'),
        (Side::Server, false) => ('-', 'x'),
        (Side::Client, true) => ('<', '-'),
        (Side::Client, false) => ('x', '-'),
    };
    let line = format!("  |{tail}{label:-^room$}{head}|  {remark}");
    let _ = writeln!(text, "{}", line.trim_end());
}

fn note(text: &mut String, side: Side, what: &str) {
    let _ = match side {
        Side::Client => writeln!(text, "  | {what:<width$}|", width = WIDTH - 1),
        Side::Server => writeln!(text, "  |{what:>width$} |", width = WIDTH - 1),
    };
}
