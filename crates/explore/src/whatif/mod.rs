//! What would help: each figure of a machine changed by a little, what that does to time, energy and cost, and how far
//! it must go to move the wall elsewhere.
//!
//! Time is told twice. With the plans held fixed the machine changes and nothing else: what faster hardware does by
//! itself. Re-planned, the mapper may choose other tiles for it, which usually does more and now and then less.

mod parameters;

use memwall_hardware::technology::cost_of;
use memwall_hardware::{AreaModel, catalog};
use memwall_report::{CaseReport, ParameterReport, WallMove, WhatIfDocument, WhatIfReport};
use memwall_scenario::{Case, Scenario};
use rayon::prelude::*;

use crate::run::{Reason, RunError, context, options, run_held};
use parameters::{Parameter, parameters};

/// The largest factor that is tried to move the wall.
const MOST: f64 = 64.0;
/// The factor that moves the wall is found to this precision.
const PRECISION: f64 = 1.01;

/// What a change of every figure does to every case of `scenario`: each is made better by the part `by` (0.1 is 10 %).
///
/// # Errors
/// The first case, in order, that could not be run.
pub fn whatif(scenario: &Scenario, by: f64) -> Result<WhatIfDocument, RunError> {
    let cases = scenario.cases.iter().map(|case| {
        let failed = |reason| RunError { case: case.name.clone(), reason };
        whatif_case(case, by).map_err(failed)
    });
    let cases = cases.collect::<Result<Vec<_>, _>>()?;
    Ok(WhatIfDocument::new(&scenario.name, scenario.description.as_deref(), by, cases))
}

fn whatif_case(case: &Case, by: f64) -> Result<WhatIfReport, Reason> {
    let base = report(case, None)?;
    let study = Study { case, base: &base, by, costs: Costs::of(case) };
    let found: Vec<Result<ParameterReport, Reason>> =
        parameters(case).par_iter().map(|parameter| study.of(parameter)).collect();
    let parameters = found.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(WhatIfReport::new(&base, by, parameters))
}

fn report(case: &Case, held: Option<&Case>) -> Result<CaseReport, Reason> {
    Ok(CaseReport::new(&case.name, &run_held(case, held, options(case, false))?, &context(case)))
}

/// A case whose figures are changed one by one.
struct Study<'a> {
    case: &'a Case,
    base: &'a CaseReport,
    by: f64,
    costs: Costs,
}

impl Study<'_> {
    fn of(&self, parameter: &Parameter) -> Result<ParameterReport, Reason> {
        let factor = if parameter.more_is_better { 1.0 + self.by } else { 1.0 - self.by };
        let changed = parameter.changed(self.case, factor);
        let mut result = ParameterReport {
            path: parameter.path.clone(),
            value: parameter.value.clone(),
            change: if parameter.more_is_better { self.by } else { -self.by },
            time_fixed: None,
            time_replanned: None,
            energy: None,
            cost: None,
            elasticity: None,
            wall_moves: None,
        };
        let Some(changed) = changed else { return Ok(result) };
        let fixed = report(&changed, Some(self.case))?;
        let replanned = report(&changed, None)?;
        let relative = |new: f64, old: f64| if old > 0.0 { Some(new / old - 1.0) } else { None };
        result.time_fixed = relative(fixed.time_s, self.base.time_s);
        result.time_replanned = relative(replanned.time_s, self.base.time_s);
        result.elasticity = result.time_replanned.map(|change| arc(change) / arc(factor - 1.0));
        if self.base.energy.unknown.is_empty() {
            result.energy = relative(replanned.energy.total_j.likely, self.base.energy.total_j.likely);
        }
        if parameter.of_the_chip {
            result.cost = self.costs.change(&changed);
        }
        result.wall_moves = self.wall_move(parameter)?;
        Ok(result)
    }

    /// The smallest change that moves the wall, and where to.
    fn wall_move(&self, parameter: &Parameter) -> Result<Option<WallMove>, Reason> {
        let Some(far) = self.wall_at(parameter, MOST)?.filter(|wall| *wall != self.base.bound_by) else {
            return Ok(None);
        };
        let (mut near, mut beyond, mut wall) = (1.0_f64, MOST, far);
        while beyond / near > PRECISION {
            let middle = (near * beyond).sqrt();
            match self.wall_at(parameter, middle)? {
                Some(there) if there != self.base.bound_by => (beyond, wall) = (middle, there),
                _ => near = middle,
            }
        }
        let factor = if parameter.more_is_better { beyond } else { 1.0 / beyond };
        Ok(Some(WallMove { factor, from: self.base.bound_by.clone(), to: wall }))
    }

    fn wall_at(&self, parameter: &Parameter, times_better: f64) -> Result<Option<String>, Reason> {
        let factor = if parameter.more_is_better { times_better } else { 1.0 / times_better };
        let Some(changed) = parameter.changed(self.case, factor) else { return Ok(None) };
        Ok(Some(report(&changed, None)?.bound_by))
    }
}

/// A change in proportion to the middle between old and new, so that half as much and twice as much are as large.
fn arc(change: f64) -> f64 {
    change / (1.0 + change / 2.0)
}

/// What machines near a case's cost to make.
struct Costs {
    model: AreaModel,
    base: Option<f64>,
}

impl Costs {
    fn of(case: &Case) -> Self {
        let part = catalog::device(&case.device.name).ok();
        let model = AreaModel::of(part.as_ref().unwrap_or(&case.device));
        let base = Self::cost(&model, case);
        Self { model, base }
    }

    fn cost(model: &AreaModel, case: &Case) -> Option<f64> {
        Some(cost_of(&case.device, &model.area(&case.device)?)?.total_usd.likely)
    }

    fn change(&self, changed: &Case) -> Option<f64> {
        Some(Self::cost(&self.model, changed)? / self.base? - 1.0)
    }
}
