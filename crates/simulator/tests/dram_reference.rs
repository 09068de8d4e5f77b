//! The DRAM model against a cycle-level simulator, on all standards it knows: bandwidth of streams, bandwidth when
//! every access opens a row, latency of a random read beside a stream.

use memwall_hardware::dram_part;
use memwall_simulator::request::{
    ChannelOptions, LoadPlan, RefreshPolicy, StreamOutcome, StreamPlan, StreamTarget, loaded_latency, stream,
};

struct Row {
    part: String,
    options: ChannelOptions,
    experiment: String,
    read_percent: u32,
    interval: u64,
    fraction: f64,
    latency_ns: f64,
}

fn reference() -> Vec<Row> {
    let table = include_str!("data/dram_reference.csv");
    let lines = table.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let number = |index: usize| fields[index].parse::<f64>().expect("a number");
            Row {
                part: fields[0].to_owned(),
                options: ChannelOptions {
                    read_queue: number(1) as usize,
                    write_queue: number(2) as usize,
                    refresh: if fields[3] == "1" { RefreshPolicy::AllBanks } else { RefreshPolicy::None },
                    ..ChannelOptions::default()
                },
                experiment: fields[4].to_owned(),
                read_percent: number(5) as u32,
                interval: number(6) as u64,
                fraction: number(7),
                latency_ns: number(8),
            }
        })
        .collect()
}

fn run(row: &Row) -> StreamOutcome {
    let part = dram_part(&row.part).expect("a part of the catalog");
    if row.experiment == "load" {
        let probes = if row.interval >= 1_000_000 { 300 } else { 1000 };
        let plan = LoadPlan { probes, interval: row.interval, warm_up: 1000, seed: 1 };
        return loaded_latency(&part, row.options, &plan);
    }
    let (requests, bursts) = if row.experiment == "thrash" { (30_000, 1) } else { (120_000, 0) };
    let target = StreamTarget::Rows(bursts);
    let plan = StreamPlan { requests, read_percent: row.read_percent, target, warm_up: 1000, seed: 1 };
    stream(&part, row.options, &plan)
}

/// Mean and largest error over the rows of an experiment, as `error` measures it. `bound` is what must hold.
fn hold(experiment: &str, count: usize, bound: (f64, f64), error: impl Fn(&Row, &StreamOutcome) -> f64) {
    let rows: Vec<Row> = reference().into_iter().filter(|row| row.experiment == experiment).collect();
    assert_eq!(rows.len(), count);
    let mut worst = (0.0, String::new());
    let mut sum = 0.0;
    for row in &rows {
        let outcome = run(row);
        let off = error(row, &outcome);
        let name = format!("{} {} % reads, interval {}", row.part, row.read_percent, row.interval);
        println!("{experiment}: {name}: {off:.4}");
        sum += off;
        if off > worst.0 {
            worst = (off, name);
        }
    }
    let mean = sum / rows.len() as f64;
    println!("{experiment}: mean {mean:.5}, largest {:.5} ({})", worst.0, worst.1);
    assert!(mean <= bound.0 && worst.0 <= bound.1, "mean {mean}, largest {worst:?}, allowed {bound:?}");
}

/// Within 1.2 points of peak, a fifth of a point on average. What is left of HBM3 (one point with writes) is not
/// understood; the rest is what is drawn at random.
#[test]
fn streams_reach_the_same_share_of_peak() {
    hold("stream", 35, (0.003, 0.013), |row, outcome| (outcome.fraction_of_peak - row.fraction).abs());
}

#[test]
fn opening_a_row_for_every_access_costs_as_much() {
    hold("thrash", 7, (0.0015, 0.0025), |row, outcome| (outcome.fraction_of_peak - row.fraction).abs());
}

#[test]
fn a_read_beside_a_stream_takes_as_long() {
    hold("load", 42, (0.01, 0.05), |row, outcome| {
        (outcome.read_latency.0 as f64 / 1e3 / row.latency_ns - 1.0).abs()
    });
}

/// The throttled streams must also have moved as much, or the latencies were compared at different loads.
#[test]
fn latencies_are_compared_at_the_same_load() {
    hold("load", 42, (0.002, 0.01), |row, outcome| (outcome.fraction_of_peak - row.fraction).abs());
}
