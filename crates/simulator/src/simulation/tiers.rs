//! What the memory tiers did in a run, added up over its operators.

use memwall_hardware::TierKind;
use memwall_units::{Bytes, Picos};

use crate::TierRecord;
use crate::chip::{Chip, MAX_LEVELS};
use crate::outcome::Outcome;
use crate::residency::Residency;
use crate::simulation::far::Far;

#[derive(Debug, Default)]
pub(super) struct TierTotals {
    levels_read: [f64; MAX_LEVELS],
    levels_written: [f64; MAX_LEVELS],
    feeds: [f64; 3],
    delivered: f64,
    tile_peak: f64,
    level_peaks: [f64; MAX_LEVELS],
    pub memory_peak: u64,
}

/// What the executions of one operator moved.
#[derive(Debug, Default)]
pub(super) struct TierBytes {
    levels: [f64; MAX_LEVELS],
    feeds: [f64; 3],
}

impl TierBytes {
    pub fn add(&mut self, chip: &Chip, outcome: &Outcome) {
        for (level, total) in self.levels.iter_mut().enumerate().take(chip.levels.len()) {
            *total += outcome.traffic.read[level] + outcome.traffic.write[level];
        }
        for (total, bytes) in self.feeds.iter_mut().zip(outcome.feed_bytes) {
            *total += bytes;
        }
    }

    pub fn of_dram(&self, chip: &Chip) -> Bytes {
        Bytes(self.levels[chip.dram()].round() as u64)
    }

    pub fn by_tier(&self, chip: &Chip) -> Vec<Bytes> {
        let bytes = |index: usize| {
            let level = chip.levels.iter().position(|level| level.tier == index);
            let feed = chip.feeds.iter().position(|feed| feed.tier == index);
            level.map(|level| self.levels[level]).or(feed.map(|feed| self.feeds[feed])).unwrap_or(0.0)
        };
        (0..chip.device.tiers.len()).map(|index| Bytes(bytes(index).round() as u64)).collect()
    }
}

impl TierTotals {
    pub fn add(&mut self, chip: &Chip, outcome: &Outcome) {
        for level in 0..chip.levels.len() {
            let (read, write) = (outcome.traffic.read[level], outcome.traffic.write[level]);
            self.levels_read[level] += read;
            self.levels_written[level] += write;
            self.level_peaks[level] =
                self.level_peaks[level].max((read + write).min(chip.levels[level].capacity));
        }
        for (total, bytes) in self.feeds.iter_mut().zip(outcome.feed_bytes) {
            *total += bytes;
        }
        self.delivered += outcome.traffic.read[0];
        self.tile_peak = self.tile_peak.max(outcome.tile_bytes);
    }

    pub fn records(
        &self,
        chip: &Chip,
        cache: Option<&Residency>,
        far: Option<&Far>,
        wall: Picos,
    ) -> Vec<TierRecord> {
        let device = &chip.device;
        let seconds = wall.as_secs_f64();
        // What comes from behind the device memory is written there first.
        let staged = |level: usize| {
            let copied = far.filter(|_| level == chip.dram());
            copied.map_or(0.0, |far| far.read as f64)
        };
        let record = |(index, tier): (usize, &memwall_hardware::Tier)| {
            let level = chip.levels.iter().position(|level| level.tier == index);
            let feed = chip.feeds.iter().position(|feed| feed.tier == index);
            let instances = match (tier.scope, level) {
                (memwall_hardware::Scope::PerCore, _) => u64::from(chip.units),
                (memwall_hardware::Scope::Shared(count), _) => u64::from(count.max(1)),
            };
            let capacity = tier.capacity.value.0.saturating_mul(instances);
            let (read, written, peak) = match (level, feed) {
                (Some(level), _) => (
                    self.levels_read[level],
                    self.levels_written[level] + staged(level),
                    if level == chip.dram() {
                        self.memory_peak as f64
                    } else if Some(level) == chip.last_cache() {
                        cache.map_or(0.0, |cache| cache.peak() as f64)
                    } else {
                        self.level_peaks[level]
                    },
                ),
                (None, Some(feed)) => {
                    let holds_tiles = feed + 1 == chip.feeds.len();
                    let written = if holds_tiles { self.delivered } else { self.feeds[feed + 1] };
                    // What is nearer the core holds a part of them at a time.
                    let most = if holds_tiles { f64::INFINITY } else { capacity as f64 };
                    (self.feeds[feed], written, self.tile_peak.min(most))
                }
                (None, None) => {
                    far.filter(|far| far.placement.tier as usize == index).map_or((0.0, 0.0, 0.0), |far| {
                        (far.read as f64, far.written as f64, far.resident as f64)
                    })
                }
            };
            let total_rate = match tier.scope {
                memwall_hardware::Scope::PerCore => tier.bandwidth.value.0 * f64::from(chip.units),
                memwall_hardware::Scope::Shared(_) => tier.bandwidth.value.0,
            };
            // Writes into a per-core tier have a port of their own; its bandwidth is that towards the core.
            let busy = match level {
                Some(level) => {
                    let mut traffic = crate::plan::Traffic::default();
                    traffic.read[level] = read;
                    traffic.write[level] = written;
                    crate::outcome::level_seconds(chip, &traffic, level)
                }
                None => read / total_rate,
            };
            debug_assert!(peak <= capacity as f64, "{} holds {peak} of {capacity} bytes", tier.name);
            TierRecord {
                name: tier.name.clone(),
                bytes_read: Bytes(read.round() as u64),
                bytes_written: Bytes(written.round() as u64),
                bandwidth_utilization: if seconds > 0.0 { (busy / seconds).min(1.0) } else { 0.0 },
                peak_occupancy: Bytes((peak as u64).min(capacity)),
                capacity: Bytes(capacity),
            }
        };
        let registers_apart = |(_, tier): &(usize, &memwall_hardware::Tier)| tier.kind != TierKind::Registers;
        device.tiers.iter().enumerate().filter(registers_apart).map(record).collect()
    }
}
