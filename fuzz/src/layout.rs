//! The packets of RFC 1350 section 5 and RFC 2347, read a second time and in another way: octet by
//! octet, with indices and owned strings. What the library reads must be read alike here.

/// A packet as the RFC's figures show it.
#[derive(Debug, Eq, PartialEq)]
pub enum Layout {
    /// Opcode 1 or 2: name, mode in lower case, pairs.
    Request(u8, Vec<u8>, Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>),
    /// Opcode 3: block, octets.
    Data(u16, Vec<u8>),
    /// Opcode 4: block.
    Ack(u16),
    /// Opcode 5: code, text.
    Error(u16, Vec<u8>),
    /// Opcode 6: pairs.
    Oack(Vec<(Vec<u8>, Vec<u8>)>),
}

/// The octets from `at` to the next zero, and the place after it.
fn text(d: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let mut end = at;
    while end < d.len() {
        if d[end] == 0 {
            return Some((d[at..end].to_vec(), end + 1));
        }
        end += 1;
    }
    None
}

fn pairs(d: &[u8], mut at: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some((name, value_at)) = text(d, at) {
        let Some((value, next)) = text(d, value_at) else {
            break;
        };
        if name.is_empty() {
            break;
        }
        found.push((name, value));
        at = next;
    }
    found
}

/// Reads a datagram; `None` if it is no packet.
pub fn read(d: &[u8]) -> Option<Layout> {
    if d.len() < 2 || d[0] != 0 {
        return None;
    }
    let number = || (d.len() >= 4).then(|| u16::from(d[2]) * 256 + u16::from(d[3]));
    match d[1] {
        opcode @ (1 | 2) => {
            if d.len() == 2 || d[d.len() - 1] != 0 {
                return None;
            }
            let (name, at) = text(d, 2)?;
            let (mode, at) = text(d, at)?;
            let mode = mode.to_ascii_lowercase();
            if name.is_empty() || (mode != b"octet" && mode != b"netascii") {
                return None;
            }
            Some(Layout::Request(opcode, name, mode, pairs(d, at)))
        }
        3 => Some(Layout::Data(number()?, d[4..].to_vec())),
        4 => Some(Layout::Ack(number()?)),
        5 => {
            let code = number()?;
            let end = (4..d.len()).find(|i| d[*i] == 0).unwrap_or(d.len());
            Some(Layout::Error(code, d[4..end].to_vec()))
        }
        6 => Some(Layout::Oack(pairs(d, 2))),
        _ => None,
    }
}
