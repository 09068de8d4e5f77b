//! How many events a second the queue sustains, beside the standard library's binary heap.
//!
//! The hold model: with a fixed number of events pending, take the earliest and schedule one a random time later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use memwall_simulator::{EventKey, EventQueue};
use memwall_units::Picos;

/// Pending events.
const SIZES: [usize; 4] = [16, 4_096, 65_536, 1 << 20];
/// Events in one timed iteration.
const EVENTS: u64 = 100_000;

/// Marsaglia's xorshift64: cheap beside a queue operation, and the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0 to 1,048,575 ps.
    fn delay(&mut self) -> u64 {
        self.next() >> 44
    }
}

fn hold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hold");
    group.throughput(Throughput::Elements(EVENTS));
    for size in SIZES {
        group.bench_function(BenchmarkId::new("memwall", size), |bencher| {
            let mut random = Random(88_172_645_463_325_252);
            let mut queue = EventQueue::new();
            for number in 0..size as u64 {
                queue.schedule(Picos(random.delay()), number);
            }
            bencher.iter(|| {
                for _ in 0..EVENTS {
                    let Some((now, number)) = queue.pop() else { return };
                    queue.schedule(Picos(now.0 + random.delay()), black_box(number));
                }
            });
            assert_eq!(queue.len(), size);
        });
        group.bench_function(BenchmarkId::new("std BinaryHeap", size), |bencher| {
            let mut random = Random(88_172_645_463_325_252);
            let mut sequence = size as u64;
            let mut queue: BinaryHeap<_> =
                (0..size as u64).map(|number| Reverse((random.delay(), number, number))).collect();
            bencher.iter(|| {
                for _ in 0..EVENTS {
                    let Some(Reverse((now, _, number))) = queue.pop() else { return };
                    queue.push(Reverse((now + random.delay(), sequence, black_box(number))));
                    sequence += 1;
                }
            });
            assert_eq!(queue.len(), size);
        });
    }
    group.finish();
}

/// What a simulation schedules: a load arrives, a computation ends, a timer that is nearly always cancelled.
#[derive(Clone, Copy)]
enum Event {
    Loaded { core: u32 },
    Computed { core: u32 },
    Timeout { core: u32 },
}

/// A core that loads, computes, and watches itself with a timer.
#[derive(Clone, Copy, Default)]
struct Core {
    steps: u64,
    late: u64,
    timer: Option<EventKey>,
}

/// Real handlers: each event changes a core's state and schedules what follows; every load renews a timer, so
/// that one event in three is cancelled before it fires.
fn handlers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("handlers");
    group.throughput(Throughput::Elements(EVENTS));
    for cores in [16u32, 1_024] {
        group.bench_function(BenchmarkId::new("chain", cores), |bencher| {
            let (mut queue, mut random, mut state) = started(cores);
            bencher.iter(|| {
                for _ in 0..EVENTS {
                    let Some((now, event)) = queue.pop() else { return };
                    handle(&mut queue, &mut random, &mut state, now, event, false);
                }
            });
            assert!(state.iter().all(|core| core.steps > 0));
        });
        group.bench_function(BenchmarkId::new("chain with cancelled timers", cores), |bencher| {
            let (mut queue, mut random, mut state) = started(cores);
            bencher.iter(|| {
                for _ in 0..EVENTS {
                    let Some((now, event)) = queue.pop() else { return };
                    handle(&mut queue, &mut random, &mut state, now, event, true);
                }
            });
            assert!(state.iter().all(|core| core.steps > 0 && core.late == 0));
        });
    }
    group.finish();
}

fn started(cores: u32) -> (EventQueue<Event>, Random, Vec<Core>) {
    let (mut queue, mut random) = (EventQueue::new(), Random(88_172_645_463_325_252));
    for core in 0..cores {
        queue.schedule(Picos(random.delay()), Event::Loaded { core });
    }
    (queue, random, vec![Core::default(); cores as usize])
}

fn handle(
    queue: &mut EventQueue<Event>,
    random: &mut Random,
    cores: &mut [Core],
    now: Picos,
    event: Event,
    timers: bool,
) {
    match event {
        Event::Loaded { core } => {
            let state = &mut cores[core as usize];
            if let Some(timer) = state.timer.take() {
                queue.cancel(timer);
            }
            if timers {
                state.timer = Some(queue.schedule(Picos(now.0 + 4_000_000), Event::Timeout { core }));
            }
            queue.schedule(Picos(now.0 + random.delay()), Event::Computed { core });
        }
        Event::Computed { core } => {
            cores[core as usize].steps += 1;
            queue.schedule(Picos(now.0 + random.delay()), Event::Loaded { core });
        }
        Event::Timeout { core } => cores[core as usize].late += 1,
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = hold, handlers
}
criterion_main!(benches);
