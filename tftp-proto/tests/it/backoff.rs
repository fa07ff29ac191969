//! Jitter, what takes a doubled time-out back, and what follows the ACK of a receiver's timer.

use proptest::prelude::*;
use tftp_proto::{Config, Instant, Output};

use crate::packet;
use crate::script::check;
use crate::support::{addr, asking, get, left_alone, limits, plain, serve};

proptest! {
    #[test]
    fn t9_jitter_is_within_ten_percent(seed in 1..=u32::MAX) {
        let mut config = plain();
        config.seed = seed;
        let (sent, ..) = left_alone(&mut get(config), 0);
        for (two, whole) in sent.windows(2).zip([1, 2, 4, 8, 16, 16]) {
            let gap = two[1].at - two[0].at;
            let whole = whole * 1_000_000;
            prop_assert!(gap.abs_diff(whole) <= whole / 10, "{gap} us for {whole}");
        }
    }
}

#[test]
fn t9_seeds_spread_the_first_repeat() {
    let first = |seed| {
        let mut config = plain();
        config.seed = seed;
        left_alone(&mut get(config), 0).0[1].at
    };
    let mut times: Vec<u64> = (1..=100).map(first).collect();
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 90, "{} different times of 100", times.len());
    assert!(
        times[times.len() - 1] - times[0] > 100_000,
        "{} us of 200 ms",
        times[times.len() - 1] - times[0]
    );
}

#[test]
fn t9_the_waits_of_one_machine_spread_over_all_of_the_jitter() {
    let mut config = plain();
    config.retry.ceiling = config.retry.initial;
    config.retry.resends = u8::MAX;
    for seed in 1..=20 {
        config.seed = seed;
        let (sent, ..) = left_alone(&mut get(config), 0);
        let waits: Vec<u64> = sent.windows(2).map(|two| two[1].at - two[0].at).collect();
        assert_eq!(waits.len(), 255);
        // Ten spans of 20 ms, about 25 waits in each.
        let mut spans = [0; 10];
        for wait in &waits {
            spans[((wait - 900_000) / 20_000) as usize] += 1;
        }
        assert!(
            spans.iter().all(|count| *count >= 8),
            "seed {seed}: {spans:?}"
        );
        // Neither do they rise or fall for long.
        let rises = waits.windows(2).filter(|two| two[0] < two[1]).count();
        assert!((95..=160).contains(&rises), "seed {seed}: {rises} rises");
    }
}

#[test]
fn a_round_trip_of_an_hour_is_the_longest_and_not_the_shortest() {
    let mut machine = serve("RRQ f octet", 5000, Config::server()).0;
    assert!(matches!(machine.poll(Instant::ZERO), Output::Transmit(_)));
    let hour = Instant::from_millis(3_600_000);
    let _ = machine.handle(hour, addr("a"), &packet::bytes("ACK 1"));
    assert!(matches!(machine.poll(hour), Output::Transmit(_)));
    let ceiling = hour.saturating_add(Config::server().retry.ceiling);
    assert_eq!(machine.poll_at(), Some(ceiling));
}

#[test]
fn in_lockstep_only_a_round_trip_takes_the_backoff_back() {
    check(
        get(plain()),
        "
             > RRQ f octet
        10   < DATA 1 [512]
             > ACK 1
        1510 > ACK 1
        2000 < DATA 2 [512]
             > ACK 2
             wait 5000
        2010 < DATA 2 [512] = ignored
             > ACK 2
        2020 < DATA 3 [512]             # what was timed was sent twice
             > ACK 3
             wait 5020
        2030 < DATA 4 [512]
             > ACK 4
             wait 3530",
    );
}

#[test]
fn in_a_window_progress_without_the_timer_takes_the_backoff_back() {
    check(
        get(asking(512, 4)),
        "
             > RRQ f octet windowsize=4
        5    < OACK windowsize=4
             > ACK 0
        10   < DATA 1 [512]
             wait 1510
        1510 > ACK 1
             wait 4510
        1600 < DATA 2 [512]             # this may answer the repeat, and says nothing of the time-out
             wait 4600
        1610 < DATA 3 [512]
             wait 3110",
    );
}

#[test]
fn a_window_sent_again_early_leaves_the_backoff() {
    check(
        serve("RRQ f octet windowsize=2", 5000, limits()),
        "
             > OACK windowsize=2
        10   < ACK 0
             > DATA 1 [512]
             > DATA 2 [512]
        1010 > DATA 1 [512]
             > DATA 2 [512]
        1020 < ACK 2
             > DATA 3 [512]
             > DATA 4 [512]
             wait 3020
        1040 < ACK 2 = ignored
             > DATA 3 [512]
             > DATA 4 [512]
        1050 < ACK 4
             > DATA 5 [512]
             > DATA 6 [512]
             wait 3050",
    );
}

/// A window of four, received and acknowledged.
const WINDOW: &str = "
             > RRQ f octet windowsize=4
        5    < OACK windowsize=4
             > ACK 0
        6    < DATA 1 [512]
        7    < DATA 2 [512]
        8    < DATA 3 [512]
        9    < DATA 4 [512]
             > ACK 4
";

#[test]
fn a_window_sent_again_after_the_timers_ack_draws_one_at_its_end() {
    let script = "
        1509 > ACK 4
        1520 < DATA 1 [512] = ignored
        1521 < DATA 2 [512] = ignored
        1522 < DATA 3 [512] = ignored
        1523 < DATA 4 [512] = ignored
             > ACK 4";
    check(get(asking(512, 4)), &format!("{WINDOW}{script}"));
}

#[test]
fn a_late_copy_of_what_was_acknowledged_does_not_move_the_next_ack() {
    let script = "
        10   < DATA 5 [512]
        1510 > ACK 5
        1520 < DATA 4 [512] = ignored
        1521 < DATA 6 [512]
        1522 < DATA 7 [512]
        1523 < DATA 8 [512]
        1524 < DATA 9 [512]
             > ACK 9";
    check(get(asking(512, 4)), &format!("{WINDOW}{script}"));
}
