//! What a device costs to make: dies, memory, package, test. No board, no cooling, no design and no margin.

use serde::Serialize;

use super::area::{AreaEstimate, chosen};
use super::constants::CostConstants;
use super::{Estimate, technology};
use crate::{Device, area};

/// The largest area that one exposure covers, 26 mm by 33 mm: no die is larger.
const RETICLE_MM2: f64 = 858.0;
/// Spare cores beyond which more make no difference.
const MOST_SPARES: u32 = 1024;

/// Cost of one part of a device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostPart {
    /// `compute dies`, `memory`, `package`, `test`.
    pub name: String,
    /// Dollars.
    pub usd: Estimate,
}

/// What a device costs to make.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostEstimate {
    /// Dollars.
    pub total_usd: Estimate,
    /// What it is made up of.
    pub parts: Vec<CostPart>,
    /// Dies that fit on a wafer.
    pub dies_per_wafer: f64,
    /// Of these, the part that can be sold; the low end belongs to the many defects.
    pub good_dies: Estimate,
    /// What stands in the way: a die larger than any that can be made, a price that is not known.
    pub notes: Vec<String>,
}

/// What `device` costs to make; `None` where its process is not known.
#[must_use]
pub fn unit_cost(device: &Device) -> Option<CostEstimate> {
    cost_of(device, &area(device)?)
}

/// The same, where the area is known already.
#[must_use]
pub fn cost_of(device: &Device, area: &AreaEstimate) -> Option<CostEstimate> {
    let (_, process) = technology().process(&device.silicon.process.as_ref()?.value)?;
    let constants = &technology().chip.as_ref()?.cost;
    let own = &device.silicon.technology;
    let dies = f64::from(device.silicon.die_count());
    let die = area.total_mm2 * (1.0 / dies);
    let mut notes = area.missing.clone();
    if die.likely > RETICLE_MM2 {
        notes.push(format!(
            "a die of {:.0} mm2 is larger than the {RETICLE_MM2} mm2 that can be exposed",
            die.likely
        ));
    }
    let per_wafer = die.with(Estimate::ZERO, |die, _| dies_per_wafer(die, constants.wafer_mm.value));
    let defects = chosen(own.defects_per_cm2.as_ref(), &process.defects_per_cm2);
    let spares = spares(device);
    let good = die.with(defects, |die, defects| {
        good_dies(die / 100.0 * defects, constants.clustering.value as u32, area.cores_share, spares)
    });
    let wafer = chosen(own.wafer_usd.as_ref(), &process.wafer_usd);
    let each = Estimate {
        low: wafer.low / (per_wafer.low * good.low),
        likely: wafer.likely / (per_wafer.likely * good.likely),
        high: wafer.high / (per_wafer.high * good.high),
    };
    if !(each.high.is_finite() && per_wafer.high >= 1.0) {
        return None;
    }
    let mut parts = vec![CostPart { name: "compute dies".to_owned(), usd: each * dies }];
    match memory(device) {
        Some(usd) => parts.push(CostPart { name: "memory".to_owned(), usd }),
        None => notes.push("the price of the memory: the kind of its DRAM is not known".to_owned()),
    }
    parts.extend(package(device, constants, area.total_mm2));
    Some(CostEstimate {
        total_usd: parts.iter().map(|part| part.usd).sum(),
        parts,
        dies_per_wafer: per_wafer.likely,
        good_dies: Estimate { low: good.high, likely: good.likely, high: good.low },
        notes,
    })
}

/// Cores of one die that may be defective.
fn spares(device: &Device) -> u32 {
    let built = device.silicon.cores_built.as_ref().map_or(device.cores.value, |built| built.value);
    built.saturating_sub(device.cores.value) / device.silicon.die_count()
}

/// Whole dies on a round wafer: its area over a die's, less what the edge cuts through.
fn dies_per_wafer(die: f64, diameter: f64) -> f64 {
    use std::f64::consts::PI;
    (PI * diameter * diameter / 4.0 / die - PI * diameter / (2.0 * die).sqrt()).max(0.0)
}

/// The part of the dies that work, of which each has `mean` defects in the mean, clustered with `alpha`. A defect that
/// hits a core (as `cores` of them do) is one spare less; any other kills the die.
fn good_dies(mean: f64, alpha: u32, cores: f64, spares: u32) -> f64 {
    let alpha_f = f64::from(alpha.max(1));
    let base = 1.0 + mean / alpha_f;
    // The negative binomial: none, then each number of defects from the one before.
    let mut chance = 1.0 / (0..alpha.max(1)).fold(1.0, |power, _| power * base);
    let mut good = chance;
    for count in 0..spares.min(MOST_SPARES) {
        let count = f64::from(count);
        chance *= (alpha_f + count) / (count + 1.0) * mean / (alpha_f + mean) * cores;
        good += chance;
    }
    good.min(1.0)
}

fn memory(device: &Device) -> Option<Estimate> {
    let tier = device.memory()?;
    let own = device.silicon.technology.memory_usd_per_gb.as_ref().map(|own| Estimate::exact(own.value));
    let of_kind = || Some(technology().memory(&tier.memory_kind()?)?.usd_per_gb.estimate());
    Some(own.or_else(of_kind)? * (tier.capacity.value.as_f64() / 1e9))
}

/// Stacks of memory stand beside the dies on an interposer; other memory is on the board.
fn package(device: &Device, constants: &CostConstants, area: Estimate) -> [CostPart; 2] {
    let kind = device.memory().and_then(crate::Tier::memory_kind);
    let stacked = kind.and_then(|kind| technology().memory(&kind)).is_some_and(|memory| memory.stacked);
    let (each, test) = if stacked || device.silicon.die_count() > 1 {
        (&constants.cowos_usd_per_mm2, &constants.cowos_test_usd)
    } else {
        (&constants.flip_chip_usd_per_mm2, &constants.flip_chip_test_usd)
    };
    let each = chosen(device.silicon.technology.package_usd_per_mm2.as_ref(), each);
    [
        CostPart { name: "package".to_owned(), usd: each.times(area) },
        CostPart { name: "test".to_owned(), usd: test.estimate() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spare_cores_save_dies() {
        let without = good_dies(0.8, 3, 0.5, 0);
        assert!((without - 1.0 / (1.0_f64 + 0.8 / 3.0).powi(3)).abs() < 1e-12);
        let with = good_dies(0.8, 3, 0.5, 8);
        assert!(with > without && with < 1.0, "{without} {with}");
        // With nothing but cores and spares for any number of defects, all dies are good.
        assert!((good_dies(0.8, 3, 1.0, 1000) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn smaller_dies_yield_better_and_more_of_them_fit() {
        assert!(dies_per_wafer(100.0, 300.0) > 2.0 * dies_per_wafer(200.0, 300.0));
        assert!(good_dies(0.1, 3, 0.5, 0) > good_dies(0.2, 3, 0.5, 0));
        let h100 = dies_per_wafer(814.0, 300.0);
        assert!((60.0..66.0).contains(&h100), "{h100}");
    }
}
