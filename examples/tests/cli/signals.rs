//! An interrupt ends the transfer, and leaves nothing behind.

use std::{
    io::Write as _,
    process::{Child, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    peer::{Peer, ack, data, error},
    program::{names, tftp},
};

fn interrupt(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn an_interrupted_get_tells_the_server_and_leaves_no_file() {
    for signal in [Signal::INT, Signal::TERM] {
        let peer = Peer::new();
        let dir = TempDir::new().unwrap();
        let mut child = tftp(&dir)
            .args(["get", &peer.url("f"), "-q"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        peer.answer(&data(1, &[b'a'; 512]));
        peer.expect(&ack(1));
        interrupt(&child, signal);
        peer.await_one(&error(0, "error"));
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(names(&dir).is_empty());
    }
}

#[test]
fn an_interrupted_put_that_waits_for_input_tells_the_server() {
    let peer = Peer::new();
    let dir = TempDir::new().unwrap();
    let url = peer.url("f");
    let mut command = tftp(&dir);
    command
        .args(["put", "-", &url])
        .stdin(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    // The input stays open and silent until the program has ended.
    let mut input = child.stdin.take().unwrap();
    input.write_all(&[b'a'; 512]).unwrap();
    peer.answer(&ack(0));
    peer.answer(&ack(1));
    interrupt(&child, Signal::INT);
    peer.await_one(&error(0, "error"));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(input);
}
