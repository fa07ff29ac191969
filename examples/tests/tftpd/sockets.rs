//! Sockets that are handed over, and several threads.

use core::time::Duration;
use std::{net::UdpSocket, os::fd::OwnedFd, process::Command, thread, time::Instant};

use crate::support::*;

/// Has the shell put its standard input where systemd puts the first socket.
fn with_socket(socket: UdpSocket) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$0\" \"$@\" 3<&0 </dev/null"])
        .arg(PROGRAM)
        .env("LISTEN_FDS", "1")
        .env_remove("LISTEN_PID")
        .stdin(OwnedFd::from(socket));
    command
}

#[test]
fn it_listens_on_a_socket_that_is_handed_over_and_on_no_other() {
    for threads in ["1", "3"] {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let tftpd = Tftpd::run(with_socket(socket), 1, &["--threads", threads]);
        assert_eq!(tftpd.addresses, [address]);
        for _ in 0..10 {
            assert_eq!(tftpd.client().read("image"), Ok(vec![7; 1000]));
        }
    }
}

#[test]
fn it_listens_on_given_addresses_beside_a_socket_that_is_handed_over() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tftpd = Tftpd::run(with_socket(socket), 2, &["--listen", "127.0.0.1:0"]);
    for address in &tftpd.addresses {
        assert_eq!(Client::new(*address).read("image"), Ok(vec![7; 1000]));
    }
}

/// How many threads of the process have the name of an event loop.
fn loops(process: u32) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let loops = tasks.filter(|task| {
        let name = task.as_ref().unwrap().path().join("comm");
        std::fs::read_to_string(name).unwrap().trim() == "tftp-loop"
    });
    loops.count()
}

#[test]
fn it_has_as_many_threads_as_it_is_told_to() {
    for threads in [1, 5] {
        let tftpd = Tftpd::start(&["--threads", &threads.to_string()]);
        assert_eq!(tftpd.client().read("image"), Ok(vec![7; 1000]));
        // The first one is the program's own. The others have been started before it answers, but may not have run
        // yet, and a thread names itself.
        let start = Instant::now();
        while loops(tftpd.child.id()) < threads - 1 && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(loops(tftpd.child.id()), threads - 1);
    }
}

#[test]
fn it_serves_however_long_it_polls() {
    for micros in ["0", "50"] {
        let tftpd = Tftpd::start(&["--busy-poll", micros]);
        assert_eq!(tftpd.client().read("image"), Ok(vec![7; 1000]));
    }
}
