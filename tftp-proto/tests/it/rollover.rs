//! Block numbers beyond 65535.

use tftp_proto::{Config, Event, Ignored, Instant, Output, Receiver, Rollover, Sender};

use crate::link::{download, upload};
use crate::packet;
use crate::pair::CLEAN;
use crate::script::{check, check_from};
use crate::support::{Served, addr, asking, byte, encode, flush, get, limits, serve};

/// More blocks than a cycle of numbers has.
const LEN: u64 = 70_000 * 8 + 3;

/// Brings a client in lockstep, blocks of 8 octets, to the point where it has acknowledged `block`.
pub(crate) fn received(
    config: Config,
    options: &str,
    block: u64,
    wire: impl Fn(u64) -> u16,
) -> Receiver<'static> {
    let windowsize = u64::from(config.windowsize);
    let mut machine = get(config);
    let (now, server) = (Instant::ZERO, addr("tid"));
    let mut feed = |datagram: &[u8]| {
        flush(|| matches!(machine.poll(now), Output::Transmit(_)));
        let event = machine.handle(now, server, datagram);
        assert!(
            matches!(event, Event::Block(_) | Event::Negotiated(_)),
            "{event:?}"
        );
    };
    feed(&packet::bytes(&format!("OACK {options}")));
    for n in 1..=block {
        let mut datagram = vec![0, 3];
        datagram.extend(wire(n).to_be_bytes());
        datagram.extend([0x11; 8]);
        feed(&datagram);
    }
    assert_eq!(block % windowsize, 0, "an ACK is due");
    flush(|| matches!(machine.poll(now), Output::Transmit(_)));
    assert_eq!(machine.summary().blocks, block);
    machine
}

/// Brings a server in lockstep, blocks of 8 octets, to the point where block `block` is on its way.
pub(crate) fn sending(len: u64, block: u64) -> Served<Sender<'static>> {
    let mut machine = serve("RRQ f octet blksize=8", len, limits());
    let (now, client) = (Instant::ZERO, addr("a"));
    for n in 0..block {
        flush(|| matches!(machine.0.poll(now), Output::Transmit(_)));
        let [high, low] = (n as u16).to_be_bytes();
        let ack = [0, 4, high, low];
        let event = machine.0.handle(now, client, &ack);
        assert!(!matches!(event, Event::Ignored(_)), "ACK {n}");
    }
    machine
}

pub(crate) fn to_zero(n: u64) -> u16 {
    (n % 65_536) as u16
}

fn to_one(n: u64) -> u16 {
    ((n - 1) % 65_535 + 1) as u16
}

#[test]
fn c71_numbers_go_on_with_zero() {
    for windowsize in [1, 16] {
        let report = download(LEN, asking(8, windowsize), limits(), CLEAN);
        report.assert_whole(LEN);
        assert!(
            report.of_kind(3).eq((1..=70_001).map(to_zero)),
            "window of {windowsize}"
        );
    }
}

#[test]
fn c71_uploads_go_on_with_zero() {
    for windowsize in [1, 16] {
        let report = upload(LEN, asking(8, windowsize), limits(), CLEAN);
        report.assert_whole(LEN);
        assert!(
            report.of_kind(3).eq((1..=70_001).map(to_zero)),
            "window of {windowsize}"
        );
    }
}

#[test]
fn c72_numbers_go_on_with_one_where_that_is_agreed() {
    for windowsize in [1, 16] {
        let mut config = asking(8, windowsize);
        config.rollover = Rollover::One;
        let report = download(LEN, config, limits(), CLEAN);
        report.assert_whole(LEN);
        assert!(
            report.of_kind(3).eq((1..=70_001).map(to_one)),
            "window of {windowsize}"
        );
        upload(LEN, config, limits(), CLEAN).assert_whole(LEN);
    }
}

#[test]
fn c72_numbers_go_on_with_one_where_that_is_configured() {
    let (mut client, mut server) = (asking(8, 1), limits());
    client.rollover = Rollover::One;
    server.rollover = Rollover::One;
    let report = upload(LEN, client, server, CLEAN);
    report.assert_whole(LEN);
    assert!(report.of_kind(3).eq((1..=70_001).map(to_one)));
}

#[test]
fn c72_the_option_is_asked_for_and_answered() {
    let mut config = asking(512, 1);
    config.rollover = Rollover::One;
    check(get(config), "> RRQ f octet rollover=1");
    check(
        serve("RRQ f octet rollover=1", 5, limits()),
        "> OACK rollover=1",
    );
    check(
        serve("RRQ f octet rollover=0", 5, limits()),
        "> OACK rollover=0",
    );
    check(serve("RRQ f octet rollover=2", 5, limits()), "> DATA 1 [5]");
}

#[test]
fn c73_block_0_is_not_the_first_block() {
    check(
        get(asking(8, 1)),
        "
             > RRQ f octet blksize=8
        5    < raw 00 03 00 00 31 32 33 34 35 36 37 38 = ignored
        6    < OACK blksize=8
             > ACK 0
        7    < raw 00 03 00 00 31 32 33 34 35 36 37 38 = ignored
        8    < raw 00 03 00 01 31 32 33 34 35 36 37 38
             > ACK 1
        9    < raw 00 03 00 00 31 32 33 34 35 36 37 38 = ignored",
    );
}

#[test]
fn c74_ack_0_after_a_wrap_confirms_data_0_and_nothing_else() {
    check(
        sending(70_000 * 8, 65_535),
        "
             > DATA 65535 [8]
        5    < ACK 0 = ignored
        6    < ACK 65535
             > DATA 0 [8]
        7    < ACK 65535 = ignored
        8    < ACK 0
             > DATA 1 [8]
        9    < ACK 0 = ignored",
    );
}

#[test]
fn c74_the_last_block_may_be_number_0() {
    check(
        sending(65_535 * 8, 65_536),
        "
             > DATA 0 [0]
        5    < ACK 0
             done ok 524280",
    );
}

#[test]
fn c75_blocks_of_the_previous_cycle_are_rejected() {
    let machine = received(asking(8, 1), "blksize=8", 65_539, to_zero);
    check_from(
        machine,
        65_539 * 8,
        "
        5    < DATA 65535 [8] = ignored
        6    < DATA 0 [8] = ignored
        7    < DATA 40000 [8] = ignored
        8    < DATA 4 [8]
             > ACK 4",
    );
}

#[test]
fn c75_acks_of_the_previous_cycle_are_rejected() {
    check(
        sending(70_000 * 8, 65_539),
        "
             > DATA 3 [8]
        5    < ACK 65535 = ignored
        6    < ACK 0 = ignored
        7    < ACK 2 = ignored
        8    < ACK 3
             > DATA 4 [8]",
    );
}

#[test]
fn c76_a_window_above_32767_is_never_agreed() {
    check(
        serve("RRQ f octet blksize=8 windowsize=65535", 5, limits()),
        "> OACK blksize=8 windowsize=32767",
    );
}

#[test]
fn a_window_of_32767_crosses_the_wrap_twice() {
    let len = 140_000 * 8;
    download(len, asking(8, 32_767), limits(), CLEAN).assert_whole(len);
}

#[test]
fn a_receiver_in_lockstep_sees_that_its_peer_goes_on_with_one() {
    let machine = received(asking(8, 1), "blksize=8", 65_535, to_zero);
    check_from(
        machine,
        65_535 * 8,
        "
        5    < DATA 1 [8]
             > ACK 1
        6    < DATA 1 [8] = ignored
             > ACK 1
        7    < DATA 2 [8]
             > ACK 2",
    );
}

#[test]
fn a_one_in_a_window_is_a_gap_first() {
    let machine = received(asking(8, 5), "blksize=8 windowsize=5", 65_535, to_zero);
    check_from(
        machine,
        65_535 * 8,
        "
        5    < DATA 1 [8] = ignored     # 0 was lost
             > ACK 65535
        6    < DATA 2 [8] = ignored
        7    < DATA 3 [8] = ignored
        8    < DATA 4 [8] = ignored
        20   < DATA 0 [8]
        21   < DATA 1 [8]
        22   < DATA 2 [8]
        23   < DATA 3 [8]
        24   < DATA 4 [8]
             > ACK 4",
    );
}

#[test]
fn a_whole_window_from_one_shows_that_the_peer_goes_on_with_one() {
    let machine = received(asking(8, 5), "blksize=8 windowsize=5", 65_535, to_zero);
    check_from(
        machine,
        65_535 * 8,
        "
        5    < DATA 1 [8] = ignored
             > ACK 65535
        6    < DATA 2 [8] = ignored
        7    < DATA 3 [8] = ignored
        8    < DATA 4 [8] = ignored
        9    < DATA 5 [8] = ignored
        20   < DATA 1 [8]
        21   < DATA 2 [8]
        22   < DATA 3 [8]
        23   < DATA 4 [8]
        24   < DATA 5 [8]
             > ACK 5",
    );
}

#[test]
fn f09_the_request_is_not_repeated_when_the_number_wraps() {
    let report = upload(LEN, asking(8, 1), limits(), CLEAN);
    let requests = report.sent.iter().filter(|datagram| datagram[1] <= 2);
    assert_eq!(requests.count(), 1);
}

#[test]
fn f10_a_gap_above_block_32767_is_reported_at_once() {
    let machine = received(asking(8, 4), "blksize=8 windowsize=4", 40_000, to_zero);
    check_from(
        machine,
        40_000 * 8,
        "
        5    < DATA 40002 [8] = ignored
             > ACK 40000",
    );
}

#[test]
fn f28_offsets_beyond_four_gib_are_exact() {
    const LEN: u64 = 5 << 30;
    let blksize = 65_464;
    let mut machine = serve("RRQ f octet blksize=65464 tsize=0", LEN, limits());
    let (now, client) = (Instant::ZERO, addr("a"));
    let mut buffer = vec![0; 65_468];
    let mut offset = 0;
    let mut block: u16 = 0;
    loop {
        let Output::Transmit(transmit) = machine.0.poll(now) else {
            panic!("nothing to send")
        };
        let gap = transmit.encode(&mut buffer).unwrap();
        match gap {
            None => assert_eq!(transmit.encoded_len(), buffer_len(LEN), "OACK with {LEN}"),
            Some(gap) => {
                assert_eq!(gap.offset, offset);
                let len = gap.buf.len() as u64;
                offset += len;
                if offset > u64::from(u32::MAX) && offset < u64::from(u32::MAX) + 65_464 {
                    let bytes = encode(&transmit);
                    assert_eq!(bytes[4], byte(offset - len), "the block across 4 GiB");
                }
                if len < blksize {
                    break;
                }
            }
        }
        assert!(matches!(machine.0.poll(now), Output::Wait(_)));
        let [high, low] = block.to_be_bytes();
        let ack = [0, 4, high, low];
        let event = machine.0.handle(now, client, &ack);
        assert!(!matches!(
            event,
            Event::Ignored(Ignored::Unexpected | Ignored::Duplicate)
        ));
        block = block.wrapping_add(1);
    }
    assert_eq!(offset, LEN);
}

/// Octets of an OACK with `blksize` 65464 and this `tsize`.
fn buffer_len(tsize: u64) -> usize {
    2 + "blksize\x0065464\0tsize\0".len() + tsize.to_string().len() + 1
}

#[test]
fn c72_a_wrap_to_one_that_is_not_acknowledged_counts_as_never_asked() {
    let mut config = asking(8, 1);
    config.rollover = Rollover::One;
    let mut machine = received(config, "blksize=8", 65_535, |n| n as u16);
    let datagram = packet::bytes("DATA 0 [8]");
    let event = machine.handle(Instant::ZERO, addr("tid"), &datagram);
    assert!(
        matches!(event, Event::Block(block) if block.offset == 65_535 * 8),
        "{event:?}"
    );
}

#[test]
fn a_0_is_no_number_after_a_rollover_to_one() {
    // 65535 is on its way, and a 0 would be its neighbour if there were one.
    let request = "RRQ f octet blksize=8 rollover=1 windowsize=32767";
    let mut machine = serve(request, 70_000 * 8, limits()).0;
    let (now, client) = (Instant::ZERO, addr("a"));
    for ack in ["ACK 0", "ACK 32767", "ACK 32768"] {
        flush(|| matches!(machine.poll(now), Output::Transmit(_)));
        let datagram = packet::bytes(ack);
        let event = machine.handle(now, client, &datagram);
        assert!(matches!(event, Event::Acknowledged { .. }), "{event:?}");
    }
    flush(|| matches!(machine.poll(now), Output::Transmit(_)));
    let datagram = packet::bytes("ACK 0");
    let event = machine.handle(now, client, &datagram);
    assert_eq!(event, Event::Ignored(Ignored::Duplicate));
}

#[test]
fn a_repeated_ack_0_hastens_the_first_window_whatever_follows_65535() {
    check(
        serve("RRQ f octet rollover=1 windowsize=2", 5000, limits()),
        "
             > OACK rollover=1 windowsize=2
        10   < ACK 0
             > DATA 1 [512]
             > DATA 2 [512]
        20   < ACK 0 = ignored
             > DATA 1 [512]
             > DATA 2 [512]",
    );
}

#[test]
fn the_farthest_block_ahead_is_early_and_not_late() {
    let mut machine = check(get(asking(8, 1)), "> RRQ f octet blksize=8");
    let (now, server) = (Instant::from_millis(5), addr("tid"));
    let _ = machine.handle(now, server, &packet::bytes("OACK blksize=8"));
    let far = packet::bytes("raw 00 03 80 00 31 32 33 34 35 36 37 38");
    let event = machine.handle(now, server, &far);
    assert_eq!(event, Event::Ignored(Ignored::OutOfOrder));
}
