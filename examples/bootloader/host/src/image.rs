//! From an ELF file to an image and its signed manifest.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, anyhow, ensure};
use ed25519_dalek::{Signer as _, SigningKey};
use object::{
    Endianness,
    elf::{FileHeader32, PT_LOAD},
    read::elf::{FileHeader as _, ProgramHeader as _},
};
use sha2::{Digest as _, Sha256};

/// What an application has where its version is to stand: the mark, seven digits, and `Y` or `N` for
/// whether it confirms that it works.
const MARK: &[u8] = b"APP-VERSION=";
const DIGITS: usize = 7;

/// The octets that a 32-bit ELF file wants in memory before it is started, from the first to the last.
///
/// # Errors
/// If it is no ELF file, or wants nothing.
pub fn flatten(elf: &[u8]) -> Result<Vec<u8>> {
    let file = FileHeader32::<Endianness>::parse(elf)?;
    let endian = file.endian()?;
    let mut pieces = Vec::new();
    for segment in file.program_headers(endian, elf)? {
        let data = segment
            .data(endian, elf)
            .map_err(|()| anyhow!("a segment is cut off"))?;
        if segment.p_type(endian) == PT_LOAD && !data.is_empty() {
            pieces.push((segment.p_paddr(endian), data));
        }
    }
    pieces.sort_unstable();
    let start = pieces.first().context("the program is empty")?.0;
    let mut image = Vec::new();
    for (address, data) in pieces {
        let offset = usize::try_from(address - start)?;
        ensure!(offset >= image.len(), "segments overlap");
        image.resize(offset, 0xff);
        image.extend_from_slice(data);
    }
    Ok(image)
}

/// Writes a version into an application, and whether it is to confirm that it works.
///
/// # Errors
/// If the image has no mark.
pub fn set_version(image: &mut [u8], version: u32, confirms: bool) -> Result<()> {
    let at = image
        .windows(MARK.len())
        .position(|window| window == MARK)
        .context("no mark for the version in the image")?
        + MARK.len();
    let text = format!("{version:0DIGITS$}{}", if confirms { 'Y' } else { 'N' });
    image
        .get_mut(at..at + text.len())
        .context("the mark is cut off")?
        .copy_from_slice(text.as_bytes());
    Ok(())
}

/// Lengthens an image to `size` octets that do not repeat, as a program of that size would not.
pub fn pad(image: &mut Vec<u8>, size: usize) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while image.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        image.push(state.to_le_bytes()[0]);
    }
}

/// The manifest of an image, signed.
#[must_use]
pub fn manifest(image: &[u8], name: &str, version: u32, key: &SigningKey) -> String {
    let digest = hex(&Sha256::digest(image));
    let signed = format!(
        "version {version}\nimage {name}\nsize {}\nsha256 {digest}\n",
        image.len()
    );
    let signature = hex(&key.sign(signed.as_bytes()).to_bytes());
    format!("{signed}signature {signature}\n")
}

/// Reads a private key: 32 octets.
///
/// # Errors
/// If the file cannot be read or has another length.
pub fn key(path: &Path) -> Result<SigningKey> {
    let octets = fs::read(path).with_context(|| format!("{}", path.display()))?;
    let octets: [u8; 32] = octets
        .try_into()
        .ok()
        .with_context(|| format!("{} has not 32 octets", path.display()))?;
    Ok(SigningKey::from_bytes(&octets))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
