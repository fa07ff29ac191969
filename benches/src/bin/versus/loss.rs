//! What loss and delay cost, between our two ends over the simulated link: in virtual time, so that the machine's
//! load changes nothing.

use core::time::Duration;

use serde::Serialize;
use tftp_proto::Config;
use tftp_sim::{File, Link, Pair, Report};

use crate::{Failed, stats::quantile};

const LEN: u64 = 256 << 10;
const BLKSIZE: u16 = 1_468;
const WINDOWSIZE: u16 = 16;

/// 256 KiB in blocks of 1468, windows of 16, over a link with this loss and round trip.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) way: &'static str,
    pub(crate) rtt_ms: u64,
    pub(crate) loss: f64,
    /// The first time-out of both ends, in milliseconds.
    pub(crate) initial_ms: u64,
    pub(crate) seeds: u64,
    pub(crate) failed: u64,
    /// Seconds without loss.
    pub(crate) perfect: f64,
    /// Multiples of that.
    pub(crate) median: f64,
    pub(crate) p95: f64,
    pub(crate) worst: f64,
    /// DATA packets sent, as a multiple of those needed.
    pub(crate) data: f64,
}

/// All rows, with so many seeds each.
pub(crate) fn table(seeds: u64) -> Result<Vec<Row>, Failed> {
    let mut rows = Vec::new();
    for put in [false, true] {
        for rtt_ms in [1, 20, 100] {
            for loss in [0.0, 0.01, 0.05] {
                for initial_ms in [1_000, 400] {
                    if loss > 0.0 || initial_ms == 1_000 {
                        rows.push(row(put, rtt_ms, loss, initial_ms, seeds)?);
                    }
                }
            }
        }
    }
    Ok(rows)
}

fn row(put: bool, rtt_ms: u64, loss: f64, initial_ms: u64, seeds: u64) -> Result<Row, Failed> {
    let run = |loss, seed| transfer(put, rtt_ms, loss, initial_ms, seed);
    let perfect = run(0.0, 0)?.elapsed.as_secs_f64();
    let mut times = Vec::new();
    let mut data = 0;
    for seed in 1..=seeds {
        let report = run(loss, seed)?;
        if report.is_success() {
            times.push(report.elapsed.as_secs_f64() / perfect);
            data += sent_data(put, &report);
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share| quantile(&times, share).unwrap_or(f64::NAN);
    let needed = (LEN / u64::from(BLKSIZE) + 1) * times.len() as u64;
    Ok(Row {
        way: if put { "put" } else { "get" },
        rtt_ms,
        loss,
        initial_ms,
        seeds,
        failed: seeds - times.len() as u64,
        perfect,
        median: at(0.5),
        p95: at(0.95),
        worst: at(1.0),
        data: data as f64 / needed as f64,
    })
}

fn transfer(
    put: bool,
    rtt_ms: u64,
    loss: f64,
    initial_ms: u64,
    seed: u64,
) -> Result<Report, Failed> {
    let (mut client, mut server) = (Config::client(), Config::server());
    client.blksize = BLKSIZE;
    client.windowsize = WINDOWSIZE;
    client.retry.initial = Duration::from_millis(initial_ms);
    server.retry.initial = client.retry.initial;
    let file = File::pattern(1, LEN);
    let link = Link::new(seed)
        .loss(loss)
        .delay(Duration::from_micros(rtt_ms * 500));
    let pair = if put {
        Pair::put(file)
    } else {
        Pair::get(file)
    };
    pair.client(client)
        .server(server)
        .link(link)
        .run()
        .map_err(|violation| Failed::new(violation.to_string()))
}

fn sent_data(put: bool, report: &Report) -> u64 {
    let sent = if put {
        report.client.sent
    } else {
        report.server.map(|server| server.sent).unwrap_or_default()
    };
    sent.data
}
