//! The servers, each over a directory of its own and on a loopback port that nobody else has.

use core::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};
use std::{
    fs,
    io::ErrorKind,
    net::UdpSocket,
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    sync::mpsc,
    thread,
    time::Instant,
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    clients::Direction,
    exchange::LIMIT,
    installed::{Skipped, find, is_root},
    process::{Log, Process},
};

/// Starting a daemon takes milliseconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Daemon {
    Ours,
    InTftpd,
    Atftpd,
    Dnsmasq,
}

impl Daemon {
    pub(crate) const FOREIGN: [Self; 3] = [Self::InTftpd, Self::Atftpd, Self::Dnsmasq];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "tftpd",
            Self::InTftpd => "in.tftpd",
            Self::Atftpd => "atftpd",
            Self::Dnsmasq => "dnsmasq",
        }
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    root: TempDir,
    process: Process,
    /// After the process, which lets go of the port first.
    _turn: Option<fs::File>,
}

impl Server {
    /// Starts the daemon on 127.0.0.1, or another address of the loopback net. Uploads are allowed where they can be.
    pub(crate) fn start(daemon: Daemon) -> Result<Self, Skipped> {
        Self::start_on(daemon, Ipv4Addr::LOCALHOST.into(), &[])
    }

    pub(crate) fn start_on(daemon: Daemon, ip: IpAddr, extra: &[&str]) -> Result<Self, Skipped> {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let alone = daemon == Daemon::Dnsmasq && ip.is_ipv6();
        let turn = alone.then(turn_at_port_69).transpose()?;
        let (addr, process) = match daemon {
            Daemon::Ours => ours(ip, root.path(), extra),
            Daemon::InTftpd => in_tftpd(ip, root.path(), extra)?,
            Daemon::Atftpd => atftpd(ip, root.path(), extra)?,
            Daemon::Dnsmasq => dnsmasq(ip, root.path(), extra)?,
        };
        Ok(Self {
            addr,
            root,
            process,
            _turn: turn,
        })
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn log(&self) -> &Log {
        self.process.log()
    }

    /// Ends our server: the first signal lets transfers end, the second ends them. Its directory is still there.
    pub(crate) fn stop(self) -> TempDir {
        self.process.signal(Signal::TERM);
        let told = |line: &str| line.contains("shutting down");
        let told = self.log().wait_for(PATIENCE, told);
        assert!(told.is_some(), "{}", self.log().text());
        self.process.signal(Signal::TERM);
        let finished = self.process.finish(PATIENCE);
        assert_eq!(finished.code(), Some(0), "{}", finished.output);
        self.root
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&self) {
        self.process.signal(Signal::KILL);
    }

    /// What our server has logged about the transfer of a file, once it is over.
    pub(crate) fn report(&self, direction: Direction, name: &str) -> String {
        let op = match direction {
            Direction::Get => "\"op\":\"read\"",
            Direction::Put => "\"op\":\"write\"",
        };
        let name = format!("\"name\":\"{name}\"");
        self.log()
            .wait_for(PATIENCE, |line| line.contains(op) && line.contains(&name))
            .unwrap_or_else(|| panic!("no line about {name} in {}", self.log().text()))
    }
}

fn ours(ip: IpAddr, root: &Path, extra: &[&str]) -> (SocketAddr, Process) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tftpd"));
    command
        .arg("--root")
        .arg(root)
        .args(["--listen", &SocketAddr::new(ip, 0).to_string()])
        .args(["--write", "--log-format", "json"])
        .args(extra)
        .stdin(Stdio::null());
    let process = Process::start(command);
    let line = process
        .log()
        .wait_for(PATIENCE, |line| line.starts_with("listening on "))
        .unwrap_or_else(|| panic!("tftpd: {}", process.log().text()));
    let addr = line.trim_start_matches("listening on ").parse().unwrap();
    (addr, process)
}

/// A daemon as inetd starts it: with the bound socket as its input. Nobody can take the port in between, and requests
/// wait in the socket until the daemon is ready.
fn inherits(ip: IpAddr, mut command: Command) -> Result<(SocketAddr, Process), Skipped> {
    if !is_root() {
        return Err(Skipped(format!(
            "{} must be started by root",
            command.get_program().display()
        )));
    }
    let socket = UdpSocket::bind((ip, 0))
        .map_err(|error| Skipped(format!("{ip} is not an address here: {error}")))?;
    let addr = socket.local_addr().unwrap();
    command.stdin(Stdio::from(OwnedFd::from(socket)));
    Ok((addr, Process::start(command)))
}

fn in_tftpd(ip: IpAddr, root: &Path, extra: &[&str]) -> Result<(SocketAddr, Process), Skipped> {
    let mut command = Command::new(find("in.tftpd")?);
    command
        .args(["--permissive", "--create", "--user", "root"])
        .args(extra)
        .arg("--secure")
        .arg(root);
    inherits(ip, command)
}

fn atftpd(ip: IpAddr, root: &Path, extra: &[&str]) -> Result<(SocketAddr, Process), Skipped> {
    let mut command = Command::new(find("atftpd")?);
    // Its own --bind-address takes no IPv6 address in 0.8.0; a socket that it inherits may have one.
    command
        .args(["--user", "root", "--group", "root", "--logfile", "-"])
        .args(extra)
        .arg(root);
    inherits(ip, command)
}

fn dnsmasq(ip: IpAddr, root: &Path, extra: &[&str]) -> Result<(SocketAddr, Process), Skipped> {
    let program = find("dnsmasq")?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let addr = port_69(ip, deadline)?;
        let mut command = Command::new(&program);
        command
            .args([
                "--no-daemon",
                "--port=0",
                "--enable-tftp",
                "--bind-interfaces",
            ])
            .args(["--user=root", "--pid-file=", "--conf-file=/dev/null"])
            .arg(format!("--tftp-root={}", root.display()))
            .arg(format!("--listen-address={}", addr.ip()))
            .args(extra)
            .stdin(Stdio::null());
        let process = Process::start(command);
        // It says so after it has bound the port.
        let ready = |line: &str| line.contains("TFTP root is");
        if process.log().wait_for(PATIENCE, ready).is_some() {
            return Ok((addr, process));
        }
        let taken = process.log().text().contains("Address already in use");
        assert!(
            taken && Instant::now() < deadline,
            "dnsmasq: {}",
            process.log().text()
        );
    }
}

/// dnsmasq knows no other port. On IPv4 it gets a loopback address of its own, which depends on the process so that
/// tests that run beside this one have others; on IPv6 there is one only, and it takes [a turn](turn_at_port_69).
fn port_69(ip: IpAddr, deadline: Instant) -> Result<SocketAddr, Skipped> {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    loop {
        let ip = match ip {
            IpAddr::V4(_) => {
                let [.., high, low] = process::id().to_be_bytes();
                Ipv4Addr::new(
                    127,
                    64 | high & 63,
                    low,
                    NEXT.fetch_add(1, Ordering::Relaxed),
                )
                .into()
            }
            IpAddr::V6(ip) => ip.into(),
        };
        let addr = SocketAddr::new(ip, 69);
        match UdpSocket::bind(addr) {
            Ok(_) => return Ok(addr),
            // The next address.
            Err(error)
                if error.kind() == ErrorKind::AddrInUse
                    && ip.is_ipv4()
                    && Instant::now() < deadline => {}
            Err(error) => return Err(Skipped(format!("dnsmasq needs {addr}: {error}"))),
        }
    }
}

/// Waits until no other test, of this process or another, has port 69 of the one IPv6 loopback address: whoever has a
/// lock on dnsmasq's own file has it, until that is closed.
fn turn_at_port_69() -> Result<fs::File, Skipped> {
    let file = fs::File::open(find("dnsmasq")?).unwrap();
    let (told, locked) = mpsc::channel();
    thread::spawn(move || told.send(file.lock().map(|()| file)));
    let file = locked.recv_timeout(LIMIT);
    Ok(file.expect("a turn at port 69 in time").unwrap())
}
