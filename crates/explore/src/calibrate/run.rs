//! From measured rows to new figures.

use indexmap::IndexMap;
use memwall_hardware::catalog;
use memwall_report::{
    Calibration, CalibrationErrors, FittedParameter, Outcome, ParameterTexts, RowResult, ValidationGroup,
    ValidationKey, statistics,
};

use super::CalibrateError;
use super::fit::{Point, Problem};
use super::identify::{Unidentified, known, screen};
use super::model::{Model, results};
use super::parameters::{Descriptions, Parameter, select};
use super::rows::{Chosen, choose};
use super::write::overlay;
use crate::validate::{Reading, Row, catalog_parts, remarks};

/// Rows to fit to that each parameter needs.
pub const ROWS_A_PARAMETER: usize = 20;
/// Most rows a fit is made on; of more, evenly spread ones are taken.
const MOST_ROWS: usize = 20_000;
/// Most parameters, whatever the number of rows.
const MOST_PARAMETERS: usize = 20;

/// Widths of an interval, in ranges of its parameter, from which no other parameter's leaving can help.
const HOPELESS: f64 = 3.0;

/// What to fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Catalog name or alias of the device.
    pub device: String,
    /// Catalog name or alias of the software profile; the rows' own where they are all of one.
    pub software: Option<String>,
    /// Paths from a scenario's root, such as `hardware.matrix.sustained`; the usual ones where none are given.
    pub parameters: Option<Vec<String>>,
}

/// How far a fit is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Parameters being fitted.
    pub parameters: usize,
    /// Steps taken with them.
    pub step: usize,
    /// Mean of |ln(predicted / measured)| over the fitted rows.
    pub mean_abs_ln: f64,
}

/// Fits the figures of a device and a profile to the rows that are theirs. `told` hears how far it is.
///
/// # Errors
/// Unknown parts or parameters, no or too few rows, too many parameters.
pub fn calibrate(
    readings: &[(String, Reading)],
    request: &Request,
    told: &mut dyn FnMut(Progress),
) -> Result<Calibration, CalibrateError> {
    let part = |error: &dyn std::fmt::Display| CalibrateError::Part(error.to_string());
    let device = catalog::device_entry(&request.device).map_err(|error| part(&error))?.name;
    let software = match &request.software {
        Some(name) => Some(catalog::software_entry(name).map_err(|error| part(&error))?.name),
        None => None,
    };
    let mut chosen = choose(readings, device, software)?;
    let parts = catalog_parts(device, chosen.software).map_err(|refusal| CalibrateError::Part(refusal.0))?;
    let descriptions = Descriptions::of(&parts.device, &parts.software)?;
    let parameters = select(&descriptions, &parts.device, chosen.software, request.parameters.as_deref())?;
    let resolution =
        parts.software.timer_resolution.as_ref().map_or(0.0, |figure| figure.value.as_secs_f64());
    let model = Model::new(descriptions);

    let usable = usable_rows(&model, &mut chosen)?;
    let most = allowed(parameters.len(), usable.len(), &chosen, request)?;
    let weights = usable.iter().map(|row| Model::weight(row, resolution)).collect();
    let fit = Fit { model: &model, parameters: &parameters, rows: &usable, weights };
    let fitted = fit.run(most, told)?;

    let all: Vec<&Row> = chosen.fitted.iter().chain(&chosen.held_out).copied().collect();
    let (problems, passed_over) = remarks(readings);
    let mut calibration = Calibration {
        device: device.to_owned(),
        software: chosen.software.to_owned(),
        fitted_rows: usable.len(),
        held_out_rows: chosen.held_out.len(),
        errors: errors(&model, &fitted, &all, resolution),
        parameters: parameters
            .iter()
            .zip(&fitted.estimates)
            .map(|(p, e)| reported(p, e, &parameters))
            .collect(),
        problems,
        notes: chosen.notes,
        overlay: String::new(),
    };
    calibration.notes.extend(passed_over.into_iter().map(|line| format!("Passed over: {line}")));
    calibration.notes.extend(worse(&calibration.errors));
    calibration.overlay = written(&calibration, &parameters, readings);
    Ok(calibration)
}

/// The rows to fit to that can be predicted at all.
fn usable_rows<'a>(model: &Model, chosen: &mut Chosen<'a>) -> Result<Vec<&'a Row>, CalibrateError> {
    let step = chosen.fitted.len().div_ceil(MOST_ROWS).max(1);
    let rows: Vec<&Row> = chosen.fitted.iter().step_by(step).copied().collect();
    if step > 1 {
        chosen.notes.push(format!("one in {step} of {} rows is fitted to", chosen.fitted.len()));
    }
    let predicted = model.predict(&[], &[], &rows).unwrap_or_default();
    let usable: Vec<&Row> =
        rows.iter().zip(&predicted).filter(|(_, found)| found.is_ok()).map(|(row, _)| *row).collect();
    if usable.is_empty() {
        let reason = predicted.into_iter().find_map(Result::err).map_or_else(
            || format!("all {} are held out to judge by", chosen.held_out.len()),
            |refusal| format!("each is refused: {refusal}"),
        );
        return Err(CalibrateError::NoRows { reason });
    }
    let refused = rows.len() - usable.len();
    if refused > 0 {
        chosen.notes.push(format!("{refused} rows cannot be predicted and are not fitted to"));
    }
    Ok(usable)
}

/// How many parameters may be fitted.
fn allowed(
    asked: usize,
    rows: usize,
    chosen: &Chosen<'_>,
    request: &Request,
) -> Result<usize, CalibrateError> {
    let (most, held_out) = ((rows / ROWS_A_PARAMETER).min(MOST_PARAMETERS), chosen.held_out.len());
    let needed = ROWS_A_PARAMETER;
    if most == 0 {
        return Err(CalibrateError::TooFewRows { rows, needed, held_out });
    }
    if request.parameters.is_some() && asked > most {
        return Err(CalibrateError::TooManyParameters { asked, most, rows, needed, held_out });
    }
    Ok(most)
}

/// What a fit says of one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Estimate {
    /// A value, and half the width of its interval.
    Fitted(f64, f64),
    /// None, and why.
    Left(Unidentified),
}

/// Half the width of each fitted parameter's interval, and the parameters that should rather be left out.
type Round = (Vec<f64>, Vec<(usize, Unidentified)>);

struct Fit<'a> {
    model: &'a Model,
    parameters: &'a [Parameter],
    rows: &'a [&'a Row],
    weights: Vec<f64>,
}

struct Fitted<'a> {
    estimates: Vec<Estimate>,
    parameters: Vec<&'a Parameter>,
    values: Vec<f64>,
}

impl<'a> Fit<'a> {
    /// Fits the parameters that can be, at most `most` of them.
    fn run(&self, most: usize, told: &mut dyn FnMut(Progress)) -> Result<Fitted<'a>, CalibrateError> {
        let everything: Vec<usize> = (0..self.parameters.len()).collect();
        let starts = self.parameters.iter().map(|parameter| parameter.start).collect();
        let mut columns = self
            .with(&everything, |problem| Some(problem.jacobian(&problem.point(starts)?)))
            .unwrap_or_default();
        for (column, parameter) in columns.iter_mut().zip(self.parameters) {
            column.iter_mut().for_each(|value| *value *= parameter.range());
        }
        let mut left = screen(&columns, most);
        let mut values: Vec<f64> = self.parameters.iter().map(|parameter| parameter.start).collect();
        let mut sketch = true;
        loop {
            let kept: Vec<usize> =
                everything.iter().copied().filter(|index| left.get(*index) == Some(&None)).collect();
            let (half_widths, verdicts) = self.round(&kept, &mut values, sketch, told)?;
            if verdicts.is_empty() && !sketch {
                return Ok(self.finished(&kept, &left, &values, &half_widths));
            }
            sketch &= !verdicts.is_empty();
            for (index, why) in verdicts {
                left[index] = Some(why);
                values[index] = self.parameters[index].start;
            }
        }
    }

    /// Fits these, and says which of them should rather be left out.
    fn round(
        &self,
        kept: &[usize],
        values: &mut [f64],
        sketch: bool,
        told: &mut dyn FnMut(Progress),
    ) -> Result<Round, CalibrateError> {
        let start: Vec<f64> = kept.iter().map(|index| values[*index]).collect();
        let found = self.with(kept, |problem| {
            let count = kept.len();
            let mut tell = |step: usize, at: &Point| {
                let sum: f64 = at.residuals.iter().map(|r| r.abs()).sum();
                let mean_abs_ln = sum / at.residuals.len().max(1) as f64;
                told(Progress { parameters: count, step, mean_abs_ln });
            };
            let best = problem.best(problem.point(start)?, sketch, &mut tell);
            let columns = problem.jacobian(&best);
            let known = known(&columns, &best, &problem.weights);
            Some((best, known))
        });
        let Some((best, known)) = found else {
            return Err(CalibrateError::Part("the starting values describe no machine".to_owned()));
        };
        for (index, value) in kept.iter().zip(&best.values) {
            values[*index] = *value;
        }
        let twin = known
            .twins
            .iter()
            .enumerate()
            .filter_map(|(place, twin)| Some((place, (*twin)?)))
            .rfind(|(place, twin)| twin < place)
            .map(|(place, twin)| (kept[place], Unidentified::ActsAs(kept[twin])));
        if let Some(twin) = twin {
            return Ok((known.half_widths, vec![twin]));
        }
        let shares: Vec<f64> = kept
            .iter()
            .zip(&known.half_widths)
            .map(|(index, half)| 2.0 * half / self.parameters[*index].range().max(f64::MIN_POSITIVE))
            .collect();
        // The hopeless at once; of the others the worst alone, without which the rest may be known well.
        let worst = shares.iter().copied().fold(1.0, f64::max).min(HOPELESS);
        let wide = kept.iter().zip(&shares).filter(|(_, share)| **share > 1.0 && **share >= worst);
        let wide = wide.map(|(index, _)| (*index, Unidentified::Wide)).collect();
        Ok((known.half_widths, wide))
    }

    /// Does something with the problem of fitting some of the parameters.
    fn with<R>(&self, kept: &[usize], work: impl FnOnce(&Problem<'_>) -> R) -> R {
        let parameters: Vec<&Parameter> = kept.iter().map(|index| &self.parameters[*index]).collect();
        let residuals = |values: &[f64]| self.model.residuals(&parameters, values, self.rows);
        work(&Problem {
            lowest: parameters.iter().map(|parameter| parameter.lowest).collect(),
            highest: parameters.iter().map(|parameter| parameter.highest).collect(),
            scale: parameters.iter().map(|parameter| parameter.scale).collect(),
            weights: self.weights.clone(),
            residuals: &residuals,
        })
    }

    fn finished(
        &self,
        kept: &[usize],
        left: &[Option<Unidentified>],
        values: &[f64],
        half_widths: &[f64],
    ) -> Fitted<'a> {
        let mut estimates: Vec<Estimate> =
            left.iter().map(|why| Estimate::Left(why.unwrap_or(Unidentified::NoEffect))).collect();
        let (mut parameters, mut rounded) = (Vec::new(), Vec::new());
        for (index, half) in kept.iter().zip(half_widths) {
            let parameter = &self.parameters[*index];
            // What is reported, written and judged is one and the same value.
            let value = parameter.measure.rounded(values[*index]);
            estimates[*index] = Estimate::Fitted(value, half * parameter.scale);
            parameters.push(parameter);
            rounded.push(value);
        }
        Fitted { estimates, parameters, values: rounded }
    }
}

fn reported(parameter: &Parameter, estimate: &Estimate, all: &[Parameter]) -> FittedParameter {
    let text = |value: f64| parameter.measure.text(value);
    let (mut value, mut interval, mut acts_as) = (parameter.start, None, None);
    let outcome = match *estimate {
        Estimate::Fitted(fitted, half) => {
            value = fitted;
            interval = Some(((fitted - half).max(parameter.lowest), (fitted + half).min(parameter.highest)));
            let near = (parameter.highest - parameter.lowest) * 1e-3;
            if fitted <= parameter.lowest + near {
                Outcome::AtLowest
            } else if fitted >= parameter.highest - near {
                Outcome::AtHighest
            } else {
                Outcome::Fitted
            }
        }
        Estimate::Left(Unidentified::NoEffect) => Outcome::NoEffect,
        Estimate::Left(Unidentified::Wide) => Outcome::Wide,
        Estimate::Left(Unidentified::TooMany) => Outcome::TooFewRows,
        Estimate::Left(Unidentified::ActsAs(other)) => {
            acts_as = all.get(other).map(|other| other.path.clone());
            Outcome::ActsAs
        }
    };
    FittedParameter {
        path: parameter.path.clone(),
        unit: parameter.measure.unit(),
        start: parameter.start,
        value,
        low_95: interval.map(|(low, _)| low),
        high_95: interval.map(|(_, high)| high),
        lowest: parameter.lowest,
        highest: parameter.highest,
        outcome,
        acts_as,
        texts: ParameterTexts {
            start: text(parameter.start),
            value: text(value),
            interval: interval.map(|(low, high)| (text(low), text(high))),
            bounds: (text(parameter.lowest), text(parameter.highest)),
        },
    }
}

/// Errors of all rows, then by kind, phase and format where there are several.
fn errors(model: &Model, fitted: &Fitted<'_>, rows: &[&Row], resolution: f64) -> Vec<CalibrationErrors> {
    let results_with = |parameters: &[&Parameter], values: &[f64]| {
        let predicted = model.predict(parameters, values, rows).unwrap_or_default();
        results(rows, &predicted, resolution)
    };
    let before = results_with(&[], &[]);
    let after = results_with(&fitted.parameters, &fitted.values);
    let pooled = ValidationKey {
        kind: "all",
        device: String::new(),
        software: String::new(),
        dtype: String::new(),
        phase: None,
        size: None,
    };
    let mut all = vec![compared("all".to_owned(), &pooled, &before, &after)];
    let mut groups: IndexMap<ValidationKey, (Vec<RowResult>, Vec<RowResult>)> = IndexMap::new();
    for (before, after) in before.into_iter().zip(after) {
        let group = groups.entry(before.key.clone()).or_default();
        group.0.push(before);
        group.1.push(after);
    }
    groups.sort_keys();
    if groups.len() > 1 {
        all.extend(groups.iter().map(|(key, (before, after))| {
            let words = [Some(key.kind), key.phase, Some(key.dtype.as_str())];
            let name: Vec<&str> = words.into_iter().flatten().collect();
            compared(name.join(" "), key, before, after)
        }));
    }
    all
}

fn compared(
    rows: String,
    key: &ValidationKey,
    before: &[RowResult],
    after: &[RowResult],
) -> CalibrationErrors {
    let of = |results: &[RowResult]| -> ValidationGroup { statistics(key.clone(), results) };
    let (before, after) = (of(before), of(after));
    CalibrationErrors {
        rows,
        fitted_before: before.fitted,
        fitted_after: after.fitted,
        held_out_before: before.held_out,
        held_out_after: after.held_out,
    }
}

/// A fit that helps where it looked and harms where it did not is no gain.
fn worse(errors: &[CalibrationErrors]) -> Option<String> {
    let all = errors.first()?;
    let (before, after) = (all.held_out_before.mape_pct, all.held_out_after.mape_pct);
    (after > before).then(|| {
        format!(
            "the rows held out are predicted worse than before ({before:.1} % before, {after:.1} % after): these figures do \
             not carry over to shapes they were not fitted to"
        )
    })
}

fn written(calibration: &Calibration, parameters: &[Parameter], readings: &[(String, Reading)]) -> String {
    let files: Vec<&str> = readings
        .iter()
        .filter(|(_, reading)| !reading.rows.is_empty())
        .map(|(file, _)| file.rsplit(['/', '\\']).next().unwrap_or(file))
        .collect();
    let files = if files.len() > 3 { format!("{} files", files.len()) } else { files.join(", ") };
    let judged = calibration.errors.first().map_or_else(String::new, |all| {
        format!("mean error on {} rows held out {:.1} %", all.held_out_after.n, all.held_out_after.mape_pct)
    });
    let source = format!("memwall calibrate on {} rows of {files}; {judged}", calibration.fitted_rows);
    let fitted: Vec<(&Parameter, f64, String)> = parameters
        .iter()
        .zip(&calibration.parameters)
        .filter_map(|(parameter, reported)| {
            let (low, high) = reported.texts.interval.as_ref()?;
            Some((parameter, reported.value, format!("{low} to {high}")))
        })
        .collect();
    overlay(&calibration.device, &calibration.software, &fitted, &source)
}
