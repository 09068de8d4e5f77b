//! Curves that microbenchmarks leave: points, measured ones beside them, and how far they are apart.

use serde::Serialize;

use crate::expect::{Checked, Expectation};
use crate::metric::{MetricUnit, UnknownMetric, metric_text};
use crate::number::{finite, ratio};
use crate::{DeviceReport, SCHEMA_VERSION};

/// All curves of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurveDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// `microbenchmark`: a run's document has no such field.
    pub kind: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The seed every random choice came from.
    pub seed: u64,
    /// The curves, in the order of the scenario.
    pub cases: Vec<CurveReport>,
    /// Where the measured points come from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

/// One curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurveReport {
    /// The case's name.
    pub name: String,
    /// What the case shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The machine.
    pub device: DeviceReport,
    /// What is measured: "latency", "bandwidth of triad".
    pub title: String,
    /// What the points count.
    pub over: CurveAxis,
    /// What the values are in.
    pub unit: CurveUnit,
    /// The points, in ascending order.
    pub points: Vec<CurvePointReport>,
    /// Points that were measured too.
    pub compared: usize,
    /// Mean of `|predicted / measured - 1|` over them.
    pub mean_error: Option<f64>,
    /// The largest of them by size, with its sign.
    pub worst_error: Option<f64>,
    /// What a reader should know when comparing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Assertions of the scenario and how they came out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<Checked>,
}

/// One point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurvePointReport {
    /// Bytes, threads, or a share of all threads.
    pub at: f64,
    /// Ours, in the curve's unit.
    pub predicted: f64,
    /// Somebody's, in the same unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<f64>,
    /// `predicted / measured - 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// What holds it there: `bandwidth(hbm)`, `latency(l2)`.
    pub bound_by: String,
    /// Share of the loads that each place serves, innermost first.
    pub served: Vec<Served>,
}

/// A place and the share of the loads it serves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Served {
    /// `l1`, `l2`, `hbm`.
    pub place: String,
    /// Of all loads.
    pub share: f64,
}

/// What the points of a curve count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CurveAxis {
    /// Bytes of the buffer.
    Footprint,
    /// Threads on the device.
    Threads,
    /// Threads as a share of those the device can hold.
    Occupancy,
    /// Bytes in flight on the device.
    InFlight,
}

/// What the values of a curve are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CurveUnit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Bytes a second.
    #[serde(rename = "B/s")]
    BytesPerSec,
}

impl CurveAxis {
    /// `footprint`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Footprint => "footprint",
            Self::Threads => "threads",
            Self::Occupancy => "occupancy",
            Self::InFlight => "in flight",
        }
    }
}

impl CurveUnit {
    pub(crate) const fn metric(self) -> MetricUnit {
        match self {
            Self::Seconds => MetricUnit::Seconds,
            Self::BytesPerSec => MetricUnit::BytesPerSec,
        }
    }

    /// `latency` or `bandwidth`.
    const fn quantity(self) -> &'static str {
        match self {
            Self::Seconds => "latency",
            Self::BytesPerSec => "bandwidth",
        }
    }
}

impl CurvePointReport {
    /// A point with its error.
    #[must_use]
    pub fn new(
        at: f64,
        predicted: f64,
        measured: Option<f64>,
        bound_by: String,
        served: Vec<Served>,
    ) -> Self {
        let error = measured.and_then(|measured| ratio(predicted - measured, measured));
        Self { at, predicted, measured, error, bound_by, served }
    }
}

/// Names of the figures of a curve that `expect:` may assert.
const METRICS: [&str; 7] = [
    "mean_error",
    "worst_error",
    "compared",
    "highest.bandwidth",
    "lowest.bandwidth",
    "highest.latency",
    "lowest.latency",
];

/// Whether `name` can name a figure of a curve.
///
/// # Errors
/// [`UnknownMetric`] with the names that would do.
pub fn check_curve_metric(name: &str) -> Result<(), UnknownMetric> {
    if METRICS.contains(&name) {
        return Ok(());
    }
    let hint = format!("the metrics of a microbenchmark are {}", METRICS.join(", "));
    Err(UnknownMetric { name: name.chars().take(80).collect(), hint })
}

impl CurveReport {
    /// Adds up the errors of `points`, and holds `expected` against them.
    #[must_use]
    pub fn summed(mut self, expected: &[Expectation]) -> Self {
        let errors: Vec<f64> = self.points.iter().filter_map(|point| point.error).collect();
        self.compared = errors.len();
        self.mean_error = ratio(errors.iter().map(|error| error.abs()).sum(), errors.len() as f64);
        let larger = |a: &f64, b: &f64| a.abs().total_cmp(&b.abs());
        self.worst_error = errors.iter().copied().max_by(larger).and_then(finite);
        self.expectations = expected.iter().map(|one| one.held_against(self.metric(&one.metric))).collect();
        self
    }

    /// The figure called `name`, absent where the curve has none.
    fn metric(&self, name: &str) -> Result<(Option<f64>, MetricUnit), UnknownMetric> {
        check_curve_metric(name)?;
        let values = || self.points.iter().map(|point| point.predicted);
        Ok(match name {
            "mean_error" => (self.mean_error, MetricUnit::Share),
            "worst_error" => (self.worst_error.map(f64::abs), MetricUnit::Share),
            "compared" => (Some(self.compared as f64), MetricUnit::Plain),
            _ => {
                let (which, quantity) = name.split_once('.').unwrap_or((name, ""));
                let best = if which == "highest" {
                    values().max_by(f64::total_cmp)
                } else {
                    values().min_by(f64::total_cmp)
                };
                let units = [CurveUnit::Seconds, CurveUnit::BytesPerSec];
                let unit = units.into_iter().find(|unit| unit.quantity() == quantity).unwrap_or(self.unit);
                // A bandwidth is no latency: the curve has no such figure.
                (best.filter(|_| unit == self.unit), unit.metric())
            }
        })
    }

    /// A value of the curve as a person would write it.
    pub(crate) fn text(&self, value: f64) -> String {
        metric_text(value, self.unit.metric())
    }
}

impl CurveDocument {
    /// The document of `cases`, which ran with `seed`. `sources` says who measured the points compared with.
    #[must_use]
    pub fn new(
        scenario: &str,
        description: Option<&str>,
        seed: u64,
        cases: Vec<CurveReport>,
        sources: Vec<String>,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            kind: "microbenchmark",
            scenario: scenario.to_owned(),
            description: description.map(str::to_owned),
            seed,
            cases,
            sources,
        }
    }

    /// Whether every expectation of every case came true.
    #[must_use]
    pub fn expectations_hold(&self) -> bool {
        self.cases.iter().flat_map(|case| &case.expectations).all(|checked| checked.passed)
    }

    /// The document as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content of a document causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// One line a point as CSV (RFC 4180 with `\n` line ends), a header line first.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::from("name,device,over,at,unit,predicted,measured,error,bound_by\n");
        for case in &self.cases {
            for point in &case.points {
                let unit = match case.unit {
                    CurveUnit::Seconds => "s",
                    CurveUnit::BytesPerSec => "B/s",
                };
                let number = |value: Option<f64>| value.and_then(finite).map(|value| value.to_string());
                let fields = [
                    case.name.clone(),
                    case.device.name.clone(),
                    case.over.name().replace(' ', "_"),
                    point.at.to_string(),
                    unit.to_owned(),
                    point.predicted.to_string(),
                    number(point.measured).unwrap_or_default(),
                    number(point.error).unwrap_or_default(),
                    point.bound_by.clone(),
                ];
                crate::csv::write_line(&mut text, fields.into_iter());
            }
        }
        text
    }
}
