//! Good schedules within a budget, a change at a time.

use super::{Gap, Peak, Plan, Problem, peak};

/// How much dearer than making something again once is making it again for every reader: a guess that orders
/// attempts, and decides nothing else.
const OFTEN: f64 = 8.0;

/// Values among which the best to drop is looked for.
const LIKELY: usize = 24;

/// A plan with its schedule.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub plan: Plan,
    pub schedule: Vec<u32>,
    pub peak: Peak,
    pub extra: u64,
}

/// What may still be spent: schedules are made until the operators and operands gone through reach this.
#[derive(Debug)]
pub(super) struct Effort {
    left: usize,
}

impl Effort {
    pub const fn new(most: usize) -> Self {
        Self { left: most }
    }

    /// Whether something is left.
    pub const fn is_left(&self) -> bool {
        self.left > 0
    }

    /// A plan's schedule; `None` when it is far too long, or when nothing is left.
    pub fn candidate(&mut self, problem: &Problem, plan: Plan) -> Option<Candidate> {
        if self.left == 0 {
            return None;
        }
        self.left = self.left.saturating_sub(problem.size());
        let schedule = plan.schedule(problem, problem.operators().len().saturating_mul(8))?;
        self.left = self.left.saturating_sub(schedule.len());
        let peak = peak(problem, &schedule).ok()?;
        let extra = problem.extra(&schedule);
        Some(Candidate { plan, schedule, peak, extra })
    }
}

/// Drops what is alive at the peak and is not needed there, what is cheap to make again for its bytes first, until the
/// peak is within `budget`.
pub(super) fn shrink(
    problem: &Problem,
    mut candidate: Candidate,
    budget: u64,
    effort: &mut Effort,
) -> Option<Candidate> {
    while candidate.peak.bytes > budget {
        let mut plan = candidate.plan.clone();
        let mut excess = candidate.peak.bytes - budget;
        // Many at once while there is far to go, then one by one, because the peak moves.
        let enough = excess.div_ceil(2);
        let moment = moment(problem, &candidate.schedule, candidate.peak.at);
        let mut changed = false;
        for (value, bytes) in droppable(problem, &plan, &candidate, moment) {
            let gap = plan.gap(problem, value, moment);
            plan.set(problem, value, moment, if gap == Gap::Keep { Gap::Once } else { Gap::Again });
            changed = true;
            excess = excess.saturating_sub(bytes);
            if excess < enough {
                break;
            }
        }
        if !changed && !runs_ahead(&mut plan, &candidate, moment) {
            return None;
        }
        candidate = effort.candidate(problem, plan)?;
    }
    Some(candidate)
}

/// The same, one value at a time, each chosen among the likely ones by what dropping it comes to.
pub(super) fn shrink_slowly(
    problem: &Problem,
    mut candidate: Candidate,
    budget: u64,
    effort: &mut Effort,
) -> Option<Candidate> {
    while candidate.peak.bytes > budget {
        let moment = moment(problem, &candidate.schedule, candidate.peak.at);
        let mut best: Option<(f64, Candidate)> = None;
        let mut plan = candidate.plan.clone();
        if runs_ahead(&mut plan, &candidate, moment)
            && let Some(tried) = effort.candidate(problem, plan)
            && (tried.peak.bytes, tried.extra) < (candidate.peak.bytes, candidate.extra)
        {
            candidate = tried;
            continue;
        }
        for (value, bytes) in droppable(problem, &candidate.plan, &candidate, moment).into_iter().take(LIKELY)
        {
            let mut plan = candidate.plan.clone();
            let gap = plan.gap(problem, value, moment);
            plan.set(problem, value, moment, if gap == Gap::Keep { Gap::Once } else { Gap::Again });
            let Some(tried) = effort.candidate(problem, plan) else { continue };
            let more = tried.extra.saturating_sub(candidate.extra) as f64 + 1.0;
            // Another moment may need as much: then only this one is better. It should not get worse.
            let freed = match candidate.peak.bytes.checked_sub(tried.peak.bytes) {
                Some(0) => bytes as f64 / 16.0,
                Some(freed) => freed as f64,
                None => bytes as f64 / 4096.0,
            };
            if best.as_ref().is_none_or(|(least, _)| more / freed < *least) {
                best = Some((more / freed, tried));
            }
        }
        candidate = best?.1;
    }
    Some(candidate)
}

/// Where the peak is in what is repeated for an operator: repeats it before the operator before that one, which may make
/// something large; false where that is no change.
fn runs_ahead(plan: &mut Plan, candidate: &Candidate, moment: u32) -> bool {
    let at_peak = candidate.schedule.get(candidate.peak.at).copied().unwrap_or(0);
    at_peak < moment && moment > 0 && plan.look_ahead(moment - 1)
}

/// The operator for which, or for whose operands, the operator at place `at` runs.
fn moment(problem: &Problem, schedule: &[u32], at: usize) -> u32 {
    let first = schedule[..at].iter().copied().max().map_or(0, |last| last + 1);
    let next = schedule.get(at).copied().unwrap_or(0).max(first);
    next.min(problem.operators().len().saturating_sub(1) as u32)
}

/// Values alive at the peak that the operator there does not touch and that can be dropped, the cheapest first.
fn droppable(problem: &Problem, plan: &Plan, candidate: &Candidate, moment: u32) -> Vec<(u32, u64)> {
    let at_peak = candidate.schedule.get(candidate.peak.at).copied().unwrap_or(0);
    let busy = &problem.operators()[at_peak as usize];
    let mut found: Vec<(f64, u32, u64)> = Vec::new();
    for alive in &candidate.peak.alive {
        let value = alive.value;
        let touched = busy.inputs.contains(&value) || busy.outputs.contains(&value);
        if touched || alive.bytes == 0 || !problem.is_forward(value) {
            continue;
        }
        let producer = &problem.operators()[problem.producer(value) as usize];
        // Once one result of an operator is made again, the others come with it.
        let others = producer.outputs.iter().any(|other| *other != value && plan.drops(problem, *other));
        let cost = match plan.gap(problem, value, moment) {
            Gap::Keep if others => 0.0,
            Gap::Keep => producer.cost as f64,
            // Made again for every reader, what it is made from often is too.
            Gap::Once => producer.cost as f64 * OFTEN,
            Gap::Again => continue,
        };
        found.push((cost / alive.bytes as f64, value, alive.bytes));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    found.into_iter().map(|(_, value, bytes)| (value, bytes)).collect()
}

/// Keeps again, one operator's results after the other, what there is room for, what is dear for its bytes first.
pub(super) fn refill(problem: &Problem, mut best: Candidate, budget: u64, effort: &mut Effort) -> Candidate {
    let mut order: Vec<(f64, u32)> = Vec::new();
    for (index, work) in problem.operators()[..problem.forward()].iter().enumerate() {
        let dropped = work.outputs.iter().filter(|value| best.plan.drops(problem, **value));
        let bytes = dropped.map(|value| problem.bytes(*value)).fold(0_u64, u64::saturating_add);
        if bytes > 0 {
            order.push((work.cost as f64 / bytes as f64, index as u32));
        }
    }
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let order: Vec<u32> = order.into_iter().map(|(_, operator)| operator).collect();
    // A group at a time, halved where it does not fit: most of what fits is found in few tries.
    let mut groups = vec![order];
    while let Some(mut group) = groups.pop() {
        let room = Room::of(problem, &best, budget);
        group.retain(|operator| room.has_for(problem, &best.plan, *operator));
        if group.is_empty() {
            continue;
        }
        let mut plan = best.plan.clone();
        for operator in &group {
            for value in &problem.operators()[*operator as usize].outputs {
                plan.restore(problem, *value);
            }
        }
        let Some(tried) = effort.candidate(problem, plan) else { break };
        if tried.peak.bytes <= budget && tried.extra <= best.extra {
            best = tried;
        } else if group.len() > 1 {
            let second = group.split_off(group.len() / 2);
            groups.extend([second, group]);
        }
    }
    best
}

/// What there is room for at the peak.
struct Room {
    moment: u32,
    bytes: u64,
    alive: Vec<u32>,
}

impl Room {
    fn of(problem: &Problem, candidate: &Candidate, budget: u64) -> Self {
        let mut alive: Vec<u32> = candidate.peak.alive.iter().map(|alive| alive.value).collect();
        alive.sort_unstable();
        let moment = moment(problem, &candidate.schedule, candidate.peak.at);
        Self { moment, bytes: budget.saturating_sub(candidate.peak.bytes), alive }
    }

    /// Whether an operator's results, kept all the time, can fit: at the peak, at least.
    fn has_for(&self, problem: &Problem, plan: &Plan, operator: u32) -> bool {
        let outputs = problem.operators()[operator as usize].outputs.iter();
        let added = outputs.filter(|value| {
            plan.gap(problem, **value, self.moment) != Gap::Keep && self.alive.binary_search(value).is_err()
        });
        added.map(|value| problem.bytes(*value)).fold(0_u64, u64::saturating_add) <= self.bytes
    }
}

/// Keeps one operator's results and drops others instead, as long as that leaves less to repeat.
pub(super) fn exchange(
    problem: &Problem,
    mut best: Candidate,
    budget: u64,
    effort: &mut Effort,
) -> Candidate {
    let mut operators: Vec<u32> = (0..problem.forward() as u32).collect();
    operators.sort_by_key(|index| (std::cmp::Reverse(problem.operators()[*index as usize].cost), *index));
    let mut improved = true;
    while improved && effort.is_left() {
        improved = false;
        for operator in &operators {
            let outputs = &problem.operators()[*operator as usize].outputs;
            if !outputs.iter().any(|value| best.plan.drops(problem, *value)) {
                continue;
            }
            let mut plan = best.plan.clone();
            outputs.iter().for_each(|value| plan.restore(problem, *value));
            let Some(tried) = effort.candidate(problem, plan) else { return best };
            // What is dropped instead must be worth less than what this saved.
            let Some(fits) = shrink(problem, tried, budget, effort) else { continue };
            if fits.extra < best.extra {
                best = fits;
                improved = true;
            }
        }
    }
    best
}
