//! The simulation itself, and the machines of `tftp-proto` against each other on it.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that goes wrong is to stop"
)]

mod capture;
mod chaos;
mod clients;
mod link;
mod recovery;
mod rollover;
mod sizes;

use core::time::Duration;

use tftp_proto::Config;
use tftp_sim::{File, Pair, Report};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What a client asks for.
const fn asking(blksize: u16, windowsize: u16) -> Config {
    let mut config = Config::client();
    config.blksize = blksize;
    config.windowsize = windowsize;
    config
}

/// Which way the file goes. The client and the server have a machine each, so both ways make up the four roles.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Get,
    Put,
}

impl Way {
    const BOTH: [Self; 2] = [Self::Get, Self::Put];

    fn of(self, file: File) -> Pair {
        match self {
            Self::Get => Pair::get(file),
            Self::Put => Pair::put(file),
        }
    }

    /// DATA packets that the sender sent.
    fn data(self, report: &Report) -> u64 {
        match self {
            Self::Get => report.server.map_or(0, |server| server.sent.data),
            Self::Put => report.client.sent.data,
        }
    }

    fn receiver_succeeded(self, report: &Report) -> bool {
        match self {
            Self::Get => report.client.result.is_ok(),
            Self::Put => report.server.is_some_and(|server| server.result.is_ok()),
        }
    }
}

/// Blocks of a file, the short or empty last one counted.
const fn blocks(len: u64, blksize: u16) -> u64 {
    len / blksize as u64 + 1
}
