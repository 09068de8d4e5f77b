//! Scenarios of kind `memory`: what lies in memory in a training step. Nothing is simulated.

mod build;
pub(crate) mod spec;

use std::sync::Arc;

use memwall_model_graph::networks::NetworkStep;
use memwall_model_graph::{
    Architecture, BuildOptions, Counting, Differentiation, Dtype, Graph, GraphError, Network, Precision,
    Recompute, Step, StepPhase, TrainingGraph, build_step,
};

use crate::{Expectation, TrainingPlan};
pub(crate) use build::build;
pub use spec::{MemoryReference, PublishedBytes};

/// One validated model in training, ready to count.
#[derive(Debug, Clone)]
pub struct MemoryCase {
    /// What reports call it; no two cases of a scenario share one.
    pub name: String,
    /// What it shows, for people.
    pub description: Option<String>,
    /// What is trained.
    pub subject: MemorySubject,
    /// How it is trained.
    pub plan: TrainingPlan,
    /// Sequences or images of a step, over all ranks.
    pub batch: u64,
    /// Ranks that each take a part of the batch.
    pub ranks: u64,
    /// How operators are cut, and number formats.
    pub options: BuildOptions,
    /// How activations are counted.
    pub counting: Counting,
    /// The memory there is.
    pub limit: Option<MemoryLimit>,
    /// Published figures to print beside ours.
    pub reference: Option<MemoryReference>,
    /// Seed of everything random; nothing is.
    pub seed: u64,
    /// Assertions on the result.
    pub expect: Vec<Expectation>,
}

/// What is trained.
#[derive(Debug, Clone)]
pub enum MemorySubject {
    /// A transformer, and the tokens of each sequence.
    Model {
        /// Its name.
        name: String,
        /// Its shape.
        architecture: Arc<Architecture>,
        /// Tokens of each sequence.
        tokens: u64,
    },
    /// A convolutional network, and the pixels along the sides of each image.
    Network {
        /// The network.
        network: &'static Network,
        /// Pixels along each side.
        image: u64,
    },
    /// So many parameters of anything.
    Parameters(u64),
}

/// The memory there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryLimit {
    /// `h100-sxm's hbm`, or nothing for a bare number of bytes.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
}

impl MemorySubject {
    /// `resnet-152`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Model { name, .. } => name,
            Self::Network { network, .. } => network.name,
            Self::Parameters(_) => "parameters",
        }
    }

    /// Its parameters.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        match self {
            Self::Model { architecture, .. } => architecture.parameters(),
            Self::Network { network, .. } => network.parameters(),
            Self::Parameters(parameters) => *parameters,
        }
    }
}

impl MemoryCase {
    /// The format weights are kept in: 32 bits where the paper counts.
    #[must_use]
    pub const fn weights(&self) -> Dtype {
        match self.counting {
            Counting::Paper => Dtype::Fp32,
            Counting::Actual => self.options.precision.weights,
        }
    }

    /// Sequences or images that a rank works on at once.
    #[must_use]
    pub fn micro_batch(&self) -> u64 {
        self.plan.micro_batch.unwrap_or_else(|| self.batch.div_ceil(self.ranks.max(1)))
    }

    /// Bytes of activations kept for the way back, of that many sequences or images.
    ///
    /// As the paper counts: of a transformer, what its products write; of a network, all that is written and cannot be
    /// written over something else; 4 bytes an element. Otherwise what gradients read.
    ///
    /// # Errors
    /// The model has no such step, or it is too large.
    pub fn activations(&self, sequences: u64) -> Result<u64, GraphError> {
        let graph = match &self.subject {
            MemorySubject::Parameters(_) => return Ok(0),
            MemorySubject::Model { architecture, tokens, .. } => {
                let (batch, length) = (sequences, *tokens);
                let phase = StepPhase::Train;
                let step = Step { phase, batch, q_len: length, kv_len: length, prompt_len: length };
                build_step(architecture, &step, &self.graph_options())?
            }
            MemorySubject::Network { network, image } => {
                let step = NetworkStep { batch: sequences, image: *image, trains: true };
                network.build(&step, &self.graph_options())?
            }
        };
        match (self.counting, &self.subject) {
            (Counting::Paper, MemorySubject::Network { .. }) => Ok(graph.written_anew()),
            (Counting::Paper, _) => Ok(Dtype::Fp32.bytes_for(graph.product_outputs())),
            (Counting::Actual, _) => self.kept(&graph),
        }
    }

    fn kept(&self, forward: &Graph) -> Result<u64, GraphError> {
        let how = Differentiation {
            tensor: 1,
            formats: self.plan.training.formats,
            fused: false,
            overlap: false,
            accumulate: false,
        };
        let training = TrainingGraph::differentiate(forward, &how)?;
        match self.plan.training.recompute {
            Recompute::None => Ok(training.saved_bytes()),
            Recompute::Full => Ok(training.saved_bytes_between_layers()),
            rule => training.recomputed(rule, false).map(|training| training.saved_bytes()),
        }
    }

    /// How the forward pass is cut: as the scenario says; where the paper counts, every operation apart, in 32 bits, and of
    /// a transformer only the layers.
    fn graph_options(&self) -> BuildOptions {
        match self.counting {
            Counting::Paper => BuildOptions::unfused(Precision::uniform(Dtype::Fp32)),
            Counting::Actual => BuildOptions { dropout: self.plan.training.dropout > 0.0, ..self.options },
        }
    }
}
