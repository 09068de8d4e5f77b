//! What a team's collectives and links did, added up.

use indexmap::IndexMap;
use memwall_hardware::technology::link_energy_per_byte;
use memwall_hardware::{Estimate, FabricLevel};
use memwall_model_graph::{Collective, Operator};
use memwall_units::Picos;

use super::stage::Settled;
use crate::collective::CollectiveOutcome;
use crate::record::{CommunicationRecord, LinkRecord};

#[derive(Debug)]
pub(super) struct Totals {
    levels: Vec<LinkTotals>,
    /// By stage and label.
    communication: IndexMap<(usize, String), CommunicationRecord>,
}

#[derive(Debug)]
struct LinkTotals {
    title: String,
    energy_per_byte: Option<Estimate>,
    bytes: f64,
    /// Picoseconds that the busiest link needed.
    busy: f64,
}

impl Totals {
    pub fn new(levels: &[FabricLevel]) -> Self {
        let energy = |level: &FabricLevel| level.generation.as_deref().and_then(link_energy_per_byte);
        let levels = levels.iter().map(|level| LinkTotals {
            title: level.title.clone(),
            energy_per_byte: energy(level),
            bytes: 0.0,
            busy: 0.0,
        });
        let levels = levels.collect();
        Self { levels, communication: IndexMap::new() }
    }

    /// Adds what a collective's bytes did to the links.
    pub fn carry(&mut self, outcome: &CollectiveOutcome, often: u64) {
        for level in &outcome.levels {
            let Some(totals) = self.levels.get_mut(usize::from(level.level)) else { continue };
            totals.bytes += level.bytes * often as f64;
            totals.busy += level.utilization * outcome.time.0 as f64 * often as f64;
        }
    }

    /// Adds one execution, without its time.
    pub fn add(
        &mut self,
        stage: usize,
        operator: &Operator,
        collective: &Collective,
        outcome: &CollectiveOutcome,
        often: u64,
    ) {
        let key = (stage, operator.label.to_string());
        let record = self.communication.entry(key).or_insert_with(|| CommunicationRecord {
            label: operator.label.to_string(),
            kind: collective.kind.name(),
            dimension: collective.dimension.name(),
            ranks: collective.ranks,
            count: 0,
            bytes: 0,
            time: Picos::ZERO,
            exposed: Picos::ZERO,
            waiting: Picos::ZERO,
            way: String::new(),
            over: String::new(),
            bus_bandwidth: 0.0,
        });
        record.count += often;
        record.bytes += u128::from(collective.bytes) * u128::from(often);
        record.way = format!("{}, {}", outcome.algorithm.name(), outcome.protocol.name());
        record.over = outcome.levels.last().map(|level| level.title.clone()).unwrap_or_default();
        let share = often as f64 / record.count.max(1) as f64;
        record.bus_bandwidth += (outcome.bus_bandwidth - record.bus_bandwidth) * share;
    }

    /// Adds the time of one execution that is over.
    pub fn settled(&mut self, stage: usize, settled: &Settled) {
        if let Some(record) = self.communication.get_mut(&(stage, settled.operator.label.to_string())) {
            record.time = record.time.saturating_add(settled.time);
            record.exposed = record.exposed.saturating_add(settled.exposed);
            record.waiting = record.waiting.saturating_add(settled.waiting);
        }
    }

    /// Collectives of one stage by label.
    pub fn communication(&self, stage: usize) -> Vec<CommunicationRecord> {
        let of_stage = self.communication.iter().filter(|((number, _), _)| *number == stage);
        of_stage.map(|(_, record)| record.clone()).collect()
    }

    pub fn links(&self, wall: Picos) -> Vec<LinkRecord> {
        let wall = (wall.0 as f64).max(1.0);
        let record = |totals: &LinkTotals| LinkRecord {
            title: totals.title.clone(),
            bytes: totals.bytes,
            energy_per_byte: totals.energy_per_byte,
            utilization: (totals.busy / wall).min(1.0),
        };
        self.levels.iter().map(record).collect()
    }
}
