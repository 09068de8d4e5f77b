//! How many requests a second the DRAM model serves: streams, mixed streams, and a row for every request.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use memwall_hardware::dram_part;
use memwall_simulator::request::{ChannelOptions, StreamPlan, StreamTarget, stream};

const REQUESTS: u64 = 100_000;

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dram_requests");
    group.throughput(Throughput::Elements(REQUESTS)).sample_size(10);
    for part in
        ["HBM2_2000", "HBM3_6400", "HBM4_8000", "DDR4_3200AA", "DDR5_6400AN", "LPDDR5_6400", "GDDR6_14000"]
    {
        let part = dram_part(part).expect("a part of the catalog");
        for (name, read_percent, target) in [
            ("read", 100, StreamTarget::Rows(0)),
            ("mixed", 50, StreamTarget::Rows(0)),
            ("row_each", 100, StreamTarget::Rows(1)),
            ("random", 100, StreamTarget::Random(1)),
        ] {
            let plan = StreamPlan { requests: REQUESTS, read_percent, target, warm_up: 0, seed: 1 };
            group.bench_function(format!("{}/{name}", part.standard.name()), |bencher| {
                bencher.iter(|| stream(&part, ChannelOptions::default(), &plan));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
