//! Files of more than 65,535 blocks.

use tftp_proto::{Config, Rollover};
use tftp_sim::{Fate, File, Link, Report, Transfer};

use crate::{Way, asking, blocks, ms};

const LEN: u64 = 70_000 * 8 - 3;

fn numbering(rollover: Rollover) -> Config {
    let mut config = Config::server();
    config.rollover = rollover;
    config
}

fn assert_whole(way: Way, report: &Report) {
    assert!(way.receiver_succeeded(report), "{way:?}");
    assert_eq!(report.received, LEN);
}

/// Both ends know how the numbers go on.
fn wraps(windowsize: u16, rollover: Rollover) {
    for way in Way::BOTH {
        let mut client = asking(8, windowsize);
        client.rollover = rollover;
        let report = way
            .of(File::pattern(1, LEN))
            .client(client)
            .link(Link::new(1).delay(ms(1)))
            .run()
            .unwrap();
        assert_whole(way, &report);
        assert_eq!(report.negotiated.rollover, rollover);
        assert_eq!(way.data(&report), blocks(LEN, 8), "{way:?}");
    }
}

#[test]
fn c71_lockstep_wraps_to_zero() {
    wraps(1, Rollover::Zero);
}

#[test]
fn c71_windows_wrap_to_zero() {
    wraps(16, Rollover::Zero);
}

#[test]
fn c72_lockstep_wraps_to_one_when_agreed() {
    wraps(1, Rollover::One);
}

#[test]
fn c72_windows_wrap_to_one_when_agreed() {
    wraps(16, Rollover::One);
}

/// The server goes on with 1, nobody has told the client.
fn detects(windowsize: u16, link: Link) -> Report {
    let report = Way::Get
        .of(File::pattern(1, LEN))
        .client(asking(8, windowsize))
        .server(numbering(Rollover::One))
        .link(link.delay(ms(1)))
        .run()
        .unwrap();
    assert_whole(Way::Get, &report);
    report
}

#[test]
fn c72_a_client_in_lockstep_recognises_a_wrap_to_one() {
    let report = detects(1, Link::new(1));
    assert_eq!(Way::Get.data(&report), blocks(LEN, 8));
}

#[test]
fn c72_a_client_with_windows_recognises_a_wrap_to_one() {
    for windowsize in [2, 3, 4, 16, 100] {
        let report = detects(windowsize, Link::new(1));
        // It costs a window or two, once.
        let extra = Way::Get.data(&report) - blocks(LEN, 8);
        assert!(extra <= 3 * u64::from(windowsize), "{windowsize}: {extra}");
    }
}

#[test]
fn c72_a_wrap_to_one_is_recognised_on_a_bad_link() {
    for seed in 0..3 {
        detects(4, Link::new(seed).loss(0.02).duplicate(0.02));
    }
}

#[test]
fn c72_a_server_recognises_a_wrap_to_one() {
    // Without options the client cannot tell.
    let mut client = asking(512, 1);
    client.options = false;
    client.rollover = Rollover::One;
    let len = 66_000 * 512 + 5;
    let report = Way::Put
        .of(File::pattern(1, len))
        .client(client)
        .run()
        .unwrap();
    assert_eq!(report.received, len);
    assert_eq!(Way::Put.data(&report), blocks(len, 512));
}

#[test]
fn c73_block_zero_before_any_wrap_is_nothing() {
    let request = tftp_proto::Request::octet("file").unwrap();
    let server = ([10, 0, 0, 1], 69).into();
    let sink = tftp_sim::Sink::keeping();
    let now = tftp_proto::Instant::ZERO;
    let mut transfer = Transfer::read(now, server, request, sink, Config::client());
    transfer.handle(now, server, &[0, 3, 0, 0, b'x']).unwrap();
    assert!(transfer.sink().unwrap().is_empty());
    assert_eq!(transfer.peer(), server);
    transfer.handle(now, server, &[0, 3, 0, 1, b'x']).unwrap();
    assert!(transfer.sink().unwrap().is_whole());
}

/// Holds the first datagram that begins with `head` and is preceded by `after` others like it.
fn late(head: [u8; 4], after: u32) -> impl FnMut(tftp_proto::Instant, &tftp_sim::Datagram) -> Fate {
    let mut seen = 0;
    move |_, datagram| {
        if !datagram.payload.starts_with(&head) {
            return Fate::Arrive;
        }
        seen += 1;
        if seen == after + 1 {
            Fate::Hold(ms(60))
        } else {
            Fate::Arrive
        }
    }
}

#[test]
fn c74_a_late_ack_of_block_65536_sends_nothing_again() {
    // ACK 0 stands for the request first, for block 65,536 later.
    for way in Way::BOTH {
        let report = way
            .of(File::pattern(1, LEN))
            .client(asking(8, 1))
            .link(Link::new(1).delay(ms(1)))
            .script(late([0, 4, 0, 0], u32::from(way == Way::Get)))
            .run()
            .unwrap();
        assert_whole(way, &report);
        assert_eq!(way.data(&report), blocks(LEN, 8) + 1, "{way:?}");
    }
}

#[test]
fn c75_a_late_block_of_the_previous_cycle_is_dropped() {
    // Block 65,535 comes again when some blocks of the next cycle are there.
    for windowsize in [1, 16] {
        for way in Way::BOTH {
            let report = way
                .of(File::pattern(1, LEN))
                .client(asking(8, windowsize))
                .link(Link::new(1).delay(ms(1)))
                .script(late([0, 3, 0xff, 0xff], 0))
                .run()
                .unwrap();
            assert_whole(way, &report);
        }
    }
}
