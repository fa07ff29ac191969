//! How transfers end: errors, aborts, the last ACK and the time after it.

use tftp_proto::{ErrorCode, Event, Instant, TransferError};

use crate::packet;
use crate::script::check;
use crate::support::{addr, asking, get, left_alone, limits, plain, put, serve, take};

#[test]
fn c44_an_error_ends_the_transfer_whatever_its_text() {
    for (datagram, code) in [
        ("00 05 00 02", 2),
        ("00 05 00 01 6e 6f", 1),
        ("00 05 00 63 78 00", 99),
        ("00 05 00 00 00 00", 0),
    ] {
        check(
            serve("RRQ f octet", 600, limits()),
            &format!(
                "
                 > DATA 1 [512]
            5    < raw {datagram} = error {code}
                 done peer {code}"
            ),
        );
    }
}

#[test]
fn c45_an_error_ends_a_request() {
    check(
        get(plain()),
        "> RRQ f octet\n 5 < ERROR 1 = error 1\n done peer 1\n 9999 quiet",
    );
    check(
        put(5, plain()),
        "> WRQ f octet\n 5 < ERROR 2 = error 2\n done peer 2\n 9999 quiet",
    );
}

#[test]
fn c45_an_error_ends_a_download_after_the_oack() {
    check(
        get(asking(8, 1)),
        "
             > RRQ f octet blksize=8
        5    < OACK blksize=8
             > ACK 0
        6    < ERROR 0 = error 0
             done peer 0
        9999 quiet",
    );
}

#[test]
fn c45_an_error_ends_a_download() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 1 [512]
             > ACK 1
        6    < ERROR 0 = error 0
             done peer 0
        9999 quiet",
    );
}

#[test]
fn c45_an_error_ends_an_upload() {
    check(
        put(600, plain()),
        "
             > WRQ f octet
        5    < ACK 0
             > DATA 1 [512]
        6    < ERROR 3 = error 3
             done peer 3
        9999 quiet",
    );
}

#[test]
fn c45_an_error_to_the_last_block_ends_an_upload() {
    check(
        put(5, plain()),
        "
             > WRQ f octet
        5    < ACK 0
             > DATA 1 [5]
        6    < ERROR 3 = error 3
             done peer 3",
    );
}

#[test]
fn c45_an_error_ends_what_a_server_receives() {
    check(
        take("WRQ f octet", limits()),
        "> ACK 0\n 5 < ERROR 0 = error 0\n done peer 0",
    );
    check(
        take("WRQ f octet", limits()),
        "
             > ACK 0
        5    < DATA 1 [512]
             > ACK 1
        6    < ERROR 0 = error 0
             done peer 0",
    );
}

#[test]
fn c45_an_error_after_the_last_ack_leaves_a_success() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 1 [100]
             > ACK 1
        6    < ERROR 0 = ignored
        *    done ok 100",
    );
}

#[test]
fn c46_an_error_right_after_the_oack_declines_the_file() {
    for code in [0, 8] {
        check(
            serve("RRQ f octet tsize=0", 966_768, limits()),
            &format!(
                "
                 > OACK tsize=966768
            5    < ERROR {code} = error {code}
                 done declined {code}
            9999 quiet"
            ),
        );
    }
}

#[test]
fn c46_an_error_after_data_1_is_no_decline() {
    check(
        serve("RRQ f octet tsize=0", 600, limits()),
        "
             > OACK tsize=600
        5    < ACK 0
             > DATA 1 [512]
        6    < ERROR 0 = error 0
             done peer 0",
    );
}

#[test]
fn c47_a_failed_store_sends_one_error_and_never_another() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 1 [512]
             > ACK 1
        6    < DATA 2 [512]
             > ACK 2
        7    < DATA 3 [512] ! 3
             > ERROR 3
             done local 3
        8    < DATA 3 [512] = ignored
        99999 quiet",
    );
}

#[test]
fn c47_a_failed_source_sends_one_error() {
    check(
        serve("RRQ f octet", 600, limits()),
        "
             > DATA 1 [512]
        5    abort 0
             > ERROR 0
             done local 0
        6    < ACK 1 = ignored
        99999 quiet",
    );
}

#[test]
fn the_first_abort_counts() {
    check(
        serve("RRQ f octet", 600, limits()),
        "
             > DATA 1 [512]
        5    abort 2
             > ERROR 2
             done local 2
        6    abort 3
        7    quiet",
    );
}

#[test]
fn an_abort_before_the_server_answered_ends_the_request() {
    let mut machine = check(get(plain()), "> RRQ f octet");
    machine.abort(ErrorCode::NOT_DEFINED);
    let (sent, at, result) = left_alone(&mut machine, 0);
    assert_eq!(
        (sent, at),
        (vec![], 0),
        "no transfer ID is known to send an ERROR to"
    );
    assert_eq!(result, Err(TransferError::Local(ErrorCode::NOT_DEFINED)));
}

#[test]
fn c51_a_repeated_last_block_is_acknowledged_again() {
    let machine = check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 1 [100]
             > ACK 1
        1005 < DATA 1 [100] = ignored
             > ACK 1
        *    done ok 100",
    );
    assert!(machine.is_complete());
}

#[test]
fn c51_success_is_known_before_the_dallying_ends() {
    let machine = check(get(plain()), "> RRQ f octet\n 5 < DATA 1 [100]\n > ACK 1");
    assert!(machine.is_complete());
    assert!(machine.poll_at().is_some(), "it stays for a while");
}

#[test]
fn c51_a_server_dallies_too() {
    check(
        take("WRQ f octet", limits()),
        "
             > ACK 0
        5    < DATA 1 [100]
             > ACK 1
        1005 < DATA 1 [100] = ignored
             > ACK 1
        *    done ok 100",
    );
}

#[test]
fn c51_a_server_dallies_longer_than_the_clients_timer() {
    // Longer than a server would stay by itself.
    check(
        take("WRQ f octet timeout 6", limits()),
        "
             > OACK timeout 6
        5    < DATA 1 [100]
             > ACK 1
        8005 < DATA 1 [100] = ignored
             > ACK 1
        *    done ok 100",
    );
}

#[test]
fn c51_a_server_dallies_half_as_long_again_as_a_usual_timer() {
    for (request, answer, until) in [
        ("WRQ f octet", "ACK 0", 7_505),
        ("WRQ f octet timeout 6", "OACK timeout 6", 9_005),
        ("WRQ f octet timeout 60", "OACK timeout 60", 30_005),
    ] {
        let script =
            format!("> {answer}\n 5 < DATA 1 [100]\n > ACK 1\n wait {until}\n * done ok 100");
        check(take(request, limits()), &script);
    }
}

#[test]
fn a_client_that_does_not_dally_is_done_with_the_last_ack() {
    let mut config = plain();
    config.dally = false;
    check(
        get(config),
        "> RRQ f octet\n 5 < DATA 1 [100]\n > ACK 1\n done ok 100",
    );
}

#[test]
fn a_sender_is_complete_with_the_last_ack_and_not_before() {
    let machine = check(
        put(600, plain()),
        "> WRQ f octet\n 5 < ACK 0\n > DATA 1 [512]\n 6 < ACK 1\n > DATA 2 [88]",
    );
    assert!(!machine.is_complete());
    let machine = check(machine, "7 < ACK 2\n done ok 600");
    assert!(machine.is_complete());
}

#[test]
fn c52_a_sender_without_the_last_ack_is_unconfirmed() {
    let mut machine = check(
        serve("RRQ f octet", 600, limits()),
        "> DATA 1 [512]\n 5 < ACK 1\n > DATA 2 [88]",
    );
    let (sent, _, result) = left_alone(&mut machine, 5_000);
    assert_eq!(result, Err(TransferError::Unconfirmed));
    assert_eq!(sent.len(), 6, "resends");
}

#[test]
fn c52_a_sender_left_alone_in_the_middle_timed_out() {
    let mut machine = check(
        serve("RRQ f octet", 1100, limits()),
        "> DATA 1 [512]\n 5 < ACK 1\n > DATA 2 [512]",
    );
    assert_eq!(
        left_alone(&mut machine, 5_000).2,
        Err(TransferError::TimedOut)
    );
}

#[test]
fn c53_a_failed_commit_sends_error_instead_of_the_last_ack() {
    check(
        take("WRQ f octet", limits()),
        "
             > ACK 0
        5    < DATA 1 [512]
             > ACK 1
        6    < DATA 2 [88] ! 3
             > ERROR 3
             done local 3
        1006 < DATA 2 [88] = ignored
        9999 quiet",
    );
}

#[test]
fn c54_an_aborted_upload_never_looks_complete() {
    let machine = check(
        take("WRQ f octet", limits()),
        "
             > ACK 0
        5    < DATA 1 [512]
             > ACK 1
        6    < ERROR 0 = error 0
             done peer 0",
    );
    assert!(!machine.0.is_complete());
}

#[test]
fn done_is_the_same_for_ever_whatever_arrives() {
    let mut machine = check(
        serve("RRQ f octet", 5, limits()),
        "> DATA 1 [5]\n 5 < ACK 1\n done ok 5",
    )
    .0;
    let now = Instant::from_millis(6);
    let done = machine.poll(now);
    for (words, from) in [
        ("ACK 1", "a"),
        ("DATA 1 [5]", "a"),
        ("ERROR 0", "a"),
        ("ACK 1", "b"),
    ] {
        let datagram = packet::bytes(words);
        let event = machine.handle(now, addr(from), &datagram);
        assert!(
            matches!(event, Event::Ignored(_) | Event::Stray(_)),
            "{event:?}"
        );
        assert_eq!(machine.poll(now), done, "after {words} from {from}");
    }
}

#[test]
fn a_summary_counts_what_was_of_no_use() {
    let machine = check(
        serve("RRQ f octet", 600, limits()),
        "
             > DATA 1 [512]
        1    < ACK 0 = ignored
        2    < raw 00 = ignored
        3    < ERROR 0 @b = stray
        4    < ACK 1
             > DATA 2 [88]
        5    < ACK 1 = ignored",
    );
    let summary = machine.0.summary();
    assert_eq!((summary.ignored, summary.retransmissions), (4, 0));
    assert_eq!((summary.bytes, summary.blocks), (512, 1));
}

#[test]
fn a_client_stays_for_two_time_outs_and_longer_after_each_repeat() {
    check(
        get(plain()),
        "
             > RRQ f octet
        5    < DATA 1 [100]
             > ACK 1
             wait 2005
        1000 < DATA 1 [100] = ignored
             > ACK 1
             wait 5000
        2000 < DATA 1 [100] = ignored
             > ACK 1
             wait 7000
        7000 done ok 100",
    );
}

#[test]
fn a_client_does_not_stay_for_ever_for_a_peer_that_repeats_itself() {
    let mut config = plain();
    config.retry.resends = 1;
    check(
        get(config),
        "
             > RRQ f octet
        5    < DATA 1 [100]
             > ACK 1
        1000 < DATA 1 [100] = ignored
             > ACK 1
             wait 5000
        3000 < DATA 1 [100] = ignored
             > ACK 1
             wait 5000
        5000 done ok 100",
    );
}

#[test]
fn a_source_that_tells_its_end_again_sends_its_last_block_again() {
    check(
        serve("RRQ f octet", 600, limits()),
        "
             > DATA 1 [512]
        5    < ACK 1
             > DATA 2 [88]
        6    ends 600
             > DATA 2 [88]
        7    < ACK 2
             done ok 600",
    );
}
