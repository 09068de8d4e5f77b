//! Lines and dots over two axes.

use serde::Serialize;

use super::{Axis, DataTable};

/// Series of points over the same axes.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Lines {
    /// Across.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// The series, in the order of the legend.
    pub lines: Vec<Line>,
}

/// One series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What the legend calls it.
    pub name: String,
    /// How it is drawn.
    pub mark: Mark,
    /// Which colour and shape: series of the same number belong together, such as predicted and measured.
    pub colour: usize,
    /// The points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Joined points.
    Line,
    /// Hollow dots: what somebody measured.
    Dots,
}

impl Lines {
    pub(super) fn table(&self) -> DataTable {
        let columns = vec!["series".to_owned(), self.x.title.clone(), self.y.title.clone()];
        let rows = self.lines.iter().flat_map(|line| {
            line.points
                .iter()
                .map(|(x, y)| vec![line.name.clone(), self.x.unit.text(*x), self.y.unit.text(*y)])
        });
        DataTable::new(columns, rows.collect::<Vec<_>>().into_iter())
    }
}
