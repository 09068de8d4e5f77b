//! `sweep:` and `uncertain:` as they are written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::expect::Amount;

/// Many values of some parameters, for `memwall sweep`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "values are read from the tree, which knows where they were written")]
pub(crate) struct SweepSpec {
    /// Paths into the scenario (`workload.batch`), each with its values: a list, or a range such as
    /// `{ from: 1 TB/s, to: 8 TB/s, steps: 15, scale: log }`. Every combination is a point, the last path varying
    /// fastest.
    pub axes: IndexMap<String, AxisSpec>,
    /// Points drawn from the axes instead of every combination.
    pub sample: Option<SampleSpec>,
}

/// Values of one parameter.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only the schema is used")]
pub(crate) enum AxisSpec {
    /// One by one.
    List(Vec<serde_json::Value>),
    /// From one number or quantity to another.
    Range(SweepRangeSpec),
}

/// From one number or quantity to another, both included.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the ends are read from the tree")]
pub(crate) struct SweepRangeSpec {
    /// The first value. Where both ends are whole numbers, all values are.
    pub from: Amount,
    /// The last value.
    pub to: Amount,
    /// How many values. Not needed where points are drawn.
    pub steps: Option<u64>,
    /// Whether values stand at equal distances (`linear`, the default) or at equal ratios (`log`).
    #[serde(default)]
    pub scale: Scale,
}

/// How values are spread over a range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scale {
    /// At equal distances.
    #[default]
    Linear,
    /// At equal ratios.
    Log,
}

/// Points drawn from the axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// How they are drawn.
    pub method: SampleMethod,
    /// How many.
    pub points: u64,
    /// Seed of the draw; the scenario's `seed` when absent.
    pub seed: Option<u64>,
}

/// How points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SampleMethod {
    /// Each point by itself.
    Random,
    /// Each axis is cut into as many slices as there are points, and each slice is used once.
    LatinHypercube,
    /// At most so many points: every combination, with as many steps on each range as that allows.
    Grid,
}

pub(crate) type SampleSpec = Sample;

/// Parameters that are not known exactly, for Monte Carlo with `memwall sweep`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "distributions are read from the tree")]
pub(crate) struct UncertainSpec {
    /// Paths into the scenario, each with how its value is spread: `+-10 %` for anything within ten percent of what the
    /// scenario says, or one of `normal`, `lognormal`, `uniform` and `triangular`.
    pub parameters: IndexMap<String, DistributionSpec>,
    /// How many samples are drawn. Default 1000.
    pub samples: Option<u64>,
    /// Seed of the draw; the scenario's `seed` when absent.
    pub seed: Option<u64>,
}

/// How a value is spread.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only the schema is used")]
pub(crate) enum DistributionSpec {
    /// `+-10 %`: anything that near to what the scenario says, all alike.
    Within(String),
    /// A named distribution.
    Named(NamedDistribution),
}

/// One of the distributions.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code, reason = "only the schema is used")]
pub(crate) enum NamedDistribution {
    /// `[mean, standard deviation]`, or `5 %`: about what the scenario says, with that standard deviation.
    Normal(serde_json::Value),
    /// `[median, factor]`: two thirds lie between the median divided by the factor and multiplied with it.
    Lognormal(Vec<serde_json::Value>),
    /// `[least, most]`: all alike.
    Uniform(Vec<serde_json::Value>),
    /// `[least, likeliest, most]`.
    Triangular(Vec<serde_json::Value>),
}
