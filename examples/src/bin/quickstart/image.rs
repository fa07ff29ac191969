//! The image that is fetched.

use core::fmt;
use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Digest([u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Takes in pieces, and tells the digest of the whole.
#[derive(Debug, Default)]
pub(crate) struct Hash(Sha256);

impl Hash {
    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// Pseudo-random numbers that a seed repeats (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u32) -> Self {
        Self(seed as u64)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True with this probability.
    pub(crate) fn is_one_of(&mut self, probability: f64) -> bool {
        // 53 bits are what a float holds.
        let fraction = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        fraction < probability
    }
}

/// Writes a file of `size` octets that look random, and tells its digest.
pub(crate) fn make(path: &Path, size: u32, seed: u32) -> io::Result<Digest> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut hash = Hash::default();
    let mut random = Random::new(seed);
    let mut piece = [0; 4096];
    let mut left = size as usize;
    while left > 0 {
        for octets in piece.as_chunks_mut::<8>().0 {
            *octets = random.next().to_le_bytes();
        }
        let piece = piece.get(..left).unwrap_or(&piece);
        hash.update(piece);
        file.write_all(piece)?;
        left = left.saturating_sub(piece.len());
    }
    file.flush()?;
    Ok(hash.finish())
}
