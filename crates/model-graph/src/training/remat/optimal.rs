//! The best schedule for a budget, and how far it can be from the best there is.

use super::search::{Candidate, Effort, exchange, refill, shrink, shrink_slowly};
use super::{Exact, Plan, Problem, bound, exact};

/// A schedule for a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// Operators, some of them repeated.
    pub schedule: Vec<u32>,
    /// Bytes at its peak.
    pub peak: u64,
    /// Repeated work in picoseconds.
    pub extra: u64,
    /// No schedule within the budget repeats less; equal to `extra` where the schedule is the best.
    pub least_extra: u64,
}

/// States looked at for one budget before a problem counts as large.
const STATES: usize = 20_000;
/// Operators and operands gone through for one budget.
const EFFORT: usize = 8_000_000;
/// Plans of the bound from which a search starts.
const STARTS: usize = 6;
/// Size of a problem that counts as small.
const SMALL: usize = 4000;
/// The most segments tried.
const SEGMENTS: usize = 128;

/// For each budget the schedule of least repeated work that was found, `None` where none was. `plans` are tried too:
/// nothing found is worse than those of them that stay within the budget, nor than what was found for a smaller budget.
#[must_use]
pub fn optimal(problem: &Problem, budgets: &[u64], plans: &[Plan]) -> Vec<Option<Solution>> {
    let mut order: Vec<usize> = (0..budgets.len()).collect();
    order.sort_by_key(|index| budgets[*index]);
    let mut solutions = vec![None; budgets.len()];
    let mut smaller: Option<Solution> = None;
    for index in order {
        let found = solve(problem, budgets[index], plans, smaller.as_ref());
        smaller = found.clone().or(smaller);
        solutions[index] = found;
    }
    solutions
}

fn solve(problem: &Problem, budget: u64, plans: &[Plan], smaller: Option<&Solution>) -> Option<Solution> {
    let known = smaller.map(|solution| solution.extra);
    // A problem without room for one operator has no answer, and its bound says so.
    let mut lower = bound(problem, budget, known)?;
    let mut best = search(problem, budget, plans, &lower.kept);
    if let Some(found) = &best
        && found.extra > lower.extra
    {
        // With a schedule at hand, prices are found faster.
        lower = bound(problem, budget, Some(found.extra))?;
    }
    let mut solution = best.take().map(|found| Solution {
        peak: found.peak.bytes,
        schedule: found.schedule,
        extra: found.extra,
        least_extra: lower.extra,
    });
    if let Some(smaller) = smaller
        && solution.as_ref().is_none_or(|found| smaller.extra < found.extra)
    {
        solution = Some(Solution { least_extra: lower.extra, ..smaller.clone() });
    }
    if solution.as_ref().is_some_and(|found| found.extra <= found.least_extra) {
        return solution;
    }
    match exact(problem, budget, STATES, solution.as_ref().map(|found| found.extra)) {
        Exact::Best(schedule) => {
            let (extra, peak) = (problem.extra(&schedule), super::peak(problem, &schedule).ok()?.bytes);
            Some(Solution { schedule, peak, extra, least_extra: extra })
        }
        Exact::Impossible => None,
        Exact::TooLarge => solution,
    }
}

/// The best of the plans given, of what the bound would keep, of segments, and of all of these made to fit.
fn search(problem: &Problem, budget: u64, plans: &[Plan], kept: &[Vec<bool>]) -> Option<Candidate> {
    let mut effort = Effort::new(EFFORT);
    let keep = |kept: &Vec<bool>| Plan::keep(problem, |value| kept[value as usize]);
    let from_bound = kept.iter().rev().step_by(kept.len().div_ceil(STARTS).max(1)).map(keep);
    let given = plans.iter().cloned().chain([Plan::keep_all(problem)]);
    // What is given is tried even when nothing else can be.
    let mut found: Vec<Candidate> =
        given.filter_map(|plan| Effort::new(usize::MAX).candidate(problem, plan)).collect();
    found.extend(from_bound.filter_map(|plan| effort.candidate(problem, plan)));
    found.extend(segmented(problem, budget, &mut effort));
    // The best as they are, and those that need least to fit.
    found.sort_by_key(|candidate| (candidate.peak.bytes.saturating_sub(budget), candidate.extra));
    let fitting = found.iter().take_while(|candidate| candidate.peak.bytes <= budget).count();
    let tried = (0..found.len().min(fitting.min(STARTS) + STARTS))
        .map(|index| if index < STARTS.min(fitting) { index } else { fitting + index - STARTS.min(fitting) });
    let mut best: Option<Candidate> = None;
    for index in tried {
        let Some(start) = found.get(index).cloned() else { break };
        let ways = [shrink, shrink_slowly];
        // The slow way where there is time for it: on small problems.
        let ways = &ways[..if problem.size() < SMALL { 2 } else { 1 }];
        for way in ways {
            let Some(fits) = way(problem, start.clone(), budget, &mut effort) else { continue };
            let full = refill(problem, fits, budget, &mut effort);
            if best.as_ref().is_none_or(|best| full.extra < best.extra) {
                best = Some(full);
            }
        }
    }
    best.map(|best| exchange(problem, best, budget, &mut effort))
}

/// Segments of every number up to [`SEGMENTS`], with what crosses them kept and beside it what is dearest for its bytes,
/// as much of it as makes a difference.
fn segmented(problem: &Problem, budget: u64, effort: &mut Effort) -> Vec<Candidate> {
    let forward = problem.forward();
    let worth = |value: u32| {
        let cost = problem.operators()[problem.producer(value) as usize].cost;
        cost as f64 / (problem.bytes(value) as f64).max(1.0)
    };
    let mut worths: Vec<f64> = (0..problem.values() as u32)
        .filter(|value| problem.is_forward(*value) && problem.last_backward_reader(*value).is_some())
        .map(worth)
        .collect();
    worths.sort_by(f64::total_cmp);
    worths.dedup();
    let mut found = Vec::new();
    let mut wanted = 1;
    while wanted <= forward.min(SEGMENTS) {
        let segments = super::segments(problem, Some(wanted));
        let crosses = |value: u32| {
            let own = segments[problem.producer(value) as usize];
            let readers = problem.readers(value).iter();
            readers.filter_map(|reader| segments.get(*reader as usize)).any(|of| *of != own)
        };
        // The less must be worth keeping, the more is kept: the least for which it fits.
        let (mut low, mut high) = (0, worths.len());
        while low < high {
            let middle = (low + high) / 2;
            let plan = Plan::keep(problem, |value| crosses(value) || worth(value) >= worths[middle]);
            let Some(tried) = effort.candidate(problem, plan) else { return found };
            if tried.peak.bytes <= budget {
                high = middle
            } else {
                low = middle + 1
            }
            found.push(tried);
        }
        let Some(alone) = effort.candidate(problem, Plan::keep(problem, crosses)) else { return found };
        found.push(alone);
        wanted += wanted.div_ceil(4);
    }
    found
}
