//! A run: steps of a model, one after the other, on one device.

mod far;
mod planner;
mod rank;
mod tiers;
mod times;

use std::rc::Rc;

use indexmap::IndexMap;
use memwall_hardware::{Device, Figure, LaunchMode, SoftwareProfile};
use memwall_model_graph::{Graph, OpId, OpKind, Operator, TensorRole};
use memwall_units::{Bytes, Flops, Picos};

use crate::chip::{Chip, EngineKind};
use crate::demand::{self, Demand, looked_up_hit, touched_bytes};
use crate::energy::EnergyMeter;
use crate::ledger::Ledger;
use crate::lower::Planner;
use crate::memory::step_memory;
use crate::outcome::{Memo, Outcome};
use crate::residency::Residency;
use crate::{
    Cause, EngineRecord, Interval, LimitUnit, OperatorRecord, Options, PhaseRecord, Record, SimulationError,
    Timeline, Track,
};
use far::Far;
use planner::PlannerState;
pub(crate) use rank::Footprint;
use tiers::{TierBytes, TierTotals};

/// A device on which steps are run one after the other. Caches, the host's lead and the clock carry over.
#[derive(Debug)]
pub struct Simulation {
    chip: Chip,
    options: Options,
    cache: Option<Residency>,
    /// The machine it is planned for, where that is another.
    planner: Option<PlannerState>,
    memo: Memo,
    /// When the device and the host are free.
    device_free: Picos,
    host_free: Picos,
    host_busy: u128,
    host_issue: Picos,
    /// What a serving loop takes between two steps.
    host_serving: Picos,
    ledgers: [Ledger; 3],
    operators: IndexMap<OperatorKey, OperatorTotals>,
    phases: Vec<PhaseRecord>,
    tiers: TierTotals,
    energy: EnergyMeter,
    operators_run: u64,
    events: u64,
    timeline: Option<Timeline>,
    /// How often what runs now happens: it is booked that many times, while the clock passes once.
    weight: u64,
    /// What the last operator gave.
    last: Option<Rc<Outcome>>,
    /// What lies behind the device memory, where anything is kept there.
    far: Option<Far>,
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
    tiers: TierBytes,
    roofline: Picos,
    ledger: Ledger,
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
        let mut chip = Chip::new(device, software)?;
        let exact = options.fidelity != crate::Fidelity::Bound;
        let far = options.placement.map(|placement| Far::new(&mut chip, placement, exact)).transpose()?;
        let cache = chip.last_cache().map(|level| Residency::new(chip.levels[level].capacity as u64));
        let on_host = |picos: f64| Picos((picos / device.host.speed.value.max(1e-6)).ceil() as u64);
        Ok(Self {
            cache,
            planner: None,
            memo: Memo::default(),
            device_free: Picos::ZERO,
            host_free: Picos::ZERO,
            host_busy: 0,
            host_issue: on_host(software.issue.value.0 as f64),
            host_serving: on_host(serving_picos(software, &options)),
            ledgers: Default::default(),
            operators: IndexMap::new(),
            phases: Vec::new(),
            tiers: TierTotals::default(),
            energy: EnergyMeter::new(device),
            operators_run: 0,
            events: 0,
            timeline: options.timeline.then(Timeline::default),
            weight: 1,
            last: None,
            far,
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
        self.serve();
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
        let places = &self.chip.places;
        let mut engines: Vec<EngineRecord> = EngineKind::ALL
            .into_iter()
            .filter(|kind| *kind != EngineKind::Special || self.chip.has_special())
            .map(|kind| self.ledgers[kind as usize].record(kind.name(), self.chip.units, places))
            .collect();
        let mut host = Ledger::default();
        host.busy = self.host_busy;
        host.add(Cause::Idle, None, u128::from(wall.0) - self.host_busy);
        engines.push(host.record("host", 1, places));
        Record {
            fidelity: self.options.fidelity,
            wall,
            energy: self.energy.record(&self.chip, wall),
            tiers: self.tiers.records(&self.chip, self.cache.as_ref(), self.far.as_ref(), wall),
            operators: self
                .operators
                .into_iter()
                .map(|(key, totals)| totals.record(key, &self.chip))
                .collect(),
            phases: self.phases,
            engines,
            events: self.events,
            notes: Vec::new(),
            timeline: self.timeline,
            team: None,
            training: None,
        }
    }

    fn check_memory(&mut self, graph: &Graph) -> Result<(), SimulationError> {
        let mut memory = step_memory(graph);
        if let Some(far) = &mut self.far {
            far.check(&self.chip, graph, &mut memory)?;
        }
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
        let planned = self.planner.as_mut().map(|planner| planner.demand(graph, id, operator, name));
        let held = self.planner.as_ref().zip(planned.as_ref());
        let held = held.map(|(planner, demand)| Planner { chip: &planner.chip, demand });
        let (outcome, events) =
            self.memo.outcome(&self.chip, self.options.fidelity, &demand, held, events_left)?;
        self.events += events;
        let launched = self.launch(outcome.overhead);
        let start = self.await_far(graph, operator, &demand, launched);
        let end = start.checked_add(outcome.duration).filter(|end| *end <= limits.simulated_time);
        let Some(end) = end else {
            return Err(over(LimitUnit::SimulatedTime, limits.simulated_time.0, start));
        };
        self.device_free = end;
        self.book(graph, operator, &outcome, start.saturating_sub(launched));
        if let Some(far) = &mut self.far {
            far.ended(end);
        }
        self.note_kernel(operator, start, &outcome);
        self.last = Some(outcome);
        Ok(())
    }

    /// When what the operator reads from behind the device memory is there, `launched` at the earliest; the wait is booked
    /// to that link.
    fn await_far(&mut self, graph: &Graph, operator: &Operator, demand: &Demand, launched: Picos) -> Picos {
        let Some(far) = &mut self.far else { return launched };
        let missed = demand.inputs.first().map_or(0.0, |table| table.bytes * (1.0 - table.hit));
        let start = far.arrival(graph, operator, missed, launched).max(launched);
        let wait = u128::from(start.saturating_sub(launched).0) * u128::from(self.chip.units);
        for ledger in &mut self.ledgers {
            ledger.add(Cause::Bandwidth, Some(far.placement.tier as usize), wait);
        }
        self.device_free = start;
        start
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
            let start = self.host_free;
            self.host_free = self.host_free.saturating_add(self.host_issue);
            self.note(Track::Host(0), "issue".into(), start, self.host_issue, String::new());
            self.host_busy += u128::from(self.host_issue.0) * u128::from(self.weight);
        }
    }

    /// Lets the serving loop, where there is one, take the step's results and decide on the next step: the host first
    /// waits for the device, then the device for the host.
    pub(crate) fn serve(&mut self) {
        if self.host_serving == Picos::ZERO {
            return;
        }
        let start = self.host_free.max(self.device_free);
        self.note(Track::Host(0), "serving loop".into(), start, self.host_serving, String::new());
        self.host_busy += u128::from(self.host_serving.0);
        self.host_free = start.saturating_add(self.host_serving);
        self.launch_gap(self.host_free);
        self.device_free = self.host_free;
    }

    /// What [`Simulation::serve`] takes.
    pub(crate) const fn serving(&self) -> Picos {
        self.host_serving
    }

    /// Books the device's wait from now until `until` to launches.
    fn launch_gap(&mut self, until: Picos) {
        let gap = self.core_ps(until.saturating_sub(self.device_free));
        for ledger in &mut self.ledgers {
            ledger.add(Cause::Launch, None, gap);
        }
    }

    fn note_kernel(&mut self, operator: &Operator, start: Picos, outcome: &Outcome) {
        if self.timeline.is_some() {
            let bound_by = outcome.ledgers[outcome.primary as usize].bound_by(&self.chip.places);
            self.note(Track::Kernels(0), operator.name().into(), start, outcome.duration, bound_by);
        }
    }

    fn note(
        &mut self,
        track: Track,
        name: std::borrow::Cow<'static, str>,
        start: Picos,
        duration: Picos,
        detail: String,
    ) {
        if let Some(timeline) = &mut self.timeline {
            timeline.push(Interval { track, name, start, duration, detail });
        }
    }

    /// Books what an operator did after `awaited`, its wait for what is kept behind the device memory.
    fn book(&mut self, graph: &Graph, operator: &Operator, outcome: &Outcome, awaited: Picos) {
        let repeated = (self.weight != 1).then(|| outcome.times(self.weight));
        let outcome = repeated.as_ref().unwrap_or(outcome);
        for (ledger, part) in self.ledgers.iter_mut().zip(&outcome.ledgers) {
            ledger.add_all(part);
        }
        self.tiers.add(&self.chip, outcome);
        self.energy.add(&self.chip, outcome);
        let counts = operator.counts(graph, self.options.counting);
        let key = OperatorKey { label: operator.label.clone(), kind: operator.kind.name() };
        let totals = self.operators.entry(key).or_default();
        totals.class = operator.class.name();
        totals.count += self.weight;
        let time = outcome.duration.saturating_add(awaited);
        totals.time = totals.time.saturating_add(time);
        let flops = counts.flops.saturating_mul(u128::from(self.weight));
        totals.flops = totals.flops.saturating_add(Flops(flops));
        totals.mops = totals.mops.saturating_add(Bytes(counts.bytes().saturating_mul(self.weight)));
        totals.tiers.add(&self.chip, outcome);
        let mut roofline = outcome.roofline;
        if let Some(far) = &self.far {
            // What was copied while earlier operators ran took none of this one's time.
            roofline = roofline.max(far.least().min(time.saturating_sub(Picos(1))));
            let waited = u128::from(awaited.0) * u128::from(self.chip.units);
            totals.ledger.add(Cause::Bandwidth, Some(far.placement.tier as usize), waited);
        }
        totals.roofline = totals.roofline.saturating_add(roofline);
        totals.ledger.add_all(&outcome.ledgers[outcome.primary as usize]);
    }

    fn count_step(&mut self, phase: &str, tokens: u64, start: Picos) {
        let time = self.device_free.saturating_sub(start);
        PhaseRecord::count(&mut self.phases, phase, tokens, time);
    }
}

/// Host time between two steps, on the host that the figures are of; a bound has none.
fn serving_picos(software: &SoftwareProfile, options: &Options) -> f64 {
    let picos = |figure: &Option<Figure<Picos>>| figure.as_ref().map_or(0.0, |figure| figure.value.0 as f64);
    match options.fidelity {
        crate::Fidelity::Bound => 0.0,
        _ => picos(&software.serving_step) + options.sequences as f64 * picos(&software.serving_sequence),
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
    if let (OpKind::GatherSum(shape), Some(table)) = (&operator.kind, demand.inputs.first_mut()) {
        let row = shape.cols as f64 * table.element_bytes;
        let hit = looked_up_hit(shape, cache.capacity() as f64, row, table.hit);
        // Whole bytes miss.
        let missed = (table.bytes * (1.0 - hit)).ceil().min(table.bytes);
        table.hit = 1.0 - missed / table.bytes.max(1.0);
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

impl OperatorTotals {
    fn record(self, key: OperatorKey, chip: &Chip) -> OperatorRecord {
        let places = &chip.places;
        OperatorRecord {
            bound_by: self.ledger.bound_by(places),
            label: key.label.into_owned(),
            kind: key.kind,
            class: self.class,
            count: self.count,
            time: self.time,
            flops: self.flops,
            mops: self.mops,
            dram_bytes: self.tiers.of_dram(chip),
            tier_bytes: self.tiers.by_tier(chip),
            roofline: self.roofline,
            busy: self.ledger.busy,
            stalls: self.ledger.stalls(places),
        }
    }
}
