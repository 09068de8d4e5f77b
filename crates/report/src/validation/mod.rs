//! How well predictions agree with measurements: rows, and groups of rows with their error statistics.

mod csv;
mod statistics;
mod table;

use serde::Serialize;

use crate::SCHEMA_VERSION;

pub(crate) use statistics::median;
pub use statistics::{quantile, statistics};
pub(crate) use table::listed;

/// What makes a group: rows of one kind, device, software and format.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ValidationKey {
    /// `gemm`.
    pub kind: &'static str,
    /// As the rows name it.
    pub device: String,
    /// As the rows name it.
    pub software: String,
    /// Label of the number formats.
    pub dtype: String,
    /// `prefill` or `decode`, of attentions.
    pub phase: Option<&'static str>,
    /// `small` or `large`, of elementwise operations: compulsory bytes below or from 8 MiB.
    pub size: Option<&'static str>,
}

/// One row and what was predicted for it.
#[derive(Debug, Clone, PartialEq)]
pub struct RowResult {
    /// File it was read from.
    pub file: String,
    /// Line in it.
    pub line: u64,
    /// Its group.
    pub key: ValidationKey,
    /// The shape in words.
    pub shape: String,
    /// Whether the row is kept back from every fit.
    pub held_out: bool,
    /// Measured, in seconds.
    pub measured_s: f64,
    /// Predicted, in seconds; `None` when refused.
    pub predicted_s: Option<f64>,
    /// What bounds it.
    pub bound_by: String,
    /// The plain roofline, in seconds.
    pub roofline_s: Option<f64>,
    /// The three-parameter roofline fitted on the group's rows that are not held out.
    pub calibrated_roofline_s: Option<f64>,
    /// Time the source cannot tell apart, in seconds.
    pub resolution_s: f64,
    /// Why it was not predicted.
    pub refused: Option<String>,
    /// Who measured it.
    pub source: String,
}

impl RowResult {
    /// Signed relative error of `predicted`: 0 inside the source's resolution, -1 for a refused row (a miss of 100 %).
    #[must_use]
    pub fn error_of(&self, predicted: Option<f64>) -> f64 {
        let Some(predicted) = predicted else { return -1.0 };
        let off = predicted - self.measured_s;
        // A printed figure stands for half a unit either way.
        if off.abs() <= 0.5 * self.resolution_s { 0.0 } else { off / self.measured_s }
    }

    /// [`RowResult::error_of`] the prediction.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.error_of(self.predicted_s)
    }
}

/// Error statistics of some rows. Percentages are of the measured time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ErrorStatistics {
    /// Rows, refused ones included.
    pub n: usize,
    /// Mean absolute error.
    pub mape_pct: f64,
    /// Median absolute error.
    pub median_pct: f64,
    /// Nine in ten are no worse.
    pub p90_pct: f64,
    /// Mean signed error: above 0 when predictions are too slow.
    pub bias_pct: f64,
    /// Mean |ln(predicted / measured)| of the rows that were predicted.
    pub mean_abs_ln: f64,
}

/// A group and how well it is predicted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValidationGroup {
    /// Which rows.
    #[serde(flatten)]
    pub key: ValidationKey,
    /// Of all rows.
    #[serde(flatten)]
    pub all: ErrorStatistics,
    /// Rows that were not predicted; each counts as an error of 100 %.
    pub refused: usize,
    /// Mean absolute error of the plain roofline.
    pub roofline_mape_pct: f64,
    /// Mean absolute error of the calibrated roofline; `None` with too few rows to fit it.
    pub calibrated_roofline_mape_pct: Option<f64>,
    /// Of the rows that fits may have seen.
    pub fitted: ErrorStatistics,
    /// Of the rows kept back from every fit.
    pub held_out: ErrorStatistics,
    /// The calibrated roofline on the rows kept back.
    pub calibrated_roofline_held_out_mape_pct: Option<f64>,
}

/// All rows and groups of one validation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Validation {
    /// By kind, device, software and format.
    pub groups: Vec<ValidationGroup>,
    /// Every row, group by group, in the order read.
    pub rows: Vec<RowResult>,
    /// Lines that could not be used, with file and line.
    pub problems: Vec<String>,
    /// Files and rows that were passed over.
    pub passed_over: Vec<String>,
    /// What else a reader should know, such as profiles taken for unknown software.
    pub notes: Vec<String>,
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    memwall_version: &'static str,
    groups: &'a [ValidationGroup],
    refused: Vec<Refused<'a>>,
    problems: &'a [String],
    passed_over: &'a [String],
    notes: &'a [String],
}

#[derive(Serialize)]
struct Refused<'a> {
    file: &'a str,
    line: u64,
    shape: &'a str,
    reason: &'a str,
}

impl Validation {
    /// Groups, refused rows and what was passed over as indented JSON.
    ///
    /// # Errors
    /// When serde cannot write it, which no content causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let refused = |row: &'_ RowResult| row.refused.is_some();
        let document = Json {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            groups: &self.groups,
            refused: self
                .rows
                .iter()
                .filter(|row| refused(row))
                .map(|row| Refused {
                    file: &row.file,
                    line: row.line,
                    shape: &row.shape,
                    reason: row.refused.as_deref().unwrap_or_default(),
                })
                .collect(),
            problems: &self.problems,
            passed_over: &self.passed_over,
            notes: &self.notes,
        };
        serde_json::to_string_pretty(&document).map(|text| text + "\n")
    }
}
