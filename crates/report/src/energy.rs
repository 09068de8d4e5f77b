//! What a run spent and what its device takes to make, as the data that every output format prints.

use memwall_hardware::technology::{AreaEstimate, CostEstimate, cost_of};
use memwall_hardware::{Device, Estimate, area};
use memwall_simulator::{EnergyKind, EnergyPart, Record};
use serde::Serialize;

use crate::number::ratio;

/// The energy of a run. Every figure has the range that its constants have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnergyReport {
    /// Of all devices and the links between them, in joules: the sum of `parts`.
    pub total_j: Estimate,
    /// The same over the run's tokens.
    pub per_token_j: Option<Estimate>,
    /// Of one device over the run, in watts.
    pub average_power_w: Option<Estimate>,
    /// The device's power limit, in watts.
    pub power_limit_w: Option<f64>,
    /// Whether the average is above it, which says that a constant or the machine is wrong.
    pub above_limit: bool,
    /// Devices counted, each as if it did what the reported one did.
    pub devices: u64,
    /// Where it went, engines first, then memories from the inside out, clocks, idle power, links.
    pub parts: Vec<EnergyPartReport>,
    /// What was done at an energy that is not known, and is in none of the figures.
    pub unknown: Vec<String>,
}

/// What one part spent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnergyPartReport {
    /// `matrix`, `hbm`, `clocks`, `idle`, `nvlink4`.
    pub name: String,
    /// What kind of part it is.
    pub kind: EnergyKind,
    /// Joules, of all devices.
    pub joules: Estimate,
    /// Its part of the likely total.
    pub share: Option<f64>,
}

/// The silicon a run's device is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiliconReport {
    /// The process of its compute dies: `n4`.
    pub process: String,
    /// Compute dies.
    pub dies: u32,
    /// Their area.
    pub area: AreaEstimate,
    /// What it costs to make, without board, cooling and margin; absent where a die cannot be made at all.
    pub cost: Option<CostEstimate>,
}

impl EnergyReport {
    /// What `record` says of energy, on `device` where that is known.
    #[must_use]
    pub fn new(record: &Record, device: Option<&Device>, tokens: u64) -> Self {
        let devices = record.team.as_ref().map_or(1, |team| team.ranks);
        let mut parts: Vec<EnergyPart> = record.energy.parts.clone();
        let of_one: Estimate = parts.iter().map(|part| part.joules).sum();
        for part in &mut parts {
            part.joules = part.joules * devices as f64;
        }
        let mut unknown = record.energy.unknown.clone();
        for link in record.team.iter().flat_map(|team| &team.links).filter(|link| link.bytes > 0.0) {
            let name = link.title.clone();
            match link.energy_per_byte {
                Some(energy) => {
                    let joules = energy * link.bytes;
                    parts.push(EnergyPart { name, kind: EnergyKind::Link, joules });
                }
                None => unknown.push(name),
            }
        }
        let total: Estimate = parts.iter().map(|part| part.joules).sum();
        let seconds = record.wall.as_secs_f64();
        let average = (seconds > 0.0).then(|| of_one * (1.0 / seconds));
        let limit = device.map(|device| device.power.tdp.value.0);
        let part = |part: EnergyPart| EnergyPartReport {
            share: ratio(part.joules.likely, total.likely),
            name: part.name,
            kind: part.kind,
            joules: part.joules,
        };
        Self {
            total_j: total,
            per_token_j: (tokens > 0).then(|| total * (1.0 / tokens as f64)),
            average_power_w: average,
            power_limit_w: limit,
            above_limit: average.zip(limit).is_some_and(|(power, limit)| power.likely > limit),
            devices,
            parts: parts.into_iter().map(part).collect(),
            unknown,
        }
    }

    /// What a reader should know before believing them: a power that the device cannot draw.
    pub(crate) fn note(&self) -> Option<String> {
        let (power, limit) = (self.average_power_w?, self.power_limit_w?);
        self.above_limit.then(|| {
            format!(
                "the average power, {:.0} W, is above the device's limit of {limit:.0} W: its energies are too high, \
                 or it would run slower",
                power.likely
            )
        })
    }
}

impl SiliconReport {
    /// What is known of `device`; `None` where its process is not.
    #[must_use]
    pub fn new(device: &Device) -> Option<Self> {
        let area = area(device)?;
        Some(Self {
            process: device.silicon.process.as_ref()?.value.clone(),
            dies: device.silicon.die_count(),
            cost: cost_of(device, &area),
            area,
        })
    }
}
