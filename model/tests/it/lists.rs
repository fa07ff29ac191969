//! What the lists of setups say of themselves.

use core::num::NonZeroUsize;
use std::collections::BTreeSet;

use tftp_model::{Budget, Fault, Setup, Way, check, exhaustive};

#[test]
fn no_two_setups_have_one_name() {
    let setups = exhaustive();
    let names: BTreeSet<String> = setups.iter().map(Setup::name).collect();
    assert_eq!(names.len(), setups.len());
}

#[test]
fn a_budget_that_no_run_can_spend_is_a_finding() {
    // The ends give up long before.
    let budget = Budget {
        loss: 50,
        ..Budget::default()
    };
    let setup = Setup::new(Way::Get, 1, 1, budget).impatient();
    assert_eq!(check(setup, NonZeroUsize::MIN).fault, Some(Fault::Idle));
}

#[test]
fn two_threads_find_as_many_states_as_one() {
    let budget = Budget {
        loss: 1,
        early: 1,
        ..Budget::default()
    };
    let count = |threads| check(Setup::new(Way::Put, 2, 3, budget), threads).states;
    let one = NonZeroUsize::MIN;
    assert_eq!(count(one), count(one.saturating_add(1)));
}
