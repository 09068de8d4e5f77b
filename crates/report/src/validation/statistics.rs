//! Error statistics of groups of rows.

use super::{ErrorStatistics, RowResult, ValidationGroup, ValidationKey};

/// The statistics of a group.
#[must_use]
pub fn statistics(key: ValidationKey, rows: &[RowResult]) -> ValidationGroup {
    let held_out: Vec<&RowResult> = rows.iter().filter(|row| row.held_out).collect();
    let fitted: Vec<&RowResult> = rows.iter().filter(|row| !row.held_out).collect();
    let all: Vec<&RowResult> = rows.iter().collect();
    let calibrated = |rows: &[&RowResult]| {
        let known = rows.iter().any(|row| row.calibrated_roofline_s.is_some());
        known.then(|| mean(rows, |row| row.error_of(row.calibrated_roofline_s).abs()) * 100.0)
    };
    ValidationGroup {
        key,
        refused: rows.iter().filter(|row| row.refused.is_some()).count(),
        roofline_mape_pct: mean(&all, |row| row.error_of(row.roofline_s).abs()) * 100.0,
        calibrated_roofline_mape_pct: calibrated(&all),
        calibrated_roofline_held_out_mape_pct: calibrated(&held_out),
        all: errors(&all),
        fitted: errors(&fitted),
        held_out: errors(&held_out),
    }
}

fn errors(rows: &[&RowResult]) -> ErrorStatistics {
    let mut sizes: Vec<f64> = rows.iter().map(|row| row.error().abs() * 100.0).collect();
    sizes.sort_by(f64::total_cmp);
    let predicted: Vec<&RowResult> = rows.iter().copied().filter(|row| row.predicted_s.is_some()).collect();
    ErrorStatistics {
        n: rows.len(),
        mape_pct: mean(rows, |row| row.error().abs()) * 100.0,
        median_pct: quantile(&sizes, 0.5),
        p90_pct: quantile(&sizes, 0.9),
        bias_pct: mean(rows, RowResult::error) * 100.0,
        mean_abs_ln: mean(&predicted, |row| libm::log(1.0 + row.error()).abs()),
    }
}

fn mean(rows: &[&RowResult], value: impl Fn(&RowResult) -> f64) -> f64 {
    if rows.is_empty() { 0.0 } else { rows.iter().map(|row| value(row)).sum::<f64>() / rows.len() as f64 }
}

/// The middle of ascending values; `None` where there are none.
pub(crate) fn median(sorted: &[f64]) -> Option<f64> {
    (!sorted.is_empty()).then(|| quantile(sorted, 0.5))
}

/// The value below which the share `p` of ascending values lies, between the two nearest; 0 where there are none.
#[must_use]
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = p * last as f64;
    let below = place as usize;
    let value = |index: usize| sorted.get(index.min(last)).copied().unwrap_or(0.0);
    value(below) + (value(below + 1) - value(below)) * (place - below as f64)
}
