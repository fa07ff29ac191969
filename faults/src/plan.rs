//! The list of faults, and the layers of tests that are asked to find them.

use core::{error::Error, fmt};
use std::{collections::BTreeMap, collections::BTreeSet, fs, path::Path};

use serde::Deserialize;

use crate::fault::Fault;

/// What a list of faults says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// In the order in which they are asked.
    #[serde(rename = "layer")]
    pub(crate) layers: Vec<Layer>,
    #[serde(rename = "fault", default)]
    pub(crate) faults: Vec<Fault>,
}

/// Some tests, by one command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    pub(crate) name: String,
    /// The directories of the crates whose faults these tests can see.
    pub(crate) sees: BTreeSet<String>,
    /// The command line. `@slow` stands for the names in `tftp-proto/tests/slow.txt`, `@quick` for
    /// leaving those out.
    pub(crate) run: Vec<String>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// The longest that it may take; who takes longer has been caught by not ending.
    pub(crate) seconds: u64,
    /// What the output of a command that is not `cargo test` has in it if it has found something.
    pub(crate) says: Option<String>,
}

/// The list makes no sense.
#[derive(Debug)]
pub(crate) struct PlanError(String);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for PlanError {}

impl Plan {
    /// Reads the list at `path`; `slow` names the tests that `@slow` and `@quick` stand for.
    pub(crate) fn read(path: &Path, slow: &Path) -> Result<Self, Box<dyn Error>> {
        let mut plan: Self = toml::from_str(&fs::read_to_string(path)?)?;
        let slow = fs::read_to_string(slow)?;
        let slow: Vec<&str> = slow
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        for layer in &mut plan.layers {
            layer.run = expand(&layer.run, &slow);
        }
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), PlanError> {
        let mut names = BTreeSet::new();
        for fault in &self.faults {
            if !names.insert(&fault.name) {
                return Err(PlanError(format!("two faults are called {}", fault.name)));
            }
            if !self
                .layers
                .iter()
                .any(|layer| layer.sees.contains(fault.home()))
            {
                return Err(PlanError(format!("no layer can see {}", fault.name)));
            }
        }
        for layer in &self.layers {
            if layer.is_cargo_test() == layer.says.is_some() {
                return Err(PlanError(format!(
                    "layer {}: what says that it has found something?",
                    layer.name
                )));
            }
        }
        Ok(())
    }
}

impl Layer {
    pub(crate) fn is_cargo_test(&self) -> bool {
        matches!(self.run.as_slice(), [cargo, test, ..] if cargo == "cargo" && test == "test")
    }
}

fn expand(run: &[String], slow: &[&str]) -> Vec<String> {
    let mut words = Vec::new();
    for word in run {
        match word.as_str() {
            "@slow" => words.extend(slow.iter().map(|name| (*name).to_owned())),
            "@quick" => {
                words.extend(
                    slow.iter()
                        .flat_map(|name| ["--skip".to_owned(), (*name).to_owned()]),
                );
            }
            _ => words.push(word.clone()),
        }
    }
    words
}
