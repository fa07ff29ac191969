//! What was seen can be looked at.

use tftp_proto::Config;
use tftp_sim::{File, Link, Pair, Report, Tap};

fn run(v6: bool) -> Report {
    let mut config = Config::client();
    config.blksize = 1024;
    let pair = Pair::get(File::pattern(1, 1_500))
        .client(config)
        .link(Link::new(1))
        .capturing();
    if v6 { pair.v6() } else { pair }.run().unwrap()
}

/// RFC 1071: the sum over data with its checksum is all ones.
fn sums_up(octets: &[u8]) -> bool {
    let mut sum: u32 = octets
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum == 0xffff
}

fn number(octets: &[u8]) -> usize {
    octets
        .iter()
        .fold(0, |number, octet| number << 8 | usize::from(*octet))
}

/// The IP packets of a capture file.
fn packets(report: &Report, tap: Tap) -> Vec<Vec<u8>> {
    let mut file = Vec::new();
    report.capture.pcap(tap, &mut file).unwrap();
    let (header, mut rest) = file.split_at(24);
    assert_eq!(header[..8], [0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4]);
    assert_eq!(number(&header[20..]), 101, "raw IP");
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let len = number(&rest[8..12]);
        assert_eq!(len, number(&rest[12..16]));
        packets.push(rest[16..16 + len].to_vec());
        rest = &rest[16 + len..];
    }
    packets
}

#[test]
fn a_capture_file_holds_each_datagram() {
    let payloads: Vec<_> = packets(&run(false), Tap::Sending)
        .iter()
        .map(|packet| packet[28..].to_vec())
        .collect();
    let report = run(false);
    let sent: Vec<_> = report
        .capture
        .records()
        .map(|r| r.payload.clone())
        .collect();
    // RRQ, OACK, ACK 0, DATA 1, ACK 1, DATA 2, ACK 2.
    assert_eq!(payloads.len(), 7);
    assert_eq!(payloads, sent);
}

#[test]
fn ipv4_lengths_and_checksums_are_right() {
    for packet in packets(&run(false), Tap::Sending) {
        assert_eq!(number(&packet[2..4]), packet.len());
        assert_eq!(number(&packet[24..26]), packet.len() - 20);
        assert!(sums_up(&packet[..20]));
        let mut pseudo = packet[12..20].to_vec();
        pseudo.extend([0, 17, packet[24], packet[25]]);
        pseudo.extend(&packet[20..]);
        assert!(sums_up(&pseudo));
    }
}

#[test]
fn ipv6_lengths_and_checksums_are_right() {
    for packet in packets(&run(true), Tap::Sending) {
        assert_eq!(number(&packet[4..6]), packet.len() - 40);
        let mut pseudo = packet[8..40].to_vec();
        pseudo.extend([0, 17, packet[44], packet[45]]);
        pseudo.extend(&packet[40..]);
        assert!(sums_up(&pseudo));
    }
}

#[test]
fn the_arriving_end_sees_copies_and_no_losses() {
    let report = Pair::get(File::pattern(1, 5_000))
        .link(Link::new(4).loss(0.2).duplicate(0.2))
        .capturing()
        .run()
        .unwrap();
    let traffic = report.traffic;
    assert!(traffic.lost > 0 && traffic.doubled > 0);
    let seen = packets(&report, Tap::Arriving).len() as u64;
    assert_eq!(seen, traffic.sent - traffic.lost + traffic.doubled);
}

#[test]
fn the_ladder_shows_each_datagram_and_its_fate() {
    let lost = |n| {
        move |_, datagram: &tftp_sim::Datagram| {
            if datagram.payload[..4] == [0, 3, 0, n] {
                tftp_sim::Fate::Lose
            } else {
                tftp_sim::Fate::Chance
            }
        }
    };
    let mut config = Config::client();
    config.retry.resends = 1;
    config.tsize = false;
    let mut server = Config::server();
    server.retry.resends = 0;
    let ladder = Pair::get(File::pattern(1, 700))
        .client(config)
        .server(server)
        .script(lost(2))
        .run()
        .unwrap()
        .capture
        .ladder();
    let lines: Vec<_> = ladder
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert!(lines[0].contains("10.0.0.2 10.0.0.1"), "{ladder}");
    assert!(lines[1].contains("- RRQ 50000>69 -") && lines[1].ends_with(">|"));
    assert!(lines[2].contains("|<-") && lines[2].contains("- DATA 1 (512) 49152>50000 -"));
    assert!(lines[3].contains("- ACK 1 50000>49152 -"));
    assert!(lines[4].contains("|x-") && lines[4].contains("DATA 2 (188)"));
    assert!(lines[4].ends_with("lost"));
}
