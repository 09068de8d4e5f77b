//! Ours beside published values.

use serde::Serialize;

use crate::CaseReport;
use crate::number::{finite, ratio};

/// What a publication printed about one case.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    /// Where it was published.
    pub source: String,
    /// The values.
    pub values: Vec<Published>,
    /// Errata and caveats of this case.
    pub notes: Vec<String>,
}

/// One published value.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// What it is.
    pub quantity: Quantity,
    /// The value as printed.
    pub value: f64,
    /// Half a unit of the last printed digit: a difference within it may be rounding.
    pub half_unit: f64,
    /// The value it should have been, where the print is known to be wrong.
    pub corrected: Option<f64>,
}

/// Quantities that publications print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Operations, in 10^9.
    Gflops,
    /// Bytes accessed, in 10^9.
    Gmops,
    /// Operations per byte accessed.
    Intensity,
    /// Operations per byte that crossed the DRAM tier.
    IntensityDram,
    /// Time over the time of a named case.
    Latency,
    /// Seconds.
    Time,
}

/// Ours beside one published value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What is compared.
    pub quantity: Quantity,
    /// As printed.
    pub published: f64,
    /// Half a unit of the last printed digit.
    pub half_unit: f64,
    /// What should have been printed, where the print is known to be wrong; errors are then against this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected: Option<f64>,
    /// What memwall finds.
    pub ours: Option<f64>,
    /// `ours / published - 1`, against the corrected value where there is one.
    pub error: Option<f64>,
    /// Whether the difference may be the print's rounding.
    pub within_rounding: bool,
    /// What the roofline alone gives, where the quantity is a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roofline: Option<f64>,
    /// Whether it is right by construction: a normalised latency of the case normalised to.
    pub by_definition: bool,
}

impl Quantity {
    /// Every quantity, in the order tables list them.
    pub const ALL: [Self; 6] =
        [Self::Gflops, Self::Gmops, Self::Intensity, Self::IntensityDram, Self::Latency, Self::Time];

    /// A column's heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Gflops => "GFLOPs",
            Self::Gmops => "GMOPs",
            Self::Intensity => "FLOPs/MOP",
            Self::IntensityDram => "FLOPs/DRAM B",
            Self::Latency => "latency",
            Self::Time => "seconds",
        }
    }

    /// The name in JSON and CSV.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gflops => "gflops",
            Self::Gmops => "gmops",
            Self::Intensity => "intensity",
            Self::IntensityDram => "intensity_dram",
            Self::Latency => "latency",
            Self::Time => "time",
        }
    }
}

impl Published {
    /// A value whose last printed digit is that of its shortest decimal form: `22` is 22 +- 0.5, `0.4` is 0.4 +- 0.05.
    #[must_use]
    pub fn new(quantity: Quantity, value: f64) -> Self {
        let text = format!("{value}");
        let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let half_unit = (0..decimals).fold(0.5, |unit, _| unit / 10.0);
        Self { quantity, value, half_unit, corrected: None }
    }
}

impl Comparison {
    /// What the error is measured against.
    #[must_use]
    pub fn target(&self) -> f64 {
        self.corrected.unwrap_or(self.published)
    }
}

/// Puts ours beside the published values of each case; latencies are over the time of the case called
/// `normalise_to`, or of the first case. `references` runs parallel to `cases`.
pub fn compare(cases: &mut [CaseReport], references: &[Option<Reference>], normalise_to: Option<&str>) {
    let base = normalise_to.map_or(cases.first(), |name| cases.iter().find(|case| case.name == name));
    let base = base.map(|case| (case.name.clone(), case.time_s, case.roofline_s));
    for (case, reference) in cases.iter_mut().zip(references) {
        if let Some((_, time, _)) = base.as_ref().filter(|_| normalise_to.is_some()) {
            case.relative_time = ratio(case.time_s, *time);
        }
        let Some(reference) = reference else { continue };
        let compared = reference.values.iter().map(|value| comparison(case, value, base.as_ref())).collect();
        case.comparisons = compared;
        case.notes.extend(reference.notes.iter().cloned());
    }
}

fn comparison(case: &CaseReport, published: &Published, base: Option<&(String, f64, f64)>) -> Comparison {
    let over = |value: f64, of: f64| ratio(value, of);
    let (ours, roofline) = match published.quantity {
        Quantity::Gflops => (finite(case.flops as f64 / 1e9), None),
        Quantity::Gmops => (finite(case.mops_bytes as f64 / 1e9), None),
        Quantity::Intensity => (case.intensity_mops, None),
        Quantity::IntensityDram => (case.intensity_dram, None),
        Quantity::Time => (Some(case.time_s), Some(case.roofline_s)),
        Quantity::Latency => match base {
            Some((_, time, roofline)) => (over(case.time_s, *time), over(case.roofline_s, *roofline)),
            None => (None, None),
        },
    };
    let target = published.corrected.unwrap_or(published.value);
    let by_definition =
        published.quantity == Quantity::Latency && base.is_some_and(|(name, _, _)| *name == case.name);
    Comparison {
        quantity: published.quantity,
        published: published.value,
        half_unit: published.half_unit,
        corrected: published.corrected,
        ours,
        error: ours.and_then(|ours| ratio(ours - target, target)),
        within_rounding: ours.is_some_and(|ours| within(ours, target, published.half_unit)),
        roofline,
        by_definition,
    }
}

/// Whether `ours` prints as `target` would. A hair more than half a unit, for the arithmetic's own rounding.
pub(crate) fn within(ours: f64, target: f64, half_unit: f64) -> bool {
    (ours - target).abs() <= half_unit * (1.0 + 1e-9)
}
