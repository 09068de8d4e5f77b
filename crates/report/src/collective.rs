//! Curves of a collective over its size: time, bandwidth, which algorithm and protocol won, measured times beside.

use memwall_simulator::CollectiveOutcome;
use serde::Serialize;

use crate::SCHEMA_VERSION;
use crate::expect::{Checked, Expectation};
use crate::metric::{MetricUnit, UnknownMetric};
use crate::number::{finite, ratio};

/// All cases of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CollectiveDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// `collective`: a run's document has no such field.
    pub kind: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The seed every random choice came from.
    pub seed: u64,
    /// The cases, in the order of the scenario.
    pub cases: Vec<CollectiveReport>,
    /// Where the measured times come from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

/// One collective over its sizes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CollectiveReport {
    /// The case's name.
    pub name: String,
    /// What the case shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The machine: `dgx-h100`.
    pub system: String,
    /// The machine, for people.
    pub title: String,
    /// The library: `nccl`.
    pub library: String,
    /// `all_reduce`.
    pub collective: String,
    /// Ranks.
    pub ranks: u64,
    /// Groups that do the same at the same time, this one included.
    pub groups: u64,
    /// The sizes, in ascending order.
    pub points: Vec<CollectivePoint>,
    /// Sizes that were measured too.
    pub compared: usize,
    /// Mean of `|predicted / measured - 1|` over them.
    pub mean_error: Option<f64>,
    /// Median of the same.
    pub median_error: Option<f64>,
    /// The largest of them by size, with its sign.
    pub worst_error: Option<f64>,
    /// What a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Assertions of the scenario and how they came out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<Checked>,
}

/// One size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CollectivePoint {
    /// Bytes of the buffer, as nccl-tests counts it.
    pub bytes: u64,
    /// From the call to the last byte.
    pub time_s: f64,
    /// Of that, what a message without bytes would take.
    pub latency_s: f64,
    /// Bytes over time.
    pub algorithm_bandwidth: f64,
    /// What nccl-tests calls `busbw`.
    pub bus_bandwidth: f64,
    /// The algorithm that won.
    pub algorithm: &'static str,
    /// The protocol that won.
    pub protocol: &'static str,
    /// What held it: `latency`, a link, or `cores`.
    pub bound_by: String,
    /// What the links of each level carried.
    pub levels: Vec<LevelPoint>,
    /// Transfers between devices.
    pub transfers: u64,
    /// Flows that stood for them.
    pub flows: u64,
    /// Somebody's time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured_s: Option<f64>,
    /// `time / measured - 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
}

/// What the links of one level of the fabric carried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelPoint {
    /// "NVLink 4 through NVSwitch".
    pub title: String,
    /// Bytes over all its links.
    pub bytes: f64,
    /// Part of the time that the busiest link needed.
    pub utilization: f64,
}

impl CollectivePoint {
    /// A size with its error.
    #[must_use]
    pub fn new(bytes: u64, outcome: &CollectiveOutcome, measured_s: Option<f64>) -> Self {
        let time_s = outcome.time.as_secs_f64();
        let mostly_latency = 2 * u128::from(outcome.latency.0) > u128::from(outcome.time.0);
        let level = |level: &memwall_simulator::LevelUse| LevelPoint {
            title: level.title.clone(),
            bytes: level.bytes,
            utilization: level.utilization,
        };
        Self {
            bytes,
            time_s,
            latency_s: outcome.latency.as_secs_f64(),
            algorithm_bandwidth: outcome.algorithm_bandwidth,
            bus_bandwidth: outcome.bus_bandwidth,
            algorithm: outcome.algorithm.name(),
            protocol: outcome.protocol.name(),
            bound_by: match &outcome.held_by {
                _ if mostly_latency => "latency".to_owned(),
                Some(link) => format!("bandwidth({link})"),
                None => "cores".to_owned(),
            },
            levels: outcome.levels.iter().map(level).collect(),
            transfers: outcome.transfers,
            flows: outcome.flows,
            measured_s,
            error: measured_s.and_then(|measured| ratio(time_s - measured, measured)),
        }
    }
}

/// Names of the figures of a case that `expect:` may assert.
const METRICS: [(&str, MetricUnit); 8] = [
    ("mean_error", MetricUnit::Share),
    ("median_error", MetricUnit::Share),
    ("worst_error", MetricUnit::Share),
    ("compared", MetricUnit::Plain),
    ("highest.bus_bandwidth", MetricUnit::BytesPerSec),
    ("highest.time", MetricUnit::Seconds),
    ("lowest.time", MetricUnit::Seconds),
    ("ranks", MetricUnit::Plain),
];

/// Whether `name` can name a figure of a collective.
///
/// # Errors
/// [`UnknownMetric`] with the names that would do.
pub fn check_collective_metric(name: &str) -> Result<(), UnknownMetric> {
    if METRICS.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    let hint = format!("the metrics of a collective are {}", METRICS.map(|(name, _)| name).join(", "));
    Err(UnknownMetric { name: name.chars().take(80).collect(), hint })
}

impl CollectiveReport {
    /// Adds up the errors of the points, and holds `expected` against them.
    #[must_use]
    pub fn summed(mut self, expected: &[Expectation]) -> Self {
        let mut errors: Vec<f64> = self.points.iter().filter_map(|point| point.error).collect();
        errors.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        self.compared = errors.len();
        self.mean_error = ratio(errors.iter().map(|error| error.abs()).sum(), errors.len() as f64);
        self.median_error =
            crate::validation::median(&errors.iter().map(|error| error.abs()).collect::<Vec<_>>());
        self.worst_error = errors.last().copied().and_then(finite);
        self.expectations = expected.iter().map(|one| one.held_against(self.metric(&one.metric))).collect();
        self
    }

    fn metric(&self, name: &str) -> Result<(Option<f64>, MetricUnit), UnknownMetric> {
        check_collective_metric(name)?;
        let times = || self.points.iter().map(|point| point.time_s);
        let value = match name {
            "mean_error" => self.mean_error,
            "median_error" => self.median_error,
            "worst_error" => self.worst_error.map(f64::abs),
            "compared" => Some(self.compared as f64),
            "highest.bus_bandwidth" => {
                self.points.iter().map(|point| point.bus_bandwidth).max_by(f64::total_cmp)
            }
            "highest.time" => times().max_by(f64::total_cmp),
            "lowest.time" => times().min_by(f64::total_cmp),
            _ => Some(self.ranks as f64),
        };
        let unit =
            METRICS.iter().find(|(known, _)| *known == name).map_or(MetricUnit::Plain, |(_, unit)| *unit);
        Ok((value, unit))
    }
}

impl CollectiveDocument {
    /// The document of `cases`, which ran with `seed`. `sources` says who measured the times compared with.
    #[must_use]
    pub fn new(
        scenario: &str,
        description: Option<&str>,
        seed: u64,
        cases: Vec<CollectiveReport>,
        sources: Vec<String>,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            kind: "collective",
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

    /// One line a size as CSV (RFC 4180 with `\n` line ends), a header line first.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::from(
            "name,system,collective,ranks,bytes,time_s,bus_bandwidth,algorithm,protocol,bound_by,measured_s,error\n",
        );
        for case in &self.cases {
            for point in &case.points {
                let number = |value: Option<f64>| value.and_then(finite).map(|value| value.to_string());
                let fields = [
                    case.name.clone(),
                    case.system.clone(),
                    case.collective.clone(),
                    case.ranks.to_string(),
                    point.bytes.to_string(),
                    point.time_s.to_string(),
                    point.bus_bandwidth.to_string(),
                    point.algorithm.to_owned(),
                    point.protocol.to_owned(),
                    point.bound_by.clone(),
                    number(point.measured_s).unwrap_or_default(),
                    number(point.error).unwrap_or_default(),
                ];
                crate::csv::write_line(&mut text, fields.into_iter());
            }
        }
        text
    }
}
