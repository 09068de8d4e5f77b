//! Rows as lines of CSV or JSON, and lines of CSV as rows.

use serde_json::Value;

use super::columns::{metric_cells, metric_columns};
use super::{Cell, SweepColumn, SweepColumns, SweepRow};
use crate::CaseReport;
use crate::csv::write_line;

impl SweepColumns {
    /// The columns of a sweep over `axes`.
    #[must_use]
    pub fn new(axes: Vec<SweepColumn>) -> Self {
        let count = axes.len();
        let error = SweepColumn { name: "error".to_owned(), unit: None };
        Self { columns: axes.into_iter().chain(metric_columns()).chain([error]).collect(), axes: count }
    }

    /// The row of a point: the values of its axes, and its report or why it has none.
    #[must_use]
    pub fn row(&self, index: u64, axes: Vec<Cell>, outcome: Result<&CaseReport, &str>) -> SweepRow {
        let mut cells = axes;
        match outcome {
            Ok(report) => cells.extend(metric_cells(report).chain([Cell::Empty])),
            Err(error) => {
                cells.resize(self.columns.len() - 1, Cell::Empty);
                cells.push(Cell::text(error));
            }
        }
        SweepRow { index, cells }
    }

    /// The heading of a CSV file, with its line end.
    #[must_use]
    pub fn csv_header(&self) -> String {
        let mut text = String::new();
        let names = self.columns.iter().map(|column| column.name.clone());
        write_line(&mut text, std::iter::once("index".to_owned()).chain(names));
        text
    }

    /// A row as one line of CSV, with its line end.
    #[must_use]
    pub fn csv_line(&self, row: &SweepRow) -> String {
        let mut text = String::new();
        write_line(
            &mut text,
            std::iter::once(row.index.to_string()).chain(row.cells.iter().map(Cell::field)),
        );
        text
    }

    /// A row as one line of JSON, with its line end. What is empty is left out.
    #[must_use]
    pub fn json_line(&self, row: &SweepRow) -> String {
        // By hand, for the order of the columns.
        let mut text = format!("{{\"index\":{}", row.index);
        for (column, cell) in self.columns.iter().zip(&row.cells) {
            let value = match cell {
                Cell::Empty => continue,
                Cell::Number(number) => number.to_string(),
                Cell::Text(text) => Value::from(text.as_str()).to_string(),
            };
            text += &format!(",{}:{value}", Value::from(column.name.as_str()));
        }
        text + "}\n"
    }

    /// The row that a line of CSV with these columns stands for; `None` if it is none. `line` has no line end.
    #[must_use]
    pub fn read_csv_line(&self, line: &str) -> Option<SweepRow> {
        let fields = fields(line)?;
        let (index, rest) = fields.split_first()?;
        let index = index.parse().ok()?;
        if rest.len() != self.columns.len() {
            return None;
        }
        let cell = |(column, field): (&SweepColumn, &String)| match (field.as_str(), column.unit) {
            ("", _) => Some(Cell::Empty),
            (text, Some(_)) => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Cell::Number),
            (text, None) => Some(Cell::Text(text.to_owned())),
        };
        let cells: Option<Vec<Cell>> = self.columns.iter().zip(rest).map(cell).collect();
        Some(SweepRow { index, cells: cells? })
    }
}

/// The fields of a line of CSV; `None` where a quote is not closed or stands in the middle.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let end;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut field = String::new();
            let mut inside = quoted;
            loop {
                let (part, after) = inside.split_once('"')?;
                field.push_str(part);
                match after.strip_prefix('"') {
                    Some(after) => {
                        field.push('"');
                        inside = after;
                    }
                    None => {
                        end = after;
                        break;
                    }
                }
            }
            fields.push(field);
        } else {
            let at = rest.find(',').unwrap_or(rest.len());
            fields.push(rest[..at].to_owned());
            end = &rest[at..];
        }
        match (end.strip_prefix(','), end.is_empty()) {
            (Some(next), _) => rest = next,
            (None, true) => return Some(fields),
            (None, false) => return None,
        }
    }
}
