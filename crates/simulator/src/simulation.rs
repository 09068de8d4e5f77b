//! A run: steps of a model, one after the other, on one device.

use indexmap::IndexMap;
use memwall_hardware::{Device, LaunchMode, SoftwareProfile, TierKind};
use memwall_model_graph::{Graph, OpId, Operator, TensorRole};
use memwall_units::{Bytes, Flops, Picos};

use crate::chip::{Chip, EngineKind, MAX_LEVELS};
use crate::demand::{self, Demand, touched_bytes};
use crate::ledger::Ledger;
use crate::memory::step_memory;
use crate::outcome::{Memo, Outcome};
use crate::residency::Residency;
use crate::{
    Cause, EngineRecord, LimitUnit, OperatorRecord, Options, PhaseRecord, Record, SimulationError, TierRecord,
};

/// A device on which steps are run one after the other. Caches, the host's lead and the clock carry over.
#[derive(Debug)]
pub struct Simulation {
    chip: Chip,
    options: Options,
    cache: Option<Residency>,
    memo: Memo,
    /// When the device and the host are free.
    device_free: Picos,
    host_free: Picos,
    host_busy: u128,
    host_issue: Picos,
    ledgers: [Ledger; 3],
    operators: IndexMap<OperatorKey, OperatorTotals>,
    phases: Vec<PhaseRecord>,
    tiers: TierTotals,
    operators_run: u64,
    events: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OperatorKey {
    label: std::borrow::Cow<'static, str>,
    kind: &'static str,
}

#[derive(Debug, Default)]
struct OperatorTotals {
    class: &'static str,
    count: u64,
    time: Picos,
    flops: Flops,
    mops: Bytes,
    dram_bytes: f64,
    roofline: Picos,
    ledger: Ledger,
}

#[derive(Debug, Default)]
struct TierTotals {
    levels_read: [f64; MAX_LEVELS],
    levels_written: [f64; MAX_LEVELS],
    feeds: [f64; 3],
    delivered: f64,
    tile_peak: f64,
    level_peaks: [f64; MAX_LEVELS],
    memory_peak: u64,
}

impl Simulation {
    /// A device at rest with cold caches.
    ///
    /// # Errors
    /// [`SimulationError::Machine`] when the device lacks what every run needs.
    pub fn new(
        device: &Device,
        software: &SoftwareProfile,
        options: Options,
    ) -> Result<Self, SimulationError> {
        let chip = Chip::new(device, software)?;
        let cache = chip.last_cache().map(|level| Residency::new(chip.levels[level].capacity as u64));
        let issue = software.issue.value.0 as f64 / device.host.speed.value.max(1e-6);
        Ok(Self {
            cache,
            memo: Memo::default(),
            device_free: Picos::ZERO,
            host_free: Picos::ZERO,
            host_busy: 0,
            host_issue: Picos(issue.ceil() as u64),
            ledgers: Default::default(),
            operators: IndexMap::new(),
            phases: Vec::new(),
            tiers: TierTotals::default(),
            operators_run: 0,
            events: 0,
            chip,
            options,
        })
    }

    /// Runs one step (a prefill, one decoded token). `tokens` is what it contributes to the phase's throughput.
    ///
    /// # Errors
    /// What must be in device memory does not fit, an operator cannot be mapped, or a limit is hit.
    pub fn step(&mut self, graph: &Graph, phase: &str, tokens: u64) -> Result<(), SimulationError> {
        let start = self.device_free;
        self.check_memory(graph)?;
        if self.chip.software.launch == LaunchMode::Graph {
            self.issue();
        }
        for (id, operator) in graph.iter() {
            self.run_operator(graph, id, operator)?;
        }
        self.count_step(phase, tokens, start);
        Ok(())
    }

    /// Says at once that `steps` steps like `graph` would pass the limit on operators, instead of after minutes.
    ///
    /// # Errors
    /// [`SimulationError::TooMuch`].
    pub fn foresee(&self, steps: u64, graph: &Graph) -> Result<(), SimulationError> {
        let operators = u128::from(steps) * graph.operators().len() as u128;
        let limit = self.options.limits.operators;
        if operators > u128::from(limit) {
            Err(SimulationError::TooMuch { operators, limit })
        } else {
            Ok(())
        }
    }

    /// Ends the run.
    #[must_use]
    pub fn finish(mut self) -> Record {
        debug_assert!(
            self.cache.as_ref().is_none_or(Residency::is_balanced),
            "the cache's books do not close"
        );
        let wall = self.device_free.max(self.host_free);
        self.launch_gap(wall);
        let device = &self.chip.device;
        let mut engines: Vec<EngineRecord> = EngineKind::ALL
            .into_iter()
            .filter(|kind| *kind != EngineKind::Special || self.chip.has_special())
            .map(|kind| self.ledgers[kind as usize].record(kind.name(), self.chip.units, device))
            .collect();
        let mut host = Ledger::default();
        host.busy = self.host_busy;
        host.add(Cause::Idle, None, u128::from(wall.0) - self.host_busy);
        engines.push(host.record("host", 1, device));
        Record {
            fidelity: self.options.fidelity,
            wall,
            tiers: self.tiers.records(&self.chip, self.cache.as_ref(), wall),
            operators: self.operators.into_iter().map(|(key, totals)| totals.record(key, device)).collect(),
            phases: self.phases,
            engines,
            events: self.events,
            notes: Vec::new(),
        }
    }

    fn check_memory(&mut self, graph: &Graph) -> Result<(), SimulationError> {
        let memory = step_memory(graph);
        self.tiers.memory_peak = self.tiers.memory_peak.max(memory.total());
        memory.check(&self.chip.device.tiers[self.chip.levels[self.chip.dram()].tier])
    }

    fn run_operator(&mut self, graph: &Graph, id: OpId, operator: &Operator) -> Result<(), SimulationError> {
        self.operators_run += 1;
        let limits = self.options.limits;
        let name = operator.label.as_ref();
        let over = |unit, limit, simulated| SimulationError::Limit {
            unit,
            limit,
            operator: operator.name(),
            simulated,
        };
        if self.operators_run > limits.operators {
            return Err(over(LimitUnit::Operators, limits.operators, self.device_free));
        }
        let mut demand = demand::cold(graph, operator, name);
        if let Some(cache) = &mut self.cache {
            touch_cache(cache, self.chip.fetch_on_write, graph, id, operator, &mut demand);
        }
        let events_left = limits.events.saturating_sub(self.events);
        let (outcome, events) = self.memo.outcome(&self.chip, self.options.fidelity, &demand, events_left)?;
        self.events += events;
        let start = self.launch(outcome.overhead);
        let end = start.checked_add(outcome.duration).filter(|end| *end <= limits.simulated_time);
        let Some(end) = end else {
            return Err(over(LimitUnit::SimulatedTime, limits.simulated_time.0, start));
        };
        self.device_free = end;
        self.book(graph, operator, &outcome);
        Ok(())
    }

    /// Issues the next kernel and returns when it starts, after `overhead` of the other kernels of its call; the wait is
    /// booked.
    fn launch(&mut self, overhead: Picos) -> Picos {
        if self.options.fidelity == crate::Fidelity::Bound {
            return self.device_free;
        }
        let gap = self.chip.kernel_gap().saturating_add(overhead);
        let ready = match self.chip.software.launch {
            LaunchMode::Graph => self.device_free.max(self.host_free).saturating_add(gap),
            LaunchMode::Stream => {
                self.issue();
                self.device_free.saturating_add(gap).max(self.host_free)
            }
            LaunchMode::Sync => {
                self.host_free = self.host_free.max(self.device_free);
                self.issue();
                self.host_free.saturating_add(gap)
            }
        };
        self.launch_gap(ready);
        self.device_free = ready;
        ready
    }

    fn issue(&mut self) {
        if self.options.fidelity != crate::Fidelity::Bound {
            self.host_free = self.host_free.saturating_add(self.host_issue);
            self.host_busy += u128::from(self.host_issue.0);
        }
    }

    /// Books the device's wait from now until `until` to launches.
    fn launch_gap(&mut self, until: Picos) {
        let gap = u128::from(until.saturating_sub(self.device_free).0) * u128::from(self.chip.units);
        for ledger in &mut self.ledgers {
            ledger.add(Cause::Launch, None, gap);
        }
    }

    fn book(&mut self, graph: &Graph, operator: &Operator, outcome: &Outcome) {
        for (ledger, part) in self.ledgers.iter_mut().zip(&outcome.ledgers) {
            ledger.add_all(part);
        }
        self.tiers.add(&self.chip, outcome);
        let counts = operator.counts(graph, self.options.counting);
        let key = OperatorKey { label: operator.label.clone(), kind: operator.kind.name() };
        let totals = self.operators.entry(key).or_default();
        totals.class = operator.class.name();
        totals.count += 1;
        totals.time = totals.time.saturating_add(outcome.duration);
        totals.flops = totals.flops.saturating_add(Flops(counts.flops));
        totals.mops = totals.mops.saturating_add(Bytes(counts.bytes()));
        let dram = self.chip.dram();
        totals.dram_bytes += outcome.traffic.read[dram] + outcome.traffic.write[dram];
        totals.roofline = totals.roofline.saturating_add(outcome.roofline);
        totals.ledger.add_all(&outcome.ledgers[outcome.primary as usize]);
    }

    fn count_step(&mut self, phase: &str, tokens: u64, start: Picos) {
        let time = self.device_free.saturating_sub(start);
        let position = self.phases.iter().position(|known| known.name == phase);
        let index = position.unwrap_or_else(|| {
            self.phases.push(PhaseRecord {
                name: phase.to_owned(),
                steps: 0,
                tokens: 0,
                time: Picos::ZERO,
                first_step: time,
                last_step: time,
            });
            self.phases.len() - 1
        });
        let record = &mut self.phases[index];
        record.steps += 1;
        record.tokens = record.tokens.saturating_add(tokens);
        record.time = record.time.saturating_add(time);
        record.last_step = time;
    }
}

/// Looks up what of the operands is cached, then moves the cache on: reads, writes, and results nobody needs any more.
pub(crate) fn touch_cache(
    cache: &mut Residency,
    fetch_on_write: bool,
    graph: &Graph,
    id: OpId,
    operator: &Operator,
    demand: &mut Demand,
) {
    for (operand, seen) in operator.inputs.iter().zip(&mut demand.inputs) {
        let tensor = graph.tensor(operand.tensor);
        seen.hit = cache.hit_fraction(tensor.key, tensor.bytes());
    }
    let mut written_back = 0;
    for operand in &operator.inputs {
        let tensor = graph.tensor(operand.tensor);
        written_back += cache.read(tensor.key, tensor.bytes(), touched_bytes(graph, operand));
    }
    for operand in &operator.outputs {
        let tensor = graph.tensor(operand.tensor);
        let touched = touched_bytes(graph, operand);
        if fetch_on_write {
            let missing = touched as f64 * (1.0 - cache.hit_fraction(tensor.key, tensor.bytes()));
            demand.fetched += (missing - cache.room() as f64).max(0.0);
        }
        written_back += cache.write(tensor.key, tensor.bytes(), touched);
    }
    demand.write_back = written_back as f64;
    for operand in &operator.inputs {
        let tensor = graph.tensor(operand.tensor);
        let passing = matches!(tensor.role, TensorRole::Activation | TensorRole::Input);
        if passing && graph.last_reader(operand.tensor) == Some(id) {
            cache.discard(tensor.key);
        }
    }
}

impl TierTotals {
    fn add(&mut self, chip: &Chip, outcome: &Outcome) {
        for level in 0..chip.levels.len() {
            let (read, write) = (outcome.traffic.read[level], outcome.traffic.write[level]);
            self.levels_read[level] += read;
            self.levels_written[level] += write;
            self.level_peaks[level] =
                self.level_peaks[level].max((read + write).min(chip.levels[level].capacity));
        }
        for (total, bytes) in self.feeds.iter_mut().zip(outcome.feed_bytes) {
            *total += bytes;
        }
        self.delivered += outcome.traffic.read[0];
        self.tile_peak = self.tile_peak.max(outcome.tile_bytes);
    }

    fn records(&self, chip: &Chip, cache: Option<&Residency>, wall: Picos) -> Vec<TierRecord> {
        let device = &chip.device;
        let seconds = wall.as_secs_f64();
        let record = |(index, tier): (usize, &memwall_hardware::Tier)| {
            let level = chip.levels.iter().position(|level| level.tier == index);
            let feed = chip.feeds.iter().position(|feed| feed.tier == index);
            let instances = match (tier.scope, level) {
                (memwall_hardware::Scope::PerCore, _) => u64::from(chip.units),
                (memwall_hardware::Scope::Shared(count), _) => u64::from(count.max(1)),
            };
            let capacity = tier.capacity.value.0.saturating_mul(instances);
            let (read, written, peak) = match (level, feed) {
                (Some(level), _) => (
                    self.levels_read[level],
                    self.levels_written[level],
                    if level == chip.dram() {
                        self.memory_peak as f64
                    } else if Some(level) == chip.last_cache() {
                        cache.map_or(0.0, |cache| cache.peak() as f64)
                    } else {
                        self.level_peaks[level]
                    },
                ),
                (None, Some(feed)) => {
                    let holds_tiles = feed + 1 == chip.feeds.len();
                    let written = if holds_tiles { self.delivered } else { self.feeds[feed + 1] };
                    // What is nearer the core holds a part of them at a time.
                    let most = if holds_tiles { f64::INFINITY } else { capacity as f64 };
                    (self.feeds[feed], written, self.tile_peak.min(most))
                }
                (None, None) => (0.0, 0.0, 0.0),
            };
            let total_rate = match tier.scope {
                memwall_hardware::Scope::PerCore => tier.bandwidth.value.0 * f64::from(chip.units),
                memwall_hardware::Scope::Shared(_) => tier.bandwidth.value.0,
            };
            // Writes into a per-core tier have a port of their own; its bandwidth is that towards the core.
            let busy = match level {
                Some(level) => {
                    let mut traffic = crate::plan::Traffic::default();
                    traffic.read[level] = read;
                    traffic.write[level] = written;
                    crate::outcome::level_seconds(chip, &traffic, level)
                }
                None => read / total_rate,
            };
            debug_assert!(peak <= capacity as f64, "{} holds {peak} of {capacity} bytes", tier.name);
            TierRecord {
                name: tier.name.clone(),
                bytes_read: Bytes(read.round() as u64),
                bytes_written: Bytes(written.round() as u64),
                bandwidth_utilization: if seconds > 0.0 { (busy / seconds).min(1.0) } else { 0.0 },
                peak_occupancy: Bytes((peak as u64).min(capacity)),
                capacity: Bytes(capacity),
            }
        };
        let registers_apart = |(_, tier): &(usize, &memwall_hardware::Tier)| tier.kind != TierKind::Registers;
        device.tiers.iter().enumerate().filter(registers_apart).map(record).collect()
    }
}

impl OperatorTotals {
    fn record(self, key: OperatorKey, device: &Device) -> OperatorRecord {
        OperatorRecord {
            bound_by: self.ledger.bound_by(device),
            label: key.label.into_owned(),
            kind: key.kind,
            class: self.class,
            count: self.count,
            time: self.time,
            flops: self.flops,
            mops: self.mops,
            dram_bytes: Bytes(self.dram_bytes.round() as u64),
            roofline: self.roofline,
            busy: self.ledger.busy,
            stalls: self.ledger.stalls(device),
        }
    }
}
