//! The transfer as stateright sees it.

use std::sync::Arc;

use stateright::{Model, Property};

use crate::{Fault, Setup, finish::Memory, state::State, step::Step};

/// One setup with all its states.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub(crate) setup: Setup,
    memory: Arc<Memory>,
}

impl Transfer {
    /// The transfer of `setup`.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            memory: Arc::new(Memory::new()),
        }
    }

    fn finishes(&self, state: &State) -> bool {
        self.memory.steps_to_end(&self.setup, state).is_some()
    }

    /// The most steps without a fault from any state to the end.
    pub(crate) fn longest_end(&self) -> u16 {
        self.memory.most()
    }

    /// What is wrong with a state that breaks a property.
    pub(crate) fn fault(&self, state: &State) -> Option<Fault> {
        let unfinished = || (!self.finishes(state)).then_some(Fault::Unfinished);
        state.fault.or_else(unfinished)
    }
}

/// What happens from one state to the next.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Action(pub(crate) Step);

impl core::fmt::Debug for Action {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl Model for Transfer {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::start(&self.setup)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let mut steps = Vec::new();
        state.steps(&self.setup, &mut steps);
        actions.extend(steps.into_iter().map(Action));
    }

    fn next_state(&self, state: &State, Action(step): Action) -> Option<State> {
        let mut next = state.clone();
        next.take(&self.setup, step);
        next.seal(&self.setup);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        // Which of the faults it is, its state tells. Few properties make a fast checker.
        vec![
            Property::always("no fault", |_, state: &State| state.fault.is_none()),
            Property::always(Fault::Unfinished.meaning(), |model: &Self, state| {
                model.finishes(state)
            }),
            Property::sometimes(Fault::Idle.meaning(), |_, state: &State| {
                state.has_spent_all()
            }),
        ]
    }
}
