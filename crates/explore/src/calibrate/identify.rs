//! Which parameters the rows say something about, and how much.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::fit::{Point, curvature, slope};
use super::linear::{Square, weighted_dot};

/// The logarithm of a row's time that the whole range of a parameter must move, root mean square over the rows.
const LEAST_EFFECT: f64 = 1e-3;
/// The part of a parameter's effect that no parameter before it has, below which it acts as they do.
const LEAST_OWN_PART: f64 = 0.08;
/// The correlation of two estimates beyond which only some combination of them is known.
const MOST_CORRELATED: f64 = 0.98;

/// Why a parameter is left as it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unidentified {
    /// No row changes with it.
    NoEffect,
    /// It acts as this other one does.
    ActsAs(usize),
    /// Its interval is wider than what it may be at all.
    Wide,
    /// There are too few rows for so many.
    TooMany,
}

/// Of the parameters whose columns these are (in order of preference, scaled so that 1 is a parameter's whole range):
/// which cannot be fitted, and why, so that at most `most` are left.
pub(crate) fn screen(columns: &[Vec<f64>], most: usize) -> Vec<Option<Unidentified>> {
    let mut verdicts = vec![None; columns.len()];
    let mut kept: Vec<usize> = Vec::new();
    let mut own_parts: Vec<Vec<f64>> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let size = norm(column);
        if size < LEAST_EFFECT * libm::sqrt(column.len().max(1) as f64) {
            verdicts[index] = Some(Unidentified::NoEffect);
            continue;
        }
        let own = without(column, &own_parts);
        if norm(&own) < LEAST_OWN_PART * size {
            let alike = |other: &usize| columns.get(*other).map_or(0.0, |other| cosine(column, other).abs());
            let twin = kept.iter().copied().max_by(|a, b| alike(a).total_cmp(&alike(b)));
            verdicts[index] = Some(twin.map_or(Unidentified::NoEffect, Unidentified::ActsAs));
            continue;
        }
        kept.push(index);
        own_parts.push(own);
    }
    while kept.len() > most {
        let chosen: Vec<Vec<f64>> = kept.iter().filter_map(|index| columns.get(*index).cloned()).collect();
        let Some(place) = least_known(&chosen) else { break };
        verdicts[kept.remove(place)] = Some(Unidentified::TooMany);
    }
    verdicts
}

/// The one with the least effect of its own; the last of equals.
fn least_known(columns: &[Vec<f64>]) -> Option<usize> {
    let weights = vec![1.0; columns.first()?.len()];
    let inverse = Square::normal(columns, &weights).inverse();
    let own = |index: usize| match &inverse {
        Some(inverse) => 1.0 / inverse.at(index, index),
        None => columns.get(index).map_or(0.0, |column| norm(column)),
    };
    (0..columns.len()).rev().min_by(|a, b| own(*a).total_cmp(&own(*b)))
}

/// How well a fit knows its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    /// Half the width of each parameter's 95 % interval, in its scale.
    pub half_widths: Vec<f64>,
    /// Of each, the other it is most correlated with, where that is too much.
    pub twins: Vec<Option<usize>>,
}

/// Intervals of a fit whose derivatives are `columns`. A parameter without a column (at a bound, or without effect) has
/// an endless one.
///
/// The covariance is that of Gauss-Newton for a bounded influence (P. J. Huber, Robust Statistics, 1981, section 7.6):
/// `sum(slope^2) / (n - p) / mean(curvature)^2 (JᵀJ)^-1`, which for small residuals is the one of least squares.
pub(crate) fn known(columns: &[Vec<f64>], at: &Point, weights: &[f64]) -> Known {
    let count = columns.len();
    let none = Known { half_widths: vec![f64::INFINITY; count], twins: vec![None; count] };
    let used: Vec<usize> =
        (0..count).filter(|index| columns.get(*index).is_some_and(|column| norm(column) > 0.0)).collect();
    let rows = weights.iter().sum::<f64>();
    let freedom = rows - used.len() as f64;
    let chosen: Vec<Vec<f64>> = used.iter().filter_map(|index| columns.get(*index).cloned()).collect();
    let Some(inverse) = Square::normal(&chosen, weights).inverse() else { return none };
    let Some(quantile) = student(freedom) else { return none };
    let sum = |of: fn(f64) -> f64| at.residuals.iter().zip(weights).map(|(r, w)| w * of(*r)).sum::<f64>();
    let spread = sum(|r| slope(r) * slope(r)) / freedom;
    let bend = sum(curvature) / rows;
    let mut known = none;
    for (place, index) in used.iter().enumerate() {
        let variance = spread / (bend * bend) * inverse.at(place, place);
        known.half_widths[*index] = quantile * libm::sqrt(variance.max(0.0));
        let correlation = |other: usize| {
            let both = libm::sqrt(inverse.at(place, place) * inverse.at(other, other));
            inverse.at(place, other).abs() / both
        };
        known.twins[*index] = (0..used.len())
            .filter(|other| *other != place && correlation(*other) > MOST_CORRELATED)
            .max_by(|a, b| correlation(*a).total_cmp(&correlation(*b)))
            .and_then(|other| used.get(other).copied());
    }
    known
}

/// The 97.5 % quantile of Student's t.
pub(crate) fn student(freedom: f64) -> Option<f64> {
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok().filter(|_| freedom >= 1.0)?;
    Some(distribution.inverse_cdf(0.975)).filter(|quantile| quantile.is_finite())
}

fn norm(column: &[f64]) -> f64 {
    libm::sqrt(column.iter().map(|value| value * value).sum())
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let product = norm(a) * norm(b);
    if product > 0.0 { weighted_dot(a, b, &vec![1.0; a.len()]) / product } else { 0.0 }
}

/// What of `column` no combination of `others`, which are at right angles, gives.
fn without(column: &[f64], others: &[Vec<f64>]) -> Vec<f64> {
    let ones = vec![1.0; column.len()];
    others.iter().fold(column.to_vec(), |left, other| {
        let share = weighted_dot(&left, other, &ones) / weighted_dot(other, other, &ones);
        left.iter().zip(other).map(|(left, other)| left - share * other).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(step: f64) -> Vec<f64> {
        (0..60).map(|index| libm::sin(f64::from(index) * step)).collect()
    }

    #[test]
    fn a_parameter_without_effect_and_one_that_acts_as_another_are_told() {
        let twin: Vec<f64> = wave(0.3).iter().map(|value| value * -2.0).collect();
        let verdicts = screen(&[wave(0.3), vec![0.0; 60], twin, wave(1.1)], 10);
        assert_eq!(verdicts, [None, Some(Unidentified::NoEffect), Some(Unidentified::ActsAs(0)), None]);
    }

    #[test]
    fn the_least_known_go_where_rows_are_few() {
        let faint: Vec<f64> = wave(0.7).iter().map(|value| value * 0.05).collect();
        let verdicts = screen(&[wave(0.3), faint, wave(1.1)], 2);
        assert_eq!(verdicts, [None, Some(Unidentified::TooMany), None]);
    }

    #[test]
    fn the_quantile_is_that_of_the_tables() {
        assert!((student(10.0).unwrap() - 2.228).abs() < 1e-3);
        assert!((student(1000.0).unwrap() - 1.962).abs() < 1e-3);
        assert_eq!(student(0.0), None);
    }
}
