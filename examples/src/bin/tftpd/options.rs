//! The command line.

use core::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};
use std::{io, path::PathBuf};

use clap::{Parser, ValueEnum};
use tftp_server::{Ports, Root, ServerConfig, Uploads};

/// Nobody but this host, and a port that takes no privileges.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 6969);

/// A TFTP server for the files below a directory.
#[derive(Debug, Parser)]
#[command(name = "tftpd", version)]
pub(crate) struct Options {
    /// Serve the files below DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) root: PathBuf,
    /// Listen on this address; may be repeated. Sockets that systemd hands over are listened on instead, or besides
    /// if this is given [default: 127.0.0.1:6969]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<SocketAddr>,
    /// Let clients write new files
    #[arg(long)]
    write: bool,
    /// Let clients replace files
    #[arg(long, requires = "write")]
    overwrite: bool,
    /// Use the listening port for all transfers
    #[arg(long, conflicts_with = "port_range")]
    single_port: bool,
    /// Use the ports A to B for transfers
    #[arg(long, value_name = "A-B")]
    port_range: Option<PortRange>,
    /// Agree to blocks of at most N octets
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(8..=65464))]
    max_blksize: Option<u16>,
    /// Agree to windows of at most N blocks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=32767))]
    max_windowsize: Option<u16>,
    /// Serve with N threads, each with a part of the clients; on Linux. More than one pays off when one core is busy
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Look for the next datagram for this long before sleeping, while there are transfers. In lockstep this saves the time
    /// that waking takes, about half of a round trip on an idle machine; it takes a whole core for each thread, and
    /// makes things slower where there is no core to spare. 0: sleep at once [default: up to 50, while there are few
    /// transfers, several cores, and datagrams that come in less]
    #[arg(long, value_name = "MICROS", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    busy_poll: Option<u32>,
    /// How to write a line for each transfer, to standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug)]
struct PortRange(RangeInclusive<u16>);

impl FromStr for PortRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text
            .split_once('-')
            .ok_or("two ports with a dash between are expected")?;
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self(first..=last)),
            (Some(_), Some(_)) => Err("the first port is above the last"),
            _ => Err("a port is a number from 1 to 65535"),
        }
    }
}

impl Options {
    /// `sockets`: there are sockets to listen on already.
    pub(crate) fn config(&self, sockets: bool) -> ServerConfig {
        let mut config = ServerConfig::default();
        config.listen.clone_from(&self.listen);
        if self.listen.is_empty() && !sockets {
            config.listen = vec![DEFAULT_LISTEN];
        }
        config.threads = usize::from(self.threads);
        config.busy_poll = self
            .busy_poll
            .map(|micros| Duration::from_micros(u64::from(micros)));
        config.ports = match &self.port_range {
            Some(PortRange(range)) => Ports::Range(range.clone()),
            None if self.single_port => Ports::Single,
            None => Ports::PerTransfer,
        };
        if let Some(blksize) = self.max_blksize {
            config.transfer.blksize = blksize;
        }
        if let Some(windowsize) = self.max_windowsize {
            config.transfer.windowsize = windowsize;
        }
        config
    }

    pub(crate) fn content(&self) -> io::Result<Root> {
        let root = Root::open(&self.root)?;
        if !self.write {
            return Ok(root);
        }
        let mut uploads = Uploads::new();
        uploads.overwrite = self.overwrite;
        Ok(root.uploads(uploads))
    }
}
