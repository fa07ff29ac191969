//! Flags, lines, signals, exit codes.

use std::{net::UdpSocket, process::Output};

use rustix::process::Signal;

use crate::support::*;

#[test]
fn it_serves_on_when_nobody_reads_its_log() {
    let mut tftpd = Tftpd::start(&[]);
    drop(tftpd.child.stderr.take());
    // The second request comes after the line about the first one.
    for _ in 0..2 {
        assert_eq!(tftpd.client().read("image"), Ok(vec![7; 1000]));
    }
    tftpd.signal(Signal::TERM);
    assert!(tftpd.child.wait().unwrap().success());
}

fn failed(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(arguments).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn it_announces_every_address_with_its_port() {
    let tftpd = Tftpd::listening_on(&["127.0.0.1:0", "[::1]:0"], &[]);
    assert!(tftpd.addresses.iter().all(|address| address.port() != 0));
    for address in &tftpd.addresses {
        assert_eq!(Client::new(*address).read("image"), Ok(vec![7; 1000]));
    }
}

#[test]
fn it_listens_on_loopback_unless_it_is_told_otherwise() {
    let help = command(&["--help"]).output().unwrap().stdout;
    assert!(
        String::from_utf8(help)
            .unwrap()
            .contains("[default: 127.0.0.1:6969]")
    );
}

#[test]
fn it_is_read_only_unless_writing_is_allowed() {
    let tftpd = Tftpd::start(&[]);
    assert_eq!(tftpd.client().write("new", b"new"), Err(2));
    let tftpd = Tftpd::start(&["--write"]);
    assert_eq!(tftpd.client().write("new", b"new"), Ok(()));
    assert_eq!(std::fs::read(tftpd.dir.path().join("new")).unwrap(), b"new");
    assert_eq!(tftpd.client().write("image", b"new"), Err(6));
    let tftpd = Tftpd::start(&["--write", "--overwrite"]);
    assert_eq!(tftpd.client().write("image", b"new"), Ok(()));
    assert_eq!(
        std::fs::read(tftpd.dir.path().join("image")).unwrap(),
        b"new"
    );
}

#[test]
fn it_agrees_to_no_more_than_the_given_block_and_window() {
    let tftpd = Tftpd::start(&["--max-blksize", "900", "--max-windowsize", "5"]);
    let (oack, _) = tftpd
        .client()
        .ask(1, "image", "blksize\x001468\0windowsize\x0064\0");
    assert_eq!(oack, b"\0\x06blksize\x00900\0windowsize\x005\0");
}

#[test]
fn it_uses_one_port_for_all_if_it_is_told_to() {
    let tftpd = Tftpd::start(&["--single-port"]);
    assert_eq!(tftpd.client().ask(1, "image", "").1, tftpd.addresses[0]);
}

#[test]
fn it_uses_the_given_ports_for_transfers() {
    let tftpd = Tftpd::start(&["--port-range", "21000-29999"]);
    for _ in 0..5 {
        let (_, tid) = tftpd.client().ask(1, "image", "");
        assert!((21_000..30_000).contains(&tid.port()));
    }
}

#[test]
fn it_writes_a_line_for_each_transfer() {
    let tftpd = Tftpd::start(&[]);
    assert!(tftpd.client().read("image").is_ok());
    assert_eq!(tftpd.client().read("missing"), Err(1));
    let log = tftpd.terminate();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains(" transfer "))
        .collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines.iter().any(|line| {
        [
            "name=\"image\"",
            "op=\"read\"",
            "bytes=1000",
            "blocks=2",
            "outcome=\"complete\"",
        ]
        .iter()
        .all(|field| line.contains(field))
    }));
    assert!(
        lines
            .iter()
            .any(|line| line.contains("outcome=\"refused\" code=1"))
    );
}

#[test]
fn its_lines_are_json_if_that_is_asked_for() {
    let tftpd = Tftpd::start(&["--log-format", "json"]);
    assert!(tftpd.client().read("image").is_ok());
    let log = tftpd.terminate();
    assert!(
        log.lines()
            .all(|line| line.starts_with('{') && line.ends_with('}')),
        "{log}"
    );
    for field in [
        "\"name\":\"image\"",
        "\"bytes\":1000",
        "\"outcome\":\"complete\"",
    ] {
        assert!(log.contains(field), "{log}");
    }
}

/// H15
#[test]
fn names_cannot_write_lines_of_their_own() {
    for format in ["text", "json"] {
        let tftpd = Tftpd::start(&["--log-format", format]);
        let evil = "x\n\x1b[31m outcome=\"complete\" \"bytes\":7";
        assert_eq!(tftpd.client().read(evil), Err(2));
        let log = tftpd.terminate();
        assert!(!log.contains('\x1b'), "{log}");
        assert_eq!(
            log.lines().filter(|line| line.contains("outcome")).count(),
            1,
            "{log}"
        );
        assert!(
            !log.contains(" outcome=\"complete\"") && !log.contains("\"bytes\":7"),
            "{log}"
        );
    }
}

/// G11
#[test]
fn it_lets_transfers_end_when_it_is_told_to_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let tftpd = Tftpd::start(&[]);
        let client = tftpd.client();
        let (_, tid) = client.ask(1, "image", "");
        tftpd.signal(signal);
        let (last, _) = client.exchange(tid, &[0, 4, 0, 1]);
        assert_eq!(last, [&[0, 3, 0, 2], [7; 488].as_slice()].concat());
        client.socket.send_to(&[0, 4, 0, 2], tid).unwrap();
        assert!(tftpd.end().contains("outcome=\"complete\""));
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let tftpd = Tftpd::start(&[]);
    let client = tftpd.client();
    let _ = client.ask(1, "image", "");
    tftpd.signal(Signal::TERM);
    tftpd.signal(Signal::INT);
    assert_eq!(client.receive().0[..4], [0, 5, 0, 0]);
    assert!(tftpd.end().contains("outcome=\"stopped\""));
}

#[test]
fn it_says_why_it_cannot_serve() {
    let (code, message) = failed(&["--root", "/nonexistent/tree", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1));
    assert!(
        message.contains("cannot serve /nonexistent/tree: No such file"),
        "{message}"
    );
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, message) = failed(&["--root", "/", "--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(
        message.contains(&format!("cannot listen on {address}: ")),
        "{message}"
    );
}

#[test]
fn a_mistake_in_the_flags_is_exit_code_2() {
    for arguments in [
        &[] as &[&str],
        &["--root", "/", "--listen", "nowhere"],
        &["--root", "/", "--overwrite"],
        &["--root", "/", "--max-blksize", "7"],
        &["--root", "/", "--max-blksize", "65465"],
        &["--root", "/", "--max-windowsize", "0"],
        &["--root", "/", "--port-range", "9-8"],
        &["--root", "/", "--port-range", "x"],
        &["--root", "/", "--single-port", "--port-range", "8-9"],
    ] {
        assert_eq!(failed(arguments).0, Some(2), "{arguments:?}");
    }
}
