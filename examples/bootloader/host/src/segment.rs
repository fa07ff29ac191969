//! An Ethernet segment with real servers on it: a network namespace with a tap device, which a machine in
//! QEMU is connected to. What happens there nobody else on the host sees.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _},
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::peers::{Skipped, installed};

/// The device that connects the namespace with QEMU.
pub const DEVICE: &str = "tap0";

/// A segment. It ends with this value, and so does what runs in it.
pub struct Segment {
    holder: Child,
}

impl Segment {
    /// A segment on which the host has these addresses, each in a network of 24 bits.
    ///
    /// # Errors
    /// [`Skipped`] if this machine has not the programs, or does not permit it.
    pub fn new(addresses: &[Ipv4Addr]) -> Result<Self> {
        let ip = installed("ip")?.display().to_string();
        let mut script = format!("{ip} link set lo up && {ip} tuntap add dev {DEVICE} mode tap");
        for address in addresses {
            write!(script, " && {ip} address add {address}/24 dev {DEVICE}")?;
        }
        // It lasts until its input ends: as long as this process.
        write!(
            script,
            " && {ip} link set {DEVICE} up && echo ready && exec cat"
        )?;
        let mut holder = Command::new(installed("unshare")?)
            .args(["--net", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = holder.stdout.take().context("its output is piped")?;
        BufReader::new(output).read_line(&mut line)?;
        if line.trim() != "ready" {
            let mut why = String::new();
            if let Some(mut errors) = holder.stderr.take() {
                errors.read_to_string(&mut why)?;
            }
            holder.wait()?;
            let why = why.lines().next().unwrap_or("no reason given");
            return Err(Skipped(format!("no network of its own to be had: {why}")).into());
        }
        Ok(Self { holder })
    }

    /// A command that runs on this segment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{}/ns/net", self.holder.id()))
            .arg(program);
        command
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
