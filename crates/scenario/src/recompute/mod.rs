//! Scenarios of kind `recompute`: what memory is saved by computing activations again, and what time it takes.

mod build;
pub(crate) mod spec;

use std::sync::Arc;

use memwall_hardware::{Device, SoftwareProfile};
use memwall_model_graph::{Precision, Recompute, TrainingGraph};
use memwall_simulator::Fidelity;

use crate::Expectation;
pub(crate) use build::build;

/// One validated case, ready to run.
#[derive(Debug, Clone)]
pub struct RecomputeCase {
    /// What reports call it; no two cases of a scenario share one.
    pub name: String,
    /// What it shows, for people.
    pub description: Option<String>,
    /// What is trained: `bert-large`, `vgg19`.
    pub subject: String,
    /// "batch 32 of 512 tokens".
    pub work: String,
    /// Its number formats.
    pub precision: Precision,
    /// Forward and backward pass.
    pub graph: Arc<TrainingGraph>,
    /// What it runs on.
    pub device: Arc<Device>,
    /// What the software adds.
    pub software: Arc<SoftwareProfile>,
    /// How closely to simulate.
    pub fidelity: Fidelity,
    /// Rules to try; none of them [`Recompute::Optimal`].
    pub rules: Vec<Recompute>,
    /// Budgets of memory for which the best schedule is looked for.
    pub budgets: Vec<Budget>,
    /// What somebody claims, if anybody does.
    pub claim: Option<Claim>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Seed of everything random; nothing is.
    pub seed: u64,
    /// Assertions on the result.
    pub expect: Vec<Expectation>,
}

/// A budget of memory for activations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// So many bytes.
    Bytes(u64),
    /// A share of what is needed when nothing is computed again.
    Share(f64),
}

/// So much less memory for so much more work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    /// Times less memory.
    pub less: f64,
    /// More work, as a share.
    pub extra: f64,
}
