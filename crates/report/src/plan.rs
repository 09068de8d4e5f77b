//! What a search for the best way to train leaves.

use serde::Serialize;

use crate::SCHEMA_VERSION;
use crate::csv::write_line;

/// The document of a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// `plan`.
    pub kind: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its cases.
    pub cases: Vec<PlanReport>,
}

/// One search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    /// The case's name.
    pub name: String,
    /// The model.
    pub model: String,
    /// The cluster.
    pub system: String,
    /// Its devices.
    pub devices: u32,
    /// Sequences of a global batch.
    pub batch: u64,
    /// Tokens of a sequence.
    pub tokens: u64,
    /// What the best are best at: `time`, `memory` or `cost`.
    pub objective: &'static str,
    /// Bytes of a device's memory.
    pub capacity_bytes: f64,
    /// Plans screened with `bound`: all there are.
    pub screened: u64,
    /// Of these, plans whose memory fits.
    pub fitting: u64,
    /// Plans that were simulated.
    pub simulated: u64,
    /// The simulated plans, best first; those that were not simulated after them.
    pub plans: Vec<PlanRow>,
    /// Plans that no other one beats in time, memory and device-hours, as they were screened; the quickest first.
    pub front: Vec<PlanRow>,
    /// The plan that somebody used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedRow>,
    /// Of every value of every choice that the best plan does not have, what its best plan loses, and why.
    pub losers: Vec<LoserReport>,
    /// The best plan in the words of the programs that train.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<PlanConfig>,
    /// What a reader should know before believing the numbers.
    pub notes: Vec<String>,
}

/// One plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanRow {
    /// Its number among all plans; absent for a published plan that is none of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<u64>,
    /// Devices it takes.
    pub devices: u64,
    /// Tensor-parallel ranks.
    pub tensor: u32,
    /// Whether what is between the matrices is divided by tokens.
    pub sequence: bool,
    /// Pipeline stages.
    pub pipeline: u32,
    /// Ranks that share each sequence.
    pub context: u32,
    /// Copies of the model.
    pub data: u32,
    /// Ranks that share the experts.
    pub expert: u32,
    /// Sequences of a micro-batch.
    pub micro_batch: u64,
    /// Micro-batches of a rank.
    pub micro_batches: u32,
    /// ZeRO stage, from 0 to 3.
    pub zero: u8,
    /// What is computed again: `none`, `selective`, `full`, `every 2`.
    pub recompute: String,
    /// The schedule: `1f1b`.
    pub schedule: &'static str,
    /// Model parts of a stage.
    pub chunks: u32,
    /// Seconds of an iteration, at least.
    pub bound_s: f64,
    /// Bytes of the fullest device, at least.
    pub bound_bytes: f64,
    /// Device-hours for a trillion tokens, of the simulated time where it was simulated.
    pub device_hours: f64,
    /// Where the least time goes.
    pub parts: PlanParts,
    /// What simulating it gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<SimulatedPlan>,
    /// Why it was not simulated to its end, where that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What it loses to the best plan by, in words; empty for the best.
    pub why: String,
}

/// Where the least time of a plan goes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct PlanParts {
    /// Computing.
    pub computing_s: f64,
    /// Computing again.
    pub recompute_s: f64,
    /// Sending between tensor-parallel ranks.
    pub tensor_s: f64,
    /// Sending between context-parallel ranks.
    pub context_s: f64,
    /// Sending between expert-parallel ranks.
    pub expert_s: f64,
    /// Waiting for the pipeline.
    pub bubble_s: f64,
    /// Sending between data-parallel ranks.
    pub data_s: f64,
    /// Updating parameters.
    pub optimizer_s: f64,
}

/// What simulating a plan gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SimulatedPlan {
    /// Seconds of an iteration.
    pub time_s: f64,
    /// Bytes of the fullest device.
    pub memory_bytes: f64,
    /// Useful operations over the peak.
    pub mfu: f64,
}

/// The plan that somebody used, beside ours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PublishedRow {
    /// The plan.
    pub row: PlanRow,
    /// Whether it fits.
    pub fits: bool,
    /// Screened plans with less time.
    pub ahead: u64,
    /// Seconds of an iteration as published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_s: Option<f64>,
    /// Useful operations over the peak as published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfu: Option<f64>,
    /// Where it is published.
    pub source: String,
}

/// What all plans with one value of a choice come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoserReport {
    /// The choice: `tensor`.
    pub choice: &'static str,
    /// Its value: `16`.
    pub value: String,
    /// Plans that have it.
    pub plans: u64,
    /// Of these, plans that fit.
    pub fitting: u64,
    /// Seconds that the quickest of them takes at least; absent where none fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound_s: Option<f64>,
    /// What that is over the least of all, less 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loses: Option<f64>,
    /// Why, in words.
    pub why: String,
}

/// A plan in the words of the programs that train.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanConfig {
    /// Arguments of Megatron-LM.
    pub megatron: String,
    /// Tables of a torchtitan file.
    pub torchtitan: String,
}

impl PlanDocument {
    /// The document of these cases.
    #[must_use]
    pub fn new(scenario: &str, description: Option<&str>, cases: Vec<PlanReport>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            kind: "plan",
            scenario: scenario.to_owned(),
            description: description.map(str::to_owned),
            cases,
        }
    }

    /// The document as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content of a document causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// One line a plan as CSV: the published plan, the best, then the front.
    #[must_use]
    pub fn to_csv(&self) -> String {
        const HEADER: [&str; 25] = [
            "case",
            "list",
            "plan",
            "devices",
            "tensor",
            "sequence",
            "pipeline",
            "context",
            "data",
            "expert",
            "micro_batch",
            "micro_batches",
            "zero",
            "recompute",
            "schedule",
            "chunks",
            "bound_s",
            "bound_bytes",
            "device_hours",
            "bubble_s",
            "time_s",
            "memory_bytes",
            "mfu",
            "failed",
            "why",
        ];
        let mut text = String::new();
        write_line(&mut text, HEADER.into_iter().map(str::to_owned));
        for case in &self.cases {
            let published = case.published.iter().map(|published| ("published", &published.row));
            let plans = case.plans.iter().map(|row| ("best", row));
            let front = case.front.iter().map(|row| ("front", row));
            for (list, row) in published.chain(plans).chain(front) {
                write_line(&mut text, row.fields(&case.name, list).into_iter());
            }
        }
        text
    }
}

impl PlanRow {
    /// The time to judge it by: simulated where there is one.
    #[must_use]
    pub fn time_s(&self) -> f64 {
        self.simulated.map_or(self.bound_s, |simulated| simulated.time_s)
    }

    /// The memory to judge it by.
    #[must_use]
    pub fn memory_bytes(&self) -> f64 {
        self.simulated.map_or(self.bound_bytes, |simulated| simulated.memory_bytes)
    }

    fn fields(&self, case: &str, list: &str) -> [String; 25] {
        let simulated = |figure: fn(&SimulatedPlan) -> f64| {
            self.simulated.as_ref().map(|simulated| figure(simulated).to_string()).unwrap_or_default()
        };
        [
            case.to_owned(),
            list.to_owned(),
            self.plan.map(|plan| plan.to_string()).unwrap_or_default(),
            self.devices.to_string(),
            self.tensor.to_string(),
            self.sequence.to_string(),
            self.pipeline.to_string(),
            self.context.to_string(),
            self.data.to_string(),
            self.expert.to_string(),
            self.micro_batch.to_string(),
            self.micro_batches.to_string(),
            self.zero.to_string(),
            self.recompute.clone(),
            self.schedule.to_owned(),
            self.chunks.to_string(),
            self.bound_s.to_string(),
            self.bound_bytes.to_string(),
            self.device_hours.to_string(),
            self.parts.bubble_s.to_string(),
            simulated(|simulated| simulated.time_s),
            simulated(|simulated| simulated.memory_bytes),
            simulated(|simulated| simulated.mfu),
            self.failed.clone().unwrap_or_default(),
            self.why.clone(),
        ]
    }
}
