//! Any text is a URI or is not; one that is names a file that a request can carry.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tftp_proto::{dhcp, uri::Uri};

fuzz_target!(|octets: &[u8]| {
    let _ = dhcp::server_name(octets);
    if let Some(name) = dhcp::boot_file(octets) {
        assert!(!name.is_empty());
    }
    if let Some(servers) = dhcp::servers(octets) {
        assert_eq!(servers.count() * 4, octets.len());
    }
    let Ok(text) = core::str::from_utf8(octets) else {
        return;
    };
    if let Ok(uri) = Uri::parse(text) {
        assert!(text.len() >= "tftp://".len() && text[..7].eq_ignore_ascii_case("tftp://"));
        assert!(!uri.file().is_empty() && !uri.file().contains(&0));
        let _ = format!("{uri:?}");
    }
});
