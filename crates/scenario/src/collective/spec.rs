//! The `collective:` block as it is written.

use memwall_model_graph::CollectiveKind;
use memwall_simulator::{Algorithm, Protocol};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::microbenchmark::spec::PointsSpec;

/// What is run, over which devices and sizes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectiveSpec {
    /// What the ranks do: `all_reduce`, `all_gather`, `reduce_scatter`, `all_to_all`, `broadcast`, `reduce` or `send`.
    pub kind: CollectiveKind,
    /// How many ranks, on the first devices of the system. Default: all of them (of a `send`, 2).
    #[serde(default)]
    pub ranks: Option<u32>,
    /// The devices of the ranks one by one, instead of `ranks`.
    #[serde(default)]
    pub devices: Option<Vec<u32>>,
    /// Groups of `ranks` that do the same at the same time, one after the other over the devices. Default 1.
    #[serde(default)]
    pub groups: Option<u32>,
    /// Sizes of the buffer as nccl-tests counts it: a list, or `{ from: 512 B, to: 512 MiB, count: 21 }`. At most 2000.
    /// Where measured times are given their sizes are taken too, and the key may be left out.
    #[serde(default)]
    pub sizes: Option<PointsSpec>,
    /// Only this algorithm. Default: as the library chooses.
    #[serde(default)]
    pub algorithm: Option<Algorithm>,
    /// Only this protocol. Default: as the library chooses.
    #[serde(default)]
    pub protocol: Option<Protocol>,
    /// Of an `all_to_all`, what the busiest rank receives over the mean: 1 (the default) is even.
    #[serde(default)]
    pub skew: Option<f64>,
    /// `pipelined` (the default), or `explicit`: every step of every rank an event, nothing folded; for ring and
    /// halving-doubling.
    #[serde(default)]
    pub form: Option<CollectiveForm>,
}

/// How closely a collective is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CollectiveForm {
    /// Each transfer is one flow, and the latency of the steps comes on top.
    #[default]
    Pipelined,
    /// Step after step.
    Explicit,
}
