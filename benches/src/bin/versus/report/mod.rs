//! What was measured, for people and for machines.

mod bars;
mod figures;
mod markdown;
mod plot;

use std::{fs, path::Path};

use serde::Serialize;

pub(crate) use bars::Bar;

use crate::{Failed, loss, run::Outcome};

/// Where and how it was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Head {
    pub(crate) command: String,
    pub(crate) note: Option<String>,
    pub(crate) kernel: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) open_files: u64,
    /// Average number of runnable processes in the minute before the start: ours do not count yet.
    pub(crate) load_before: f64,
    pub(crate) files_in: String,
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) head: Head,
    pub(crate) bars: Vec<Bar>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) loss: Vec<loss::Row>,
}

impl Report {
    pub(crate) fn new(head: Head, outcomes: Vec<Outcome>, loss: Vec<loss::Row>) -> Self {
        Self {
            head,
            bars: bars::all(&outcomes),
            outcomes,
            loss,
        }
    }

    /// Writes `versus.json`, `versus.md` and `versus.svg` into `dir`.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), Failed> {
        fs::create_dir_all(dir)?;
        let json =
            serde_json::to_string_pretty(self).map_err(|error| Failed::new(error.to_string()))?;
        fs::write(dir.join("versus.json"), json)?;
        fs::write(dir.join("versus.md"), self.markdown())?;
        plot::draw(&self.outcomes, &dir.join("versus.svg"))
    }
}
