//! How many flows a second the network starts, solves and finishes: a kernel's few flows, and collectives.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use memwall_simulator::{FlowNetwork, FlowSpec, LinkId};
use memwall_units::Picos;

/// Flows finished in one timed iteration of the small networks.
const FLOWS: u64 = 10_000;

/// Sizes around `bytes`, 10 % up and down, the same everywhere (Knuth's MMIX generator).
struct Sizes {
    state: u64,
    bytes: f64,
}

impl Sizes {
    fn next(&mut self) -> f64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.bytes * (0.9 + 0.2 * (self.state >> 40) as f64 / f64::from(1 << 24))
    }
}

fn network(links: usize, capacity: impl Fn(usize) -> f64) -> (FlowNetwork, Vec<LinkId>) {
    let mut network = FlowNetwork::new();
    let links = (0..links).map(|link| network.add_link(capacity(link)).expect("a capacity")).collect();
    (network, links)
}

/// A wave's flows over DRAM and L2: whenever one finishes, the next of its kind starts.
fn kernel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    group.throughput(Throughput::Elements(FLOWS));
    for flows in 1..=4 {
        for (name, cap) in [("bandwidth", None), ("latency", Some(3e9))] {
            group.bench_function(BenchmarkId::new(name, flows), |bencher| {
                let (mut network, links) = network(3, |link| 1e12 * (link + 1) as f64);
                let usages = [
                    [(links[0], 0.3), (links[1], 1.0)],
                    [(links[0], 0.3), (links[1], 1.0)],
                    [(links[0], 1.0), (links[2], 1.0)],
                    [(links[1], 0.5), (links[2], 1.0)],
                ];
                let mut sizes = Sizes { state: 1, bytes: 1e6 };
                let mut now = Picos::ZERO;
                let mut under_way: Vec<_> = (0..flows)
                    .map(|kind| (kind, start(&mut network, now, sizes.next(), cap, &usages[kind])))
                    .collect();
                network.solve(now);
                bencher.iter(|| {
                    for _ in 0..FLOWS {
                        now = network.next_finish().expect("a flow under way");
                        let done = network.pop_finished(now);
                        let lane = under_way.iter_mut().find(|lane| Some(lane.1) == done).expect("a lane");
                        lane.1 = start(&mut network, now, sizes.next(), cap, &usages[lane.0]);
                        network.solve(now);
                    }
                });
            });
        }
    }
    group.finish();
}

fn start(
    network: &mut FlowNetwork,
    now: Picos,
    bytes: f64,
    cap: Option<f64>,
    usage: &[(LinkId, f64)],
) -> memwall_simulator::FlowId {
    network.start(now, FlowSpec { bytes, weight: 132.0, cap, usage }).expect("a legal flow")
}

/// Runs a network until nothing is left; flows finished.
fn drain(network: &mut FlowNetwork) -> u64 {
    let mut finished = 0;
    while let Some(now) = network.next_finish() {
        while network.pop_finished(now).is_some() {
            finished += 1;
        }
        network.solve(now);
    }
    finished
}

/// Every rank sends to every other through one switch, sizes jittered so that no two flows finish together.
fn all_to_all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("all-to-all");
    group.sample_size(10);
    for ranks in [8usize, 32] {
        let flows = (ranks * (ranks - 1)) as u64;
        group.throughput(Throughput::Elements(flows));
        group.bench_function(BenchmarkId::from_parameter(ranks), |bencher| {
            bencher.iter(|| {
                let (mut network, links) = network(2 * ranks, |_| 50e9);
                let mut sizes = Sizes { state: 1, bytes: 1e6 };
                for (from, to) in (0..ranks).flat_map(|from| (0..ranks).map(move |to| (from, to))) {
                    if from != to {
                        let usage = [(links[from], 1.0), (links[ranks + to], 1.0)];
                        let spec = FlowSpec { bytes: sizes.next(), weight: 1.0, cap: None, usage: &usage };
                        network.start(Picos::ZERO, spec).expect("a legal flow");
                    }
                }
                network.solve(Picos::ZERO);
                assert_eq!(drain(&mut network), flows);
            });
        });
    }
    group.finish();
}

/// A ring all-reduce, every step of every rank a flow.
fn ring(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring all-reduce");
    group.sample_size(10);
    for ranks in [8usize, 128, 1_024] {
        let steps = 2 * (ranks - 1);
        group.throughput(Throughput::Elements((ranks * steps) as u64));
        group.bench_function(BenchmarkId::from_parameter(ranks), |bencher| {
            bencher.iter(|| {
                let (mut network, links) = network(ranks, |_| 50e9);
                let mut now = Picos::ZERO;
                for _ in 0..steps {
                    for link in &links {
                        let spec =
                            FlowSpec { bytes: 65_536.0, weight: 1.0, cap: None, usage: &[(*link, 1.0)] };
                        network.start(now, spec).expect("a legal flow");
                    }
                    network.solve(now);
                    now = network.next_finish().expect("a flow under way");
                    while network.pop_finished(now).is_some() {}
                }
                assert_eq!(network.active(), 0);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, kernel, all_to_all, ring);
criterion_main!(benches);
