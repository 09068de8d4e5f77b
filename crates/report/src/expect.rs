//! Assertions on a report's figures.

use serde::Serialize;

use crate::metric::{MetricUnit, UnknownMetric, metric, metric_text};
use crate::number::{finite, percent};
use crate::{CaseReport, check_metric_name};

/// What a figure should be, in base units (seconds, bytes, shares of one).
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Name of the figure, see [`crate::metric`].
    pub metric: String,
    /// What it must satisfy.
    pub wanted: Wanted,
}

/// A condition on a figure. Bounds are inclusive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// At least `min` and at most `max`, each where given.
    Between {
        /// Lower bound.
        min: Option<f64>,
        /// Upper bound.
        max: Option<f64>,
    },
    /// Within a relative `tolerance` of `value`.
    Near {
        /// The value.
        value: f64,
        /// 0.01 is one percent of `value`.
        tolerance: f64,
    },
}

/// An expectation held against a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// Name of the figure.
    pub metric: String,
    /// Whether it came true.
    pub passed: bool,
    /// What the figure is, in base units; absent where the case has no such figure.
    pub actual: Option<f64>,
    /// The condition and the outcome, for people: "time is 4.1 ms, wanted at most 5 ms".
    pub text: String,
}

impl Expectation {
    /// Whether the metric's name can be right, before anything runs.
    ///
    /// # Errors
    /// [`UnknownMetric`] with the names that would do.
    pub fn validate(&self) -> Result<(), UnknownMetric> {
        check_metric_name(&self.metric)
    }

    /// Holds the expectation against `case`. A figure the case does not have fails.
    #[must_use]
    pub fn check(&self, case: &CaseReport) -> Checked {
        self.held_against(metric(case, &self.metric))
    }

    /// Holds the expectation against the figure found under its name.
    pub(crate) fn held_against(&self, found: Result<(Option<f64>, MetricUnit), UnknownMetric>) -> Checked {
        let name = &self.metric;
        let (actual, passed, text) = match found {
            Ok((Some(actual), unit)) => {
                let text = |value| metric_text(value, unit);
                let wanted = self.wanted.describe(text);
                (
                    finite(actual),
                    self.wanted.holds(actual),
                    format!("{name} is {}, wanted {wanted}", text(actual)),
                )
            }
            Ok((None, unit)) => {
                let wanted = self.wanted.describe(|value| metric_text(value, unit));
                (None, false, format!("this case has no {name}, wanted {wanted}"))
            }
            Err(unknown) => (None, false, unknown.to_string()),
        };
        Checked { metric: name.clone(), passed, actual, text }
    }
}

impl Wanted {
    fn holds(self, actual: f64) -> bool {
        match self {
            Self::Between { min, max } => {
                min.is_none_or(|min| actual >= min) && max.is_none_or(|max| actual <= max)
            }
            Self::Near { value, tolerance } => (actual - value).abs() <= tolerance * value.abs(),
        }
    }

    fn describe(self, text: impl Fn(f64) -> String) -> String {
        match self {
            Self::Between { min: Some(min), max: Some(max) } => format!("{} to {}", text(min), text(max)),
            Self::Between { min: Some(min), max: None } => format!("at least {}", text(min)),
            Self::Between { min: None, max: Some(max) } => format!("at most {}", text(max)),
            Self::Between { min: None, max: None } => "anything".to_owned(),
            Self::Near { value, tolerance } => format!("{} within {}", text(value), percent(tolerance)),
        }
    }
}
