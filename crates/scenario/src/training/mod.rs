//! The `training:` block: what is kept of each parameter, what is computed again, and in what order stages work.

mod build;
mod settings;
pub(crate) mod spec;

use memwall_model_graph::{Parallel, Training};

pub(crate) use build::{build, refuse, rule};
pub use settings::training_settings;

/// A validated `training:` block.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingPlan {
    /// How the model is trained.
    pub training: Training,
    /// Sequences that a data-parallel rank works on at once, at least 1; where absent, all of its share of the batch.
    pub micro_batch: Option<u64>,
    /// Tokens of the whole training, where the time of all of it is asked for.
    pub total_tokens: Option<f64>,
    /// What an hour of a device costs, in dollars, where the cost is asked for.
    pub dollars_an_hour: Option<f64>,
}

impl TrainingPlan {
    /// `parallel` with as many micro-batches as a batch of `batch` sequences makes: those that it says, where the
    /// training says nothing.
    pub(crate) fn divided(&self, parallel: Parallel, batch: u64) -> Parallel {
        let Some(size) = self.micro_batch else { return parallel };
        let of_rank = batch.div_ceil(u64::from(parallel.data.max(1)));
        let micro_batches = u32::try_from(of_rank.div_ceil(size.max(1))).unwrap_or(u32::MAX);
        Parallel { micro_batches, ..parallel }
    }
}
