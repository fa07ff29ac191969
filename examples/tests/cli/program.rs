//! Runs the real program.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

/// `tftp` in a directory, ready to be given arguments.
pub(crate) fn tftp(dir: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tftp"));
    command.current_dir(dir.path()).stdin(Stdio::null());
    command
}

/// Runs `tftp` to its end.
pub(crate) fn run<A: AsRef<OsStr>>(dir: &TempDir, args: impl IntoIterator<Item = A>) -> Output {
    tftp(dir).args(args).output().unwrap()
}

/// Runs `tftp` with an input.
pub(crate) fn run_with_input<A: AsRef<OsStr>>(
    dir: &TempDir,
    args: impl IntoIterator<Item = A>,
    input: &[u8],
) -> Output {
    let mut command = tftp(dir);
    command.args(args).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
pub(crate) fn assert_exit(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
}

pub(crate) fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Our own server over a directory, ended with this value.
pub(crate) struct Tftpd {
    child: Child,
    address: String,
}

impl Tftpd {
    pub(crate) fn start(root: &Path, listen: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tftpd"))
            .args(["--root".as_ref(), root.as_os_str()])
            .args(["--listen", listen, "--write"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { child, address }
    }

    pub(crate) fn url(&self, file: &str) -> String {
        format!("tftp://{}/{file}", self.address)
    }
}

impl Drop for Tftpd {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Octets that differ from place to place.
pub(crate) fn contents(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let octet = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    };
    (0..len).map(octet).collect()
}
