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

    /// From now on, whatever runs is booked `weight` times: it happens that often, and is simulated once.
    pub(crate) const fn set_weight(&mut self, weight: u64) {
        self.weight = weight;
    }

    /// A span of time of all units, as often as it happens.
    pub(super) fn core_ps(&self, span: Picos) -> u128 {
        u128::from(span.0) * u128::from(self.chip.units) * u128::from(self.weight)
    }

    /// Time that is in the books: of the units, of which each line is a multiple.
    pub(crate) fn booked(&self) -> u128 {
        self.ledgers[EngineKind::Matrix as usize].total() / u128::from(self.chip.units)
    }

    /// Host and device wait for each other, as where the host reads a result.
    pub(crate) fn synchronise(&mut self) {
        let both = self.host_free.max(self.device_free);
        self.launch_gap(both);
        self.device_free = both;
        self.host_free = both;
    }

    /// Ends a run of passes that were booked several times at `wall`; what is not booked until then was `idle` at that
    /// place.
    pub(crate) fn finish_at(mut self, wall: Picos, place: usize) -> crate::Record {
        let booked = self.booked();
        self.weight = 1;
        let idle = Picos(u64::try_from(u128::from(wall.0).saturating_sub(booked)).unwrap_or(u64::MAX));
        let core_ps = self.core_ps(idle);
        for ledger in &mut self.ledgers {
            ledger.add(Cause::Idle, Some(place), core_ps);
        }
        self.device_free = wall;
        self.host_free = Picos(self.host_free.0.min(wall.0));
        self.host_busy = self.host_busy.min(u128::from(wall.0));
        self.finish()
    }

    /// What issuing an operator takes from now on; `None` for what the software says of all.
    pub(crate) fn set_issue(&mut self, issue: Option<Picos>) {
        let picos = issue.unwrap_or(self.chip.software.issue.value).0 as f64;
        self.host_issue = Picos((picos / self.chip.device.host.speed.value.max(1e-6)).ceil() as u64);
    }

    /// The host is busy for a while, on the host that the figure is of.
    pub(crate) fn spend_on_host(&mut self, time: Picos) {
        if self.options.fidelity == crate::Fidelity::Bound {
            return;
        }
        let time = Picos((time.0 as f64 / self.chip.device.host.speed.value.max(1e-6)).ceil() as u64);
        self.host_free = self.host_free.saturating_add(time);
        self.host_busy += u128::from(time.0) * u128::from(self.weight);
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
        let core_ps = self.core_ps(until.saturating_sub(self.device_free));
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
        let core_ps = self.core_ps(exposed);
        let totals = self.operators.entry(key).or_default();
        totals.class = operator.class.name();
        totals.count += self.weight;
        totals.time = totals.time.saturating_add(Picos(exposed.0.saturating_mul(self.weight)));
        totals.ledger.add(cause, place, core_ps);
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
