//! Known answers and laws of the flow network.

use memwall_units::Picos;
use proptest::prelude::*;

use super::{FlowDemand, FlowError, FlowId, FlowNetwork, FlowSpec, Held, LinkId, max_min_rates};

/// Agreement promised between ways of computing the same thing.
const PPM: f64 = 1e-6;
const SECOND: Picos = Picos(1_000_000_000_000);

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

fn network<const N: usize>(capacities: [f64; N]) -> (FlowNetwork, [LinkId; N]) {
    let mut net = FlowNetwork::new();
    let links = capacities.map(|capacity| net.add_link(capacity).unwrap());
    (net, links)
}

fn plain<'a>(bytes: f64, usage: &'a [(LinkId, f64)]) -> FlowSpec<'a> {
    FlowSpec { bytes, weight: 1.0, cap: None, usage }
}

#[test]
fn a_flow_alone_takes_the_narrowest_link() {
    let (mut net, [wide, narrow]) = network([100.0, 10.0]);
    let flow = net.start(Picos(5), plain(20.0, &[(wide, 1.0), (narrow, 1.0)])).unwrap();
    net.solve(Picos(5));
    assert!(net.is_alone(flow));
    assert_eq!(net.held_by(flow), Some(Held::Link(narrow)));
    assert_eq!(net.next_finish(), Some(Picos(2 * SECOND.0 + 5)));
    assert_eq!(net.pop_finished(Picos(2 * SECOND.0 + 4)), None);
    assert_eq!(net.pop_finished(Picos(2 * SECOND.0 + 5)), Some(flow));
    assert_eq!((net.link_bytes(wide), net.link_bytes(narrow)), (20.0, 20.0));
    assert_eq!((net.active(), net.rate(flow), net.next_finish()), (0, None, None));
}

#[test]
fn a_share_that_misses_loads_the_far_link_by_as_much() {
    // 30 % of the bytes cross DRAM: 30 B/s there feed 100 B/s here.
    let (mut net, [dram, l2]) = network([30.0, 1000.0]);
    let flow = net.start(Picos::ZERO, plain(100.0, &[(dram, 0.3), (l2, 1.0)])).unwrap();
    net.solve(Picos::ZERO);
    assert!(near(net.rate(flow).unwrap(), 100.0, 1e-12));
    assert_eq!(net.held_by(flow), Some(Held::Link(dram)));
    let finish = net.next_finish().unwrap();
    net.pop_finished(finish).unwrap();
    assert_eq!((net.link_bytes(dram), net.link_bytes(l2)), (30.0, 100.0));
}

#[test]
fn the_textbook_example_of_three_links() {
    // Bertsekas and Gallager 6.5.2 in spirit: a long flow, and short ones that take what it leaves.
    let (mut net, [a, b, c]) = network([1.0, 2.0, 3.0]);
    let long = net.start(Picos::ZERO, plain(9.0, &[(a, 1.0), (b, 1.0), (c, 1.0)])).unwrap();
    let on_a = net.start(Picos::ZERO, plain(9.0, &[(a, 1.0)])).unwrap();
    let on_b = net.start(Picos::ZERO, plain(9.0, &[(b, 1.0)])).unwrap();
    let on_c = net.start(Picos::ZERO, plain(9.0, &[(c, 1.0)])).unwrap();
    net.solve(Picos::ZERO);
    let rates = [long, on_a, on_b, on_c].map(|flow| net.rate(flow).unwrap());
    for (rate, expected) in rates.iter().zip([0.5, 0.5, 1.5, 2.5]) {
        assert!(near(*rate, expected, 1e-12), "{rates:?}");
    }
    assert_eq!(net.held_by(long), Some(Held::Link(a)));
    assert_eq!(net.held_by(on_c), Some(Held::Link(c)));
    assert_eq!(net.component_of(on_c), [long, on_a, on_b, on_c]);
    assert!(!net.is_alone(on_c));
}

#[test]
fn a_cap_leaves_the_rest_to_the_others() {
    let (mut net, [link]) = network([10.0]);
    let capped = net.start(Picos::ZERO, FlowSpec { cap: Some(2.0), ..plain(9.0, &[(link, 1.0)]) }).unwrap();
    let free = net.start(Picos::ZERO, plain(9.0, &[(link, 1.0)])).unwrap();
    net.solve(Picos::ZERO);
    assert!(near(net.rate(capped).unwrap(), 2.0, 1e-12) && near(net.rate(free).unwrap(), 8.0, 1e-12));
    assert_eq!((net.held_by(capped), net.held_by(free)), (Some(Held::Cap), Some(Held::Link(link))));
}

#[test]
fn of_links_that_fill_up_together_the_lowest_is_blamed() {
    // Thirds and tenths: equal shares that differ in the last bits.
    let (mut net, [a, b, c]) = network([0.3, 0.1 * 3.0, 0.3]);
    for usage in [[(c, 1.0), (b, 1.0)], [(b, 1.0), (c, 1.0)], [(c, 1.0), (b, 1.0)]] {
        net.start(Picos::ZERO, plain(1.0, &usage)).unwrap();
    }
    let alone = net.start(Picos::ZERO, plain(1.0, &[(a, 1.0)])).unwrap();
    net.solve(Picos::ZERO);
    for flow in net.component_of(FlowId { slot: 0, generation: 0 }) {
        assert_eq!(net.held_by(flow), Some(Held::Link(b)));
    }
    assert_eq!(net.held_by(alone), Some(Held::Link(a)));
}

#[test]
fn flows_that_finish_together_come_out_in_start_order() {
    let (mut net, [a, b]) = network([1.0, 1.0]);
    let ids: Vec<_> = (0..20)
        .map(|number| net.start(Picos::ZERO, plain(1.0, &[([a, b][number % 2], 1.0)])).unwrap())
        .collect();
    net.solve(Picos::ZERO);
    let finish = net.next_finish().unwrap();
    assert_eq!(finish, Picos(10 * SECOND.0));
    let out: Vec<_> = std::iter::from_fn(|| net.pop_finished(finish)).collect();
    assert_eq!(out, ids);
}

#[test]
fn nothing_to_move_is_done_at_once_and_nothing_in_the_way_too() {
    let (mut net, [link]) = network([0.0]);
    let empty = net.start(Picos(7), plain(0.0, &[(link, 1.0)])).unwrap();
    let free = net.start(Picos(7), plain(5.0, &[(link, 0.0)])).unwrap();
    net.solve(Picos(7));
    assert_eq!(net.next_finish(), Some(Picos(7)));
    assert_eq!(net.pop_finished(Picos(7)), Some(empty));
    assert_eq!(net.pop_finished(Picos(7)), Some(free));
    assert_eq!(net.pop_finished(Picos(7)), None);
}

#[test]
fn without_capacity_a_flow_is_stalled_not_hung() {
    let (mut net, [dead, live]) = network([0.0, 1.0]);
    let stuck = net.start(Picos::ZERO, plain(1.0, &[(dead, 1.0), (live, 1.0)])).unwrap();
    let other = net.start(Picos::ZERO, plain(1.0, &[(live, 1.0)])).unwrap();
    let capped = net.start(Picos::ZERO, FlowSpec { cap: Some(0.0), ..plain(1.0, &[]) }).unwrap();
    net.solve(Picos::ZERO);
    assert_eq!(net.stalled_flows(), [stuck, capped]);
    assert_eq!((net.held_by(stuck), net.held_by(capped)), (Some(Held::Link(dead)), Some(Held::Cap)));
    assert_eq!(net.pop_finished(SECOND), Some(other));
    net.solve(SECOND);
    assert_eq!(net.next_finish(), None);
    // Repaired, it goes on.
    net.set_capacity(SECOND, dead, 0.5).unwrap();
    net.solve(SECOND);
    assert_eq!(net.stalled_flows(), [capped]);
    assert_eq!(net.next_finish(), Some(Picos(3 * SECOND.0)));
}

#[test]
fn a_cancelled_flow_leaves_its_share_and_its_count() {
    let (mut net, [link]) = network([10.0]);
    let gone = net.start(Picos::ZERO, plain(100.0, &[(link, 1.0)])).unwrap();
    let stays = net.start(Picos::ZERO, plain(100.0, &[(link, 1.0)])).unwrap();
    net.solve(Picos::ZERO);
    assert!(near(net.cancel(SECOND, gone).unwrap(), 95.0, 1e-12));
    assert_eq!(net.cancel(SECOND, gone), None);
    net.solve(SECOND);
    assert!(near(net.rate(stays).unwrap(), 10.0, 1e-12));
    assert!(near(net.link_bytes(link), 10.0, 1e-12));
    // The slot is reused; the old name is not.
    let next = net.start(SECOND, plain(1.0, &[(link, 1.0)])).unwrap();
    assert_ne!(gone, next);
    assert_eq!(net.rate(gone), None);
}

#[test]
fn nonsense_is_refused() {
    let (mut net, [link]) = network([10.0]);
    assert!(
        net.add_link(f64::NAN).is_err()
            && net.add_link(-1.0).is_err()
            && net.add_link(f64::INFINITY).is_err()
    );
    let bad_usage = [(link, f64::NAN)];
    let specs = [
        plain(-1.0, &[]),
        plain(f64::INFINITY, &[]),
        FlowSpec { weight: f64::NAN, ..plain(1.0, &[]) },
        FlowSpec { cap: Some(-1.0), ..plain(1.0, &[]) },
        plain(1.0, &bad_usage),
    ];
    for spec in specs {
        assert!(matches!(net.start(Picos::ZERO, spec), Err(FlowError::BadFigure { .. })), "{spec:?}");
    }
    let nowhere = LinkId(9);
    assert_eq!(net.start(Picos::ZERO, plain(1.0, &[(nowhere, 1.0)])), Err(FlowError::NoSuchLink(nowhere)));
    assert_eq!(net.set_capacity(Picos::ZERO, nowhere, 1.0), Err(FlowError::NoSuchLink(nowhere)));
    assert_eq!(net.active(), 0);
}

/// What a random history does next.
#[derive(Debug, Clone)]
enum Step {
    Start(f64, FlowDemand),
    /// Several starts at one moment, as a wave does.
    Burst(Vec<(f64, FlowDemand)>),
    Finish,
    Cancel(prop::sample::Index),
    Resize(usize, f64),
    /// Part of the way to the next finish.
    Wait(f64),
}

fn figure() -> impl Strategy<Value = f64> {
    // Round figures make ties, others do not.
    prop_oneof![(1u32..5).prop_map(f64::from), 0.01f64..100.0]
}

fn demand(links: usize) -> impl Strategy<Value = (f64, FlowDemand)> {
    let coefficient = prop_oneof![3 => Just(1.0), 1 => 0.01f64..2.0, 1 => Just(0.0)];
    let usage = prop::collection::vec((0..links, coefficient), 1..5);
    let cap = prop_oneof![3 => Just(f64::INFINITY), 1 => figure()];
    (figure(), figure(), cap, usage)
        .prop_map(|(bytes, weight, cap, usage)| (bytes, FlowDemand { weight, cap, usage }))
}

fn history() -> impl Strategy<Value = (Vec<f64>, Vec<Step>)> {
    (2usize..9).prop_flat_map(|links| {
        let step = prop_oneof![
            6 => demand(links).prop_map(|(bytes, demand)| Step::Start(bytes, demand)),
            1 => prop::collection::vec(demand(links), 2..12).prop_map(Step::Burst),
            5 => Just(Step::Finish),
            1 => any::<prop::sample::Index>().prop_map(Step::Cancel),
            1 => (0..links, prop_oneof![4 => figure(), 1 => Just(0.0)])
                .prop_map(|(link, capacity)| Step::Resize(link, capacity)),
            2 => (0.0f64..1.0).prop_map(Step::Wait),
        ];
        (prop::collection::vec(figure(), links), prop::collection::vec(step, 1..60))
    })
}

/// A network beside a plain account of what should be in it.
struct Trial {
    net: FlowNetwork,
    links: Vec<LinkId>,
    capacities: Vec<f64>,
    /// Flows under way, in start order, with their bytes.
    flows: Vec<(FlowId, f64, FlowDemand)>,
    /// Bytes of flows that ended, by link.
    carried: Vec<f64>,
    now: Picos,
}

impl Trial {
    fn new(capacities: Vec<f64>) -> Self {
        let mut net = FlowNetwork::new();
        let links = capacities.iter().map(|&capacity| net.add_link(capacity).unwrap()).collect();
        let carried = vec![0.0; capacities.len()];
        Self { net, links, capacities, flows: Vec::new(), carried, now: Picos::ZERO }
    }

    fn start(&mut self, bytes: f64, demand: FlowDemand) {
        let usage: Vec<_> =
            demand.usage.iter().map(|&(link, coefficient)| (self.links[link], coefficient)).collect();
        let spec = FlowSpec { bytes, weight: demand.weight, cap: Some(demand.cap), usage: &usage };
        let id = self.net.start(self.now, spec).unwrap();
        self.flows.push((id, bytes, demand));
    }

    fn ended(&mut self, id: FlowId, left: f64) {
        let place = self.flows.iter().position(|flow| flow.0 == id).expect("a flow that was started");
        let (_, bytes, demand) = self.flows.remove(place);
        for (link, coefficient) in demand.usage {
            self.carried[link] += coefficient * demand.weight * (bytes - left);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Start(bytes, demand) => self.start(bytes, demand),
            Step::Burst(flows) => flows.into_iter().for_each(|(bytes, demand)| self.start(bytes, demand)),
            Step::Finish => {
                let Some(finish) = self.net.next_finish() else { return };
                assert!(finish >= self.now, "time runs forward");
                self.now = finish;
                let mut any = false;
                while let Some(id) = self.net.pop_finished(finish) {
                    self.ended(id, 0.0);
                    any = true;
                }
                assert!(any, "something finishes when it was said to");
            }
            Step::Cancel(index) => {
                if !self.flows.is_empty() {
                    let id = self.flows[index.index(self.flows.len())].0;
                    let left = self.net.cancel(self.now, id).unwrap();
                    self.ended(id, left);
                }
            }
            Step::Resize(link, capacity) => {
                self.capacities[link] = capacity;
                self.net.set_capacity(self.now, self.links[link], capacity).unwrap();
            }
            Step::Wait(part) => {
                if let Some(finish) = self.net.next_finish() {
                    self.now.0 += ((finish.0 - self.now.0) as f64 * part) as u64;
                }
            }
        }
        self.net.solve(self.now);
    }

    /// Runs to the end; when each flow finished, in seconds (infinity for those that stall).
    fn finish_times(&mut self) -> Vec<f64> {
        let ids: Vec<_> = self.flows.iter().map(|flow| flow.0).collect();
        let mut times = vec![f64::INFINITY; ids.len()];
        while let Some(finish) = self.net.next_finish() {
            while let Some(id) = self.net.pop_finished(finish) {
                let place = ids.iter().position(|&other| other == id).expect("a flow that was started");
                times[place] = finish.as_secs_f64();
            }
            self.net.solve(finish);
        }
        times
    }

    fn rates(&self) -> Vec<f64> {
        self.flows.iter().map(|flow| self.net.rate(flow.0).unwrap()).collect()
    }

    fn load(&self, link: usize, rates: &[f64]) -> f64 {
        let share = |demand: &FlowDemand| -> f64 {
            let used: f64 = demand.usage.iter().filter(|usage| usage.0 == link).map(|usage| usage.1).sum();
            used * demand.weight
        };
        let loads = self.flows.iter().zip(rates).map(|(flow, &rate)| (share(&flow.2), rate));
        loads.filter(|load| load.0 > 0.0).map(|(share, rate)| share * rate).sum()
    }

    /// Every law that holds after a solve.
    fn check(&self) -> Result<(), TestCaseError> {
        let rates = self.rates();
        for (link, &capacity) in self.capacities.iter().enumerate() {
            let load = self.load(link, &rates);
            prop_assert!(load <= capacity * (1.0 + 1e-9), "link {link} carries {load} of {capacity}");
        }
        self.check_holders(&rates)?;
        let demands: Vec<_> = self.flows.iter().map(|flow| flow.2.clone()).collect();
        for (index, full) in max_min_rates(&self.capacities, &demands).into_iter().enumerate() {
            let rate = rates[index];
            prop_assert!(near(rate, full, PPM), "flow {index}: {rate}, solved in full {full}; {rates:?}");
        }
        self.check_bytes()
    }

    /// What holds a flow really does: its cap is reached, or the link is full and nobody on it is faster.
    fn check_holders(&self, rates: &[f64]) -> Result<(), TestCaseError> {
        for (flow, &rate) in self.flows.iter().zip(rates) {
            match self.net.held_by(flow.0) {
                None => prop_assert!(rate.is_infinite(), "nothing holds {rate}"),
                Some(Held::Cap) => prop_assert!(near(rate, flow.2.cap, 1e-9)),
                Some(Held::Link(link)) => {
                    let link = link.index();
                    prop_assert!(near(self.load(link, rates), self.capacities[link], 1e-8), "full");
                    let uses = |other: &FlowDemand| {
                        other.usage.iter().any(|&(used, part)| used == link && part > 0.0)
                    };
                    for (other, &faster) in self.flows.iter().zip(rates) {
                        prop_assert!(!uses(&other.2) || faster <= rate * (1.0 + 1e-8), "fair");
                    }
                }
            }
        }
        Ok(())
    }

    fn check_bytes(&self) -> Result<(), TestCaseError> {
        for (link, &ended) in self.carried.iter().enumerate() {
            let mut expected = ended;
            for (id, bytes, demand) in &self.flows {
                let moved = bytes - self.net.remaining(*id).unwrap();
                let used: f64 =
                    demand.usage.iter().filter(|usage| usage.0 == link).map(|usage| usage.1).sum();
                expected += used * demand.weight * moved;
            }
            let counted = self.net.link_bytes(self.links[link]);
            prop_assert!(near(counted, expected, 1e-9), "link {link}: {counted} bytes, expected {expected}");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// After every step of a random history: no link over capacity, every flow held by what is said to hold it,
    /// the incremental rates equal to a full solve to 1 ppm, bytes conserved.
    #[test]
    fn rates_are_max_min_fair_after_any_history((capacities, steps) in history()) {
        let mut trial = Trial::new(capacities);
        for step in steps {
            trial.step(step);
            trial.check()?;
        }
        // To the end: only what nothing can move is left.
        while trial.net.next_finish().is_some() {
            trial.step(Step::Finish);
        }
        let left: Vec<_> = trial.flows.iter().map(|flow| flow.0).collect();
        prop_assert_eq!(trial.net.stalled_flows(), left);
    }

    /// A flow of weight w does what w flows of weight 1 do, to 1 ppm.
    #[test]
    fn a_merged_flow_is_its_flows_apart(
        capacities in prop::collection::vec(figure(), 3),
        flows in prop::collection::vec((demand(3), 1u32..6), 1..8),
    ) {
        let (mut merged, mut apart) = (Trial::new(capacities.clone()), Trial::new(capacities));
        let mut copies = Vec::new();
        for ((bytes, demand), count) in flows {
            merged.start(bytes, FlowDemand { weight: f64::from(count), ..demand.clone() });
            copies.push(apart.flows.len());
            for _ in 0..count {
                apart.start(bytes, FlowDemand { weight: 1.0, ..demand.clone() });
            }
        }
        merged.net.solve(Picos::ZERO);
        apart.net.solve(Picos::ZERO);
        let (one, many) = (merged.rates(), apart.rates());
        for (index, &copy) in copies.iter().enumerate() {
            prop_assert!(near(one[index], many[copy], PPM), "{} against {}", one[index], many[copy]);
        }
        let (one, many) = (merged.finish_times(), apart.finish_times());
        for (index, &copy) in copies.iter().enumerate() {
            prop_assert!(near(one[index], many[copy], PPM), "{} against {}", one[index], many[copy]);
        }
    }

    /// The same history gives the same bits.
    #[test]
    fn a_history_repeats_to_the_bit((capacities, steps) in history()) {
        let (mut first, mut second) = (Trial::new(capacities.clone()), Trial::new(capacities));
        for step in steps {
            first.step(step.clone());
            second.step(step);
            let bits = |trial: &Trial| trial.rates().iter().map(|rate| rate.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&first), bits(&second));
            prop_assert_eq!(first.net.next_finish(), second.net.next_finish());
        }
    }
}

/// An all-to-all through one switch with jittered sizes: many links, long chains of shares that depend on each
/// other. Every 37th state is compared with a full solve.
#[test]
fn a_jittered_all_to_all_stays_fair() {
    const RANKS: usize = 12;
    let mut trial = Trial::new(vec![1e9; 2 * RANKS]);
    let mut state = 1u64;
    for from in 0..RANKS {
        for to in (0..RANKS).filter(|&to| to != from) {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let bytes = 1e6 * (0.9 + 0.2 * (state >> 40) as f64 / f64::from(1 << 24));
            trial.start(
                bytes,
                FlowDemand { weight: 1.0, cap: f64::INFINITY, usage: vec![(from, 1.0), (RANKS + to, 1.0)] },
            );
        }
    }
    trial.net.solve(Picos::ZERO);
    let mut steps = 0;
    while trial.net.next_finish().is_some() {
        if steps % 37 == 0 {
            trial.check().unwrap();
        }
        trial.step(Step::Finish);
        steps += 1;
    }
    assert!(trial.flows.is_empty() && steps > RANKS * RANKS / 2, "{steps} finishes");
}
