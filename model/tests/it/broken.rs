//! Ends and links that are broken on purpose: each is found, as the fault that it is.

use core::num::NonZeroUsize;

use tftp_model::{Budget, Fault, Findings, Sabotage, Setup, Way, check};

fn budget(loss: u8, double: u8, stray: u8) -> Budget {
    Budget {
        loss,
        double,
        stray,
        ..Budget::default()
    }
}

#[track_caller]
fn finds(fault: Fault, sabotage: Sabotage, setup: Setup) -> Findings {
    let findings = check(setup.sabotaged(sabotage), NonZeroUsize::MIN);
    assert_eq!(findings.fault, Some(fault), "{findings}");
    assert!(findings.shortest.contains(" sends "), "{findings}");
    findings
}

#[test]
fn an_altered_octet_is_found() {
    let setup = Setup::new(Way::Get, 1, 2, budget(0, 0, 0));
    finds(Fault::Bytes, Sabotage::AlteredOctet, setup);
}

#[test]
fn a_receiver_that_does_not_dally_is_found() {
    for way in [Way::Get, Way::Put] {
        let setup = Setup::new(way, 1, 2, budget(1, 0, 0));
        finds(Fault::GaveUp, Sabotage::NoDally, setup);
    }
}

#[test]
fn an_end_that_takes_a_strangers_datagrams_is_found() {
    for way in [Way::Get, Way::Put] {
        let setup = Setup::new(way, 1, 2, budget(0, 0, 1));
        finds(Fault::Stranger, Sabotage::Gullible, setup);
    }
}

#[test]
fn a_sorcerers_apprentice_is_found() {
    let setup = Setup::new(Way::Put, 1, 2, budget(0, 1, 0));
    finds(Fault::Repeat, Sabotage::Apprentice, setup);
}

#[test]
fn a_sender_that_reports_success_too_soon_is_found() {
    let setup = Setup::new(Way::Put, 2, 3, budget(0, 0, 0));
    finds(Fault::SenderSuccess, Sabotage::HastySender, setup);
}

#[test]
fn a_receiver_that_reports_success_too_soon_is_found() {
    let setup = Setup::new(Way::Get, 2, 3, budget(0, 0, 0));
    finds(Fault::ReceiverSuccess, Sabotage::HastyReceiver, setup);
}

#[test]
fn a_sender_that_repeats_without_need_is_found() {
    let setup = Setup::new(Way::Get, 2, 3, budget(0, 0, 0));
    finds(Fault::Storm, Sabotage::Doubling, setup);
}

#[test]
fn ends_without_timers_are_found_waiting_for_each_other() {
    let setup = Setup::new(Way::Get, 2, 3, budget(1, 0, 0));
    finds(Fault::Unfinished, Sabotage::NoTimer, setup);
}

#[test]
fn an_end_that_makes_its_caller_spin_is_found() {
    let setup = Setup::new(Way::Get, 1, 2, budget(0, 0, 0));
    finds(Fault::Broken, Sabotage::Restless, setup);
}

#[test]
fn the_ladder_shows_what_was_lost_and_what_does_not_hold() {
    let setup = Setup::new(Way::Get, 1, 1, budget(1, 0, 0));
    let ladder = finds(Fault::GaveUp, Sabotage::NoDally, setup).shortest;
    assert!(
        ladder.contains("ACK 1 ------------------x|  lost"),
        "{ladder}"
    );
    assert!(
        ladder.contains("it does not hold that nobody gives up"),
        "{ladder}"
    );
}
