//! The program as a process, and a client that speaks by hand.

use core::{net::SocketAddr, time::Duration};
use std::{
    io::{BufRead as _, BufReader, ErrorKind, Read as _},
    net::UdpSocket,
    process::{Child, ChildStdout, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// After this long an answer does not come any more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tftpd");

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A shell that runs `script`, and then becomes the program.
#[cfg(target_os = "linux")]
pub(crate) fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{script}; exec \"$0\" \"$@\""), PROGRAM]);
    command
}

/// The program over a directory with the file `image` of 1,000 octets.
pub(crate) struct Tftpd {
    pub(crate) dir: TempDir,
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Tftpd {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::listening_on(&["127.0.0.1:0"], arguments)
    }

    pub(crate) fn listening_on(addresses: &[&str], arguments: &[&str]) -> Self {
        let mut all = arguments.to_vec();
        for address in addresses {
            all.extend(["--listen", address]);
        }
        Self::run(Command::new(PROGRAM), addresses.len(), &all)
    }

    /// Runs `command`, which becomes the program, until it has announced `count` addresses.
    pub(crate) fn run(mut command: Command, count: usize, arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("image"), [7; 1000]).unwrap();
        command.args(arguments).arg("--root").arg(dir.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let announced = (0..count).map(|_| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let address = line.strip_prefix("listening on ").unwrap();
            address.trim_end().parse().unwrap()
        });
        Self {
            addresses: announced.collect(),
            dir,
            child,
            stdout,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.addresses[0])
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// What it has written to standard error, once it has ended well.
    pub(crate) fn end(mut self) -> String {
        assert!(self.child.wait().unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(
            rest, "",
            "nothing but the addresses goes to standard output"
        );
        self.log()
    }

    /// What it writes to standard error until it ends.
    pub(crate) fn log(&mut self) -> String {
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        log
    }

    pub(crate) fn terminate(self) -> String {
        self.signal(Signal::TERM);
        self.end()
    }
}

impl Drop for Tftpd {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Client {
    pub(crate) socket: UdpSocket,
    pub(crate) server: SocketAddr,
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((server.ip(), 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, server }
    }

    pub(crate) fn receive(&self) -> (Vec<u8>, SocketAddr) {
        let mut buf = vec![0; 70_000];
        let (len, from) = loop {
            match self.socket.recv_from(&mut buf) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.unwrap(),
            }
        };
        buf.truncate(len);
        (buf, from)
    }

    pub(crate) fn exchange(&self, to: SocketAddr, datagram: &[u8]) -> (Vec<u8>, SocketAddr) {
        self.socket.send_to(datagram, to).unwrap();
        self.receive()
    }

    pub(crate) fn send(&self, opcode: u8, name: &str, options: &str) {
        let (name, options) = (name.as_bytes(), options.as_bytes());
        let request = [&[0, opcode], name, b"\0octet\0", options].concat();
        self.socket.send_to(&request, self.server).unwrap();
    }

    pub(crate) fn ask(&self, opcode: u8, name: &str, options: &str) -> (Vec<u8>, SocketAddr) {
        self.send(opcode, name, options);
        self.receive()
    }

    /// A datagram that has arrived already.
    #[cfg(target_os = "linux")]
    pub(crate) fn received(&self) -> Option<(usize, SocketAddr)> {
        self.socket.set_nonblocking(true).unwrap();
        let received = self.socket.recv_from(&mut [0; 70_000]).ok();
        self.socket.set_nonblocking(false).unwrap();
        received
    }

    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, u8> {
        let (mut file, mut answer) = (Vec::new(), self.ask(1, name, ""));
        loop {
            let (datagram, tid) = answer;
            match datagram.as_slice() {
                [0, 3, high, low, payload @ ..] => {
                    file.extend(payload);
                    let ack = [0, 4, *high, *low];
                    if payload.len() < 512 {
                        self.socket.send_to(&ack, tid).unwrap();
                        return Ok(file);
                    }
                    answer = self.exchange(tid, &ack);
                }
                [0, 5, 0, code, ..] => return Err(*code),
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn write(&self, name: &str, file: &[u8]) -> Result<(), u8> {
        let (answer, tid) = self.ask(2, name, "");
        if let [0, 5, 0, code, ..] = answer.as_slice() {
            return Err(*code);
        }
        assert_eq!(answer, [0, 4, 0, 0]);
        let data = [&[0, 3, 0, 1], file].concat();
        assert_eq!(self.exchange(tid, &data).0, [0, 4, 0, 1]);
        Ok(())
    }
}
