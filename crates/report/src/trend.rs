//! Growth of series of dated points, ratios of two of them, and what `expect:` may say of both.

use serde::Serialize;

use crate::metric::MetricUnit;
use crate::number::{finite, ratio};
use crate::published::within;
use crate::{Checked, Expectation, SCHEMA_VERSION, UnknownMetric};

/// The document that a scenario of kind `trend` leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrendDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// `trend`: a run's document has no such field.
    pub kind: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The seed; nothing of a trend is random.
    pub seed: u64,
    /// The cases, in the order of the scenario.
    pub cases: Vec<TrendReport>,
    /// Who recorded the points.
    pub sources: Vec<String>,
}

/// The fits of one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrendReport {
    /// The case's name.
    pub name: String,
    /// What the case shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Each series.
    pub series: Vec<GrowthReport>,
    /// Each ratio.
    pub ratios: Vec<RatioReport>,
    /// What a reader should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Assertions and whether they hold.
    pub expectations: Vec<Checked>,
}

/// A series of points and the exponential fitted to it: least squares on logarithms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GrowthReport {
    /// Its name.
    pub name: String,
    /// What its values are in.
    pub unit: String,
    /// How many points.
    pub points: usize,
    /// When.
    pub period: Period,
    /// Growth in two years.
    pub two_years: Growth,
    /// Growth in twenty years.
    pub twenty_years: Growth,
    /// Share of the variance of the logarithms that the fit explains.
    pub r2: Option<f64>,
}

/// From the first point to the last, as years and their parts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Period {
    /// The first.
    pub first: f64,
    /// The last.
    pub last: f64,
}

/// A factor of growth. Factors beyond any number are absent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Growth {
    /// As fitted.
    pub factor: Option<f64>,
    /// Where it is with 95 % confidence, from Student's t on the slope: residuals independent and alike.
    pub low: Option<f64>,
    /// The other end.
    pub high: Option<f64>,
    /// As somebody printed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<f64>,
    /// `factor / published - 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// Whether the difference may be the print's rounding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_rounding: Option<bool>,
}

/// The fit of one series over that of another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RatioReport {
    /// Its name.
    pub name: String,
    /// What it is in.
    pub unit: String,
    /// The series above the line.
    pub of: String,
    /// The series below the line.
    pub over: String,
    /// Growth in two years.
    pub two_years: f64,
    /// Growth in twenty years.
    pub twenty_years: f64,
    /// The last time at which both series have points.
    pub year: f64,
    /// The ratio of the fits then.
    pub then: f64,
    /// When it passes each level.
    pub crossings: Vec<Crossing>,
}

/// When a ratio passes a level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crossing {
    /// What happens there.
    pub name: String,
    /// The level.
    pub at: f64,
    /// The year and its part; absent where the ratio never changes.
    pub year: Option<f64>,
    /// Whether one of the series has no points that early or late.
    pub projected: bool,
}

impl Growth {
    /// A factor with its interval, beside a published one and half a unit of its last printed digit.
    #[must_use]
    pub fn new(factor: f64, [low, high]: [f64; 2], published: Option<(f64, f64)>) -> Self {
        Self {
            factor: finite(factor),
            low: finite(low),
            high: finite(high),
            published: published.map(|(value, _)| value),
            error: published.and_then(|(value, _)| ratio(factor - value, value)),
            within_rounding: published.map(|(value, half_unit)| within(factor, value, half_unit)),
        }
    }
}

const SERIES: [&str; 8] =
    ["growth_2y", "growth_2y_low", "growth_2y_high", "growth_20y", "r2", "points", "error_2y", "error_20y"];
const RATIOS: [&str; 3] = ["growth_2y", "growth_20y", "then"];

impl TrendReport {
    /// Holds `expected` against the fits.
    #[must_use]
    pub fn checked(mut self, expected: &[Expectation]) -> Self {
        self.expectations = expected.iter().map(|one| one.held_against(self.metric(&one.metric))).collect();
        self
    }

    /// The figure called `name`: `series.NAME.growth_2y`, `ratios.NAME.then`, `years.RATIO.MARK`.
    ///
    /// # Errors
    /// [`UnknownMetric`] with the names that would do.
    pub fn metric(&self, name: &str) -> Result<(Option<f64>, MetricUnit), UnknownMetric> {
        let found = match name.split_once('.') {
            Some(("series", rest)) => self.of_series(rest),
            Some(("ratios", rest)) => self.of_ratio(rest),
            Some(("years", rest)) => self.year(rest),
            _ => None,
        };
        found.ok_or_else(|| UnknownMetric { name: name.chars().take(80).collect(), hint: self.hint(name) })
    }

    fn of_series(&self, rest: &str) -> Option<(Option<f64>, MetricUnit)> {
        let (name, field) = rest.rsplit_once('.')?;
        let series = self.series.iter().find(|series| series.name == name)?;
        let size = |error: Option<f64>| error.map(f64::abs);
        Some(match field {
            "growth_2y" => (series.two_years.factor, MetricUnit::Plain),
            "growth_2y_low" => (series.two_years.low, MetricUnit::Plain),
            "growth_2y_high" => (series.two_years.high, MetricUnit::Plain),
            "growth_20y" => (series.twenty_years.factor, MetricUnit::Plain),
            "r2" => (series.r2, MetricUnit::Plain),
            "points" => (Some(series.points as f64), MetricUnit::Plain),
            "error_2y" => (size(series.two_years.error), MetricUnit::Share),
            "error_20y" => (size(series.twenty_years.error), MetricUnit::Share),
            _ => return None,
        })
    }

    fn of_ratio(&self, rest: &str) -> Option<(Option<f64>, MetricUnit)> {
        let (name, field) = rest.rsplit_once('.')?;
        let ratio = self.ratios.iter().find(|ratio| ratio.name == name)?;
        let value = match field {
            "growth_2y" => ratio.two_years,
            "growth_20y" => ratio.twenty_years,
            "then" => ratio.then,
            _ => return None,
        };
        Some((finite(value), MetricUnit::Plain))
    }

    fn year(&self, rest: &str) -> Option<(Option<f64>, MetricUnit)> {
        let marks =
            self.ratios.iter().flat_map(|ratio| ratio.crossings.iter().map(move |mark| (ratio, mark)));
        let (_, mark) =
            marks.into_iter().find(|(ratio, mark)| format!("{}.{}", ratio.name, mark.name) == rest)?;
        Some((mark.year, MetricUnit::Plain))
    }

    fn hint(&self, name: &str) -> String {
        let list = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let series = list(self.series.iter().map(|series| series.name.as_str()).collect());
        let ratios = list(self.ratios.iter().map(|ratio| ratio.name.as_str()).collect());
        match name.split_once('.').map(|(first, _)| first) {
            Some("series") => {
                format!("write `series.NAME.` and one of {}; the series are {series}", SERIES.join(", "))
            }
            Some("ratios") => {
                format!("write `ratios.NAME.` and one of {}; the ratios are {ratios}", RATIOS.join(", "))
            }
            Some("years") => format!("write `years.RATIO.MARK`; the ratios are {ratios}"),
            _ => "a path starts with one of series, ratios, years".to_owned(),
        }
    }
}

impl TrendDocument {
    /// The document of `cases`. `sources` says who recorded the points.
    #[must_use]
    pub fn new(
        scenario: &str,
        description: Option<&str>,
        seed: u64,
        cases: Vec<TrendReport>,
        sources: Vec<String>,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            kind: "trend",
            scenario: scenario.to_owned(),
            description: description.map(str::to_owned),
            seed,
            cases,
            sources,
        }
    }

    /// The document as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content of a document causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// One line a series as CSV (RFC 4180 with `\n` line ends), a header line first. Ratios stand only in JSON.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::from(
            "name,series,unit,points,first,last,growth_2y,low_2y,high_2y,published_2y,error_2y,growth_20y,\
             published_20y,error_20y,r2\n",
        );
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        for case in &self.cases {
            for series in &case.series {
                let (two, twenty) = (&series.two_years, &series.twenty_years);
                let texts = [case.name.clone(), series.name.clone(), series.unit.clone()];
                let period = [series.period.first, series.period.last].map(|year| year.to_string());
                let figures = [
                    two.factor,
                    two.low,
                    two.high,
                    two.published,
                    two.error,
                    twenty.factor,
                    twenty.published,
                ]
                .into_iter()
                .chain([twenty.error, series.r2])
                .map(number);
                let fields =
                    texts.into_iter().chain([series.points.to_string()]).chain(period).chain(figures);
                crate::csv::write_line(&mut text, fields);
            }
        }
        text
    }
}
