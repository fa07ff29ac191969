//! Speeds in a picture.

use std::path::Path;

use plotters::{
    coord::{Shift, combinators::LogCoord, types::RangedCoordf64},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    Failed,
    cases::{BARE, BARE_GSO, BARE_OFFLOAD, BOTH_OURS, OURS},
    run::Outcome,
};

const SIZE: (u32, u32) = (1_100, 620);
/// Where the scale begins, in MiB/s.
const SLOWEST: f64 = 5.0;
/// What is drawn, in this order: bare UDP first, in grey.
const CONTENDERS: [(&str, RGBColor); 10] = [
    (BARE, RGBColor(150, 150, 150)),
    (BARE_GSO, RGBColor(185, 185, 185)),
    (BARE_OFFLOAD, RGBColor(110, 110, 110)),
    (OURS, RGBColor(214, 39, 40)),
    (BOTH_OURS, RGBColor(140, 10, 20)),
    ("in.tftpd", RGBColor(31, 119, 180)),
    ("atftpd", RGBColor(44, 160, 44)),
    ("dnsmasq", RGBColor(255, 127, 14)),
    ("rs-tftpd", RGBColor(148, 103, 189)),
    ("async-tftp", RGBColor(23, 190, 207)),
];

fn failed(error: impl core::fmt::Display) -> Failed {
    Failed::new(format!("the plot: {error}"))
}

fn median(outcome: &Outcome, contender: &str) -> Option<f64> {
    Some(outcome.cell(contender)?.speed()?.median)
}

/// Draws the median speeds of single transfers, a group of bars for each case, on a logarithmic scale.
pub(super) fn draw(outcomes: &[Outcome], path: &Path) -> Result<(), Failed> {
    let drawn: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| !outcome.is_crowd() && !outcome.is_pair())
        .collect();
    let fastest = drawn
        .iter()
        .flat_map(|outcome| &outcome.cells)
        .filter_map(|cell| cell.speed())
        .fold(0.0_f64, |most, speed| most.max(speed.median));
    if fastest <= 0.0 {
        return Ok(());
    }
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    let groups = drawn.len() as f64;
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "MiB/s of one transfer over loopback, medians (logarithmic)",
            ("sans-serif", 18),
        )
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..groups, (SLOWEST..fastest * 1.5).log_scale())
        .map_err(failed)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .y_desc("MiB/s")
        .y_label_formatter(&|speed| format!("{speed:.0}"))
        .draw()
        .map_err(failed)?;
    let width = 0.86 / CONTENDERS.len() as f64;
    for (name, colour) in &CONTENDERS {
        let bars = drawn.iter().enumerate().filter_map(|(group, outcome)| {
            let speed = median(outcome, name)?;
            // Where a contender is missing the others close up.
            let place = CONTENDERS
                .iter()
                .take_while(|(other, _)| other != name)
                .filter(|(other, _)| median(outcome, other).is_some())
                .count();
            let left = group as f64 + 0.07 + width * place as f64;
            let bar = [(left, SLOWEST), (left + width * 0.92, speed)];
            Some(Rectangle::new(bar, colour.filled()))
        });
        let label = if *name == OURS {
            "our server, plain client"
        } else {
            name
        };
        chart
            .draw_series(bars)
            .map_err(failed)?
            .label(label)
            .legend(|(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .draw()
        .map_err(failed)?;
    label_groups(&area, &chart, &drawn)?;
    area.present().map_err(failed)
}

/// Names the groups below the axis, the way on one line and the shape on the next.
fn label_groups(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    chart: &ChartContext<'_, SVGBackend<'_>, Cartesian2d<RangedCoordf64, LogCoord<f64>>>,
    drawn: &[&Outcome],
) -> Result<(), Failed> {
    let style = TextStyle::from(("sans-serif", 12)).pos(Pos::new(HPos::Center, VPos::Top));
    for (group, outcome) in drawn.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(group as f64 + 0.5, SLOWEST));
        let mut words = outcome.case.splitn(3, ' ');
        let first = format!(
            "{} {}",
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default()
        );
        for (line, text) in [first.as_str(), words.next().unwrap_or_default()]
            .iter()
            .enumerate()
        {
            area.draw_text(text, &style, (x, y + 6 + 16 * line as i32))
                .map_err(failed)?;
        }
    }
    Ok(())
}
