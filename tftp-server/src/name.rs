//! The one place that makes a path of a name that came over the network.

use core::fmt;
use std::{ffi::OsStr, path::PathBuf};

/// Octets that a name may have. A request has 512 in all (RFC 2347), a lenient one somewhat more.
const LONGEST_NAME: usize = 1024;
/// Octets of one component, as common file systems have it.
const LONGEST_COMPONENT: usize = 255;
/// Devices that Windows finds in every directory, with any extension. They are refused everywhere, so
/// that a tree means the same wherever it is served from.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
/// What the names of uploads in progress begin with: nobody can ask for them.
pub(crate) const STAGED_PREFIX: &str = ".tftp-upload-";

/// Why a name is not one of a file below a directory.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing is left of it but separators and dots.
    Empty,
    /// It, or one of its components, is too long.
    TooLong,
    /// It has a control character, or is no text where names are text.
    NotAName,
    /// It leads upwards, or names a drive, a share or a device.
    Outside,
    /// It is kept for uploads in progress.
    Reserved,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the name is empty",
            Self::TooLong => "the name is too long",
            Self::NotAName => "the name has characters that no name has",
            Self::Outside => "the name leads out of the root",
            Self::Reserved => "the name is kept for uploads in progress",
        })
    }
}

impl core::error::Error for NameError {}

/// Makes a relative path, of ordinary components only, of a name from a request.
///
/// `/` and `\` separate components on every platform; those at the start, repeated ones and single
/// dots mean nothing, as clients disagree on them. Nothing is decoded: `%2e` is three characters. Links are
/// not looked at: `Root` does that.
///
/// # Errors
/// If the name cannot be one of a file below a directory; the variants tell why.
pub fn relative_path(name: &[u8]) -> Result<PathBuf, NameError> {
    path_below(name, cfg!(windows))
}

fn path_below(name: &[u8], windows: bool) -> Result<PathBuf, NameError> {
    if name.len() > LONGEST_NAME {
        return Err(NameError::TooLong);
    }
    if name.iter().any(u8::is_ascii_control) {
        return Err(NameError::NotAName);
    }
    // `//name` is how an absolute name is spelt in a URI (RFC 3617); with a backslash it is a share.
    if matches!(name, [b'\\', b'\\' | b'/', ..] | [b'/', b'\\', ..]) {
        return Err(NameError::Outside);
    }
    let mut path = PathBuf::new();
    for component in name.split(|octet| matches!(octet, b'/' | b'\\')) {
        if matches!(component, b"" | b".") {
            continue;
        }
        check_component(component, windows)?;
        path.push(os_str(component)?);
    }
    if path.as_os_str().is_empty() {
        return Err(NameError::Empty);
    }
    Ok(path)
}

fn check_component(component: &[u8], windows: bool) -> Result<(), NameError> {
    if component.len() > LONGEST_COMPONENT {
        return Err(NameError::TooLong);
    }
    let is_drive = matches!(component, [letter, b':', ..] if letter.is_ascii_alphabetic());
    if component == b".." || is_drive || is_device(component) {
        return Err(NameError::Outside);
    }
    // Windows drops dots and blanks at the end, and reads what follows a colon as a stream.
    if windows && (component.contains(&b':') || matches!(component, [.., b'.' | b' '])) {
        return Err(NameError::Outside);
    }
    // In any case, as some file systems do not tell one from the other.
    let start = component.get(..STAGED_PREFIX.len());
    if start.is_some_and(|start| start.eq_ignore_ascii_case(STAGED_PREFIX.as_bytes())) {
        return Err(NameError::Reserved);
    }
    Ok(())
}

fn is_device(component: &[u8]) -> bool {
    let stem = component
        .split(|octet| matches!(octet, b'.' | b':'))
        .next()
        .unwrap_or_default();
    let stem = stem.trim_ascii_end();
    DEVICES
        .iter()
        .any(|device| stem.eq_ignore_ascii_case(device.as_bytes()))
        || matches!(stem, [kind @ .., b'0'..=b'9'] if kind.eq_ignore_ascii_case(b"com") || kind.eq_ignore_ascii_case(b"lpt"))
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere names are text")]
fn os_str(component: &[u8]) -> Result<&OsStr, NameError> {
    use std::os::unix::ffi::OsStrExt;
    Ok(OsStr::from_bytes(component))
}

#[cfg(not(unix))]
fn os_str(component: &[u8]) -> Result<&OsStr, NameError> {
    core::str::from_utf8(component)
        .map(OsStr::new)
        .map_err(|_| NameError::NotAName)
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn path(name: &str) -> Result<String, NameError> {
        path_below(name.as_bytes(), false).map(|path| path.to_str().unwrap().to_owned())
    }

    #[test]
    fn traversal_is_refused_in_every_spelling() {
        for name in [
            "..",
            "../x",
            "/../x",
            "sub/../../x",
            "sub/..",
            "..\\x",
            "a\\..\\..\\x",
            "/..",
            "x/../y",
        ] {
            assert_eq!(path(name), Err(NameError::Outside), "{name}");
        }
    }

    #[test]
    fn drives_shares_and_devices_are_refused() {
        for name in [
            "C:x",
            "c:/x",
            "C:\\x",
            "sub/d:x",
            "\\\\host\\share",
            "\\/host/share",
            "/\\host",
            "con",
            "AUX.txt",
            "nul ",
            "sub/com1",
            "lpt9.log",
        ] {
            assert_eq!(path(name), Err(NameError::Outside), "{name}");
        }
    }

    #[test]
    fn windows_tails_and_streams_are_refused_on_windows_only() {
        for name in ["name.", "name ", "name::$DATA", "sub./x"] {
            assert_eq!(
                path_below(name.as_bytes(), true),
                Err(NameError::Outside),
                "{name}"
            );
            assert!(path(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn both_slashes_separate_and_extra_ones_mean_nothing() {
        for name in [
            "boot/x",
            "/boot/x",
            "//boot//x",
            "boot\\x",
            "\\boot\\x",
            "./boot/./x",
            "boot/x/",
        ] {
            assert_eq!(path(name).as_deref(), Ok("boot/x"), "{name}");
        }
    }

    #[test]
    fn percent_signs_and_dots_in_names_are_ordinary() {
        for name in [
            "%2e%2e",
            "....",
            "...x",
            "00:11:22:33:44:55",
            "console",
            "a b",
            "com10",
            "nully",
        ] {
            assert_eq!(path(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn names_of_nothing_are_refused() {
        for name in ["", "/", ".", "./", "\\"] {
            assert_eq!(path(name), Err(NameError::Empty), "{name}");
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for name in ["a\nb", "\x1b[2J", "a\x7f", "a\0b"] {
            assert_eq!(path(name), Err(NameError::NotAName), "{name:?}");
        }
    }

    #[test]
    fn overlong_names_are_refused() {
        assert_eq!(path(&"x".repeat(256)), Err(NameError::TooLong));
        assert!(path(&"x".repeat(255)).is_ok());
        assert_eq!(path(&"x/".repeat(513)), Err(NameError::TooLong));
    }

    #[test]
    fn uploads_in_progress_cannot_be_named() {
        for name in ["sub/.tftp-upload-00", ".TFTP-Upload-00", ".tftp-upload-/x"] {
            assert_eq!(path(name), Err(NameError::Reserved), "{name}");
        }
        assert!(path(".tftp-upload").is_ok());
    }

    proptest! {
        /// H18: whatever comes, what is left are ordinary components that name something.
        #[test]
        fn a_path_has_ordinary_components_only(
            name in prop_oneof![
                vec(any::<u8>(), 0..600),
                "([./\\\\a-c:%]|\\.\\.|con|/){0,20}".prop_map(String::into_bytes),
            ],
            windows: bool,
        ) {
            if let Ok(path) = path_below(&name, windows) {
                prop_assert!(path.components().count() > 0);
                for component in path.components() {
                    let Component::Normal(component) = component else {
                        return Err(TestCaseError::fail(format!("{component:?}")));
                    };
                    let octets = component.as_encoded_bytes();
                    prop_assert!(!octets.contains(&b'\\') && !octets.iter().any(u8::is_ascii_control));
                }
            }
        }
    }
}
