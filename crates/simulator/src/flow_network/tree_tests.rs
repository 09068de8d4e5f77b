//! Laws of the flow network on machines with switches and trees.

use memwall_units::Picos;
use proptest::prelude::*;

use super::FlowDemand;
use super::tests::{Step, Trial, figure};

/// A machine shaped as machines are: `width` ranks, each with an up-link and a down-link, `hosts` of them under one
/// switch, and fewer or more of the same upwards, up to one root. Routes go up to the first common switch and down.
#[derive(Debug, Clone)]
struct Tree {
    width: usize,
    arity: usize,
    /// How much of what it carries each level passes on.
    taper: f64,
}

impl Tree {
    fn levels(&self) -> usize {
        let mut reach = 1;
        (0..)
            .take_while(|_| {
                let more = reach < self.width;
                reach *= self.arity;
                more
            })
            .count()
    }

    /// Capacity of each link: by level, an up-link and a down-link for each of `width` places.
    fn capacities(&self) -> Vec<f64> {
        let mut capacity = 10.0;
        let mut links = Vec::new();
        for _ in 0..self.levels() {
            links.extend(std::iter::repeat_n(capacity, 2 * self.width));
            capacity *= self.arity as f64 * self.taper;
        }
        links
    }

    fn route(&self, from: usize, to: usize) -> Vec<(usize, f64)> {
        let (mut from, mut to) = (from % self.width, to % self.width);
        let mut route = Vec::new();
        for level in 0..self.levels() {
            if from == to {
                break;
            }
            let base = 2 * level * self.width;
            route.extend([(base + from, 1.0), (base + self.width + to, 1.0)]);
            (from, to) = (from / self.arity, to / self.arity);
        }
        route
    }
}

/// Several waves of transfers between ranks: bytes, ranks, and a cap for some.
fn traffic() -> impl Strategy<Value = Vec<Vec<(f64, usize, usize, f64)>>> {
    let cap = prop_oneof![5 => Just(f64::INFINITY), 1 => 0.1f64..10.0];
    let transfer = (figure(), 0usize..64, 0usize..64, cap);
    prop::collection::vec(prop::collection::vec(transfer, 1..24), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// On switches and trees of several levels, blocking or not: the same laws, at every finish.
    #[test]
    fn rates_are_max_min_fair_on_switches_and_trees(
        width in 2usize..17, arity in 2usize..17, taper in prop_oneof![Just(1.0), 0.2f64..1.0], waves in traffic(),
    ) {
        let tree = Tree { width, arity, taper };
        let mut trial = Trial::new(tree.capacities());
        for wave in waves {
            for (bytes, from, to, cap) in wave {
                let usage = tree.route(from, to);
                if !usage.is_empty() {
                    trial.start(bytes, FlowDemand { weight: 1.0, cap, usage });
                }
            }
            trial.net.solve(trial.now);
            trial.check()?;
            for _ in 0..8 {
                trial.step(Step::Finish);
                trial.check()?;
            }
        }
        while trial.net.next_finish().is_some() {
            trial.step(Step::Finish);
            trial.check()?;
        }
        prop_assert!(trial.flows.is_empty());
    }
}

/// Filling whole components from nothing, which solving falls back on, gives what solving gives.
#[test]
fn the_fallback_agrees() {
    let tree = Tree { width: 16, arity: 4, taper: 0.5 };
    let mut trial = Trial::new(tree.capacities());
    for number in 0..120usize {
        let cap = if number % 7 == 0 { 1.5 } else { f64::INFINITY };
        let usage = tree.route(number * 5, number * number + 1);
        if !usage.is_empty() {
            trial.start(1.0 + (number % 13) as f64, FlowDemand { weight: 1.0, cap, usage });
        }
        trial.net.solve(Picos::ZERO);
    }
    while trial.net.next_finish().is_some() {
        trial.step(Step::Finish);
        for link in 0..trial.links.len() as u32 {
            trial.net.pend(link);
        }
        trial.net.fill_pending();
        trial.net.requeue();
        trial.net.settle_finishes();
        trial.check().unwrap();
    }
    assert!(trial.flows.is_empty());
}
