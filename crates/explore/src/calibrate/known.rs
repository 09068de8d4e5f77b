//! Which figures are fitted unless others are asked for, in the order in which one is preferred to another that acts
//! the same, and the bounds of each. A figure that is not listed can be fitted too, within the bounds of its measure.

use memwall_hardware::Provenance;

use super::figures::{Measure, NumberFigure};

/// One line of the table.
struct Known {
    /// A path from the scenario's root. `{dram}` stands for the device's memory, `{cache}` for its last shared cache,
    /// `*` for any one key.
    path: &'static str,
    /// Whether it is fitted unless others are asked for.
    fitted: bool,
    /// Bounds that differ from those of its measure.
    bounds: Option<Bounds>,
}

/// The least and the largest value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bounds {
    /// In the measure's unit.
    Fixed(f64, f64),
    /// Of the value it starts at.
    Times(f64, f64),
}

const fn fitted(path: &'static str) -> Known {
    Known { path, fitted: true, bounds: None }
}

const fn within(path: &'static str, bounds: Bounds) -> Known {
    Known { path, fitted: true, bounds: Some(bounds) }
}

const fn never(path: &'static str) -> Known {
    Known { path, fitted: false, bounds: None }
}

/// The table. Software lines end with a line for any figure a profile may get later.
const TABLE: &[Known] = &[
    within("hardware.matrix.sustained", Bounds::Fixed(0.2, 1.0)),
    within("hardware.memory.{dram}.efficiency", Bounds::Fixed(0.3, 1.0)),
    // A host issues, and a device starts, in nanoseconds to fractions of a millisecond.
    within("software.kernel_gap", Bounds::Fixed(0.0, 100e-6)),
    within("software.issue", Bounds::Fixed(0.0, 1e-3)),
    within("hardware.memory.{dram}.in_flight", Bounds::Times(0.125, 8.0)),
    within("hardware.memory.{cache}.bandwidth", Bounds::Times(0.125, 4.0)),
    within("hardware.memory.{dram}.tiled_efficiency", Bounds::Fixed(0.3, 1.0)),
    within("hardware.memory.{dram}.mixed_efficiency", Bounds::Fixed(0.3, 1.0)),
    within("hardware.memory.{cache}.tiled_write_efficiency", Bounds::Fixed(0.05, 1.0)),
    // Latencies are measured one access at a time; more than this is something else.
    within("hardware.memory.{dram}.latency", Bounds::Times(0.5, 2.5)),
    within("hardware.memory.{cache}.latency", Bounds::Times(0.5, 2.5)),
    within("hardware.power.energy_per_flop.*", Bounds::Times(0.25, 4.0)),
    within("hardware.vector.sustained", Bounds::Fixed(0.2, 1.0)),
    within("hardware.special.sustained", Bounds::Fixed(0.2, 1.0)),
    within("software.matmul_efficiency", Bounds::Fixed(0.2, 1.0)),
    within("software.attention_efficiency", Bounds::Fixed(0.1, 1.0)),
    // How finely a source's times are printed is no property of kernels.
    never("software.timer_resolution"),
    fitted("software.*"),
];

/// What the table says of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rule {
    /// Place in the table: lower is preferred.
    pub rank: usize,
    /// Whether it is fitted unless others are asked for.
    pub fitted: bool,
    /// The least value.
    pub lowest: f64,
    /// The largest.
    pub highest: f64,
}

/// The names that `{dram}` and `{cache}` stand for on a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TierNames {
    pub dram: Option<String>,
    pub cache: Option<String>,
}

/// The rule for a figure whose path starts with `hardware.` or `software.`.
pub(crate) fn rule(figure: &NumberFigure, tiers: &TierNames) -> Rule {
    let line = TABLE.iter().position(|known| matches(known.path, &figure.path, tiers));
    let known = line.and_then(|line| TABLE.get(line));
    let bounds = known.and_then(|known| known.bounds).unwrap_or_else(|| usual(figure));
    let (lowest, mut highest) = match bounds {
        Bounds::Fixed(lowest, highest) => (lowest, highest),
        Bounds::Times(less, more) => (figure.value * less, figure.value * more),
    };
    let has_sheet = figure.kind == Provenance::Datasheet;
    let is_limit = matches!(
        figure.measure,
        Measure::Bandwidth | Measure::Rate | Measure::Bytes | Measure::Frequency | Measure::Power
    );
    if has_sheet && is_limit {
        // Nothing does better than its datasheet.
        highest = highest.min(figure.value);
    }
    Rule {
        rank: line.unwrap_or(TABLE.len()),
        fitted: known.is_some_and(|known| known.fitted),
        // What the catalog says is always allowed.
        lowest: lowest.min(figure.value),
        highest: highest.max(figure.value),
    }
}

/// The bounds of a measure.
fn usual(figure: &NumberFigure) -> Bounds {
    match figure.measure {
        // A host's speed is the one plain number that may be above 1.
        Measure::Plain if figure.path.ends_with("host.speed") => Bounds::Fixed(0.05, 20.0),
        Measure::Plain => Bounds::Fixed(0.02, 1.0),
        Measure::Time => Bounds::Fixed(0.0, (figure.value * 20.0).max(100e-6)),
        Measure::Bytes | Measure::Bandwidth | Measure::Rate | Measure::Frequency => Bounds::Times(0.125, 8.0),
        Measure::Power | Measure::Energy => Bounds::Times(0.25, 4.0),
    }
}

fn matches(pattern: &str, path: &str, tiers: &TierNames) -> bool {
    let mut keys = path.split('.');
    let fits = pattern.split('.').all(|wanted| {
        keys.next().is_some_and(|key| match wanted {
            "*" => true,
            "{dram}" => tiers.dram.as_deref() == Some(key),
            "{cache}" => tiers.cache.as_deref() == Some(key),
            _ => wanted == key,
        })
    });
    fits && keys.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(path: &str, value: f64, measure: Measure, kind: Provenance) -> NumberFigure {
        NumberFigure { path: path.to_owned(), value, measure, kind }
    }

    fn tiers() -> TierNames {
        TierNames { dram: Some("hbm".to_owned()), cache: Some("l2".to_owned()) }
    }

    #[test]
    fn bandwidths_stay_below_their_datasheet_and_others_need_not() {
        let sheet = figure("hardware.memory.l2.bandwidth", 5e12, Measure::Bandwidth, Provenance::Datasheet);
        assert_eq!(rule(&sheet, &tiers()).highest, 5e12);
        let measured = NumberFigure { kind: Provenance::Measured, ..sheet };
        assert_eq!(rule(&measured, &tiers()).highest, 20e12);
    }

    #[test]
    fn tiers_are_matched_by_what_they_are_and_unknown_software_figures_are_fitted() {
        let path = "hardware.memory.hbm.efficiency";
        let efficiency = figure(path, 0.9, Measure::Plain, Provenance::Measured);
        let found = rule(&efficiency, &tiers());
        assert!(found.fitted && found.highest == 1.0 && found.lowest > 0.0, "{found:?}");
        let other = TierNames { dram: Some("lpddr".to_owned()), cache: None };
        assert!(!rule(&efficiency, &other).fitted);
        let later = figure("software.attention_overhead", 1e-6, Measure::Time, Provenance::Assumed);
        assert!(rule(&later, &tiers()).fitted);
        let timer = figure("software.timer_resolution", 1e-6, Measure::Time, Provenance::Derived);
        assert!(!rule(&timer, &tiers()).fitted);
    }
}
