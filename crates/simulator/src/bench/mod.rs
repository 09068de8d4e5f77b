//! A few operators timed as a benchmark times them: over and over on the same buffers, or each time on a flushed
//! cache.

mod reuse;

use memwall_hardware::{Device, LaunchMode, SoftwareProfile};
use memwall_model_graph::{Graph, OpKind};
use memwall_units::Picos;

use crate::chip::Chip;
use crate::demand;
use crate::ledger::Ledger;
use crate::outcome::Memo;
use crate::{Cause, Options, SimulationError, step_memory};
use reuse::Reuse;

/// What the last cache holds when the timed repetition starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmth {
    /// What the repetitions before it left there.
    Warm,
    /// Nothing: it is flushed before each repetition.
    Flushed,
}

/// A device and its software on which short graphs are timed one after the other, none seeing what another left.
#[derive(Debug)]
pub struct Bench {
    chip: Chip,
    options: Options,
    memo: Memo,
    issue: Picos,
    wrapped_issue: Picos,
}

/// One repetition in the steady state.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchRun {
    /// From one repetition to the next: what the software profile says of launches included.
    pub time: Picos,
    /// `compute` or the largest stall of the engines the operators are for, launches included.
    pub bound_by: String,
    /// The least time any tier or engine allows, operator by operator.
    pub roofline: Picos,
    /// Events it took to find out.
    pub events: u64,
}

impl Bench {
    /// A device at rest.
    ///
    /// # Errors
    /// [`SimulationError::Machine`] when the device lacks what every run needs.
    pub fn new(
        device: &Device,
        software: &SoftwareProfile,
        options: Options,
    ) -> Result<Self, SimulationError> {
        let speed = device.host.speed.value.max(1e-6);
        let host_time = |time: Picos| Picos((time.0 as f64 / speed).ceil() as u64);
        Ok(Self {
            chip: Chip::new(device, software)?,
            options,
            memo: Memo::default(),
            issue: host_time(software.issue.value),
            wrapped_issue: host_time(
                software.wrapped_issue.as_ref().map_or(software.issue.value, |figure| figure.value),
            ),
        })
    }

    /// Times one repetition after many. The repetitions go round `rotation`: graphs that do the same on other
    /// buffers, such as copies of the weights; the first of them is timed. `overhead` is what
    /// a repetition takes beside its kernels.
    ///
    /// # Errors
    /// The buffers of all of them do not fit in memory, an operator cannot be mapped, or a limit is hit.
    pub fn time(
        &mut self,
        rotation: &[Graph],
        warmth: Warmth,
        overhead: Picos,
    ) -> Result<BenchRun, SimulationError> {
        let Some(first) = rotation.first() else {
            return Err(SimulationError::Machine {
                device: self.chip.device.name.clone(),
                reason: "there is nothing to time".to_owned(),
            });
        };
        self.check_memory(first)?;
        let capacity = self.chip.last_cache().map_or(0.0, |level| self.chip.levels[level].capacity);
        self.timed(first, Reuse::new(rotation, warmth, capacity), overhead)
    }

    fn timed(
        &mut self,
        graph: &Graph,
        mut reuse: Reuse,
        overhead: Picos,
    ) -> Result<BenchRun, SimulationError> {
        let units = u128::from(self.chip.units);
        let (mut time, mut issued) = (Picos::ZERO, Picos::ZERO);
        let mut run = BenchRun { time, bound_by: String::new(), roofline: Picos::ZERO, events: 0 };
        let mut ledger = Ledger::default();
        let gap = self.chip.kernel_gap();
        for (_, operator) in graph.iter() {
            let mut demand = demand::cold(graph, operator, operator.label.as_ref());
            reuse.fill(&mut demand, self.chip.fetch_on_write);
            let events_left = self.options.limits.events;
            let (outcome, events) =
                self.memo.outcome(&self.chip, self.options.fidelity, &demand, None, events_left)?;
            run.events += events;
            run.roofline = run.roofline.saturating_add(outcome.roofline);
            let gap = gap.saturating_add(outcome.overhead);
            issued = issued.saturating_add(self.issue_of(&operator.kind));
            time = time.saturating_add(gap).saturating_add(outcome.duration);
            ledger.add_all(&outcome.ledgers[outcome.primary as usize]);
            ledger.add(Cause::Launch, None, u128::from(gap.0) * units);
        }
        run.time = match self.chip.software.launch {
            LaunchMode::Graph => time,
            LaunchMode::Stream => time.max(issued),
            LaunchMode::Sync => time.saturating_add(issued),
        }
        .saturating_add(overhead);
        let waited = u128::from(run.time.saturating_sub(time).0) * units;
        ledger.add(Cause::Launch, None, waited);
        run.bound_by = ledger.bound_by(&self.chip.places);
        Ok(run)
    }

    fn issue_of(&self, kind: &OpKind) -> Picos {
        match kind {
            OpKind::Norm { .. } | OpKind::Elementwise { .. } => self.wrapped_issue,
            _ => self.issue,
        }
    }

    fn check_memory(&self, graph: &Graph) -> Result<(), SimulationError> {
        let memory = step_memory(graph);
        let tier = &self.chip.device.tiers[self.chip.levels[self.chip.dram()].tier];
        memory.check(tier)
    }
}
