//! The `trend:` block as it is written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::expect::Amount;
use crate::reference::Published;

/// Dated points, and what is asked of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrendSpec {
    /// The quantities whose growth is fitted, at most 64.
    pub series: Vec<SeriesSpec>,
    /// Ratios of two of them, and the levels at which something changes. At most 64.
    #[serde(default)]
    pub ratios: Vec<RatioSpec>,
    /// What a reader should know.
    #[serde(default)]
    pub note: Option<String>,
}

/// One quantity over time: its points written out, or a file of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesSpec {
    /// Its name, such as `peak FLOPS`.
    pub name: String,
    /// What its values are in, for people.
    #[serde(default)]
    pub unit: Option<String>,
    /// The points: at least three, on at least two days, at most 2000.
    #[serde(default)]
    pub points: Option<Vec<DatedPointSpec>>,
    /// A CSV file of points, relative to this one: a line of column names, a point a line, `#` before comments.
    #[serde(default)]
    pub file: Option<String>,
    /// Take only the rows of the file in which these columns hold these values: `{ series: HW_FLOPS }`.
    #[serde(default, rename = "where")]
    pub only: Option<IndexMap<String, Amount>>,
    /// The file's column of days. Default `date`.
    #[serde(default)]
    pub date: Option<String>,
    /// The file's column of values. Default `value`.
    #[serde(default)]
    pub value: Option<String>,
    /// What each value is multiplied by. Default 1.
    #[serde(default)]
    pub factor: Option<f64>,
    /// What is taken of points that name a `part`.
    #[serde(default)]
    pub figure: Option<PartFigure>,
    /// Growth that somebody published, to print beside ours.
    #[serde(default)]
    pub published: Option<PublishedGrowth>,
    /// Who recorded the points.
    #[serde(default)]
    pub source: Option<String>,
}

/// A point: a day, and a value or a part of the catalog.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatedPointSpec {
    /// The day: `2017-06-12`, `2017-06` or `2017`.
    pub date: Amount,
    /// The value, above 0.
    #[serde(default)]
    pub value: Option<f64>,
    /// A device of the catalog, whose `figure` is the value.
    #[serde(default)]
    pub part: Option<String>,
    /// What the point is, for people.
    #[serde(default)]
    #[allow(dead_code, reason = "for whoever reads the file")]
    pub name: Option<String>,
}

/// A figure of a part of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartFigure {
    /// Peak of fp16 or bf16 on the matrix engine, of fp32 where it has neither, in GFLOP/s.
    Peak,
    /// Bandwidth of the device memory, in GB/s.
    Bandwidth,
    /// Size of the device memory, in GB of 10^9 bytes.
    Capacity,
}

/// One series over another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatioSpec {
    /// Its name, such as `ridge point`.
    pub name: String,
    /// What it is in, for people.
    #[serde(default)]
    pub unit: Option<String>,
    /// The series above the line.
    pub of: String,
    /// The series below the line.
    pub over: String,
    /// What the ratio is multiplied by. Default 1.
    #[serde(default)]
    pub factor: Option<f64>,
    /// Levels that the ratio passes, each with the day at which the two fits say so. At most 64.
    #[serde(default)]
    pub marks: Vec<MarkSpec>,
}

/// A level that a ratio passes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MarkSpec {
    /// What happens there, such as `BERT-Base reading 512 tokens`.
    pub name: String,
    /// The ratio there, above 0.
    pub at: f64,
}

/// Growth as somebody printed it.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishedGrowth {
    /// The factor of two years.
    pub two_years: Published,
    /// The factor of twenty years.
    #[serde(default)]
    pub twenty_years: Option<Published>,
}
