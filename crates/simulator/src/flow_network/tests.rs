//! Laws of the flow network over random histories.

use memwall_units::Picos;
use proptest::prelude::*;

use super::{FlowDemand, FlowId, FlowNetwork, FlowSpec, Held, LinkId, max_min_rates};

/// Agreement promised between ways of computing the same thing.
const PPM: f64 = 1e-6;

pub(super) fn near(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

/// What a random history does next.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Start(f64, FlowDemand),
    /// Several starts at one moment, as a wave does.
    Burst(Vec<(f64, FlowDemand)>),
    Finish,
    Cancel(prop::sample::Index),
    Resize(usize, f64),
    /// Part of the way to the next finish.
    Wait(f64),
}

pub(super) fn figure() -> impl Strategy<Value = f64> {
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
pub(super) struct Trial {
    pub net: FlowNetwork,
    pub links: Vec<LinkId>,
    capacities: Vec<f64>,
    /// Flows under way, in start order, with their bytes.
    pub flows: Vec<(FlowId, f64, FlowDemand)>,
    /// Bytes of flows that ended, by link.
    carried: Vec<f64>,
    pub now: Picos,
}

impl Trial {
    pub(super) fn new(capacities: Vec<f64>) -> Self {
        let mut net = FlowNetwork::new();
        let links = capacities.iter().map(|&capacity| net.add_link(capacity).unwrap()).collect();
        let carried = vec![0.0; capacities.len()];
        Self { net, links, capacities, flows: Vec::new(), carried, now: Picos::ZERO }
    }

    pub(super) fn start(&mut self, bytes: f64, demand: FlowDemand) {
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

    pub(super) fn step(&mut self, step: Step) {
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
    pub(super) fn check(&self) -> Result<(), TestCaseError> {
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
