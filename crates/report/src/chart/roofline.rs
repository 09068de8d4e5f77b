//! The hierarchical roofline: what each operator reached, against what each tier and engine allows.

use serde::Serialize;

use super::{DataTable, Machine, Roof, Unit};
use crate::CaseReport;
use crate::number::{percent, significant};

/// Operators over their arithmetic intensity at each tier. A dot can only lie below the roof of its tier and below the
/// peak of its engine.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Roofline {
    /// Peaks of engines, FLOPs a second.
    pub peaks: Vec<Roof>,
    /// Bandwidths of the tiers that something moved at, innermost first, bytes a second.
    pub tiers: Vec<Roof>,
    /// A dot for each operator and tier that it moved something at.
    pub dots: Vec<Dot>,
    /// Operators that compute nothing, and so have no place here.
    pub without_flops: Vec<String>,
}

/// An operator at one tier.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dot {
    /// The operator.
    pub name: String,
    /// Which of the tiers.
    pub tier: usize,
    /// FLOPs for each byte at the tier.
    pub intensity: f64,
    /// FLOPs a second that it reached.
    pub rate: f64,
    /// Its part of the run's time.
    pub share: f64,
    /// What held it.
    pub bound_by: String,
}

impl Roofline {
    /// The roofline of a case on `machine`.
    #[must_use]
    pub fn new(case: &CaseReport, machine: &Machine) -> Self {
        let moved =
            |index: usize| case.operators.iter().any(|op| op.tier_bytes.get(index).is_some_and(|b| *b > 0));
        let shown: Vec<usize> =
            (0..machine.tiers.len().min(case.tiers.len())).filter(|index| moved(*index)).collect();
        let mut dots = Vec::new();
        let mut without_flops = Vec::new();
        for op in &case.operators {
            if op.flops == 0 {
                without_flops.push(op.name.clone());
                continue;
            }
            let rate = op.flops as f64 / op.time_s;
            for (tier, index) in shown.iter().enumerate() {
                let bytes = op.tier_bytes.get(*index).copied().unwrap_or(0);
                let intensity = op.flops as f64 / bytes as f64;
                if rate.is_finite() && intensity.is_finite() {
                    let share = crate::number::ratio(op.time_s, case.time_s).unwrap_or(0.0);
                    let (name, bound_by) = (op.name.clone(), op.bound_by.clone());
                    dots.push(Dot { name, tier, intensity, rate, share, bound_by });
                }
            }
        }
        let tiers = shown.iter().map(|index| machine.tiers[*index].clone()).collect();
        Self { peaks: machine.engines.clone(), tiers, dots, without_flops }
    }

    pub(super) fn table(&self) -> DataTable {
        let names =
            ["operator", "tier", "FLOPs a byte", "reached", "of the roof", "share of time", "bound by"];
        let peak = self.peaks.iter().map(|peak| peak.value).fold(0.0, f64::max);
        let row = |dot: &Dot| {
            let tier = &self.tiers[dot.tier];
            let roof = (tier.value * dot.intensity).min(peak);
            vec![
                dot.name.clone(),
                tier.name.clone(),
                significant(dot.intensity, 4),
                Unit::FlopsPerSec.text(dot.rate),
                crate::number::ratio(dot.rate, roof).map(percent).unwrap_or_default(),
                percent(dot.share),
                dot.bound_by.clone(),
            ]
        };
        DataTable::new(names.map(str::to_owned).to_vec(), self.dots.iter().map(row))
    }
}
