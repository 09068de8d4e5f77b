//! One validated experiment.

use std::sync::Arc;

use memwall_hardware::{CommunicationLibrary, Device, SoftwareProfile, System};
use memwall_model_graph::networks::NetworkStep;
use memwall_model_graph::{
    Architecture, BuildOptions, Counting, Graph, GraphError, Network, Parallel, Precision, Sparsity, Step,
    TrainingModel, Workload, build_rank_step,
};
use memwall_simulator::{Fidelity, Placement};

use crate::{Expectation, Reference, TrainingPlan, training_settings};

/// One model on one machine with one workload, ready to simulate.
#[derive(Debug, Clone)]
pub struct Case {
    /// What reports call it; no two cases of a scenario share one.
    pub name: String,
    /// What it shows, for people.
    pub description: Option<String>,
    /// What is computed.
    pub subject: Subject,
    /// What it runs on; of a team, each of its devices.
    pub device: Arc<Device>,
    /// Several devices, where it runs on more than one.
    pub team: Option<Team>,
    /// What the software adds.
    pub software: Arc<SoftwareProfile>,
    /// How closely to simulate.
    pub fidelity: Fidelity,
    /// How the report counts.
    pub counting: Counting,
    /// Seed of everything random.
    pub seed: u64,
    /// Published figures to print beside ours.
    pub reference: Option<Reference>,
    /// Assertions on the result.
    pub expect: Vec<Expectation>,
    /// What is left of pruned weights.
    pub sparsity: Option<Sparsity>,
    /// What is kept behind the device memory.
    pub placement: Option<Placement>,
    /// What it needs of the device's memory.
    pub footprint: Footprint,
    /// What a reader should know before believing the numbers: "fp8 has no units of its own and runs as fp16".
    pub notes: Vec<String>,
    /// How it is trained, where it is.
    pub training: Option<TrainingPlan>,
    /// The graphs of the first step, where other points of a sweep share them.
    pub(crate) first_step: Option<Vec<Arc<Graph>>>,
}

/// Several devices that run one model.
#[derive(Debug, Clone)]
pub struct Team {
    /// The machine.
    pub system: Arc<System>,
    /// What the communication library adds.
    pub library: Arc<CommunicationLibrary>,
    /// How the model is divided.
    pub parallel: Parallel,
    /// Slower ranks and their speed as a share of the others'.
    pub slow: Vec<(u32, f64)>,
}

/// What is computed.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A model and what it is asked to do.
    Model {
        /// `llama-3-8b`, the file name of a `config.json`, or `inline`.
        name: String,
        /// Its shape.
        architecture: Arc<Architecture>,
        /// What it is asked to do.
        workload: Workload,
        /// How its steps are cut into operators.
        options: BuildOptions,
    },
    /// A convolutional network and the images it is given; runs once.
    Network {
        /// The network.
        network: &'static Network,
        /// Its images.
        step: NetworkStep,
        /// The operators.
        graph: Arc<Graph>,
        /// How they are cut.
        options: BuildOptions,
    },
    /// A graph written out in the scenario; runs once.
    Graph {
        /// The operators.
        graph: Arc<Graph>,
        /// Their number formats.
        precision: Precision,
    },
}

/// Bytes of device memory a case needs at its peak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    /// All weights of the model.
    pub weights: u64,
    /// The KV cache after the last step.
    pub kv_cache: u64,
    /// The largest inputs and outputs of one operator, weights and caches apart.
    pub activations: u64,
}

impl Footprint {
    /// All of it, held at `u64::MAX`.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.kv_cache).saturating_add(self.activations)
    }
}

/// One step to simulate.
#[derive(Debug, Clone)]
pub struct StepGraph {
    /// `encode`, `prefill`, `decode`, or `graph` for an inline graph.
    pub phase: &'static str,
    /// Tokens that come out of it; 0 for an inline graph.
    pub tokens: u64,
    /// Its operators: of one device, or of one rank of each pipeline stage for one micro-batch.
    pub graphs: Vec<Arc<Graph>>,
}

impl Case {
    /// The steps in order, each built when it is asked for.
    pub fn steps(&self) -> Box<dyn Iterator<Item = Result<StepGraph, GraphError>> + Send + '_> {
        match &self.subject {
            Subject::Network { graph, .. } => Box::new(std::iter::once(Ok(StepGraph {
                phase: "encode",
                tokens: 0,
                graphs: vec![graph.clone()],
            }))),
            Subject::Graph { graph, .. } => Box::new(std::iter::once(Ok(StepGraph {
                phase: "graph",
                tokens: 0,
                graphs: vec![graph.clone()],
            }))),
            Subject::Model { architecture, workload, options, .. } => {
                let (parallel, sparsity) = (self.parallel(), self.sparsity);
                let mut known = self.first_step.clone();
                Box::new(workload.steps().map(move |step| {
                    let graphs = match known.take() {
                        Some(graphs) => graphs,
                        None => rank_graphs(architecture, &step, options, &parallel, sparsity)?,
                    };
                    Ok(StepGraph { phase: step.phase.name(), tokens: step.tokens(), graphs })
                }))
            }
        }
    }

    /// Sequences that a step serves on each copy of the model; 0 for an inline graph.
    #[must_use]
    pub fn sequences(&self) -> u64 {
        match &self.subject {
            Subject::Graph { .. } => 0,
            Subject::Network { step, .. } => step.batch,
            Subject::Model { workload, .. } => {
                workload.batch.div_ceil(u64::from(self.parallel().data.max(1)))
            }
        }
    }

    /// How the model is divided; over one rank where there is no team.
    #[must_use]
    pub fn parallel(&self) -> Parallel {
        let written = self.team.as_ref().map_or_else(Parallel::default, |team| team.parallel);
        match (&self.training, &self.subject) {
            (Some(plan), Subject::Model { workload, .. }) => plan.divided(written, workload.batch),
            _ => written,
        }
    }

    /// The graphs of an iteration, of a case that trains.
    ///
    /// # Errors
    /// The model cannot be divided so.
    pub fn training_model(&self) -> Option<Result<TrainingModel, GraphError>> {
        self.training_model_as(&self.parallel())
    }

    /// The same, divided as `parallel` says.
    ///
    /// # Errors
    /// The model cannot be divided so.
    pub fn training_model_as(&self, parallel: &Parallel) -> Option<Result<TrainingModel, GraphError>> {
        let (Some(plan), Subject::Model { architecture, workload, options, .. }) =
            (&self.training, &self.subject)
        else {
            return None;
        };
        let step = workload.steps().next()?;
        let settings = training_settings(&self.software);
        Some(TrainingModel::build(architecture, &step, options, parallel, &plan.training, &settings))
    }

    /// How many steps there are.
    #[must_use]
    pub fn step_count(&self) -> u64 {
        match &self.subject {
            Subject::Graph { .. } | Subject::Network { .. } => 1,
            Subject::Model { workload, .. } => workload.step_count(),
        }
    }
}

/// The graphs of one rank of each pipeline stage.
pub(crate) fn rank_graphs(
    architecture: &Architecture,
    step: &Step,
    options: &BuildOptions,
    parallel: &Parallel,
    sparsity: Option<Sparsity>,
) -> Result<Vec<Arc<Graph>>, GraphError> {
    let pruned = |graph: Graph| match sparsity {
        Some(sparsity) => graph.pruned(sparsity),
        None => graph,
    };
    let stages = 0..parallel.pipeline.max(1);
    let graph = |stage| build_rank_step(architecture, step, options, parallel, stage);
    stages.map(|stage| graph(stage).map(pruned).map(Arc::new)).collect()
}

impl Subject {
    /// `llama-3-8b`, or `graph`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Model { name, .. } => name,
            Self::Graph { .. } => "graph",
            Self::Network { network, .. } => network.name,
        }
    }

    /// The number formats.
    #[must_use]
    pub fn precision(&self) -> Precision {
        match self {
            Self::Model { options, .. } | Self::Network { options, .. } => options.precision,
            Self::Graph { precision, .. } => *precision,
        }
    }
}
