//! The command line.

use core::time::Duration;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use tftp_client::{Client, Config};

/// Fetch files from TFTP servers, and store files there.
///
/// Exit codes: 0 done, 2 usage, 3 file not found, 4 refused (access, exists, illegal), 5 no answer or
/// timed out, 6 disk full here or there, 7 another fault of the server, 8 local I/O error, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "tftp", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fetch a file. It appears under its name only when it is complete.
    Get {
        /// tftp://host[:port]/path[;mode=octet|netascii]
        url: String,
        /// Where to store it, "-" for the standard output [default: the last part of the path]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        options: Options,
    },
    /// Store a file.
    Put {
        /// The file, "-" for the standard input
        file: PathBuf,
        /// tftp://host[:port]/path[;mode=octet|netascii]
        url: String,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Options {
    /// Octets in a block, 8 to 65464 [default: what fits the route: 1468 over IPv4 and 1448 over IPv6 on
    /// Ethernet; 512 if such blocks do not arrive]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(8..=65464))]
    blksize: Option<u16>,
    /// Blocks sent for each acknowledgement, 1 to 32767
    #[arg(long, value_name = "N", default_value_t = Client::DEFAULT_WINDOWSIZE,
          value_parser = clap::value_parser!(u16).range(1..=32767))]
    windowsize: u16,
    /// How long to wait before sending again, also asked of the server, 0.01 to 255; it doubles with each
    /// try [default: 0.4 at first, then from the round trips measured]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// How often to send again without any progress
    #[arg(long, value_name = "N", default_value_t = Config::client().retry.resends)]
    retries: u8,
    /// How line ends travel [default: what the URL says, else octet]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
    /// Send no options: plain RFC 1350
    #[arg(long, conflicts_with_all = ["blksize", "windowsize"])]
    no_options: bool,
    /// Local UDP port [default: a random one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) source_port: Option<u16>,
    /// Look for each datagram this long before sleeping, 0 to 50000: makes a round trip shorter on an idle
    /// machine, keeps a processor busy, and makes it longer where there is none to spare [default: up to 50,
    /// where there are several processors and datagrams come in less]
    #[arg(long, value_name = "MICROS", value_parser = clap::value_parser!(u16).range(..=50_000))]
    busy_poll: Option<u16>,
    /// Print errors only
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Mode {
    /// Octet for octet
    Octet,
    /// Text: line ends are translated
    Netascii,
}

impl From<Mode> for tftp_client::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Octet => Self::Octet,
            Mode::Netascii => Self::Netascii,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let range = Duration::from_millis(10)..=Duration::from_secs(255);
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|span| range.contains(span))
        .ok_or_else(|| "not a number of seconds from 0.01 to 255".to_owned())
}

impl Command {
    pub(crate) const fn options(&self) -> &Options {
        match self {
            Self::Get { options, .. } | Self::Put { options, .. } => options,
        }
    }
}

impl Options {
    /// Applies what was said to a client.
    pub(crate) fn configure<'c>(&self, client: Client<'c>) -> Client<'c> {
        let mut config = Client::default_config();
        config.options = !self.no_options;
        config.windowsize = self.windowsize;
        config.retry.resends = self.retries;
        if let Some(timeout) = self.timeout {
            config.timeout = Some(timeout);
            config.retry.initial = timeout;
            config.retry.floor = config.retry.floor.min(timeout);
            config.retry.ceiling = config.retry.ceiling.max(timeout);
        }
        if let Some(blksize) = self.blksize {
            config.blksize = blksize;
        }
        let client = client.config(config);
        let client = match self.blksize {
            Some(_) => client,
            None => client.fit_route(),
        };
        let client = match self.busy_poll {
            Some(micros) => client.busy_poll(Duration::from_micros(micros.into())),
            None => client,
        };
        match self.source_port {
            Some(port) => client.source_port(port),
            None => client,
        }
    }
}
