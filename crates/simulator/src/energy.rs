//! Where the energy of a run goes.
//!
//! A kernel's operations, the bytes it moves and the time it takes each have a price ([`EnergyModel`]). What power
//! under load tells of an operation includes its operands' way through the chip, its share of instructions and of
//! clocks. So these are counted once: an engine gets what of an operation's energy is left when the bytes on the chip
//! and the clocks of that kernel are paid.

use memwall_hardware::{Device, EnergyModel, Estimate};
use memwall_model_graph::{Dtype, OpKind};
use memwall_units::Picos;

use crate::SimulationError;
use crate::chip::{Chip, EngineKind, MAX_FEEDS, MAX_LEVELS};
use crate::demand::Demand;
use crate::lower::attention_format;
use crate::outcome::Outcome;
use crate::plan::Compute;

/// What the parts of a device spent in a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EnergyRecord {
    /// Engines and tiers by name, then `clocks`, what is drawn besides while kernels run, and `idle`, what is drawn at
    /// all times; in joules. Those that spent nothing are left out.
    pub parts: Vec<EnergyPart>,
    /// What was done or moved at an energy that is not known: engines with the format, tiers.
    pub unknown: Vec<String>,
}

/// What one part spent.
#[derive(Debug, Clone, PartialEq)]
pub struct EnergyPart {
    /// `matrix`, `hbm`, `clocks`, `idle`.
    pub name: String,
    /// What kind of part it is.
    pub kind: EnergyKind,
    /// Joules.
    pub joules: Estimate,
}

/// Kinds of parts that spend energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergyKind {
    /// An engine.
    Compute,
    /// A memory.
    Memory,
    /// A link between devices.
    Link,
    /// Drawn for as long as it takes.
    Static,
}

/// Useful operations that an engine executes, with the name of the format they run in. Padding is zeros, which switch
/// little: it is not counted.
pub(crate) type Operations = [(&'static str, f64); 3];

/// The operations of a plan.
///
/// # Errors
/// An engine that works does not compute in its format, which no plan does.
pub(crate) fn operations(
    chip: &Chip,
    demand: &Demand,
    compute: &Compute,
) -> Result<Operations, SimulationError> {
    let product = match demand.kind {
        OpKind::MatMul(_) | OpKind::GroupedMatMul(_) => Some(demand.compute),
        OpKind::Convolution(shape) if !shape.is_depthwise() => Some(demand.compute),
        OpKind::Attention(shape) | OpKind::AttentionGradient(shape) => {
            Some(attention_format(chip, demand, *shape))
        }
        _ => None,
    };
    let other = if demand.compute == Dtype::Fp64 { Dtype::Fp64 } else { Dtype::Fp32 };
    let mut operations: Operations = [("", 0.0); 3];
    for kind in EngineKind::ALL {
        let share = &compute.shares[kind as usize];
        let core_ps = share.useful;
        if core_ps > 0.0 {
            let dtype = product.filter(|_| kind == compute.primary).unwrap_or(other);
            let rate = chip.peak(kind, dtype)?;
            operations[kind as usize] =
                (runs_as(chip, kind, dtype), core_ps * 1e-12 * rate / f64::from(chip.units));
        }
    }
    Ok(operations)
}

/// The name of the format that an engine really computes in.
pub(crate) fn runs_as(chip: &Chip, kind: EngineKind, dtype: Dtype) -> &'static str {
    let name = match kind {
        EngineKind::Matrix => chip.device.matmul_peak(dtype.name()).map(|peak| peak.runs_as),
        _ => chip.engine(kind).peak_or_wider(dtype.name()).map(|(_, name)| name),
    };
    name.unwrap_or(dtype.name())
}

/// Adds up what kernels spend.
#[derive(Debug)]
pub(crate) struct EnergyMeter {
    model: EnergyModel,
    engines: [Estimate; 3],
    levels: [Estimate; MAX_LEVELS],
    feeds: [Estimate; MAX_FEEDS],
    clocks: Estimate,
    /// Formats without an energy, by engine.
    unknown: Vec<(EngineKind, &'static str)>,
    unknown_tiers: Vec<usize>,
}

impl EnergyMeter {
    pub fn new(device: &Device) -> Self {
        Self {
            model: EnergyModel::new(device),
            engines: Default::default(),
            levels: Default::default(),
            feeds: Default::default(),
            clocks: Estimate::ZERO,
            unknown: Vec::new(),
            unknown_tiers: Vec::new(),
        }
    }

    /// Adds one kernel.
    pub fn add(&mut self, chip: &Chip, outcome: &Outcome) {
        let mut on_chip = self.clocks_of(outcome.duration);
        self.clocks = self.clocks + on_chip;
        for level in 0..chip.levels.len() {
            let bytes = outcome.traffic.read[level] + outcome.traffic.write[level];
            let spent = self.bytes(chip.levels[level].tier, bytes);
            self.levels[level] = self.levels[level] + spent;
            if level != chip.dram() {
                on_chip = on_chip + spent;
            }
        }
        for feed in 0..chip.feeds.len() {
            // What leaves a core's memory for the registers came in from the next one out.
            let came = if feed + 1 == chip.feeds.len() {
                outcome.traffic.read[0]
            } else {
                outcome.feed_bytes[feed + 1]
            };
            let spent = self.bytes(chip.feeds[feed].tier, outcome.feed_bytes[feed] + came);
            self.feeds[feed] = self.feeds[feed] + spent;
            on_chip = on_chip + spent;
        }
        self.compute(outcome, on_chip);
    }

    /// The arithmetic, and what of the operations' whole energy `on_chip` has not paid.
    fn compute(&mut self, outcome: &Outcome, on_chip: Estimate) {
        let mut more = [Estimate::ZERO; 3];
        for kind in EngineKind::ALL {
            let (format, count) = outcome.operations[kind as usize];
            if count <= 0.0 {
                continue;
            }
            let Some(energy) = self.model.operation(format) else {
                if !self.unknown.contains(&(kind, format)) {
                    self.unknown.push((kind, format));
                }
                continue;
            };
            let engine = &mut self.engines[kind as usize];
            *engine = *engine + energy.bare * count;
            more[kind as usize] =
                energy.whole.with(energy.bare, |whole, bare| (whole - bare).max(0.0)) * count;
        }
        let all: Estimate = more.into_iter().sum();
        let left = all.with(on_chip, |all, paid| if all > 0.0 { (all - paid).max(0.0) / all } else { 0.0 });
        for (engine, more) in self.engines.iter_mut().zip(more) {
            *engine = *engine + more.times(left);
        }
    }

    fn clocks_of(&self, duration: Picos) -> Estimate {
        self.model.active * duration.as_secs_f64()
    }

    fn bytes(&mut self, tier: usize, bytes: f64) -> Estimate {
        match self.model.tiers.get(tier).copied().flatten() {
            Some(energy) => energy * bytes,
            None => {
                if bytes > 0.0 && !self.unknown_tiers.contains(&tier) {
                    self.unknown_tiers.push(tier);
                }
                Estimate::ZERO
            }
        }
    }

    /// What was spent in a run of this length.
    pub fn record(&self, chip: &Chip, wall: Picos) -> EnergyRecord {
        let mut parts = Vec::new();
        let mut add = |name: &str, kind, joules: Estimate| {
            // The more the bytes on the chip take, the less is left of the operations'.
            let joules = joules.sorted();
            if joules.high > 0.0 {
                parts.push(EnergyPart { name: name.to_owned(), kind, joules });
            }
        };
        for kind in EngineKind::ALL {
            add(kind.name(), EnergyKind::Compute, self.engines[kind as usize]);
        }
        let tier_name = |tier: usize| chip.device.tiers[tier].name.as_str();
        for (feed, joules) in chip.feeds.iter().zip(self.feeds) {
            add(tier_name(feed.tier), EnergyKind::Memory, joules);
        }
        for (level, joules) in chip.levels.iter().zip(self.levels) {
            add(tier_name(level.tier), EnergyKind::Memory, joules);
        }
        add("clocks", EnergyKind::Static, self.clocks);
        add("idle", EnergyKind::Static, self.model.idle.unwrap_or_default() * wall.as_secs_f64());
        let mut unknown: Vec<String> =
            self.unknown.iter().map(|(kind, format)| format!("{} engine in {format}", kind.name())).collect();
        unknown.extend(self.unknown_tiers.iter().map(|tier| tier_name(*tier).to_owned()));
        if self.model.idle.is_none() {
            unknown.push("idle power".to_owned());
        }
        EnergyRecord { parts, unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use memwall_hardware::{TierKind, catalog};

    fn chip(device: &str) -> Chip {
        Chip::new(&catalog::device(device).unwrap(), &catalog::software("tensorrt-llm").unwrap()).unwrap()
    }

    fn kernel(operations: Operations, duration: Picos, read: f64) -> Outcome {
        let mut outcome = Outcome::idle(duration);
        outcome.operations = operations;
        outcome.traffic.read[1] = read;
        outcome
    }

    fn total(record: &EnergyRecord) -> f64 {
        record.parts.iter().map(|part| part.joules.likely).sum()
    }

    /// Where arithmetic sets the pace, a kernel spends what the power limit was fitted with: no more for what is
    /// inside that figure.
    #[test]
    fn a_kernel_bound_by_compute_spends_the_energy_of_its_operations() {
        let chip = chip("h100-sxm");
        let mut meter = EnergyMeter::new(&chip.device);
        meter.add(&chip, &kernel([("bf16", 1e15), ("", 0.0), ("", 0.0)], Picos(1_300_000_000_000), 0.0));
        let of_operations = 1e15 * 0.803e-12;
        let idle = 75.0 * 1.3;
        let spent = total(&meter.record(&chip, Picos(1_300_000_000_000)));
        assert!((spent / (of_operations + idle) - 1.0).abs() < 1e-9, "{spent}");
    }

    /// Where it does not, clocks and bytes are not hidden in the few operations.
    #[test]
    fn a_kernel_that_only_moves_bytes_spends_what_they_cost() {
        let chip = chip("h100-sxm");
        assert_eq!(chip.device.tiers[chip.levels[1].tier].kind, TierKind::Dram);
        let mut meter = EnergyMeter::new(&chip.device);
        meter.add(&chip, &kernel([("", 0.0); 3], Picos(1_000_000_000_000), 3e12));
        let record = meter.record(&chip, Picos(1_000_000_000_000));
        let of = |name: &str| record.parts.iter().find(|part| part.name == name).unwrap().joules.likely;
        assert!((of("hbm") - 3e12 * 31.2e-12).abs() < 1e-6, "{}", of("hbm"));
        assert!((of("clocks") - 175.0).abs() < 1e-9, "{}", of("clocks"));
        assert!(record.unknown.is_empty(), "{:?}", record.unknown);
    }

    #[test]
    fn what_is_not_known_is_named() {
        let chip = chip("mi300x");
        let mut meter = EnergyMeter::new(&chip.device);
        meter.add(&chip, &kernel([("", 0.0), ("fp32", 1e9), ("", 0.0)], Picos(1_000_000), 1e6));
        let unknown = meter.record(&chip, Picos(1_000_000)).unknown;
        assert!(unknown.iter().any(|what| what == "vector engine in fp32"), "{unknown:?}");
    }
}
