//! Collectives with every flow simulated apart, one a process, so that its CPU time and memory can be measured from
//! outside: `collective all-to-all 128`, `collective point-to-point 128`, `collective ring 1024`.
//!
//! `benches/peers/simgrid.sh` runs the all-to-all beside the same one in SimGrid.

use memwall_simulator::{EventQueue, FlowNetwork, FlowSpec, LinkId};
use memwall_units::Picos;

/// Bytes per second of every link: 400 Gb/s.
const CAPACITY: f64 = 50e9;
/// Bytes that a pair exchanges in an all-to-all, before jitter.
const PAIR: f64 = 1e6;
/// Bytes of the buffer that a ring reduces.
const BUFFER: f64 = 67_108_864.0;
/// From the moment a chunk has left a rank to the moment the next rank has it.
const LATENCY: Picos = Picos(1_000_000);

/// Sizes around `bytes`, 10 % up and down, the same everywhere (Knuth's MMIX generator). `simgrid/all_to_all.cpp`
/// draws the same ones.
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

fn main() {
    let mut words = std::env::args().skip(1);
    let kind = words.next().unwrap_or_default();
    let ranks: Option<usize> = words.next().and_then(|word| word.parse().ok());
    let (flows, end) = match (kind.as_str(), ranks) {
        ("all-to-all", Some(ranks)) => all_to_all(ranks, true),
        ("point-to-point", Some(ranks)) => all_to_all(ranks, false),
        ("ring", Some(ranks)) if ranks > 1 => ring(ranks),
        _ => {
            eprintln!("usage: collective all-to-all|point-to-point|ring RANKS");
            std::process::exit(2);
        }
    };
    println!("{flows} flows, done at {:.9} s", end.as_secs_f64());
}

/// Every rank sends to every other: over one up-link and one down-link a rank, or over a link for each pair.
/// The flows, and when the last one ends.
fn all_to_all(ranks: usize, switched: bool) -> (u64, Picos) {
    let mut network = FlowNetwork::new();
    let count = if switched { 2 * ranks } else { ranks * ranks };
    let links: Vec<LinkId> = (0..count).map(|_| network.add_link(CAPACITY).expect("a capacity")).collect();
    let mut sizes = Sizes { state: 1, bytes: PAIR };
    for (from, to) in (0..ranks).flat_map(|from| (0..ranks).map(move |to| (from, to))) {
        if from != to {
            let shared = [(links[from], 1.0), (links[(ranks + to) % count], 1.0)];
            let own = [(links[from * ranks + to - if switched { from * ranks } else { 0 }], 1.0)];
            let usage: &[_] = if switched { &shared } else { &own };
            network
                .start(Picos::ZERO, FlowSpec { bytes: sizes.next(), weight: 1.0, cap: None, usage })
                .expect("a flow");
        }
    }
    network.solve(Picos::ZERO);
    let (mut flows, mut end) = (0, Picos::ZERO);
    while let Some(now) = network.next_finish() {
        while network.pop_finished(now).is_some() {
            flows += 1;
        }
        network.solve(now);
        end = now;
    }
    (flows, end)
}

/// How far a rank of the ring has come.
#[derive(Clone, Default)]
struct Rank {
    /// Sends ended, and chunks that have arrived from the rank before.
    sent: u32,
    arrived: u32,
    sending: bool,
}

/// A ring all-reduce: in each of 2 (n - 1) steps every rank sends an nth of the buffer to the next. A rank's next
/// step starts when its own send is done and the chunk of the step before has arrived.
fn ring(ranks: usize) -> (u64, Picos) {
    let mut network = FlowNetwork::new();
    let links: Vec<LinkId> = (0..ranks).map(|_| network.add_link(CAPACITY).expect("a capacity")).collect();
    let steps = 2 * (ranks as u32 - 1);
    let mut arrivals: EventQueue<u32> = EventQueue::new();
    let mut state = vec![Rank::default(); ranks];
    // Which rank a flow under way belongs to, by the flow's slot.
    let mut sender: Vec<u32> = Vec::new();
    let mut ready: Vec<u32> = (0..ranks as u32).collect();
    let (mut flows, mut now) = (0, Picos::ZERO);
    loop {
        for rank in ready.drain(..) {
            let place = &mut state[rank as usize];
            if place.sending || place.sent == steps || place.arrived < place.sent {
                continue;
            }
            place.sending = true;
            let usage = [(links[rank as usize], 1.0)];
            let spec = FlowSpec { bytes: BUFFER / ranks as f64, weight: 1.0, cap: None, usage: &usage };
            let slot = network.start(now, spec).expect("a flow").slot();
            if slot >= sender.len() {
                sender.resize(slot + 1, 0);
            }
            sender[slot] = rank;
        }
        network.solve(now);
        let next = [network.next_finish(), arrivals.peek_time()];
        let Some(next) = next.into_iter().flatten().min() else { break };
        now = next;
        while let Some(flow) = network.pop_finished(now) {
            let rank = sender[flow.slot()];
            let place = &mut state[rank as usize];
            place.sending = false;
            place.sent += 1;
            flows += 1;
            arrivals.schedule(Picos(now.0 + LATENCY.0), (rank + 1) % ranks as u32);
            ready.push(rank);
        }
        while arrivals.peek_time() == Some(now) {
            let Some((_, rank)) = arrivals.pop() else { break };
            state[rank as usize].arrived += 1;
            ready.push(rank);
        }
    }
    assert!(state.iter().all(|rank| rank.sent == steps && rank.arrived == steps), "every step is done");
    (flows, now)
}
