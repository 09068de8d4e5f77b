//! Scenarios of kind `trend`: dated points, their growth, and when one quantity outgrows another.

mod build;
mod date;
mod points;
pub(crate) mod spec;

pub use date::Date;
pub use spec::PublishedGrowth;

use crate::Expectation;
pub(crate) use build::build;

/// One validated set of series, ready to fit.
#[derive(Debug, Clone)]
pub struct TrendCase {
    /// What reports call it; no two cases of a scenario share one.
    pub name: String,
    /// What it shows, for people.
    pub description: Option<String>,
    /// The series, in written order; at least one.
    pub series: Vec<TrendSeries>,
    /// Ratios of two of them.
    pub ratios: Vec<TrendRatio>,
    /// What a reader should know.
    pub note: Option<String>,
    /// Seed of everything random; no trend has anything random.
    pub seed: u64,
    /// Assertions on the result.
    pub expect: Vec<Expectation>,
}

/// Dated points of one quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendSeries {
    /// Its name; no two of a case share one.
    pub name: String,
    /// What its values are in, for people.
    pub unit: String,
    /// At least three, on at least two days; values are above 0.
    pub points: Vec<DatedPoint>,
    /// Growth that somebody published.
    pub published: Option<PublishedGrowth>,
    /// Who recorded the points.
    pub source: Option<String>,
}

/// One dated point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DatedPoint {
    /// The day.
    pub date: Date,
    /// The value, above 0.
    pub value: f64,
}

/// One series over another, and the levels at which something changes.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendRatio {
    /// Its name; no other ratio or series of the case has it.
    pub name: String,
    /// What it is in, for people.
    pub unit: String,
    /// Position of the series above the line.
    pub of: usize,
    /// Position of the series below the line.
    pub over: usize,
    /// What the ratio is multiplied by, to be in `unit`.
    pub factor: f64,
    /// Levels, each with its name.
    pub marks: Vec<(String, f64)>,
}
