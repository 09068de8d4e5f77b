//! What a collective took, and where its bytes went.

use memwall_model_graph::CollectiveKind;
use memwall_units::Picos;

use super::{Algorithm, Protocol};

/// One collective, run in one way.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectiveOutcome {
    /// From the call to the last byte on the last rank, of the groups beside too.
    pub time: Picos,
    /// Of that, launch, steps and copies: what a message without bytes would take.
    pub latency: Picos,
    /// How it was arranged.
    pub algorithm: Algorithm,
    /// How receivers learnt of data.
    pub protocol: Protocol,
    /// The buffer over the time, in bytes per second.
    pub algorithm_bandwidth: f64,
    /// What a link would have to carry if every byte were sent as often as a ring sends it, in bytes per second: the
    /// bus bandwidth of nccl-tests.
    pub bus_bandwidth: f64,
    /// The link that held the last byte; `None` where the ranks' cores did, or nothing moved.
    pub held_by: Option<String>,
    /// What the links of each level carried, innermost first; levels that carried nothing are left out.
    pub levels: Vec<LevelUse>,
    /// Transfers between devices.
    pub transfers: u64,
    /// Flows that stood for them.
    pub flows: u64,
}

/// What the links of one level of the fabric carried.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelUse {
    /// Its title: "NVLink 4 through NVSwitch".
    pub title: String,
    /// Which level, innermost 0.
    pub level: u16,
    /// Bytes of data over all its links; a byte that crosses two of them counts twice.
    pub bytes: f64,
    /// Directed links that carried any.
    pub links: u64,
    /// Part of the time that the busiest of them needed for its bytes, flags and gaps included; at most 1.
    pub utilization: f64,
}

/// Bus bandwidth over algorithm bandwidth (nccl-tests, PERFORMANCE.md).
pub(super) fn bus_factor(kind: CollectiveKind, ranks: usize) -> f64 {
    let ranks = ranks as f64;
    match kind {
        CollectiveKind::AllReduce => 2.0 * (ranks - 1.0) / ranks,
        CollectiveKind::AllGather | CollectiveKind::ReduceScatter | CollectiveKind::AllToAll => {
            (ranks - 1.0) / ranks
        }
        _ => 1.0,
    }
}
