//! What the server says about an image, in a form that only the owner of the key can make.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::Record;

/// The longest manifest, and so the memory to fetch it into.
pub(crate) const MAX_LEN: usize = 512;

/// A manifest whose signature is good.
///
/// As a file it is five lines of text, each a word and a value:
///
/// ```text
/// version 7
/// image app-7.bin
/// size 4194304
/// sha256 <64 hexadecimal digits>
/// signature <128 hexadecimal digits>
/// ```
///
/// The signature is Ed25519 over all octets before the word `signature`. As it covers the digest of the
/// image, it is checked before a single octet of the image is fetched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the fields are the file's lines")]
pub struct Manifest<'a> {
    /// Larger is newer.
    pub version: u32,
    /// The name of the image on the server.
    pub image: &'a str,
    /// Octets of the image.
    pub size: u32,
    /// SHA-256 of the image.
    pub sha256: [u8; 32],
}

/// Why a manifest is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ManifestError {
    /// It is not five lines of the form that they must have.
    Malformed,
    /// It was not made with the key that this device trusts, or was changed since.
    Signature,
}

impl core::fmt::Display for ManifestError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed manifest",
            Self::Signature => "bad signature",
        })
    }
}

impl core::error::Error for ManifestError {}

impl<'a> Manifest<'a> {
    /// Reads a manifest and checks its signature with `key`, an Ed25519 public key.
    ///
    /// # Errors
    /// If it is malformed, or its signature or the key is not good.
    pub fn verify(file: &'a [u8], key: &[u8; 32]) -> Result<Self, ManifestError> {
        let text = str::from_utf8(file).map_err(|_| ManifestError::Malformed)?;
        let (signed, signature) = text
            .find("signature ")
            .and_then(|at| text.split_at_checked(at))
            .ok_or(ManifestError::Malformed)?;
        let signature = value(Some(signature.trim_end()), "signature")
            .and_then(hex::<64>)
            .ok_or(ManifestError::Malformed)?;
        // Nothing of the file is used before this has passed.
        VerifyingKey::from_bytes(key)
            .and_then(|key| {
                key.verify_strict(signed.as_bytes(), &Signature::from_bytes(&signature))
            })
            .map_err(|_| ManifestError::Signature)?;
        Self::parse(signed).ok_or(ManifestError::Malformed)
    }

    /// What a slot records of the image.
    #[must_use]
    pub const fn record(&self) -> Record {
        Record {
            version: self.version,
            size: self.size,
            sha256: self.sha256,
        }
    }

    fn parse(signed: &'a str) -> Option<Self> {
        let mut lines = signed.lines();
        let manifest = Self {
            version: value(lines.next(), "version")?.parse().ok()?,
            image: value(lines.next(), "image").filter(|name| !name.is_empty())?,
            size: value(lines.next(), "size")?.parse().ok()?,
            sha256: value(lines.next(), "sha256").and_then(hex)?,
        };
        lines.next().is_none().then_some(manifest)
    }
}

fn value<'a>(line: Option<&'a str>, word: &str) -> Option<&'a str> {
    line?.strip_prefix(word)?.strip_prefix(' ')
}

fn hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut octets = [0; N];
    for (octet, [high, low]) in octets.iter_mut().zip(pairs) {
        *octet = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(octets)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
