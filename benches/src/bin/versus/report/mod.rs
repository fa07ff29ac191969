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
    pub(crate) quick: bool,
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
            // A smoke test measures nothing that could be judged.
            bars: if head.quick {
                Vec::new()
            } else {
                bars::all(&outcomes)
            },
            head,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::Kind,
        plain::Shape,
        run::{Cell, Measurement},
    };

    const WINDOW: Shape = Shape {
        blksize: 1_468,
        windowsize: 16,
    };

    fn cell(kind: Kind, mib_per_second: f64, granted: Shape) -> Cell {
        Cell {
            contender: kind.name().to_owned(),
            kind: Some(kind),
            measurements: vec![Measurement {
                bytes: 1 << 20,
                seconds: 1.0 / mib_per_second,
                client_cpu: 0.001,
                server_cpu: Some(0.001),
                transfers: 1,
                stalls: 0,
                granted,
                crowd: None,
            }],
            failures: Vec::new(),
            server_peak_memory: 1,
        }
    }

    fn report(case: &str, cells: Vec<Cell>) -> Report {
        let head = Head {
            command: String::new(),
            note: None,
            quick: false,
            kernel: String::new(),
            processor: String::new(),
            cores: 1,
            open_files: 1,
            load_before: 0.0,
            files_in: String::new(),
        };
        let outcome = Outcome {
            case: case.to_owned(),
            shape: WINDOW,
            file_len: 1 << 20,
            unix_time: 0,
            cells,
        };
        Report::new(head, vec![outcome], Vec::new())
    }

    fn verdicts(report: &Report) -> Vec<(&str, Option<bool>)> {
        let bars = report.bars.iter();
        bars.map(|bar| (bar.other_name.as_str(), bar.met)).collect()
    }

    #[test]
    fn a_ratio_below_what_is_wanted_is_missed() {
        let peer = cell(Kind::Atftpd, 100.0, WINDOW);
        for (speed, met) in [(240.0, false), (260.0, true)] {
            let ours = cell(Kind::Ours, speed, WINDOW);
            let report = report("get 1468 window 16", vec![ours, peer.clone()]);
            assert_eq!(verdicts(&report), [("atftpd", Some(met))]);
        }
    }

    #[test]
    fn an_upload_is_compared_only_with_peers_that_granted_its_window() {
        let lockstep = Shape {
            windowsize: 1,
            ..WINDOW
        };
        let cells = vec![
            cell(Kind::Ours, 400.0, WINDOW),
            cell(Kind::InTftpd, 300.0, lockstep),
            cell(Kind::Atftpd, 100.0, WINDOW),
        ];
        let report = report("put 1468 window 16", cells);
        assert_eq!(verdicts(&report), [("atftpd", Some(true))]);
    }

    #[test]
    fn a_peer_that_failed_stands_in_the_tables_with_its_reason() {
        let mut failed = cell(Kind::Dnsmasq, 1.0, WINDOW);
        failed.measurements.clear();
        failed.failures.push("ERROR 4: no uploads".to_owned());
        let ours = cell(Kind::Ours, 1.0, WINDOW);
        let text = report("put 1468 window 16", vec![ours, failed]).markdown();
        assert!(text.contains("| dnsmasq | - |"), "{text}");
        assert!(text.contains("dnsmasq failed 1 times: ERROR 4: no uploads"));
    }

    #[test]
    fn every_result_is_in_all_three_files() {
        let dir = tempfile::tempdir().unwrap();
        let cells = vec![cell(Kind::Ours, 123.0, WINDOW)];
        report("get 1468 window 16", cells)
            .write(dir.path())
            .unwrap();
        for (file, text) in [
            ("versus.json", "get 1468 window 16"),
            ("versus.md", "| ours | 123 |"),
            ("versus.svg", "our server, plain client"),
        ] {
            let written = fs::read_to_string(dir.path().join(file)).unwrap();
            assert!(written.contains(text), "{file}: {written}");
        }
    }
}
