//! Communications and links of a replay, added up.

use indexmap::IndexMap;
use memwall_hardware::Fabric;
use memwall_units::Picos;

use super::communication::Timed;
use super::record::TrafficRecord;
use crate::record::LinkRecord;

pub(super) struct Totals {
    titles: Vec<String>,
    bytes: Vec<f64>,
    /// Picoseconds that the links of each rank were needed for, level by level.
    busy: Vec<f64>,
    traffic: IndexMap<(&'static str, u32), TrafficRecord>,
}

impl Totals {
    pub fn new(fabric: &Fabric, ranks: usize) -> Self {
        let titles: Vec<String> = fabric.levels().iter().map(|level| level.title.clone()).collect();
        Self {
            bytes: vec![0.0; titles.len()],
            busy: vec![0.0; titles.len() * ranks],
            titles,
            traffic: IndexMap::new(),
        }
    }

    /// Adds one communication of `members`.
    pub fn add(&mut self, timed: &Timed, members: impl Iterator<Item = u32> + Clone, waiting: Picos) {
        let outcome = &timed.outcome;
        let time = outcome.time.0 as f64;
        for level in &outcome.levels {
            let at = usize::from(level.level);
            self.bytes[at] += level.bytes;
            for member in members.clone() {
                self.busy[member as usize * self.titles.len() + at] += level.utilization * time;
            }
        }
        let record = self.traffic.entry((timed.name, timed.ranks)).or_insert_with(|| TrafficRecord {
            kind: timed.name,
            ranks: timed.ranks,
            count: 0,
            bytes: 0,
            time: Picos::ZERO,
            waiting: Picos::ZERO,
            bus_bandwidth: 0.0,
            way: String::new(),
            over: String::new(),
        });
        record.count += 1;
        record.bytes += u128::from(timed.bytes);
        record.time = record.time.saturating_add(outcome.time);
        record.waiting = record.waiting.saturating_add(waiting);
        // Weighed by time: what went over the links in all of it.
        let share = time / (record.time.0 as f64).max(1.0);
        record.bus_bandwidth += (outcome.bus_bandwidth - record.bus_bandwidth) * share;
        record.way = format!("{}, {}", outcome.algorithm.name(), outcome.protocol.name());
        record.over = outcome.levels.last().map(|level| level.title.clone()).unwrap_or_default();
    }

    pub fn finish(self, wall: Picos) -> (Vec<TrafficRecord>, Vec<LinkRecord>) {
        let wall = (wall.0 as f64).max(1.0);
        let levels = self.titles.len();
        let most = |at: usize| self.busy.iter().skip(at).step_by(levels).copied().fold(0.0, f64::max);
        let links = self.titles.iter().enumerate().map(|(at, title)| LinkRecord {
            title: title.clone(),
            bytes: self.bytes[at],
            energy_per_byte: None,
            utilization: (most(at) / wall).min(1.0),
        });
        (self.traffic.into_values().collect(), links.collect())
    }
}
