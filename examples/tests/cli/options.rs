//! What the options make of the request.

use std::{net::UdpSocket, thread};

use tempfile::TempDir;

use crate::{
    peer::{Peer, data, option, strings},
    program::{assert_exit, run},
};

/// The request that `tftp get` makes with these arguments.
fn request(args: &[&str]) -> Vec<u8> {
    let peer = Peer::new();
    thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let (request, to) = peer.recv();
            peer.send(to, &data(1, b""));
            request
        });
        let dir = TempDir::new().unwrap();
        let url = peer.url("dir/f%20g");
        let output = run(&dir, [&["get", &url, "-o", "-"], args].concat());
        assert_exit(&output, 0);
        asked.join().unwrap()
    })
}

#[test]
fn the_name_is_decoded_and_the_mode_is_octet() {
    assert_eq!(strings(&request(&[]))[..2], ["dir/f g", "octet"]);
}

#[test]
fn the_defaults_ask_for_size_window_and_fitting_blocks() {
    let request = request(&[]);
    assert_eq!(option(&request, "tsize").unwrap(), "0");
    assert_eq!(option(&request, "windowsize").unwrap(), "16");
    assert_eq!(option(&request, "blksize").unwrap(), "1468");
}

#[test]
fn block_and_window_size_are_asked_for() {
    let request = request(&["--blksize", "1024", "--windowsize", "4"]);
    assert_eq!(option(&request, "blksize").unwrap(), "1024");
    assert_eq!(option(&request, "windowsize").unwrap(), "4");
}

#[test]
fn a_time_out_in_seconds_is_asked_for() {
    let request = request(&["--timeout", "3"]);
    assert_eq!(option(&request, "timeout").unwrap(), "3");
}

#[test]
fn without_options_the_request_is_plain() {
    assert_eq!(strings(&request(&["--no-options"])), ["dir/f g", "octet"]);
}

#[test]
fn netascii_is_asked_for() {
    assert_eq!(strings(&request(&["--mode", "netascii"]))[1], "netascii");
}

#[test]
fn the_source_port_is_used() {
    let peer = Peer::new();
    thread::scope(|scope| {
        let seen = scope.spawn(|| {
            let (_, from) = peer.recv();
            peer.send(from, &data(1, b""));
            from.port()
        });
        let dir = TempDir::new().unwrap();
        let url = peer.url("f");
        // A port that is free now may be taken by another test before it is used.
        let chosen = loop {
            let free = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.local_addr());
            let port = free.unwrap().port();
            let output = run(&dir, ["get", &url, "--source-port", &port.to_string()]);
            if output.status.code() != Some(8) {
                assert_exit(&output, 0);
                break port;
            }
        };
        assert_eq!(seen.join().unwrap(), chosen);
    });
}

#[test]
fn the_number_of_retries_is_kept() {
    for more in [&[][..], &["--busy-poll", "0"], &["--busy-poll", "50000"]] {
        let peer = Peer::new();
        let dir = TempDir::new().unwrap();
        let url = peer.url("f");
        let args = ["get", &url, "--retries", "2", "--timeout", "0.02"];
        assert_exit(&run(&dir, [&args, more].concat()), 5);
        let (first, _) = peer.recv();
        peer.expect(&first);
        peer.expect(&first);
        assert!(peer.is_idle());
    }
}

/// Looking for datagrams takes processor time; sleeping takes next to none.
#[test]
#[cfg(target_os = "linux")]
fn a_busy_client_does_not_sleep_at_once() {
    use std::{fs, process::Stdio};

    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    use crate::program::tftp;

    let spent = [&[][..], &["--busy-poll", "50000"]].map(|more| {
        let peer = Peer::new();
        let dir = TempDir::new().unwrap();
        let url = peer.url("f");
        let args = ["get", &url, "--retries", "0", "--timeout", "0.2"];
        let mut child = tftp(&dir)
            .args([&args, more].concat())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It stays a zombie, so that its time can be read.
        let pid = Pid::from_child(&child);
        waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        )
        .unwrap();
        let usage = fs::read_to_string(format!("/proc/{}/schedstat", child.id())).unwrap();
        child.wait().unwrap();
        usage.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    assert!(spent[1] > 2 * spent[0], "{spent:?} ns");
}
