//! Faults that were found in other implementations, as exchanges that this one must pass. Those that
//! are not here stand beside what they are about; `CONFORMANCE.md` knows where.

use tftp_proto::{Incoming, Instant, Length, Mode, Output, Request, Sender, TransferError};

use crate::link::{download, upload};
use crate::packet;
use crate::pair::{CLEAN, Link};
use crate::script::check;
use crate::support::{
    addr, asking, byte, get, left_alone, limits, plain, put, put_length, serve, serve_length, take,
};

#[test]
fn f01_a_first_block_of_512_is_not_the_last_where_more_was_asked_for() {
    check(
        get(asking(1468, 1)),
        "
             > RRQ f octet blksize=1468
        5    < DATA 1 [512] = block
             > ACK 1
        6    < DATA 2 [512] = block
             > ACK 2
        7    < DATA 3 [10] = last
             > ACK 3
        *    done ok 1034",
    );
}

#[test]
fn f02_a_repeated_ack_skips_nothing() {
    check(
        serve("RRQ f octet", 5000, limits()),
        "
             > DATA 1 [512]
        5    < ACK 1
             > DATA 2 [512]       # lost
        6    < ACK 1 = ignored
        7    < ACK 1 = ignored
        1005 > DATA 2 [512]",
    );
}

#[test]
fn f03_odd_options_are_negotiated_and_not_refused() {
    check(
        serve("RRQ f octet blksize=1468", 5, limits()),
        "> OACK blksize=1468",
    );
    check(
        serve("RRQ f octet x-odd=1 blksize=1468", 5, limits()),
        "> OACK blksize=1468",
    );
    check(
        serve("RRQ f octet odd= blksize=1468", 5, limits()),
        "> OACK blksize=1468",
    );
}

#[test]
fn f04_nothing_is_used_that_nobody_asked_for() {
    check(
        serve("RRQ f octet", 5000, limits()),
        "> DATA 1 [512]\n 999 quiet",
    );
    check(
        serve("RRQ f octet windowsize=4", 5000, limits()),
        "> OACK windowsize=4\n 1 < ACK 0\n > DATA 1 [512]\n > DATA 2 [512]\n > DATA 3 [512]\n > DATA 4 [512]",
    );
}

#[test]
fn f11_a_duplicate_is_not_stored_twice() {
    let doubling = Link {
        doubled: 1000,
        ..CLEAN
    };
    download(2000, plain(), limits(), doubling).assert_intact(2000);
    upload(2000, plain(), limits(), doubling).assert_intact(2000);
}

#[test]
fn f12_a_lost_oack_of_an_upload_is_sent_again() {
    check(
        take("WRQ f octet blksize=1428", limits()),
        "
             > OACK blksize=1428  # lost
        500  < WRQ f octet blksize=1428 = ignored
        *    > OACK blksize=1428
        +1   < DATA 1 [1428] = block
             > ACK 1",
    );
}

#[test]
fn f12_an_upload_waits_for_the_oack() {
    check(
        put(2000, asking(1428, 1)),
        "
             > WRQ f octet blksize=1428
        1000 > WRQ f octet blksize=1428
        1005 < OACK blksize=1428
             > DATA 1 [1428]
        1006 < ACK 0 = ignored
        1010 < ACK 1
             > DATA 2 [572]",
    );
}

#[test]
fn f13_two_percent_of_loss_do_not_use_up_the_repeats() {
    for seed in 1..=5 {
        let lossy = Link {
            seed,
            lost: 20,
            ..CLEAN
        };
        download(1000 * 8, asking(8, 1), limits(), lossy).assert_intact(8000);
    }
}

#[test]
fn f15_an_announced_size_adds_nothing_to_the_file() {
    let mut config = limits();
    config.strict_size = false;
    let machine = check(
        take("WRQ f octet tsize=1000000", config),
        "> OACK tsize=1000000\n 5 < DATA 1 [10]\n > ACK 1\n * done ok 10",
    );
    assert_eq!(machine.0.summary().bytes, 10);
}

#[test]
fn f17_f18_a_partial_ack_is_answered_by_a_whole_window_at_once() {
    check(
        serve("RRQ f octet windowsize=3", 5000, limits()),
        "
             > OACK windowsize=3
        1    < ACK 0
             > DATA 1 [512]
             > DATA 2 [512]
             > DATA 3 [512]
        2    < ACK 2
             > DATA 3 [512]
             > DATA 4 [512]
             > DATA 5 [512]",
    );
}

#[test]
fn f20_no_data_before_ack_0_and_the_oack_again() {
    check(
        serve("RRQ f octet blksize=8", 20, limits()),
        "> OACK blksize=8\n 999 quiet\n 1000 > OACK blksize=8",
    );
}

#[test]
fn f21_a_far_off_block_wedges_nothing() {
    for number in [3, 9, 100, 32_767, 32_768, 40_000, 65_535] {
        check(
            get(plain()),
            &format!(
                "
                 > RRQ f octet
            5    < DATA 1 [512]
                 > ACK 1
            6    < DATA {number} [512] = ignored
            7    < DATA 2 [512]
                 > ACK 2
            8    < DATA 3 [0]
                 > ACK 3"
            ),
        );
    }
}

#[test]
fn f22_c35_c36_c37_uploads_of_every_size_end_as_they_must() {
    for size in [8, 512] {
        for len in [
            0,
            1,
            size - 1,
            size,
            size + 1,
            2 * size,
            4 * size,
            4 * size + 1,
        ] {
            for windowsize in [1, 4] {
                let report = upload(len, asking(size as u16, windowsize), limits(), CLEAN);
                report.assert_whole(len);
                assert_eq!(
                    report.data() as u64,
                    len / size + 1,
                    "{len} in blocks of {size}"
                );
            }
        }
    }
}

#[test]
fn c35_c36_c37_downloads_of_every_size_end_as_they_must() {
    for size in [8, 512] {
        for len in [
            0,
            1,
            size - 1,
            size,
            size + 1,
            2 * size,
            4 * size,
            4 * size + 1,
        ] {
            for windowsize in [1, 4] {
                let report = download(len, asking(size as u16, windowsize), limits(), CLEAN);
                report.assert_whole(len);
                assert_eq!(
                    report.data() as u64,
                    len / size + 1,
                    "{len} in blocks of {size}"
                );
            }
        }
    }
}

#[test]
fn c35_an_empty_file_with_options_is_one_empty_block() {
    let mut config = asking(8, 1);
    config.tsize = true;
    check(
        get(config),
        "
             > RRQ f octet blksize=8 tsize=0
        5    < OACK blksize=8 tsize=0
             > ACK 0
        6    < DATA 1 [0]
             > ACK 1
        *    done ok 0",
    );
    check(
        put(0, config),
        "
             > WRQ f octet blksize=8 tsize=0
        5    < OACK blksize=8 tsize=0
             > DATA 1 [0]
        6    < ACK 1
             done ok 0",
    );
}

#[test]
fn g06_every_block_size_carries_the_file() {
    for size in [
        8, 9, 511, 512, 513, 1024, 1428, 1468, 8192, 32_768, 65_463, 65_464,
    ] {
        let len = 3 * u64::from(size) + 1;
        download(len, asking(size, 2), limits(), CLEAN).assert_whole(len);
        upload(len, asking(size, 2), limits(), CLEAN).assert_whole(len);
    }
}

#[test]
fn f23_a_delayed_ack_ends_nothing() {
    check(
        serve("RRQ f octet", 5000, limits()),
        "
             > DATA 1 [512]
        5    < ACK 1
             > DATA 2 [512]
        10   < ACK 2
             > DATA 3 [512]
        11   < ACK 1 = ignored
        12   < ACK 0 = ignored
        15   < ACK 3
             > DATA 4 [512]",
    );
}

#[test]
fn f24_an_oack_is_not_repeated_without_end() {
    let mut machine = serve("RRQ f octet blksize=8", 20, limits()).0;
    assert!(left_alone(&mut machine, 0).0.len() <= 3);
}

#[test]
fn f29_a_block_sent_again_is_the_same() {
    let mut machine = serve("RRQ f octet", 3, limits()).0;
    let (sent, ..) = left_alone(&mut machine, 0);
    assert!(sent.len() > 1);
    let block = [0, 3, 0, 1, byte(0), byte(1), byte(2)];
    assert!(sent.iter().all(|sent| sent.bytes == block), "{sent:?}");
}

#[test]
fn h01_f32_a_request_that_is_never_acknowledged_draws_little() {
    for (request, budget) in [
        // One block, three times, where no option makes the answer small.
        ("RRQ f octet", 3 * 516),
        ("RRQ f octet blksize=65464 windowsize=64 tsize=0", 3 * 60),
        ("WRQ f octet", 3 * 4),
    ] {
        let mut octets = 0;
        if request.starts_with("RRQ") {
            let mut machine = serve(request, 1 << 30, limits()).0;
            octets += left_alone(&mut machine, 0)
                .0
                .iter()
                .map(|sent| sent.bytes.len())
                .sum::<usize>();
        } else {
            let mut machine = take(request, limits()).0;
            octets += left_alone(&mut machine, 0)
                .0
                .iter()
                .map(|sent| sent.bytes.len())
                .sum::<usize>();
        }
        assert!(octets <= budget, "{request} draws {octets} octets");
    }
}

#[test]
fn h04_a_slow_reader_is_ended_by_the_deadline() {
    let mut config = limits();
    config.retry.deadline = Some(core::time::Duration::from_secs(30));
    let mut machine = serve("RRQ f octet", 1 << 20, config).0;
    let (mut now, mut block): (u64, u16) = (0, 0);
    for _ in 0..1_000 {
        match machine.poll(Instant::from_micros(now)) {
            Output::Transmit(_) => {}
            Output::Wait(_) => {
                now += 4_900_000;
                block += 1;
                let datagram = packet::bytes(&format!("ACK {block}"));
                let _ = machine.handle(Instant::from_micros(now), addr("a"), &datagram);
            }
            Output::Done(result) => return assert_eq!(result, Err(TransferError::TimedOut)),
        }
        assert!(now < 40_000_000, "still served");
    }
    panic!("sends for ever");
}

#[test]
fn h11_reordering_and_doubling_cost_a_small_factor() {
    for seed in 1..=20 {
        let link = Link {
            seed,
            doubled: 200,
            late: 300,
            lateness: 30_000,
            ..CLEAN
        };
        for windowsize in [4, 16] {
            let report = download(20_000, asking(8, windowsize), limits(), link);
            report.assert_intact(20_000);
            let factor = report.data() as f64 / 2501.0;
            assert!(
                factor < f64::from(windowsize),
                "{factor} with a window of {windowsize}, seed {seed}"
            );
        }
    }
}

#[test]
fn c80_every_octet_value_arrives_as_it_was() {
    // The file is a mixture of all values: `byte` takes each of the 256.
    let mut values: Vec<u8> = (0..5000).map(byte).collect();
    download(5000, plain(), limits(), CLEAN).assert_whole(5000);
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), 256);
}

#[test]
fn a_source_of_unknown_length_ends_where_it_is_told() {
    check(
        put_length(Length::Unknown, plain()),
        "
             > WRQ f octet
        5    < ACK 0
             > DATA 1 [512]
        6    < ACK 1
             > DATA 2 [512]
        6    ends 600
             > DATA 2 [88]
        7    < ACK 2
             done ok 600",
    );
}

#[test]
fn a_source_of_unknown_length_may_end_with_a_full_block() {
    check(
        serve_length("RRQ f octet", Length::Unknown, limits()),
        "
             > DATA 1 [512]
        5    < ACK 1
             > DATA 2 [512]
        5    ends 512
             > DATA 2 [0]
        6    < ACK 2
             done ok 512",
    );
}

#[test]
fn a_source_may_end_inside_a_window() {
    check(
        serve_length("RRQ f octet windowsize=4", Length::Unknown, limits()),
        "
             > OACK windowsize=4
        1    < ACK 0
             > DATA 1 [512]
             > DATA 2 [512]       # only 88 of them can be filled
             > DATA 3 [512]
             > DATA 4 [512]
        1    ends 600
             > DATA 2 [88]
        2    < ACK 4 = ignored
        3    < ACK 2
             done ok 600",
    );
}

#[test]
fn a_source_may_end_between_two_blocks_of_a_window() {
    check(
        serve_length("RRQ f octet windowsize=4", Length::Unknown, limits()),
        "
             > OACK windowsize=4
        1    < ACK 0
             > DATA 1 [512]
             > DATA 2 [512]
             > DATA 3 [512]
             > DATA 4 [512]
        1    ends 1024
             > DATA 3 [0]
        2    < ACK 3
             done ok 1024",
    );
}

#[test]
fn a_length_beyond_the_known_one_is_not_believed() {
    check(
        put(60, plain()),
        "
             > WRQ f octet
        5    < ACK 0
             > DATA 1 [60]        # the last block: the peer is done with it
        6    ends 512
        7    < ACK 1 = acked 60
             done ok 60",
    );
}

#[test]
fn q11_a_file_that_shrank_below_what_was_acknowledged_ends_the_transfer() {
    let machine = check(
        serve("RRQ f octet", 5000, limits()),
        "
             > DATA 1 [512]
        5    < ACK 1
             > DATA 2 [512]
        6    < ACK 2
             > DATA 3 [512]
        6    ends 100
             > ERROR 0
             done local 0",
    );
    assert!(!machine.0.is_complete());
}

#[test]
fn f40_netascii_is_not_served_as_octet() {
    let request = Request::netascii("f").unwrap();
    let machine = Sender::request(Instant::ZERO, addr("69"), request, Length::Unknown, plain());
    check(machine, "> WRQ f netascii");
    let datagram = packet::bytes("RRQ f netascii");
    let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
    assert_eq!(incoming.request().mode(), Mode::Netascii);
}
