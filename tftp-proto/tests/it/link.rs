//! Whole transfers over links that lose, double and delay.

use proptest::prelude::*;
use tftp_proto::{Config, Incoming, Length, Receiver, Sender};

use crate::pair::{CLEAN, Link, Report, transfer};
use crate::support::{asking, get, limits, put};

/// A download of `len` octets by our client from our server.
pub(crate) fn download(len: u64, config: Config, limits: Config, link: Link) -> Report {
    transfer(
        get(config),
        |now, from, request| {
            let incoming = Incoming::decode(from, request).unwrap();
            Sender::accept(now, &incoming, Length::Known(len), limits)
        },
        link,
    )
}

/// An upload of `len` octets.
pub(crate) fn upload(len: u64, config: Config, limits: Config, link: Link) -> Report {
    transfer(
        put(len, config),
        |now, from, request| {
            let incoming = Incoming::decode(from, request).unwrap();
            Receiver::accept(now, &incoming, limits)
        },
        link,
    )
}

#[test]
fn c62_every_window_of_a_clean_transfer_is_acknowledged_once() {
    for (len, acks) in [
        (10 * 8, vec![0, 4, 8, 11]),
        (8 * 8, vec![0, 4, 8, 9]),
        (3, vec![0, 1]),
    ] {
        let report = download(len, asking(8, 4), limits(), CLEAN);
        report.assert_whole(len);
        assert_eq!(report.of_kind(4).collect::<Vec<_>>(), acks, "{len} octets");
    }
}

#[test]
fn c70_doubling_every_datagram_costs_no_data() {
    let doubling = Link {
        doubled: 1000,
        ..CLEAN
    };
    for windowsize in [1, 2, 4, 64] {
        let once = download(4000, asking(8, windowsize), limits(), CLEAN);
        let report = download(4000, asking(8, windowsize), limits(), doubling);
        report.assert_intact(4000);
        assert_eq!(
            report.data(),
            once.data(),
            "download with a window of {windowsize}"
        );
        let once = upload(4000, asking(8, windowsize), limits(), CLEAN);
        let report = upload(4000, asking(8, windowsize), limits(), doubling);
        report.assert_intact(4000);
        assert_eq!(
            report.data(),
            once.data(),
            "upload with a window of {windowsize}"
        );
    }
}

prop_compose! {
    fn bad_link()(
        seed in any::<u64>(),
        lost in 0..300u64,
        doubled in 0..300u64,
        late in 0..300u64,
        lateness in 0..100_000u64,
    ) -> Link {
        Link { seed, lost, doubled, late, lateness, delay: 10_000 }
    }
}

/// A machine that never gives up before the link lets something through: what is shown is that the
/// rules come to an end, not how patient they are.
fn patient(mut config: Config) -> Config {
    config.retry.resends = 60;
    config.retry.unproven = 60;
    config
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn c70_a_download_over_a_bad_link_ends_and_is_intact(
        link in bad_link(), len in 0..3000u64, windowsize in 1..=64u16,
    ) {
        let report = download(len, patient(asking(8, windowsize)), patient(limits()), link);
        report.assert_intact(len);
        prop_assert_eq!(report.client.map(|summary| summary.bytes), Ok(len));
    }

    #[test]
    fn c70_an_upload_over_a_bad_link_ends_and_is_intact(
        link in bad_link(), len in 0..3000u64, windowsize in 1..=64u16,
    ) {
        let report = upload(len, patient(asking(8, windowsize)), patient(limits()), link);
        report.assert_intact(len);
        prop_assert_eq!(report.server.unwrap().map(|summary| summary.bytes), Ok(len));
    }

    #[test]
    fn c70_a_sender_that_succeeds_has_delivered_the_file(
        link in bad_link(), len in 0..600u64, windowsize in 1..=64u16,
    ) {
        let report = upload(len, asking(8, windowsize), limits(), link);
        if report.client.is_ok() {
            report.assert_intact(len);
        }
        let report = download(len, asking(8, windowsize), limits(), link);
        if report.server.is_some_and(|end| end.is_ok()) {
            report.assert_intact(len);
        }
    }
}
