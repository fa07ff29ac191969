//! A third party who sees everything and forges something.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{Datagram, Rng};

/// Sends datagrams of its own into a conversation that it overhears. None of them may do any harm:
/// they come from a wrong address, from a wrong port of the right address, or, from the right one,
/// have a content that nobody may obey.
///
/// It never forges what cannot be told from the truth: TFTP has no defence against that.
#[derive(Clone, Debug)]
pub struct Stranger {
    rng: Rng,
    chance: f64,
}

/// The opcodes that occur within a transfer.
const DATA: u8 = 3;
const ACK: u8 = 4;
const ERROR: u8 = 5;
const OACK: u8 = 6;

impl Stranger {
    /// A stranger that forges a datagram for each of this share of the datagrams it sees, 0.0 to 1.0.
    #[must_use]
    pub const fn new(seed: u64, chance: f64) -> Self {
        Self {
            rng: Rng::new(seed),
            chance,
        }
    }

    /// What it sends on seeing `seen`.
    pub(crate) fn observe(&mut self, seen: &Datagram) -> Option<Datagram> {
        if !self.rng.chance(self.chance) {
            return None;
        }
        let [0, opcode, high, low, ..] = *seen.payload else {
            return None;
        };
        let within = matches!(opcode, DATA | ACK | OACK);
        let block = u16::from_be_bytes([high, low]);
        Some(match self.rng.below(3) {
            // Whoever sends these has a peer already, and takes no other port of the same host for it.
            0 if within => Datagram {
                from: SocketAddr::new(seen.to.ip(), seen.to.port() ^ 0x4000),
                to: seen.from,
                payload: self.plausible(block),
            },
            1 if within => Datagram {
                from: seen.to,
                to: seen.from,
                payload: self.nonsense(opcode, block),
            },
            _ => {
                let to = if self.rng.chance(0.5) {
                    seen.to
                } else {
                    seen.from
                };
                Datagram {
                    from: SocketAddr::new(elsewhere(to.ip()), 0x8000 | block),
                    to,
                    payload: self.plausible(block),
                }
            }
        })
    }

    /// What the peer might have said next.
    fn plausible(&mut self, block: u16) -> Vec<u8> {
        let near = block.wrapping_add(u16::from(self.rng.chance(0.5)));
        let [high, low] = near.to_be_bytes();
        match self.rng.below(5) {
            0 => [&[0, DATA, high, low][..], &[0xee; 512]].concat(),
            1 => vec![0, DATA, high, low],
            2 => vec![0, ACK, high, low],
            3 => vec![0, ERROR, 0, 2, b'n', b'o', 0],
            _ => b"\0\x06blksize\x008\0".to_vec(),
        }
    }

    /// What the peer cannot have said. `opcode` is what the victim sends.
    fn nonsense(&mut self, opcode: u8, block: u16) -> Vec<u8> {
        let [high, low] = block.wrapping_add(30_000).to_be_bytes();
        match self.rng.below(6) {
            0 => vec![],
            1 => vec![0],
            2 => vec![0, ACK, high],
            3 => vec![0, 99, high, low],
            4 => vec![0, ERROR, 0],
            // Far from anything on its way: an ACK for a sender, DATA for a receiver.
            _ if opcode == DATA => vec![0, ACK, high, low],
            _ => vec![0, DATA, high, low, 0xee],
        }
    }
}

/// An address without a host.
const fn elsewhere(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 66)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x66)),
    }
}
