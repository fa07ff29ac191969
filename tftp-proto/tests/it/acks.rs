//! Which acknowledgements a sender with a window follows (S2), and which it passes over.

use crate::window::serving;

#[test]
fn c41_acks_outside_the_window_are_ignored() {
    serving(
        8192,
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
        40   < ACK 9 = ignored
        41   < ACK 3 = ignored
        42   < ACK 0 = ignored
        43   < ACK 32780 = ignored
        44   < ACK 65535 = ignored
        1020 > DATA 5 [512]
             > DATA 6 [512]
             > DATA 7 [512]
             > DATA 8 [512]",
    );
}

#[test]
fn a_late_ack_inside_the_window_is_cumulative() {
    serving(
        8192,
        "
             > DATA 1 [512]
             > DATA 2 [512]
             > DATA 3 [512]
             > DATA 4 [512]
        20   < ACK 3
             > DATA 4 [512]
             > DATA 5 [512]
             > DATA 6 [512]
             > DATA 7 [512]
        21   < ACK 2 = ignored",
    );
}

#[test]
fn a_number_before_the_first_block_is_no_report_of_a_loss() {
    let first = "
             > DATA 1 [512]
             > DATA 2 [512]
             > DATA 3 [512]
             > DATA 4 [512]";
    for (ack, then) in [("65535", ""), ("0", first)] {
        serving(
            5 * 512,
            &format!(
                "{first}
        20   < ACK {ack} = ignored{then}
        21   quiet
        30   < ACK 4
             > DATA 5 [512]
             > DATA 6 [0]
        40   < ACK 6
             done ok 2560"
            ),
        );
    }
}

#[test]
fn of_acks_that_arrive_together_the_highest_is_followed() {
    serving(
        8192,
        "
             > DATA 1 [512]
             > DATA 2 [512]
             > DATA 3 [512]
             > DATA 4 [512]
        20   <+ ACK 1
        20   <+ ACK 3
        20   < ACK 2 = ignored
             > DATA 4 [512]
             > DATA 5 [512]
             > DATA 6 [512]
             > DATA 7 [512]",
    );
}
