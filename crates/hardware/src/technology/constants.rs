//! The catalog of constants, compiled in and read once.

use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::Deserialize;

use super::Estimate;
use crate::{FigureRow, Provenance};

/// One constant, with the range in which the truth may well lie.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// The likely value.
    pub value: f64,
    /// The low end.
    pub low: f64,
    /// The high end.
    pub high: f64,
    /// How it is known.
    pub kind: Provenance,
    /// Where it was published, or the reasoning.
    pub source: String,
}

impl Constant {
    /// The value and its range.
    #[must_use]
    pub const fn estimate(&self) -> Estimate {
        Estimate { low: self.low, likely: self.value, high: self.high }
    }
}

/// Everything the estimates of area, energy and cost rest on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Technology {
    /// Silicon processes by name.
    pub processes: IndexMap<String, Process>,
    /// Kinds of DRAM by name, in lower case.
    pub memories: IndexMap<String, Memory>,
    /// Links off the chip by their generation.
    pub links: IndexMap<String, Link>,
    /// What does not depend on these; `None` only if the catalog is broken, which its tests exclude.
    pub chip: Option<Chip>,
}

/// A silicon process.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Name for people.
    pub title: String,
    /// Other names that mean it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Area of logic over that in n7.
    pub logic_area: Constant,
    /// Energy of logic over that in n7.
    pub logic_energy: Constant,
    /// Area of a MiB of SRAM, its circuits included.
    pub sram_mm2_per_mib: Constant,
    /// Price of a wafer.
    pub wafer_usd: Constant,
    /// Killer defects.
    pub defects_per_cm2: Constant,
}

/// A kind of DRAM.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Energy of a byte moved, memory and interface.
    pub pj_per_byte: Constant,
    /// Area of its interface on the die.
    pub phy_mm2_per_gbs: Constant,
    /// Its price.
    pub usd_per_gb: Constant,
    /// Whether it stands beside the die on an interposer.
    pub stacked: bool,
}

/// A link off the chip.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Energy of a byte over one link, both ends.
    pub pj_per_byte: Constant,
}

/// Constants of the chip as a whole.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chip {
    /// Of its area.
    pub area: AreaConstants,
    /// Of its energy.
    pub energy: EnergyConstants,
    /// Of its price.
    pub cost: CostConstants,
}

/// Areas in n7.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaConstants {
    /// Matrix engine, for 1000 fp16 operations a clock.
    pub matrix_mm2_per_kflop: Constant,
    /// Vector engine, for 1000 fp32 operations a clock.
    pub vector_mm2_per_kflop: Constant,
    /// Its fp64 units, for 1000 operations a clock.
    pub fp64_mm2_per_kflop: Constant,
    /// Everything else, over the sum of the others.
    pub rest: Constant,
}

/// Energies in n7.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyConstants {
    /// Bare arithmetic by number format.
    pub pj_per_op: IndexMap<String, Constant>,
    /// An operation with its operands, instructions and clocks, over the bare one.
    pub operation: Constant,
    /// Around a device's own energy of an operation.
    pub own_range: Constant,
    /// A byte from an SRAM of 8 KiB.
    pub sram_pj_per_byte_8: Constant,
    /// A byte from an SRAM of 32 KiB.
    pub sram_pj_per_byte_32: Constant,
    /// A byte from an SRAM of 1 MiB.
    pub sram_pj_per_byte_1024: Constant,
    /// A byte over one mm of wire.
    pub wire_pj_per_byte_mm: Constant,
    /// Clocks and leakage while kernels run, as a share of the power limit.
    pub active_share: Constant,
    /// Idle power over the device's own figure.
    pub idle_share: Constant,
}

/// Of prices.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostConstants {
    /// Parameter of the negative binomial yield; a whole number.
    pub clustering: Constant,
    /// Diameter of a wafer.
    pub wafer_mm: Constant,
    /// Package with an interposer, a mm2 of compute dies.
    pub cowos_usd_per_mm2: Constant,
    /// Plain package, a mm2 of dies.
    pub flip_chip_usd_per_mm2: Constant,
    /// Test and assembly of the former.
    pub cowos_test_usd: Constant,
    /// Of the latter.
    pub flip_chip_test_usd: Constant,
}

impl Technology {
    /// A process by name or alias; case does not matter.
    #[must_use]
    pub fn process(&self, name: &str) -> Option<(&str, &Process)> {
        let plain = name.trim().to_ascii_lowercase();
        let known = |entry: &(&String, &Process)| *entry.0 == plain || entry.1.aliases.contains(&plain);
        self.processes.iter().find(known).map(|(name, process)| (name.as_str(), process))
    }

    /// A kind of DRAM by name; case does not matter.
    #[must_use]
    pub fn memory(&self, name: &str) -> Option<&Memory> {
        self.memories.get(name.trim().to_ascii_lowercase().as_str())
    }

    /// A link by the generation a fabric names: `nvlink4`, `pcie5`, `ib-ndr`. A name's beginning is enough.
    #[must_use]
    pub fn link(&self, generation: &str) -> Option<&Link> {
        let plain = generation.trim().to_ascii_lowercase();
        self.links.get(&plain).or_else(|| {
            let begins = |entry: &(&String, &Link)| plain.starts_with(entry.0.as_str());
            self.links.iter().find(begins).map(|(_, link)| link)
        })
    }

    /// Every constant with its range, kind and source.
    #[must_use]
    pub fn rows(&self) -> Vec<ConstantRow> {
        let mut rows = Vec::new();
        let mut add = |path: String, constant: &Constant| {
            rows.push(ConstantRow { path, constant: constant.clone() });
        };
        for (name, process) in &self.processes {
            add(format!("process.{name}.logic_area"), &process.logic_area);
            add(format!("process.{name}.logic_energy"), &process.logic_energy);
            add(format!("process.{name}.sram_mm2_per_mib"), &process.sram_mm2_per_mib);
            add(format!("process.{name}.wafer_usd"), &process.wafer_usd);
            add(format!("process.{name}.defects_per_cm2"), &process.defects_per_cm2);
        }
        for (name, memory) in &self.memories {
            add(format!("memory.{name}.pj_per_byte"), &memory.pj_per_byte);
            add(format!("memory.{name}.phy_mm2_per_gbs"), &memory.phy_mm2_per_gbs);
            add(format!("memory.{name}.usd_per_gb"), &memory.usd_per_gb);
        }
        for (name, link) in &self.links {
            add(format!("link.{name}.pj_per_byte"), &link.pj_per_byte);
        }
        let Some(chip) = &self.chip else { return rows };
        let AreaConstants { matrix_mm2_per_kflop, vector_mm2_per_kflop, fp64_mm2_per_kflop, rest } =
            &chip.area;
        for (key, constant) in [
            ("matrix_mm2_per_kflop", matrix_mm2_per_kflop),
            ("vector_mm2_per_kflop", vector_mm2_per_kflop),
            ("fp64_mm2_per_kflop", fp64_mm2_per_kflop),
            ("rest", rest),
        ] {
            add(format!("area.{key}"), constant);
        }
        for (format, constant) in &chip.energy.pj_per_op {
            add(format!("energy.pj_per_op.{format}"), constant);
        }
        let energy = &chip.energy;
        for (key, constant) in [
            ("operation", &energy.operation),
            ("own_range", &energy.own_range),
            ("sram_pj_per_byte_8", &energy.sram_pj_per_byte_8),
            ("sram_pj_per_byte_32", &energy.sram_pj_per_byte_32),
            ("sram_pj_per_byte_1024", &energy.sram_pj_per_byte_1024),
            ("wire_pj_per_byte_mm", &energy.wire_pj_per_byte_mm),
            ("active_share", &energy.active_share),
            ("idle_share", &energy.idle_share),
        ] {
            add(format!("energy.{key}"), constant);
        }
        let cost = &chip.cost;
        for (key, constant) in [
            ("clustering", &cost.clustering),
            ("wafer_mm", &cost.wafer_mm),
            ("cowos_usd_per_mm2", &cost.cowos_usd_per_mm2),
            ("flip_chip_usd_per_mm2", &cost.flip_chip_usd_per_mm2),
            ("cowos_test_usd", &cost.cowos_test_usd),
            ("flip_chip_test_usd", &cost.flip_chip_test_usd),
        ] {
            add(format!("cost.{key}"), constant);
        }
        rows
    }
}

/// A constant and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ConstantRow {
    /// `process.n7.wafer_usd`.
    pub path: String,
    /// The constant.
    pub constant: Constant,
}

impl ConstantRow {
    /// As a line of a list: the value with its range.
    #[must_use]
    pub fn figure(&self) -> FigureRow {
        let Constant { value, low, high, kind, source } = &self.constant;
        FigureRow {
            path: self.path.clone(),
            value: format!("{value} ({low} to {high})"),
            kind: Some(*kind),
            source: source.clone(),
        }
    }
}

/// The constants of the catalog.
#[must_use]
pub fn technology() -> &'static Technology {
    static TECHNOLOGY: LazyLock<Technology> = LazyLock::new(|| read().unwrap_or_default());
    &TECHNOLOGY
}

fn read() -> Result<Technology, serde_yaml::Error> {
    Ok(Technology {
        processes: serde_yaml::from_str(include_str!("../../catalog/technology/processes.yaml"))?,
        memories: serde_yaml::from_str(include_str!("../../catalog/technology/memories.yaml"))?,
        links: serde_yaml::from_str(include_str!("../../catalog/technology/links.yaml"))?,
        chip: Some(serde_yaml::from_str(include_str!("../../catalog/technology/chip.yaml"))?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_reads() {
        read().unwrap();
    }

    #[test]
    fn every_constant_lies_in_its_range_and_has_a_source() {
        let rows = technology().rows();
        assert!(rows.len() > 90, "{}", rows.len());
        for row in rows {
            let Constant { value, low, high, kind, source } = row.constant;
            assert!(0.0 < low && low <= value && value <= high, "{}: {low} {value} {high}", row.path);
            assert!(source.len() > 5, "{} has no source", row.path);
            assert_ne!(kind, Provenance::Scenario, "{}", row.path);
        }
    }

    #[test]
    fn names_and_aliases_are_found() {
        assert_eq!(technology().process("4N").map(|found| found.0), Some("n4"));
        assert!(technology().memory("HBM3E").is_some());
        assert!(technology().link("nvlink4").is_some());
        assert!(technology().link("pcie5").is_some());
        assert!(technology().process("n2000").is_none());
    }
}
