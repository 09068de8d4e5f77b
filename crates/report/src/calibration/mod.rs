//! What a fit to measured rows found: parameters with their intervals, and errors before and after.

mod table;

use serde::Serialize;

use crate::SCHEMA_VERSION;
use crate::validation::ErrorStatistics;

/// One figure that was to be fitted. Numbers are in [`FittedParameter::unit`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FittedParameter {
    /// Path from a scenario's root: `hardware.matrix.sustained`.
    pub path: String,
    /// `s`, `B/s`, `J`; empty for a plain number.
    pub unit: &'static str,
    /// Value before the fit.
    pub start: f64,
    /// Value after it, in four digits; the start for one that is not fitted.
    pub value: f64,
    /// Lower end of the 95 % interval, within the bounds; none for one that is not fitted.
    pub low_95: Option<f64>,
    /// Upper end.
    pub high_95: Option<f64>,
    /// The least value it may have.
    pub lowest: f64,
    /// The largest.
    pub highest: f64,
    /// What became of it.
    pub outcome: Outcome,
    /// The parameter it cannot be told from.
    pub acts_as: Option<String>,
    /// `start`, `value`, the ends of the interval and the bounds as a person would write them.
    #[serde(skip)]
    pub texts: ParameterTexts,
}

/// The numbers of a [`FittedParameter`] with their units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct ParameterTexts {
    pub start: String,
    pub value: String,
    pub interval: Option<(String, String)>,
    pub bounds: (String, String),
}

/// What became of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has a value and an interval.
    Fitted,
    /// So it has, and the rows would have it go on below its least value.
    AtLowest,
    /// So it has, and the rows would have it go on beyond its largest value.
    AtHighest,
    /// No row changes with it: not fitted.
    NoEffect,
    /// It acts as another does: not fitted.
    ActsAs,
    /// Its interval would be wider than its bounds: not fitted.
    Wide,
    /// The rows are too few for so many parameters, and say least of this one: not fitted.
    TooFewRows,
}

impl Outcome {
    /// Whether the parameter has a new value.
    #[must_use]
    pub const fn is_fitted(self) -> bool {
        matches!(self, Self::Fitted | Self::AtLowest | Self::AtHighest)
    }
}

/// Errors of some rows before and after, those the fit saw and those it did not apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationErrors {
    /// Which rows: `all`, or `attention decode bf16`.
    pub rows: String,
    /// Of the rows it was fitted to, at the start.
    pub fitted_before: ErrorStatistics,
    /// And at the end.
    pub fitted_after: ErrorStatistics,
    /// Of the rows held out, at the start.
    pub held_out_before: ErrorStatistics,
    /// And at the end.
    pub held_out_after: ErrorStatistics,
}

/// A finished fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Catalog name of the device.
    pub device: String,
    /// Catalog name of the software profile.
    pub software: String,
    /// Rows it was fitted to.
    pub fitted_rows: usize,
    /// Rows held out.
    pub held_out_rows: usize,
    /// Every figure that was to be fitted, most telling first.
    pub parameters: Vec<FittedParameter>,
    /// Of all rows first, then by kind, phase and format.
    pub errors: Vec<CalibrationErrors>,
    /// Lines that could not be used, with file and line.
    pub problems: Vec<String>,
    /// What else a reader should know: rows left out, files passed over.
    pub notes: Vec<String>,
    /// The new figures as YAML that scenarios extend.
    pub overlay: String,
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    memwall_version: &'static str,
    device: &'a str,
    software: &'a str,
    fitted_rows: usize,
    held_out_rows: usize,
    parameters: &'a [FittedParameter],
    errors: &'a [CalibrationErrors],
    problems: &'a [String],
    notes: &'a [String],
    overlay: &'a str,
}

impl Calibration {
    /// All of it as indented JSON; the overlay is a text in it.
    ///
    /// # Errors
    /// When serde cannot write it, which no content causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let document = Json {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            device: &self.device,
            software: &self.software,
            fitted_rows: self.fitted_rows,
            held_out_rows: self.held_out_rows,
            parameters: &self.parameters,
            errors: &self.errors,
            problems: &self.problems,
            notes: &self.notes,
            overlay: &self.overlay,
        };
        serde_json::to_string_pretty(&document).map(|text| text + "\n")
    }
}
