//! What loss costs: 256 KiB in blocks of 1468, windows of 16, 20 ms there and back.

use tftp_proto::Config;
use tftp_sim::{File, Link, Report};

use crate::{Way, asking, blocks, ms};

const LEN: u64 = 256 * 1024;

fn transfer(way: Way, loss: f64, seed: u64) -> Report {
    let report = way
        .of(File::pattern(1, LEN))
        .client(asking(1468, 16))
        .server(Config::server())
        .link(Link::new(seed).loss(loss).delay(ms(10)))
        .run()
        .unwrap();
    assert!(way.receiver_succeeded(&report), "seed {seed}");
    report
}

/// Durations of 100 transfers, as ratios to the one without loss, in order; and the mean of the DATA sent,
/// as a ratio to what is needed.
fn ratios(way: Way, loss: f64) -> (Vec<f64>, f64) {
    let perfect = transfer(way, 0.0, 0).elapsed.as_secs_f64();
    let runs: Vec<_> = (1..=100).map(|seed| transfer(way, loss, seed)).collect();
    let mut times: Vec<_> = runs
        .iter()
        .map(|run| run.elapsed.as_secs_f64() / perfect)
        .collect();
    times.sort_by(f64::total_cmp);
    let data: u64 = runs.iter().map(|run| way.data(run)).sum();
    let data = data as f64 / (100 * blocks(LEN, 1468)) as f64;
    println!(
        "{way:?}, loss {loss}: perfect {perfect:.3} s; median {:.2}, 95th {:.2}, worst {:.2} x; DATA {data:.2} x",
        times[49], times[94], times[99]
    );
    (times, data)
}

#[test]
fn one_percent_loss_costs_little() {
    for way in Way::BOTH {
        let (times, data) = ratios(way, 0.01);
        assert!(times[49] <= 1.25 && times[94] <= 2.0 && times[99] <= 5.0);
        assert!(data <= 1.5);
    }
}

#[test]
fn five_percent_loss_costs_what_it_must() {
    for way in Way::BOTH {
        let (times, data) = ratios(way, 0.05);
        assert!(times[49] <= 2.0 && times[94] <= 6.0 && times[99] <= 15.0);
        assert!(data <= 2.0);
    }
}
