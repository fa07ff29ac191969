//! Faults of every kind at once. The simulation checks every promise of the machines at every step;
//! these tests add that transfers end, when, and at what cost.

use core::time::Duration;

use tftp_proto::TransferError;
use tftp_sim::{File, Link, Report, Rng, Stranger};

use crate::{Way, asking, blocks, ms};

/// One of a thousand transfers over a link with 5 % loss, duplication and reordering, and a stranger.
fn one_of_many(way: Way, device: bool, seed: u64) -> (u64, Report) {
    let mut rng = Rng::new(seed);
    let windowsize = 1 + u16::try_from(rng.below(16)).unwrap();
    let blksize = [8, 512, 512, 1024, 1428][usize::try_from(rng.below(5)).unwrap()];
    let len = rng.below(100) * u64::from(blksize)
        + [0, rng.below(u64::from(blksize))][usize::from(rng.chance(0.5))];
    let link = Link::new(seed)
        .loss(0.05)
        .duplicate(0.05)
        .reorder(0.05, ms(8))
        .delay(ms(2));
    let pair = way
        .of(File::pattern(seed, len))
        .client(asking(blksize, windowsize))
        .link(link)
        .stranger(Stranger::new(seed, 0.02))
        .within(Duration::from_secs(300));
    let pair = if device { pair.device() } else { pair };
    (len, pair.run().unwrap())
}

/// The receiver always succeeds, with the whole file. The sender may be left without the final ACK, which
/// nobody can help (RFC 1350 section 6), but rarely.
fn a_thousand_end_equal(way: Way, device: bool) {
    let mut unconfirmed = 0;
    for seed in 0..1_000 {
        let (len, report) = one_of_many(way, device, seed);
        assert_eq!(report.received, len, "seed {seed}");
        assert!(way.receiver_succeeded(&report), "seed {seed}");
        let server = report.server.unwrap().result.err();
        for error in report.client.result.err().into_iter().chain(server) {
            assert_eq!(error, TransferError::Unconfirmed, "seed {seed}");
            unconfirmed += 1;
        }
        assert!(
            report.elapsed < Duration::from_secs(60),
            "seed {seed} took {:?}",
            report.elapsed
        );
    }
    assert!(unconfirmed <= 25, "{unconfirmed} of 1,000 unconfirmed");
}

#[test]
fn a_thousand_reads_end_equal() {
    a_thousand_end_equal(Way::Get, false);
}

#[test]
fn a_thousand_writes_end_equal() {
    a_thousand_end_equal(Way::Put, false);
}

#[test]
fn a_thousand_reads_from_a_device_end_equal() {
    a_thousand_end_equal(Way::Get, true);
}

#[test]
fn a_thousand_writes_to_a_device_end_equal() {
    a_thousand_end_equal(Way::Put, true);
}

/// C-70: loss, duplication and reordering of 0 to 30 % each, windows of 1 to 64.
fn any_faults(way: Way) {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let mut client = asking(64, 1 + u16::try_from(rng.below(64)).unwrap());
        let mut server = tftp_proto::Config::server();
        // Enough for the worst run of bad luck: that it gives up is another test's business.
        client.retry.resends = 60;
        server.retry.resends = 60;
        server.retry.unproven = 60;
        let len = rng.below(20_000);
        let mut share = || rng.below(31) as f64 / 100.0;
        let link = Link::new(seed)
            .loss(share())
            .duplicate(share())
            .reorder(share(), ms(8))
            .delay(ms(2));
        // In every other run the ACKs meet windows that are still being sent.
        let send_time = Duration::from_micros(rng.below(2) * 300);
        let report = way
            .of(File::pattern(seed, len))
            .client(client)
            .server(server)
            .link(link)
            .send_time(send_time)
            .run()
            .unwrap();
        assert_eq!(report.received, len, "seed {seed}");
        assert!(way.receiver_succeeded(&report), "seed {seed}");
        assert!(
            report.elapsed < Duration::from_secs(3_600),
            "seed {seed} took {:?}",
            report.elapsed
        );
    }
}

#[test]
fn c70_no_faults_alter_a_file_that_is_read() {
    any_faults(Way::Get);
}

#[test]
fn c70_no_faults_alter_a_file_that_is_written() {
    any_faults(Way::Put);
}

#[test]
fn c70_doubling_every_datagram_adds_no_data() {
    for way in Way::BOTH {
        for windowsize in 1..=64 {
            for len in [0, 640, 64 * 130 + 1] {
                let report = way
                    .of(File::pattern(1, len))
                    .client(asking(64, windowsize))
                    .link(Link::new(1).duplicate(1.0).delay(ms(1)))
                    .run()
                    .unwrap();
                assert_eq!(way.data(&report), blocks(len, 64), "{way:?} {windowsize}");
            }
        }
    }
}

#[test]
fn c39_a_late_duplicate_costs_one_block_and_no_more() {
    // One ACK is late by more than the time-out; every later block is sent once (RFC 1123 section 4.2.3.1).
    for way in Way::BOTH {
        let mut seen = 0;
        let report = way
            .of(File::pattern(1, 512 * 40))
            .client(asking(512, 1))
            .link(Link::new(1).delay(ms(1)))
            .script(move |_, datagram| {
                seen += u32::from(datagram.payload.starts_with(&[0, 4, 0, 10]));
                if seen == 1 && datagram.payload.starts_with(&[0, 4, 0, 10]) {
                    tftp_sim::Fate::Hold(ms(70))
                } else {
                    tftp_sim::Fate::Arrive
                }
            })
            .run()
            .unwrap();
        assert!(report.is_success());
        assert_eq!(way.data(&report), 41 + 1, "{way:?}");
    }
}

#[test]
fn h11_reordering_and_duplication_start_no_storm() {
    for way in Way::BOTH {
        for windowsize in [2, 4, 16] {
            let (mut sent, mut needed) = (0, 0);
            for seed in 0..50 {
                let link = Link::new(seed)
                    .duplicate(0.1)
                    .reorder(0.1, ms(2))
                    .delay(ms(2));
                let report = way
                    .of(File::pattern(1, 100_000))
                    .client(asking(1024, windowsize))
                    .link(link)
                    .run()
                    .unwrap();
                sent += way.data(&report);
                needed += blocks(100_000, 1024);
            }
            let factor = sent as f64 / needed as f64;
            println!("{way:?}, window {windowsize}: {factor:.2} x the DATA");
            assert!(factor < 3.5, "{way:?} {windowsize}: {factor}");
        }
    }
}
