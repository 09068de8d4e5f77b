//! How a model is trained: what is kept of every parameter and of every layer, and in what order stages work.

mod data_parallel;
mod differentiate;
mod finish;
mod graph;
mod memory;
mod model;
mod optimizer;
mod recompute;
mod recomputed;
pub mod remat;
mod schedule;
mod update;

pub use data_parallel::DataParallel;
pub use differentiate::Differentiation;
pub use finish::Finish;
pub use graph::{Pass, TrainingGraph};
pub use memory::StateBytes;
pub use model::{TrainingModel, TrainingPart, TrainingSettings, TrainingStage};
pub use optimizer::{Optimizer, OptimizerKind};
pub use recompute::Recompute;
pub use schedule::{PipelineSchedule, ScheduleKind};

pub use update::UpdatePasses;

use serde::{Deserialize, Serialize};

use crate::Dtype;

/// How a model is trained, beside its batch and how it is divided.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// What updates the parameters.
    pub optimizer: Optimizer,
    /// Number formats of what is kept of each parameter.
    pub formats: StateFormats,
    /// What the backward pass computes again instead of keeping it.
    pub recompute: Recompute,
    /// In what order pipeline stages do their passes.
    pub schedule: PipelineSchedule,
    /// What of each parameter is divided over the data-parallel ranks.
    pub zero: ZeroStage,
    /// Share of activations that dropout zeroes; above 0 its masks are computed and kept.
    pub dropout: f64,
}

/// Number formats of what is kept of each parameter, besides the weights that the model computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateFormats {
    /// Gradients as they are summed over micro-batches.
    pub gradients: Dtype,
    /// A copy of the weights that the optimizer updates; none where it updates the weights themselves.
    pub master: Option<Dtype>,
    /// What the optimizer remembers of each parameter.
    pub state: Dtype,
}

/// What of each parameter is divided over the data-parallel ranks (Rajbhandari et al. 2020, arXiv:1910.02054).
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
#[serde(rename_all = "lowercase")]
pub enum ZeroStage {
    /// Nothing.
    #[default]
    None,
    /// Optimizer state and master weights (Megatron's distributed optimizer).
    Optimizer,
    /// Those and gradients.
    Gradients,
    /// Those and weights, gathered layer by layer when they are needed (FSDP).
    Weights,
}

impl ZeroStage {
    /// From 0 to 3, as the paper numbers them.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl Default for Training {
    /// Adam in mixed precision: fp32 gradients, master weights and state, one-forward-one-backward, nothing recomputed.
    fn default() -> Self {
        Self {
            optimizer: Optimizer::default(),
            formats: StateFormats::default(),
            recompute: Recompute::None,
            schedule: PipelineSchedule::default(),
            zero: ZeroStage::None,
            dropout: 0.0,
        }
    }
}

impl Default for StateFormats {
    fn default() -> Self {
        Self { gradients: Dtype::Fp32, master: Some(Dtype::Fp32), state: Dtype::Fp32 }
    }
}
