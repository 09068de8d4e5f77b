//! Running the cases of a scenario of kind `recompute`.

use std::collections::BTreeMap;

use memwall_hardware::{Device, TierKind};
use memwall_model_graph::remat::{Plan, Problem, Solution, bound, least_bytes, optimal, peak};
use memwall_model_graph::{Counting, Graph, GraphError, Recompute, TensorRole, TrainingGraph};
use memwall_report::{
    ClaimReport, DeviceReport, Expectation, RecomputeDocument, RecomputeOutcome, RecomputePoint,
    RecomputeReport,
};
use memwall_scenario::{Budget, Claim, RecomputeCase, Scenario};
use memwall_simulator::{Options, Simulation};
use memwall_units::{Bytes, Picos};
use rayon::prelude::*;

use crate::describe::formats;
use crate::run::{Reason, RunError, asserted};

/// Budgets tried for the most that a claim's time saves: each halves what is left open.
const HALVINGS: u32 = 8;

/// Runs every case, on all cores, and reports them in the scenario's order: the same bytes for any number of threads.
///
/// # Errors
/// The first case, in order, that could not be run.
pub fn run_recomputes(scenario: &Scenario) -> Result<RecomputeDocument, RunError> {
    let run =
        |case: &RecomputeCase| run_case(case).map_err(|reason| RunError { case: case.name.clone(), reason });
    let cases: Vec<Result<RecomputeReport, RunError>> = scenario.recomputes.par_iter().map(run).collect();
    let cases = cases.into_iter().collect::<Result<Vec<_>, _>>()?;
    let seed = scenario.recomputes.first().map_or(0, |case| case.seed);
    Ok(RecomputeDocument::new(&scenario.name, scenario.description.as_deref(), seed, cases))
}

/// The assertions of a case, as the report checks them.
#[must_use]
pub fn recompute_expectations(case: &RecomputeCase) -> Vec<Expectation> {
    asserted(&case.expect)
}

/// What the points of a case are called.
#[must_use]
pub fn recompute_points(case: &RecomputeCase) -> Vec<String> {
    let rules = case.rules.iter().map(|rule| rule_name(*rule));
    let budgets = case.budgets.iter().map(|budget| budget_name(*budget));
    rules.chain(budgets).chain(case.claim.as_ref().map(claim_name)).collect()
}

fn rule_name(rule: Recompute) -> String {
    match rule {
        Recompute::Every(number) => format!("every {number}"),
        other => policy(other).to_owned(),
    }
}

const fn policy(rule: Recompute) -> &'static str {
    match rule {
        Recompute::None => "none",
        Recompute::Selective => "selective",
        Recompute::Full => "full",
        Recompute::Every(_) => "every",
        Recompute::Optimal(_) => "optimal",
    }
}

fn budget_name(budget: Budget) -> String {
    match budget {
        Budget::Bytes(bytes) => format!("optimal {}", Bytes(bytes)),
        Budget::Share(share) => format!("optimal {} %", percent(share)),
    }
}

fn claim_name(claim: &Claim) -> String {
    format!("optimal in {} % more", percent(claim.extra))
}

/// Percents as somebody wrote them.
fn percent(share: f64) -> f64 {
    (share * 1e8).round() / 1e6
}

/// A case with what all of its points share.
struct Running<'a> {
    case: &'a RecomputeCase,
    /// The device with room for whatever is tried: what fits is told, and does not end the run.
    device: Device,
    problem: Problem,
    plans: Vec<Plan>,
    capacity: u64,
    held: u64,
    needed: u64,
    time: Picos,
    flops: u128,
}

fn run_case(case: &RecomputeCase) -> Result<RecomputeReport, Reason> {
    let running = Running::start(case)?;
    let mut points = Vec::new();
    for (rule, plan) in case.rules.iter().zip(&running.plans) {
        points.push(running.rule(*rule, plan)?);
    }
    let problem = &running.problem;
    let bytes = |budget: &Budget| match *budget {
        Budget::Bytes(bytes) => bytes,
        Budget::Share(share) => (running.needed as f64 * share) as u64,
    };
    let budgets: Vec<u64> = case.budgets.iter().map(bytes).collect();
    let solutions = optimal(problem, &budgets, &running.plans);
    for ((budget, bytes), solution) in case.budgets.iter().zip(&budgets).zip(&solutions) {
        points.push(running.optimal(budget_name(*budget), *bytes, solution.as_ref())?);
    }
    let claim = match &case.claim {
        Some(claim) => {
            points.push(running.best_within(claim)?);
            Some(ClaimReport::new(claim.less, claim.extra, &points))
        }
        None => None,
    };
    let report = RecomputeReport {
        name: case.name.clone(),
        description: case.description.clone(),
        device: DeviceReport { name: case.device.name.clone(), title: case.device.title.clone() },
        model: case.subject.clone(),
        workload: format!("{}, {}", case.work, formats(case.precision)),
        software: case.software.name.clone(),
        fidelity: case.fidelity.name(),
        operators: case.graph.graph.operators().len(),
        needed_bytes: running.needed,
        least_bytes: least_bytes(problem),
        held_bytes: running.held,
        time_s: running.time.as_secs_f64(),
        points,
        claim,
        notes: case.notes.clone(),
        expectations: Vec::new(),
    };
    Ok(report.checked(&recompute_expectations(case)))
}

impl<'a> Running<'a> {
    fn start(case: &'a RecomputeCase) -> Result<Self, Reason> {
        let mut device = (*case.device).clone();
        let mut capacity = u64::MAX;
        for tier in device.tiers.iter_mut().filter(|tier| tier.kind == TierKind::Dram) {
            capacity = capacity.min(tier.capacity.value.0);
            tier.capacity.value = Bytes(u64::MAX);
        }
        let mut simulation = Simulation::new(&device, &case.software, options(case))?;
        let times = simulation.times(&case.graph.graph)?;
        let costs: Vec<u64> = times.iter().map(|time| time.0).collect();
        let problem = problem(&case.graph, &costs)?;
        let plans = case.rules.iter().map(|rule| Plan::of(&case.graph, &problem, *rule)).collect();
        let mut running = Self {
            case,
            device,
            plans,
            capacity,
            held: held(&case.graph.graph),
            needed: 0,
            time: Picos(times.iter().fold(0, |sum, time| sum.saturating_add(time.0))),
            flops: flops(&case.graph.graph),
            problem,
        };
        let all = running.schedule(&Plan::keep_all(&running.problem))?;
        running.needed = running.peak(&all)?;
        Ok(running)
    }

    fn schedule(&self, plan: &Plan) -> Result<Vec<u32>, Reason> {
        Ok(plan.schedule(&self.problem, usize::MAX).unwrap_or_default())
    }

    fn peak(&self, schedule: &[u32]) -> Result<u64, Reason> {
        let found = peak(&self.problem, schedule);
        found
            .map(|peak| peak.bytes)
            .map_err(|error| Reason::Graph(GraphError::Unsupported(error.to_string())))
    }

    /// What a rule comes to.
    fn rule(&self, rule: Recompute, plan: &Plan) -> Result<RecomputePoint, Reason> {
        let schedule = self.schedule(plan)?;
        let bytes = self.peak(&schedule)?;
        let extra = self.problem.extra(&schedule);
        let least = bound(&self.problem, bytes, Some(extra)).map_or(0, |bound| bound.extra);
        let outcome = self.outcome(&schedule, bytes, least)?;
        let (name, policy) = (rule_name(rule), policy(rule));
        Ok(RecomputePoint { name, policy, budget_bytes: None, outcome: Some(outcome), impossible: false })
    }

    /// What the best schedule found for a budget comes to.
    fn optimal(
        &self,
        name: String,
        budget: u64,
        solution: Option<&Solution>,
    ) -> Result<RecomputePoint, Reason> {
        let outcome = match solution {
            Some(found) => Some(self.outcome(&found.schedule, found.peak, found.least_extra)?),
            None => None,
        };
        let impossible = outcome.is_none() && budget < least_bytes(&self.problem);
        Ok(RecomputePoint { name, policy: "optimal", budget_bytes: Some(budget), outcome, impossible })
    }

    /// Simulates a schedule.
    fn outcome(&self, schedule: &[u32], bytes: u64, least: u64) -> Result<RecomputeOutcome, Reason> {
        let scheduled = self.case.graph.scheduled(schedule)?;
        let mut simulation = Simulation::new(&self.device, &self.case.software, options(self.case))?;
        let times = simulation.times(&scheduled.graph)?;
        let time = Picos(times.iter().fold(0, |sum, time| sum.saturating_add(time.0)));
        let whole = (self.problem.cost() as f64).max(1.0);
        let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
        Ok(RecomputeOutcome {
            peak_bytes: bytes,
            times_less: share(self.needed as f64, bytes as f64),
            time_s: time.as_secs_f64(),
            extra_time: share(time.0 as f64 - self.time.0 as f64, self.time.0 as f64),
            extra_flops: share(flops(&scheduled.graph) as f64 - self.flops as f64, self.flops as f64),
            repeated: schedule.len() - self.problem.operators().len(),
            repeated_time: self.problem.extra(schedule) as f64 / whole,
            least_repeated_time: least as f64 / whole,
            fits: self.held.saturating_add(bytes) <= self.capacity,
        })
    }

    /// The schedule of least memory that takes at most a claim's time.
    fn best_within(&self, claim: &Claim) -> Result<RecomputePoint, Reason> {
        let solve = |bytes: u64| optimal(&self.problem, &[bytes], &self.plans).into_iter().next().flatten();
        let point =
            |bytes: u64, solution: Option<&Solution>| self.optimal(claim_name(claim), bytes, solution);
        // As the search counts time, and then simulated; the two are close.
        let most = self.problem.cost() as f64 * claim.extra * 1.25;
        let (mut low, mut high) = (least_bytes(&self.problem), self.needed);
        let mut best = point(high, solve(high).as_ref())?;
        for _ in 0..HALVINGS {
            // By factors: from 4 times less to 8 times less is as far as from 2 to 4.
            let middle = ((low as f64) * (high as f64)).sqrt() as u64;
            let found = solve(middle).filter(|found| found.extra as f64 <= most);
            let tried = match &found {
                Some(_) => Some(point(middle, found.as_ref())?),
                None => None,
            };
            let is_within = |point: &RecomputePoint| {
                point.outcome.as_ref().is_some_and(|outcome| outcome.extra_time <= claim.extra)
            };
            match tried.filter(is_within) {
                Some(tried) => {
                    high = tried.outcome.as_ref().map_or(middle, |outcome| outcome.peak_bytes.min(middle));
                    best = tried;
                }
                None => low = middle,
            }
        }
        Ok(best)
    }
}

fn options(case: &RecomputeCase) -> Options {
    Options { fidelity: case.fidelity, ..Options::default() }
}

fn problem(graph: &TrainingGraph, costs: &[u64]) -> Result<Problem, Reason> {
    Problem::of(graph, costs).map_err(|error| Reason::Graph(GraphError::Unsupported(error.to_string())))
}

fn flops(graph: &Graph) -> u128 {
    let counts = graph.operators().iter().map(|operator| operator.counts(graph, Counting::Actual).flops);
    counts.fold(0, u128::saturating_add)
}

/// Bytes of weights and of their gradients.
fn held(graph: &Graph) -> u64 {
    let held =
        graph.tensors().iter().filter(|tensor| matches!(tensor.role, TensorRole::Weight | TensorRole::Held));
    let by_key: BTreeMap<_, _> = held.map(|tensor| (tensor.key, tensor.bytes())).collect();
    by_key.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
}
