//! Plants the faults of a list, one at a time, in a copy of the sources, and shows which layer of the tests
//! finds each.

mod command;
mod fault;
mod plan;
mod self_test;
mod tree;
mod trial;

use core::error::Error;
use std::{
    env, io,
    path::{self, Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use clap::Parser;

use crate::{
    plan::{Layer, Plan},
    trial::{Bench, Verdict},
};

/// Plants known faults in a copy of the sources and shows which tests find them. Fails unless all are found.
#[derive(Debug, Parser)]
struct Args {
    /// Ask every layer, and not only up to the first that finds the fault
    #[arg(long)]
    all_layers: bool,
    /// Only the faults with this in their name
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    /// Only these layers, and the faults that they can see
    #[arg(long, value_name = "NAME")]
    layer: Vec<String>,
    /// Show the faults and the layers, run nothing
    #[arg(long)]
    list: bool,
    /// Show that a fault which no test can find makes this program fail, and one that is found does not
    #[arg(long, conflicts_with_all = ["all_layers", "only", "layer", "list"])]
    self_test: bool,
    /// Where the copy goes and is built [default: `faults` in cargo's target directory]
    #[arg(long, value_name = "DIRECTORY")]
    scratch: Option<PathBuf>,
}

/// The root of the repository.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// An absolute path: commands run elsewhere.
fn scratch(args: &Args) -> io::Result<PathBuf> {
    let target =
        || env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    path::absolute(
        args.scratch
            .clone()
            .unwrap_or_else(|| target().join("faults")),
    )
}

fn read(list: &str) -> Result<Plan, Box<dyn Error>> {
    let root = root();
    Plan::read(&root.join(list), &root.join("tftp-proto/tests/slow.txt"))
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = scratch(&args).map_err(Into::into).and_then(|scratch| {
        if args.self_test {
            self_test::run(&scratch)
        } else {
            run(&args, &scratch)
        }
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every fault was caught.
fn run(args: &Args, scratch: &Path) -> Result<bool, Box<dyn Error>> {
    let mut plan = read("faults/faults.toml")?;
    if let Some(only) = &args.only {
        plan.faults
            .retain(|fault| fault.name.contains(only.as_str()));
    }
    for name in &args.layer {
        if !plan.layers.iter().any(|layer| layer.name == *name) {
            return Err(format!("there is no layer {name}").into());
        }
    }
    let chosen = |layer: &&Layer| args.layer.is_empty() || args.layer.contains(&layer.name);
    let layers: Vec<&Layer> = plan.layers.iter().filter(chosen).collect();
    plan.faults
        .retain(|fault| layers.iter().any(|layer| layer.sees.contains(fault.home())));
    if args.list {
        for layer in layers {
            println!("layer  {:<12}{}", layer.name, layer.run.join(" "));
        }
        for fault in &plan.faults {
            println!(
                "fault  {}\n       {}: {}",
                fault.name, fault.file, fault.replace
            );
        }
        return Ok(true);
    }
    let mut bench = Bench::new(&root(), scratch, layers)?;
    let began = Instant::now();
    let mut caught = 0_usize;
    for fault in &plan.faults {
        let verdict = bench.try_fault(fault, args.all_layers)?;
        caught = caught.saturating_add(usize::from(verdict.is_caught()));
        show(&fault.name, &verdict);
    }
    let count = plan.faults.len();
    println!(
        "{caught} of {count} caught, {} s",
        began.elapsed().as_secs()
    );
    Ok(count > 0 && caught == count)
}

/// A line for each layer that found the fault.
fn show(name: &str, verdict: &Verdict) {
    let tell = |name: &str, what: &str| println!("{name:<64}  {what}");
    match verdict {
        Verdict::Caught(finds) => {
            let mut name = name;
            for find in finds {
                tell(name, &find.to_string());
                name = "";
            }
        }
        Verdict::Missed => tell(name, "MISSED"),
        Verdict::NotPlanted(why) => tell(name, &format!("NOT PLANTED: {why}")),
        Verdict::NotCompiled => tell(name, "DOES NOT COMPILE"),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::{read, root};

    #[test]
    fn every_fault_has_its_place_in_the_sources() {
        let faults = read("faults/faults.toml").unwrap().faults;
        let lost: Vec<String> = faults
            .iter()
            .filter_map(|fault| {
                let why = match fs::read_to_string(root().join(&fault.file)) {
                    Ok(text) => fault.plant(&text).err()?.to_string(),
                    Err(error) => format!("{}: {error}", fault.file),
                };
                Some(format!("{}: {why}", fault.name))
            })
            .collect();
        assert!(lost.is_empty(), "{lost:#?}");
    }

    #[test]
    fn every_crate_that_is_published_has_faults() {
        let faults = read("faults/faults.toml").unwrap().faults;
        let homes: BTreeSet<&str> = faults.iter().map(|fault| fault.home()).collect();
        for home in ["tftp-proto", "tftp-client", "tftp-server"] {
            assert!(homes.contains(home), "{home}");
        }
    }
}
