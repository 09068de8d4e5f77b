//! What an operation and a byte cost in energy, on one device.

use memwall_units::Joules;

use super::constants::EnergyConstants;
use super::{Estimate, modelled_area, technology};
use crate::{Device, FORMATS, Figure, Provenance, Scope, Tier, TierKind, widening};

const PICO: f64 = 1e-12;

/// Energy of one operation, in joules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperationEnergy {
    /// The arithmetic alone.
    pub bare: Estimate,
    /// With its operands out of the memories on the chip, its share of instructions and clocks: what power under load
    /// tells.
    pub whole: Estimate,
}

/// The energies of a device, looked up once.
#[derive(Debug, Clone, PartialEq)]
pub struct EnergyModel {
    operations: Vec<(&'static str, OperationEnergy)>,
    /// By index of the tier, in joules for a byte read from or written to it; `None` where that is not known.
    pub tiers: Vec<Option<Estimate>>,
    /// Watts, drawn at all times; `None` where that is not known.
    pub idle: Option<Estimate>,
    /// Watts that clocks and leakage add while kernels run.
    pub active: Estimate,
}

impl EnergyModel {
    /// The energies of `device`.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        let constants = technology().chip.as_ref().map(|chip| &chip.energy);
        let operation = |format: &&'static str| {
            constants.and_then(|constants| operation(device, constants, format)).map(|found| (*format, found))
        };
        let share = |constant: fn(&EnergyConstants) -> Estimate| constants.map_or(Estimate::ZERO, constant);
        let wire = wire_mm(device);
        Self {
            operations: FORMATS.iter().filter_map(operation).collect(),
            tiers: device.tiers.iter().map(|tier| byte(device, tier, constants?, wire)).collect(),
            idle: device.power.idle.as_ref().map(|idle| {
                let known = idle.kind == Provenance::Scenario;
                if known {
                    Estimate::exact(idle.value.0)
                } else {
                    share(|of| of.idle_share.estimate()) * idle.value.0
                }
            }),
            active: share(|of| of.active_share.estimate()) * device.power.tdp.value.0,
        }
    }

    /// The energy of an operation in `format`, or in the nearest wider one; `None` where it is not known.
    #[must_use]
    pub fn operation(&self, format: &str) -> Option<OperationEnergy> {
        widening(format).iter().find_map(|&wider| {
            self.operations.iter().find(|(known, _)| *known == wider).map(|(_, energy)| *energy)
        })
    }
}

/// A device's own figure goes before the catalog's; what a scenario gives is exact.
fn operation(device: &Device, constants: &EnergyConstants, format: &str) -> Option<OperationEnergy> {
    let process = device.silicon.process.as_ref().and_then(|process| technology().process(&process.value));
    let own_scale = device.silicon.technology.logic_energy.as_ref().map(|own| Estimate::exact(own.value));
    let scale = own_scale.or_else(|| process.map(|(_, process)| process.logic_energy.estimate()));
    let bare = scale.and_then(|scale| {
        constants.pj_per_op.get(format).map(|constant| constant.estimate().times(scale) * PICO)
    });
    let own = device.power.energy_per_flop.get(format).map(|own| around(own, constants.own_range.estimate()));
    match (bare, own) {
        (bare, Some(whole)) => {
            let bare = bare.unwrap_or(whole * (1.0 / constants.operation.value));
            Some(OperationEnergy { bare: bare.with(whole, f64::min), whole })
        }
        (Some(bare), None) => {
            Some(OperationEnergy { bare, whole: bare.times(constants.operation.estimate()) })
        }
        (None, None) => None,
    }
}

fn around(own: &Figure<Joules>, range: Estimate) -> Estimate {
    if own.kind == Provenance::Scenario { Estimate::exact(own.value.0) } else { range * own.value.0 }
}

/// Energy of a byte read from or written to a tier, in joules. Registers have none of their own: an operation includes
/// them.
fn byte(device: &Device, tier: &Tier, constants: &EnergyConstants, wire: Option<f64>) -> Option<Estimate> {
    let own = tier.energy_per_byte.as_ref();
    if let Some(exact) = own.filter(|own| own.kind == Provenance::Scenario) {
        return Some(Estimate::exact(exact.value.0));
    }
    match tier.kind {
        TierKind::Dram => {
            let kind = tier.memory_kind();
            let of_kind = kind.and_then(|kind| technology().memory(&kind));
            let range = of_kind.map(|memory| memory.pj_per_byte.estimate() * PICO);
            match (range, own) {
                (Some(range), Some(own)) => Some(range.around(own.value.0)),
                (range, own) => range.or(own.map(|own| Estimate::exact(own.value.0))),
            }
        }
        TierKind::Host => link_energy_per_byte("pcie"),
        TierKind::Storage => own.map(|own| Estimate::exact(own.value.0)),
        TierKind::Registers | TierKind::Scratchpad | TierKind::Cache => match own {
            Some(own) => Some(Estimate::exact(own.value.0)),
            None => sram(device, tier, constants, wire),
        },
    }
}

/// A memory on the chip: its own bank and, where it is shared, the way there.
fn sram(device: &Device, tier: &Tier, constants: &EnergyConstants, wire: Option<f64>) -> Option<Estimate> {
    let (_, process) = technology().process(&device.silicon.process.as_ref()?.value)?;
    let scale = super::area::chosen(device.silicon.technology.logic_energy.as_ref(), &process.logic_energy);
    let kib = (tier.capacity.value.0 >> 10).clamp(8, 1024);
    let bank = between(kib, constants).times(scale);
    let way = match tier.scope {
        Scope::PerCore => Estimate::ZERO,
        Scope::Shared(_) => constants.wire_pj_per_byte_mm.estimate() * wire?,
    };
    Some((bank + way) * PICO)
}

/// By powers of two between the sizes whose energy is known.
fn between(kib: u64, constants: &EnergyConstants) -> Estimate {
    let [small, middle, large] =
        [&constants.sram_pj_per_byte_8, &constants.sram_pj_per_byte_32, &constants.sram_pj_per_byte_1024]
            .map(super::constants::Constant::estimate);
    let doublings = f64::from(kib.max(8).ilog2() - 3);
    let (from, to, share) = if doublings <= 2.0 {
        (small, middle, doublings / 2.0)
    } else {
        (middle, large, (doublings - 2.0) / 5.0)
    };
    from.with(to, |from, to| from + (to - from) * share)
}

/// From a core to a shared memory: half the side of a square die, in mm.
fn wire_mm(device: &Device) -> Option<f64> {
    let dies = f64::from(device.silicon.die_count());
    let published = device.silicon.die_area.as_ref().map(|area| area.value.0);
    let area = published.or_else(|| modelled_area(device).map(|area| area.total_mm2.likely))?;
    Some(0.5 * (area / dies).sqrt())
}

/// Energy of a byte over one link of a generation (`nvlink4`, `pcie5`, `ib-ndr`), in joules; `None` where it is not
/// known.
#[must_use]
pub fn link_energy_per_byte(generation: &str) -> Option<Estimate> {
    technology().link(generation).map(|link| link.pj_per_byte.estimate() * PICO)
}

/// What `device` would draw with its matrix engine at its peak and its memory streaming, in watts: often more than its
/// power limit, which then lowers the clock. `None` where an energy is not known.
#[must_use]
pub fn peak_power(device: &Device) -> Option<Estimate> {
    let model = EnergyModel::new(device);
    let watts = |(format, rate): (&String, &Figure<memwall_units::FlopsPerSec>)| {
        model.operation(format).map(|energy| energy.whole * rate.value.0)
    };
    let compute = device.matrix.peak.iter().filter_map(watts).max_by(|a, b| a.likely.total_cmp(&b.likely))?;
    let memory = device.tiers.iter().position(|tier| tier.kind == TierKind::Dram)?;
    let moving = model.tiers.get(memory).copied().flatten()? * device.tiers[memory].bandwidth.value.0;
    Some(compute + moving + model.idle?)
}
