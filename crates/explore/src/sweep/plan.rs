//! Which points a sweep has, and what each changes.

use memwall_report::{Cell, MetricUnit, SweepColumn, SweepColumns};
use memwall_scenario::{AxisValue, SampleMethod, Scenario, Shown, Sweep};

use super::draw;

/// One machine's part of a sweep: every `count`-th point, from `index` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 0.
    pub index: u64,
    /// Of how many, at least 1.
    pub count: u64,
}

/// A sweep that is about to run.
#[derive(Debug, Clone)]
pub struct SweepPlan<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) sweep: &'a Sweep,
    grid: Vec<u64>,
    seed: u64,
    shard: Shard,
    columns: SweepColumns,
}

impl Shard {
    /// All points.
    pub const WHOLE: Self = Self { index: 0, count: 1 };
}

impl<'a> SweepPlan<'a> {
    /// The plan of a `sweep` of `scenario`'s only case; `seed` in place of what the two say where given.
    #[must_use]
    pub fn new(scenario: &'a Scenario, sweep: &'a Sweep, seed: Option<u64>, shard: Shard) -> Self {
        let own = sweep.sample.and_then(|sample| sample.seed);
        let of_scenario = scenario.cases.first().map_or(0, |case| case.seed);
        let axes = sweep.axes.iter().enumerate().map(|(axis, _)| column(sweep, axis)).collect();
        Self {
            scenario,
            sweep,
            grid: sweep.grid(),
            seed: seed.or(own).unwrap_or(of_scenario),
            shard,
            columns: SweepColumns::new(axes),
        }
    }

    /// Points of the whole sweep.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.sweep.points()
    }

    /// Points of this shard.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.points().saturating_sub(self.shard.index).div_ceil(self.shard.count)
    }

    /// The point that row number `row` of this shard is.
    #[must_use]
    pub fn index(&self, row: u64) -> u64 {
        row * self.shard.count + self.shard.index
    }

    /// The columns of its rows.
    #[must_use]
    pub fn columns(&self) -> &SweepColumns {
        &self.columns
    }

    /// The values of point `index`, one of each axis.
    #[must_use]
    pub fn values(&self, index: u64) -> Vec<AxisValue> {
        let axes = &self.sweep.axes;
        let draws = match self.sweep.sample {
            Some(sample) if sample.method == SampleMethod::Random => {
                draw::random(self.seed, index, axes.len())
            }
            Some(sample) if sample.method == SampleMethod::LatinHypercube => {
                draw::latin_hypercube(self.seed, index, sample.points, axes.len())
            }
            _ => return self.combination(index),
        };
        axes.iter().zip(draws).map(|(axis, (first, second))| axis.at(first, second)).collect()
    }

    /// Values of a grid: an odometer whose last axis turns fastest.
    fn combination(&self, index: u64) -> Vec<AxisValue> {
        let mut rest = index;
        let mut values: Vec<AxisValue> = Vec::with_capacity(self.grid.len());
        for (axis, steps) in self.sweep.axes.iter().zip(&self.grid).rev() {
            values.push(axis.nth(rest % steps, *steps));
            rest /= steps;
        }
        values.reverse();
        values
    }

    /// A number that tells this sweep from any other: everything that was read, the draw, and the shard.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let case = self.scenario.case_names().join("\n");
        let Shard { index, count } = self.shard;
        let how = format!("{case}\n{:?} {} {index}/{count}", self.sweep.sample, self.seed);
        let kind = if self.sweep.uncertain { "uncertain" } else { "sweep" };
        let parts = self.scenario.texts().chain([how.as_str(), kind]);
        parts.fold(FNV_START, |hash, part| {
            let bytes = part.bytes().chain([0]);
            bytes.fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME))
        })
    }
}

// FNV-1a of 64 bits (Fowler, Noll, Vo): not safe against malice, which is nobody's interest here.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The column of an axis. Whether it holds numbers shows in its first value: all are of one kind.
fn column(sweep: &Sweep, axis: usize) -> SweepColumn {
    let axis = &sweep.axes[axis];
    let numeric = matches!(axis.nth(0, 1).shown, Shown::Number(_));
    let unit = if axis.unit.is_empty() { String::new() } else { format!(" ({})", axis.unit) };
    SweepColumn { name: format!("{}{unit}", axis.path), unit: numeric.then_some(MetricUnit::Plain) }
}

/// A value as a cell.
pub(super) fn cell(value: &AxisValue) -> Cell {
    match &value.shown {
        Shown::Number(number) => Cell::number(Some(*number)),
        Shown::Text(text) => Cell::text(text),
    }
}
