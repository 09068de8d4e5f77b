//! One case of a run, as the data that every output format prints.
//!
//! Field names are those of the JSON document; see [`crate::Document`]. Times in seconds are `_s`, in whole
//! picoseconds `_ps`. A ratio that has no value (no byte moved, no time passed) is absent, never NaN.

use memwall_model_graph::Counting;
use memwall_simulator::{Cause, Fidelity};
use serde::Serialize;

use crate::{Checked, Comparison, EnergyReport, SiliconReport};

/// What a reader must know beside the record: what was run, with what, and how it was counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Context {
    /// What the case shows, in the scenario's words.
    pub description: Option<String>,
    /// The machine.
    pub device: DeviceReport,
    /// The same in full, for what it spends and takes to make; without it those are left out.
    pub hardware: Option<std::sync::Arc<memwall_hardware::Device>>,
    /// The model: `llama-3-8b`.
    pub model: String,
    /// The work, for people: "decode, batch 16, context 4096, 256 tokens, fp8".
    pub workload: String,
    /// The software profile: `tensorrt-llm`.
    pub software: String,
    /// Of several devices, the machine (`dgx-h100`) and how the model is divided ("tensor 8").
    pub team: Option<(String, String)>,
    /// Of a training, what is asked of the whole.
    pub training: crate::TrainingGoal,
    /// How FLOPs and bytes accessed were counted.
    pub counting: Counting,
    /// Bytes of the weights, the KV cache at its largest, and the largest activations, in whatever memory.
    pub footprint: [u64; 3],
    /// What a reader should know that is not in the record.
    pub notes: Vec<String>,
}

/// Everything that came out of one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// What the case shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The model.
    pub model: String,
    /// The work, for people.
    pub workload: String,
    /// The machine.
    pub device: DeviceReport,
    /// The software profile.
    pub software: String,
    /// The fidelity it ran at.
    pub fidelity: Fidelity,
    /// How FLOPs and bytes accessed were counted.
    pub counting: Counting,
    /// From the first issue to the last byte, in seconds.
    pub time_s: f64,
    /// The same in picoseconds, exact.
    pub time_ps: u64,
    /// Tokens that came out: generated ones where the case decodes, processed ones otherwise.
    pub tokens: u64,
    /// `tokens` over the time of the phase that made them.
    pub tokens_per_s: Option<f64>,
    /// Time to the first token: the prefill, where the case has one.
    pub ttft_s: Option<f64>,
    /// Time of one decode step, averaged over all.
    pub tpot_s: Option<f64>,
    /// Operations, by the counting convention.
    pub flops: u128,
    /// Bytes accessed, by the counting convention.
    pub mops_bytes: u128,
    /// Bytes that crossed the DRAM tier, both directions.
    pub dram_bytes: u128,
    /// FLOPs per byte accessed, as the paper counts.
    pub intensity_mops: Option<f64>,
    /// FLOPs per byte that crossed the DRAM tier.
    pub intensity_dram: Option<f64>,
    /// Useful work of the matrix engine over its peak, 0 to 1.
    pub mfu: Option<f64>,
    /// Largest entry of the main engine's ledger: `compute`, or a cause such as `bandwidth(hbm)`.
    pub bound_by: String,
    /// The engine whose ledger tells the story: `matrix` unless it has nothing to do.
    pub main_engine: Option<String>,
    /// The least time the machine allows for what was moved and computed, operator by operator.
    pub roofline_s: f64,
    /// `time_s / roofline_s`; 1 is perfect.
    pub times_roofline: Option<f64>,
    /// Steps by phase.
    pub phases: Vec<PhaseReport>,
    /// Memory tiers, innermost first.
    pub tiers: Vec<TierReport>,
    /// Engines and their ledgers.
    pub engines: Vec<EngineReport>,
    /// Operators by label, in order of first execution.
    pub operators: Vec<OperatorReport>,
    /// Operators summed by the classes of the paper's tables.
    pub classes: Vec<ClassReport>,
    /// What several devices did together; absent for one alone. Engines, tiers and operators are then those of one
    /// rank of the busiest stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<crate::TeamReport>,
    /// Of an iteration of training, what it took and kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training: Option<crate::TrainingReport>,
    /// Events the simulator processed.
    pub events: u64,
    /// [`Context::footprint`]; for `expect:`.
    #[serde(skip)]
    pub footprint: [u64; 3],
    /// Time over that of the case that a reference normalises to, where one does; for `expect:`.
    #[serde(skip)]
    pub relative_time: Option<f64>,
    /// What a reader should know before believing the numbers.
    pub notes: Vec<String>,
    /// Ours beside published values, where the scenario names some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comparisons: Vec<Comparison>,
    /// What the scenario expected, and whether it came true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<Checked>,
    /// What it spent.
    pub energy: EnergyReport,
    /// What the device takes to make; absent where its process is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silicon: Option<SiliconReport>,
}

/// The machine a case ran on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DeviceReport {
    /// Catalog name.
    pub name: String,
    /// Name for people.
    pub title: String,
}

/// All steps of one phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseReport {
    /// `encode`, `prefill`, `decode`.
    pub name: String,
    /// Steps run.
    pub steps: u64,
    /// Tokens that came out.
    pub tokens: u64,
    /// Their time together.
    pub time_s: f64,
    /// Time of the first step.
    pub first_step_s: f64,
    /// Time of the last step.
    pub last_step_s: f64,
    /// Tokens over time.
    pub tokens_per_s: Option<f64>,
}

/// What one memory tier did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TierReport {
    /// `hbm`.
    pub name: String,
    /// Read from it towards the cores.
    pub bytes_read: u64,
    /// Written to it from the cores' side.
    pub bytes_written: u64,
    /// Time its link needs at full bandwidth for what it moved, over the wall time.
    pub bandwidth_utilization: Option<f64>,
    /// The most it held at once, all instances together.
    pub peak_occupancy_bytes: u64,
    /// What it can hold, all instances together.
    pub capacity_bytes: u64,
}

/// The ledger of one engine: `units * wall_ps = busy_ps + sum(stalls.ps)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineReport {
    /// `matrix`, `vector`, `special`, `host`.
    pub name: String,
    /// Units of this kind.
    pub units: u32,
    /// The run's wall time.
    pub wall_ps: u64,
    /// Core-picoseconds of useful work at datasheet peak.
    pub busy_ps: u128,
    /// The rest, largest first.
    pub stalls: Vec<StallReport>,
}

/// One line of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StallReport {
    /// Why.
    pub cause: Cause,
    /// The tier or link, where the cause has one.
    #[serde(rename = "where")]
    pub place: Option<String>,
    /// Core-picoseconds.
    pub ps: u128,
}

/// All executions of the operators that share a label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatorReport {
    /// `mlp.up`.
    pub name: String,
    /// `matmul`, `attention`, `norm`.
    pub kind: String,
    /// Class of the paper's tables: `mha_proj`, `act_act`, `ffn_proj`, `other`.
    pub class: String,
    /// Executions.
    pub count: u64,
    /// Their time together.
    pub time_s: f64,
    /// Operations, by the counting convention.
    pub flops: u128,
    /// Bytes accessed, by the counting convention.
    pub bytes: u64,
    /// Bytes that crossed the DRAM tier.
    pub dram_bytes: u64,
    /// Bytes that it moved at each tier, in the order of the case's tiers: towards the cores and, where all cores share
    /// the tier, to it.
    pub tier_bytes: Vec<u64>,
    /// The least time the machine allows.
    pub roofline_s: f64,
    /// `compute`, or a cause with its place.
    pub bound_by: String,
    /// Core-picoseconds of useful work on the engine it runs on.
    pub busy_ps: u128,
    /// Where the rest of that engine's time went while it ran, largest first.
    pub stalls: Vec<StallReport>,
}

/// The operators of one class of Kim et al. 2023 (Tables 3, 10 and 11).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassReport {
    /// `mha_proj`, `act_act`, `ffn_proj`, `other`.
    pub name: String,
    /// Their time together.
    pub time_s: f64,
    /// Operations, by the counting convention.
    pub flops: u128,
    /// Bytes accessed, by the counting convention.
    pub mops_bytes: u128,
    /// FLOPs per byte accessed.
    pub intensity_mops: Option<f64>,
}

impl EngineReport {
    /// Units times wall time: what busy and stalls sum to.
    #[must_use]
    pub fn total_ps(&self) -> u128 {
        u128::from(self.units) * u128::from(self.wall_ps)
    }

    /// `ps` as a share of the engine's time, 0 when no time passed.
    #[must_use]
    pub fn share(&self, ps: u128) -> f64 {
        crate::number::ratio(ps as f64, self.total_ps() as f64).unwrap_or(0.0)
    }
}
