//! Windows: RFC 7440, its receiver (R1..R6) and its sender (S1..S7).

use tftp_proto::Receiver;

use crate::script::check;
use crate::support::{asking, get, limits, put, serve, take};

/// After the options: a window of four, nothing received.
const OPENED: &str = "
         > RRQ f octet windowsize=4
    5    < OACK windowsize=4
         > ACK 0
";

fn getting(script: &str) -> Receiver<'static> {
    check(get(asking(512, 4)), &format!("{OPENED}{script}"))
}

/// A server with a window of four, its first round trip 10 ms, so that a repeat of the window's first
/// block may be asked for 10 ms after it left.
pub(crate) fn serving(len: u64, script: &str) {
    let script = format!("> OACK windowsize=4\n 10 < ACK 0\n {script}");
    check(serve("RRQ f octet windowsize=4", len, limits()), &script);
}

#[test]
fn c61_a_window_of_one_is_lockstep() {
    let script = "
        10   < ACK 0
             > DATA 1 [512]
        11   < ACK 0 = ignored
        1010 > DATA 1 [512]
        1020 < ACK 1
             > DATA 2 [512]
        1030 < ACK 1 = ignored
        1040 < ACK 2
             > DATA 3 [0]
        1045 < ACK 3
             done ok 1024";
    let windowed = format!("> OACK blksize=512 windowsize=1\n {script}");
    check(
        serve("RRQ f octet blksize=512 windowsize=1", 1024, limits()),
        &windowed,
    );
    check(
        serve("RRQ f octet blksize=512", 1024, limits()),
        &format!("> OACK blksize=512\n {script}"),
    );
}

#[test]
fn c61_a_receiver_with_a_window_of_one_is_in_lockstep() {
    let script = "
             > ACK 0
        10   < DATA 1 [512]
             > ACK 1
        11   < DATA 3 [512] = ignored
        12   < DATA 1 [512] = ignored
             > ACK 1
        13   < DATA 2 [8]
             > ACK 2";
    let accepted =
        |options: &str| format!("> RRQ f octet {options} \n 5 < OACK {options}\n {script}");
    let mut config = asking(512, 4);
    config.tsize = true;
    let lowered = script.replace(
        "             > ACK 0",
        "> RRQ f octet tsize=0 windowsize=4\n 5 < OACK windowsize=1\n > ACK 0",
    );
    check(get(config), &lowered);
    config.windowsize = 1;
    check(
        get(config),
        &accepted("tsize=0").replace("OACK tsize=0", "OACK tsize=520"),
    );
}

#[test]
fn c62_a_sender_sends_whole_windows_and_waits() {
    serving(
        9 * 512 + 1,
        "
             > DATA 1 [512]
             > DATA 2 [512]
             > DATA 3 [512]
             > DATA 4 [512]
        20   < ACK 4
             > DATA 5 [512]
             > DATA 6 [512]
             > DATA 7 [512]
             > DATA 8 [512]
        30   < ACK 8
             > DATA 9 [512]
             > DATA 10 [1]
        1000 quiet
        1000 < ACK 10
             done ok 4609",
    );
}

#[test]
fn c63_a_receiver_acknowledges_window_ends_and_the_end() {
    getting(
        "
        6    < DATA 1 [512]
        7    < DATA 2 [512]
        8    < DATA 3 [512]
        9    < DATA 4 [512]
             > ACK 4
        10   < DATA 5 [512]
        11   < DATA 6 [512]
        12   < DATA 7 [512]
        13   < DATA 8 [512]
             > ACK 8
        14   < DATA 9 [512]
        15   < DATA 10 [1]
             > ACK 10
        *    done ok 4609",
    );
}

#[test]
fn c64_a_short_block_in_mid_window_is_acknowledged_at_once() {
    getting("6 < DATA 1 [512]\n 7 < DATA 2 [512]\n 8 < DATA 3 [0]\n > ACK 3");
}

#[test]
fn c65_a_gap_draws_one_ack_and_a_new_window() {
    getting(
        "
        10   < DATA 1 [512]
        11   < DATA 3 [512] = ignored
             > ACK 1
        12   < DATA 4 [512] = ignored
        15   < DATA 2 [512]
        16   < DATA 3 [512]
        17   < DATA 4 [512]
        18   < DATA 5 [512]
             > ACK 5",
    );
}

#[test]
fn c65_a_sender_starts_a_whole_window_after_a_gap_ack_without_waiting() {
    serving(
        4096,
        "
             > DATA 1 [512]
             > DATA 2 [512]
             > DATA 3 [512]
             > DATA 4 [512]
        20   < ACK 1
             > DATA 2 [512]
             > DATA 3 [512]
             > DATA 4 [512]
             > DATA 5 [512]
        30   < ACK 5
             > DATA 6 [512]
             > DATA 7 [512]
             > DATA 8 [512]
             > DATA 9 [0]",
    );
}

#[test]
fn c66_a_receiver_recovers_the_tail_of_a_window_by_its_timer() {
    getting(
        "
        10   < DATA 1 [512]
        11   < DATA 2 [512]
        12   < DATA 3 [512]
        900  quiet
        *    > ACK 3
        +10  < DATA 4 [512]
        +1   < DATA 5 [512]
        +1   < DATA 6 [512]
        +1   < DATA 7 [512]
             > ACK 7",
    );
}

#[test]
fn c66_a_sender_recovers_the_tail_of_a_window_by_its_timer() {
    serving(
        4096,
        "
             > DATA 1 [512]
             > DATA 2 [512]
             > DATA 3 [512]
             > DATA 4 [512]
        1010 > DATA 1 [512]
             > DATA 2 [512]
             > DATA 3 [512]
             > DATA 4 [512]
        1020 < ACK 4
             > DATA 5 [512]
             > DATA 6 [512]
             > DATA 7 [512]
             > DATA 8 [512]",
    );
}

#[test]
fn c67_a_window_sent_again_draws_one_ack_at_its_end() {
    getting(
        "
        10   < DATA 1 [512]
        11   < DATA 2 [512]
        12   < DATA 3 [512]
        13   < DATA 4 [512]
             > ACK 4
        1010 < DATA 1 [512] = ignored
        1011 < DATA 2 [512] = ignored
        1012 < DATA 3 [512] = ignored
        1013 < DATA 4 [512] = ignored
             > ACK 4
        1023 < DATA 5 [512]",
    );
}

#[test]
fn c68_after_a_lost_gap_ack_the_ack_falls_at_the_senders_window_end() {
    getting(
        "
        10   < DATA 1 [512]
        11   < DATA 2 [512]
        12   < DATA 3 [512]
        13   < DATA 4 [512]
             > ACK 4
        20   < DATA 5 [512]
        21   < DATA 7 [512] = ignored
             > ACK 5               # lost
        22   < DATA 8 [512] = ignored
        1020 < DATA 5 [512] = ignored
        1021 < DATA 6 [512]
        1022 < DATA 7 [512]
        1023 < DATA 8 [512]
             > ACK 8",
    );
}

#[test]
fn c68_so_it_does_when_several_blocks_come_again() {
    getting(
        "
        10   < DATA 1 [512]
        11   < DATA 2 [512]
        12   < DATA 3 [512]
        13   < DATA 4 [512]
             > ACK 4
        20   < DATA 5 [512]
        21   < DATA 6 [512]
        22   < DATA 8 [512] = ignored
             > ACK 6               # lost
        1020 < DATA 5 [512] = ignored
        1021 < DATA 6 [512] = ignored
        1022 < DATA 7 [512]
        1023 < DATA 8 [512]
             > ACK 8",
    );
}

#[test]
fn c68_so_it_does_after_a_lost_ack_of_the_timer() {
    getting(
        "
        10   < DATA 1 [512]
        11   < DATA 2 [512]
        12   < DATA 3 [512]
        *    > ACK 3               # lost
        +10  < DATA 1 [512] = ignored
        +1   < DATA 2 [512] = ignored
        +1   < DATA 3 [512] = ignored
        +1   < DATA 4 [512]
             > ACK 4",
    );
}

#[test]
fn c69_the_first_block_of_a_window_is_sent_again_once() {
    let repeats = "40 < ACK 4 = ignored\n".repeat(10);
    serving(
        8192,
        &format!(
            "
             > DATA 1 [512]
             > DATA 2 [512]
             > DATA 3 [512]
             > DATA 4 [512]
        20   < ACK 4
             > DATA 5 [512]
             > DATA 6 [512]
             > DATA 7 [512]
             > DATA 8 [512]
        29   < ACK 4 = ignored     # too early: it cannot be about this window
        30   < ACK 4 = ignored
             > DATA 5 [512]
             > DATA 6 [512]
             > DATA 7 [512]
             > DATA 8 [512]
        {repeats}
        50   < ACK 8
             > DATA 9 [512]
             > DATA 10 [512]
             > DATA 11 [512]
             > DATA 12 [512]"
        ),
    );
}

#[test]
fn c69_a_repeated_ack_that_is_older_than_the_window_sends_nothing_again() {
    // The round trip takes 100 ms: after 5 ms nobody can know of the last window, which is its first block.
    check(
        serve("RRQ f octet windowsize=2", 1100, limits()),
        "
             > OACK windowsize=2
        100  < ACK 0
             > DATA 1 [512]
             > DATA 2 [512]
        200  < ACK 2
             > DATA 3 [76]
        205  < ACK 2 = ignored
        299  < ACK 3
             done ok 1100",
    );
}

#[test]
fn c69_a_lost_first_block_is_reported_at_once() {
    getting(
        "
        10   < DATA 1 [512]
        11   < DATA 2 [512]
        12   < DATA 3 [512]
        13   < DATA 4 [512]
             > ACK 4
        20   < DATA 6 [512] = ignored
             > ACK 4
        21   < DATA 7 [512] = ignored
        22   < DATA 8 [512] = ignored",
    );
}

#[test]
fn a_duplicate_in_a_window_is_dropped_in_silence() {
    getting(
        "
        10   < DATA 1 [512]
        11   < DATA 2 [512]
        12   < DATA 2 [512] = ignored
        13   < DATA 1 [512] = ignored
        14   < DATA 3 [512]
        15   < DATA 4 [512]
             > ACK 4",
    );
}

#[test]
fn a_block_beyond_any_window_is_dropped_in_silence() {
    getting("10 < DATA 1 [512]\n 11 < DATA 6 [512] = ignored\n 12 < DATA 40000 [512] = ignored");
}

#[test]
fn reordering_within_a_window_costs_a_gap_ack_and_no_octet() {
    getting(
        "
        10   < DATA 1 [512]
        11   < DATA 3 [512] = ignored
             > ACK 1
        12   < DATA 2 [512]
        13   < DATA 4 [512] = ignored
             > ACK 2
        20   < DATA 3 [512]
        21   < DATA 4 [512]
        22   < DATA 5 [512]
        23   < DATA 6 [512]
             > ACK 6",
    );
}

#[test]
fn f16_an_upload_goes_on_at_once_after_its_first_block_was_lost() {
    check(
        put(1025, asking(512, 2)),
        "
             > WRQ f octet windowsize=2
        10   < OACK windowsize=2
             > DATA 1 [512]        # lost
             > DATA 2 [512]
        20   < ACK 0 = ignored
             > DATA 1 [512]
             > DATA 2 [512]
        30   < ACK 2
             > DATA 3 [1]
        40   < ACK 3
             done ok 1025",
    );
}

#[test]
fn a_server_reports_a_lost_first_block_with_ack_0() {
    check(
        take("WRQ f octet windowsize=2", limits()),
        "
             > OACK windowsize=2
        10   < DATA 2 [512] = ignored
             > ACK 0
        20   < DATA 1 [512]
        21   < DATA 2 [512]
             > ACK 2",
    );
}

#[test]
fn a_gap_that_is_filled_before_it_is_reported_is_not_reported() {
    getting(
        "
        10   < DATA 1 [512]
        11   <+ DATA 3 [512] = ignored
        11   < DATA 2 [512]
        12   quiet",
    );
}

#[test]
fn a_window_that_arrives_together_is_acknowledged_once() {
    getting(
        "
        10   <+ DATA 1 [512]
        10   <+ DATA 2 [512]
        10   <+ DATA 3 [512]
        10   < DATA 4 [512]
             > ACK 4",
    );
}
