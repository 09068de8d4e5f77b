//! How large the compute dies are.
//!
//! Engines by their operations a clock, SRAM by its capacity, the memory interface by its bandwidth; everything else
//! is a share of these. Where a part's real area is published, a machine derived from it has that area plus the
//! estimated difference.

use serde::Serialize;

use super::constants::{Chip, Constant, Process};
use super::{Estimate, technology};
use crate::{Device, Figure, Scope, TierKind, catalog};

/// Formats by whose peak a matrix engine's size is told, with their operations for one of fp16.
const SIZING_FORMATS: [(&str, f64); 4] = [("fp16", 1.0), ("bf16", 1.0), ("fp8", 2.0), ("int8", 2.0)];

/// Area of one part of the compute dies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AreaPart {
    /// `matrix`, `vector`, a tier's name, `memory interface`, `rest`.
    pub name: String,
    /// Square millimetres.
    pub mm2: Estimate,
}

/// Area of the compute dies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AreaEstimate {
    /// All dies together, in square millimetres.
    pub total_mm2: Estimate,
    /// What it is made up of; the likely values sum to that of the total.
    pub parts: Vec<AreaPart>,
    /// The part of it that is cores, 0 to 1.
    pub cores_share: f64,
    /// The published area that the estimate starts from, in square millimetres.
    pub published_mm2: Option<f64>,
    /// What is not counted because a constant is not known.
    pub missing: Vec<String>,
}

/// Estimates the areas of machines that differ from one part: the part is looked at once.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaModel {
    /// The part's own estimate and its published area.
    known: Option<(Estimate, f64)>,
}

impl AreaModel {
    /// The model for machines derived from `part`.
    #[must_use]
    pub fn of(part: &Device) -> Self {
        let published = part.silicon.die_area.as_ref().map(|area| area.value.0);
        Self { known: modelled_area(part).zip(published).map(|(raw, published)| (raw.total_mm2, published)) }
    }

    /// The model for machines that `device` may have been made of by changes: those of the catalog's part of its name.
    #[must_use]
    pub fn around(device: &Device) -> Self {
        Self::of(catalog::device(&device.name).ok().as_ref().unwrap_or(device))
    }

    /// The area of `device`; `None` where its process is not known.
    #[must_use]
    pub fn area(&self, device: &Device) -> Option<AreaEstimate> {
        let raw = modelled_area(device)?;
        let own = device.silicon.die_area.as_ref().map(|area| area.value.0);
        let (total, published) = match (self.known, own) {
            // One that the part does not have is the user's.
            (Some((_, published)), Some(own)) if own.to_bits() != published.to_bits() => {
                (Estimate::exact(own), own)
            }
            (None, Some(own)) => (Estimate::exact(own), own),
            (Some((base, published)), _) => (grown(raw.total_mm2, base, published), published),
            (None, None) => return Some(raw),
        };
        let scaled = |part: AreaPart| AreaPart {
            mm2: part.mm2.times(total.with(raw.total_mm2, |total, raw| total / raw)),
            ..part
        };
        let parts = raw.parts.into_iter().map(scaled).collect();
        Some(AreaEstimate { total_mm2: total, parts, published_mm2: Some(published), ..raw })
    }
}

/// `published`, and the estimated difference between `raw` and `base` in proportion to it.
fn grown(raw: Estimate, base: Estimate, published: f64) -> Estimate {
    let scale = published / base.likely;
    let [low, likely, high] = [(raw.low, base.low), (raw.likely, base.likely), (raw.high, base.high)]
        .map(|(raw, base)| (published + scale * (raw - base)).max(0.05 * published));
    Estimate { low, likely, high }.sorted()
}

/// The area of the compute dies; `None` where the process is not known. A device that a scenario changed is compared
/// with the catalog's part of its name.
#[must_use]
pub fn area(device: &Device) -> Option<AreaEstimate> {
    AreaModel::around(device).area(device)
}

/// The area as the constants have it, whatever is published; `None` where the process is not known.
#[must_use]
pub fn modelled_area(device: &Device) -> Option<AreaEstimate> {
    let (_, process) = technology().process(&device.silicon.process.as_ref()?.value)?;
    let chip = technology().chip.as_ref()?;
    let own = &device.silicon.technology;
    let logic = chosen(own.logic_area.as_ref(), &process.logic_area);
    let built = built(device);
    let mut parts = engines(device, chip, logic * built);
    let mut cores: Estimate = parts.iter().map(|part| part.mm2).sum();
    for (part, is_core) in memories(device, process, built) {
        if is_core {
            cores = cores + part.mm2;
        }
        parts.push(part);
    }
    let mut missing = Vec::new();
    match interface(device) {
        Some(part) => parts.push(part),
        None => missing.push("the memory interface: the kind of its DRAM is not known".to_owned()),
    }
    let sum: Estimate = parts.iter().map(|part| part.mm2).sum();
    let rest = sum.times(chip.area.rest.estimate());
    parts.push(AreaPart { name: "rest".to_owned(), mm2: rest });
    let total = sum + rest;
    let cores_share = if total.likely > 0.0 { cores.likely / total.likely } else { 0.0 };
    (total.likely > 0.0).then_some(AreaEstimate {
        total_mm2: total,
        parts,
        cores_share,
        published_mm2: None,
        missing,
    })
}

/// Cores on the dies over those that work.
fn built(device: &Device) -> f64 {
    let cores = f64::from(device.cores.value.max(1));
    device.silicon.cores_built.as_ref().map_or(1.0, |built| (f64::from(built.value) / cores).max(1.0))
}

fn engines(device: &Device, chip: &Chip, logic: Estimate) -> Vec<AreaPart> {
    let clock = device.clock.value.0.max(1.0);
    let area = |constant: &Constant, rate: f64| constant.estimate().times(logic) * (rate / clock / 1e3);
    let vector = device.vector_peak("fp32").map_or(0.0, |(rate, _)| rate.0);
    let fp64 = device.vector.peak("fp64").map_or(0.0, |rate| rate.0);
    let vector = area(&chip.area.vector_mm2_per_kflop, vector) + area(&chip.area.fp64_mm2_per_kflop, fp64);
    let mut parts = Vec::new();
    if let Some(rate) = matrix_rate(device) {
        let mm2 = area(&chip.area.matrix_mm2_per_kflop, rate);
        parts.push(AreaPart { name: "matrix".to_owned(), mm2 });
    }
    parts.push(AreaPart { name: "vector".to_owned(), mm2: vector });
    parts
}

/// What the matrix engine does in fp16 or could by what it does in other formats, where it is more than the vector engine
/// under another name.
fn matrix_rate(device: &Device) -> Option<f64> {
    let rates = SIZING_FORMATS.into_iter().filter_map(|(format, factor)| {
        let rate = device.matrix.peak(format)?.0;
        let vector = device.vector.peak(format).map_or(0.0, |vector| vector.0);
        Some(if rate > 1.01 * vector { rate / factor } else { 0.0 })
    });
    rates.reduce(f64::max)
}

/// The memories on the chip, and whether each is a part of the cores.
fn memories(device: &Device, process: &Process, built: f64) -> Vec<(AreaPart, bool)> {
    let density = chosen(device.silicon.technology.sram_mm2_per_mib.as_ref(), &process.sram_mm2_per_mib);
    let on_chip = |kind| matches!(kind, TierKind::Registers | TierKind::Scratchpad | TierKind::Cache);
    let part = |tier: &crate::Tier| {
        let instances = match tier.scope {
            Scope::PerCore => f64::from(device.cores.value),
            Scope::Shared(instances) => f64::from(instances.max(1)),
        };
        let mib = tier.capacity.value.as_f64() * instances / 1_048_576.0;
        (AreaPart { name: tier.name.clone(), mm2: density * (mib * built) }, tier.scope == Scope::PerCore)
    };
    device.tiers.iter().filter(|tier| on_chip(tier.kind)).map(part).collect()
}

fn interface(device: &Device) -> Option<AreaPart> {
    let tier = device.memory()?;
    let kind = tier.memory_kind();
    let own = device.silicon.technology.phy_mm2_per_gbs.as_ref().map(|own| Estimate::exact(own.value));
    let of_kind = || Some(technology().memory(&kind?)?.phy_mm2_per_gbs.estimate());
    let mm2 = own.or_else(of_kind)? * (tier.bandwidth.value.0 / 1e9);
    Some(AreaPart { name: "memory interface".to_owned(), mm2 })
}

/// The device's own constant, which is exact, or the catalog's.
pub(super) fn chosen(own: Option<&Figure<f64>>, constant: &Constant) -> Estimate {
    own.map_or_else(|| constant.estimate(), |own| Estimate::exact(own.value))
}
