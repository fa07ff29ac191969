//! The figures that a change may not exceed by more than 2 %.

use std::{collections::BTreeMap, fmt::Write as _};

/// By what is measured, for instance `thumbv7m-none-eabi get text`.
#[derive(Debug, Default)]
pub struct Figures {
    /// The compiler that they are of.
    pub compiler: String,
    figures: BTreeMap<String, u64>,
}

impl Figures {
    /// Of this compiler, none yet.
    pub fn of(compiler: &str) -> Self {
        Self {
            compiler: compiler.to_owned(),
            figures: BTreeMap::new(),
        }
    }

    /// Reads what [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut figures = Self::default();
        for line in text.lines() {
            if let Some(compiler) = line.strip_prefix("# compiler: ") {
                figures.compiler = compiler.to_owned();
            } else if !line.starts_with('#') && !line.trim().is_empty() {
                let (what, octets) = line.rsplit_once(' ').ok_or_else(|| line.to_owned())?;
                let octets = octets.parse().map_err(|_| line.to_owned())?;
                figures.add(what.trim_end().to_owned(), octets);
            }
        }
        Ok(figures)
    }

    /// One figure a line.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "# Octets, written by `bash ci.sh size --update`.\n# compiler: {}\n",
            self.compiler
        );
        for (what, octets) in &self.figures {
            writeln!(text, "{what:<44} {octets}").expect("a string takes every write");
        }
        text
    }

    /// Adds a figure.
    pub fn add(&mut self, what: String, octets: u64) {
        self.figures.insert(what, octets);
    }

    /// What has grown by more than 2 %, appeared or vanished, against what was expected; and what has
    /// shrunk by more than 2 %, which only calls for an update.
    pub fn against(&self, expected: &Self) -> (Vec<String>, Vec<String>) {
        let mut faults = Vec::new();
        let mut notes = Vec::new();
        for (what, &octets) in &self.figures {
            match expected.figures.get(what) {
                None => faults.push(format!("{what}: {octets}, and nothing is expected")),
                Some(&before) if octets * 100 > before * 102 => {
                    faults.push(format!("{what}: {octets}, more than 2 % above {before}"));
                }
                Some(&before) if octets * 102 < before * 100 => {
                    notes.push(format!("{what}: {octets}, down from {before}"));
                }
                Some(_) => {}
            }
        }
        for what in expected
            .figures
            .keys()
            .filter(|&what| !self.figures.contains_key(what))
        {
            faults.push(format!("{what}: expected, and not measured"));
        }
        (faults, notes)
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    fn figures(octets: u64) -> Figures {
        let mut figures = Figures::of("rustc");
        figures.add("get text".to_owned(), octets);
        figures
    }

    #[test]
    fn two_percent_more_passes_and_a_byte_beyond_does_not() {
        assert!(figures(1020).against(&figures(1000)).0.is_empty());
        assert_eq!(figures(1021).against(&figures(1000)).0.len(), 1);
    }

    #[test]
    fn a_figure_that_is_not_measured_any_more_is_a_fault() {
        assert_eq!(Figures::of("rustc").against(&figures(1)).0.len(), 1);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let read = Figures::parse(&figures(7).to_text()).expect("it was just written");
        assert_eq!(
            (read.compiler, read.figures),
            ("rustc".to_owned(), figures(7).figures)
        );
    }
}
