//! All rows, predicted and put into groups.

use indexmap::IndexMap;
use memwall_hardware::catalog;
use memwall_report::{RowResult, Validation, ValidationGroup, ValidationKey, statistics};
use rayon::prelude::*;

use super::fit_roofline::CalibratedRoofline;
use super::predict::{Prediction, Predictor, Refusal, Resolve, catalog_parts};
use super::read::Reading;
use super::row::{Row, Shape};
use super::split::held_out;

/// Elementwise rows below this many compulsory bytes are small: they fit in caches, and fixed times count.
const SMALL_BYTES: f64 = 8.0 * 1024.0 * 1024.0;
/// Rows one task predicts; each task builds its machines anew.
const ROWS_A_TASK: usize = 128;

/// Predicts all rows of all readings and compares them with what was measured, on all cores: the same result for any
/// number of threads.
#[must_use]
pub fn validate(readings: &[(String, Reading)]) -> Validation {
    validate_on(readings, &catalog_parts)
}

/// [`validate`] on the parts that `resolve` gives for a device's and a software's label.
#[must_use]
pub fn validate_on(readings: &[(String, Reading)], resolve: &Resolve<'_>) -> Validation {
    let rows: Vec<&Row> = readings.iter().flat_map(|(_, reading)| &reading.rows).collect();
    let predictions = predict_all(&rows, resolve);
    let mut validation = Validation::default();
    (validation.problems, validation.passed_over) = remarks(readings);
    validation.notes = fallbacks(&rows);
    let mut groups: IndexMap<ValidationKey, Vec<usize>> = IndexMap::new();
    for (index, (row, prediction)) in rows.iter().zip(&predictions).enumerate() {
        groups.entry(key(row, prediction)).or_default().push(index);
    }
    groups.sort_keys();
    for (key, members) in groups {
        validation.groups.push(group(key, &members, &rows, &predictions, &mut validation.rows));
    }
    validation
}

/// What could not be used: lines with file and line, and files or kinds that were passed over.
pub(crate) fn remarks(readings: &[(String, Reading)]) -> (Vec<String>, Vec<String>) {
    let (mut problems, mut passed_over) = (Vec::new(), Vec::new());
    for (file, reading) in readings {
        problems.extend(
            reading
                .problems
                .iter()
                .map(|problem| format!("{}:{}: {}", problem.place.file, problem.place.line, problem.message)),
        );
        passed_over.extend(reading.passed_over.iter().map(|reason| format!("{file}: {reason}")));
    }
    (problems, passed_over)
}

fn predict_all(rows: &[&Row], resolve: &Resolve<'_>) -> Vec<Result<Prediction, Refusal>> {
    // Rows of one machine together, so that each task builds few.
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| {
        let name = |index: usize| (&rows[index].device, &rows[index].software);
        name(*a).cmp(&name(*b)).then(a.cmp(b))
    });
    let results: Vec<Vec<(usize, Result<Prediction, Refusal>)>> = order
        .par_chunks(ROWS_A_TASK)
        .map(|chunk| {
            let mut predictor = Predictor::new(resolve);
            chunk.iter().map(|index| (*index, predictor.predict(rows[*index]))).collect()
        })
        .collect();
    let mut sorted: Vec<(usize, Result<Prediction, Refusal>)> = results.into_iter().flatten().collect();
    sorted.sort_by_key(|(index, _)| *index);
    sorted.into_iter().map(|(_, result)| result).collect()
}

/// Software labels that no profile is meant for, each with the profile taken instead.
fn fallbacks(rows: &[&Row]) -> Vec<String> {
    // A collective's software is the communication library.
    let kernels = rows.iter().filter(|row| !matches!(row.shape, Shape::Collective { .. }));
    let mut labels: Vec<&str> = kernels.map(|row| row.software.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    let note = |label: &str| {
        let found = catalog::software_for_label(label);
        (!found.is_meant).then(|| {
            format!(
                "software `{label}` is unknown; its rows are predicted with the profile `{}`",
                found.entry.name
            )
        })
    };
    labels.into_iter().filter_map(note).collect()
}

fn key(row: &Row, prediction: &Result<Prediction, Refusal>) -> ValidationKey {
    let size = matches!(row.shape, Shape::Elementwise { .. }).then(|| {
        let bytes = prediction.as_ref().map_or(0.0, |prediction| prediction.roofline.bytes);
        if bytes < SMALL_BYTES { "small" } else { "large" }
    });
    let size = size.or(match row.shape {
        Shape::Collective { nodes: 1, .. } => Some("one node"),
        Shape::Collective { .. } => Some("several nodes"),
        _ => None,
    });
    ValidationKey {
        kind: row.kind(),
        device: row.device.clone(),
        software: row.software.clone(),
        dtype: row.dtype.clone(),
        phase: match row.shape {
            Shape::Inference { metric, .. } => Some(metric.name()),
            _ => row.phase().map(super::row::Phase::name),
        },
        size,
    }
}

fn group(
    key: ValidationKey,
    members: &[usize],
    rows: &[&Row],
    predictions: &[Result<Prediction, Refusal>],
    results: &mut Vec<RowResult>,
) -> ValidationGroup {
    let fitted_on: Vec<_> = members
        .iter()
        .filter(|index| !held_out(rows[**index]))
        .filter_map(|index| Some((predictions[*index].as_ref().ok()?.roofline, rows[*index].seconds)))
        .collect();
    let calibrated = CalibratedRoofline::fit(&fitted_on);
    let first = results.len();
    for index in members {
        let (row, prediction) = (rows[*index], predictions[*index].as_ref());
        let found = prediction.ok();
        results.push(RowResult {
            file: row.place.file.clone(),
            line: row.place.line,
            key: key.clone(),
            shape: row.shape_text(),
            held_out: held_out(row),
            measured_s: row.seconds,
            predicted_s: found.map(|prediction| prediction.seconds),
            bound_by: found.map(|prediction| prediction.bound_by.clone()).unwrap_or_default(),
            roofline_s: found.map(|prediction| prediction.roofline.seconds()),
            calibrated_roofline_s: found
                .and_then(|prediction| Some(calibrated.as_ref()?.seconds(&prediction.roofline))),
            resolution_s: found.map_or(0.0, |prediction| prediction.resolution),
            refused: prediction.err().map(|refusal| refusal.0.clone()),
            source: row.source.clone(),
        });
    }
    statistics(key, &results[first..])
}
