//! The classic capture file format, with raw IP packets.

use core::net::{IpAddr, SocketAddr};
use std::io::{self, Write};

use tftp_proto::Instant;

use crate::{Capture, Record, Tap};

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const SNAPSHOT_LEN: u32 = 0x0004_0000;
/// The packets begin with their IP header.
const LINKTYPE_RAW: u32 = 101;
const UDP: u8 = 17;
const TIME_TO_LIVE: u8 = 64;

pub(crate) fn write(capture: &Capture, tap: Tap, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&MAGIC_MICROSECONDS.to_be_bytes())?;
    // Version 2.4, and two fields that are always 0.
    out.write_all(&[0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0])?;
    out.write_all(&SNAPSHOT_LEN.to_be_bytes())?;
    out.write_all(&LINKTYPE_RAW.to_be_bytes())?;
    for (at, record) in sightings(capture, tap) {
        let packet = packet(record);
        let micros = at.as_micros();
        let cut = record.len - record.payload.len();
        for field in [
            micros / 1_000_000,
            micros % 1_000_000,
            packet.len() as u64,
            (packet.len() + cut) as u64,
        ] {
            out.write_all(&u32::try_from(field).unwrap_or(u32::MAX).to_be_bytes())?;
        }
        out.write_all(&packet)?;
    }
    out.flush()
}

fn sightings(capture: &Capture, tap: Tap) -> Vec<(Instant, &Record)> {
    let mut seen: Vec<_> = match tap {
        Tap::Sending => capture
            .records()
            .map(|record| (record.sent, record))
            .collect(),
        Tap::Arriving => capture
            .records()
            .flat_map(|record| [record.arrived, record.again].map(|at| at.map(|at| (at, record))))
            .flatten()
            .collect(),
    };
    seen.sort_by_key(|(at, _)| *at);
    seen
}

/// The IP packet, without the octets that were not kept, as if a snapshot length had cut them off.
fn packet(record: &Record) -> Vec<u8> {
    let udp = udp(record);
    let len = udp.len() - record.payload.len() + record.len;
    let mut packet = match (record.from.ip(), record.to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = vec![0x45, 0];
            header.extend(length16(len + 20));
            // Identification, "do not fragment".
            header.extend([0, 0, 0x40, 0, TIME_TO_LIVE, UDP, 0, 0]);
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = internet_checksum(&header).to_be_bytes();
            header.splice(10..12, sum);
            header
        }
        (from, to) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(length16(len));
            header.extend([UDP, TIME_TO_LIVE]);
            header.extend(v6(from));
            header.extend(v6(to));
            header
        }
    };
    packet.extend(udp);
    packet
}

fn udp(record: &Record) -> Vec<u8> {
    let Record {
        from, to, payload, ..
    } = record;
    let mut udp = Vec::with_capacity(8 + payload.len());
    udp.extend(from.port().to_be_bytes());
    udp.extend(to.port().to_be_bytes());
    udp.extend(length16(8 + record.len));
    udp.extend([0, 0]);
    udp.extend_from_slice(payload);
    // Without the whole payload there is no checksum; 0 says so (RFC 768).
    if payload.len() == record.len {
        let sum = match internet_checksum(
            &[pseudo_header(*from, *to, udp.len()), udp.clone()].concat(),
        ) {
            0 => 0xffff_u16,
            sum => sum,
        };
        udp.splice(6..8, sum.to_be_bytes());
    }
    udp
}

fn pseudo_header(from: SocketAddr, to: SocketAddr, len: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(40);
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            header.extend(from.octets());
            header.extend(to.octets());
        }
        (from, to) => {
            header.extend(v6(from));
            header.extend(v6(to));
        }
    }
    header.extend([0, UDP]);
    header.extend(length16(len));
    header
}

const fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// RFC 1071.
fn internet_checksum(octets: &[u8]) -> u16 {
    let mut sum: u64 = octets
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => u64::from(u16::from_be_bytes([high, low])),
            [high] => u64::from(high) << 8,
            _ => 0,
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// A length field; no datagram is longer than 65,535 octets.
fn length16(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}
