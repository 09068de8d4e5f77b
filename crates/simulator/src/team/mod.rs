//! Several devices that run one model together: ranks, their collectives, the pipeline.
//!
//! Ranks of a stage have the same graph, so one of them stands for all; where one is slower it is simulated beside the
//! others, and whoever meets it in a collective waits. A stage's kernels run one after the other; a collective starts
//! when its inputs are there on every rank of its group, and only what needs its result waits for it: what runs
//! meanwhile [shares](overlap) the device's memory and cores with it. Collectives of a rank run one after the other, as
//! on a stream of their own. All groups of a stage run theirs at the same time, so those that meet on a link share it.

pub(crate) mod groups;
mod overlap;
mod stage;
mod totals;
pub(crate) mod train;
pub(crate) mod train_memory;
mod train_offload;

use std::collections::HashMap;

use memwall_hardware::{CommunicationLibrary, Device, Fabric, SoftwareProfile};
use memwall_model_graph::{Collective, CollectiveKind, Graph, OpId, OpKind, Operator, Parallel};
use memwall_units::Picos;

use crate::collective::CollectiveOutcome;
use crate::record::TeamRecord;
use crate::{
    Call, Cause, Communicator, Interval, Options, PhaseRecord, Placement, Record, Simulation,
    SimulationError, Timeline, Track,
};
use groups::{groups, stage_ranks};
use overlap::{UnderWay, share};
use stage::{Pending, Rank, Settled, Stage};
use totals::Totals;

/// DRAM bytes that a rank reads and writes for each byte it sends: it reads what it sends, and what it receives it adds
/// to what it has or writes down.
const DRAM_BYTES_A_BYTE_SENT: f64 = 3.0;

/// What a team runs on and how its model is divided.
#[derive(Debug, Clone, Copy)]
pub struct TeamSetup<'a> {
    /// Every rank's device.
    pub device: &'a Device,
    /// What the software adds.
    pub software: &'a SoftwareProfile,
    /// The links between the devices.
    pub fabric: &'a Fabric,
    /// What the communication library adds.
    pub library: &'a CommunicationLibrary,
    /// How the model is divided.
    pub parallel: Parallel,
    /// Ranks that are slower, with the share of the others' speed they have.
    pub slow: &'a [(u32, f64)],
    /// Fidelity and limits.
    pub options: Options,
    /// The machine whose plans are executed, where that is another: its devices' tiles and waves
    /// ([`Simulation::with_plans_of`]), and the algorithms and protocols of its collectives.
    pub plans_of: Option<(&'a Device, &'a Fabric)>,
}

/// Devices that run steps of one model together. Caches, clocks and the pipeline's fill carry over.
#[derive(Debug)]
pub struct Team<'a> {
    setup: TeamSetup<'a>,
    stages: Vec<Stage>,
    outcomes: HashMap<(u32, Collective), CollectiveOutcome>,
    /// For each micro-batch, when the last stage has finished its latest step.
    returned: Vec<Picos>,
    phases: Vec<PhaseRecord>,
    totals: Totals,
    timeline: Timeline,
    /// Index of the first level's name among the places, and of the bubble's.
    level_place: usize,
    bubble_place: usize,
}

impl<'a> Team<'a> {
    /// A team at rest with cold caches.
    ///
    /// # Errors
    /// The device lacks what every run needs, or the machine has fewer devices than the team ranks.
    pub fn new(setup: TeamSetup<'a>) -> Result<Self, SimulationError> {
        let (ranks, devices) = (setup.parallel.ranks(), setup.fabric.devices());
        if ranks > u64::from(devices) {
            return Err(SimulationError::Machine {
                device: setup.device.name.clone(),
                reason: format!("{ranks} ranks need as many devices, and the machine has {devices}"),
            });
        }
        let levels = || setup.fabric.levels().iter().map(level_name);
        let mut places = (0, 0);
        let micro_batches = setup.parallel.micro_batches.max(1);
        let sequences = setup.options.sequences.div_ceil(u64::from(micro_batches));
        // Of training, only what lies between passes is kept elsewhere: see `train_offload`.
        let between = |placement: &Placement| placement.weights || placement.tables || placement.kv_cache;
        let placement = setup.options.placement.filter(between);
        let options = Options { sequences, placement, ..setup.options };
        let mut stages = Vec::with_capacity(setup.parallel.pipeline as usize);
        for number in 0..setup.parallel.pipeline.max(1) {
            let mut ranks = Vec::new();
            for pace in paces(&setup, number) {
                let mut simulation = Simulation::new(setup.device, setup.software, options)?;
                if let Some((device, _)) = setup.plans_of {
                    simulation = simulation.with_plans_of(device)?;
                }
                let first = simulation.add_places(levels());
                places = (first, simulation.add_places(std::iter::once("bubble".to_owned())));
                ranks.push(Rank { simulation, pace });
            }
            stages.push(Stage::new(number, ranks));
        }
        Ok(Self {
            stages,
            outcomes: HashMap::new(),
            returned: vec![Picos::ZERO; micro_batches as usize],
            phases: Vec::new(),
            timeline: Timeline::default(),
            totals: Totals::new(setup.fabric.levels()),
            level_place: places.0,
            bubble_place: places.1,
            setup,
        })
    }

    /// Runs one step. `graphs` are those of one rank of each stage for one micro-batch; `tokens` is what the step
    /// contributes to the phase's throughput, of all micro-batches and copies.
    ///
    /// # Errors
    /// What must be in device memory does not fit, an operator cannot be mapped, a collective cannot run, or a limit is
    /// hit.
    pub fn step(&mut self, graphs: &[&Graph], phase: &str, tokens: u64) -> Result<(), SimulationError> {
        let start = self.returned.iter().copied().max().unwrap_or_default();
        let micro_batches = self.returned.len();
        for batch in 0..micro_batches {
            let mut arrival = self.returned[batch];
            for (stage, graph) in graphs.iter().enumerate() {
                arrival = self.pass(stage, graph, arrival)?;
            }
            self.returned[batch] = self.serve(arrival);
        }
        let end = self.returned.iter().copied().max().unwrap_or_default();
        PhaseRecord::count(&mut self.phases, phase, tokens, end.saturating_sub(start));
        Ok(())
    }

    /// When the serving loop, where there is one, has dealt with the results that came at `arrival`. With several stages
    /// the first has other micro-batches to go on with meanwhile.
    fn serve(&mut self, arrival: Picos) -> Picos {
        let of_a_stage = self.stages.first().and_then(|stage| stage.ranks.first());
        let serving = of_a_stage.map_or(Picos::ZERO, |rank| rank.simulation.serving());
        if let [only] = self.stages.as_mut_slice() {
            only.ranks.iter_mut().for_each(|rank| rank.simulation.serve());
        }
        arrival.saturating_add(serving)
    }

    /// Says at once that `steps` steps like these would pass the limit on operators.
    ///
    /// # Errors
    /// [`SimulationError::TooMuch`].
    pub fn foresee(&self, steps: u64, graphs: &[&Graph]) -> Result<(), SimulationError> {
        let operators: u128 = graphs.iter().map(|graph| graph.operators().len() as u128).sum();
        let operators = u128::from(steps) * operators * self.returned.len() as u128;
        let limit = self.setup.options.limits.operators;
        if operators > u128::from(limit) {
            Err(SimulationError::TooMuch { operators, limit })
        } else {
            Ok(())
        }
    }

    /// Ends the run. The record is that of a rank of the stage that worked most, the fastest of its ranks.
    #[must_use]
    pub fn finish(mut self) -> Record {
        let end = self.close();
        let stages = self.stages.iter().map(|stage| stage.record(end)).collect();
        let simulated = self.stages.iter().map(|stage| stage.ranks.len() as u64).sum();
        let busiest = self.stages.iter().max_by_key(|stage| (stage.busy(), std::cmp::Reverse(stage.number)));
        let busiest = busiest.map_or(0, |stage| stage.number as usize);
        let team = TeamRecord {
            ranks: self.setup.parallel.ranks(),
            simulated,
            communication: self.totals.communication(busiest),
            links: self.totals.links(end),
            stages,
        };
        let records = self.stages.into_iter().map(|stage| {
            let first = stage.ranks.into_iter().next();
            first.map(|rank| (stage.number, rank.simulation.finish()))
        });
        let mut records: Vec<(u32, Record)> = records.flatten().collect();
        for (stage, record) in &mut records {
            self.timeline.append(record.timeline.take().unwrap_or_default(), *stage);
        }
        let mut record = records.swap_remove(busiest).1;
        record.timeline = self.setup.options.timeline.then_some(self.timeline);
        record.phases = self.phases;
        if self.setup.parallel.pipeline > 1 {
            record.notes.push(format!(
                "engines, tiers and operators are those of a rank of stage {busiest}, the busiest of {}",
                self.setup.parallel.pipeline
            ));
        }
        record.team = Some(team);
        record
    }

    /// Ends the run: the record of every simulated rank, stage after stage, the fastest rank of a stage first.
    #[must_use]
    pub fn finish_each(mut self) -> Vec<Record> {
        self.close();
        let ranks = self.stages.into_iter().flat_map(|stage| stage.ranks);
        ranks.map(|rank| rank.simulation.finish()).collect()
    }

    /// Lets every rank wait for the last; when that is.
    fn close(&mut self) -> Picos {
        let ranks = self.stages.iter().flat_map(|stage| &stage.ranks);
        let end = ranks.map(|rank| rank.simulation.now()).max().unwrap_or_default();
        for stage in &mut self.stages {
            stage.idle(end, self.bubble_place);
        }
        end
    }

    /// Sends a micro-batch that arrives at `arrival` through a stage; when it reaches the next one.
    fn pass(&mut self, stage: usize, graph: &Graph, arrival: Picos) -> Result<Picos, SimulationError> {
        let caches = self.returned.len() as u64;
        let place = self.bubble_place;
        self.stages[stage].idle(arrival, place);
        for rank in &mut self.stages[stage].ranks {
            rank.simulation.begin(graph, caches)?;
        }
        let mut sent = Picos::ZERO;
        for (id, operator) in graph.iter() {
            match &operator.kind {
                OpKind::Collective(collective) if collective.kind == CollectiveKind::Recv => {
                    // It has arrived: that is when the stage begins. What it took, the stage before knows.
                    let before = stage.checked_sub(1).unwrap_or(self.stages.len() - 1);
                    let sent = Collective { kind: CollectiveKind::Send, ..*collective };
                    let outcome = self.outcome(before, sent)?;
                    self.settle_message(stage, operator, collective, &outcome);
                }
                OpKind::Collective(collective) if collective.kind == CollectiveKind::Send => {
                    self.settle(stage, graph, operator);
                    sent = self.send(stage, operator, *collective)?;
                }
                OpKind::Collective(collective) => self.collective(stage, graph, id, operator, *collective)?,
                _ => self.kernel(stage, graph, id, operator)?,
            }
        }
        self.settle_all(stage);
        let end = self.stages[stage].ranks.iter().map(|rank| rank.simulation.now()).max().unwrap_or_default();
        Ok(end.saturating_add(sent))
    }

    /// A kernel, which waits for what it needs, and shares the device with a collective that is under way.
    fn kernel(
        &mut self,
        stage: usize,
        graph: &Graph,
        id: OpId,
        operator: &Operator,
    ) -> Result<(), SimulationError> {
        let (cores, fidelity) = (self.setup.library.cores.value, self.setup.options.fidelity);
        self.settle(stage, graph, operator);
        let stage = &mut self.stages[stage];
        let mut next = None;
        for (index, rank) in stage.ranks.iter_mut().enumerate() {
            let start = rank.simulation.now();
            let mut footprint = rank.simulation.run_one(graph, id, operator)?;
            if rank.pace < 1.0 {
                let longer = Picos((footprint.duration.0 as f64 * (1.0 / rank.pace - 1.0)).ceil() as u64);
                rank.simulation.wait(rank.simulation.now().saturating_add(longer), Cause::Power, None);
                footprint.duration = footprint.duration.saturating_add(longer);
            }
            // A bound leaves out what the two cost each other.
            let shares = fidelity != crate::Fidelity::Bound;
            let Some(under_way) = stage.under_way.filter(|_| shares) else { continue };
            let (units, rate) = (rank.simulation.units(), rank.simulation.dram_rate());
            // Between kernels it went on alone.
            let gap = rank.simulation.now().saturating_sub(start).saturating_sub(footprint.duration);
            let Some(under_way) = under_way.after(gap) else {
                next = next.or(Some(None));
                continue;
            };
            let shared = share(footprint, under_way, (cores, units), rate)?;
            let until = rank.simulation.now().saturating_add(shared.kernel_extra);
            let place = stage.pending.last().map(|pending| pending.place);
            rank.simulation.wait(until, Cause::Communication, place);
            if index == 0 {
                next = Some(shared.left);
            }
        }
        if let Some(left) = next {
            stage.collective_went_on(left);
        }
        Ok(())
    }

    /// Starts a collective when its inputs are there on all ranks.
    fn collective(
        &mut self,
        stage: usize,
        graph: &Graph,
        id: OpId,
        operator: &Operator,
        collective: Collective,
    ) -> Result<(), SimulationError> {
        let outcome = self.outcome(stage, collective)?;
        let place = self.level_place + outcome.levels.last().map_or(0, |level| usize::from(level.level));
        self.settle(stage, graph, operator);
        let of_stage = &mut self.stages[stage];
        let ready: Vec<Picos> =
            of_stage.ranks.iter_mut().map(|rank| rank.simulation.issue_collective()).collect();
        let last = ready.iter().copied().max().unwrap_or_default();
        let start = last.max(of_stage.stream_free);
        let end = start.saturating_add(outcome.time);
        let sent: f64 = outcome.levels.iter().map(|level| level.bytes / level.links.max(1) as f64).sum();
        of_stage.stream_free = end;
        of_stage.under_way =
            Some(UnderWay { left: end.saturating_sub(last), dram_bytes: sent * DRAM_BYTES_A_BYTE_SENT });
        of_stage.pending.push(Pending { id, start, end, place, operator: operator.clone() });
        let often = self.stages[stage].weight();
        self.totals.carry(&outcome, often);
        self.totals.add(stage, operator, &collective, &outcome, often);
        self.note(stage, operator, start, &outcome);
        // What comes next nearly always needs it. Where it does not, others go on meanwhile.
        if next_needs(graph, id) {
            self.settle_all(stage);
        }
        Ok(())
    }

    /// Waits for the collectives whose results an operator reads.
    fn settle(&mut self, stage: usize, graph: &Graph, operator: &Operator) {
        let reads = |id: OpId| operator.inputs.iter().any(|input| graph.producer(input.tensor) == Some(id));
        let pending = &self.stages[stage].pending;
        // Those before it on the stream have ended when it has.
        if let Some(last) = pending.iter().rposition(|pending| reads(pending.id)) {
            self.settle_through(stage, last);
        }
    }

    /// Waits for every collective.
    fn settle_all(&mut self, stage: usize) {
        if let Some(last) = self.stages[stage].pending.len().checked_sub(1) {
            self.settle_through(stage, last);
        }
    }

    fn settle_through(&mut self, stage: usize, last: usize) {
        for settled in self.stages[stage].settle_through(last) {
            self.totals.settled(stage, &settled);
        }
    }

    /// Sends a micro-batch's activations to the next stage, beside whatever comes next here; how long that takes.
    fn send(
        &mut self,
        stage: usize,
        operator: &Operator,
        collective: Collective,
    ) -> Result<Picos, SimulationError> {
        let outcome = self.outcome(stage, collective)?;
        let start = self.stages[stage].ranks[0].simulation.now();
        self.totals.carry(&outcome, self.stages[stage].weight());
        self.settle_message(stage, operator, &collective, &outcome);
        self.note(stage, operator, start, &outcome);
        Ok(outcome.time)
    }

    /// Counts a message between stages, for which nobody waits.
    fn settle_message(
        &mut self,
        stage: usize,
        operator: &Operator,
        collective: &Collective,
        outcome: &CollectiveOutcome,
    ) {
        let often = self.stages[stage].weight();
        self.totals.add(stage, operator, collective, outcome, often);
        let (time, operator) = (outcome.time, operator.clone());
        let message = Settled { operator, time, exposed: Picos::ZERO, waiting: Picos::ZERO };
        self.totals.settled(stage, &message);
    }

    /// A collective of this stage's groups, all at the same time.
    fn outcome(
        &mut self,
        stage: usize,
        collective: Collective,
    ) -> Result<CollectiveOutcome, SimulationError> {
        let key = (stage as u32, collective);
        if let Some(known) = self.outcomes.get(&key) {
            return Ok(known.clone());
        }
        let mut all = groups(&self.setup.parallel, collective.dimension, stage as u32);
        let group = all.remove(0);
        let mut call = Call {
            skew: f64::from(collective.skew_permille) / 1000.0,
            beside: all,
            ..Call::new(collective.kind, collective.bytes, group)
        };
        if let Some((_, fabric)) = self.setup.plans_of {
            let chosen = Communicator::new(fabric, self.setup.library).run(&call)?;
            (call.algorithm, call.protocol) = (Some(chosen.algorithm), Some(chosen.protocol));
        }
        let outcome = Communicator::new(self.setup.fabric, self.setup.library).run(&call)?;
        self.outcomes.insert(key, outcome.clone());
        Ok(outcome)
    }

    /// Notes a collective in the timeline.
    fn note(&mut self, stage: usize, operator: &Operator, start: Picos, outcome: &CollectiveOutcome) {
        if !self.setup.options.timeline {
            return;
        }
        let detail = format!("{}, {}", outcome.algorithm.name(), outcome.protocol.name());
        let mut push = |track| {
            self.timeline.push(Interval {
                track,
                name: operator.name().into(),
                start,
                duration: outcome.time,
                detail: detail.clone(),
            });
        };
        push(Track::Communication(stage as u32));
        outcome.levels.iter().for_each(|level| push(Track::Links(level.level)));
    }
}

/// A level's name in a ledger: the generation of its links, such as `nvlink4`, or its title.
fn level_name(level: &memwall_hardware::FabricLevel) -> String {
    level.generation.clone().unwrap_or_else(|| level.title.clone())
}

/// Whether the operator after `id` reads what `id` writes, or there is none.
fn next_needs(graph: &Graph, id: OpId) -> bool {
    let Some(next) = graph.operators().get(id.0 as usize + 1) else { return true };
    next.inputs.iter().any(|input| graph.producer(input.tensor) == Some(id))
}

/// The speeds that ranks of a stage have, that of most first.
fn paces(setup: &TeamSetup<'_>, stage: u32) -> Vec<f64> {
    let ranks = stage_ranks(&setup.parallel);
    let first = stage.saturating_mul(ranks);
    let of_stage = first..first.saturating_add(ranks);
    let mut paces = Vec::new();
    let slow: Vec<f64> =
        setup.slow.iter().filter(|(rank, _)| of_stage.contains(rank)).map(|(_, pace)| *pace).collect();
    if slow.len() < ranks as usize {
        paces.push(1.0);
    }
    for pace in slow {
        if !paces.contains(&pace) {
            paces.push(pace);
        }
    }
    paces
}
