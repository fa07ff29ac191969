//! Time-outs (RFC 6298 with Karn's rule), giving up, and deadlines.

use core::time::Duration;

use tftp_proto::{Config, Event, Instant, Output, Receiver, Retry, TransferError};

use crate::packet;
use crate::script::check;
use crate::support::{
    Sent, Served, addr, asking, flush, get, left_alone, limits, plain, put, serve, take,
};

fn seconds(sent: &[Sent]) -> Vec<u64> {
    sent.iter().map(|sent| sent.at / 1_000_000).collect()
}

/// The server side with adaptive time-outs down to 50 ms.
fn adaptive() -> Config {
    Config::server()
}

#[test]
fn c55_an_unanswered_request_is_repeated_after_1_2_4_8_16_s() {
    for mut machine in [get(plain()), get(asking(1428, 4))] {
        let (sent, at, result) = left_alone(&mut machine, 0);
        assert_eq!(seconds(&sent), [0, 1, 3, 7, 15, 31, 47]);
        assert_eq!((at, result), (63_000_000, Err(TransferError::TimedOut)));
    }
}

#[test]
fn c55_the_ceiling_may_be_moved() {
    let mut config = plain();
    config.retry.ceiling = Duration::from_secs(64);
    let (sent, ..) = left_alone(&mut put(5, config), 0);
    assert_eq!(seconds(&sent), [0, 1, 3, 7, 15, 31, 63]);
}

#[test]
fn c56_the_time_out_follows_rfc_6298() {
    check(
        serve("RRQ f octet", 5000, adaptive()),
        "
             > DATA 1 [512]
        0    wait 1000
        100  < ACK 1              # R = 100: SRTT 100, RTTVAR 50
             > DATA 2 [512]
        100  wait 400
        300  < ACK 2              # R = 200: RTTVAR 62.5 before SRTT 112.5
             > DATA 3 [512]
        300  wait 662.5",
    );
}

#[test]
fn c57_no_sample_is_taken_from_a_block_sent_twice() {
    check(
        serve("RRQ f octet", 5000, adaptive()),
        "
             > DATA 1 [512]
        100  < ACK 1
             > DATA 2 [512]
        400  > DATA 2 [512]       # doubled to 600 ms
        400  wait 1000
        410  < ACK 2              # of which one?
             > DATA 3 [512]
        410  wait 1010            # still 600 ms
        510  < ACK 3              # R = 100: RTTVAR 37.5
             > DATA 4 [512]
        510  wait 760",
    );
}

#[test]
fn c57_the_first_answer_to_a_repeated_request_is_no_sample() {
    check(
        serve("RRQ f octet blksize=8", 50, adaptive()),
        "
             > OACK blksize=8
        1000 > OACK blksize=8
        1001 < ACK 0
             > DATA 1 [8]
        1001 wait 3001            # 2 s, as doubled",
    );
}

#[test]
fn c57_an_ack_is_timed_to_the_first_block_after_it() {
    let mut config = Config::client();
    (config.tsize, config.windowsize) = (false, 8);
    let mut machine = get(config);
    let mut patience = |at: u64, words: &str| {
        let now = Instant::from_millis(at);
        let datagram = packet::bytes(words);
        flush(|| matches!(machine.poll(now), Output::Transmit(_)));
        let _ = machine.handle(now, addr("tid"), &datagram);
        flush(|| matches!(machine.poll(now), Output::Transmit(_)));
        machine.poll_at().unwrap().saturating_since(now)
    };
    patience(0, "raw 00");
    patience(100, "OACK windowsize=8");
    let first = patience(200, "DATA 1 [512]");
    assert_eq!(patience(300, "DATA 2 [512]"), first);
    assert_eq!(patience(400, "DATA 3 [512]"), first);
}

#[test]
fn the_time_out_has_a_floor() {
    check(
        serve("RRQ f octet", 5000, adaptive()),
        "
             > DATA 1 [512]
        1    < ACK 1
             > DATA 2 [512]
        1    wait 51",
    );
}

#[test]
fn c58_an_agreed_time_out_is_the_shortest() {
    check(
        serve("RRQ f octet timeout=5", 5000, adaptive()),
        "
             > OACK timeout=5
        1    < ACK 0
             > DATA 1 [512]
        2    < ACK 1
             > DATA 2 [512]
        5002 > DATA 2 [512]
        15002 > DATA 2 [512]",
    );
}

#[test]
fn c58_an_agreed_time_out_holds_for_the_oack_too() {
    check(
        serve("RRQ f octet timeout=5", 5000, adaptive()),
        "> OACK timeout=5\n 5000 > OACK timeout=5",
    );
    check(
        serve("RRQ f octet utimeout=2500000", 5000, adaptive()),
        "> OACK utimeout=2500000\n 2500 > OACK utimeout=2500000",
    );
}

#[test]
fn c58_an_agreed_time_out_holds_at_the_client() {
    let mut config = Config::client();
    config.tsize = false;
    config.timeout = Some(Duration::from_secs(5));
    check(
        put(5000, config),
        "
             > WRQ f octet timeout=5
        5    < OACK timeout=5
             > DATA 1 [512]
        10   < ACK 1
             > DATA 2 [512]
        5010 > DATA 2 [512]",
    );
}

#[test]
fn a_client_asks_for_microseconds_where_seconds_do_not_fit() {
    let mut config = asking(512, 1);
    config.timeout = Some(Duration::from_millis(250));
    check(get(config), "> RRQ f octet utimeout=250000");
}

#[test]
fn c59_a_silent_peer_ends_every_phase_with_one_result() {
    let opened = "> RRQ f octet blksize=8\n 5 < OACK blksize=8\n > ACK 0";
    let machines = [
        ("request", get(plain())),
        ("ACK 0", check(get(asking(8, 1)), opened)),
        (
            "ACK 1",
            check(get(plain()), "> RRQ f octet\n 5 < DATA 1 [512]\n > ACK 1"),
        ),
    ];
    for (phase, mut machine) in machines {
        let (sent, at, result) = left_alone(&mut machine, 5_000);
        assert_eq!(result, Err(TransferError::TimedOut), "{phase}");
        assert!(
            sent.len() <= 7 && at < 200_000_000,
            "{phase}: {} until {at} us",
            sent.len()
        );
        for later in [at, at + 1, at * 2] {
            assert_eq!(
                machine.poll(Instant::from_micros(later)),
                Output::Done(result),
                "{phase}"
            );
        }
    }
}

#[test]
fn c59_a_silent_peer_ends_every_phase_of_a_sender() {
    let machines = [
        ("request", put(600, plain())),
        (
            "block",
            check(
                put(600, plain()),
                "> WRQ f octet\n 5 < ACK 0\n > DATA 1 [512]",
            ),
        ),
        ("OACK", serve("RRQ f octet blksize=8", 600, limits()).0),
    ];
    for (phase, mut machine) in machines {
        let (sent, at, result) = left_alone(&mut machine, 5_000);
        assert_eq!(result, Err(TransferError::TimedOut), "{phase}");
        assert!(
            sent.len() <= 7 && at < 200_000_000,
            "{phase}: {} until {at} us",
            sent.len()
        );
        assert_eq!(
            machine.poll(Instant::from_micros(at * 2)),
            Output::Done(result),
            "{phase}"
        );
    }
}

#[test]
fn c59_a_silent_client_ends_what_a_server_receives() {
    let Served(mut machine) = take("WRQ f octet", limits());
    let (_, at, result) = left_alone(&mut machine, 0);
    assert_eq!(result, Err(TransferError::TimedOut));
    assert!(at < 200_000_000);
}

/// The server side in the middle of an upload, with a round trip of 10 ms.
fn upload(request: &str, config: Config, answer: &str) -> Served<Receiver<'static>> {
    check(
        take(request, config),
        &format!("> {answer}\n 10 < DATA 1 [512]\n > ACK 1"),
    )
}

#[test]
fn a_receiver_in_lockstep_repeats_its_ack_soon_and_then_lets_a_slow_peer_repeat_the_data() {
    // tftp-hpa and atftp start their 5 s anew with each ACK that comes.
    let mut machine = upload("WRQ f octet", adaptive(), "ACK 0");
    let (sent, _, result) = left_alone(&mut machine, 10_000);
    assert_eq!(result, Err(TransferError::TimedOut));
    assert!(sent[0].at < 200_000, "{} us", sent[0].at);
    for pair in sent.windows(2) {
        assert!(pair[1].at - pair[0].at >= 6_000_000, "{:?}", seconds(&sent));
    }
}

#[test]
fn the_silence_of_a_receiver_in_lockstep_is_no_longer_than_the_ceiling() {
    let mut config = adaptive();
    config.retry.ceiling = Duration::from_secs(2);
    let mut machine = upload("WRQ f octet", config, "ACK 0");
    let (sent, at, _) = left_alone(&mut machine, 10_000);
    assert!(at < 30_000_000, "{:?}", seconds(&sent));
}

#[test]
fn a_receiver_of_windows_repeats_its_ack_with_backoff_alone() {
    let request = "WRQ f octet windowsize=2";
    let machine = check(
        take(request, adaptive()),
        "> OACK windowsize=2\n 10 < DATA 1 [512]\n < DATA 2 [512]\n > ACK 2",
    );
    let (sent, ..) = left_alone(&mut { machine }, 10_000);
    assert!(sent[2].at < 1_000_000, "{:?}", seconds(&sent));
}

#[test]
fn c60_strays_and_duplicates_do_not_keep_a_transfer_alive() {
    let mut machine = check(get(plain()), "> RRQ f octet\n 5 < DATA 1 [512]\n > ACK 1");
    let mut now = 5_000;
    while !matches!(machine.poll(Instant::from_micros(now)), Output::Done(_)) {
        for (words, from) in [
            ("DATA 1 [512]", "tid"),
            ("DATA 2 [512]", "other"),
            ("ACK 1", "tid"),
        ] {
            let datagram = packet::bytes(words);
            let event = machine.handle(Instant::from_micros(now), addr(from), &datagram);
            assert!(
                matches!(event, Event::Ignored(_) | Event::Stray(_)),
                "{event:?}"
            );
        }
        now += 100_000;
        assert!(now < 300_000_000, "kept alive by noise");
    }
    assert_eq!(
        machine.poll(Instant::from_micros(now)),
        Output::Done(Err(TransferError::TimedOut))
    );
}

#[test]
fn c60_duplicate_acks_do_not_keep_a_sender_alive() {
    let mut machine = check(
        serve("RRQ f octet", 5000, limits()),
        "> DATA 1 [512]\n 5 < ACK 1\n > DATA 2 [512]",
    )
    .0;
    let mut now = 5_000;
    while !matches!(machine.poll(Instant::from_micros(now)), Output::Done(_)) {
        let event = machine.handle(Instant::from_micros(now), addr("a"), &[0, 4, 0, 1]);
        assert!(matches!(event, Event::Ignored(_)), "{event:?}");
        now += 100_000;
        assert!(now < 300_000_000, "kept alive by duplicates");
    }
    assert_eq!(
        machine.poll(Instant::from_micros(now)),
        Output::Done(Err(TransferError::TimedOut))
    );
}

#[test]
fn f13_only_consecutive_repeats_are_counted() {
    let mut script = "> DATA 1 [512]\n".to_owned();
    for block in 1..40 {
        script += &format!("* > DATA {block} [512]\n +10 < ACK {block}\n");
        script += &format!("> DATA {} [512]\n", block + 1);
    }
    check(serve("RRQ f octet", 1 << 20, limits()), &script);
}

#[test]
fn f13_the_first_answer_starts_the_count_anew() {
    let script = |answer: &str| {
        format!(
            "
             > WRQ f octet blksize=8
        1000 > WRQ f octet blksize=8
        3000 > WRQ f octet blksize=8
        7000 > WRQ f octet blksize=8
        15000 > WRQ f octet blksize=8
        16000 < {answer}"
        )
    };
    for (answer, first) in [("OACK blksize=8", "DATA 1 [8]"), ("ACK 0", "DATA 1 [50]")] {
        let mut machine = check(
            put(50, asking(8, 1)),
            &format!("{}\n > {first}", script(answer)),
        );
        assert_eq!(left_alone(&mut machine, 16_000_000).0.len(), 6, "{answer}");
    }
}

#[test]
fn a_deadline_ends_a_transfer_that_makes_progress() {
    let mut config = limits();
    config.retry.deadline = Some(Duration::from_secs(2));
    check(
        serve("RRQ f octet", 5000, config),
        "
             > DATA 1 [512]
        900  < ACK 1
             > DATA 2 [512]
        1800 < ACK 2
             > DATA 3 [512]
        2000 done TimedOut",
    );
}

#[test]
fn a_deadline_ends_a_download_that_makes_progress() {
    let mut config = plain();
    config.retry.deadline = Some(Duration::from_secs(2));
    check(
        get(config),
        "
             > RRQ f octet
        900  < DATA 1 [512]
             > ACK 1
        1800 < DATA 2 [512]
             > ACK 2
        2000 done TimedOut",
    );
}

#[test]
fn c87_before_the_client_is_proved_the_first_answer_is_repeated_twice() {
    for request in ["RRQ f octet", "RRQ f octet blksize=1468 tsize=0"] {
        let Served(mut machine) = serve(request, 5000, limits());
        let (sent, _, result) = left_alone(&mut machine, 0);
        assert_eq!(sent.len(), 3, "{request}");
        assert!(result.is_err(), "{request}");
    }
    let Served(mut machine) = take("WRQ f octet", limits());
    assert_eq!(left_alone(&mut machine, 0).0.len(), 3);
}

#[test]
fn c87_a_proved_client_gets_all_the_repeats() {
    let Served(mut machine) = check(
        serve("RRQ f octet", 5000, limits()),
        "> DATA 1 [512]\n 5 < ACK 1\n > DATA 2 [512]",
    );
    assert_eq!(left_alone(&mut machine, 5_000).0.len(), 6);
}

#[test]
fn c87_a_window_is_not_sent_before_the_client_is_proved() {
    let request = "RRQ f octet blksize=1468 windowsize=64";
    let Served(mut machine) = serve(request, 1 << 20, limits());
    let (sent, ..) = left_alone(&mut machine, 0);
    let octets: usize = sent.iter().map(|sent| sent.bytes.len()).sum();
    let asked = packet::bytes(request).len();
    assert!(octets <= 3 * asked, "{octets} octets for {asked}");
}

#[test]
fn c90_a_deadline_is_exact() {
    let mut machine = get(plain());
    assert!(matches!(machine.poll(Instant::ZERO), Output::Transmit(_)));
    let Output::Wait(at) = machine.poll(Instant::ZERO) else {
        panic!("nothing else to do")
    };
    assert_eq!(at, Instant::from_millis(1000));
    let early = Instant::from_micros(999_999);
    assert_eq!(
        machine.poll(early),
        Output::Wait(at),
        "one microsecond early"
    );
    assert!(matches!(machine.poll(at), Output::Transmit(_)), "in time");
}

#[test]
fn c90_needless_polls_change_nothing() {
    let mut machine = serve("RRQ f octet", 600, limits()).0;
    assert!(matches!(machine.poll(Instant::ZERO), Output::Transmit(_)));
    let before = machine.clone();
    for millis in [0, 1, 500, 999] {
        assert!(matches!(
            machine.poll(Instant::from_millis(millis)),
            Output::Wait(_)
        ));
    }
    assert_eq!(machine, before);
}

#[test]
fn t10_a_clock_that_steps_back_stalls_nothing() {
    let mut machine = serve("RRQ f octet", 600, limits()).0;
    let later = Instant::from_millis(50_000);
    assert!(matches!(machine.poll(later), Output::Transmit(_)));
    assert!(matches!(machine.poll(Instant::ZERO), Output::Wait(_)));
    let Some(at) = machine.poll_at() else {
        panic!("it has a timer")
    };
    assert!(at <= Instant::from_millis(52_000));
    assert!(matches!(machine.poll(at), Output::Transmit(_)));
}

#[test]
fn a_late_poll_repeats_once_and_not_for_every_time_out_missed() {
    let mut machine = serve("RRQ f octet", 600, limits()).0;
    assert!(matches!(machine.poll(Instant::ZERO), Output::Transmit(_)));
    let late = Instant::from_millis(30_000);
    assert!(matches!(machine.poll(late), Output::Transmit(_)));
    assert!(matches!(machine.poll(late), Output::Wait(at) if at > late));
}

#[test]
fn retry_new_is_the_default() {
    assert_eq!(Retry::new(), Retry::default());
    assert_eq!(Retry::new(), Config::client().retry);
}
