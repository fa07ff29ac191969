//! The bytes of every file: one endless sequence, so that each block can be checked by its offset alone.

use core::time::Duration;
use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Write as _},
    path::Path,
    sync::OnceLock,
    thread,
    time::Instant,
};

use crate::Failed;

/// A prime, so that no block of any usual size looks like another one nearby; small, so that comparing costs
/// no traffic to memory beyond that of the datagram.
const PERIOD: usize = 65_521;
/// The most that is asked for at once.
const MOST: usize = 1 << 16;
/// How long a server may take to finish a file whose last block it has acknowledged.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// The bytes from `offset` on, `len` of them; none if that is more than a datagram can carry.
pub(crate) fn bytes(offset: u64, len: usize) -> &'static [u8] {
    static SEQUENCE: OnceLock<Vec<u8>> = OnceLock::new();
    let sequence = SEQUENCE.get_or_init(|| {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut sequence: Vec<u8> = (0..PERIOD)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 24) as u8
            })
            .collect();
        sequence.extend_from_within(..);
        sequence.extend_from_within(..PERIOD);
        sequence
    });
    let start = (offset % PERIOD as u64) as usize;
    debug_assert!(len <= MOST);
    sequence.get(start..start + len).unwrap_or_default()
}

/// Makes a file of `len` octets.
pub(crate) fn write_file(path: &Path, len: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut offset = 0;
    while offset < len {
        let piece = bytes(offset, (len - offset).min(MOST as u64) as usize);
        file.write_all(piece)?;
        offset += piece.len() as u64;
    }
    file.flush()
}

/// Whether the file that a server has stored is the one that was sent.
pub(crate) fn check_file(path: &Path, len: u64) -> Result<(), Failed> {
    let deadline = Instant::now() + STORE_PATIENCE;
    loop {
        match compare(path, len) {
            Ok(true) => return Ok(()),
            _ if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            Ok(false) => return Err(Failed::new("the stored file differs from what was sent")),
            Err(error) => return Err(Failed::new(format!("the stored file: {error}"))),
        }
    }
}

fn compare(path: &Path, len: u64) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != len {
        return Ok(false);
    }
    let mut buf = vec![0; MOST];
    let mut offset = 0;
    loop {
        let count = file.read(&mut buf)?;
        if count == 0 {
            return Ok(offset == len);
        }
        if buf.get(..count) != Some(bytes(offset, count)) {
            return Ok(false);
        }
        offset += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_differs_in_one_octet_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write_file(&path, 200_000).unwrap();
        assert!(compare(&path, 200_000).unwrap());
        assert!(!compare(&path, 199_999).unwrap());
        let mut octets = std::fs::read(&path).unwrap();
        octets[150_000] ^= 1;
        std::fs::write(&path, octets).unwrap();
        assert!(!compare(&path, 200_000).unwrap());
    }

    #[test]
    fn neighbouring_blocks_differ() {
        for blksize in [512, 1_468, 8_192, 65_464] {
            for block in 1..200 {
                assert_ne!(bytes(0, blksize), bytes(block * blksize as u64, blksize));
            }
        }
    }
}
