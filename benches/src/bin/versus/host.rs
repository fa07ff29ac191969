//! The servers that are measured, each over a directory of its own in memory.

use core::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};
use std::{
    env, fs,
    net::UdpSocket,
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    thread,
    time::Instant,
};

use tempfile::TempDir;

use crate::{
    Failed, content,
    plain::{self, Shape},
    process::{Process, with_input},
};

/// Starting a daemon takes milliseconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);
/// The file that is fetched to see whether a server is ready.
const PROBE: &str = "probe";

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Kind {
    /// Bare UDP, no files.
    Bare,
    Ours,
    OursSinglePort,
    OursBusyPoll,
    /// It sleeps whenever there is nothing to do.
    OursAsleep,
    /// An event loop for each core.
    OursEveryCore,
    InTftpd,
    Atftpd,
    Dnsmasq,
    RsTftpd,
    AsyncTftp,
}

/// Where our server looks for the next datagram this long before it sleeps, and the client likewise.
pub(crate) const SPIN: Duration = Duration::from_micros(100);

impl Kind {
    pub(crate) const PEERS: [Self; 5] = [
        Self::InTftpd,
        Self::Atftpd,
        Self::Dnsmasq,
        Self::RsTftpd,
        Self::AsyncTftp,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare UDP",
            Self::Ours => "ours",
            Self::OursSinglePort => "ours, one port",
            Self::OursBusyPoll => "ours, busy poll",
            Self::OursAsleep => "ours, sleeping at once",
            Self::OursEveryCore => "ours, a loop per core",
            Self::InTftpd => "in.tftpd",
            Self::Atftpd => "atftpd",
            Self::Dnsmasq => "dnsmasq",
            Self::RsTftpd => "rs-tftpd",
            Self::AsyncTftp => "async-tftp",
        }
    }

    pub(crate) const fn is_peer(self) -> bool {
        matches!(
            self,
            Self::InTftpd | Self::Atftpd | Self::Dnsmasq | Self::RsTftpd | Self::AsyncTftp
        )
    }

    /// A process for each transfer, whose processor time is lost when it ends.
    pub(crate) const fn forks(self) -> bool {
        matches!(self, Self::InTftpd)
    }
}

/// A running server.
pub(crate) struct Host {
    pub(crate) addr: SocketAddr,
    dir: TempDir,
    process: Process,
}

impl Host {
    /// Starts a server over a new directory below `base` and waits until it answers.
    pub(crate) fn start(kind: Kind, base: &Path) -> Result<Self, Failed> {
        let dir = tempfile::Builder::new().prefix("d").tempdir_in(base)?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777))?;
        content::write_file(&dir.path().join(PROBE), 100)?;
        let (addr, process) = launch(kind, dir.path())?;
        let mut host = Self { addr, dir, process };
        if kind != Kind::Bare {
            host.wait_until_it_answers()?;
        }
        Ok(host)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes sure that there is a file of this size, and gives its name.
    pub(crate) fn offer(&self, len: u64) -> Result<String, Failed> {
        let name = format!("file-{len}");
        let path = self.path(&name);
        if !path.exists() {
            content::write_file(&path, len)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
        }
        Ok(name)
    }

    /// Adds to the reason of a failure that the server is not there any more.
    pub(crate) fn explain(&mut self, failed: Failed) -> Failed {
        match self.process.ended() {
            Some(end) => Failed::new(format!("{failed}; the server has ended: {end}")),
            None => failed,
        }
    }

    fn wait_until_it_answers(&mut self) -> Result<(), Failed> {
        let deadline = Instant::now() + PATIENCE;
        let shape = Shape {
            blksize: 512,
            windowsize: 1,
        };
        while UdpSocket::bind(self.addr).is_ok() {
            // It has not bound its port yet.
            if let Some(end) = self.process.ended() {
                return Err(Failed::new(format!("does not start: {end}")));
            }
            if Instant::now() > deadline {
                return Err(Failed::new("does not start"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        let result = plain::get(self.addr, PROBE, shape, 100, || {});
        result.map(|_| ()).map_err(|failed| self.explain(failed))
    }
}

fn launch(kind: Kind, dir: &Path) -> Result<(SocketAddr, Process), Failed> {
    let dir_text = dir.to_string_lossy().into_owned();
    let spin = SPIN.as_micros().to_string();
    match kind {
        Kind::Bare => itself(&["bare"]),
        Kind::Ours => itself(&["serve", &dir_text]),
        Kind::OursSinglePort => itself(&["serve", &dir_text, "--single-port"]),
        Kind::OursBusyPoll => itself(&["serve", &dir_text, "--busy-poll", &spin]),
        Kind::OursAsleep => itself(&["serve", &dir_text, "--busy-poll", "0"]),
        Kind::OursEveryCore => {
            let cores = thread::available_parallelism()?.to_string();
            itself(&["serve", &dir_text, "--threads", &cores])
        }
        Kind::InTftpd => {
            let mut command = Command::new(find("in.tftpd")?);
            command.args(["--permissive", "--create", "--user", "root", "--secure"]);
            inherits(command.arg(dir))
        }
        Kind::Atftpd => {
            let mut command = Command::new(find("atftpd")?);
            command.args(["--user", "root", "--group", "root", "--logfile", "-"]);
            // Its default is a hundred threads.
            inherits(command.args(["--maxthread", "20000"]).arg(dir))
        }
        Kind::Dnsmasq => dnsmasq(&dir_text),
        Kind::RsTftpd => {
            let addr = free_port()?;
            let mut command = Command::new(built("tftpd")?);
            command
                .args(["--ip-address", &addr.ip().to_string()])
                .args(["--port", &addr.port().to_string()])
                .args(["--quiet", "--directory", &dir_text])
                .stdin(Stdio::null());
            Ok((addr, Process::start(command)?))
        }
        Kind::AsyncTftp => {
            let mut command = Command::new(built("async-tftpd")?);
            command.arg(dir).stdin(Stdio::null());
            announced(command)
        }
    }
}

/// This program in another role.
fn itself(args: &[&str]) -> Result<(SocketAddr, Process), Failed> {
    let mut command = Command::new(env::current_exe()?);
    command.args(args);
    announced(with_input(command))
}

/// A server that prints the address that it listens on.
fn announced(command: Command) -> Result<(SocketAddr, Process), Failed> {
    let process = Process::start(command)?;
    let addr = process.wait_for(PATIENCE, |line| {
        line.strip_prefix("listening on ")?.parse().ok()
    })?;
    Ok((addr, process))
}

/// A daemon as inetd starts it: with the bound socket as its input, so that nobody takes the port in between.
fn inherits(command: &mut Command) -> Result<(SocketAddr, Process), Failed> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = socket.local_addr()?;
    command.stdin(Stdio::from(OwnedFd::from(socket)));
    let command = core::mem::replace(command, Command::new(""));
    Ok((addr, Process::start(command)?))
}

/// It knows no port but 69, so it gets a loopback address of its own.
fn dnsmasq(dir: &str) -> Result<(SocketAddr, Process), Failed> {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = process::id().to_be_bytes();
    let last = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
    let addr = SocketAddr::from(([127, 64 | high & 63, low, last], 69));
    let mut command = Command::new(find("dnsmasq")?);
    command
        .args(["--no-daemon", "--port=0", "--enable-tftp"])
        .args(["--bind-interfaces", "--user=root", "--pid-file="])
        // Its default is fifty transfers.
        .args(["--conf-file=/dev/null", "--tftp-max=20000"])
        .arg(format!("--tftp-root={dir}"))
        .arg(format!("--listen-address={}", addr.ip()))
        .stdin(Stdio::null());
    let process = Process::start(command)?;
    process.wait_for(PATIENCE, |line| line.contains("TFTP root is").then_some(()))?;
    Ok((addr, process))
}

/// A port that is free now; the server that is told to take it says so if it no longer is.
fn free_port() -> Result<SocketAddr, Failed> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// A program of the system, in `PATH` or where daemons are.
fn find(name: &str) -> Result<PathBuf, Failed> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| Failed::new(format!("{name} is not installed (bash ci.sh peers)")))
}

/// A program that `ci/bench-peers.sh` has built, beside the folder that this program is in.
fn built(name: &str) -> Result<PathBuf, Failed> {
    let own = env::current_exe()?;
    own.ancestors()
        .map(|dir| dir.join("bench-peers/bin").join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| Failed::new(format!("{name} is not built (bash ci/bench-peers.sh)")))
}
