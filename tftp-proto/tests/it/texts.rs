//! What errors and codes say to people.

use core::error::Error;
use std::collections::BTreeSet;

use tftp_proto::uri::UriError;
use tftp_proto::{
    BufferTooSmall, DecodeError, ErrorCode, Incoming, Options, Request, RequestError, ServerFull,
    Text, TransferError,
};

use crate::packet;
use crate::support::addr;

/// All say something, in printable ASCII, without a full stop, and no two the same.
fn assert_telling(errors: &[&dyn Error]) {
    let mut texts = BTreeSet::new();
    for error in errors {
        let text = error.to_string();
        assert!(
            !text.is_empty() && !text.ends_with('.'),
            "{error:?}: {text}"
        );
        assert!(
            text.bytes().all(|octet| matches!(octet, b' '..=b'~')),
            "{error:?}: {text}"
        );
        assert!(texts.insert(text), "{error:?} says what another says");
    }
}

#[test]
fn every_decode_error_says_something_else() {
    assert_telling(&[
        &DecodeError::Truncated,
        &DecodeError::UnknownOpcode(7),
        &DecodeError::UnknownOpcode(8),
        &DecodeError::Unterminated,
        &DecodeError::EmptyFilename,
        &DecodeError::UnknownMode,
    ]);
}

#[test]
fn every_request_error_says_something_else() {
    assert_telling(&[
        &RequestError::Empty,
        &RequestError::ZeroOctet,
        &RequestError::TooLong,
    ]);
}

#[test]
fn an_error_with_a_code_says_which() {
    for error in [
        TransferError::Local(ErrorCode::DISK_FULL),
        TransferError::Peer(ErrorCode::DISK_FULL),
        TransferError::Declined(ErrorCode::DISK_FULL),
    ] {
        let text = error.to_string();
        let code = format!(": {}", ErrorCode::DISK_FULL);
        assert!(text.ends_with(&code), "{text}");
    }
    assert!(!TransferError::TimedOut.to_string().contains(':'));
}

#[test]
fn every_transfer_error_says_something_else() {
    assert_telling(&[
        &TransferError::Local(ErrorCode::DISK_FULL),
        &TransferError::Peer(ErrorCode::DISK_FULL),
        &TransferError::Declined(ErrorCode::DISK_FULL),
        &TransferError::TimedOut,
        &TransferError::Unconfirmed,
        &TransferError::Truncated,
        &TransferError::OptionNegotiation,
        &TransferError::TooLarge,
        &TransferError::Oversized,
        &TransferError::Replaced,
        &TransferError::Evicted,
    ]);
}

#[test]
fn every_uri_error_says_something_else() {
    assert_telling(&[
        &UriError::Scheme,
        &UriError::Host,
        &UriError::Port,
        &UriError::NoFile,
        &UriError::Escape,
        &UriError::ZeroOctet,
        &UriError::Character,
        &UriError::Mode,
        &UriError::TooLong,
    ]);
}

#[test]
fn a_full_server_says_so() {
    assert_telling(&[&ServerFull]);
}

#[test]
fn a_short_buffer_says_how_long_it_must_be() {
    let text = BufferTooSmall { needed: 516 }.to_string();
    assert!(text.contains("516"), "{text}");
}

#[test]
fn codes_have_the_texts_of_the_rfc() {
    let texts: Vec<&str> = (0..=9).map(|code| ErrorCode(code).message()).collect();
    let expected = [
        "error",
        "file not found",
        "access violation",
        "disk full or allocation exceeded",
        "illegal operation",
        "unknown transfer ID",
        "file already exists",
        "no such user",
        "option negotiation failed",
        "error",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn a_code_is_shown_with_its_number() {
    assert_eq!(ErrorCode(1).to_string(), "file not found (1)");
    assert_eq!(ErrorCode(700).to_string(), "error (700)");
}

#[test]
fn a_text_is_debugged_in_quotes_and_escaped() {
    assert_eq!(format!("{:?}", Text(b"a\nb")), r#""a\nb""#);
}

#[test]
fn different_requests_have_different_fingerprints() {
    let mut seen = BTreeSet::new();
    for number in 0..4096 {
        let datagram = packet::bytes(&format!("RRQ firmware-{number}.bin octet blksize=1468"));
        let incoming = Incoming::decode(addr("a"), &datagram).unwrap();
        assert!(seen.insert(incoming.fingerprint()), "{number}");
    }
}

#[test]
fn options_are_debugged_as_pairs() {
    let options = Options::from_bytes(b"blksize\08\0a\nb\0\0");
    assert_eq!(format!("{options:?}"), r#"{"blksize": "8", "a\nb": ""}"#);
}

#[test]
fn a_request_is_debugged_with_its_name_escaped() {
    let request = Request::octet("a\nb").unwrap();
    let text = format!("{request:?}");
    assert!(text.contains(r#"filename: "a\nb""#), "{text}");
}

#[test]
fn options_are_empty_without_a_pair() {
    assert!(Options::NONE.is_empty());
    assert!(Options::from_bytes(b"blksize").is_empty());
    assert!(!Options::from_bytes(b"blksize\08\0").is_empty());
}
