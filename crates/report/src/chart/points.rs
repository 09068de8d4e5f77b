//! Many designs, each a row of numbers: scatter plots, parallel coordinates, and which designs nothing beats.

use serde::Serialize;

use super::{Axis, Chart, DataTable, Figure};

/// Rows of numbers with a meaning by column: a sweep, or what an optimiser looked at.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Points {
    /// What each number of a row means.
    pub columns: Vec<Axis>,
    /// The rows, each as long as `columns`. A number that is not finite makes a row be left out of charts.
    pub rows: Vec<Vec<f64>>,
    /// What rows are called; empty where they have no names.
    pub names: Vec<String>,
}

/// Two columns against each other.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Scatter {
    /// The rows.
    pub points: Points,
    /// The column across.
    pub x: usize,
    /// The column up.
    pub y: usize,
    /// Rows that stand out and are joined: a Pareto front, as [`pareto_front`] gives it.
    pub front: Vec<usize>,
}

/// All columns side by side, each row a line across them.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ParallelCoordinates {
    /// The rows.
    pub points: Points,
    /// Rows that stand out.
    pub front: Vec<usize>,
}

/// Which way a column is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Small is good: time, energy, cost.
    Least,
    /// Large is good: tokens a second.
    Most,
}

/// The rows that no other beats: none is at least as good in every goal (a column and its direction) and better in one.
/// In order of the first goal, best first; of equal rows, the first. Rows with a number missing or not finite are in no
/// front.
#[must_use]
pub fn pareto_front(rows: &[Vec<f64>], goals: &[(usize, Goal)]) -> Vec<usize> {
    let values = |row: &Vec<f64>| -> Option<Vec<f64>> {
        let value = |(column, goal): &(usize, Goal)| {
            let value = row.get(*column).copied().filter(|value| value.is_finite())?;
            Some(if *goal == Goal::Least { value } else { -value })
        };
        goals.iter().map(value).collect()
    };
    let mut candidates: Vec<(usize, Vec<f64>)> =
        rows.iter().enumerate().filter_map(|(index, row)| Some((index, values(row)?))).collect();
    let order = |a: &[f64], b: &[f64]| {
        let unequal = a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
        unequal.unwrap_or(std::cmp::Ordering::Equal)
    };
    candidates.sort_by(|a, b| order(&a.1, &b.1).then(a.0.cmp(&b.0)));
    // Whatever beats a row comes before it in this order.
    let mut front: Vec<(usize, Vec<f64>)> = Vec::new();
    for (index, own) in candidates {
        let is_beaten =
            |(_, other): &(usize, Vec<f64>)| other.iter().zip(&own).all(|(other, own)| other <= own);
        // The last of the front is the nearest and, with two goals, the only one that can beat it.
        if !goals.is_empty() && !front.iter().rev().any(is_beaten) {
            front.push((index, own));
        }
    }
    front.into_iter().map(|(index, _)| index).collect()
}

/// The charts of many designs: columns `x` and `y` against each other, and all columns side by side, with the Pareto
/// front of `goals` standing out in both; no front where there are no goals.
#[must_use]
pub fn design_figures(points: &Points, x: usize, y: usize, goals: &[(usize, Goal)]) -> Vec<Figure> {
    let front = pareto_front(&points.rows, goals);
    let title = |column: usize| points.columns.get(column).map_or("", |axis| axis.title.as_str());
    let count = points.rows.len();
    let stands_out = if front.is_empty() { "" } else { " Those that no other beats stand out." };
    let scatter = Scatter { points: points.clone(), x, y, front: front.clone() };
    let parallel = ParallelCoordinates { points: points.clone(), front };
    vec![
        Figure {
            id: "designs".to_owned(),
            title: format!("{} against {}", title(y), title(x)),
            summary: format!("Each dot is one of {count} designs.{stands_out}"),
            chart: Chart::Scatter(scatter),
        },
        Figure {
            id: "parameters".to_owned(),
            title: "All columns".to_owned(),
            summary: format!("Each line is a design; its height at an axis is its number there.{stands_out}"),
            chart: Chart::ParallelCoordinates(parallel),
        },
    ]
}

impl Points {
    /// The rows whose numbers in `columns` can be drawn: first those outside of `front`, then those of it.
    pub(crate) fn drawn(&self, columns: &[usize], front: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let can = |row: &usize| self.can_draw(*row, columns.iter().copied());
        let mut stands_out = vec![false; self.rows.len()];
        for row in front.iter().filter(|row| **row < self.rows.len()) {
            stands_out[*row] = true;
        }
        let others = (0..self.rows.len()).filter(|row| !stands_out[*row]).filter(can).collect();
        (others, front.iter().copied().filter(can).collect())
    }

    /// Whether all numbers of a row that `columns` ask for are there, finite, and positive where the axis is
    /// logarithmic.
    fn can_draw(&self, row: usize, mut columns: impl Iterator<Item = usize>) -> bool {
        columns.all(|column| {
            let value = self.rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or(f64::NAN);
            let log = self.columns.get(column).is_some_and(|axis| axis.log);
            value.is_finite() && (value > 0.0 || !log)
        })
    }

    /// A row's name and numbers for people.
    pub(crate) fn words(&self, row: usize) -> String {
        let numbers = self.rows.get(row).into_iter().flatten().zip(&self.columns);
        let numbers: Vec<String> =
            numbers.map(|(value, axis)| format!("{} {}", axis.title, axis.unit.text(*value))).collect();
        match self.names.get(row) {
            Some(name) => format!("{name}: {}", numbers.join(", ")),
            None => numbers.join(", "),
        }
    }

    pub(super) fn table(&self) -> DataTable {
        let mut columns = vec!["row".to_owned()];
        columns.extend(self.columns.iter().map(|axis| axis.title.clone()));
        let row = |(index, row): (usize, &Vec<f64>)| {
            let mut cells = vec![self.names.get(index).cloned().unwrap_or_else(|| (index + 1).to_string())];
            cells.extend(row.iter().zip(&self.columns).map(|(value, axis)| axis.unit.text(*value)));
            cells
        };
        DataTable::new(columns, self.rows.iter().enumerate().map(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_front_is_what_nothing_beats() {
        let rows = [[1.0, 5.0], [2.0, 3.0], [2.0, 4.0], [4.0, 1.0], [3.0, 3.0], [f64::NAN, 0.0], [1.0, 5.0]];
        let rows: Vec<Vec<f64>> = rows.iter().map(|row| row.to_vec()).collect();
        assert_eq!(pareto_front(&rows, &[(0, Goal::Least), (1, Goal::Least)]), [0, 1, 3]);
        assert_eq!(pareto_front(&rows, &[(0, Goal::Most)]), [3]);
        assert_eq!(pareto_front(&rows, &[(7, Goal::Most)]), [0_usize; 0]);
    }

    proptest! {
        /// Exactly the rows outside of a front are beaten or equalled by one in it.
        #[test]
        fn the_front_is_the_definition(rows in proptest::collection::vec(proptest::collection::vec(0_u8..6, 3), 0..40)) {
            let rows: Vec<Vec<f64>> =
                rows.iter().map(|row| row.iter().copied().map(f64::from).collect()).collect();
            let goals = [(0, Goal::Least), (1, Goal::Most), (2, Goal::Least)];
            let front = pareto_front(&rows, &goals);
            let better = |a: &[f64], b: &[f64]| a[0] <= b[0] && a[1] >= b[1] && a[2] <= b[2];
            for (index, row) in rows.iter().enumerate() {
                let beaten = rows.iter().any(|other| better(other, row) && other != row);
                let first = rows.iter().position(|other| other == row) == Some(index);
                prop_assert_eq!(front.contains(&index), !beaten && first);
            }
        }
    }
}
