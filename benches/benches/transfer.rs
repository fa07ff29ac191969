//! A whole transfer from machine to machine, in blocks a second: what the protocol costs when the link
//! costs nothing.

use core::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tftp_benches::fetch;
use tftp_proto::Config;

/// Blocks of a transfer, the last of them empty.
const BLOCKS: u16 = 1_001;

fn transfer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fetch");
    group.throughput(Throughput::Elements(BLOCKS.into()));
    for blksize in [512, 1_468] {
        let file = [0x55]
            .repeat(usize::from(blksize))
            .repeat(usize::from(BLOCKS.saturating_sub(1)));
        let mut buf = [0; 1_472];
        for windowsize in [1, 16, 64] {
            let mut config = Config::client();
            config.blksize = blksize;
            config.windowsize = windowsize;
            let id = BenchmarkId::new(format!("blksize {blksize}"), format!("window {windowsize}"));
            let summary = fetch(&file, config, &mut buf, |_| {});
            assert_eq!(summary.map(|summary| summary.blocks), Ok(BLOCKS.into()));
            group.bench_function(id, |bencher| {
                bencher.iter(|| fetch(&file, config, &mut buf, |block| _ = black_box(block)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, transfer);
criterion_main!(benches);
