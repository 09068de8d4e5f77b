//! A proven lower bound of what has to be computed again.

use super::Problem;
use super::closure::{Cheapest, Closure};

/// What is known of every schedule within a budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// No schedule within the budget repeats less than this many picoseconds of work.
    pub extra: u64,
    /// For some prices of memory, the forward values that the cheapest answer keeps: where to look for good schedules.
    pub kept: Vec<Vec<bool>>,
}

/// Bytes that every schedule needs: what one operator reads and writes, with the gradients that must be there.
#[must_use]
pub fn least_bytes(problem: &Problem) -> u64 {
    let operands = problem.operators()[..problem.forward()].iter().map(|work| operands(problem, work));
    operands.chain(forced(problem)).max().unwrap_or(0)
}

/// Arcs looked at for one bound: it is looser, not later, on huge problems.
const WORK: usize = 40_000_000;
/// Prices tried at the first moment alone, and at all moments together.
const ONE_MOMENT: usize = 24;
const ALL_MOMENTS: usize = 40;

/// The least that every schedule within `budget` bytes repeats; `None` if there is none because one operator's operands,
/// with the gradients that must be there, are too large. `known` is what some schedule repeats, if one is known.
///
/// The moments looked at are the executions of backward operators. At each, gradients that are read later and the
/// operator's own operands are there, whatever the schedule. A forward value that a later gradient needs is there too,
/// unless its operator is repeated after the first moment, which takes what it reads: there, or repeated. Each of these is
/// necessary. With a price on every byte at every moment (Lagrange), the cheapest way to obey them is a minimum cut, and
/// what it costs, less the price of the budget, bounds every schedule from below, for any prices; the best are looked for.
#[must_use]
pub fn bound(problem: &Problem, budget: u64, known: Option<u64>) -> Option<Bound> {
    if least_bytes(problem) > budget {
        return None;
    }
    let relaxed = Relaxed::new(problem, budget);
    let mut best = Bound { extra: 0, kept: Vec::new() };
    if relaxed.forced.is_empty() {
        return Some(best);
    }
    let mut prices = vec![0.0; relaxed.forced.len()];
    let mut price_of_first = 0.0;
    // At the first moment alone, the more a byte costs the less is kept: bisection, by factors.
    let mut high = relaxed.highest_price();
    let mut low = high / (1_u64 << 48) as f64;
    for _ in 0..ONE_MOMENT {
        let price = (low * high).sqrt();
        prices[0] = price;
        let answer = relaxed.answer(&prices);
        if answer.slopes[0] > 0.0 {
            low = price;
        } else {
            high = price;
        }
        if answer.value >= best.extra as f64 {
            price_of_first = price;
        }
        best.take(answer);
    }
    prices[0] = price_of_first;
    let mut reach = 1.0;
    for _ in 0..ALL_MOMENTS {
        let answer = relaxed.answer(&prices);
        let length: f64 = answer.slopes.iter().map(|slope| slope * slope).sum();
        if length <= 0.0 {
            best.take(answer);
            break;
        }
        // As far as would close the gap to the schedule known, if the slope went on (Polyak 1969).
        let goal = known.map_or(answer.value * 1.05 + 1.0, |extra| extra as f64);
        let step = reach * (goal - answer.value).max(0.0) / length;
        for (price, slope) in prices.iter_mut().zip(&answer.slopes) {
            *price = (*price + step * slope).max(0.0);
        }
        reach *= 0.95;
        best.take(answer);
    }
    if let Some(known) = known {
        best.extra = best.extra.min(known);
    }
    Some(best)
}

impl Bound {
    fn take(&mut self, answer: Answer) {
        // A sum of a million floats may be off by that much of what was added up.
        let proven = (answer.value - 1e-9 * answer.added - 1.0).max(0.0).floor() as u64;
        self.extra = self.extra.max(proven);
        self.kept.push(answer.kept);
    }
}

/// The conditions, and what is the same for all prices.
struct Relaxed<'a> {
    problem: &'a Problem,
    budget: f64,
    /// Bytes there at each backward operator, whatever the schedule.
    forced: Vec<u64>,
    closure: Closure,
    /// Work for one answer.
    work: usize,
}

struct Answer {
    value: f64,
    /// The sizes of what was added up to it.
    added: f64,
    /// Bytes above the budget at each moment.
    slopes: Vec<f64>,
    kept: Vec<bool>,
}

impl<'a> Relaxed<'a> {
    fn new(problem: &'a Problem, budget: u64) -> Self {
        let (forward, operators) = (problem.forward(), problem.operators());
        let mut closure = Closure::new(forward + problem.values());
        for (index, work) in operators[..forward].iter().enumerate() {
            for value in work.inputs.iter().chain(&work.outputs) {
                // What a gradient needs is there in any case.
                if !is_needed(problem, *value) {
                    closure.asks(index, forward + *value as usize);
                }
            }
        }
        Self {
            problem,
            budget: budget as f64,
            forced: forced(problem),
            closure,
            work: WORK / (ONE_MOMENT + ALL_MOMENTS),
        }
    }

    /// A price of a byte at which nothing is kept that can be made again.
    fn highest_price(&self) -> f64 {
        let all: f64 =
            self.problem.operators()[..self.problem.forward()].iter().map(|work| work.cost as f64).sum();
        let values = (0..self.problem.values() as u32).map(|value| self.problem.bytes(value));
        let least = values.filter(|bytes| *bytes > 0).min().unwrap_or(1);
        // A byte at a price that makes even the smallest value as dear as everything.
        (all / least as f64).max(1.0)
    }

    fn answer(&self, prices: &[f64]) -> Answer {
        let (problem, forward) = (self.problem, self.problem.forward());
        let mut until = Vec::with_capacity(prices.len() + 1);
        let mut sum = 0.0;
        until.push(sum);
        for price in prices {
            sum += price;
            until.push(sum);
        }
        // What it costs to keep a value from the first moment to the last that needs it, moments apart at which it is
        // there anyway.
        let keep = |value: u32| {
            if !problem.is_forward(value) {
                return 0;
            }
            let last = problem.last_backward_reader(value).map_or(0, |reader| reader as usize - forward);
            let readers = problem.readers(value).iter().filter(|reader| **reader as usize >= forward);
            let there: f64 = readers.map(|reader| prices[*reader as usize - forward]).sum();
            // Rounded down: the bound stays one.
            ((until[last + 1] - there).max(0.0) * problem.bytes(value) as f64) as i128
        };
        let keeping: Vec<i128> = (0..problem.values() as u32).map(keep).collect();
        let repeating = problem.operators()[..forward].iter().map(|work| {
            let saved: i128 = work.outputs.iter().map(|value| keeping[*value as usize]).sum();
            i128::from(work.cost) - saved
        });
        let needed = |value: u32| is_needed(problem, value);
        let values = 0..problem.values() as u32;
        let if_there = values.clone().map(|value| if needed(value) { 0 } else { keeping[value as usize] });
        let costs: Vec<i128> = repeating.chain(if_there).collect();
        let Cheapest { least, members } = self.closure.cheapest(&costs, self.work);
        let always: i128 =
            values.clone().filter(|value| needed(*value)).map(|value| keeping[value as usize]).sum();
        let is_kept = |value: u32| {
            let there = needed(value) || members[forward + value as usize];
            problem.is_forward(value) && there && !members[problem.producer(value) as usize]
        };
        let kept: Vec<bool> = values.map(is_kept).collect();
        let slopes = self.slopes(&kept);
        let of_budget = prices.iter().zip(&self.forced);
        let of_budget = of_budget.map(|(price, forced)| price * (*forced as f64 - self.budget));
        let added = of_budget.clone().map(f64::abs).sum::<f64>() + (always - least) as f64;
        Answer { value: (least + always) as f64 + of_budget.sum::<f64>(), added, slopes, kept }
    }

    fn slopes(&self, kept: &[bool]) -> Vec<f64> {
        let (problem, forward) = (self.problem, self.problem.forward());
        let mut change = vec![0.0; self.forced.len() + 1];
        let mut slopes: Vec<f64> = self.forced.iter().map(|bytes| *bytes as f64 - self.budget).collect();
        for value in (0..problem.values() as u32).filter(|value| kept[*value as usize]) {
            let bytes = problem.bytes(value) as f64;
            let last = problem.last_backward_reader(value).map_or(0, |reader| reader as usize - forward);
            change[0] += bytes;
            change[last + 1] -= bytes;
            for reader in problem.readers(value).iter().filter(|reader| **reader as usize >= forward) {
                slopes[*reader as usize - forward] -= bytes;
            }
        }
        let mut now = 0.0;
        for (slope, by) in slopes.iter_mut().zip(&change) {
            now += by;
            *slope += now;
        }
        slopes
    }
}

/// Bytes that an operator reads and writes.
fn operands(problem: &Problem, work: &super::Work) -> u64 {
    let operands = work.inputs.iter().chain(&work.outputs);
    operands.fold(0, |sum, value| sum.saturating_add(problem.bytes(*value)))
}

/// Whether a backward operator after the first reads it.
fn is_needed(problem: &Problem, value: u32) -> bool {
    let after_first = |reader: u32| reader as usize > problem.forward();
    problem.is_forward(value) && problem.last_backward_reader(value).is_some_and(after_first)
}

/// Bytes that are there while each backward operator runs, whatever was repeated.
fn forced(problem: &Problem) -> Vec<u64> {
    let (forward, operators) = (problem.forward(), problem.operators());
    let backward = &operators[forward..];
    let mut change = vec![0_i128; backward.len() + 1];
    let mut own = vec![0_i128; backward.len()];
    for value in 0..problem.values() as u32 {
        let bytes = i128::from(problem.bytes(value));
        let readers = problem.readers(value);
        if problem.is_forward(value) {
            for reader in readers.iter().filter(|reader| **reader as usize >= forward) {
                own[*reader as usize - forward] += bytes;
            }
        } else {
            let made = problem.producer(value);
            change[made as usize - forward] += bytes;
            change[readers.last().map_or(made, |last| *last) as usize - forward + 1] -= bytes;
        }
    }
    let mut now = 0;
    let there = |(own, by): (&i128, &i128)| {
        now += by;
        u64::try_from(now + own).unwrap_or(u64::MAX)
    };
    own.iter().zip(&change).map(there).collect()
}
