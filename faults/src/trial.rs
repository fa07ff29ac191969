//! One fault at a time: which layer of tests finds it?

use core::{error::Error, fmt, time::Duration};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{command, fault::Fault, plan::Layer, tree::Tree};

/// The longest that a build may take.
const BUILD_LIMIT: Duration = Duration::from_secs(1200);

/// What became of a fault.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// Found, by these layers in their order.
    Caught(Vec<Find>),
    /// No layer that can see it has found it.
    Missed,
    /// Its text is not, or not once, where it should be.
    NotPlanted(String),
    /// Not even the compiler takes it.
    NotCompiled,
}

/// A layer that found a fault.
#[derive(Clone, Debug)]
pub(crate) struct Find {
    pub(crate) layer: String,
    /// The tests that failed, or what else told of it.
    pub(crate) by: Vec<String>,
}

impl Verdict {
    pub(crate) const fn is_caught(&self) -> bool {
        matches!(self, Self::Caught(_))
    }
}

impl fmt::Display for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.by.first().map_or("", String::as_str);
        write!(f, "{:<10}  {first}", self.layer)?;
        match self.by.len() {
            0 | 1 => Ok(()),
            count => write!(f, " (and {} more)", count.saturating_sub(1)),
        }
    }
}

/// What a layer has to say.
enum Outcome {
    Green,
    Red(Vec<String>),
    NotCompiled,
}

/// The scratch directory: the copy of the sources, what is built from it, the output of the tests.
#[derive(Debug)]
pub(crate) struct Bench<'p> {
    tree: Tree,
    target: PathBuf,
    logs: PathBuf,
    layers: Vec<&'p Layer>,
    /// Layers that pass without a fault. Of no other would a failure mean anything.
    sound: BTreeSet<&'p str>,
}

impl<'p> Bench<'p> {
    pub(crate) fn new(
        source: &Path,
        scratch: &Path,
        layers: Vec<&'p Layer>,
    ) -> Result<Self, Box<dyn Error>> {
        let logs = scratch.join("logs");
        let copy = scratch.join("tree");
        fs::create_dir_all(&logs)?;
        fs::create_dir_all(&copy)?;
        Ok(Self {
            tree: Tree::copy(source, &copy)?,
            target: scratch.join("target"),
            logs,
            layers,
            sound: BTreeSet::new(),
        })
    }

    /// Plants `fault` and asks each layer that can see it, until one has found it or, if `all`, to the last.
    ///
    /// # Errors
    /// If a layer fails without any fault, or cannot be run.
    pub(crate) fn try_fault(
        &mut self,
        fault: &Fault,
        all: bool,
    ) -> Result<Verdict, Box<dyn Error>> {
        let mut finds = Vec::new();
        for layer in self.layers.clone() {
            if !layer.sees.contains(fault.home()) {
                continue;
            }
            self.expect_sound(layer)?;
            let planted = match self.tree.plant(fault) {
                Ok(planted) => planted,
                Err(error) => return Ok(Verdict::NotPlanted(error.to_string())),
            };
            let outcome = self.run(layer, &fault.name);
            planted.restore()?;
            match outcome? {
                Outcome::Green => {}
                Outcome::NotCompiled => return Ok(Verdict::NotCompiled),
                Outcome::Red(by) => {
                    let layer = layer.name.clone();
                    finds.push(Find { layer, by });
                    if !all {
                        break;
                    }
                }
            }
        }
        Ok(if finds.is_empty() {
            Verdict::Missed
        } else {
            Verdict::Caught(finds)
        })
    }

    fn expect_sound(&mut self, layer: &'p Layer) -> Result<(), Box<dyn Error>> {
        if self.sound.contains(layer.name.as_str()) {
            return Ok(());
        }
        match self.run(layer, "no-fault")? {
            Outcome::Green => {
                self.sound.insert(&layer.name);
                Ok(())
            }
            Outcome::NotCompiled => Err(format!("{} does not compile", layer.name).into()),
            Outcome::Red(by) => {
                Err(format!("{} fails without a fault: {}", layer.name, by.join(", ")).into())
            }
        }
    }

    fn run(&self, layer: &Layer, name: &str) -> Result<Outcome, Box<dyn Error>> {
        let log = self.logs.join(format!("{name}.{}.log", layer.name));
        if layer.is_cargo_test() {
            let words = layer.run.iter().take_while(|word| *word != "--");
            let mut build = self.command(layer, words);
            build.arg("--no-run");
            if command::run(&mut build, &log, BUILD_LIMIT)?.success != Some(true) {
                return Ok(Outcome::NotCompiled);
            }
        }
        let limit = Duration::from_secs(layer.seconds);
        let ended = command::run(&mut self.command(layer, layer.run.iter()), &log, limit)?;
        match ended.success {
            Some(true) => Ok(Outcome::Green),
            Some(false) => match found(layer, &ended.output) {
                by if by.is_empty() => Err(format!(
                    "{} failed for no reason that it tells: {}",
                    layer.name,
                    log.display()
                )
                .into()),
                by => Ok(Outcome::Red(by)),
            },
            None => Ok(Outcome::Red(vec![format!(
                "(no end after {} s)",
                layer.seconds
            )])),
        }
    }

    fn command<'w>(&self, layer: &Layer, words: impl Iterator<Item = &'w String>) -> Command {
        let mut words = words.map(String::as_str);
        let mut command = Command::new(words.next().unwrap_or("true"));
        command
            .args(words)
            .current_dir(self.tree.path())
            .envs(&layer.env)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_INCREMENTAL", "1")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            // What a property test has found belongs to the fault and not into the sources.
            .env("PROPTEST_FAILURE_PERSISTENCE", "off");
        command
    }
}

/// What the output says has failed.
fn found(layer: &Layer, output: &str) -> Vec<String> {
    let mut by: Vec<String> = match &layer.says {
        Some(says) => output
            .lines()
            .filter(|line| line.contains(says.as_str()))
            .map(str::to_owned)
            .collect(),
        None => output.lines().filter_map(failed_test).collect(),
    };
    by.sort();
    by
}

/// The name of the test that a line of `cargo test` says has failed; or that the program was killed.
fn failed_test(line: &str) -> Option<String> {
    if line.contains("(signal: ") {
        return Some(line.trim().to_owned());
    }
    let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    Some(name.to_owned())
}
