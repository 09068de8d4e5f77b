//! Which figures of a point are reported.

use memwall_simulator::Cause;

use super::Cell;
use crate::{CaseReport, MetricUnit};

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepColumn {
    /// Its heading: `time_s`, `hardware.memory.hbm.bandwidth (TB/s)`.
    pub name: String,
    /// What its numbers are, for people; `None` where it holds texts.
    pub unit: Option<MetricUnit>,
}

type Get = fn(&CaseReport) -> Cell;

// To report another figure, add a line.
const FIGURES: [(&str, Option<MetricUnit>, Get); 8] = [
    ("time_s", Some(MetricUnit::Seconds), |case| Cell::Number(case.time_s)),
    ("ttft_s", Some(MetricUnit::Seconds), |case| Cell::number(case.ttft_s)),
    ("tpot_s", Some(MetricUnit::Seconds), |case| Cell::number(case.tpot_s)),
    ("tokens_per_s", Some(MetricUnit::Plain), |case| Cell::number(case.tokens_per_s)),
    ("mfu", Some(MetricUnit::Share), |case| Cell::number(case.mfu)),
    ("intensity_dram", Some(MetricUnit::Plain), |case| Cell::number(case.intensity_dram)),
    ("bound_by", None, |case| Cell::text(&case.bound_by)),
    ("busy", Some(MetricUnit::Share), |case| figure(case, "busy")),
];

/// The columns of what came out of a point: figures, then the main engine's time by cause.
#[must_use]
pub fn metric_columns() -> Vec<SweepColumn> {
    let figures = FIGURES.iter().map(|(name, unit, _)| SweepColumn { name: (*name).to_owned(), unit: *unit });
    let stalls = Cause::ALL
        .iter()
        .map(|cause| SweepColumn { name: format!("stall_{}", cause.name()), unit: Some(MetricUnit::Share) });
    figures.chain(stalls).collect()
}

/// The cells of those columns.
pub(super) fn metric_cells(case: &CaseReport) -> impl Iterator<Item = Cell> {
    let figures = FIGURES.iter().map(|(_, _, get)| get(case));
    figures.chain(Cause::ALL.iter().map(|cause| figure(case, &format!("stalls.{}", cause.name()))))
}

fn figure(case: &CaseReport, name: &str) -> Cell {
    Cell::number(crate::metric(case, name).ok().and_then(|(value, _)| value))
}
