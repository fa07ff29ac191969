use boot_logic::{Manifest, ManifestError};
use ed25519_dalek::{Signer as _, SigningKey};

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn seal(signed: &str, key: &SigningKey) -> String {
    let signature = key.sign(signed.as_bytes()).to_bytes();
    let digits: String = signature
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    format!("{signed}signature {digits}\n")
}

fn lines() -> String {
    format!(
        "version 7\nimage a.bin\nsize 12\nsha256 {}\n",
        "ab".repeat(32)
    )
}

fn verify(file: &str) -> Result<Manifest<'_>, ManifestError> {
    Manifest::verify(file.as_bytes(), key().verifying_key().as_bytes())
}

#[test]
fn a_signed_manifest_is_read() {
    let file = seal(&lines(), &key());
    let expected = Manifest {
        version: 7,
        image: "a.bin",
        size: 12,
        sha256: [0xab; 32],
    };
    assert_eq!(verify(&file), Ok(expected));
}

#[test]
fn another_key_s_signature_is_refused() {
    let file = seal(&lines(), &SigningKey::from_bytes(&[4; 32]));
    assert_eq!(verify(&file), Err(ManifestError::Signature));
}

#[test]
fn no_octet_of_a_manifest_can_be_changed() {
    let file = seal(&lines(), &key());
    for at in 0..file.len() {
        let mut octets = file.clone().into_bytes();
        octets[at] ^= 1;
        let changed = Manifest::verify(&octets, key().verifying_key().as_bytes());
        // The line feed at the end says nothing, and is not signed.
        assert!(changed.is_err() || at + 1 == file.len(), "octet {at}");
    }
}

#[test]
fn a_manifest_that_is_cut_off_is_refused_wherever() {
    let file = seal(&lines(), &key());
    for len in 0..file.len() - 1 {
        assert!(verify(&file[..len]).is_err(), "{len} octets");
    }
}

#[test]
fn a_signed_manifest_with_a_line_too_many_is_malformed() {
    let file = seal(&format!("{}more 1\n", lines()), &key());
    assert_eq!(verify(&file), Err(ManifestError::Malformed));
}
