//! Running the cases of a collective.

use memwall_hardware::{CommunicationLibrary, FabricLevel};
use memwall_report::{CollectiveDocument, CollectivePoint, CollectiveReport, Expectation};
use memwall_scenario::{CollectiveCase, CollectiveForm, Scenario, SizePoint};
use memwall_simulator::{Algorithm, Call, CollectiveOutcome, Communicator, SimulationError};
use rayon::prelude::*;

use crate::run::{Reason, RunError, asserted, distinct};

/// Runs every case over its sizes, on all cores, and reports them in the scenario's order: the same bytes for any number
/// of threads.
///
/// # Errors
/// The first case, in order, that could not be run.
pub fn run_collectives(scenario: &Scenario) -> Result<CollectiveDocument, RunError> {
    let reports: Vec<Result<CollectiveReport, RunError>> = scenario.collectives.par_iter().map(run).collect();
    let cases = reports.into_iter().collect::<Result<Vec<_>, _>>()?;
    let sources = distinct(scenario.collectives.iter().filter_map(|case| case.source.as_ref()));
    let seed = scenario.collectives.first().map_or(0, |case| case.seed);
    Ok(CollectiveDocument::new(&scenario.name, scenario.description.as_deref(), seed, cases, sources))
}

fn run(case: &CollectiveCase) -> Result<CollectiveReport, RunError> {
    let failed = |error: SimulationError| RunError { case: case.name.clone(), reason: Reason::from(error) };
    let points = case.points.par_iter().map(|point| run_point(case, point)).collect::<Vec<_>>();
    let points = points.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let report = CollectiveReport {
        name: case.name.clone(),
        description: case.description.clone(),
        system: case.system.name.clone(),
        title: case.system.title.clone(),
        library: case.library.title.clone(),
        collective: case.call.kind.name().to_owned(),
        ranks: case.call.group.len() as u64,
        groups: 1 + case.call.beside.len() as u64,
        points,
        compared: 0,
        mean_error: None,
        median_error: None,
        worst_error: None,
        notes: notes(case),
        expectations: Vec::new(),
    };
    Ok(report.summed(&collective_expectations(case)))
}

fn run_point(case: &CollectiveCase, point: &SizePoint) -> Result<CollectivePoint, SimulationError> {
    let communicator = Communicator::new(case.system.fabric(), &case.library);
    let mut call = Call { bytes: point.bytes, ..case.call.clone() };
    if case.form == CollectiveForm::Explicit {
        call.algorithm = call.algorithm.or(Some(Algorithm::Ring));
    }
    let outcome = communicator.run(&call)?;
    let outcome = match case.form {
        CollectiveForm::Pipelined => outcome,
        CollectiveForm::Explicit => {
            let (algorithm, protocol) = (Some(outcome.algorithm), Some(outcome.protocol));
            let explicit = communicator.run_explicit(&Call { algorithm, protocol, ..call })?;
            let rate = |bandwidth: f64| bandwidth * outcome.time.0 as f64 / (explicit.time.0 as f64).max(1.0);
            CollectiveOutcome {
                time: explicit.time,
                algorithm_bandwidth: rate(outcome.algorithm_bandwidth),
                bus_bandwidth: rate(outcome.bus_bandwidth),
                transfers: explicit.sends,
                flows: explicit.sends,
                ..outcome
            }
        }
    };
    Ok(CollectivePoint::new(point.bytes, &outcome, point.measured))
}

/// The scenario's own note, and links for which the library has no figures of their own.
fn notes(case: &CollectiveCase) -> Vec<String> {
    let levels = case.system.fabric().levels();
    case.note.iter().cloned().chain(borrowed_figures(levels, &case.library)).collect()
}

/// A note for each of these levels for which the library has no figures of its own.
pub(crate) fn borrowed_figures(
    levels: &[FabricLevel],
    library: &CommunicationLibrary,
) -> impl Iterator<Item = String> {
    levels.iter().filter_map(|level| {
        let generation = level.generation.as_deref();
        let (found, _) = library.protocols(generation);
        let of = generation.map_or_else(|| "no generation named".to_owned(), |name| format!("`{name}`"));
        (generation != Some(found)).then(|| {
            format!(
                "{} has no figures for {} ({of}): its `{found}` figures were used",
                library.title, level.title
            )
        })
    })
}

/// The assertions of a collective, as the report checks them.
#[must_use]
pub fn collective_expectations(case: &CollectiveCase) -> Vec<Expectation> {
    asserted(&case.expect)
}
