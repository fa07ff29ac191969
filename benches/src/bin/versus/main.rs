//! Measures our TFTP server and client beside other servers and beside bare UDP, interleaved in one run, and
//! writes what came of it as JSON, Markdown and SVG. `benches/README.md` tells how it is made fair.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "counters, sizes and times of a benchmark are far from their limits"
)]

mod args;
mod cases;
mod content;
mod crowd;
mod host;
mod loss;
mod meter;
mod ours;
mod plain;
mod process;
mod raw;
mod report;
mod run;
mod serve;
mod stats;

use core::{fmt, time::Duration};
use std::{env, fs, io, path::Path, process::ExitCode, thread};

use clap::Parser as _;
use rustix::process::{Resource, getrlimit, setrlimit};
use tftp_server::{Ports, ServerConfig};

use crate::{
    args::{Args, Role},
    cases::Case,
    host::Kind,
    report::{Head, Report},
    run::{Effort, Outcome},
};

/// Why something cannot be measured, for the reader of the report.
#[derive(Clone, Debug)]
struct Failed(String);

impl Failed {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let open_files = raise_file_limit();
    let result = match &args.role {
        Some(Role::Serve {
            dir,
            single_port,
            busy_poll,
            threads,
        }) => {
            let mut config = ServerConfig::default();
            config.busy_poll = busy_poll.map(Duration::from_micros);
            config.threads = *threads;
            if *single_port {
                config.ports = Ports::Single;
            }
            serve::ours(dir, config)
        }
        Some(Role::Bare) => serve::bare(),
        None => compare(&args, open_files),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("versus: {failed}");
            ExitCode::FAILURE
        }
    }
}

/// Allows as many open files as the system lets this process, and the servers that it starts, have.
fn raise_file_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If it fails, the cases with many clients say so.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn compare(args: &Args, open_files: u64) -> Result<(), Failed> {
    let peers = chosen_peers(args)?;
    let cases = cases::all(&peers, args.quick, args.short);
    let names: Vec<String> = cases.iter().map(|case| case.name.clone()).collect();
    let cases: Vec<Case> = cases
        .into_iter()
        .filter(|case| is_chosen(args, &case.name, &names))
        .map(|case| with_chosen(args, case))
        .filter(|case| !case.contenders.is_empty())
        .collect();
    let with_loss = args.contender.is_empty() && is_chosen(args, "loss", &names);
    if args.list {
        for case in &cases {
            println!("{}", case.name);
        }
        if with_loss {
            println!("loss");
        }
        return Ok(());
    }
    if cases.is_empty() && !with_loss {
        return Err(Failed::new("no case has such a name, or such a contender"));
    }
    // In memory where the system has such a place, so that no disk is measured.
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory.to_owned()
    } else {
        env::temp_dir()
    };
    let base = tempfile::Builder::new()
        .prefix("versus-")
        .tempdir_in(parent)?;
    let path = base.path().to_owned();
    process::end_on_signals(move || {
        let _ = fs::remove_dir_all(&path);
    })?;
    let head = head(args, open_files, base.path());
    let mut outcomes = Vec::new();
    for case in &cases {
        let outcome = run::run(case, effort(args), base.path());
        show(&outcome);
        outcomes.push(outcome);
        // What was measured so far is kept whatever happens next.
        Report::new(head.clone(), outcomes.clone(), Vec::new()).write(&args.out)?;
    }
    let loss = if with_loss {
        loss::table(if args.quick { 10 } else { 100 })?
    } else {
        Vec::new()
    };
    let report = Report::new(head, outcomes, loss);
    report.write(&args.out)?;
    println!("{}", report.markdown());
    if args.quick { check(&report) } else { Ok(()) }
}

fn effort(args: &Args) -> Effort {
    if args.quick {
        Effort {
            rounds: 1,
            least: Duration::from_millis(10),
        }
    } else {
        Effort {
            rounds: args.rounds,
            least: Duration::from_millis(if args.short { 30 } else { 250 }),
        }
    }
}

/// Whether the case is one of those that were asked for: by its whole name, or by a part that is no other's whole
/// name.
fn is_chosen(args: &Args, name: &str, names: &[String]) -> bool {
    let is_meant = |text: &String| name == text || (name.contains(text) && !names.contains(text));
    args.only.is_empty() || args.only.iter().any(is_meant)
}

/// The case with those of its contenders that were asked for.
fn with_chosen(args: &Args, mut case: Case) -> Case {
    if !args.contender.is_empty() {
        case.contenders
            .retain(|contender| args.contender.iter().any(|name| name == contender.name));
    }
    case
}

fn chosen_peers(args: &Args) -> Result<Vec<Kind>, Failed> {
    let Some(names) = &args.peers else {
        return Ok(Kind::PEERS.to_vec());
    };
    names
        .iter()
        .filter(|name| *name != "none")
        .map(|name| {
            Kind::PEERS
                .into_iter()
                .find(|kind| kind.name() == name)
                .ok_or_else(|| Failed::new(format!("no peer is called {name}")))
        })
        .collect()
}

/// What a smoke test looks at: that everything of ours has worked.
fn check(report: &Report) -> Result<(), Failed> {
    for outcome in &report.outcomes {
        for cell in outcome.cells.iter().filter(|cell| !cell.is_peer()) {
            if let Some(failure) = cell.failures.first() {
                return Err(Failed::new(format!(
                    "{}, {}: {failure}",
                    outcome.case, cell.contender
                )));
            }
        }
    }
    if let Some(row) = report.loss.iter().find(|row| row.failed > 0) {
        return Err(Failed::new(format!("loss: {row:?}")));
    }
    Ok(())
}

/// A line for each contender while the rest is still to be measured.
fn show(outcome: &Outcome) {
    eprintln!("{}", outcome.case);
    for cell in &outcome.cells {
        let speed = cell.speed().map_or(f64::NAN, |speed| speed.median);
        let failure = cell.failures.first().map_or("", String::as_str);
        eprintln!("  {:<26} {speed:9.1} MiB/s  {failure}", cell.contender);
    }
}

/// What to type to do this again, but for where the results go.
fn command() -> String {
    let mut command = "bash ci.sh versus".to_owned();
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--out" {
            words.next();
        } else if word.contains(' ') {
            command.push_str(&format!(" \"{word}\""));
        } else {
            command.push_str(&format!(" {word}"));
        }
    }
    command
}

fn head(args: &Args, open_files: u64, base: &Path) -> Head {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let load = read("/proc/loadavg");
    let cpuinfo = read("/proc/cpuinfo");
    let processor = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("processor", |(_, name)| name);
    let in_memory = base.starts_with("/dev/shm");
    Head {
        command: command(),
        note: args.note.clone(),
        quick: args.quick,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        processor: processor.to_owned(),
        cores: thread::available_parallelism().map_or(0, usize::from),
        open_files,
        load_before: load
            .split(' ')
            .next()
            .and_then(|load| load.parse().ok())
            .unwrap_or(0.0),
        files_in: if in_memory {
            "/dev/shm"
        } else {
            "a temporary directory"
        }
        .to_owned(),
    }
}
