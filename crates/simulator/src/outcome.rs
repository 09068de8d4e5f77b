//! One operator, planned and run: what is remembered so that the same work in the same state is not run twice.

use std::collections::HashMap;
use std::rc::Rc;

use memwall_hardware::{Duplex, Tier};
use memwall_model_graph::{Dtype, OpKind};
use memwall_units::Picos;

use crate::bound::bound_run;
use crate::chip::{Chip, EngineKind};
use crate::demand::Demand;
use crate::energy::{Operations, operations};
use crate::kernel::{self, Mode, Stuck};
use crate::ledger::{Ledger, kernel_ledger};
use crate::lower::{Planner, call_overhead, lower};
use crate::plan::{KernelPlan, Traffic};
use crate::{Fidelity, LimitUnit, SimulationError};

/// What running one operator gave.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub duration: Picos,
    /// By [`EngineKind`].
    pub ledgers: [Ledger; 3],
    pub primary: EngineKind,
    /// Bytes over each shared level.
    pub traffic: Traffic,
    /// Bytes over each per-core feed.
    pub feed_bytes: [f64; 3],
    /// Bytes of tiles on all units that work.
    pub tile_bytes: f64,
    /// By [`EngineKind`].
    pub operations: Operations,
    /// The least time any tier or engine allows for it.
    pub roofline: Picos,
    pub events: u64,
    /// Time of the library's call besides its main kernel: a part of the launch.
    pub overhead: Picos,
}

impl Outcome {
    /// All of it so many times; the most that was held stays.
    pub fn times(&self, times: u64) -> Self {
        let factor = times as f64;
        Self {
            duration: Picos(self.duration.0.saturating_mul(times)),
            ledgers: self.ledgers.each_ref().map(|ledger| ledger.times(times)),
            primary: self.primary,
            traffic: self.traffic.scaled(factor),
            feed_bytes: self.feed_bytes.map(|bytes| bytes * factor),
            tile_bytes: self.tile_bytes,
            operations: self.operations.map(|(format, count)| (format, count * factor)),
            roofline: Picos(self.roofline.0.saturating_mul(times)),
            events: self.events,
            overhead: self.overhead,
        }
    }
}

#[cfg(test)]
impl Outcome {
    /// One that does nothing for a while.
    pub fn idle(duration: Picos) -> Self {
        Self {
            duration,
            ledgers: Default::default(),
            primary: EngineKind::Matrix,
            traffic: Traffic::default(),
            feed_bytes: [0.0; 3],
            tile_bytes: 0.0,
            operations: Operations::default(),
            roofline: Picos::ZERO,
            events: 0,
            overhead: Picos::ZERO,
        }
    }
}

/// Everything an outcome depends on, on one machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: OpKind,
    compute: Dtype,
    figures: Vec<u64>,
}

/// Outcomes by what they depend on. Two operators share one only when shapes, formats and the state of the cache
/// agree to the bit: identical layers fold because they turn out identical.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    outcomes: HashMap<Key, Rc<Outcome>>,
    /// The key being looked up; kept, because millions of look-ups would each allocate one.
    key: Option<Key>,
}

/// Outcomes kept; a run with more different ones starts over, which costs time only.
const MOST_OUTCOMES: usize = 200_000;

impl Memo {
    /// The outcome, and the events it took to find it: none when it was known.
    pub fn outcome(
        &mut self,
        chip: &Chip,
        fidelity: Fidelity,
        demand: &Demand,
        held: Option<Planner<'_>>,
        event_limit: u64,
    ) -> Result<(Rc<Outcome>, u64), SimulationError> {
        let key = self.key.get_or_insert_with(|| Key::new(demand));
        key.describe(demand);
        if let Some(held) = held {
            key.add(held.demand);
        }
        if let Some(known) = self.outcomes.get(key) {
            return Ok((Rc::clone(known), 0));
        }
        let key = key.clone();
        let outcome = Rc::new(execute(chip, fidelity, demand, held, event_limit)?);
        if self.outcomes.len() >= MOST_OUTCOMES {
            self.outcomes.clear();
        }
        self.outcomes.insert(key, Rc::clone(&outcome));
        let events = outcome.events;
        Ok((outcome, events))
    }
}

impl Key {
    fn new(demand: &Demand) -> Self {
        Self { kind: demand.kind.clone(), compute: demand.compute, figures: Vec::new() }
    }

    fn describe(&mut self, demand: &Demand) {
        if self.kind != *demand.kind {
            self.kind.clone_from(demand.kind);
        }
        self.compute = demand.compute;
        self.figures.clear();
        self.add(demand);
    }

    fn add(&mut self, demand: &Demand) {
        self.figures.push(demand.inputs.len() as u64);
        self.figures.push(u64::from(demand.two_four));
        self.figures
            .extend([demand.write_back, demand.fetched, demand.flops, demand.density].map(f64::to_bits));
        for operand in demand.inputs.iter().chain(&demand.outputs) {
            self.figures.extend([operand.bytes, operand.element_bytes, operand.hit].map(f64::to_bits));
            self.figures.push(operand.row);
        }
    }
}

/// Plans and runs an operator, alone on the chip; `held` plans for another.
pub(crate) fn execute(
    chip: &Chip,
    fidelity: Fidelity,
    demand: &Demand,
    held: Option<Planner<'_>>,
    event_limit: u64,
) -> Result<Outcome, SimulationError> {
    if fidelity == Fidelity::Bound {
        return bound_run(chip, demand);
    }
    let plan = lower(chip, demand, held)?;
    let mode = Mode { jumps: fidelity == Fidelity::Flow, folded: true, event_limit };
    let outcome = run_plan(chip, demand.name, &plan, mode)?;
    Ok(Outcome {
        overhead: call_overhead(chip, demand, &plan),
        operations: operations(chip, demand, &plan.compute)?,
        ..outcome
    })
}

/// Runs a plan and books it.
pub(crate) fn run_plan(
    chip: &Chip,
    name: &str,
    plan: &KernelPlan,
    mode: Mode,
) -> Result<Outcome, SimulationError> {
    let mut run = kernel::run(chip, plan, mode).map_err(|stuck| explain_stuck(chip, name, mode, stuck))?;
    run.duration = run.duration.saturating_add(Picos(plan.lead_ps));
    run.book.ramp += u128::from(plan.lead_ps) * u128::from(chip.units);
    let ledgers = EngineKind::ALL.map(|kind| kernel_ledger(chip, &run.book, &plan.compute, kind));
    let traffic = plan.traffic();
    let roofline = roofline(chip, plan, &traffic);
    let expected = u128::from(chip.units) * u128::from(run.duration.0);
    debug_assert!(
        ledgers.iter().all(|ledger| ledger.total() == expected),
        "the ledger of {name} does not close"
    );
    debug_assert!(run.duration >= roofline, "{name} beats its roofline: {} < {roofline}", run.duration);
    let most_units = plan.groups.iter().map(|group| group.units).max().unwrap_or(0);
    Ok(Outcome {
        duration: run.duration,
        ledgers,
        primary: plan.compute.primary,
        traffic,
        feed_bytes: plan.compute.feed_bytes,
        tile_bytes: plan.tile_bytes * f64::from(most_units),
        operations: Operations::default(),
        roofline,
        events: run.events,
        overhead: Picos::ZERO,
    })
}

fn explain_stuck(chip: &Chip, name: &str, mode: Mode, stuck: Stuck) -> SimulationError {
    match stuck {
        Stuck::Events => SimulationError::Limit {
            unit: LimitUnit::Events,
            limit: mode.event_limit,
            operator: name.to_owned(),
            simulated: Picos::ZERO,
        },
        Stuck::Time => SimulationError::Limit {
            unit: LimitUnit::SimulatedTime,
            limit: u64::MAX / 2,
            operator: name.to_owned(),
            simulated: Picos::ZERO,
        },
        Stuck::Level(level) => SimulationError::Deadlock {
            operator: name.to_owned(),
            waits_for: chip.level_name(level).to_owned(),
        },
    }
}

/// The least time for the bytes that moved at datasheet bandwidths and the useful operations at datasheet peaks.
fn roofline(chip: &Chip, plan: &KernelPlan, traffic: &Traffic) -> Picos {
    let memory = (0..chip.levels.len()).map(|level| level_seconds(chip, traffic, level)).fold(0.0, f64::max);
    let units = f64::from(chip.units);
    let engines = plan.compute.shares.iter().map(|share| share.useful / units).fold(0.0, f64::max);
    // Rounded down, and by the 1 ppm that a jump may be off: it is a bound.
    Picos(((memory * 1e12).max(engines) * (1.0 - 1e-6)) as u64)
}

/// Seconds a level's link needs at its datasheet bandwidth.
pub(crate) fn level_seconds(chip: &Chip, traffic: &Traffic, level: usize) -> f64 {
    let tier = &chip.device.tiers[chip.levels[level].tier];
    tier_seconds(tier, traffic.read[level], traffic.write[level])
}

/// Seconds a tier's link needs at its datasheet bandwidth for these bytes.
pub(crate) fn tier_seconds(tier: &Tier, read: f64, write: f64) -> f64 {
    let read_rate = tier.bandwidth.value.0;
    let write_rate = tier.write_bandwidth.as_ref().map_or(read_rate, |figure| figure.value.0);
    // Nothing takes no time, even over a dead link.
    let seconds = |bytes: f64, rate: f64| if bytes > 0.0 { bytes / rate } else { 0.0 };
    let (read, write) = (seconds(read, read_rate), seconds(write, write_rate));
    if tier.duplex == Duplex::Half { read + write } else { read.max(write) }
}
