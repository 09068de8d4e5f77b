//! The best schedule of a small problem, by search of all its states.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::Problem;

/// How a search of all states ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exact {
    /// The best schedule.
    Best(Vec<u32>),
    /// No schedule stays within the budget.
    Impossible,
    /// There are more values than a state can hold, or more states than were allowed.
    TooLarge,
}

/// Values that fit a state.
const MOST_VALUES: usize = 128;

/// A state: how many operators ran for the first time, and which values are there.
type State = (u32, u128);
/// For each state met, what was repeated until then, and the state and operator (or drop) by which it was come to.
type Met = HashMap<State, (u64, Option<(State, Option<u32>)>)>;

/// The schedule of least repeated work within `budget` bytes, among all there are (Dijkstra's algorithm over states).
///
/// At most `states` states are looked at. Schedules that repeat more than `known`, where given, are not.
#[must_use]
pub fn exact(problem: &Problem, budget: u64, states: usize, known: Option<u64>) -> Exact {
    if problem.values() > MOST_VALUES {
        return Exact::TooLarge;
    }
    let search = Search::new(problem, budget);
    let mut best = Met::new();
    let mut open = BinaryHeap::new();
    best.insert((0, 0), (0, None));
    open.push(Reverse((0_u64, Reverse(0_u32), 0_u128)));
    while let Some(Reverse((cost, Reverse(done), there))) = open.pop() {
        let state = (done, there);
        if best.get(&state).is_some_and(|(least, _)| *least < cost) {
            continue;
        }
        if done as usize == problem.operators().len() {
            return Exact::Best(way(&best, state));
        }
        for (next, operator, extra) in search.steps(state) {
            let cost = cost.saturating_add(extra);
            if known.is_some_and(|known| cost > known) {
                continue;
            }
            if best.get(&next).is_none_or(|(least, _)| cost < *least) {
                if best.len() >= states {
                    return Exact::TooLarge;
                }
                best.insert(next, (cost, Some((state, operator))));
                open.push(Reverse((cost, Reverse(next.0), next.1)));
            }
        }
    }
    Exact::Impossible
}

/// The operators on the way to a state.
fn way(best: &Met, mut state: State) -> Vec<u32> {
    let mut schedule = Vec::new();
    while let Some((_, Some((from, operator)))) = best.get(&state) {
        schedule.extend(*operator);
        state = *from;
    }
    schedule.reverse();
    schedule
}

struct Search<'a> {
    problem: &'a Problem,
    budget: u64,
    inputs: Vec<u128>,
    outputs: Vec<u128>,
    /// For each number of operators done, the values that can still be of use.
    useful: Vec<u128>,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem, budget: u64) -> Self {
        let mask = |values: &[u32]| values.iter().fold(0_u128, |mask, value| mask | 1 << value);
        let operators = problem.operators();
        let inputs: Vec<u128> = operators.iter().map(|work| mask(&work.inputs)).collect();
        let outputs: Vec<u128> = operators.iter().map(|work| mask(&work.outputs)).collect();
        let mut useful = vec![0; operators.len() + 1];
        for done in (0..operators.len()).rev() {
            let mut of_use = useful[done + 1] | inputs[done];
            // What a useful value can be made again from.
            for operator in (0..problem.forward().min(done)).rev() {
                if outputs[operator] & of_use != 0 {
                    of_use |= inputs[operator];
                }
            }
            useful[done] = of_use;
        }
        Self { problem, budget, inputs, outputs, useful }
    }

    /// What can be done next: run an operator in its turn, repeat one, or drop a value.
    fn steps(&self, (done, there): State) -> Vec<(State, Option<u32>, u64)> {
        let mut steps = Vec::new();
        let mut run = |operator: usize, after: u32, extra: u64| {
            let then = there | self.outputs[operator];
            if self.inputs[operator] & !there == 0 && self.bytes(then) <= self.budget {
                let kept = then & self.useful[after as usize];
                steps.push(((after, kept), Some(operator as u32), extra));
            }
        };
        run(done as usize, done + 1, 0);
        for operator in 0..self.problem.forward().min(done as usize) {
            if self.outputs[operator] & !there & self.useful[done as usize] != 0 {
                run(operator, done, self.problem.operators()[operator].cost);
            }
        }
        for value in 0..self.problem.values() as u32 {
            if there >> value & 1 == 1 && self.problem.is_forward(value) {
                steps.push(((done, there & !(1 << value)), None, 0));
            }
        }
        steps
    }

    fn bytes(&self, there: u128) -> u64 {
        let values = (0..self.problem.values() as u32).filter(|value| there >> value & 1 == 1);
        values.fold(0, |sum, value| sum.saturating_add(self.problem.bytes(value)))
    }
}
