//! Memory saved by computing activations again, and what it costs.

use serde::Serialize;

use crate::metric::MetricUnit;
use crate::number::finite;
use crate::{Checked, DeviceReport, Expectation, SCHEMA_VERSION, UnknownMetric};

/// The document that a scenario of kind `recompute` leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecomputeDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// `recompute`: a run's document has no such field.
    pub kind: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The seed; nothing of it is random.
    pub seed: u64,
    /// The cases, in the order of the scenario.
    pub cases: Vec<RecomputeReport>,
}

/// One model on one machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecomputeReport {
    /// The case's name.
    pub name: String,
    /// What the case shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The machine.
    pub device: DeviceReport,
    /// What is trained: `bert-large`.
    pub model: String,
    /// "batch 32 of 512 tokens, fp16".
    pub workload: String,
    /// The software profile.
    pub software: String,
    /// The fidelity it was simulated at.
    pub fidelity: &'static str,
    /// Operators of a forward and a backward pass with nothing computed again.
    pub operators: usize,
    /// Bytes of activations and of their gradients at the peak, with nothing computed again.
    pub needed_bytes: u64,
    /// No schedule needs less: the operands of one operator, with gradients that must be there.
    pub least_bytes: u64,
    /// Weights and their gradients, which are there besides.
    pub held_bytes: u64,
    /// Forward and backward pass, with nothing computed again.
    pub time_s: f64,
    /// Rules and budgets, in the order of the scenario.
    pub points: Vec<RecomputePoint>,
    /// What somebody claims, and how far it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimReport>,
    /// What a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Assertions of the scenario and how they came out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<Checked>,
}

/// A rule, or a budget for which the best schedule was looked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecomputePoint {
    /// `full`, `every 2`, `optimal 20 %`.
    pub name: String,
    /// `none`, `selective`, `full`, `every`, `optimal`.
    pub policy: &'static str,
    /// Bytes it was to stay within.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_bytes: Option<u64>,
    /// What came of it; `None` where no schedule was found.
    #[serde(flatten)]
    pub outcome: Option<RecomputeOutcome>,
    /// Whether it is proven that there is no schedule within the budget.
    pub impossible: bool,
}

/// A schedule, simulated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecomputeOutcome {
    /// Bytes of activations and of their gradients at the peak.
    pub peak_bytes: u64,
    /// Times less than with nothing computed again.
    pub times_less: f64,
    /// Forward and backward pass, simulated.
    pub time_s: f64,
    /// More time than with nothing computed again, as a share.
    pub extra_time: f64,
    /// More operations, as a share.
    pub extra_flops: f64,
    /// Operators that ran again.
    pub repeated: usize,
    /// Time of what ran again as the search counts it, as a share: each operator as long as the first time.
    pub repeated_time: f64,
    /// No schedule within this peak (of an optimal one, within its budget) repeats less time, as a share.
    pub least_repeated_time: f64,
    /// Whether it fits into the device's memory, with weights and their gradients.
    pub fits: bool,
}

/// A claim and how far it is reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClaimReport {
    /// Times less memory.
    pub less: f64,
    /// For at most so much more time, as a share.
    pub extra: f64,
    /// What each policy saves within that.
    pub policies: Vec<ClaimPoint>,
}

/// What a policy saves within a claim's time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClaimPoint {
    /// `full`, `every`, `optimal`.
    pub policy: &'static str,
    /// Times less memory, the most among its points that take no more time than the claim; absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times_less: Option<f64>,
    /// Of the claim's, as a share; 0 where none does.
    pub reached: f64,
    /// The least more time that one of its points takes, as a share; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_extra: Option<f64>,
}

/// Figures of a case, and of each of its points, that `expect:` may assert.
const CASE_METRICS: [&str; 4] = ["needed_bytes", "least_bytes", "time", "most_times_less"];
const POINT_METRICS: [(&str, MetricUnit); 7] = [
    ("peak", MetricUnit::Bytes),
    ("times_less", MetricUnit::Plain),
    ("time", MetricUnit::Seconds),
    ("extra_time", MetricUnit::Share),
    ("extra_flops", MetricUnit::Share),
    ("gap", MetricUnit::Share),
    ("repeated", MetricUnit::Plain),
];

/// Whether `name` can name a figure of a case with these points and policies.
///
/// # Errors
/// [`UnknownMetric`] with the names that would do.
pub fn check_recompute_metric(name: &str, points: &[String]) -> Result<(), UnknownMetric> {
    let unknown = |hint: String| Err(UnknownMetric { name: name.chars().take(80).collect(), hint });
    if CASE_METRICS.contains(&name) || name.starts_with("claim.") {
        return Ok(());
    }
    let figures = POINT_METRICS.map(|(figure, _)| figure).join(", ");
    match name.rsplit_once('.') {
        Some((point, figure)) if POINT_METRICS.iter().any(|(known, _)| *known == figure) => {
            if points.iter().any(|known| known == point) {
                return Ok(());
            }
            unknown(format!("this case has {}", points.join(", ")))
        }
        Some((point, _)) if points.iter().any(|known| known == point) => {
            unknown(format!("write `{point}.` and one of {figures}"))
        }
        _ => unknown(format!(
            "the metrics are {}, `claim.POLICY`, and of each rule or budget (`full.`) {figures}",
            CASE_METRICS.join(", ")
        )),
    }
}

impl RecomputeReport {
    /// Holds `expected` against the figures.
    #[must_use]
    pub fn checked(mut self, expected: &[Expectation]) -> Self {
        self.expectations = expected.iter().map(|one| one.held_against(self.metric(&one.metric))).collect();
        self
    }

    fn metric(&self, name: &str) -> Result<(Option<f64>, MetricUnit), UnknownMetric> {
        let points: Vec<String> = self.points.iter().map(|point| point.name.clone()).collect();
        check_recompute_metric(name, &points)?;
        match name {
            "needed_bytes" => return Ok((Some(self.needed_bytes as f64), MetricUnit::Bytes)),
            "least_bytes" => return Ok((Some(self.least_bytes as f64), MetricUnit::Bytes)),
            "time" => return Ok((Some(self.time_s), MetricUnit::Seconds)),
            "most_times_less" => return Ok((self.most_times_less(), MetricUnit::Plain)),
            _ => {}
        }
        if let Some(policy) = name.strip_prefix("claim.") {
            let policies = self.claim.iter().flat_map(|claim| &claim.policies);
            let mut of = policies.filter(|point| point.policy == policy);
            return Ok((of.next().map(|point| point.reached), MetricUnit::Share));
        }
        let (point, figure) = name.rsplit_once('.').unwrap_or((name, ""));
        let outcome = self.points.iter().find(|known| known.name == point);
        let outcome = outcome.and_then(|point| point.outcome.as_ref());
        let unit = POINT_METRICS
            .iter()
            .find(|(known, _)| *known == figure)
            .map_or(MetricUnit::Plain, |(_, unit)| *unit);
        let value = outcome.and_then(|outcome| {
            finite(match figure {
                "peak" => outcome.peak_bytes as f64,
                "times_less" => outcome.times_less,
                "time" => outcome.time_s,
                "extra_time" => outcome.extra_time,
                "extra_flops" => outcome.extra_flops,
                "gap" => outcome.gap(),
                _ => outcome.repeated as f64,
            })
        });
        Ok((value, unit))
    }

    /// No schedule saves more, in times less.
    #[must_use]
    pub fn most_times_less(&self) -> Option<f64> {
        crate::number::ratio(self.needed_bytes as f64, self.least_bytes as f64)
    }
}

impl RecomputeOutcome {
    /// How much more time than the proven least is repeated, as a share of all time.
    #[must_use]
    pub fn gap(&self) -> f64 {
        self.repeated_time - self.least_repeated_time
    }
}

impl ClaimReport {
    /// A claim held against points.
    #[must_use]
    pub fn new(less: f64, extra: f64, points: &[RecomputePoint]) -> Self {
        let mut policies: Vec<ClaimPoint> = Vec::new();
        for RecomputePoint { policy, outcome, .. } in points {
            if !policies.iter().any(|known| known.policy == *policy) {
                policies.push(ClaimPoint { policy, times_less: None, reached: 0.0, least_extra: None });
            }
            let Some(known) = policies.iter_mut().find(|known| known.policy == *policy) else { continue };
            let Some(RecomputeOutcome { times_less, extra_time, .. }) = outcome else { continue };
            known.least_extra = Some(known.least_extra.map_or(*extra_time, |least| least.min(*extra_time)));
            if *extra_time <= extra {
                known.times_less = Some(known.times_less.map_or(*times_less, |most| most.max(*times_less)));
                known.reached = known.times_less.unwrap_or(0.0) / less;
            }
        }
        Self { less, extra, policies }
    }
}

impl RecomputeDocument {
    /// The document of `cases`.
    #[must_use]
    pub fn new(scenario: &str, description: Option<&str>, seed: u64, cases: Vec<RecomputeReport>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            kind: "recompute",
            scenario: scenario.to_owned(),
            description: description.map(str::to_owned),
            seed,
            cases,
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

    /// One line a rule or budget as CSV (RFC 4180 with `\n` line ends), a header line first.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::from(
            "name,device,model,policy,point,budget_bytes,peak_bytes,times_less,time_s,extra_time,extra_flops,\
             repeated,repeated_time,least_repeated_time,fits,impossible\n",
        );
        for case in &self.cases {
            for point in &case.points {
                let of = |get: &dyn Fn(&RecomputeOutcome) -> String| {
                    point.outcome.as_ref().map(get).unwrap_or_default()
                };
                let fields = [
                    case.name.clone(),
                    case.device.name.clone(),
                    case.model.clone(),
                    point.policy.to_owned(),
                    point.name.clone(),
                    point.budget_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
                    of(&|outcome| outcome.peak_bytes.to_string()),
                    of(&|outcome| outcome.times_less.to_string()),
                    of(&|outcome| outcome.time_s.to_string()),
                    of(&|outcome| outcome.extra_time.to_string()),
                    of(&|outcome| outcome.extra_flops.to_string()),
                    of(&|outcome| outcome.repeated.to_string()),
                    of(&|outcome| outcome.repeated_time.to_string()),
                    of(&|outcome| outcome.least_repeated_time.to_string()),
                    of(&|outcome| outcome.fits.to_string()),
                    point.impossible.to_string(),
                ];
                crate::csv::write_line(&mut text, fields.into_iter());
            }
        }
        text
    }
}
