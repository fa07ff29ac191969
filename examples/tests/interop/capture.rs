//! What tshark makes of our packets and the peers': its dissector is one that nobody here wrote.

use core::time::Duration;
use std::{fs::File, io::BufWriter, process::Command};

use crate::{
    clients::{Client, Direction},
    installed::{Skipped, find, or_skip},
    matrix::{Case, Cell, Column},
    process::run,
    relay::{ACK, DATA, ERROR, Fate, Frame, OACK, RRQ, Relay, WRQ, write_pcap},
    servers::{Daemon, Server},
};

/// What the captures hold: every kind of packet, and short files because each is decoded.
const CASES: [&str; 8] = [
    "size-0",
    "size-512",
    "default",
    "no-options",
    "both",
    "blksize-8",
    "netascii",
    "no/such",
];

/// A packet as tshark sees it.
#[derive(Debug)]
struct Packet {
    number: usize,
    opcode: u16,
    /// Names and values, of requests and OACK.
    options: Vec<(String, String)>,
    /// What tshark holds against it.
    complaint: Option<String>,
}

/// All frames, decoded: those too that tshark does not take for TFTP, with that as their complaint.
fn decode(frames: &[Frame], request_port: u16) -> Result<Vec<Packet>, Skipped> {
    const FIELDS: [&str; 8] = [
        "frame.protocols",
        "tftp.opcode",
        "tftp.option.name",
        "tftp.option.value",
        "_ws.malformed",
        "_ws.expert.severity",
        "_ws.expert.message",
        "frame.number",
    ];
    let mut command = Command::new(find("tshark")?);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("capture.pcap");
    write_pcap(frames, &mut BufWriter::new(File::create(&path).unwrap())).unwrap();
    command
        .arg("-n")
        .arg("-r")
        .arg(&path)
        .args(["-d", &format!("udp.port=={request_port},tftp")])
        .args(["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"])
        .args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let finished = run(command, Duration::from_secs(60));
    assert_eq!(finished.code(), Some(0), "{}", finished.output);
    let packets: Vec<_> = finished.output.lines().filter_map(packet).collect();
    assert_eq!(packets.len(), frames.len(), "{}", finished.output);
    Ok(packets)
}

/// A line of tshark's; other lines are its warning that it runs as root.
fn packet(line: &str) -> Option<Packet> {
    let fields: Vec<_> = line.split('\t').collect();
    let [
        protocols,
        opcode,
        names,
        values,
        malformed,
        severity,
        message,
        number,
    ] = fields[..]
    else {
        return None;
    };
    let complaint = if !protocols.split(':').any(|protocol| protocol == "tftp") {
        Some(format!("not decoded as TFTP but as {protocols}"))
    } else if !malformed.is_empty() {
        Some(format!("malformed: {message}"))
    } else if severity.split('|').any(|severity| severity == "8388608") {
        Some(message.to_owned())
    } else {
        None
    };
    let split = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
    Some(Packet {
        number: number.parse().unwrap(),
        opcode: opcode.parse().unwrap_or(0),
        options: split(names).into_iter().zip(split(values)).collect(),
        complaint,
    })
}

fn check(column: Column) {
    let server = or_skip!(Server::start(column.server));
    let relay = Relay::start(server.addr, |_| Fate::Pass);
    for case in Case::ALL.iter().filter(|case| CASES.contains(&case.file)) {
        let cell = or_skip!(column.cell(*case, &server, relay.addr));
        if let Cell::Fails(fault) = cell {
            panic!("{}, {}: {fault}", column.title(), case.title);
        }
    }
    let frames = relay.finish();
    let packets = or_skip!(decode(&frames, server.addr.port()));

    let complaints: Vec<_> = packets
        .iter()
        .filter(|packet| packet.complaint.is_some())
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");

    let request = match column.direction {
        Direction::Get => RRQ,
        Direction::Put => WRQ,
    };
    let mut opcodes = vec![request, DATA, ACK, ERROR];
    if column.client != Client::TftpHpa {
        opcodes.push(OACK);
    }
    for opcode in opcodes {
        assert!(
            packets.iter().any(|packet| packet.opcode == opcode),
            "no packet with opcode {opcode} among {}",
            packets.len()
        );
    }
    acknowledges_what_was_asked(&frames, &packets);
}

/// RFC 2347: an OACK names no option that its request does not name.
fn acknowledges_what_was_asked(frames: &[Frame], packets: &[Packet]) {
    for oack in packets.iter().filter(|packet| packet.opcode == OACK) {
        let client = frames[oack.number - 1].client;
        let request = packets[..oack.number]
            .iter()
            .rfind(|packet| {
                matches!(packet.opcode, RRQ | WRQ) && frames[packet.number - 1].client == client
            })
            .unwrap();
        for (name, value) in &oack.options {
            let asked = request.options.iter().find(|(asked, _)| asked == name);
            let Some((_, asked)) = asked else {
                panic!("{oack:?} answers {request:?}");
            };
            if ["blksize", "windowsize"].contains(&name.as_str()) {
                let number = |text: &str| text.parse::<u16>().unwrap();
                assert!(
                    number(value) <= number(asked),
                    "{oack:?} answers {request:?}"
                );
            }
        }
    }
}

macro_rules! captures {
    ($($name:ident: $column:expr,)*) => {
        $(#[test] fn $name() { check($column); })*
    };
}

captures! {
    tshark_decodes_our_client_getting_from_in_tftpd: Column::ours(Direction::Get, Daemon::InTftpd),
    tshark_decodes_our_client_putting_to_in_tftpd: Column::ours(Direction::Put, Daemon::InTftpd),
    tshark_decodes_our_client_getting_from_atftpd: Column::ours(Direction::Get, Daemon::Atftpd),
    tshark_decodes_our_client_putting_to_atftpd: Column::ours(Direction::Put, Daemon::Atftpd),
    tshark_decodes_our_client_getting_from_dnsmasq: Column::ours(Direction::Get, Daemon::Dnsmasq),
    tshark_decodes_our_server_giving_to_tftp_hpa: Column::theirs(Client::TftpHpa, Direction::Get),
    tshark_decodes_our_server_taking_from_tftp_hpa: Column::theirs(Client::TftpHpa, Direction::Put),
    tshark_decodes_our_server_giving_to_atftp: Column::theirs(Client::Atftp, Direction::Get),
    tshark_decodes_our_server_taking_from_atftp: Column::theirs(Client::Atftp, Direction::Put),
    tshark_decodes_our_server_giving_to_curl: Column::theirs(Client::Curl, Direction::Get),
    tshark_decodes_our_server_taking_from_curl: Column::theirs(Client::Curl, Direction::Put),
    tshark_decodes_our_server_giving_to_busybox: Column::theirs(Client::Busybox, Direction::Get),
    tshark_decodes_our_server_taking_from_busybox: Column::theirs(Client::Busybox, Direction::Put),
}

/// The check above would notice.
#[test]
fn tshark_complains_about_truncated_packets_and_foreign_ones() {
    let addr = |port| ([127, 0, 0, 1], port).into();
    let frame = |from_server, server, datagram: &[u8]| Frame {
        at: Duration::ZERO,
        from_server,
        client: addr(40000),
        server: addr(server),
        datagram: datagram.to_vec(),
    };
    let frames = [
        frame(false, 6969, b"\0\x01name\0octet\0"),
        frame(true, 50000, b"\0\x03\0\x01whole"),
        frame(true, 50000, b"\0\x03\0"),
        frame(false, 6969, b"\0\x01name without an end"),
        frame(true, 50000, b"\0\x05\0\x01text without an end"),
        Frame {
            client: addr(40001),
            ..frame(true, 50000, b"\0\x03\0\x01to somebody else")
        },
    ];
    let packets = or_skip!(decode(&frames, 6969));
    let complaints: Vec<_> = packets
        .iter()
        .map(|packet| packet.complaint.is_some())
        .collect();
    assert_eq!(
        complaints,
        [false, false, true, true, true, true],
        "{packets:#?}"
    );
}
