//! TFTP servers and clients that are programs of their own.

use std::{
    env, fmt,
    io::{self, BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::segment::{DEVICE, Segment};

/// How long a client may take for one file.
const CLIENT: Duration = Duration::from_secs(60);

/// A server process. It ends with this value.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Our own `tftpd`: `command` starts it. With port 0 it finds one itself.
    ///
    /// # Errors
    /// If it does not say that it is ready.
    pub fn tftpd(mut command: Command, root: &Path, address: SocketAddr) -> Result<Self> {
        let mut child = command
            .arg("--root")
            .arg(root)
            .arg("--listen")
            .arg(address.to_string())
            .args(["--write", "--overwrite"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("our tftpd")?;
        let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            bail!("tftpd says \"{}\"", line.trim());
        };
        // It logs there; somebody has to read it.
        thread::spawn(move || lines.lines().for_each(drop));
        Ok(Self { child, address })
    }

    /// tftpd-hpa.
    ///
    /// # Errors
    /// If it does not start.
    pub fn hpa(root: &Path) -> Result<Self> {
        let port = free_port()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let child = Command::new(installed("in.tftpd")?)
            .args(["--listen", "--foreground", "--create", "--user", "root"])
            .args(["--permissive", "--secure", "--address"])
            .arg(address.to_string())
            .arg(root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let mut server = Self { child, address };
        server.until_answering()?;
        Ok(server)
    }

    /// dnsmasq as a DHCP server on a segment, with these options beside a range of addresses of
    /// `network`, a network of 24 bits.
    ///
    /// # Errors
    /// [`Skipped`] if it is not installed; if it does not say that it is ready.
    pub fn dnsmasq(segment: &Segment, network: [u8; 3], options: &[&str]) -> Result<Self> {
        let [a, b, c] = network;
        let mut child = segment
            .command(installed("dnsmasq")?)
            .args([
                "--no-daemon",
                "--conf-file=/dev/null",
                "--port=0",
                "--user=root",
            ])
            .args(["--no-ping", "--dhcp-authoritative", "--leasefile-ro"])
            .args([
                format!("--interface={DEVICE}"),
                format!("--dhcp-range={a}.{b}.{c}.100,{a}.{b}.{c}.150,1h"),
            ])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().context("its output is piped")?);
        while !said.contains("DHCP, IP range") {
            if lines.read_line(&mut said)? == 0 {
                child.wait()?;
                bail!("dnsmasq ended: {said}");
            }
        }
        thread::spawn(move || lines.lines().for_each(drop));
        let address = SocketAddr::from(([a, b, c, 1], 67));
        Ok(Self { child, address })
    }

    /// It binds its port some time after it was started: an answer of any kind shows that it has.
    fn until_answering(&mut self) -> Result<()> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            ensure!(self.child.try_wait()?.is_none(), "the server ended");
            socket.send_to(b"\0\x01no-such-file\0octet\0", self.address)?;
            if socket.recv_from(&mut [0; 600]).is_ok() {
                return Ok(());
            }
        }
        bail!("the server does not answer")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that can send a file.
#[derive(Clone, Copy, Debug)]
pub enum Client {
    /// tftp-hpa.
    Hpa,
    /// atftp, with options.
    Atftp,
    /// curl.
    Curl,
}

impl Client {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hpa => "tftp-hpa",
            Self::Atftp => "atftp",
            Self::Curl => "curl",
        }
    }

    /// Puts a file to a server on loopback.
    ///
    /// # Errors
    /// If the client says so, or does not end.
    pub fn put(self, file: &Path, name: &str, port: u16) -> Result<()> {
        let host = "127.0.0.1";
        let command = match self {
            Self::Hpa => {
                let mut command = Command::new(installed("tftp")?);
                command
                    .args(["-m", "binary", host, &port.to_string(), "-c", "put"])
                    .arg(file)
                    .arg(name);
                command
            }
            Self::Atftp => {
                let mut command = Command::new(installed("atftp")?);
                command
                    .args(["--option", "blksize 1428", "--option", "windowsize 4"])
                    .args(["--put", "--local-file"])
                    .arg(file)
                    .args(["--remote-file", name, host, &port.to_string()]);
                command
            }
            Self::Curl => {
                let mut command = Command::new(installed("curl")?);
                command
                    .args(["--silent", "--show-error", "--upload-file"])
                    .arg(file)
                    .arg(format!("tftp://{host}:{port}/{name}"));
                command
            }
        };
        let output = finish(command).with_context(|| self.name())?;
        // tftp-hpa ends with 0 after an error, and says so.
        ensure!(
            output.0 && !output.1.contains("rror"),
            "{} failed: {}",
            self.name(),
            output.1
        );
        Ok(())
    }
}

/// Runs a client to its end: whether it says that it has succeeded, and what else it says.
fn finish(mut command: Command) -> Result<(bool, String)> {
    let (mut reader, writer) = io::pipe()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()?;
    // With the command go our ends for writing, so that the text ends with the client.
    drop(command);
    let (told, text) = mpsc::channel();
    thread::spawn(move || {
        let mut said = Vec::new();
        let read = reader.read_to_end(&mut said);
        told.send(read.map(|_| said))
    });
    let Ok(said) = text.recv_timeout(CLIENT) else {
        let _ = child.kill();
        let _ = child.wait();
        bail!("the client does not end");
    };
    let succeeded = child.wait()?.success();
    Ok((succeeded, String::from_utf8_lossy(&said?).into_owned()))
}

/// A port that nobody has now. QEMU and some servers have to be told one.
///
/// # Errors
/// If there is none.
pub fn free_port() -> Result<u16> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(socket.local_addr()?.port())
}

/// A case cannot be tried on this machine, for this reason.
#[derive(Debug)]
pub struct Skipped(pub String);

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skipped {}

/// Where a program is. Daemons are where a person's `PATH` need not lead.
///
/// # Errors
/// [`Skipped`] if it is nowhere.
pub fn installed(program: &str) -> Result<PathBuf, Skipped> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|dir| dir.join(program))
        .find(|program| program.is_file())
        .ok_or_else(|| Skipped(format!("{program} is not installed")))
}
