//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures our TFTP server and client beside others and beside bare UDP, in one run.
#[derive(Debug, Parser)]
#[command(name = "versus", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    /// Only the case with this name, or those whose names contain this; may be repeated. `--list` shows the names
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Vec<String>,
    /// Print the names of the cases and end
    #[arg(long)]
    pub(crate) list: bool,
    /// Rounds of each case; every contender has its turn in each
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Only these peers, by name; `none` for none
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) peers: Option<Vec<String>>,
    /// Only the contender with this name in the tables; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "peers")]
    pub(crate) contender: Vec<String>,
    /// Write versus.json, versus.md and versus.svg there
    #[arg(
        long,
        value_name = "DIR",
        default_value = "target/versus",
        overrides_with = "out"
    )]
    pub(crate) out: PathBuf,
    /// A word on the circumstances, for the head of the report
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Files of an eighth of the size: with many rounds, the best of them are quiet moments of a busy machine
    #[arg(long)]
    pub(crate) short: bool,
    /// One short round of fewer cases: shows that everything works, measures nothing
    #[arg(long)]
    pub(crate) quick: bool,
}

/// What this program is when it is one of the servers.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Our server
    #[command(hide = true)]
    Serve {
        dir: PathBuf,
        #[arg(long)]
        single_port: bool,
        /// Microseconds
        #[arg(long)]
        busy_poll: Option<u64>,
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// The other end of bare UDP
    #[command(hide = true)]
    Bare,
}
