use core::net::Ipv4Addr;

use boot_logic::Offer;
use smoltcp::wire::{DhcpPacket, IpEndpoint};

const SIADDR: [u8; 4] = [10, 0, 0, 1];
const FIXED_LEN: usize = 240;

/// An answer with this in its fixed fields, and these options.
fn read(file: &str, options: &[(u8, &[u8])]) -> Offer {
    let mut octets = vec![0; FIXED_LEN];
    octets[20..24].copy_from_slice(&SIADDR);
    octets[108..108 + file.len()].copy_from_slice(file.as_bytes());
    octets[236..240].copy_from_slice(&[99, 130, 83, 99]);
    for (kind, data) in options {
        octets.extend([*kind, u8::try_from(data.len()).unwrap()]);
        octets.extend(*data);
    }
    octets.push(255);
    Offer::read(&DhcpPacket::new_checked(&octets[..]).unwrap())
}

fn servers(offer: &Offer) -> Vec<IpEndpoint> {
    offer.servers.to_vec()
}

fn at(d: u8, port: u16) -> IpEndpoint {
    IpEndpoint::new(Ipv4Addr::new(10, 0, 0, d).into(), port)
}

#[test]
fn option_150_wins_over_66_and_siaddr() {
    let offer = read(
        "f",
        &[(66, b"10.0.0.9"), (150, &[10, 0, 0, 2, 10, 0, 0, 3])],
    );
    assert_eq!(servers(&offer), [at(2, 69), at(3, 69)]);
}

#[test]
fn option_150_of_a_wrong_length_is_passed_over() {
    let offer = read("f", &[(66, b"10.0.0.9"), (150, &[10, 0, 0])]);
    assert_eq!(servers(&offer), [at(9, 69)]);
}

#[test]
fn option_66_wins_over_siaddr() {
    assert_eq!(servers(&read("f", &[(66, b"10.0.0.9")])), [at(9, 69)]);
}

#[test]
fn a_name_in_option_66_leaves_siaddr() {
    let offer = read("f", &[(66, b"boot.example")]);
    assert_eq!(servers(&offer), [at(1, 69)]);
}

#[test]
fn option_67_wins_over_the_fixed_field() {
    assert_eq!(read("fixed", &[(67, b"option")]).name, b"option");
}

#[test]
fn the_fixed_field_names_the_file() {
    assert_eq!(read("fixed", &[]).name, b"fixed");
}

#[test]
fn an_overloaded_fixed_field_is_no_name() {
    assert_eq!(read("fixed", &[(52, &[1])]).name, b"");
}

#[test]
fn a_uri_as_file_name_gives_server_and_port() {
    let offer = read("tftp://10.0.0.7:6969/dir/file", &[]);
    assert_eq!(servers(&offer), [at(7, 6969)]);
    assert_eq!(offer.name, b"dir/file");
}

#[test]
fn a_file_name_with_a_question_mark_is_no_uri() {
    assert_eq!(read("what?#", &[]).name, b"what?#");
}
