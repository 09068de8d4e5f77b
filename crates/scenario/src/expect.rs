//! `expect:` blocks: assertions on reported figures.

use memwall_units::{Bytes, BytesPerSec, Flops, FlopsPerSec, Picos, Quantity, UnitError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::Place;

/// One assertion as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectSpec {
    /// The figure: one of a case (`time`, `tokens_per_s`, `intensity_mops`), or of one of its parts
    /// (`tiers.hbm.bytes_read`, `operators.mlp.up.time`, `stalls.bandwidth(hbm)`).
    pub metric: String,
    /// It must not be below this.
    #[serde(default)]
    pub min: Option<Amount>,
    /// It must not be above this.
    #[serde(default)]
    pub max: Option<Amount>,
    /// It must be this, within `tolerance`.
    #[serde(default)]
    pub value: Option<Amount>,
    /// How far it may be from `value`, as a share of it: `1 %` or `0.01`. Default 0.1 %.
    #[serde(default)]
    pub tolerance: Option<Amount>,
}

/// A plain number, or a text with a unit, depending on the metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// A plain number.
    Number(f64),
    /// A text with a unit: `5 ms`, `1 %`.
    Text(String),
}

/// An assertion on one case, in base units: seconds, operations, bytes or plain numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// The figure; whether there is such a figure only the report knows.
    pub metric: String,
    /// What must hold.
    pub check: Check,
    /// The assertion in words: "time at most 5 ms".
    pub text: String,
    /// Where the metric's name was written.
    pub(crate) place: Place,
}

/// What must hold of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Check {
    /// At least and at most, each where given; one is.
    Between {
        /// Smallest value that will do.
        min: Option<f64>,
        /// Largest value that will do.
        max: Option<f64>,
    },
    /// Within a relative tolerance of a value.
    Near {
        /// The value.
        value: f64,
        /// 0.01 is one percent of `value`.
        tolerance: f64,
    },
}

/// An assertion that makes no sense: the key at fault, what is wrong.
pub(crate) type ExpectError = (&'static str, String);

impl ExpectSpec {
    /// The assertion in base units; `place` is that of the metric's name.
    pub(crate) fn resolve(&self, place: Place) -> Result<Expectation, ExpectError> {
        Ok(Expectation { metric: self.metric.clone(), check: self.check()?, text: self.words(), place })
    }

    fn check(&self) -> Result<Check, ExpectError> {
        let bound = |key: &'static str, amount: &Option<Amount>| {
            let number = amount.as_ref().map(|amount| number(&self.metric, amount));
            number.transpose().map_err(|message| (key, message))
        };
        let (min, max, value) =
            (bound("min", &self.min)?, bound("max", &self.max)?, bound("value", &self.value)?);
        if self.tolerance.is_some() && value.is_none() {
            return Err(("tolerance", "`tolerance` goes with `value`".to_owned()));
        }
        match (min, max, value) {
            (None, None, None) => {
                Err(("metric", "nothing is asserted: add `min`, `max` or `value`".to_owned()))
            }
            (None, None, Some(value)) => Ok(Check::Near { value, tolerance: self.tolerance()? }),
            (_, _, Some(_)) => Err(("value", "`value` does not go with `min` or `max`".to_owned())),
            (Some(min), Some(max), None) if min > max => Err(("min", "`min` is above `max`".to_owned())),
            (min, max, None) => Ok(Check::Between { min, max }),
        }
    }

    fn tolerance(&self) -> Result<f64, ExpectError> {
        let Some(amount) = &self.tolerance else { return Ok(0.001) };
        let share = plain(amount).filter(|share| (0.0..=10.0).contains(share));
        share.ok_or(("tolerance", "a tolerance is a share, such as `1 %` or `0.01`".to_owned()))
    }

    fn words(&self) -> String {
        let mut text = self.metric.clone();
        if let Some(min) = &self.min {
            text.push_str(&format!(" at least {}", min.text()));
        }
        if let Some(max) = &self.max {
            let and = if self.min.is_some() { " and" } else { "" };
            text.push_str(&format!("{and} at most {}", max.text()));
        }
        if let Some(value) = &self.value {
            let tolerance = self.tolerance.as_ref().map_or_else(|| "0.1 %".to_owned(), Amount::text);
            text.push_str(&format!(" {} within {tolerance}", value.text()));
        }
        text
    }
}

impl Amount {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// An amount of `metric` in base units. The last part of a metric's name says what it is measured in.
fn number(metric: &str, amount: &Amount) -> Result<f64, String> {
    let unit = |result: Result<f64, UnitError>| result.map_err(|error| error.to_string());
    // Of a stall the last part is a cause, and the figure a share.
    let last = if metric.starts_with("stalls.") { None } else { metric.rsplit('.').next() };
    match last.unwrap_or_default().trim_end_matches("_s") {
        "time" | "ttft" | "tpot" | "roofline" | "first_step" | "last_step" => {
            unit(Picos::from_text(&amount.text()).map(Picos::as_secs_f64))
        }
        "bytes"
        | "bytes_read"
        | "bytes_written"
        | "mops_bytes"
        | "dram_bytes"
        | "peak_occupancy_bytes"
        | "capacity_bytes"
        | "weight_bytes"
        | "kv_cache_bytes" => unit(Bytes::from_text(&amount.text()).map(Bytes::as_f64)),
        "flops" => unit(Flops::from_text(&amount.text()).map(Flops::as_f64)),
        "latency" => unit(Picos::from_text(&amount.text()).map(Picos::as_secs_f64)),
        "bandwidth" => unit(BytesPerSec::from_text(&amount.text()).map(|rate| rate.0)),
        "flops_per" => unit(FlopsPerSec::from_text(&amount.text()).map(|rate| rate.0)),
        _ => {
            plain(amount).ok_or_else(|| format!("`{}` is not a plain number or a percentage", amount.text()))
        }
    }
}

/// A finite number, or a percentage as a share of one.
pub(crate) fn plain(amount: &Amount) -> Option<f64> {
    let number = match amount {
        Amount::Number(number) => *number,
        Amount::Text(text) => text.trim().strip_suffix('%')?.trim().parse::<f64>().ok()? / 100.0,
    };
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(yaml: &str) -> Result<Expectation, ExpectError> {
        serde_yaml::from_str::<ExpectSpec>(yaml).unwrap().resolve(Place { source: 0, start: 0, end: 0 })
    }

    #[test]
    fn bounds_are_in_base_units() {
        let expectation = resolve("{metric: time, min: 1 ms, max: 5 ms}").unwrap();
        assert_eq!(expectation.check, Check::Between { min: Some(0.001), max: Some(0.005) });
        assert_eq!(expectation.text, "time at least 1 ms and at most 5 ms");
        let bytes = resolve("{metric: tiers.hbm.bytes_read, max: 2 MB}").unwrap();
        assert_eq!(bytes.check, Check::Between { min: None, max: Some(2e6) });
        let share = resolve("{metric: stalls.bandwidth, min: 50 %}").unwrap();
        assert_eq!(share.check, Check::Between { min: Some(0.5), max: None });
        let share = resolve("{metric: stalls.bandwidth(hbm), min: 50 %}").unwrap();
        assert_eq!(share.check, Check::Between { min: Some(0.5), max: None });
        let rate = resolve("{metric: flops_per_s, min: 5 GFLOP/s}").unwrap();
        assert_eq!(rate.check, Check::Between { min: Some(5e9), max: None });
    }

    #[test]
    fn a_value_has_a_tolerance() {
        let expectation = resolve("{metric: intensity_mops, value: 200, tolerance: 1 %}").unwrap();
        assert_eq!(expectation.check, Check::Near { value: 200.0, tolerance: 0.01 });
        assert_eq!(expectation.text, "intensity_mops 200 within 1 %");
    }

    #[test]
    fn assertions_without_sense_are_refused() {
        for (yaml, key) in [
            ("{metric: time}", "metric"),
            ("{metric: time, max: 5}", "max"),
            ("{metric: time_s, max: 5 GB}", "max"),
            ("{metric: mfu, min: .nan}", "min"),
            ("{metric: mfu, min: 0.5, max: 0.4}", "min"),
            ("{metric: mfu, value: 0.5, max: 0.6}", "value"),
            ("{metric: mfu, value: 0.5, tolerance: much}", "tolerance"),
            ("{metric: mfu, max: 0.5, tolerance: 1 %}", "tolerance"),
        ] {
            assert_eq!(resolve(yaml).unwrap_err().0, key, "{yaml}");
        }
    }
}
