//! What happened: the data that reports are arithmetic over.

use memwall_units::{Bytes, Flops, Picos};

use crate::{Cause, EnergyRecord, Fidelity};

/// One simulated run.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The fidelity it ran at.
    pub fidelity: Fidelity,
    /// From the first issue to the last byte.
    pub wall: Picos,
    /// Steps by phase: prefill once, decode once a token.
    pub phases: Vec<PhaseRecord>,
    /// Engines, most important (matrix) first. For each, `units * wall = busy + sum(stalls)`.
    pub engines: Vec<EngineRecord>,
    /// Memory tiers, innermost first.
    pub tiers: Vec<TierRecord>,
    /// Where its energy went; of one device.
    pub energy: EnergyRecord,
    /// Operators by label, in order of first execution.
    pub operators: Vec<OperatorRecord>,
    /// Events processed (jumped-over ones not counted).
    pub events: u64,
    /// What a reader should know before believing the numbers: "fp64 is not in the catalog, ran as fp32".
    pub notes: Vec<String>,
    /// What happened when, where it was asked for.
    pub timeline: Option<crate::Timeline>,
    /// What several devices did together; `None` for one alone. The rest is then of one rank of the busiest stage.
    pub team: Option<TeamRecord>,
    /// Of an iteration of training, its passes.
    pub training: Option<TrainingRecord>,
}

/// The passes of an iteration of training.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingRecord {
    /// Mean time of a micro-batch's forward pass through each part that the reported stage holds.
    pub forward: Vec<Picos>,
    /// The same of its backward pass.
    pub backward: Vec<Picos>,
    /// What happened when in the pipeline.
    pub pipeline: crate::pipeline::PipelineRecord,
    /// Time from its end until the gradients are summed that were summed beside it.
    pub tail: Picos,
    /// Time of what follows: sums, the update, gathering.
    pub finish: Picos,
    /// Operations that an iteration needs on all devices: see [`memwall_model_graph::TrainingModel::useful_flops`].
    pub useful_flops: f64,
    /// Operations a second of all devices at their peaks.
    pub peak: f64,
    /// What the fullest stage keeps in memory.
    pub memory: Option<TrainingMemory>,
}

/// Device memory of a pipeline stage over an iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingMemory {
    /// The stage.
    pub stage: u32,
    /// What its devices hold when.
    pub timeline: crate::memory_timeline::MemoryTimeline,
}

/// What the devices of a parallel run did together.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamRecord {
    /// Ranks (devices).
    pub ranks: u64,
    /// Ranks that were simulated; the others do the same at the same time as one of them.
    pub simulated: u64,
    /// Collectives by label, in order of first execution, as one rank sees them.
    pub communication: Vec<CommunicationRecord>,
    /// Levels of the fabric, innermost first.
    pub links: Vec<LinkRecord>,
    /// Pipeline stages, in order.
    pub stages: Vec<StageRecord>,
}

/// All executions of the collectives that share a label.
#[derive(Debug, Clone, PartialEq)]
pub struct CommunicationRecord {
    /// `attention.all_reduce`.
    pub label: String,
    /// `all_reduce`.
    pub kind: &'static str,
    /// `tp`, `pp`, `dp`, `ep`, `cp`.
    pub dimension: &'static str,
    /// Ranks of its group.
    pub ranks: u32,
    /// Executions.
    pub count: u64,
    /// Bytes of their buffers together.
    pub bytes: u128,
    /// Their time together, what sharing the memory with kernels cost included.
    pub time: Picos,
    /// Of that, the time in which the rank could do nothing else.
    pub exposed: Picos,
    /// Time before them in which the rank could do nothing but wait for slower ones of its group.
    pub waiting: Picos,
    /// How the last of them ran: `ring, ll128`.
    pub way: String,
    /// The outermost level of the fabric that it crosses.
    pub over: String,
    /// Mean over the executions, in bytes per second.
    pub bus_bandwidth: f64,
}

/// What the links of one level of the fabric did.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkRecord {
    /// "NVLink 4 through NVSwitch".
    pub title: String,
    /// Bytes of data over all its links, for the collectives of the reported ranks' groups.
    pub bytes: f64,
    /// Part of the run that the busiest of them needed.
    pub utilization: f64,
    /// Energy of a byte over one of them, in joules; `None` where it is not known.
    pub energy_per_byte: Option<memwall_hardware::Estimate>,
}

/// What one pipeline stage did, as one of its ranks saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRecord {
    /// Its number.
    pub stage: u32,
    /// Time with an operator under way.
    pub running: Picos,
    /// Time waiting for collectives.
    pub communication: Picos,
    /// Time with nothing to do: the pipeline's bubble.
    pub bubble: Picos,
}

/// All steps of one phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseRecord {
    /// `encode`, `prefill`, `decode`.
    pub name: String,
    /// Steps run.
    pub steps: u64,
    /// Tokens that came out: sequences x new tokens for decode, processed tokens for encode and prefill.
    pub tokens: u64,
    /// Their time together.
    pub time: Picos,
    /// Time of the first step.
    pub first_step: Picos,
    /// Time of the last step.
    pub last_step: Picos,
}

/// The ledger of one engine, in core-picoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineRecord {
    /// `matrix`, `vector`, `special`, `host`.
    pub name: String,
    /// Units of this kind.
    pub units: u32,
    /// Useful work at datasheet peak.
    pub busy: u128,
    /// The rest, by cause and place, largest first.
    pub stalls: Vec<Stall>,
}

/// One line of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    /// Why.
    pub cause: Cause,
    /// The tier or link, where the cause has one.
    pub place: Option<String>,
    /// Core-picoseconds.
    pub ps: u128,
}

/// What one memory tier did.
#[derive(Debug, Clone, PartialEq)]
pub struct TierRecord {
    /// `hbm`.
    pub name: String,
    /// Read from it towards the cores.
    pub bytes_read: Bytes,
    /// Written to it from the cores' side.
    pub bytes_written: Bytes,
    /// Time its link needs at full bandwidth for what it moved, over the wall time; 0 to 1.
    pub bandwidth_utilization: f64,
    /// The most it held at once (all instances together).
    pub peak_occupancy: Bytes,
    /// What it can hold (all instances together).
    pub capacity: Bytes,
}

/// All executions of the operators that share a label.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorRecord {
    /// `mlp.up`.
    pub label: String,
    /// `matmul`, `attention`, `norm`.
    pub kind: &'static str,
    /// Class of the paper's tables: `mha_proj`, `act_act`, `ffn_proj`, `other`.
    pub class: &'static str,
    /// Executions.
    pub count: u64,
    /// Their time together.
    pub time: Picos,
    /// Operations, by the chosen counting convention.
    pub flops: Flops,
    /// Bytes accessed, by the chosen counting convention.
    pub mops: Bytes,
    /// Bytes that crossed the DRAM tier, both directions.
    pub dram_bytes: Bytes,
    /// Bytes that each tier gave towards the cores and, of tiers that all cores share, that were written to it; in the
    /// order of [`Record::tiers`].
    pub tier_bytes: Vec<Bytes>,
    /// The least time any tier or engine allows for what was moved and computed.
    pub roofline: Picos,
    /// Core-picoseconds of the engine it runs on that did useful work.
    pub busy: u128,
    /// Where the rest of that engine's time went while it ran, largest first.
    pub stalls: Vec<Stall>,
    /// Its largest ledger entry: `compute`, or a cause with its place such as `bandwidth(hbm)`.
    pub bound_by: String,
}

impl PhaseRecord {
    /// Counts a step of the phase called `name` among `phases`, which took `time`.
    pub(crate) fn count(phases: &mut Vec<Self>, name: &str, tokens: u64, time: Picos) {
        let position = phases.iter().position(|known| known.name == name);
        let index = position.unwrap_or_else(|| {
            let (name, steps, tokens) = (name.to_owned(), 0, 0);
            phases.push(Self { name, steps, tokens, time: Picos::ZERO, first_step: time, last_step: time });
            phases.len() - 1
        });
        let record = &mut phases[index];
        record.steps += 1;
        record.tokens = record.tokens.saturating_add(tokens);
        record.time = record.time.saturating_add(time);
        record.last_step = time;
    }
}

impl EngineRecord {
    /// What most of its time went to: `compute`, or a cause with its place such as `bandwidth(hbm)`.
    #[must_use]
    pub fn bound_by(&self) -> String {
        bound_by(self.busy, &self.stalls)
    }
}

/// `compute`, or the largest of `stalls`, which are in order.
pub(crate) fn bound_by(busy: u128, stalls: &[Stall]) -> String {
    match stalls.first() {
        Some(stall) if stall.ps > busy => match &stall.place {
            Some(place) => format!("{}({place})", stall.cause.name()),
            None => stall.cause.name().to_owned(),
        },
        _ => "compute".to_owned(),
    }
}
