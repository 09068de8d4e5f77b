//! A scenario as it is written: every key, with the words the reference page shows.

use indexmap::IndexMap;
use memwall_hardware::{CommunicationLibrary, DeviceSpec, SoftwareSpec, SystemSpec};
use memwall_model_graph::{Architecture, Counting, Dtype, Parallel, Phase};
use memwall_simulator::Fidelity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::collective::spec::CollectiveSpec;
use crate::expect::ExpectSpec;
use crate::memory::spec::{MemoryReference, MemorySpec};
use crate::microbenchmark::spec::{CurveReferenceSpec, MicrobenchmarkSpec};
use crate::placement::PlacementSpec;
use crate::plan::spec::PlanSpec;
use crate::recompute::spec::RecomputeBlock;
use crate::reference::Reference;
use crate::replay::spec::ReplaySpec;
use crate::sparsity::SparsitySpec;
use crate::training::spec::TrainingSpec;
use crate::trend::spec::TrendSpec;

/// One experiment: a model, a machine and a workload; or a benchmark of a machine's memory or links.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "the schema is made from it; reading goes block by block, to find all problems")]
pub(crate) struct ScenarioFile {
    /// Another scenario file that this one starts from, relative to this one. What is written here is laid over it:
    /// mappings are merged key by key, anything else replaces.
    pub extends: Option<String>,
    /// What reports call it; the file's name when absent.
    pub name: Option<String>,
    /// What it shows, for people.
    pub description: Option<String>,
    /// What kind of experiment: `run`, the default, `microbenchmark`, `collective`, `replay`, `plan`, `trend`, `memory` or
    /// `recompute`.
    pub kind: Option<KindSpec>,
    /// The model: a catalog name (`llama-3-8b`, `resnet-50`), a Hugging Face `config.json` (a path ending in `.json`, relative to
    /// this file), or its shape written out, complete or on top of what `extends` names.
    pub model: Option<NameOr<ModelSpec>>,
    /// A model as a list of operators, instead of `model`. Runs once.
    pub graph: Option<Vec<memwall_model_graph::OperatorSpec>>,
    /// The machine: a catalog name (`h100-sxm`), or a description, complete or on top of what `extends` names.
    pub hardware: Option<NameOr<DeviceSpec>>,
    /// Several devices and the links between them: a catalog name (`dgx-h100`), or a description, complete or on top of
    /// what `extends` names. `hardware` is then its device, unless written.
    pub system: Option<NameOr<SystemSpec>>,
    /// How the model is divided over the devices of `system`. Default: not at all.
    pub parallel: Option<Parallel>,
    /// The communication library: a catalog name, or a description, complete or on top of what `extends` names.
    pub communication: Option<NameOr<CommunicationLibrary>>,
    /// Ranks that are slower than the others. At most 64.
    pub slow: Option<Vec<SlowSpec>>,
    /// The software profile: a catalog name, or a description, complete or on top of what `extends` names.
    pub software: Option<NameOr<SoftwareSpec>>,
    /// What the model is asked to do.
    pub workload: Option<WorkloadSpec>,
    /// How the model is trained, in a scenario that trains.
    pub training: Option<TrainingSpec>,
    /// Pruned weights.
    pub sparsity: Option<SparsitySpec>,
    /// What is kept behind the device memory. Default: nothing.
    pub placement: Option<PlacementSpec>,
    /// In a scenario of kind `microbenchmark`, what is measured and where.
    pub microbenchmark: Option<MicrobenchmarkSpec>,
    /// In a scenario of kind `collective`, what is run and over what sizes.
    pub collective: Option<CollectiveSpec>,
    /// In a scenario of kind `replay`, the execution traces and the ranks that run them.
    pub replay: Option<ReplaySpec>,
    /// In a scenario of kind `plan`, what is tried.
    pub plan: Option<PlanSpec>,
    /// In a scenario of kind `trend`, the series of dated points whose growth is fitted.
    pub trend: Option<TrendSpec>,
    /// In a scenario of kind `memory`, the memory there is, or parameters in place of a model.
    pub memory: Option<MemorySpec>,
    /// In a scenario of kind `recompute`, what is computed again, by which rules and for which budgets.
    pub recompute: Option<RecomputeBlock>,
    /// How closely to simulate: `bound`, `flow` (the default) or `step`.
    pub fidelity: Option<Fidelity>,
    /// How FLOPs and bytes accessed are counted in the report; what moves stays the same.
    pub counting: Option<Counting>,
    /// Seed of everything random. The same scenario, seed and version give the same result.
    pub seed: Option<u64>,
    /// Variants of the scenario: a list of cases, each with a `name` and what differs, or a grid such as
    /// `{ workload.batch: [1, 8], model: [llama-3-8b, llama-3-70b] }` whose every combination is a case.
    pub cases: Option<CasesSpec>,
    /// Many values of some parameters, for `memwall sweep`; a plain run takes the scenario as it is without them.
    pub sweep: Option<crate::sweep::spec::SweepSpec>,
    /// Parameters that are not known exactly, for Monte Carlo with `memwall sweep`; a plain run takes each as it is.
    pub uncertain: Option<crate::sweep::spec::UncertainSpec>,
    /// What to look for among the designs that `sweep:` spans, for `memwall optimize`.
    pub optimize: Option<crate::optimize::OptimizeSpec>,
    /// Published figures to print beside ours; of a microbenchmark, measured points.
    pub reference: Option<AnyReference>,
    /// Assertions on the results: `memwall run` exits with code 4 when one fails.
    pub expect: Option<Vec<ExpectSpec>>,
}

/// Keys of [`ScenarioFile`], for messages.
pub(crate) const SCENARIO_KEYS: [&str; 32] = [
    "extends",
    "name",
    "description",
    "kind",
    "model",
    "graph",
    "hardware",
    "system",
    "parallel",
    "communication",
    "slow",
    "software",
    "workload",
    "training",
    "sparsity",
    "placement",
    "microbenchmark",
    "collective",
    "replay",
    "plan",
    "trend",
    "memory",
    "recompute",
    "fidelity",
    "counting",
    "seed",
    "cases",
    "sweep",
    "uncertain",
    "optimize",
    "reference",
    "expect",
];

/// Those of them that only a run has.
pub(crate) const RUN_KEYS: [&str; 11] = [
    "model",
    "graph",
    "parallel",
    "slow",
    "software",
    "workload",
    "training",
    "sparsity",
    "placement",
    "fidelity",
    "counting",
];

/// Kinds of experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KindSpec {
    /// Simulate a model on a machine.
    Run,
    /// Measure a machine's memory hierarchy as a small benchmark would.
    Microbenchmark,
    /// Run a collective over the devices of a system, as nccl-tests does.
    Collective,
    /// Run recorded execution traces on a system.
    Replay,
    /// Look for the best way to train a model on a system.
    Plan,
    /// Fit the growth of series of dated points.
    Trend,
    /// Count what lies in memory in a training step.
    Memory,
    /// Train with activations computed again instead of kept.
    Recompute,
}

impl KindSpec {
    /// All kinds.
    pub(crate) const ALL: [Self; 8] = [
        Self::Run,
        Self::Microbenchmark,
        Self::Collective,
        Self::Replay,
        Self::Plan,
        Self::Trend,
        Self::Memory,
        Self::Recompute,
    ];

    /// `run`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Microbenchmark => "microbenchmark",
            Self::Collective => "collective",
            Self::Replay => "replay",
            Self::Plan => "plan",
            Self::Trend => "trend",
            Self::Memory => "memory",
            Self::Recompute => "recompute",
        }
    }
}

/// Figures or points to compare with.
#[derive(Debug, Clone, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only the schema is used")]
pub(crate) enum AnyReference {
    /// Of a run.
    Figures(Reference),
    /// Of a microbenchmark or collective.
    Points(CurveReferenceSpec),
    /// Of a memory.
    Memory(MemoryReference),
}

/// A rank that is slower than the others: throttled, or shared with somebody.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlowSpec {
    /// Its number, from 0.
    pub rank: u32,
    /// Its speed as a fraction of the others', above 0 and at most 1.
    pub speed: f64,
}

/// A name, or what it stands for written out.
#[derive(Debug, Clone, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "NameOr{T}")]
#[allow(dead_code, reason = "only the schema is used")]
pub(crate) enum NameOr<T> {
    /// A name.
    Name(String),
    /// Written out.
    Inline(T),
}

/// A model's shape, with the model it starts from.
#[derive(Debug, Clone, JsonSchema)]
#[allow(dead_code, reason = "only the schema is used")]
pub(crate) struct ModelSpec {
    /// The model this one is like: a catalog name or a path to a `config.json`.
    pub extends: Option<String>,
    /// What reports call it.
    pub name: Option<String>,
    /// The shape.
    #[serde(flatten)]
    pub architecture: Architecture,
}

/// Variants of a scenario.
#[derive(Debug, Clone, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only the schema is used")]
pub(crate) enum CasesSpec {
    /// One by one.
    List(Vec<CaseSpec>),
    /// Every combination of these values, the last key varying fastest. Keys are paths into the scenario.
    Grid(IndexMap<String, Vec<serde_json::Value>>),
}

/// One variant: any keys of the scenario, laid over it.
#[derive(Debug, Clone, JsonSchema)]
#[allow(dead_code, reason = "only the schema is used")]
pub(crate) struct CaseSpec {
    /// What reports call it.
    pub name: Option<String>,
    /// What differs.
    #[serde(flatten)]
    pub differs: IndexMap<String, serde_json::Value>,
}

/// What the model is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkloadSpec {
    /// The part of inference to simulate. When absent, what the other keys say: `generate` with both `prompt` and
    /// `tokens`, `decode` with `tokens`, otherwise `prefill` (of an encoder, `encode`).
    pub phase: Option<Phase>,
    /// Sequences worked on together. Default 1.
    pub batch: Option<u64>,
    /// Tokens of each sequence that are read in one pass (encode, prefill, generate).
    pub prompt: Option<u64>,
    /// Tokens of each sequence in the KV cache beforehand (prefill, decode). Default 0.
    pub context: Option<u64>,
    /// New tokens of each sequence (decode, generate). Default 1 for decode.
    pub tokens: Option<u64>,
    /// Pixels along the sides of an image, of a convolutional network. Default: as it was published.
    pub image: Option<u64>,
    /// Number format of weights, activations and KV cache; accumulators are fp32 (int32 for integers).
    /// Default bf16.
    pub dtype: Option<Dtype>,
    /// Number formats one by one, where they differ from `dtype`.
    pub precision: Option<PrecisionSpec>,
    /// Whether attention is one kernel. Default: as the software profile does.
    pub attention: Option<Fusion>,
    /// Whether pointwise operators are part of their neighbours' kernels. Default: as the software profile does.
    pub elementwise: Option<Fusion>,
    /// Whether one matmul makes queries, keys and values. Default: where pointwise operators are fused.
    pub merged_qkv: Option<bool>,
    /// Whether the embedding is simulated. Default true.
    pub embedding: Option<bool>,
    /// Whether the final norm and the output head are simulated. Default true.
    pub lm_head: Option<bool>,
}

/// Number formats of the four kinds of data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PrecisionSpec {
    /// Weights in memory.
    pub weights: Option<Dtype>,
    /// Activations in memory.
    pub activations: Option<Dtype>,
    /// The KV cache.
    pub kv_cache: Option<Dtype>,
    /// Accumulators of matmuls.
    pub accumulator: Option<Dtype>,
}

/// Whether an operator is one kernel or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fusion {
    /// One kernel; what lies between never leaves the chip.
    Fused,
    /// Several kernels, with what lies between in memory.
    Unfused,
}
