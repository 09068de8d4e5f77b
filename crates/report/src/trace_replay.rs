//! A replay of execution traces as JSON, CSV and text.

use memwall_simulator::chakra_run::{RankRecord, TraceRecord, TrafficRecord};
use serde::Serialize;

use crate::csv::write_line;
use crate::number::ratio;
use crate::{LinkReport, SCHEMA_VERSION};

/// What was replayed, on what, and where each rank's time went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraceReplayReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// `trace_replay`.
    pub kind: &'static str,
    /// The traces, for people.
    pub source: String,
    /// The machine: `dgx-h100`.
    pub system: String,
    /// Its devices, for people.
    pub device: String,
    /// The communication library: `nccl`.
    pub library: String,
    /// Nodes of all ranks.
    pub nodes: u64,
    /// From the start to the end of the last node.
    pub time_s: f64,
    /// The same in picoseconds, exact.
    pub time_ps: u64,
    /// The ranks, in order. For each, busy, exposed and idle add up to the time.
    pub ranks: Vec<RankReport>,
    /// Communications by kind and size of group, in order of the first.
    pub communication: Vec<TrafficReport>,
    /// Levels of the fabric, innermost first; how busy the links of the rank were that used the level most.
    pub links: Vec<LinkReport>,
    /// What a reader should know before believing the numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Where a rank's time went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankReport {
    /// The rank.
    pub rank: u32,
    /// Its nodes.
    pub nodes: u64,
    /// Computing, or moving data between memories.
    pub busy_s: f64,
    /// Nothing of that, but with a communication of it under way.
    pub exposed_communication_s: f64,
    /// Nothing ready, or waiting for other ranks.
    pub idle_s: f64,
    /// With a communication under way, whatever else went on.
    pub communication_s: f64,
}

/// All communications of a kind over as many ranks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrafficReport {
    /// `all_reduce`, or `send` for sends with their receives.
    pub collective: String,
    /// Ranks of the group.
    pub ranks: u32,
    /// How many: one for the whole group.
    pub count: u64,
    /// Bytes of their buffers together, as nccl-tests counts them.
    pub bytes: u128,
    /// Their time together.
    pub time_s: f64,
    /// Time from the first rank's coming to the last one's, added up.
    pub waiting_for_ranks_s: f64,
    /// Mean over their time of the bandwidth as nccl-tests counts it.
    pub bus_bandwidth: f64,
    /// Bytes of the buffers over the time.
    pub algorithm_bandwidth: Option<f64>,
    /// Algorithm and protocol of the last.
    pub way: String,
    /// The outermost level of the fabric that the last crossed.
    pub over: String,
}

impl TraceReplayReport {
    /// The report of a record. `source` says what was replayed, on `device`s of `system` with `library`.
    #[must_use]
    pub fn new(source: &str, system: &str, device: &str, library: &str, record: &TraceRecord) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            kind: "trace_replay",
            source: source.to_owned(),
            system: system.to_owned(),
            device: device.to_owned(),
            library: library.to_owned(),
            nodes: record.nodes,
            time_s: record.wall.as_secs_f64(),
            time_ps: record.wall.0,
            ranks: record.ranks.iter().map(rank).collect(),
            communication: record.traffic.iter().map(traffic).collect(),
            links: record
                .links
                .iter()
                .map(|link| LinkReport {
                    name: link.title.clone(),
                    bytes: link.bytes,
                    utilization: link.utilization,
                })
                .collect(),
            notes: record.notes.clone(),
        }
    }

    /// The report as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// One line a rank as CSV (RFC 4180 with `\n` line ends), a header line first.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::from(
            "source,system,rank,nodes,time_s,busy_s,exposed_communication_s,idle_s,communication_s\n",
        );
        for rank in &self.ranks {
            let fields = [
                self.source.clone(),
                self.system.clone(),
                rank.rank.to_string(),
                rank.nodes.to_string(),
                self.time_s.to_string(),
                rank.busy_s.to_string(),
                rank.exposed_communication_s.to_string(),
                rank.idle_s.to_string(),
                rank.communication_s.to_string(),
            ];
            write_line(&mut text, fields.into_iter());
        }
        text
    }
}

fn rank(record: &RankRecord) -> RankReport {
    RankReport {
        rank: record.rank,
        nodes: record.nodes,
        busy_s: record.busy.as_secs_f64(),
        exposed_communication_s: record.exposed.as_secs_f64(),
        idle_s: record.idle.as_secs_f64(),
        communication_s: record.communication.as_secs_f64(),
    }
}

fn traffic(record: &TrafficRecord) -> TrafficReport {
    TrafficReport {
        collective: record.kind.to_owned(),
        ranks: record.ranks,
        count: record.count,
        bytes: record.bytes,
        time_s: record.time.as_secs_f64(),
        waiting_for_ranks_s: record.waiting.as_secs_f64(),
        bus_bandwidth: record.bus_bandwidth,
        algorithm_bandwidth: ratio(record.bytes as f64, record.time.as_secs_f64()),
        way: record.way.clone(),
        over: record.over.clone(),
    }
}
