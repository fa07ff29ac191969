//! What is transferred, and how it is compared.

use core::fmt::Write as _;
use std::{fs, io, path::Path, sync::OnceLock};

use sha2::{Digest as _, Sha256};

/// Octets that look alike nowhere: a block that is lost, repeated or misplaced changes the digest.
pub(crate) fn image(len: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15 ^ len as u64;
    let mut octets = Vec::with_capacity(len + 8);
    while octets.len() < len {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        octets.extend(state.to_le_bytes());
    }
    octets.truncate(len);
    octets
}

/// 40 MiB: at 512 octets a block the number wraps.
pub(crate) fn large() -> &'static [u8] {
    static LARGE: OnceLock<Vec<u8>> = OnceLock::new();
    LARGE.get_or_init(|| image(40 << 20))
}

/// Lines of every length up to 70, so that line ends fall on the ends of blocks, some with a carriage return too.
pub(crate) fn text() -> Vec<u8> {
    let mut text = String::new();
    for line in 0..400 {
        let end = if line % 5 == 0 { "\r\n" } else { "\n" };
        let _ = write!(text, "{:x<width$}{end}", line, width = line % 71);
    }
    text.into_bytes()
}

/// The text as netascii has it on the wire (RFC 764: CR LF ends a line, CR NUL is a carriage return).
pub(crate) fn netascii(text: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(text.len() * 2);
    for octet in text {
        match octet {
            b'\n' => wire.extend(b"\r\n"),
            b'\r' => wire.extend(b"\r\0"),
            other => wire.push(*other),
        }
    }
    wire
}

pub(crate) type Sha = [u8; 32];

pub(crate) fn sha256(octets: &[u8]) -> Sha {
    Sha256::digest(octets).into()
}

/// The digest and the length of a file.
pub(crate) fn sha256_of_file(path: &Path) -> io::Result<(Sha, usize)> {
    let octets = fs::read(path)?;
    Ok((sha256(&octets), octets.len()))
}
