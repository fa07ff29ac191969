//! Each exit code, and the message that goes with it.

use std::{fs, process::Output, thread};

use tempfile::TempDir;

use crate::{
    peer::{Peer, ack, data, error, oack},
    program::{assert_exit, names, run, stderr, tftp},
};

/// Fetches from a server that answers with these packets, one for each datagram that it gets.
fn get_with(answers: &[Vec<u8>], args: &[&str]) -> (Output, TempDir) {
    let peer = Peer::new();
    let dir = TempDir::new().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(|| answers.iter().for_each(|answer| peer.answer(answer)));
        let url = peer.url("f");
        run(&dir, [&["get", &url], args].concat())
    });
    (output, dir)
}

/// Gets this ERROR for a plain request.
fn refused_with(code: u16) -> Output {
    let (output, dir) = get_with(&[error(code, "said the server")], &["--no-options"]);
    assert!(stderr(&output).contains("said the server"), "{output:?}");
    assert!(names(&dir).is_empty());
    output
}

#[track_caller]
fn assert_usage(args: &[&str]) {
    let output = run(&TempDir::new().unwrap(), args);
    assert_exit(&output, 2);
    assert!(!output.stderr.is_empty());
}

#[test]
fn done_is_0() {
    let (output, dir) = get_with(&[data(1, b"a")], &[]);
    assert_exit(&output, 0);
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"a");
}

#[test]
fn nothing_to_do_is_2() {
    assert_usage(&[]);
    assert_usage(&["get"]);
    assert_usage(&["fetch", "tftp://127.0.0.1/f"]);
}

#[test]
fn a_value_out_of_range_is_2() {
    let url = "tftp://127.0.0.1/f";
    for (option, value) in [
        ("--blksize", "7"),
        ("--blksize", "65465"),
        ("--windowsize", "0"),
        ("--windowsize", "65536"),
        ("--timeout", "0"),
        ("--timeout", "256"),
        ("--timeout", "soon"),
        ("--source-port", "0"),
        ("--busy-poll", "50001"),
        ("--mode", "mail"),
    ] {
        assert_usage(&["get", url, option, value]);
    }
    assert_usage(&["get", url, "--no-options", "--blksize", "1024"]);
}

#[test]
fn a_url_that_is_none_is_2() {
    for url in [
        "http://127.0.0.1/f",
        "127.0.0.1/f",
        "tftp://127.0.0.1",
        "tftp://127.0.0.1/",
        "tftp://127.0.0.1:0/f",
        "tftp://user@127.0.0.1/f",
        "tftp://127.0.0.1/f;mode=mail",
        "tftp://127.0.0.1/%00",
    ] {
        assert_usage(&["get", url]);
    }
}

#[test]
fn a_url_without_a_name_at_its_end_needs_an_output() {
    for path in ["dir/", "..", "dir/.", "%5C"] {
        assert_usage(&["get", &format!("tftp://127.0.0.1/{path}")]);
    }
}

#[test]
fn a_missing_file_is_3() {
    assert_exit(&refused_with(1), 3);
}

#[test]
fn a_refusal_is_4() {
    for code in [2, 4, 6] {
        assert_exit(&refused_with(code), 4);
    }
}

#[test]
fn a_refusal_with_and_without_options_is_4() {
    let refusal = error(4, "no");
    let (output, _) = get_with(&[refusal.clone(), refusal], &[]);
    assert_exit(&output, 4);
}

#[test]
fn silence_is_5() {
    let peer = Peer::new();
    let dir = TempDir::new().unwrap();
    let url = peer.url("f");
    let output = run(&dir, ["get", &url, "--retries", "1", "--timeout", "0.02"]);
    assert_exit(&output, 5);
    assert!(stderr(&output).contains("no answer"), "{output:?}");
    assert!(stderr(&output).contains("firewalls"), "{output:?}");
    assert!(names(&dir).is_empty());
}

#[test]
fn silence_in_mid_transfer_is_5() {
    let (output, dir) = get_with(
        &[data(1, &[b'a'; 512])],
        &["--no-options", "--retries", "1", "--timeout", "0.02"],
    );
    assert_exit(&output, 5);
    assert!(stderr(&output).contains("fell silent"), "{output:?}");
    assert!(names(&dir).is_empty());
}

#[test]
fn an_upload_that_is_never_confirmed_is_5() {
    let peer = Peer::new();
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("f"), "a").unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(|| peer.answer(&ack(0)));
        let url = peer.url("f");
        let args = ["put", "f", &url, "--retries", "1", "--timeout", "0.02"];
        run(&dir, args)
    });
    assert_exit(&output, 5);
    assert!(stderr(&output).contains("never acknowledged"), "{output:?}");
    assert!(stderr(&output).contains("look there"), "{output:?}");
}

#[test]
fn an_upload_of_a_file_that_must_exist_there_is_explained() {
    let peer = Peer::new();
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("f"), "a").unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(|| peer.answer(&error(1, "File not found")));
        run(&dir, ["put", "f", &peer.url("f")])
    });
    assert_exit(&output, 3);
    assert!(
        stderr(&output).contains("exist there already"),
        "{output:?}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_port_is_5() {
    let dir = TempDir::new().unwrap();
    // Nobody opens a port at this address.
    let args = ["get", "tftp://127.0.0.4:9/f", "--timeout", "0.02"];
    let output = run(&dir, args);
    assert_exit(&output, 5);
    assert!(stderr(&output).contains("refused"), "{output:?}");
}

#[test]
fn a_name_that_cannot_exist_is_5() {
    let dir = TempDir::new().unwrap();
    // A label has at most 63 octets, so no name server is asked.
    let output = run(&dir, ["get", &format!("tftp://{}/f", "a".repeat(64))]);
    assert_exit(&output, 5);
}

#[test]
fn a_full_disk_there_is_6() {
    assert_exit(&refused_with(3), 6);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_here_is_6_and_told_with_error_3() {
    let peer = Peer::new();
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            peer.answer(&data(1, b"a"));
            peer.await_one(&error(3, "disk full or allocation exceeded"));
        });
        let url = peer.url("f");
        run(&TempDir::new().unwrap(), ["get", &url, "-o", "/dev/full"])
    });
    assert_exit(&output, 6);
    assert!(stderr(&output).contains("No space left"), "{output:?}");
}

#[test]
fn another_error_of_the_server_is_7() {
    for code in [0, 5, 7, 8, 99] {
        assert_exit(&refused_with(code), 7);
    }
}

#[test]
fn a_truncated_file_is_7() {
    let (output, dir) = get_with(&[oack(&[("tsize", "1000")]), data(1, b"a")], &[]);
    assert_exit(&output, 7);
    assert!(names(&dir).is_empty());
}

#[test]
fn a_block_that_is_too_large_is_7() {
    let (output, _) = get_with(&[data(1, &[b'a'; 513])], &[]);
    assert_exit(&output, 7);
}

#[test]
fn a_place_that_does_not_exist_is_8() {
    let dir = TempDir::new().unwrap();
    let output = run(&dir, ["get", "tftp://127.0.0.1/f", "-o", "none/f"]);
    assert_exit(&output, 8);
    assert!(stderr(&output).contains("none/f"), "{output:?}");
}

#[test]
fn a_directory_that_does_not_exist_is_8_before_anything_is_asked_for() {
    let dir = TempDir::new().unwrap();
    let output = run(&dir, ["get", "tftp://127.0.0.1:9/f", "-o", "new/"]);
    assert_exit(&output, 8);
    assert!(
        stderr(&output).contains("new/: names a directory"),
        "{output:?}"
    );
    assert!(names(&dir).is_empty());
}

#[test]
fn a_directory_is_8() {
    let dir = TempDir::new().unwrap();
    assert_exit(&run(&dir, ["get", "tftp://127.0.0.1/f", "-o", "."]), 8);
    assert_exit(&run(&dir, ["put", ".", "tftp://127.0.0.1/f"]), 8);
}

#[test]
fn a_file_that_is_not_here_is_8() {
    let dir = TempDir::new().unwrap();
    let output = run(&dir, ["put", "none", "tftp://127.0.0.1/f"]);
    assert_exit(&output, 8);
    assert!(stderr(&output).contains("none"), "{output:?}");
}

#[test]
#[cfg(unix)]
fn an_output_that_nobody_reads_is_8() {
    let peer = Peer::new();
    let dir = TempDir::new().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = thread::scope(|scope| {
        scope.spawn(|| peer.answer(&data(1, b"a")));
        let url = peer.url("f");
        let mut command = tftp(&dir);
        command.args(["get", &url, "-o", "-"]).stdout(writer);
        command.output().unwrap()
    });
    assert_exit(&output, 8);
}

/// Runs `tftp` from a shell that does this to a standard stream.
#[cfg(unix)]
fn run_redirected(dir: &TempDir, redirection: &str, args: &[&str]) -> Output {
    std::process::Command::new("sh")
        .args(["-c", &format!("exec \"$0\" \"$@\" {redirection}")])
        .arg(env!("CARGO_BIN_EXE_tftp"))
        .args(args)
        .current_dir(dir.path())
        .output()
        .unwrap()
}

#[test]
#[cfg(unix)]
fn an_output_that_is_closed_or_read_only_is_8() {
    for redirection in [">&-", "1<f"] {
        let peer = Peer::new();
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("f"), "").unwrap();
        let output = thread::scope(|scope| {
            scope.spawn(|| peer.serve(&data(1, b"a")));
            let url = peer.url("f");
            let output = run_redirected(&dir, redirection, &["get", &url, "-o", "-"]);
            peer.dismiss();
            output
        });
        assert_exit(&output, 8);
    }
}

#[test]
#[cfg(unix)]
fn an_output_that_is_thrown_away_is_0() {
    let peer = Peer::new();
    let dir = TempDir::new().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(|| peer.answer(&data(1, b"a")));
        let url = peer.url("f");
        run_redirected(&dir, ">/dev/null", &["get", &url, "-o", "-"])
    });
    assert_exit(&output, 0);
}

/// An empty file would be stored.
#[test]
#[cfg(unix)]
fn an_input_that_is_closed_or_write_only_is_8() {
    for redirection in ["<&-", "0>f"] {
        let peer = Peer::new();
        let dir = TempDir::new().unwrap();
        let output = thread::scope(|scope| {
            scope.spawn(|| peer.serve(&ack(0)));
            let url = peer.url("f");
            let output = run_redirected(&dir, redirection, &["put", "-", &url]);
            peer.dismiss();
            output
        });
        assert_exit(&output, 8);
    }
}

#[test]
fn a_failed_download_keeps_the_old_file() {
    let peer = Peer::new();
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("f"), "old").unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            peer.answer(&data(1, &[b'a'; 512]));
            peer.answer(&error(0, "gone"));
        });
        run(&dir, ["get", &peer.url("f")])
    });
    assert_exit(&output, 7);
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"old");
    assert_eq!(names(&dir), ["f"]);
}

#[test]
fn what_a_server_says_cannot_control_the_terminal() {
    let (output, _) = get_with(&[error(1, "\x1b[2Jgone\n")], &["--no-options"]);
    let message = stderr(&output);
    assert!(message.contains("\\x1b[2Jgone\\n"), "{message}");
}
