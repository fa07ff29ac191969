//! Tables.

use core::fmt::Write as _;

use super::Report;
use crate::{
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
        self.write_bars(text)?;
        for outcome in &self.outcomes {
            writeln!(text, "\n## {}\n", outcome.case)?;
            if outcome.case.contains("clients") {
                write_crowd(text, outcome)?;
            } else {
                write_speeds(text, outcome)?;
            }
            write_failures(text, outcome)?;
        }
        self.write_loss(text)
    }

    fn write_bars(&self, text: &mut String) -> core::fmt::Result {
        if self.bars.is_empty() {
            return Ok(());
        }
        writeln!(text, "## Ratios\n")?;
        writeln!(text, "| Case | What | Ours | Other | Ratio | Wanted | |")?;
        writeln!(text, "| --- | --- | ---: | ---: | ---: | ---: | --- |")?;
        for bar in &self.bars {
            let wanted = match (bar.at_least, bar.at_most) {
                (Some(least), _) => format!(">= {least}"),
                (_, Some(most)) => format!("<= {most}"),
                _ => String::new(),
            };
            let verdict = match bar.met {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            writeln!(
                text,
                "| {} | {} | {} | {} ({}) | {:.2} | {wanted} | {verdict} |",
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
