//! What a replay leaves.

use memwall_units::Picos;

use crate::Timeline;
use crate::record::LinkRecord;

/// What happened when traces were replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceRecord {
    /// From the start to the end of the last node.
    pub wall: Picos,
    /// Nodes, all ranks together.
    pub nodes: u64,
    /// The ranks, in order.
    pub ranks: Vec<RankRecord>,
    /// Communications by kind and size of group, in order of the first.
    pub traffic: Vec<TrafficRecord>,
    /// Levels of the fabric, innermost first. Their utilization is that of the links of the rank that used the level most.
    pub links: Vec<LinkRecord>,
    /// What a reader should know before believing the numbers.
    pub notes: Vec<String>,
    /// What happened when, where it was asked for.
    pub timeline: Option<Timeline>,
}

/// Where a rank's time went: `busy + exposed + idle` is the replay's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankRecord {
    /// The rank.
    pub rank: u32,
    /// Its nodes.
    pub nodes: u64,
    /// Computing, on the device or the host, or moving data between memories.
    pub busy: Picos,
    /// Nothing of that, but a communication of it under way.
    pub exposed: Picos,
    /// Nothing at all: nothing was ready, or other ranks were waited for.
    pub idle: Picos,
    /// With a communication under way, whatever else went on.
    pub communication: Picos,
}

/// All communications of a kind over as many ranks.
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficRecord {
    /// `all_reduce`, or `send` for sends with their receives.
    pub kind: &'static str,
    /// Ranks of the group.
    pub ranks: u32,
    /// How many: one for the whole group.
    pub count: u64,
    /// Bytes of their buffers together, as nccl-tests counts them.
    pub bytes: u128,
    /// Their time together.
    pub time: Picos,
    /// Time from the first rank's coming to the last one's, added up.
    pub waiting: Picos,
    /// Mean over their time, in bytes per second.
    pub bus_bandwidth: f64,
    /// How the last of them ran: `ring, ll128`.
    pub way: String,
    /// The outermost level of the fabric that the last of them crossed.
    pub over: String,
}
