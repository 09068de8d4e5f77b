//! Rows of a sweep: one point each, in columns that every format shares.

mod columns;
mod monte_carlo;
mod table;
mod text;

pub use columns::{SweepColumn, metric_columns};
pub use monte_carlo::{Influence, MonteCarloReport, SpreadReport};
pub use table::SweepSummary;
pub(crate) use table::short_name;

use serde::Serialize;

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// There is none.
    Empty,
    /// A finite number.
    Number(f64),
    /// Anything else, on one line.
    Text(String),
}

/// One point of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepRow {
    /// Its number, from 0.
    pub index: u64,
    /// A value of each axis, a figure of each metric, and why there are none; in the order of the columns.
    pub cells: Vec<Cell>,
}

/// The columns of a sweep, and rows as text.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepColumns {
    /// All after the index: those of the axes, of the metrics, and `error`.
    pub columns: Vec<SweepColumn>,
    /// How many of them are axes.
    pub axes: usize,
}

impl SweepRow {
    /// Why the point has no figures, where it has none.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self.cells.last() {
            Some(Cell::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl Cell {
    /// A number; empty where there is none or it is not finite.
    #[must_use]
    pub fn number(value: Option<f64>) -> Self {
        value.filter(|value| value.is_finite()).map_or(Self::Empty, Self::Number)
    }

    /// A text, with what would break a line made into blanks.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
    }

    /// As a field of CSV.
    pub(crate) fn field(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}
