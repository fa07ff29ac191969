//! Checks a setup and tells what came of it.

use core::{fmt, num::NonZeroUsize, time::Duration};
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use crate::{Fault, Setup, Transfer, ladder::draw, state::State};

/// What came of checking a setup.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Findings {
    /// The setup's name.
    pub name: String,
    /// Different states.
    pub states: usize,
    /// Steps from one state to another.
    pub steps: usize,
    /// The most steps from the start.
    pub depth: usize,
    /// The most steps to the end, from any state, once nothing goes wrong any more.
    pub longest_end: u16,
    /// How long it took.
    pub took: Duration,
    /// What does not hold.
    pub fault: Option<Fault>,
    /// If something does not: a shortest way to see it, drawn as a ladder.
    pub shortest: String,
}

/// Explores every state of `setup` with this many threads.
#[must_use]
pub fn check(setup: Setup, threads: NonZeroUsize) -> Findings {
    let start = Instant::now();
    let name = setup.name();
    let model = Transfer::new(setup);
    // Depth first is lean; no state is left out, for no bound of any kind is set.
    let checker = model
        .clone()
        .checker()
        .threads(threads.get())
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_dfs()
        .join();
    let found = checker.discoveries();
    let broken = found.keys().any(|name| *name != Fault::Idle.meaning());
    let fault = if broken {
        None
    } else if !checker.is_done() {
        Some(Fault::Partial)
    } else if found.is_empty() {
        Some(Fault::Idle)
    } else {
        None
    };
    let mut findings = Findings {
        name,
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        longest_end: model.longest_end(),
        took: start.elapsed(),
        fault,
        shortest: String::new(),
    };
    if broken {
        (findings.fault, findings.shortest) = find_shortest(&model);
    }
    findings
}

/// Breadth first finds what a person can follow.
fn find_shortest(model: &Transfer) -> (Option<Fault>, String) {
    let checker = model
        .clone()
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let ways = checker.discoveries().into_iter();
    let broken = ways.filter(|(name, _)| *name != Fault::Idle.meaning());
    let shortest = broken
        .map(|(_, way)| way.into_vec())
        .min_by_key(|way| way.len());
    let mut way: Vec<_> = shortest
        .unwrap_or_default()
        .into_iter()
        .map(|(state, action)| (state, action.map(|action| action.0)))
        .collect();
    let last: Option<State> = way.last().map(|(state, _)| state.clone());
    let fault = last.as_ref().and_then(|state| model.fault(state));
    if let (Some(last), Some(Fault::Unfinished)) = (last, fault) {
        way.pop();
        way.extend(last.continuation(&model.setup));
    }
    (fault, draw(&way))
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            states,
            depth,
            longest_end,
            took,
            ..
        } = self;
        let seconds = took.as_secs_f64();
        write!(
            f,
            "{states:9} states, depth {depth:3}, {longest_end:3} to the end, {seconds:5.1} s  {name}"
        )?;
        if let Some(fault) = self.fault {
            write!(f, "\nDOES NOT HOLD: {}\n{}", fault.meaning(), self.shortest)?;
        }
        Ok(())
    }
}
