//! The shipped machines, in setups that are small enough for every run of the tests.

use core::num::NonZeroUsize;

use tftp_model::{Way, check, quick};

fn hold(way: Way) {
    let prefix = match way {
        Way::Get => "get",
        Way::Put => "put",
    };
    let setups = quick()
        .into_iter()
        .filter(|setup| setup.name().starts_with(prefix));
    for setup in setups {
        let findings = check(setup, NonZeroUsize::MIN);
        assert_eq!(findings.fault, None, "{findings}");
    }
}

#[test]
fn every_property_holds_in_the_small_gets() {
    hold(Way::Get);
}

#[test]
fn every_property_holds_in_the_small_puts() {
    hold(Way::Put);
}
