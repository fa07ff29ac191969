//! Any name is refused, or is a path of ordinary components below the root; which of the two, and which path, a
//! second reading of the rules agrees on.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use tftp_server::relative_path;

fuzz_target!(|name: &[u8]| {
    let expected = components(name);
    let Ok(path) = relative_path(name) else {
        assert_eq!(expected, None);
        return;
    };
    let octets = path.as_os_str().as_encoded_bytes();
    assert!(!path.is_absolute() && !path.has_root());
    assert!(
        !octets
            .iter()
            .any(|octet| matches!(octet, 0..0x20 | 0x7f | b'\\'))
    );
    let found: Vec<_> = path
        .components()
        .map(|component| match component {
            Component::Normal(part) => part.as_encoded_bytes().to_ascii_lowercase(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(Some(found), expected);
    // What the system is asked for is below the root without any look at the file system.
    let root = Path::new("/srv/tftp");
    assert!(root.join(&path).starts_with(root) && root.join(&path) != root);
});

/// The components of the path that a name means, in lower case; `None` if it is refused. Written for this
/// test from the rules as they are documented, one after the other.
fn components(name: &[u8]) -> Option<Vec<Vec<u8>>> {
    // One character for each octet, so that the rules can be written about text.
    let text: String = name.iter().map(|octet| char::from(*octet)).collect();
    let is_too_long = name.len() > 1024;
    let has_controls = text.chars().any(|c| c.is_ascii_control());
    let text = text.to_ascii_lowercase();
    let is_share = text.starts_with("\\\\") || text.starts_with("\\/") || text.starts_with("/\\");
    if is_too_long || has_controls || is_share {
        return None;
    }
    let text = text.replace('\\', "/");
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.is_empty() || parts.iter().any(|part| is_refused(part)) {
        return None;
    }
    let octets = |part: &&str| part.chars().map(|c| c as u8).collect();
    Some(parts.iter().map(octets).collect())
}

fn is_refused(part: &str) -> bool {
    let letters: Vec<char> = part.chars().take(2).collect();
    let is_drive = matches!(letters.as_slice(), ['a'..='z', ':']);
    let stem = match part.find(['.', ':']) {
        Some(end) => &part[..end],
        None => part,
    };
    let stem = stem.trim_end_matches(' ');
    let is_port = |kind| {
        let number = stem.strip_prefix(kind).unwrap_or_default();
        number.len() == 1 && number.as_bytes()[0].is_ascii_digit()
    };
    let is_device = ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem);
    part == ".."
        || is_drive
        || is_device
        || is_port("com")
        || is_port("lpt")
        || part.chars().count() > 255
        || part.starts_with(".tftp-upload-")
}
