//! RFC 3617 URIs, and what DHCP says about TFTP.

use core::net::Ipv4Addr;

use proptest::prelude::*;
use tftp_proto::Mode::{self, Netascii, Octet};
use tftp_proto::dhcp::{self, ServerName};
use tftp_proto::uri::{Host, Uri, UriError};

fn parts(text: &str) -> Result<(Host<'_>, u16, Vec<u8>, Mode), UriError> {
    Uri::parse(text).map(|uri| (uri.host(), uri.port(), uri.file().to_vec(), uri.mode()))
}

fn v4(text: &str) -> Host<'_> {
    Host::V4(text.parse().unwrap())
}

fn v6<'a>(address: &str, scope: Option<&'a str>) -> Host<'a> {
    let address = address.parse().unwrap();
    Host::V6 { address, scope }
}

/// Text, host, port, file, mode.
type Row = (&'static str, Host<'static>, u16, &'static [u8], Mode);

#[test]
fn c89_uris_are_read_as_written() {
    let boot = Host::Name("boot.example");
    let table: &[Row] = &[
        ("tftp://boot.example/f", boot, 69, b"f", Octet),
        ("tftp://boot.example/f;mode=octet", boot, 69, b"f", Octet),
        (
            "tftp://boot.example/f;mode=netascii",
            boot,
            69,
            b"f",
            Netascii,
        ),
        (
            "TFTP://boot.example/f;MODE=NetAscii",
            boot,
            69,
            b"f",
            Netascii,
        ),
        ("tftp://boot.example:6969/f", boot, 6969, b"f", Octet),
        ("tftp://boot.example/a/b/c", boot, 69, b"a/b/c", Octet),
        ("tftp://boot.example//srv/f", boot, 69, b"/srv/f", Octet),
        ("tftp://boot.example/%2Fsrv/f", boot, 69, b"/srv/f", Octet),
        ("tftp://boot.example/a%20b%3f%23", boot, 69, b"a b?#", Octet),
        (
            "tftp://boot.example/a%3Bmode=octet",
            boot,
            69,
            b"a;mode=octet",
            Octet,
        ),
        ("tftp://boot.example/%ff%FE", boot, 69, b"\xff\xfe", Octet),
        ("tftp://boot.example/100%2525", boot, 69, b"100%25", Octet),
        (
            "tftp://boot.example/~(a)-!_.'*$&+,=:@",
            boot,
            69,
            b"~(a)-!_.'*$&+,=:@",
            Octet,
        ),
        (
            "tftp://boot.example./f",
            Host::Name("boot.example."),
            69,
            b"f",
            Octet,
        ),
        ("tftp://a_b-1/f", Host::Name("a_b-1"), 69, b"f", Octet),
        ("tftp://192.0.2.1/f", v4("192.0.2.1"), 69, b"f", Octet),
        (
            "tftp://192.0.2.1:65535/f",
            v4("192.0.2.1"),
            65535,
            b"f",
            Octet,
        ),
        (
            "tftp://[2001:db8::1]/f",
            v6("2001:db8::1", None),
            69,
            b"f",
            Octet,
        ),
        ("tftp://[::1]:1069/f", v6("::1", None), 1069, b"f", Octet),
        (
            "tftp://[::ffff:192.0.2.1]/f",
            v6("::ffff:192.0.2.1", None),
            69,
            b"f",
            Octet,
        ),
        (
            "tftp://[fe80::1%25eth0]/f",
            v6("fe80::1", Some("eth0")),
            69,
            b"f",
            Octet,
        ),
        (
            "tftp://[fe80::1%eth0]:70/f",
            v6("fe80::1", Some("eth0")),
            70,
            b"f",
            Octet,
        ),
        (
            "tftp://[fe80::1%25]/f",
            v6("fe80::1", Some("25")),
            69,
            b"f",
            Octet,
        ),
    ];
    for &(text, host, port, file, mode) in table {
        assert_eq!(parts(text), Ok((host, port, file.to_vec(), mode)), "{text}");
    }
}

#[test]
fn c89_faulty_uris_are_refused_with_the_reason() {
    let long = format!("tftp://h/{}", "x".repeat(504));
    let table: &[(&str, UriError)] = &[
        ("", UriError::Scheme),
        ("boot.example/f", UriError::Scheme),
        ("http://h/f", UriError::Scheme),
        ("tftp:/h/f", UriError::Scheme),
        ("tftp:///f", UriError::Host),
        ("tftp://:69/f", UriError::Host),
        ("tftp://user@h/f", UriError::Host),
        ("tftp://user:secret@h/f", UriError::Host),
        ("tftp://a..b/f", UriError::Host),
        ("tftp://./f", UriError::Host),
        ("tftp://a b/f", UriError::Host),
        ("tftp://h%41/f", UriError::Host),
        ("tftp://h?x/f", UriError::Host),
        ("tftp://192.0.2.256/f", UriError::Host),
        ("tftp://192.0.2/f", UriError::Host),
        ("tftp://::1/f", UriError::Host),
        ("tftp://[::1/f", UriError::Host),
        ("tftp://[::1]x/f", UriError::Host),
        ("tftp://[192.0.2.1]/f", UriError::Host),
        ("tftp://[h]/f", UriError::Host),
        ("tftp://[fe80::1%]/f", UriError::Host),
        ("tftp://[fe80::1%25a%20b]/f", UriError::Host),
        ("tftp://h:/f", UriError::Port),
        ("tftp://h:0/f", UriError::Port),
        ("tftp://h:65536/f", UriError::Port),
        ("tftp://h:+69/f", UriError::Port),
        ("tftp://[::1]:x/f", UriError::Port),
        ("tftp://h", UriError::NoFile),
        ("tftp://h/", UriError::NoFile),
        ("tftp://h/;mode=octet", UriError::NoFile),
        ("tftp://h/a%", UriError::Escape),
        ("tftp://h/a%4", UriError::Escape),
        ("tftp://h/a%4g", UriError::Escape),
        ("tftp://h/a%+1", UriError::Escape),
        ("tftp://h/a%00b", UriError::ZeroOctet),
        ("tftp://h/a?b", UriError::Character),
        ("tftp://h/a#b", UriError::Character),
        ("tftp://h/a b", UriError::Character),
        ("tftp://h/a\\b", UriError::Character),
        ("tftp://h/\u{e4}", UriError::Character),
        ("tftp://h/f;", UriError::Mode),
        ("tftp://h/f;mode=mail", UriError::Mode),
        ("tftp://h/f;mode=", UriError::Mode),
        ("tftp://h/f;size=1", UriError::Mode),
        ("tftp://h/f;mode=octet;mode=octet", UriError::Mode),
        (&long, UriError::TooLong),
    ];
    for &(text, error) in table {
        assert_eq!(parts(text), Err(error), "{text}");
    }
}

#[test]
fn the_longest_file_name_is_503_octets() {
    let text = format!("tftp://h/{}", "%41".repeat(503));
    assert_eq!(Uri::parse(&text).unwrap().file(), [b'A'; 503]);
}

#[test]
fn a_host_alone_may_be_an_ipv6_address_without_brackets() {
    assert_eq!(Host::parse("2001:db8::1"), Ok(v6("2001:db8::1", None)));
    assert_eq!(Host::parse("[::1]"), Ok(v6("::1", None)));
    assert_eq!(Host::parse("fe80::1%2"), Ok(v6("fe80::1", Some("2"))));
}

#[test]
fn a_host_is_shown_as_it_is_read() {
    for text in ["boot.example", "192.0.2.1", "::1", "fe80::1%eth0"] {
        assert_eq!(Host::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn a_uri_is_shown_with_its_name_escaped() {
    let uri = Uri::parse("tftp://h/a%0Ab").unwrap();
    assert!(format!("{uri:?}").contains(r#"file: "a\nb""#), "{uri:?}");
}

fn host_of(value: &[u8]) -> Result<(Host<'_>, u16), UriError> {
    match dhcp::server_name(value)? {
        ServerName::Host { host, port } => Ok((host, port)),
        ServerName::Uri(uri) => panic!("a file where there is none: {uri:?}"),
    }
}

#[test]
fn option_66_is_a_name_an_address_or_a_url_of_a_server() {
    let table: &[(&[u8], Host<'_>, u16)] = &[
        (b"boot.example", Host::Name("boot.example"), 69),
        (b"boot.example\0\0", Host::Name("boot.example"), 69),
        (b"192.0.2.1", v4("192.0.2.1"), 69),
        (b"2001:db8::1", v6("2001:db8::1", None), 69),
        (b"tftp://192.0.2.1", v4("192.0.2.1"), 69),
        (
            b"tftp://boot.example:6969/",
            Host::Name("boot.example"),
            6969,
        ),
        (b"TFTP://[::1]", v6("::1", None), 69),
    ];
    for &(value, host, port) in table {
        assert_eq!(host_of(value), Ok((host, port)), "{}", value.escape_ascii());
    }
}

#[test]
fn option_66_may_be_the_url_of_a_file() {
    let uri = Uri::parse("tftp://192.0.2.1/phones/f").unwrap();
    assert_eq!(
        dhcp::server_name(b"tftp://192.0.2.1/phones/f\0"),
        Ok(ServerName::Uri(uri))
    );
}

#[test]
fn a_faulty_option_66_is_refused() {
    for value in [
        &b""[..],
        b"\0",
        b"a b",
        b"a\0b",
        b"\xff",
        b"http://h/",
        b"tftp://",
        b"h/f",
    ] {
        assert_eq!(
            dhcp::server_name(value),
            Err(UriError::Host),
            "{}",
            value.escape_ascii()
        );
    }
    assert_eq!(dhcp::server_name(b"tftp://h:0"), Err(UriError::Port));
    assert_eq!(dhcp::server_name(b"tftp://h/a#"), Err(UriError::Character));
}

#[test]
fn option_67_is_no_uri() {
    let name = br"\boot\a?b#c%20;mode=x";
    assert_eq!(dhcp::boot_file(name), Some(&name[..]));
}

#[test]
fn option_67_loses_the_zeros_at_its_end_only() {
    assert_eq!(dhcp::boot_file(b"pxelinux.0\0\0"), Some(&b"pxelinux.0"[..]));
    assert_eq!(dhcp::boot_file(b"a\0b"), None);
    assert_eq!(dhcp::boot_file(b"\0"), None);
    assert_eq!(dhcp::boot_file(b""), None);
}

#[test]
fn option_150_keeps_the_order_of_preference() {
    let servers: Vec<_> = dhcp::servers(&[192, 0, 2, 9, 192, 0, 2, 1])
        .unwrap()
        .collect();
    assert_eq!(
        servers,
        [Ipv4Addr::new(192, 0, 2, 9), Ipv4Addr::new(192, 0, 2, 1)]
    );
}

#[test]
fn option_150_of_another_length_is_ignored() {
    for len in [0, 1, 2, 3, 5, 6, 7, 9, 255] {
        assert!(dhcp::servers(&vec![1; len]).is_none(), "{len}");
    }
}

proptest! {
    #[test]
    fn c89_a_name_of_any_octets_survives_escaping(name in prop::collection::vec(1..=255u8, 1..=503)) {
        let escaped: String = name.iter().map(|octet| format!("%{octet:02x}")).collect();
        let text = format!("tftp://h/{escaped}");
        let uri = Uri::parse(&text).unwrap();
        prop_assert_eq!(uri.file(), &name[..]);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(tftp://)?\\PC{0,40}") {
        if let Ok(uri) = Uri::parse(&text) {
            prop_assert!(!uri.file().is_empty() && !uri.file().contains(&0) && uri.port() != 0);
        }
    }
}
