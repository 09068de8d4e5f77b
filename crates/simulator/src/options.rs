//! What a caller may choose about a simulation.

use memwall_units::Picos;
use serde::{Deserialize, Serialize};

/// How closely a run is simulated.
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
pub enum Fidelity {
    /// Closed form: each operator takes the longest of its rooflines. A lower bound; for screening.
    Bound,
    /// Tile waves as flows, event-driven, repeating stretches jumped over. The default.
    #[default]
    Flow,
    /// Every tile step an event; the oracle for `flow`, slow.
    Step,
}

impl Fidelity {
    /// `flow`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Flow => "flow",
            Self::Step => "step",
        }
    }
}

/// Bounds that end a run with a clear error instead of a hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events processed.
    pub events: u64,
    /// Simulated time.
    pub simulated_time: Picos,
    /// Operators executed, repetitions included.
    pub operators: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events: 500_000_000, simulated_time: Picos(u64::MAX / 4), operators: 50_000_000 }
    }
}

/// What a caller may choose about a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// How closely to simulate.
    pub fidelity: Fidelity,
    /// How FLOPs and bytes accessed are counted in the report (never what moves).
    pub counting: memwall_model_graph::Counting,
    /// Whether to note what happened when ([`crate::Record::timeline`]).
    pub timeline: bool,
    /// Sequences that a step serves: a serving loop needs time for each of them between steps.
    pub sequences: u64,
    /// When to give up.
    pub limits: Limits,
    /// What is kept behind the device memory; only where one device runs alone.
    pub placement: Option<Placement>,
}

/// What is kept in a tier behind the device memory, and copied into a buffer there before use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placement {
    /// Index in [`Device::tiers`](memwall_hardware::Device::tiers) of a tier of kind host or storage.
    pub tier: u32,
    /// Parameters, tables apart.
    pub weights: bool,
    /// Tables that rows are looked up in.
    pub tables: bool,
    /// Keys and values.
    pub kv_cache: bool,
    /// Of training, master weights and what the optimizer remembers.
    pub optimizer: bool,
    /// Of training, what forward passes keep for backward passes.
    pub activations: bool,
    /// Whether copies run ahead of the operators that need them. Rows of tables never do.
    pub prefetch: bool,
    /// Bytes of device memory that copies go to; 0 for as many as two operators need.
    pub buffer: u64,
}
