//! Running the cases of a scenario.

use memwall_hardware::{CatalogError, catalog};
use memwall_model_graph::GraphError;
use memwall_report::{
    CaseReport, Context, DeviceReport, Document, Expectation, Published, Quantity, Reference, TrainingGoal,
    Wanted, compare,
};
use memwall_scenario::{Case, Check, Scenario};
use memwall_simulator::{
    ExportError, Options, Record, Simulation, SimulationError, Team, TeamSetup, Timeline,
};
use rayon::prelude::*;
use thiserror::Error;

use crate::collective::borrowed_figures;
use crate::describe::{parallel_text, workload_text};

/// Why a case has no result.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("case `{case}`: {reason}")]
pub struct RunError {
    /// The case's name.
    pub case: String,
    /// What went wrong.
    pub reason: Reason,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Reason {
    /// A step of the model could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// It could not be simulated, or not to its end.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The catalog is broken.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// It could not be written as a trace.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Traces could not be replayed, or not to their end.
    #[error(transparent)]
    Trace(Box<memwall_simulator::chakra_run::TraceRunError>),
}

impl RunError {
    /// Whether a limit ended the run, rather than a fault of the scenario.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        use SimulationError::{Limit, TooMuch};
        match &self.reason {
            Reason::Trace(error) => error.is_limit(),
            Reason::Simulation(error) => matches!(error, Limit { .. } | TooMuch { .. }),
            Reason::Export(_) => true,
            Reason::Graph(_) | Reason::Catalog(_) => false,
        }
    }
}

/// Runs every case, on all cores, and reports them in the scenario's order: the same bytes for any number of threads.
///
/// # Errors
/// The first case, in order, that could not be run.
pub fn run_scenario(scenario: &Scenario) -> Result<Document, RunError> {
    run_scenario_with(scenario, false).map(|(document, _)| document)
}

/// The same, and what happened when in each case if `timeline` says so.
///
/// # Errors
/// The first case, in order, that could not be run.
pub fn run_scenario_with(scenario: &Scenario, timeline: bool) -> Result<(Document, Vec<Timeline>), RunError> {
    let run = |case: &Case| run_case_with(case, timeline);
    let records: Vec<Result<Record, RunError>> = scenario.cases.par_iter().map(run).collect();
    let mut reports = Vec::with_capacity(records.len());
    let mut timelines = Vec::new();
    for (case, record) in scenario.cases.iter().zip(records) {
        let mut record = record?;
        timelines.extend(record.timeline.take());
        reports.push(CaseReport::new(&case.name, &record, &context(case)));
    }
    let references: Vec<Option<Reference>> =
        scenario.cases.iter().map(|case| case.reference.as_ref().map(reference)).collect();
    let normalise_to =
        scenario.cases.iter().find_map(|case| case.reference.as_ref()?.normalise_to.as_deref());
    compare(&mut reports, &references, normalise_to);
    for (case, report) in scenario.cases.iter().zip(&mut reports) {
        report.expectations =
            expectations(case).iter().map(|expectation| expectation.check(report)).collect();
    }
    let sources = distinct(references.iter().flatten().map(|reference| &reference.source));
    let seed = scenario.cases.first().map_or(0, |case| case.seed);
    let document = Document::new(&scenario.name, scenario.description.as_deref(), seed, reports, sources);
    Ok((document, timelines))
}

/// Runs one case.
///
/// # Errors
/// It could not be run.
pub fn run_case(case: &Case) -> Result<Record, RunError> {
    run_case_with(case, false)
}

/// Runs one case, and notes what happened when if `timeline` says so.
///
/// # Errors
/// It could not be run.
pub fn run_case_with(case: &Case, timeline: bool) -> Result<Record, RunError> {
    let failed = |reason: Reason| RunError { case: case.name.clone(), reason };
    run_held(case, None, options(case, timeline)).map_err(failed)
}

/// What a case asks of the simulator.
pub(crate) fn options(case: &Case, timeline: bool) -> Options {
    Options {
        fidelity: case.fidelity,
        counting: case.counting,
        timeline,
        sequences: case.sequences(),
        placement: case.placement,
        ..Options::default()
    }
}

/// Runs one case, with the plans of another where one is given.
pub(crate) fn run_held(case: &Case, held: Option<&Case>, options: Options) -> Result<Record, Reason> {
    if let Some(plan) = &case.training {
        return run_training(case, plan, held, options);
    }
    if let Some(team) = &case.team {
        return run_team(case, team, held, options);
    }
    let mut simulation = Simulation::new(&case.device, &case.software, options)?;
    if let Some(held) = held {
        simulation = simulation.with_plans_of(&held.device)?;
    }
    for (index, step) in case.steps().enumerate() {
        let step = step?;
        if index == 0 {
            simulation.foresee(case.step_count(), &step.graphs[0])?;
        }
        simulation.step(&step.graphs[0], step.phase, step.tokens)?;
    }
    Ok(simulation.finish())
}

/// One iteration of training.
fn run_training(
    case: &Case,
    plan: &memwall_scenario::TrainingPlan,
    held: Option<&Case>,
    options: Options,
) -> Result<Record, Reason> {
    let unsupported = || GraphError::Unsupported("only a model is trained".to_owned());
    let model = case.training_model().ok_or_else(unsupported)??;
    let alone = Alone::new()?;
    let (fabric, library, slow): (_, _, &[(u32, f64)]) = match &case.team {
        Some(team) => (team.system.fabric(), &*team.library, &team.slow),
        None => (alone.system.fabric(), &alone.library, &[]),
    };
    let held_fabric = |held: &Case| held.team.as_ref().map(|team| team.system.clone());
    let held_system = held.and_then(held_fabric);
    let plans_of =
        held.map(|held| (&*held.device, held_system.as_ref().map_or(fabric, |system| system.fabric())));
    let team = Team::new(TeamSetup {
        device: &case.device,
        software: &case.software,
        fabric,
        library,
        parallel: case.parallel(),
        slow,
        options,
        plans_of,
    })?;
    let tokens = case.steps().next().transpose()?.map_or(0, |step| step.tokens);
    let record = team.train(&model, tokens)?;
    crate::training_memory::check(case, plan, &record)?;
    Ok(record)
}

/// Links and a library for a device that is alone and so uses neither.
struct Alone {
    system: memwall_hardware::System,
    library: memwall_hardware::CommunicationLibrary,
}

impl Alone {
    fn new() -> Result<Self, Reason> {
        let any = catalog::systems().first().map_or("dgx-h100", |entry| entry.name);
        Ok(Self { system: catalog::system(any)?, library: catalog::communication("nccl")? })
    }
}

fn run_team(
    case: &Case,
    team: &memwall_scenario::Team,
    held: Option<&Case>,
    options: Options,
) -> Result<Record, Reason> {
    let plans_of = held.and_then(|held| Some((&*held.device, held.team.as_ref()?.system.fabric())));
    let mut running = Team::new(TeamSetup {
        device: &case.device,
        software: &case.software,
        fabric: team.system.fabric(),
        library: &team.library,
        parallel: team.parallel,
        slow: &team.slow,
        options,
        plans_of,
    })?;
    for (index, step) in case.steps().enumerate() {
        let step = step?;
        let graphs: Vec<_> = step.graphs.iter().map(AsRef::as_ref).collect();
        if index == 0 {
            running.foresee(case.step_count(), &graphs)?;
        }
        running.step(&graphs, step.phase, step.tokens)?;
    }
    Ok(running.finish())
}

/// The assertions of a case, as the report checks them.
#[must_use]
pub fn expectations(case: &Case) -> Vec<Expectation> {
    asserted(&case.expect)
}

/// The assertions of a case of whatever kind, as the report checks them.
pub(crate) fn asserted(expect: &[memwall_scenario::Expectation]) -> Vec<Expectation> {
    let assertion = |expected: &memwall_scenario::Expectation| Expectation {
        metric: expected.metric.clone(),
        wanted: wanted(expected.check),
    };
    expect.iter().map(assertion).collect()
}

/// Each source once, in the order of the cases.
pub(crate) fn distinct<'a>(sources: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for source in sources.filter(|source| !source.is_empty()) {
        if !seen.contains(source) {
            seen.push(source.clone());
        }
    }
    seen
}

const fn wanted(check: Check) -> Wanted {
    match check {
        Check::Between { min, max } => Wanted::Between { min, max },
        Check::Near { value, tolerance } => Wanted::Near { value, tolerance },
    }
}

pub(crate) fn context(case: &Case) -> Context {
    Context {
        description: case.description.clone(),
        device: DeviceReport { name: case.device.name.clone(), title: case.device.title.clone() },
        hardware: Some(case.device.clone()),
        model: case.subject.name().to_owned(),
        workload: workload_text(case),
        software: case.software.name.clone(),
        team: case.team.as_ref().map(|team| (team.system.name.clone(), parallel_text(&team.parallel))),
        counting: case.counting,
        training: goal(case),
        footprint: [case.footprint.weights, case.footprint.kv_cache, case.footprint.activations],
        notes: case.notes.iter().cloned().chain(case.team.iter().flat_map(borrowed)).collect(),
    }
}

/// What is asked of a whole training.
fn goal(case: &Case) -> TrainingGoal {
    let plan = case.training.as_ref();
    TrainingGoal {
        tokens: plan.and_then(|plan| plan.total_tokens),
        dollars_an_hour: plan.and_then(|plan| plan.dollars_an_hour),
    }
}

/// Notes on the levels that the ranks of a team may talk over.
fn borrowed(team: &memwall_scenario::Team) -> Vec<String> {
    let ranks = u32::try_from(team.parallel.ranks()).unwrap_or(u32::MAX);
    if ranks < 2 {
        return Vec::new();
    }
    let fabric = team.system.fabric();
    let levels = fabric.levels();
    let used = (fabric.joining_level(0, ranks - 1) + 1).min(levels.len());
    borrowed_figures(&levels[..used], &team.library).collect()
}

fn reference(published: &memwall_scenario::Reference) -> Reference {
    let mut values = Vec::new();
    let mut add = |quantity, figure: Option<memwall_scenario::Published>| {
        values.extend(figure.map(|figure| Published {
            quantity,
            value: figure.value,
            half_unit: figure.rounding,
            corrected: figure.corrected,
        }));
    };
    add(Quantity::Gflops, published.gflops);
    add(Quantity::Gmops, published.gmops);
    add(Quantity::Intensity, published.intensity);
    add(Quantity::IntensityDram, published.intensity_dram);
    add(Quantity::Latency, published.latency);
    values.extend(
        published
            .time
            .map(|time| Published { half_unit: 0.0, ..Published::new(Quantity::Time, time.as_secs_f64()) }),
    );
    Reference {
        source: published.source.clone().unwrap_or_default(),
        values,
        notes: published.note.iter().cloned().collect(),
    }
}
