//! How well ours agrees with what was published, over all cases.

use serde::Serialize;

use crate::published::within;
use crate::{CaseReport, Comparison, Quantity};

// Kendall's tau looks at every pair; beyond this many points it would take longer than the run.
const MOST_POINTS_FOR_TAU: usize = 4_000;

/// Agreement over all cases with a published value of one quantity; the case normalised to is left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// What is compared.
    pub quantity: Quantity,
    /// Cases compared.
    pub points: usize,
    /// Of them, those where the difference may be the print's rounding.
    pub within_rounding: usize,
    /// Of ours.
    pub ours: Errors,
    /// Of the roofline alone, where the quantity is a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roofline: Option<Errors>,
    /// The case with the largest error of ours beyond the print's rounding, and that error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<(String, f64)>,
    /// Pairs of cases that ours puts in the opposite order.
    pub inversions: Vec<Inversion>,
}

/// Errors against published values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Errors {
    /// Mean of |ours / published - 1|, as printed.
    pub mean_error: f64,
    /// Mean of |ln(ours / published)|, an error inside the print's rounding counting as 0.
    pub mean_abs_ln_error: f64,
    /// Kendall's tau of the order, pairs tied in the print ignored; absent below two comparable points.
    pub kendall_tau: Option<f64>,
}

/// Two cases in the opposite order of the published one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inversion {
    /// The case published as the smaller.
    pub smaller: String,
    /// The case published as the larger.
    pub larger: String,
    /// What bounds each of them in ours: the mechanism to look at.
    pub bound_by: [String; 2],
}

struct Point<'a> {
    case: &'a CaseReport,
    comparison: &'a Comparison,
    ours: f64,
}

/// One [`Agreement`] for each quantity that any case has a published value of.
#[must_use]
pub fn agreements(cases: &[CaseReport]) -> Vec<Agreement> {
    Quantity::ALL.into_iter().filter_map(|quantity| agreement(cases, quantity)).collect()
}

fn agreement(cases: &[CaseReport], quantity: Quantity) -> Option<Agreement> {
    let points: Vec<Point> = cases
        .iter()
        .flat_map(|case| case.comparisons.iter().map(move |comparison| (case, comparison)))
        .filter(|(_, comparison)| comparison.quantity == quantity && !comparison.by_definition)
        .filter_map(|(case, comparison)| comparison.ours.map(|ours| Point { case, comparison, ours }))
        .collect();
    if points.is_empty() {
        return None;
    }
    let error = |point: &Point| point.comparison.error.unwrap_or(0.0);
    let worst = points
        .iter()
        .filter(|point| !point.comparison.within_rounding)
        .max_by(|a, b| error(a).abs().total_cmp(&error(b).abs()));
    let ours: Vec<f64> = points.iter().map(|point| point.ours).collect();
    let roofline: Option<Vec<f64>> = points.iter().map(|point| point.comparison.roofline).collect();
    Some(Agreement {
        quantity,
        points: points.len(),
        within_rounding: points.iter().filter(|point| point.comparison.within_rounding).count(),
        ours: errors(&points, &ours),
        roofline: roofline.map(|values| errors(&points, &values)),
        worst: worst.map(|point| (point.case.name.clone(), error(point))),
        inversions: if points.len() <= MOST_POINTS_FOR_TAU { inversions(&points) } else { Vec::new() },
    })
}

fn errors(points: &[Point], values: &[f64]) -> Errors {
    let count = points.len() as f64;
    let pairs = || points.iter().map(|point| point.comparison).zip(values);
    let relative = pairs().map(|(comparison, value)| (value / comparison.target() - 1.0).abs());
    let logarithmic = pairs().map(|(comparison, value)| {
        let inside = within(*value, comparison.target(), comparison.half_unit);
        if inside { 0.0 } else { libm::log(value / comparison.target()).abs() }
    });
    let finite_mean = |sum: f64| if sum.is_finite() { sum / count } else { f64::MAX };
    Errors {
        mean_error: finite_mean(relative.sum()),
        mean_abs_ln_error: finite_mean(logarithmic.sum()),
        kendall_tau: kendall_tau(
            &points.iter().map(|point| point.comparison.target()).collect::<Vec<_>>(),
            values,
        ),
    }
}

/// Kendall's tau between two rankings: (concordant - discordant) / both, over the pairs that neither ties.
/// `None` without such a pair, or with too many points to look at every pair.
#[must_use]
pub fn kendall_tau(first: &[f64], second: &[f64]) -> Option<f64> {
    if first.len() > MOST_POINTS_FOR_TAU {
        return None;
    }
    let mut concordant = 0_i64;
    let mut discordant = 0_i64;
    for (index, (a, b)) in first.iter().zip(second).enumerate() {
        for (c, d) in first.iter().zip(second).skip(index + 1) {
            match (a.total_cmp(c) as i8) * (b.total_cmp(d) as i8) {
                1 => concordant += 1,
                -1 => discordant += 1,
                _ => {}
            }
        }
    }
    let pairs = concordant + discordant;
    (pairs > 0).then(|| (concordant - discordant) as f64 / pairs as f64)
}

fn inversions(points: &[Point]) -> Vec<Inversion> {
    let mut found = Vec::new();
    for (index, a) in points.iter().enumerate() {
        for b in &points[index + 1..] {
            let (low, high) = if a.comparison.target() < b.comparison.target() { (a, b) } else { (b, a) };
            if low.comparison.target() < high.comparison.target() && low.ours > high.ours {
                found.push(Inversion {
                    smaller: low.case.name.clone(),
                    larger: high.case.name.clone(),
                    bound_by: [low.case.bound_by.clone(), high.case.bound_by.clone()],
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tau_of_known_rankings() {
        assert_eq!(kendall_tau(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0]), Some(1.0));
        assert_eq!(kendall_tau(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        // One of six pairs the wrong way round: (5 - 1) / 6.
        let tau = kendall_tau(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]);
        assert!((tau.unwrap_or(0.0) - 4.0 / 6.0).abs() < 1e-12, "{tau:?}");
    }

    #[test]
    fn ties_are_ignored() {
        assert_eq!(kendall_tau(&[2.0, 2.0, 3.0], &[5.0, 4.0, 6.0]), Some(1.0));
        assert_eq!(kendall_tau(&[2.0, 2.0], &[5.0, 4.0]), None);
        assert_eq!(kendall_tau(&[], &[]), None);
    }
}
