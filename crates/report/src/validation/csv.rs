//! One line a row, for spreadsheets and plots.

use super::{RowResult, Validation};
use crate::csv::write_line;

const COLUMNS: [&str; 16] = [
    "file",
    "line",
    "kind",
    "device",
    "software",
    "dtype",
    "phase",
    "size",
    "shape",
    "held_out",
    "measured_s",
    "predicted_s",
    "error_pct",
    "bound_by",
    "roofline_s",
    "refused",
];

impl Validation {
    /// The rows as CSV (RFC 4180 with `\n` line ends), a header line first.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        write_line(&mut text, COLUMNS.iter().map(|name| (*name).to_owned()));
        for row in &self.rows {
            write_line(&mut text, fields(row).into_iter());
        }
        text
    }
}

fn fields(row: &RowResult) -> [String; 16] {
    let seconds = |value: Option<f64>| value.map(|value| format!("{value:e}")).unwrap_or_default();
    [
        row.file.clone(),
        row.line.to_string(),
        row.key.kind.to_owned(),
        row.key.device.clone(),
        row.key.software.clone(),
        row.key.dtype.clone(),
        row.key.phase.unwrap_or_default().to_owned(),
        row.key.size.unwrap_or_default().to_owned(),
        row.shape.clone(),
        row.held_out.to_string(),
        seconds(Some(row.measured_s)),
        seconds(row.predicted_s),
        format!("{:.3}", row.error() * 100.0),
        row.bound_by.clone(),
        seconds(row.roofline_s),
        row.refused.clone().unwrap_or_default(),
    ]
}
