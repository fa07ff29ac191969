//! Whether both ends come to an end if nothing goes wrong any more.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{Setup, state::State, step::Step};

/// No end of a transfer here is further away than so many steps.
const MOST: u16 = 1_000;

/// Parts of the memory, so that two threads seldom want the same.
const SHARDS: usize = 64;

/// Remembers from which states the end is reached, and in how many steps: `None` says that it is not.
#[derive(Debug)]
pub(crate) struct Memory {
    shards: Vec<Mutex<HashMap<u64, Option<u16>>>>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// In how many steps without a fault both ends are done, and the file has arrived.
    pub(crate) fn steps_to_end(&self, setup: &Setup, state: &State) -> Option<u16> {
        let mut way = Vec::new();
        let mut state = state.clone();
        let mut left = loop {
            let key = state.digest();
            if let Some(known) = self.recall(key) {
                break known;
            }
            let Some(step) = state.smooth_step(setup) else {
                let end = state.has_ended(setup).then_some(0);
                self.keep(key, end);
                break end;
            };
            way.push(key);
            if way.len() > usize::from(MOST) {
                break None;
            }
            state.take(setup, step);
            state.seal(setup);
        };
        for key in way.into_iter().rev() {
            left = left.map(|left| left + 1).filter(|left| *left <= MOST);
            self.keep(key, left);
        }
        left
    }

    fn shard(&self, key: u64) -> Option<&Mutex<HashMap<u64, Option<u16>>>> {
        self.shards.get(usize::try_from(key % SHARDS as u64).ok()?)
    }

    fn recall(&self, key: u64) -> Option<Option<u16>> {
        let shard = self.shard(key)?;
        let known = shard.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&key).copied()
    }

    fn keep(&self, key: u64, left: Option<u16>) {
        if let Some(shard) = self.shard(key) {
            let mut known = shard.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(key, left);
        }
    }

    /// The most steps from any state to the end.
    pub(crate) fn most(&self) -> u16 {
        let shards = self.shards.iter();
        let most = shards.filter_map(|shard| {
            let known = shard.lock().unwrap_or_else(PoisonError::into_inner);
            known.values().flatten().max().copied()
        });
        most.max().unwrap_or(0)
    }
}

impl State {
    /// There is nothing left to do, and it came out well. If not, because of another fault, that is told as
    /// what it is: the states up to here are all explored.
    fn has_ended(&self, setup: &Setup) -> bool {
        let well = self.is_over() && (setup.impatient || self.has_arrived(setup));
        well || self.fault.is_some()
    }

    /// How the transfer goes on without faults, as far as a reader wants to see it.
    pub(crate) fn continuation(&self, setup: &Setup) -> Vec<(Self, Option<Step>)> {
        let mut state = self.clone();
        let mut way = Vec::new();
        while let (Some(step), true) = (state.smooth_step(setup), way.len() < 60) {
            let next = {
                let mut next = state.clone();
                next.take(setup, step);
                next
            };
            way.push((state, Some(step)));
            state = next;
            if state.fault.is_some() {
                break;
            }
        }
        way.push((state, None));
        way
    }
}
