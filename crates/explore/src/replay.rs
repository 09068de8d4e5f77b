//! Running the cases of a replay.

use memwall_report::{ReplayCaseReport, ReplayDocument, TraceReplayReport};
use memwall_scenario::{ReplayCase, Scenario};
use memwall_simulator::Timeline;
use memwall_simulator::chakra_run::{TraceRunError, TraceSetup, replicated, run_traces};
use rayon::prelude::*;

use crate::run::{Reason, RunError};

/// Replays every case, on all cores, and reports them in the scenario's order: the same bytes for any number of threads.
///
/// # Errors
/// The first case, in order, that could not be replayed.
pub fn run_replays(scenario: &Scenario) -> Result<ReplayDocument, RunError> {
    run_replays_with(scenario, false).map(|(document, _)| document)
}

/// The same, and what happened when in each case if `timeline` says so.
///
/// # Errors
/// The first case, in order, that could not be replayed.
pub fn run_replays_with(
    scenario: &Scenario,
    timeline: bool,
) -> Result<(ReplayDocument, Vec<Timeline>), RunError> {
    let run = |case: &ReplayCase| run(case, timeline);
    let results: Vec<Result<_, RunError>> = scenario.replays.par_iter().map(run).collect();
    let mut cases = Vec::with_capacity(results.len());
    let mut timelines = Vec::new();
    for result in results {
        let (case, timeline) = result?;
        cases.push(case);
        timelines.extend(timeline);
    }
    let seed = scenario.replays.first().map_or(0, |case| case.seed);
    let document = ReplayDocument::new(&scenario.name, scenario.description.as_deref(), seed, cases);
    Ok((document, timelines))
}

fn run(case: &ReplayCase, timeline: bool) -> Result<(ReplayCaseReport, Option<Timeline>), RunError> {
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
        timeline,
    };
    let mut record = run_traces(&setup, traces).map_err(failed)?;
    let timeline = record.timeline.take();
    let (system, device) = (&case.system.title, &case.device.title);
    let report = TraceReplayReport::new(&case.source, system, device, &case.library.name, &record);
    let (name, description) = (case.name.clone(), case.description.clone());
    Ok((ReplayCaseReport { name, description, report }, timeline))
}
