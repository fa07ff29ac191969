//! Sizes at the edges, known and not, and what a path does to large blocks.

use core::time::Duration;

use tftp_proto::{Mode, Rollover};
use tftp_sim::{File, Link};

use crate::{Way, asking, blocks, ms};

/// Sizes around the ends of blocks and windows.
fn edges(blksize: u64, windowsize: u64) -> impl Iterator<Item = u64> {
    [
        0,
        blksize,
        2 * blksize,
        windowsize * blksize,
        3 * windowsize * blksize,
    ]
    .into_iter()
    .flat_map(|edge| [edge.saturating_sub(1), edge, edge + 1])
}

fn transfers_edges(known: bool) {
    for way in Way::BOTH {
        for (blksize, windowsize) in [(8, 1), (8, 4), (512, 1), (512, 7), (1428, 3)] {
            for len in edges(blksize.into(), windowsize.into()) {
                let file = File::pattern(len, len);
                let file = if known {
                    file
                } else {
                    file.of_unknown_length()
                };
                let report = way
                    .of(file)
                    .client(asking(blksize, windowsize))
                    .link(Link::new(1).delay(ms(1)))
                    .run()
                    .unwrap();
                assert!(report.is_success(), "{way:?} {blksize} {windowsize} {len}");
                assert_eq!(report.received, len);
                assert_eq!(
                    way.data(&report),
                    blocks(len, blksize),
                    "{way:?} {blksize} {windowsize} {len}"
                );
            }
        }
    }
}

#[test]
fn every_size_takes_the_blocks_it_needs() {
    transfers_edges(true);
}

#[test]
fn a_source_of_unknown_length_takes_the_same_blocks() {
    transfers_edges(false);
}

#[test]
fn a_source_of_unknown_length_survives_faults() {
    // Not to be lost in three answers of which none arrives: that it gives up is another test's business.
    let mut patient = tftp_proto::Config::server();
    patient.retry.unproven = 60;
    for way in Way::BOTH {
        for seed in 0..200 {
            let link = Link::new(seed)
                .loss(0.1)
                .duplicate(0.1)
                .reorder(0.1, ms(8))
                .delay(ms(2));
            let report = way
                .of(File::pattern(seed, seed * 37).of_unknown_length())
                .client(asking(64, 1 + u16::try_from(seed % 9).unwrap()))
                .server(patient)
                .link(link)
                .run()
                .unwrap();
            assert_eq!(report.received, seed * 37, "{way:?} seed {seed}");
        }
    }
}

#[test]
fn a_text_travels_without_its_size() {
    let text = b"one\r\ntwo\r\0three\r\n".repeat(100);
    for way in Way::BOTH {
        let report = way
            .of(File::of(text.clone()).of_unknown_length())
            .client(asking(512, 4))
            .mode(Mode::Netascii)
            .link(Link::new(1).loss(0.1).delay(ms(1)))
            .run()
            .unwrap();
        assert_eq!(report.received, text.len() as u64);
        assert_eq!(report.negotiated.tsize, None);
    }
}

#[test]
fn more_than_four_gibibytes_arrive_whole() {
    let len = (1 << 32) + 12_345;
    for rollover in [Rollover::Zero, Rollover::One] {
        let mut client = asking(65_464, 16);
        client.rollover = rollover;
        let report = Way::Get
            .of(File::pattern(1, len))
            .client(client)
            .run()
            .unwrap();
        assert!(report.is_success());
        assert_eq!(report.received, len);
        assert_eq!(report.negotiated.tsize, Some(len));
    }
}

#[test]
fn a_client_falls_back_when_large_blocks_vanish() {
    for way in Way::BOTH {
        let pair = |falling_back| {
            let pair = way
                .of(File::pattern(1, 50_000))
                .client(asking(8192, 4))
                .link(Link::new(1).mtu(1500).delay(ms(1)));
            if falling_back {
                pair.falling_back()
            } else {
                pair
            }
            .run()
            .unwrap()
        };
        assert_eq!(pair(false).received, 0);
        let report = pair(true);
        assert!(report.is_success(), "{way:?}");
        assert_eq!(report.negotiated.blksize, 512);
    }
}

#[test]
fn a_slow_link_is_not_mistaken_for_a_lossy_one() {
    // 64 kbit/s: a window of 8 x 512 takes half a second, while the options were settled in 44 ms. The first
    // windows are sent again until that is noticed; nothing is lost, so nothing may be repeated for ever.
    const LEN: u64 = 400_000;
    for way in Way::BOTH {
        let report = way
            .of(File::pattern(1, LEN))
            .client(asking(512, 8))
            .link(Link::new(1).rate(8_000).delay(ms(20)))
            .run()
            .unwrap();
        assert!(report.is_success());
        let (sent, needed) = (way.data(&report), blocks(LEN, 512));
        assert!(sent <= needed + 8 * 8, "{way:?} {sent} for {needed}");
        assert!(report.elapsed < Duration::from_secs(65));
    }
}

#[test]
fn v6_makes_no_difference() {
    for way in Way::BOTH {
        let run = |v6| {
            let pair = way
                .of(File::pattern(1, 10_000))
                .client(asking(512, 4))
                .link(Link::new(2).loss(0.1).delay(ms(1)));
            let report = if v6 { pair.v6() } else { pair }.run().unwrap();
            (
                report.received,
                report.elapsed,
                report.client,
                report.server,
            )
        };
        assert_eq!(run(true), run(false));
    }
}
