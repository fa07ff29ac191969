//! `tftp`: fetches a file from a TFTP server, or stores one there.
//!
//! Exit codes: 0 done, 2 usage, 3 file not found, 4 refused, 5 no answer, 6 disk full here or there,
//! 7 another fault of the server, 8 local I/O error, 130 interrupted.

mod args;
mod bar;
mod failure;
mod input;
mod run;
mod standard;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match run::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // There is nobody to tell if this fails.
            let _ = writeln!(io::stderr(), "tftp: {failure}");
            if let Some(hint) = failure.hint() {
                let _ = writeln!(io::stderr(), "tftp: hint: {hint}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}
