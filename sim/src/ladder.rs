//! An exchange as a drawing in text.

use core::{fmt::Write as _, net::IpAddr};

use tftp_proto::Packet;

use crate::{Capture, Record};

/// Characters from one host's column to the next.
const STEP: usize = 52;
/// Characters before the first column.
const MARGIN: usize = 13;

pub(crate) fn draw(capture: &Capture) -> String {
    let mut hosts: Vec<IpAddr> = Vec::new();
    for record in capture.records() {
        for host in [record.from.ip(), record.to.ip()] {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    let mut text = " ".repeat(MARGIN);
    for host in &hosts {
        let _ = write!(text, "{:STEP$}", host.to_string());
    }
    trim_line(&mut text);
    for record in capture.records() {
        line(&mut text, record, &hosts);
    }
    text
}

fn line(text: &mut String, record: &Record, hosts: &[IpAddr]) {
    let column = |host: IpAddr| hosts.iter().position(|known| *known == host).unwrap_or(0);
    let (from, to) = (column(record.from.ip()), column(record.to.ip()));
    let (left, right) = (from.min(to), from.max(to));
    let sent = record.sent.as_micros();
    let _ = write!(text, "{:4}.{:06}  ", sent / 1_000_000, sent % 1_000_000);
    for _ in 0..left {
        let _ = write!(text, "{:STEP$}", "|");
    }
    let width = ((right - left) * STEP).saturating_sub(1).max(STEP - 1);
    let label = format!(
        " {} {}>{} ",
        name(record),
        record.from.port(),
        record.to.port()
    );
    // A lost datagram's arrow ends in a cross.
    let (tail, head) = match (to >= from, record.arrived) {
        (true, Some(_)) => ("-", ">"),
        (true, None) => ("-", "x"),
        (false, Some(_)) => ("<", "-"),
        (false, None) => ("x", "-"),
    };
    let room = width.saturating_sub(2);
    let _ = write!(text, "|{tail}{label:-^room$}{head}|");
    for _ in right.max(left + 1)..hosts.len().saturating_sub(1) {
        let _ = write!(text, "{:>STEP$}", "|");
    }
    fate(text, record);
    trim_line(text);
}

fn fate(text: &mut String, record: &Record) {
    match record.arrived {
        None => text.push_str("  lost"),
        Some(at) if at == record.sent => {}
        Some(at) => {
            let _ = write!(
                text,
                "  +{} µs",
                at.saturating_since(record.sent).as_micros()
            );
        }
    }
    if let Some(at) = record.again {
        let _ = write!(
            text,
            ", again +{} µs",
            at.saturating_since(record.sent).as_micros()
        );
    }
}

fn trim_line(text: &mut String) {
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// The packet in a few words.
fn name(record: &Record) -> String {
    match Packet::decode(&record.payload) {
        Ok(Packet::Rrq(request)) => format!("RRQ {}", words(request.options().iter())),
        Ok(Packet::Wrq(request)) => format!("WRQ {}", words(request.options().iter())),
        Ok(Packet::Data { block, .. }) => {
            format!("DATA {block} ({})", record.len.saturating_sub(4))
        }
        Ok(Packet::Ack { block }) => format!("ACK {block}"),
        Ok(Packet::Error { code, .. }) => format!("ERROR {}", code.0),
        Ok(Packet::Oack(options)) => format!("OACK {}", words(options.iter())),
        Err(_) => format!("? ({})", record.len),
    }
}

/// Options, abbreviated: a request with all of them would not fit between two columns.
fn words<'o>(options: impl Iterator<Item = (&'o [u8], &'o [u8])>) -> String {
    let words = options.map(|(name, value)| {
        let name: String = String::from_utf8_lossy(name).chars().take(3).collect();
        format!("{name}={}", String::from_utf8_lossy(value))
    });
    words.collect::<Vec<_>>().join(" ")
}
