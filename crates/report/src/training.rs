//! What an iteration of training took and kept, as the data that every output format prints.

use memwall_simulator::{Record, TrainingMemory, TrainingRecord};
use memwall_units::Picos;
use serde::Serialize;

use crate::EnergyReport;
use crate::chart::{MemoryAreas, Pipeline};
use crate::number::ratio;

const TRILLION: f64 = 1e12;
const SECONDS_AN_HOUR: f64 = 3600.0;
const JOULES_A_MEGAWATT_HOUR: f64 = 3.6e9;

/// What a person asked to know of a whole training beside one iteration.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TrainingGoal {
    /// Tokens of the whole training.
    pub tokens: Option<f64>,
    /// What an hour of a device costs, in dollars.
    pub dollars_an_hour: Option<f64>,
}

/// An iteration of training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainingReport {
    /// Useful operations over what the devices could do at their peaks: three times the products of the forward pass,
    /// attention's of the pairs that are computed included, nothing that is computed again.
    pub mfu: Option<f64>,
    /// The same with what is computed again, of the reported stage: busy time of its matrix engine.
    pub hfu: Option<f64>,
    /// Tokens a second over the devices.
    pub tokens_per_s_per_device: Option<f64>,
    /// Mean seconds of a forward pass of a micro-batch through each part that the reported stage holds.
    pub forward_s: Vec<f64>,
    /// The same of a backward pass.
    pub backward_s: Vec<f64>,
    /// Seconds from the first forward pass to the last backward pass of any stage.
    pub pipeline_s: f64,
    /// Seconds after that until gradients are summed that were summed beside it.
    pub gradient_tail_s: f64,
    /// Seconds of what follows: sums that are not overlapped, the update, gathering weights.
    pub finish_s: f64,
    /// What the fullest stage keeps in device memory.
    pub memory: Option<TrainingMemoryReport>,
    /// Device hours per trillion tokens.
    pub device_hours_per_trillion_tokens: Option<f64>,
    /// Megawatt hours that the devices spend per trillion tokens.
    pub mwh_per_trillion_tokens: Option<f64>,
    /// Dollars per trillion tokens at the price of the scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dollars_per_trillion_tokens: Option<f64>,
    /// Days that the whole training takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<f64>,
    /// Its pictures.
    #[serde(skip)]
    pub pictures: TrainingPictures,
}

/// What is drawn of an iteration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainingPictures {
    /// Every pass of every stage.
    pub pipeline: Option<Pipeline>,
    /// What the fullest stage's memory holds when.
    pub memory: Option<MemoryAreas>,
}

/// Device memory of one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainingMemoryReport {
    /// The stage.
    pub stage: u32,
    /// Bytes there are.
    pub capacity_bytes: u64,
    /// Most bytes held at once.
    pub peak_bytes: u64,
    /// When that is first so, in seconds.
    pub peak_s: f64,
    /// What they are, largest first.
    pub items: Vec<TrainingMemoryItem>,
}

/// A part of what is held at the peak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrainingMemoryItem {
    /// `optimizer state`.
    pub name: &'static str,
    /// How much.
    pub bytes: u64,
}

impl TrainingReport {
    /// The report of what a record says of an iteration.
    #[must_use]
    pub fn new(
        record: &Record,
        training: &TrainingRecord,
        energy: &EnergyReport,
        hfu: Option<f64>,
        goal: &TrainingGoal,
    ) -> Self {
        let wall = record.wall.as_secs_f64();
        let devices = record.team.as_ref().map_or(1.0, |team| team.ranks as f64);
        let tokens = record.phases.first().map_or(0.0, |phase| phase.tokens as f64);
        let seconds = |times: &[Picos]| times.iter().map(|time| time.as_secs_f64()).collect();
        let per_s = ratio(tokens, wall);
        let hours = per_s.map(|per_s| TRILLION / per_s * devices / SECONDS_AN_HOUR);
        let joules_a_token = energy.per_token_j.map(|each| each.likely);
        Self {
            mfu: ratio(training.useful_flops, wall * training.peak),
            hfu,
            tokens_per_s_per_device: per_s.map(|per_s| per_s / devices),
            forward_s: seconds(&training.forward),
            backward_s: seconds(&training.backward),
            pipeline_s: training.pipeline.wall.as_secs_f64(),
            gradient_tail_s: training.tail.as_secs_f64(),
            finish_s: training.finish.as_secs_f64(),
            memory: training.memory.as_ref().map(memory_report),
            device_hours_per_trillion_tokens: hours,
            mwh_per_trillion_tokens: joules_a_token.map(|joules| joules * TRILLION / JOULES_A_MEGAWATT_HOUR),
            dollars_per_trillion_tokens: hours.zip(goal.dollars_an_hour).map(|(hours, price)| hours * price),
            pictures: pictures(training),
            days: goal.tokens.zip(per_s).map(|(all, per_s)| all / per_s / SECONDS_AN_HOUR / 24.0),
        }
    }
}

fn pictures(training: &TrainingRecord) -> TrainingPictures {
    let stages = &training.pipeline.stages;
    let drawn = stages.len() > 1 && stages.iter().any(|stage| !stage.intervals.is_empty());
    let changes = |memory: &&TrainingMemory| memory.timeline.moments.len() > 1;
    TrainingPictures {
        pipeline: drawn.then(|| Pipeline::new(&training.pipeline)),
        memory: training.memory.as_ref().filter(changes).map(|memory| MemoryAreas::new(&memory.timeline)),
    }
}

fn memory_report(memory: &TrainingMemory) -> TrainingMemoryReport {
    let peak = memory.timeline.peak();
    let item = |(item, bytes): &(memwall_simulator::memory_timeline::MemoryItem, u64)| TrainingMemoryItem {
        name: item.name(),
        bytes: *bytes,
    };
    TrainingMemoryReport {
        stage: memory.stage,
        capacity_bytes: memory.timeline.capacity,
        peak_bytes: peak.bytes,
        peak_s: peak.at.as_secs_f64(),
        items: peak.alive.iter().map(item).collect(),
    }
}
