//! What several devices did together, as the data that every output format prints.

use memwall_simulator::{CommunicationRecord, Record, StageRecord, TeamRecord};
use serde::Serialize;

use crate::number::ratio;

/// What the devices of a parallel run did together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TeamReport {
    /// The machine: `dgx-h100`.
    pub system: String,
    /// "tensor 8, pipeline 2".
    pub parallel: String,
    /// Devices at work.
    pub ranks: u64,
    /// Ranks that were simulated; the others do as one of them.
    pub simulated_ranks: u64,
    /// Part of the run in which a rank of the reported stage could do nothing but wait for a collective.
    pub exposed_communication: Option<f64>,
    /// Part of the run's time of collectives during which the rank did something else.
    pub overlapped_communication: Option<f64>,
    /// Part of the run in which the reported stage waited for other stages.
    pub bubble: Option<f64>,
    /// Tokens a second over the devices.
    pub tokens_per_s_per_device: Option<f64>,
    /// Collectives by label, in order of first execution.
    pub communication: Vec<CommunicationReport>,
    /// The same by dimension (`tp`, `pp`, `ep` ...), in order of first execution.
    pub dimensions: Vec<DimensionReport>,
    /// Levels of the fabric, innermost first.
    pub links: Vec<LinkReport>,
    /// Pipeline stages, in order.
    pub stages: Vec<StageReport>,
}

/// All executions of the collectives that share a label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommunicationReport {
    /// `attention.all_reduce`.
    pub name: String,
    /// `all_reduce`.
    pub collective: String,
    /// `tp`.
    pub dimension: String,
    /// Ranks of its group.
    pub ranks: u32,
    /// Executions.
    pub count: u64,
    /// Bytes of their buffers together.
    pub bytes: u128,
    /// Their time together.
    pub time_s: f64,
    /// Of that, the time in which the rank could do nothing else.
    pub exposed_s: f64,
    /// Time that a rank waited for slower ones of its group to come.
    pub waiting_for_ranks_s: f64,
    /// Algorithm and protocol of the last.
    pub way: String,
    /// The outermost level of the fabric that it crosses.
    pub over: String,
    /// Mean bandwidth as nccl-tests counts it.
    pub bus_bandwidth: f64,
    /// Bytes of the buffers over the time.
    pub algorithm_bandwidth: Option<f64>,
}

/// Collectives of one dimension.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DimensionReport {
    /// `tp`.
    pub name: String,
    /// Executions.
    pub count: u64,
    /// Their time together.
    pub time_s: f64,
    /// Of that, exposed.
    pub exposed_s: f64,
}

/// What the links of one level did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkReport {
    /// "NVLink 4 through NVSwitch".
    pub name: String,
    /// Bytes over all its links.
    pub bytes: f64,
    /// Part of the run that the busiest needed.
    pub utilization: f64,
}

/// One pipeline stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageReport {
    /// Its number.
    pub stage: u32,
    /// With an operator under way.
    pub running_s: f64,
    /// Waiting for collectives.
    pub communication_s: f64,
    /// With nothing to do.
    pub bubble_s: f64,
}

impl TeamReport {
    /// The report of what a record says of a team, on `system` and divided as `parallel` says.
    #[must_use]
    pub fn new(record: &Record, team: &TeamRecord, system: &str, parallel: &str) -> Self {
        let wall = record.wall.as_secs_f64();
        let communication: Vec<_> = team.communication.iter().map(communication).collect();
        let exposed: f64 = communication.iter().map(|one| one.exposed_s).sum();
        let time: f64 = communication.iter().map(|one| one.time_s).sum();
        let stages: Vec<_> = team.stages.iter().map(stage).collect();
        let most = stages.iter().max_by(|a, b| a.running_s.total_cmp(&b.running_s));
        let tokens = record.phases.iter().find(|phase| phase.name == "decode").or(record.phases.first());
        Self {
            system: system.to_owned(),
            parallel: parallel.to_owned(),
            ranks: team.ranks,
            simulated_ranks: team.simulated,
            exposed_communication: most.and_then(|stage| ratio(stage.communication_s, wall)),
            overlapped_communication: ratio((time - exposed).max(0.0), time),
            bubble: most.and_then(|stage| ratio(stage.bubble_s, wall)),
            tokens_per_s_per_device: tokens
                .and_then(|phase| ratio(phase.tokens as f64, phase.time.as_secs_f64() * team.ranks as f64)),
            dimensions: dimensions(&communication),
            communication,
            links: team
                .links
                .iter()
                .map(|link| LinkReport {
                    name: link.title.clone(),
                    bytes: link.bytes,
                    utilization: link.utilization,
                })
                .collect(),
            stages,
        }
    }
}

fn communication(record: &CommunicationRecord) -> CommunicationReport {
    CommunicationReport {
        name: record.label.clone(),
        collective: record.kind.to_owned(),
        dimension: record.dimension.to_owned(),
        ranks: record.ranks,
        count: record.count,
        bytes: record.bytes,
        time_s: record.time.as_secs_f64(),
        exposed_s: record.exposed.as_secs_f64(),
        waiting_for_ranks_s: record.waiting.as_secs_f64(),
        way: record.way.clone(),
        over: record.over.clone(),
        bus_bandwidth: record.bus_bandwidth,
        algorithm_bandwidth: ratio(record.bytes as f64, record.time.as_secs_f64()),
    }
}

fn stage(record: &StageRecord) -> StageReport {
    StageReport {
        stage: record.stage,
        running_s: record.running.as_secs_f64(),
        communication_s: record.communication.as_secs_f64(),
        bubble_s: record.bubble.as_secs_f64(),
    }
}

fn dimensions(communication: &[CommunicationReport]) -> Vec<DimensionReport> {
    let mut dimensions: Vec<DimensionReport> = Vec::new();
    for one in communication {
        let known = dimensions.iter().position(|known| known.name == one.dimension).unwrap_or_else(|| {
            let name = one.dimension.clone();
            dimensions.push(DimensionReport { name, count: 0, time_s: 0.0, exposed_s: 0.0 });
            dimensions.len() - 1
        });
        let sum = &mut dimensions[known];
        sum.count += one.count;
        sum.time_s += one.time_s;
        sum.exposed_s += one.exposed_s;
    }
    dimensions
}
