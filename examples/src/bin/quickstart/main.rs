//! A server and a bootloader in one program: the server shares a directory with an image that was made for
//! this run, and a device with a network stack of its own fetches it over UDP into a flash.

mod bootloader;
mod flash;
mod gateway;
mod image;
mod server;

use core::fmt;
use std::{io, process::ExitCode};

use clap::Parser;
use tempfile::TempDir;

use bootloader::{Bootloader, Fetched, Link};
use image::Digest;

const NAME: &str = "firmware.img";

/// Serves an image that it makes, and has a device with a network stack of its own fetch it.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Octets of the image; KiB and MiB may follow the number
    #[arg(long, default_value = "8MiB", value_parser = octets)]
    size: u32,
    /// Octets of the device's flash, likewise
    #[arg(long, default_value = "32MiB", value_parser = octets)]
    flash: u32,
    /// Octets of a block that the device asks for
    #[arg(long, default_value_t = 1468, value_parser = clap::value_parser!(u16).range(8..=65464))]
    blksize: u16,
    /// Blocks of a window that the device asks for, and has room for
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    windowsize: u16,
    /// Percent of the datagrams that are lost, in each direction
    #[arg(long, default_value_t = 0.0, value_parser = percent)]
    loss: f64,
    /// What image is made, which datagrams are lost, and which port the device uses
    #[arg(long, default_value_t = 1)]
    seed: u32,
}

/// Why the image did not arrive.
#[derive(Debug)]
enum Failure {
    /// The directory or the image in it could not be made.
    Root(io::Error),
    Server(server::Failure),
    Bootloader(bootloader::Failure),
    /// What is in the flash is not what is in the file.
    Digest {
        file: Digest,
        flash: Digest,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(error) => write!(f, "no image could be made: {error}"),
            Self::Server(failure) => failure.fmt(f),
            Self::Bootloader(failure) => failure.fmt(f),
            Self::Digest { file, flash } => {
                write!(f, "the flash holds {flash}, but the file is {file}")
            }
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("quickstart: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let root = TempDir::new().map_err(Failure::Root)?;
    let file = image::make(&root.path().join(NAME), arguments.size, arguments.seed)
        .map_err(Failure::Root)?;
    let server = server::start(root.path()).map_err(Failure::Server)?;
    let bootloader = Bootloader {
        blksize: arguments.blksize,
        windowsize: arguments.windowsize,
        flash: arguments.flash,
        seed: arguments.seed,
    };
    let link = Link {
        port: server.port,
        loss: arguments.loss / 100.0,
    };
    let fetched = bootloader.fetch(NAME, &link);
    // The device has all that it wants; what the server still sends is for nobody.
    let repeated = server.stop().map_err(Failure::Server)?;
    let fetched = fetched.map_err(Failure::Bootloader)?;
    if fetched.digest != file {
        return Err(Failure::Digest {
            file,
            flash: fetched.digest,
        });
    }
    println!("{}", summary(&fetched, repeated));
    Ok(())
}

fn summary(fetched: &Fetched, repeated: u32) -> String {
    let summary = &fetched.summary;
    let seconds = fetched.duration.as_secs_f64();
    format!(
        "{NAME}: {bytes} octets in {blocks} blocks of {blksize}, window {windowsize}, {seconds:.3} s \
         ({rate:.1} MiB/s), {all} retransmissions ({repeated} of the server, {own} of the device), \
         sha256 {digest} as served",
        bytes = summary.bytes,
        blocks = summary.blocks,
        blksize = summary.negotiated.blksize,
        windowsize = summary.negotiated.windowsize,
        rate = summary.bytes as f64 / f64::from(1 << 20) / seconds.max(1e-6),
        all = repeated.saturating_add(summary.retransmissions),
        own = summary.retransmissions,
        digest = fetched.digest,
    )
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("a number from 0 to 100 is wanted".to_owned()),
    }
}

fn octets(text: &str) -> Result<u32, String> {
    let units = [("KiB", 10), ("MiB", 20)];
    let unit = units
        .into_iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    let (number, shift) = unit.unwrap_or((text, 0));
    let octets = number.trim_end().parse().ok();
    octets
        .and_then(|number: u32| number.checked_mul(1 << shift))
        .ok_or_else(|| "a number of octets below 4 GiB is wanted".to_owned())
}
