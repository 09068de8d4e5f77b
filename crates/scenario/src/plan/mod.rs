//! Scenarios of kind `plan`: a model, a cluster and a batch, of which the best division is looked for.

mod build;
pub(crate) mod spec;

use std::sync::Arc;

use memwall_hardware::{CommunicationLibrary, Device, SoftwareProfile, System};
use memwall_model_graph::{
    Architecture, BuildOptions, Parallel, PipelineSchedule, Recompute, ScheduleKind, Training, ZeroStage,
};
use serde::{Deserialize, Serialize};

pub(crate) use build::build;

/// One search for the best way to train.
#[derive(Debug, Clone)]
pub struct PlanCase {
    /// What reports call it; no two cases of a scenario share one.
    pub name: String,
    /// What it shows, for people.
    pub description: Option<String>,
    /// What reports call the model.
    pub model: String,
    /// Its shape.
    pub architecture: Arc<Architecture>,
    /// The cluster.
    pub system: Arc<System>,
    /// Each of its devices.
    pub device: Arc<Device>,
    /// What the communication library adds.
    pub library: Arc<CommunicationLibrary>,
    /// What the software adds.
    pub software: Arc<SoftwareProfile>,
    /// How a step is cut into operators.
    pub options: BuildOptions,
    /// Optimizer and formats; what of it is looked for is as usual.
    pub training: Training,
    /// Sequences of a global batch.
    pub batch: u64,
    /// Tokens of a sequence.
    pub tokens: u64,
    /// Seed of everything random.
    pub seed: u64,
    /// What is tried.
    pub choices: PlanChoices,
    /// How many of the best are simulated.
    pub simulate: u32,
    /// What the best are best at.
    pub objective: PlanObjective,
    /// A plan that somebody used, to compare with.
    pub published: Option<PublishedPlan>,
    /// What a reader should know before believing the numbers.
    pub notes: Vec<String>,
}

/// What is tried; of what is `None`, everything that makes sense.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanChoices {
    /// Devices in use: at least one number.
    pub devices: Vec<u32>,
    /// Tensor-parallel ranks.
    pub tensor: Option<Vec<u32>>,
    /// Whether what is between the matrices is divided by tokens.
    pub sequence: Option<Vec<bool>>,
    /// Pipeline stages.
    pub pipeline: Option<Vec<u32>>,
    /// Ranks that share each sequence.
    pub context: Option<Vec<u32>>,
    /// Ranks over which experts are divided.
    pub expert: Option<Vec<u32>>,
    /// Sequences that a rank works on at once.
    pub micro_batch: Option<Vec<u64>>,
    /// ZeRO stages.
    pub zero: Option<Vec<ZeroStage>>,
    /// Rules of recomputing.
    pub recompute: Option<Vec<Recompute>>,
    /// Pipeline schedules.
    pub schedule: Option<Vec<ScheduleKind>>,
    /// Model parts of a stage, with `interleaved`.
    pub chunks: Option<Vec<u32>>,
}

/// What the best plans are best at.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PlanObjective {
    /// The least time of an iteration.
    #[default]
    Time,
    /// The least memory of the fullest device.
    Memory,
    /// The fewest device-hours for a trillion tokens.
    Cost,
}

impl PlanObjective {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Time, Self::Memory, Self::Cost];

    /// The word in a scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Cost => "cost",
        }
    }
}

/// One way to train: everything that a plan decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TrainingChoice {
    /// How the model is divided, micro-batches of a rank included.
    pub parallel: Parallel,
    /// Sequences of a micro-batch.
    pub micro_batch: u64,
    /// What of each parameter is divided over the data-parallel ranks.
    pub zero: ZeroStage,
    /// What is computed again.
    pub recompute: Recompute,
    /// In what order stages work.
    pub schedule: PipelineSchedule,
}

impl TrainingChoice {
    /// Devices it takes.
    #[must_use]
    pub fn devices(&self) -> u64 {
        self.parallel.ranks()
    }
}

/// A plan that somebody used, with what they say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedPlan {
    /// The plan.
    pub choice: TrainingChoice,
    /// Seconds of an iteration, where known.
    pub time: Option<f64>,
    /// Useful operations over the peak, where known.
    pub mfu: Option<f64>,
    /// Where it is published.
    pub source: String,
}
