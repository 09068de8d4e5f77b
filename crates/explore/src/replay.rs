//! Running the cases of a replay.

use memwall_report::{ReplayCaseReport, ReplayDocument, TraceReplayReport};
use memwall_scenario::{ReplayCase, Scenario};
use memwall_simulator::chakra_run::{TraceRunError, TraceSetup, replicated, run_traces};
use rayon::prelude::*;

use crate::run::{Reason, RunError};

/// Replays every case, on all cores, and reports them in the scenario's order: the same bytes for any number of threads.
///
/// # Errors
/// The first case, in order, that could not be replayed.
pub fn run_replays(scenario: &Scenario) -> Result<ReplayDocument, RunError> {
    let reports: Vec<Result<ReplayCaseReport, RunError>> = scenario.replays.par_iter().map(run).collect();
    let cases = reports.into_iter().collect::<Result<Vec<_>, _>>()?;
    let seed = scenario.replays.first().map_or(0, |case| case.seed);
    Ok(ReplayDocument::new(&scenario.name, scenario.description.as_deref(), seed, cases))
}

fn run(case: &ReplayCase) -> Result<ReplayCaseReport, RunError> {
    let failed =
        |error: TraceRunError| RunError { case: case.name.clone(), reason: Reason::Trace(Box::new(error)) };
    let copies;
    let traces = if case.ranks as usize == case.traces.len() {
        &case.traces
    } else {
        copies = replicated(&case.traces, case.ranks).map_err(failed)?;
        &copies
    };
    let setup = TraceSetup {
        device: &case.device,
        fabric: case.system.fabric(),
        library: &case.library,
        groups: &case.groups,
        timeline: false,
    };
    let record = run_traces(&setup, traces).map_err(failed)?;
    let (system, device) = (&case.system.title, &case.device.title);
    Ok(ReplayCaseReport {
        name: case.name.clone(),
        description: case.description.clone(),
        report: TraceReplayReport::new(&case.source, system, device, &case.library.name, &record),
    })
}
