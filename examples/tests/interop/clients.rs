//! The clients, and what each of them cannot be asked for.

use core::net::{IpAddr, SocketAddr};
use std::{path::Path, process::Command};

use crate::installed::{Skipped, find};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Client {
    Ours,
    TftpHpa,
    Atftp,
    Curl,
    Busybox,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    Get,
    Put,
}

/// What a transfer shall be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    /// As the program has it by itself if `None`.
    pub(crate) blksize: Option<u16>,
    /// As the program has it by itself if `None`.
    pub(crate) windowsize: Option<u16>,
    /// The option `timeout`, in seconds.
    pub(crate) timeout: Option<u8>,
    pub(crate) netascii: bool,
    pub(crate) options: bool,
}

impl Ask {
    /// Whatever the program does when nothing is said.
    pub(crate) const DEFAULT: Self = Self {
        blksize: None,
        windowsize: None,
        timeout: None,
        netascii: false,
        options: true,
    };
    /// One block of 512 octets at a time.
    pub(crate) const LOCKSTEP: Self = Self::blocks(512, 1);

    pub(crate) const fn blocks(blksize: u16, windowsize: u16) -> Self {
        Self {
            blksize: Some(blksize),
            windowsize: Some(windowsize),
            ..Self::DEFAULT
        }
    }
}

/// Why there is no command.
#[derive(Debug)]
pub(crate) enum Unable {
    Skipped(Skipped),
    /// The client has no way to ask for it.
    Lacks(&'static str),
}

impl Unable {
    /// For what every client can be asked.
    ///
    /// # Panics
    ///
    /// If the client cannot.
    pub(crate) fn skipped(self) -> Skipped {
        match self {
            Self::Skipped(skipped) => skipped,
            Self::Lacks(reason) => panic!("the client {reason}"),
        }
    }
}

impl Client {
    pub(crate) const FOREIGN: [Self; 4] = [Self::TftpHpa, Self::Atftp, Self::Curl, Self::Busybox];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours | Self::TftpHpa => "tftp",
            Self::Atftp => "atftp",
            Self::Curl => "curl",
            Self::Busybox => "busybox",
        }
    }

    /// The name in the table.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Ours => "tftp",
            Self::TftpHpa => "tftp-hpa",
            Self::Atftp => "atftp",
            Self::Curl => "curl",
            Self::Busybox => "busybox",
        }
    }

    pub(crate) fn find(self) -> Result<Command, Skipped> {
        match self {
            Self::Ours => Ok(Command::new(env!("CARGO_BIN_EXE_tftp"))),
            foreign => find(foreign.name()).map(Command::new),
        }
    }

    /// The command that transfers the remote file from or to the local one.
    pub(crate) fn command(
        self,
        direction: Direction,
        server: SocketAddr,
        remote: &str,
        local: &Path,
        ask: Ask,
    ) -> Result<Command, Unable> {
        let mut command = self.find().map_err(Unable::Skipped)?;
        let arguments = Arguments {
            direction,
            server,
            remote,
            local,
            ask,
        };
        match self {
            Self::Ours => arguments.ours(&mut command),
            Self::TftpHpa => arguments.tftp_hpa(&mut command)?,
            Self::Atftp => arguments.atftp(&mut command)?,
            Self::Curl => arguments.curl(&mut command)?,
            Self::Busybox => arguments.busybox(&mut command)?,
        }
        Ok(command)
    }
}

struct Arguments<'a> {
    direction: Direction,
    server: SocketAddr,
    remote: &'a str,
    local: &'a Path,
    ask: Ask,
}

impl Arguments<'_> {
    fn url(&self) -> String {
        format!("tftp://{}/{}", self.server, self.remote)
    }

    fn host(&self) -> String {
        self.server.ip().to_string()
    }

    fn port(&self) -> String {
        self.server.port().to_string()
    }

    /// The block size, unless it is the protocol's own.
    fn blksize(&self) -> Option<u16> {
        self.ask.blksize.filter(|blksize| *blksize != 512)
    }

    /// The window size, unless it is the protocol's own.
    fn windowsize(&self) -> Option<u16> {
        self.ask.windowsize.filter(|windowsize| *windowsize != 1)
    }

    fn timeout(&self) -> Option<u16> {
        self.ask.timeout.map(u16::from)
    }

    fn ours(&self, command: &mut Command) {
        match self.direction {
            Direction::Get => command.arg("get").arg(self.url()).arg("-o").arg(self.local),
            Direction::Put => command.arg("put").arg(self.local).arg(self.url()),
        };
        if let Some(blksize) = self.ask.blksize {
            command.args(["--blksize", &blksize.to_string()]);
        }
        if let Some(windowsize) = self.ask.windowsize {
            command.args(["--windowsize", &windowsize.to_string()]);
        }
        if let Some(timeout) = self.ask.timeout {
            command.args(["--timeout", &timeout.to_string()]);
        }
        if self.ask.netascii {
            command.args(["--mode", "netascii"]);
        }
        if !self.ask.options {
            command.arg("--no-options");
        }
    }

    fn tftp_hpa(&self, command: &mut Command) -> Result<(), Unable> {
        let options = [self.blksize(), self.windowsize(), self.timeout()];
        if options.iter().any(Option::is_some) {
            return Err(Unable::Lacks("sends no options"));
        }
        let mode = if self.ask.netascii { "ascii" } else { "binary" };
        let family = match self.server.ip() {
            IpAddr::V4(_) => "-4",
            IpAddr::V6(_) => "-6",
        };
        command
            .args([family, "-m", mode, &self.host(), &self.port(), "-c"])
            .arg(match self.direction {
                Direction::Get => "get",
                Direction::Put => "put",
            });
        match self.direction {
            Direction::Get => command.arg(self.remote).arg(self.local),
            Direction::Put => command.arg(self.local).arg(self.remote),
        };
        Ok(())
    }

    fn atftp(&self, command: &mut Command) -> Result<(), Unable> {
        if let Some(blksize) = self.blksize() {
            command.args(["--option", &format!("blksize {blksize}")]);
        }
        if let Some(windowsize) = self.windowsize() {
            command.args(["--option", &format!("windowsize {windowsize}")]);
        }
        if let Some(timeout) = self.timeout() {
            command.args(["--option", &format!("timeout {timeout}")]);
        }
        if self.ask.netascii {
            command.args(["--option", "mode netascii"]);
        }
        command
            .arg(match self.direction {
                Direction::Get => "-g",
                Direction::Put => "-p",
            })
            .args(["-r", self.remote, "-l"])
            .arg(self.local)
            .args([self.host(), self.port()]);
        Ok(())
    }

    fn curl(&self, command: &mut Command) -> Result<(), Unable> {
        if self.windowsize().is_some() {
            return Err(Unable::Lacks("has no windowsize"));
        }
        if self.timeout().is_some() {
            return Err(Unable::Lacks("always asks `timeout` 6"));
        }
        command.args(["--silent", "--show-error", "--globoff"]);
        if let Some(blksize) = self.blksize() {
            command.args(["--tftp-blksize", &blksize.to_string()]);
        }
        if self.ask.netascii {
            command.arg("--use-ascii");
        }
        if !self.ask.options {
            command.arg("--tftp-no-options");
        }
        match self.direction {
            Direction::Get => command.arg("--output").arg(self.local),
            Direction::Put => command.arg("--upload-file").arg(self.local),
        };
        command.arg(self.url());
        Ok(())
    }

    fn busybox(&self, command: &mut Command) -> Result<(), Unable> {
        if self.windowsize().is_some() {
            return Err(Unable::Lacks("has no windowsize"));
        }
        if self.timeout().is_some() {
            return Err(Unable::Lacks("has no timeout"));
        }
        if self.ask.netascii {
            return Err(Unable::Lacks("has no netascii"));
        }
        if !self.ask.options {
            return Err(Unable::Lacks("always asks `tsize`"));
        }
        command.arg("tftp");
        if let Some(blksize) = self.blksize() {
            command.args(["-b", &blksize.to_string()]);
        }
        command
            .arg(match self.direction {
                Direction::Get => "-g",
                Direction::Put => "-p",
            })
            .args(["-r", self.remote, "-l"])
            .arg(self.local)
            .args([self.host(), self.port()]);
        Ok(())
    }
}
