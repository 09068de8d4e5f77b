//! What memwall predicts for rows with some values of the parameters.

use memwall_hardware::{Device, DeviceSpec, SoftwareProfile, SoftwareSpec};
use memwall_report::{RowResult, ValidationKey};
use rayon::prelude::*;

use super::parameters::{Descriptions, Parameter};
use crate::validate::{Parts, Predictor, Row, held_out};

/// Rows one task predicts; each builds its machine anew.
const ROWS_A_TASK: usize = 64;
/// ln(predicted / measured) of a row that some values make impossible: ten times off.
const IMPOSSIBLE: f64 = std::f64::consts::LN_10;

/// Predictions of rows as parameters change.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    descriptions: Descriptions,
}

impl Model {
    pub fn new(descriptions: Descriptions) -> Self {
        Self { descriptions }
    }

    /// The parts with these values; `None` where they make no sense.
    fn parts(&self, parameters: &[&Parameter], values: &[f64]) -> Option<Parts> {
        let mut changed = self.descriptions.clone();
        for (parameter, value) in parameters.iter().zip(values) {
            changed.set(parameter, *value);
        }
        let device: DeviceSpec = serde_yaml::from_value(changed.device).ok()?;
        let software: SoftwareSpec = serde_yaml::from_value(changed.software).ok()?;
        Some(Parts {
            device: Device::try_from_spec(device).ok()?,
            software: SoftwareProfile::try_from_spec(software).ok()?,
        })
    }

    /// Predicted seconds of each row, `None` for one that is refused; `None` altogether where no machine has such values.
    pub fn predict(
        &self,
        parameters: &[&Parameter],
        values: &[f64],
        rows: &[&Row],
    ) -> Option<Vec<Result<f64, String>>> {
        let parts = self.parts(parameters, values)?;
        let resolve = |_: &str, _: &str| Ok(parts.clone());
        let chunks: Vec<Vec<Result<f64, String>>> = rows
            .par_chunks(ROWS_A_TASK)
            .map(|chunk| {
                let mut predictor = Predictor::new(&resolve);
                let seconds = |row: &&Row| {
                    predictor.predict(row).map(|found| found.seconds).map_err(|refusal| refusal.0)
                };
                chunk.iter().map(seconds).collect()
            })
            .collect();
        Some(chunks.into_iter().flatten().collect())
    }

    /// ln(predicted / measured) of each row.
    pub fn residuals(&self, parameters: &[&Parameter], values: &[f64], rows: &[&Row]) -> Option<Vec<f64>> {
        let predicted = self.predict(parameters, values, rows)?;
        let residual = |(row, seconds): (&&Row, Result<f64, String>)| match seconds {
            Ok(seconds) if seconds > 0.0 => libm::log(seconds / row.seconds),
            _ => IMPOSSIBLE,
        };
        Some(rows.iter().zip(predicted).map(residual).collect())
    }

    /// What a row counts: less where its source rounds its time. A time printed in units of `u` is off by `u / sqrt(12)`.
    pub fn weight(row: &Row, resolution: f64) -> f64 {
        let rounding = resolution / row.seconds / libm::sqrt(12.0);
        let usual = 0.05;
        1.0 / (1.0 + (rounding / usual) * (rounding / usual))
    }
}

/// Rows beside what was predicted for them.
pub(crate) fn results(rows: &[&Row], predicted: &[Result<f64, String>], resolution: f64) -> Vec<RowResult> {
    let result = |(row, predicted): (&&Row, &Result<f64, String>)| RowResult {
        file: row.place.file.clone(),
        line: row.place.line,
        key: key(row),
        shape: row.shape_text(),
        held_out: held_out(row),
        measured_s: row.seconds,
        predicted_s: predicted.as_ref().ok().copied(),
        bound_by: String::new(),
        roofline_s: None,
        calibrated_roofline_s: None,
        resolution_s: resolution,
        refused: predicted.as_ref().err().cloned(),
        source: row.source.clone(),
    };
    rows.iter().zip(predicted).map(result).collect()
}

/// Kind, phase and format; a fit has one device and one profile.
fn key(row: &Row) -> ValidationKey {
    ValidationKey {
        kind: row.kind(),
        device: String::new(),
        software: String::new(),
        dtype: row.dtype.clone(),
        phase: row.phase().map(crate::validate::Phase::name),
        size: None,
    }
}
