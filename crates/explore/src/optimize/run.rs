//! An optimisation from the scenario to its document.

use memwall_hardware::technology::{AreaModel, cost_of, peak_power};
use memwall_hardware::{AreaEstimate, Device};
use memwall_model_graph::Graph;
use memwall_report::{CaseReport, Cell, Context, DesignReport, FreeAxis, LimitReport, OptimizeDocument};
use memwall_scenario::{Case, Diagnostics, Loader, Objective, Optimize, Scenario, Sweep};
use memwall_simulator::{Record, Screen};
use thiserror::Error;

use super::screening::{FrontTooLong, Verdict};
use super::search::Search;
use super::space_of::Axes;
use crate::run::{Reason, RunError, run_case};

/// Each round asks of every design what all simulated ones say of it: designs times the square of what may be simulated
/// is the work, and this much takes a minute or two.
const MOST_WORK: u128 = 2_000_000_000_000;
/// The most steps of a workload that is screened: their graphs are held in memory.
const MOST_STEPS: u64 = 1024;

/// Why there is no result.
#[derive(Debug, Error)]
pub enum OptimizeError {
    /// A value of an axis is wrong.
    #[error("a value is wrong")]
    Wrong(Diagnostics),
    /// The machine as it is cannot be screened or simulated.
    #[error(transparent)]
    Run(#[from] RunError),
    /// More designs are best than anybody can use.
    #[error(transparent)]
    TooLong(#[from] FrontTooLong),
    /// It would take too long.
    #[error(
        "{designs} designs of which {simulate} may be simulated take too long: with so many designs at most {most} may \
         (`optimize.simulate`)"
    )]
    TooMuch {
        /// Designs.
        designs: u64,
        /// What was asked for.
        simulate: u32,
        /// What would do.
        most: u64,
    },
    /// It makes no sense.
    #[error("{0}")]
    Refused(String),
}

impl From<Diagnostics> for OptimizeError {
    fn from(problems: Diagnostics) -> Self {
        Self::Wrong(problems)
    }
}

/// Screens every design that `sweep` spans with `bound`, and simulates those that look best for `goal`.
///
/// # Errors
/// A wrong value, a scenario that cannot be optimised or run, or a front that is too long.
pub fn optimize(
    scenario: &Scenario,
    sweep: &Sweep,
    goal: &Optimize,
    loader: &(dyn Loader + Sync),
) -> Result<OptimizeDocument, OptimizeError> {
    let refused = |reason: &str| OptimizeError::Refused(reason.to_owned());
    let case = scenario.cases.first().ok_or_else(|| refused("nothing to run"))?;
    if case.team.is_some() {
        return Err(refused("designs of one device are screened, not those of several"));
    }
    if case.placement.is_some() {
        return Err(refused("what is kept behind the device memory (`placement:`) cannot be screened"));
    }
    let axes = Axes::new(scenario, sweep, &case.device)?;
    within_reason(sweep.points(), goal.simulate)?;
    let judge = Judge { area: AreaModel::around(&case.device), goal };
    judge.check(&case.device)?;
    let mut search = Search::new(scenario, sweep, &axes, &judge, loader)?;
    let settled = search.run(goal.simulate as usize)?;
    let own = Screen::new(&case.device, &case.software, steps_of(case)?)
        .map_err(|error| failed(case, error.into()))?;
    let values = axes.own_values(&case.device, search.first_choice()).into_iter().map(Cell::number).collect();
    let outcome = Simulated::of(case, &run_case(case)?);
    let as_it_is = judge.report((None, values), own, &case.device, &outcome);
    Ok(document(scenario, sweep, goal, (&search, settled), as_it_is))
}

fn within_reason(designs: u64, simulate: u32) -> Result<(), OptimizeError> {
    let work = |simulate: u64| u128::from(designs) * u128::from(simulate) * u128::from(simulate);
    if work(u64::from(simulate)) <= MOST_WORK {
        return Ok(());
    }
    let most = libm::sqrt(MOST_WORK as f64 / designs as f64) as u64;
    Err(OptimizeError::TooMuch { designs, simulate, most })
}

/// What a design is judged by.
pub(super) struct Judge<'a> {
    area: AreaModel,
    goal: &'a Optimize,
}

impl Judge<'_> {
    /// What a device is made of has to be known where it matters.
    fn check(&self, device: &Device) -> Result<(), OptimizeError> {
        let limits = self.goal.at_most.iter().map(|(objective, _)| objective);
        for objective in self.goal.minimize.iter().chain(limits) {
            if self.score(*objective, device, 0.0).is_none() {
                return Err(OptimizeError::Refused(format!(
                    "the {} of {} is not known: `memwall hardware show {}` says what is; say what is missing under \
                     `hardware`, such as `process: n4`",
                    objective.name(),
                    device.title,
                    device.name
                )));
            }
        }
        Ok(())
    }

    fn score(&self, objective: Objective, device: &Device, seconds: f64) -> Option<f64> {
        let area = || self.area.area(device);
        match objective {
            Objective::Time => Some(seconds),
            Objective::Area => area().map(|area| area.total_mm2.likely),
            Objective::Cost => area().and_then(|area| cost(device, &area)),
            Objective::Power => peak_power(device).map(|power| power.likely),
        }
    }

    /// Writes the scores of a design that takes `seconds`, or says why it is out.
    pub fn verdict(&self, device: &Device, seconds: f64, scores: &mut Vec<f64>) -> Verdict {
        for (number, (objective, limit)) in self.goal.at_most.iter().enumerate() {
            match self.score(*objective, device, seconds) {
                Some(score) if score <= *limit => {}
                Some(_) => return Verdict::Broken(number),
                None => return Verdict::Unfit,
            }
        }
        for objective in &self.goal.minimize {
            match self.score(*objective, device, seconds) {
                Some(score) => scores.push(score),
                None => return Verdict::Unfit,
            }
        }
        Verdict::Kept
    }

    /// A design with its number and values.
    pub fn report(
        &self,
        (design, values): (Option<u64>, Vec<Cell>),
        mut screen: Screen,
        device: &Device,
        simulated: &Simulated,
    ) -> DesignReport {
        let area = self.area.area(device);
        DesignReport {
            design,
            values,
            bound_s: screen.time(device).map(|screened| screened.time.as_secs_f64()),
            cost_usd: area.as_ref().and_then(|area| cost(device, area)),
            area_mm2: area.map(|area| area.total_mm2.likely),
            power_w: peak_power(device).map(|power| power.likely),
            time_s: simulated.time_s,
            energy_j: simulated.energy_j,
            bound_by: simulated.bound_by.clone(),
        }
    }

    /// How many limits there are.
    pub fn limits(&self) -> usize {
        self.goal.at_most.len()
    }
}

fn cost(device: &Device, area: &AreaEstimate) -> Option<f64> {
    cost_of(device, area).map(|cost| cost.total_usd.likely)
}

/// What simulating a design gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Simulated {
    pub time_s: f64,
    energy_j: f64,
    bound_by: String,
}

impl Simulated {
    pub fn of(case: &Case, record: &Record) -> Self {
        let context =
            Context { counting: case.counting, hardware: Some(case.device.clone()), ..Context::default() };
        let report = CaseReport::new(&case.name, record, &context);
        Self { time_s: report.time_s, energy_j: report.energy.total_j.likely, bound_by: report.bound_by }
    }
}

/// All steps of a case, for screening.
pub(super) fn steps_of(case: &Case) -> Result<Vec<Graph>, OptimizeError> {
    if case.step_count() > MOST_STEPS {
        return Err(OptimizeError::Refused(format!(
            "{} steps are too many to screen: at most {MOST_STEPS}; a few tokens tell as much",
            case.step_count()
        )));
    }
    let graphs = case.steps().map(|step| {
        let step = step.map_err(|error| failed(case, error.into()))?;
        Ok(Graph::clone(&step.graphs[0]))
    });
    graphs.collect()
}

pub(super) fn failed(case: &Case, reason: Reason) -> OptimizeError {
    RunError { case: case.name.clone(), reason }.into()
}

fn document(
    scenario: &Scenario,
    sweep: &Sweep,
    goal: &Optimize,
    (search, settled): (&Search<'_>, bool),
    as_it_is: DesignReport,
) -> OptimizeDocument {
    let (schema_version, memwall_version) = OptimizeDocument::versions();
    let counts = search.counts();
    let limits = goal.at_most.iter().zip(&counts.broken);
    OptimizeDocument {
        schema_version,
        memwall_version,
        kind: "optimize",
        scenario: scenario.name.clone(),
        description: scenario.description.clone(),
        minimize: goal.minimize.iter().map(|objective| objective.name()).collect(),
        at_most: limits
            .map(|((objective, limit), beyond)| LimitReport {
                objective: objective.name(),
                limit: *limit,
                beyond: *beyond,
            })
            .collect(),
        axes: sweep
            .axes
            .iter()
            .map(|axis| FreeAxis { path: axis.path.clone(), unit: axis.unit.clone() })
            .collect(),
        screened: counts.designs,
        unfit: counts.unfit,
        simulated: search.simulated() as u64,
        settled,
        as_it_is,
        designs: search.best(),
    }
}
