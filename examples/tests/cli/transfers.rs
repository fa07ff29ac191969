//! Files there and back, with our own server.

use std::fs;

use tempfile::TempDir;

use crate::program::{Tftpd, assert_exit, contents, names, run, run_with_input, stderr};

/// A server's root with a file, and an empty directory of the client's.
fn set_up(file: &[u8], listen: &str) -> (TempDir, Tftpd, TempDir) {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("f"), file).unwrap();
    let server = Tftpd::start(root.path(), listen);
    (root, server, TempDir::new().unwrap())
}

#[test]
fn a_file_is_fetched_under_its_own_name() {
    let file = contents(1_000_000);
    let (_root, server, dir) = set_up(&file, "127.0.0.1:0");
    let output = run(&dir, ["get", &server.url("f")]);
    assert_exit(&output, 0);
    assert!(fs::read(dir.path().join("f")).unwrap() == file);
    assert_eq!(names(&dir), ["f"]);
}

#[test]
fn a_file_is_fetched_over_ipv6() {
    let file = contents(10_000);
    let (_root, server, dir) = set_up(&file, "[::1]:0");
    let output = run(&dir, ["get", &server.url("f"), "-o", "g"]);
    assert_exit(&output, 0);
    assert!(fs::read(dir.path().join("g")).unwrap() == file);
}

#[test]
fn a_file_is_fetched_to_the_standard_output() {
    let file = contents(100_000);
    let (_root, server, dir) = set_up(&file, "127.0.0.1:0");
    let output = run(&dir, ["get", &server.url("f"), "-o", "-"]);
    assert_exit(&output, 0);
    assert!(output.stdout == file);
    assert!(names(&dir).is_empty());
}

#[test]
fn a_text_is_fetched_with_local_line_ends() {
    let (_root, server, dir) = set_up(b"a\nb\r", "127.0.0.1:0");
    for url in [server.url("f;mode=netascii"), server.url("f")] {
        let output = run(&dir, ["get", &url, "-o", "-", "--mode", "netascii"]);
        assert_exit(&output, 0);
        assert_eq!(output.stdout, b"a\nb\r");
    }
}

#[test]
fn a_file_is_stored() {
    let file = contents(1_000_000);
    let (root, server, dir) = set_up(b"", "127.0.0.1:0");
    fs::write(dir.path().join("mine"), &file).unwrap();
    let output = run(&dir, ["put", "mine", &server.url("g")]);
    assert_exit(&output, 0);
    assert!(fs::read(root.path().join("g")).unwrap() == file);
}

#[test]
fn the_standard_input_is_stored() {
    let file = contents(100_000);
    let (root, server, dir) = set_up(b"", "127.0.0.1:0");
    let output = run_with_input(&dir, ["put", "-", &server.url("g")], &file);
    assert_exit(&output, 0);
    assert!(fs::read(root.path().join("g")).unwrap() == file);
}

#[test]
fn an_empty_input_is_stored_as_an_empty_file() {
    let (root, server, dir) = set_up(b"", "127.0.0.1:0");
    let output = run_with_input(&dir, ["put", "-", &server.url("g")], b"");
    assert_exit(&output, 0);
    assert_eq!(fs::read(root.path().join("g")).unwrap(), b"");
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_is_made_when_it_is_read_is_stored_whole() {
    let (root, server, dir) = set_up(b"", "127.0.0.1:0");
    let file = fs::read("/proc/version").unwrap();
    assert_eq!(fs::metadata("/proc/version").unwrap().len(), 0);
    let output = run(&dir, ["put", "/proc/version", &server.url("g")]);
    assert_exit(&output, 0);
    assert_eq!(fs::read(root.path().join("g")).unwrap(), file);
}

#[test]
fn an_empty_file_is_stored() {
    let (root, server, dir) = set_up(b"", "127.0.0.1:0");
    fs::write(dir.path().join("mine"), b"").unwrap();
    let output = run(&dir, ["put", "mine", &server.url("g")]);
    assert_exit(&output, 0);
    assert_eq!(fs::read(root.path().join("g")).unwrap(), b"");
}

#[test]
fn a_transfer_is_summed_up_in_a_line() {
    let (_root, server, dir) = set_up(&contents(5000), "127.0.0.1:0");
    let output = run(&dir, ["get", &server.url("f")]);
    let line = stderr(&output);
    assert!(line.contains("5000 octets"), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
}

#[test]
fn a_quiet_transfer_says_nothing() {
    let (_root, server, dir) = set_up(&contents(5000), "127.0.0.1:0");
    let output = run(&dir, ["get", &server.url("f"), "-q"]);
    assert_exit(&output, 0);
    assert_eq!(stderr(&output), "");
    assert!(output.stdout.is_empty());
}
