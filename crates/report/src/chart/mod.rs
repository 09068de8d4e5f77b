//! Charts as data: what is to be seen, before anybody draws it.
//!
//! A [`Figure`] is a [`Chart`] with the words around it. Anything that can be said in these types can be drawn as an SVG
//! file ([`crate::svg`]) and put on a page ([`crate::html`]), with a table of the same numbers beside it.

mod bars;
mod cause;
mod curves;
mod data_table;
mod designs;
mod layers;
mod lines;
mod machine;
mod memory;
mod memory_bars;
mod pipeline;
mod plans;
mod points;
mod recompute;
mod roofline;
mod run;
mod tables;
mod team;
mod timeline;
mod unit;

use serde::Serialize;

pub use bars::{Bar, Part, StackedBars};
pub use curves::{collective_sections, curve_sections};
pub use data_table::DataTable;
pub use designs::{MOST_DRAWN, optimize_sections, sweep_sections};
pub use lines::{Line, Lines, Mark};
pub use machine::{Machine, Roof};
pub use memory::{MemoryArea, MemoryAreas};
pub use memory_bars::memory_sections;
pub use pipeline::{PassBar, PassBarKind, Pipeline, PipelineRow};
pub use plans::plan_sections;
pub use points::{Goal, ParallelCoordinates, Points, Scatter, design_figures, pareto_front};
pub use recompute::recompute_sections;
pub use roofline::{Dot, Roofline};
pub use run::run_sections;
pub use tables::{case_table, published_table};
pub use team::replay_sections;
pub use timeline::{Lane, LaneKind, Span, Timeline};
pub use unit::Unit;

pub(crate) use cause::role;

/// A chart with the words around it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What files and links call it: `roofline`. Letters, digits and dashes.
    pub id: String,
    /// What it shows: "Roofline".
    pub title: String,
    /// What one sees on it and how to read it, in a sentence or two.
    pub summary: String,
    /// The data.
    pub chart: Chart,
}

/// The kinds of charts there are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Chart {
    Roofline(Roofline),
    StackedBars(StackedBars),
    Lines(Lines),
    Scatter(Scatter),
    ParallelCoordinates(ParallelCoordinates),
    Timeline(Timeline),
    Pipeline(Pipeline),
    MemoryAreas(MemoryAreas),
}

/// What the numbers along one direction mean.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Axis {
    /// "bus bandwidth".
    pub title: String,
    /// What they are in.
    pub unit: Unit,
    /// Whether equal distances are equal factors.
    pub log: bool,
    /// Whether an axis of equal steps begins where its values do, as years must, and not at 0.
    #[serde(skip)]
    pub near: bool,
}

/// Figures that belong together: one case, or what several have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// What links call it: `batch-1`. Letters, digits and dashes.
    pub id: String,
    /// The case's name.
    pub title: String,
    /// What is to be said first.
    pub lead: String,
    /// Key figures: name and value.
    pub facts: Vec<(String, String)>,
    /// The charts.
    pub figures: Vec<Figure>,
    /// Tables with their titles, after the charts.
    pub tables: Vec<(String, DataTable)>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

impl Axis {
    /// An axis of equal steps.
    #[must_use]
    pub fn linear(title: &str, unit: Unit) -> Self {
        Self { title: title.to_owned(), unit, ..Self::default() }
    }

    /// An axis of equal steps that begins where its values do.
    #[must_use]
    pub fn near(title: &str, unit: Unit) -> Self {
        Self { near: true, ..Self::linear(title, unit) }
    }

    /// An axis of equal factors.
    #[must_use]
    pub fn log(title: &str, unit: Unit) -> Self {
        Self { log: true, ..Self::linear(title, unit) }
    }
}

impl Chart {
    /// The numbers as a table: what a reader who cannot see the chart, or wants to know exactly, reads.
    #[must_use]
    pub fn table(&self) -> DataTable {
        match self {
            Self::Roofline(chart) => chart.table(),
            Self::StackedBars(chart) => chart.table(),
            Self::Lines(chart) => chart.table(),
            Self::Scatter(chart) => chart.points.table(),
            Self::ParallelCoordinates(chart) => chart.points.table(),
            Self::Timeline(chart) => chart.table(),
            Self::Pipeline(chart) => chart.table(),
            Self::MemoryAreas(chart) => chart.table(),
        }
    }
}

/// `text` in letters, digits and dashes; `taken` is what it must differ from.
pub(crate) fn slug(text: &str, taken: &[String]) -> String {
    let mut plain = String::new();
    for c in text.chars().take(60) {
        if c.is_ascii_alphanumeric() {
            plain.push(c.to_ascii_lowercase());
        } else if !plain.ends_with('-') && !plain.is_empty() {
            plain.push('-');
        }
    }
    let plain = plain.trim_matches('-');
    let plain = if plain.is_empty() { "case" } else { plain };
    let mut name = plain.to_owned();
    let mut number = 2;
    while taken.contains(&name) {
        name = format!("{plain}-{number}");
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_distinct_file_names() {
        assert_eq!(slug("batch=1 tensor=8", &[]), "batch-1-tensor-8");
        assert_eq!(slug("</script>", &[]), "script");
        assert_eq!(slug("../..", &[]), "case");
        assert_eq!(slug("A", &["a".to_owned(), "a-2".to_owned()]), "a-3");
    }
}
