//! How many flows a second the network starts, solves and finishes: a kernel's few flows, and collectives.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use memwall_simulator::{EventQueue, FlowNetwork, FlowSpec, LinkId};
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
    for ranks in [8usize, 32, 128, 256] {
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

/// The same with a link for each pair: nothing is shared, so that what is left is the cost of a flow by itself.
fn point_to_point(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("point-to-point");
    group.sample_size(10);
    for ranks in [32usize, 128, 256] {
        let flows = (ranks * (ranks - 1)) as u64;
        group.throughput(Throughput::Elements(flows));
        group.bench_function(BenchmarkId::from_parameter(ranks), |bencher| {
            bencher.iter(|| {
                let (mut network, links) = network(flows as usize, |_| 50e9);
                let mut sizes = Sizes { state: 1, bytes: 1e6 };
                for link in links {
                    let usage = [(link, 1.0)];
                    let spec = FlowSpec { bytes: sizes.next(), weight: 1.0, cap: None, usage: &usage };
                    network.start(Picos::ZERO, spec).expect("a legal flow");
                }
                network.solve(Picos::ZERO);
                assert_eq!(drain(&mut network), flows);
            });
        });
    }
    group.finish();
}

/// How far a rank of the ring has come.
#[derive(Clone, Default)]
struct Rank {
    sent: u32,
    arrived: u32,
    sending: bool,
}

/// A ring all-reduce of 64 MiB, every step of every rank a flow: it starts when the rank's own send is done and the
/// chunk of the step before has arrived, a microsecond after it was sent.
fn ring(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring all-reduce");
    group.sample_size(10);
    for ranks in [8u32, 128, 1_024] {
        let steps = 2 * (ranks - 1);
        group.throughput(Throughput::Elements(u64::from(ranks * steps)));
        group.bench_function(BenchmarkId::from_parameter(ranks), |bencher| {
            bencher.iter(|| assert_eq!(run_ring(ranks, steps), ranks * steps));
        });
    }
    group.finish();
}

/// Flows finished.
fn run_ring(ranks: u32, steps: u32) -> u32 {
    let (mut network, links) = network(ranks as usize, |_| 50e9);
    let mut arrivals: EventQueue<u32> = EventQueue::new();
    let mut state = vec![Rank::default(); ranks as usize];
    let mut sender = vec![0; ranks as usize];
    let mut ready: Vec<u32> = (0..ranks).collect();
    let (mut finished, mut now) = (0, Picos::ZERO);
    loop {
        for rank in ready.drain(..) {
            let place = &mut state[rank as usize];
            if place.sending || place.sent == steps || place.arrived < place.sent {
                continue;
            }
            place.sending = true;
            let usage = [(links[rank as usize], 1.0)];
            let spec =
                FlowSpec { bytes: 67_108_864.0 / f64::from(ranks), weight: 1.0, cap: None, usage: &usage };
            sender[network.start(now, spec).expect("a legal flow").slot()] = rank;
        }
        network.solve(now);
        let Some(next) = [network.next_finish(), arrivals.peek_time()].into_iter().flatten().min() else {
            return finished;
        };
        now = next;
        while let Some(flow) = network.pop_finished(now) {
            let rank = sender[flow.slot()];
            let place = &mut state[rank as usize];
            (place.sending, place.sent) = (false, place.sent + 1);
            finished += 1;
            arrivals.schedule(Picos(now.0 + 1_000_000), (rank + 1) % ranks);
            ready.push(rank);
        }
        while arrivals.peek_time() == Some(now) {
            let Some((_, rank)) = arrivals.pop() else { break };
            state[rank as usize].arrived += 1;
            ready.push(rank);
        }
    }
}

criterion_group!(benches, kernel, all_to_all, point_to_point, ring);
criterion_main!(benches);
