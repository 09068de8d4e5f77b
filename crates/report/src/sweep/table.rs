//! A sweep for people: all rows where they are few, otherwise the quickest.

use std::collections::BinaryHeap;

use super::{Cell, SweepColumns, SweepRow};
use crate::metric_text;
use crate::number::significant;
use crate::table::{Columns, View, clean, shorten};

/// Most rows shown.
const SHOWN: usize = 20;

/// What is kept of a sweep's rows to show it.
#[derive(Debug)]
pub struct SweepSummary {
    columns: SweepColumns,
    total: u64,
    failed: u64,
    first_error: Option<String>,
    /// The first of them, while all can be shown.
    first: Vec<SweepRow>,
    /// The quickest; the slowest of these on top.
    quickest: BinaryHeap<Timed>,
}

#[derive(Debug)]
struct Timed {
    time: f64,
    row: SweepRow,
}

impl SweepSummary {
    /// Of no rows yet.
    #[must_use]
    pub fn new(columns: SweepColumns) -> Self {
        let (first, quickest) = (Vec::new(), BinaryHeap::new());
        Self { columns, total: 0, failed: 0, first_error: None, first, quickest }
    }

    /// Takes one row into account.
    pub fn add(&mut self, row: &SweepRow) {
        self.total += 1;
        if let Some(error) = row.error() {
            self.failed += 1;
            self.first_error.get_or_insert_with(|| error.to_owned());
        }
        if self.first.len() <= SHOWN {
            self.first.push(row.clone());
        }
        let Some(time) = self.column("time_s").and_then(|at| row.cells.get(at)?.as_number()) else { return };
        if self.quickest.len() < SHOWN || self.quickest.peek().is_some_and(|slowest| time < slowest.time) {
            self.quickest.push(Timed { time, row: row.clone() });
            if self.quickest.len() > SHOWN {
                self.quickest.pop();
            }
        }
    }

    /// Rows there were.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Rows without figures, and the first reason.
    #[must_use]
    pub fn failed(&self) -> (u64, Option<&str>) {
        (self.failed, self.first_error.as_deref())
    }

    /// The rows as a table for a terminal.
    #[must_use]
    pub fn to_table(mut self, view: View) -> String {
        let mut text = String::new();
        let rows = if self.total <= SHOWN as u64 {
            std::mem::take(&mut self.first)
        } else {
            let quickest = std::mem::take(&mut self.quickest).into_sorted_vec();
            text += &format!("The quickest {} of {} points:\n\n", quickest.len(), self.total);
            quickest.into_iter().map(|timed| timed.row).collect()
        };
        text += &self.table(&rows, view);
        text
    }

    fn table(&self, rows: &[SweepRow], view: View) -> String {
        let mut table = Columns::new(None);
        table.add("point", '>', 0, rows.iter().map(|row| row.index.to_string()));
        for (at, column) in self.columns.columns.iter().enumerate().take(self.columns.axes) {
            let cells = rows.iter().map(|row| match row.cells.get(at) {
                Some(Cell::Number(number)) => significant(*number, 6),
                Some(Cell::Text(text)) => shorten(&clean(text), 40),
                _ => String::new(),
            });
            let side = if column.unit.is_some() { '>' } else { '<' };
            table.add(&short_name(&column.name), side, 0, cells);
        }
        let shown = [
            ("time_s", "time", 0),
            ("ttft_s", "TTFT", 4),
            ("tpot_s", "TPOT", 5),
            ("tokens_per_s", "tokens/s", 2),
            ("mfu", "MFU", 6),
            ("intensity_dram", "FLOPs/byte", 7),
        ];
        for (name, heading, drop) in shown {
            let Some(at) = self.column(name) else { continue };
            let unit = self.columns.columns[at].unit;
            let cell = |row: &SweepRow| {
                let number = row.cells.get(at).and_then(Cell::as_number);
                number.zip(unit).map_or_else(String::new, |(number, unit)| metric_text(number, unit))
            };
            table.add(heading, '>', drop, rows.iter().map(cell));
        }
        let bound = self.column("bound_by");
        let verdict = |row: &SweepRow| match (row.error(), bound.and_then(|at| row.cells.get(at))) {
            (Some(error), _) => shorten(&format!("no result: {}", clean(error)), 44),
            (None, Some(Cell::Text(text))) => clean(text),
            _ => String::new(),
        };
        table.add("bound by", '<', 1, rows.iter().map(verdict));
        table.fit(view).render(view)
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.columns.iter().position(|column| column.name == name)
    }
}

/// The last key of a path, with the one before it where that is no word for many things, and the unit.
pub(crate) fn short_name(name: &str) -> String {
    let (path, unit) = name.split_once(' ').unwrap_or((name, ""));
    let keys: Vec<&str> = path.rsplit('.').take(2).collect();
    let short = match keys.as_slice() {
        [last, above] if !matches!(*above, "workload" | "hardware" | "software" | "parallel") => {
            format!("{above}.{last}")
        }
        [last, ..] => (*last).to_owned(),
        [] => path.to_owned(),
    };
    if unit.is_empty() { short } else { format!("{short} {unit}") }
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timed {}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

// By time; of equal ones the first stands first.
impl Ord for Timed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.time.total_cmp(&other.time).then(self.row.index.cmp(&other.row.index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MetricUnit, SweepColumn};

    fn summary(points: u64) -> SweepSummary {
        let axis = SweepColumn { name: "workload.batch".to_owned(), unit: Some(MetricUnit::Plain) };
        let columns = SweepColumns::new(vec![axis]);
        let time = columns.columns.iter().position(|column| column.name == "time_s").unwrap_or_default();
        let mut summary = SweepSummary::new(columns.clone());
        for index in 0..points {
            let mut row = columns.row(index, vec![Cell::Number(index as f64)], Err("too large"));
            if index != 1 {
                row.cells[time] = Cell::Number((points - index) as f64);
                *row.cells.last_mut().unwrap() = Cell::Empty;
            }
            summary.add(&row);
        }
        summary
    }

    #[test]
    fn few_points_are_all_shown_in_order() {
        insta::assert_snapshot!(summary(4).to_table(View::default()));
    }

    #[test]
    fn of_many_points_the_quickest_are_shown() {
        let many = summary(1000);
        assert_eq!((many.total(), many.failed()), (1000, (1, Some("too large"))));
        let table = many.to_table(View::default());
        let points: Vec<&str> =
            table.lines().skip(3).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(points, (980..1000).rev().map(|point| point.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn names_are_as_short_as_they_can_be() {
        assert_eq!(short_name("hardware.memory.hbm.bandwidth (TB/s)"), "hbm.bandwidth (TB/s)");
        assert_eq!(short_name("workload.batch"), "batch");
        assert_eq!(short_name("hardware"), "hardware");
    }
}
