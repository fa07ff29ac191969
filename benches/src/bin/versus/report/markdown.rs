//! Tables.

use core::fmt::Write as _;

use super::Report;
use crate::{
    cases::{BARE, BARE_OFFLOAD, BOTH_OURS, OURS},
    run::{Cell, Outcome},
    stats::Spread,
};

impl Report {
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_markdown(&mut text);
        text
    }

    fn write_markdown(&self, text: &mut String) -> core::fmt::Result {
        let head = &self.head;
        writeln!(text, "# Measured by `{}`\n", head.command)?;
        if let Some(note) = &head.note {
            writeln!(text, "{note}\n")?;
        }
        writeln!(
            text,
            "{} x {}, Linux {}, load before the start {:.2}, {} open files, files in {}.\n",
            head.cores,
            head.processor,
            head.kernel,
            head.load_before,
            head.open_files,
            head.files_in
        )?;
        self.write_overview(text)?;
        self.write_crowds(text)?;
        self.write_bars(text)?;
        for outcome in &self.outcomes {
            writeln!(text, "\n## {}\n", outcome.case)?;
            if outcome.is_crowd() {
                write_crowd(text, outcome)?;
            } else {
                write_speeds(text, outcome)?;
            }
            write_failures(text, outcome)?;
        }
        self.write_loss(text)
    }

    /// Speeds of single transfers: a row a case, a column a contender.
    fn write_overview(&self, text: &mut String) -> core::fmt::Result {
        let rows = |outcome: &&Outcome| !outcome.is_crowd() && !outcome.is_pair();
        let outcomes: Vec<&Outcome> = self.outcomes.iter().filter(rows).collect();
        let columns = columns(&outcomes, &[BARE, BARE_OFFLOAD, OURS, BOTH_OURS]);
        write_matrix(
            text,
            "Speed in MiB/s, medians",
            &outcomes,
            &columns,
            |cell| cell.speed().map(|speed| short(speed.median)),
        )
    }

    /// How long the 99th of a hundred clients waits: a row a case, a column a server.
    fn write_crowds(&self, text: &mut String) -> core::fmt::Result {
        let outcomes: Vec<&Outcome> = self
            .outcomes
            .iter()
            .filter(|each| each.is_crowd())
            .collect();
        let columns = columns(&outcomes, &[OURS]);
        write_matrix(
            text,
            "Many clients at once: 99th percentile of the time in seconds (clients that failed)",
            &outcomes,
            &columns,
            |cell| {
                let (failed, _) = cell.crowd_failed()?;
                let p99 = cell
                    .crowd(|crowd| crowd.p99)
                    .map_or(f64::NAN, |p99| p99.median);
                Some(match failed {
                    0 => short(p99),
                    _ => format!("{} ({failed})", short(p99)),
                })
            },
        )
    }

    fn write_bars(&self, text: &mut String) -> core::fmt::Result {
        if self.bars.is_empty() {
            return Ok(());
        }
        writeln!(text, "## Ratios\n")?;
        writeln!(
            text,
            "| Case | What | Ours | Other | Ratio | of the best rounds | Wanted | |"
        )?;
        writeln!(
            text,
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
        )?;
        for bar in &self.bars {
            let wanted = match (bar.at_least, bar.at_most) {
                (Some(least), _) => format!(">= {least}"),
                (_, Some(most)) => format!("<= {most}"),
                _ => String::new(),
            };
            let best = bar
                .best_ratio
                .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            let verdict = match bar.met {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            writeln!(
                text,
                "| {} | {} | {} | {} ({}) | {:.2} | {best} | {wanted} | {verdict} |",
                bar.case,
                bar.what,
                short(bar.ours),
                short(bar.other),
                bar.other_name,
                bar.ratio
            )?;
        }
        Ok(())
    }

    fn write_loss(&self, text: &mut String) -> core::fmt::Result {
        if self.loss.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\n## Loss and delay: 256 KiB, 1468, window 16, both ends ours, virtual time\n"
        )?;
        writeln!(
            text,
            "| | RTT ms | Loss % | First time-out ms | Without loss s | Median x | 95th x | Worst x | DATA sent / needed | Failed |"
        )?;
        writeln!(text, "| --- |{}", " ---: |".repeat(9))?;
        for row in &self.loss {
            writeln!(
                text,
                "| {} | {} | {:.0} | {} | {:.3} | {:.2} | {:.2} | {:.2} | {:.2} | {} of {} |",
                row.way,
                row.rtt_ms,
                row.loss * 100.0,
                row.initial_ms,
                row.perfect,
                row.median,
                row.p95,
                row.worst,
                row.data,
                row.failed,
                row.seeds
            )?;
        }
        Ok(())
    }
}

/// The names in `first` that occur, then those of the peers.
fn columns<'o>(outcomes: &[&'o Outcome], first: &[&'o str]) -> Vec<&'o str> {
    let occurs = |name: &&str| outcomes.iter().any(|outcome| outcome.cell(name).is_some());
    let mut columns: Vec<&str> = first.iter().copied().filter(occurs).collect();
    for outcome in outcomes {
        for cell in outcome.cells.iter().filter(|cell| cell.is_peer()) {
            if !columns.contains(&cell.contender.as_str()) {
                columns.push(&cell.contender);
            }
        }
    }
    columns
}

fn write_matrix(
    text: &mut String,
    title: &str,
    outcomes: &[&Outcome],
    columns: &[&str],
    show: impl Fn(&Cell) -> Option<String>,
) -> core::fmt::Result {
    if outcomes.is_empty() {
        return Ok(());
    }
    writeln!(text, "## {title}\n")?;
    writeln!(text, "| | {} |", columns.join(" | "))?;
    writeln!(text, "| --- |{}", " ---: |".repeat(columns.len()))?;
    for outcome in outcomes {
        write!(text, "| {} |", outcome.case)?;
        for column in columns {
            let figure = outcome
                .cell(column)
                .map(|cell| or_failed(show(cell), |shown| shown));
            write!(text, " {} |", figure.unwrap_or_default())?;
        }
        writeln!(text)?;
    }
    writeln!(text)
}

fn write_speeds(text: &mut String, outcome: &Outcome) -> core::fmt::Result {
    writeln!(
        text,
        "| | MiB/s | least..most | server CPU s/GiB | client CPU s/GiB | server's peak memory MiB | granted | stalls |"
    )?;
    writeln!(text, "| --- |{}", " ---: |".repeat(7))?;
    for cell in &outcome.cells {
        let granted = cell.granted().map_or_else(String::new, |granted| {
            format!("{} x {}", granted.blksize, granted.windowsize)
        });
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.1} | {granted} | {} |",
            cell.contender,
            or_failed(cell.speed(), |speed| short(speed.median)),
            or_failed(cell.speed(), range),
            or_failed(cell.server_cpu(), |time| format!("{time:.2}")),
            or_failed(cell.client_cpu(), |time| format!("{time:.2}")),
            cell.server_peak_memory as f64 / 1_024.0,
            cell.stalls()
        )?;
    }
    Ok(())
}

fn write_crowd(text: &mut String, outcome: &Outcome) -> core::fmt::Result {
    writeln!(
        text,
        "| | failed | p50 s | p99 s | slowest s | slowest / median | MiB/s in all | server CPU s/GiB | KiB a transfer | processes | stalls |"
    )?;
    writeln!(text, "| --- |{}", " ---: |".repeat(10))?;
    for cell in &outcome.cells {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            cell.contender,
            or_failed(cell.crowd_failed(), |(failed, all)| format!(
                "{failed} of {all}"
            )),
            seconds(cell, |crowd| crowd.p50),
            seconds(cell, |crowd| crowd.p99),
            seconds(cell, |crowd| crowd.max),
            or_failed(cell.crowd(|crowd| crowd.max / crowd.p50), |ratio| {
                format!("{:.2}", ratio.median)
            }),
            or_failed(cell.speed(), |speed| short(speed.median)),
            or_failed(cell.server_cpu(), |time| format!("{time:.2}")),
            or_failed(
                cell.crowd(|crowd| crowd.memory_growth as f64 / crowd.clients as f64),
                |kib| short(kib.median)
            ),
            or_failed(cell.crowd(|crowd| crowd.processes as f64), |count| short(
                count.most
            )),
            cell.stalls()
        )?;
    }
    Ok(())
}

fn write_failures(text: &mut String, outcome: &Outcome) -> core::fmt::Result {
    for cell in &outcome.cells {
        if let Some(failure) = cell.failures.first() {
            writeln!(
                text,
                "\n{} failed {} times: {failure}",
                cell.contender,
                cell.failures.len()
            )?;
        }
    }
    Ok(())
}

fn seconds(cell: &Cell, figure: impl Fn(&crate::crowd::Crowd) -> f64) -> String {
    or_failed(cell.crowd(figure), |figure| format!("{:.3}", figure.median))
}

fn or_failed<T>(figure: Option<T>, show: impl FnOnce(T) -> String) -> String {
    figure.map_or_else(|| "-".to_owned(), show)
}

fn range(spread: Spread) -> String {
    format!("{}..{}", short(spread.least), short(spread.most))
}

/// Three digits are as many as mean something.
fn short(figure: f64) -> String {
    if figure >= 100.0 {
        format!("{figure:.0}")
    } else if figure >= 10.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.2}")
    }
}
