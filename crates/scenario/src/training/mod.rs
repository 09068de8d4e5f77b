//! The `training:` block: what is kept of each parameter, what is computed again, and in what order stages work.

mod build;
pub(crate) mod spec;

use memwall_model_graph::Training;

pub(crate) use build::{build, refuse, rule};

/// A validated `training:` block.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingPlan {
    /// How the model is trained.
    pub training: Training,
    /// Sequences that a data-parallel rank works on at once, at least 1; where absent, all of its share of the batch.
    pub micro_batch: Option<u64>,
}
