//! Packets in words, for scripts: a second encoder and decoder that share nothing with the crate's, so
//! that an error in one is not repeated by the other.

use core::fmt::Write as _;

/// The octets of `RRQ f octet blksize=8`, `DATA 1 [512]`, `ACK 1`, `ERROR 3`, `OACK tsize=5`, or
/// `raw 00 04 ..`. The payload of DATA is the file's, where blocks are of 512 octets.
pub(crate) fn bytes(words: &str) -> Vec<u8> {
    let (kind, rest) = words.split_once(' ').unwrap_or((words, ""));
    let mut bytes = vec![0];
    match kind {
        "raw" => return hex(rest),
        "RRQ" | "WRQ" => {
            bytes.push(if kind == "RRQ" { 1 } else { 2 });
            for (place, word) in rest.split_whitespace().enumerate() {
                strings(&mut bytes, word, place >= 2);
            }
        }
        "DATA" => {
            let (block, len) = rest.split_once(" [").unwrap();
            bytes.push(3);
            let block: u16 = block.trim().parse().unwrap();
            bytes.extend(block.to_be_bytes());
            let len: usize = len.trim_end_matches(']').parse().unwrap();
            let seed = u64::from(block) << 20;
            bytes.extend((seed..).take(len).map(crate::support::byte));
        }
        "ACK" => {
            bytes.push(4);
            bytes.extend(rest.trim().parse::<u16>().unwrap().to_be_bytes());
        }
        "ERROR" => {
            bytes.push(5);
            bytes.extend(rest.trim().parse::<u16>().unwrap().to_be_bytes());
            bytes.extend(b"for a person\0");
        }
        "OACK" => {
            bytes.push(6);
            rest.split_whitespace()
                .for_each(|word| strings(&mut bytes, word, true));
        }
        _ => panic!("no such packet: {words}"),
    }
    bytes
}

fn strings(bytes: &mut Vec<u8>, word: &str, pair: bool) {
    let split = word.split_once('=').filter(|_| pair);
    let (name, value) = split.unwrap_or((word, ""));
    bytes.extend(name.bytes());
    bytes.push(0);
    if split.is_some() {
        bytes.extend(value.bytes());
        bytes.push(0);
    }
}

/// `00 04 ff ff`, with spaces anywhere.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .bytes()
        .filter(|octet| !octet.is_ascii_whitespace())
        .collect();
    let pair = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// The words of a datagram, options in alphabetical order because their order means nothing
/// (RFC 2347). An ERROR must have a terminated text.
pub(crate) fn words(datagram: &[u8]) -> String {
    let number = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
    let raw = || {
        datagram.iter().fold("raw".to_owned(), |text, octet| {
            text + &format!(" {octet:02x}")
        })
    };
    match *datagram {
        [0, opcode @ (1 | 2), ref body @ .., 0] => {
            let mut strings = body.split(|octet| *octet == 0).map(text);
            let kind = if opcode == 1 { "RRQ" } else { "WRQ" };
            let (name, mode) = (strings.next(), strings.next());
            let (Some(name), Some(mode)) = (name, mode) else {
                return raw();
            };
            format!("{kind} {name} {mode}{}", options(strings))
        }
        [0, 3, a, b, ref payload @ ..] => format!("DATA {} [{}]", number(&[a, b]), payload.len()),
        [0, 4, a, b] => format!("ACK {}", number(&[a, b])),
        [0, 5, a, b, ref text @ .., 0] if !text.contains(&0) => {
            format!("ERROR {}", number(&[a, b]))
        }
        [0, 6] => "OACK".into(),
        [0, 6, ref body @ .., 0] => {
            format!("OACK{}", options(body.split(|octet| *octet == 0).map(text)))
        }
        _ => raw(),
    }
}

fn text(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}

fn options(mut strings: impl Iterator<Item = String>) -> String {
    let mut pairs = Vec::new();
    while let Some(name) = strings.next() {
        let value = strings.next().map_or("(no value)".into(), |value| value);
        pairs.push((name, value));
    }
    pairs.sort();
    pairs.iter().fold(String::new(), |mut text, (name, value)| {
        write!(text, " {name}={value}").unwrap();
        text
    })
}
