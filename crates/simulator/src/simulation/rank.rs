//! A simulation as one rank of a team: the team tells it when to wait and what for.

use memwall_hardware::LaunchMode;
use memwall_model_graph::{Graph, OpId, Operator};
use memwall_units::Picos;

use super::{OperatorKey, Simulation};
use crate::chip::EngineKind;
use crate::memory::step_memory;
use crate::{Cause, SimulationError, Track};

/// How the last kernel would share the machine with a collective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Footprint {
    pub duration: Picos,
    /// Bytes it moves over DRAM.
    pub dram_bytes: f64,
    /// The part of its time in which it did not wait for memory.
    pub cores_share: f64,
}

impl Simulation {
    /// When it is free.
    pub(crate) const fn now(&self) -> Picos {
        self.device_free
    }

    /// Adds names of places to wait at; the index of the first.
    pub(crate) fn add_places(&mut self, names: impl Iterator<Item = String>) -> usize {
        let first = self.chip.places.len();
        self.chip.places.extend(names);
        first
    }

    /// Starts a pass over `graph`, of which `caches` differ only in their KV cache and are held at the same time.
    pub(crate) fn begin(&mut self, graph: &Graph, caches: u64) -> Result<(), SimulationError> {
        let mut memory = step_memory(graph);
        memory.kv_cache = memory.kv_cache.saturating_mul(caches);
        self.tiers.memory_peak = self.tiers.memory_peak.max(memory.total());
        memory.check(&self.chip.device.tiers[self.chip.levels[self.chip.dram()].tier])?;
        if self.chip.software.launch == LaunchMode::Graph {
            self.issue();
        }
        Ok(())
    }

    /// Runs one operator of the device's own.
    pub(crate) fn run_one(
        &mut self,
        graph: &Graph,
        id: OpId,
        operator: &Operator,
    ) -> Result<Footprint, SimulationError> {
        self.run_operator(graph, id, operator)?;
        let Some(outcome) = &self.last else {
            return Ok(Footprint { duration: Picos::ZERO, dram_bytes: 0.0, cores_share: 1.0 });
        };
        let dram = self.chip.dram();
        let ledger = &outcome.ledgers[outcome.primary as usize];
        let waits = ledger.of(Cause::Bandwidth) + ledger.of(Cause::Latency);
        let total = ledger.total().max(1);
        Ok(Footprint {
            duration: outcome.duration,
            dram_bytes: outcome.traffic.read[dram] + outcome.traffic.write[dram],
            cores_share: 1.0 - waits as f64 / total as f64,
        })
    }

    /// Issues a collective and returns when it may start: when the device and the host are through.
    pub(crate) fn issue_collective(&mut self) -> Picos {
        if self.chip.software.launch != LaunchMode::Graph {
            self.issue();
        }
        self.launch_gap(self.host_free.max(self.device_free));
        self.device_free = self.device_free.max(self.host_free);
        self.device_free
    }

    /// Does nothing until `until`, for this cause.
    pub(crate) fn wait(&mut self, until: Picos, cause: Cause, place: Option<usize>) {
        let core_ps = u128::from(until.saturating_sub(self.device_free).0) * u128::from(self.chip.units);
        for ledger in &mut self.ledgers {
            ledger.add(cause, place, core_ps);
        }
        let start = self.device_free;
        self.device_free = self.device_free.max(until);
        if self.timeline.is_some() {
            let place = place.and_then(|place| self.chip.places.get(place).cloned()).unwrap_or_default();
            self.note(Track::Kernels(0), cause.name().into(), start, until.saturating_sub(start), place);
        }
    }

    /// Notes an execution of a collective among the operators: what it kept the device from doing.
    pub(crate) fn note_collective(
        &mut self,
        operator: &Operator,
        exposed: Picos,
        cause: Cause,
        place: Option<usize>,
    ) {
        let key = OperatorKey { label: operator.label.clone(), kind: operator.kind.name() };
        let totals = self.operators.entry(key).or_default();
        totals.class = operator.class.name();
        totals.count += 1;
        totals.time = totals.time.saturating_add(exposed);
        totals.ledger.add(cause, place, u128::from(exposed.0) * u128::from(self.chip.units));
    }

    /// DRAM bandwidth that long reads get, in bytes per second.
    pub(crate) fn dram_rate(&self) -> f64 {
        self.chip.levels[self.chip.dram()].read_rate
    }

    pub(crate) const fn units(&self) -> u32 {
        self.chip.units
    }

    /// Useful work of the matrix engine so far.
    pub(crate) fn busy(&self) -> u128 {
        self.ledgers[EngineKind::Matrix as usize].busy
    }
}
