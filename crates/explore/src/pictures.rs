//! The charts of results, which need to know the machines they ran on.

use memwall_hardware::Fabric;
use memwall_report::chart::{Machine, Section, replay_sections, run_sections};
use memwall_report::{Document, ReplayDocument};
use memwall_scenario::{Case, Scenario};
use memwall_simulator::Timeline;

/// The charts of a run, with what happened when where that was noted.
#[must_use]
pub fn run_pictures(scenario: &Scenario, document: &Document, timelines: &[Timeline]) -> Vec<Section> {
    let machine = |case: &Case| {
        let format = case.subject.precision().activations.to_string();
        Machine::new(&case.device, &format)
    };
    let machines: Vec<Machine> = scenario.cases.iter().map(machine).collect();
    let fabrics = scenario.cases.iter().map(|case| case.team.as_ref().map(|team| team.system.fabric()));
    run_sections(document, &machines, &with_levels(timelines, fabrics))
}

/// The charts of replayed traces, with what happened when where that was noted.
#[must_use]
pub fn replay_pictures(
    scenario: &Scenario,
    document: &ReplayDocument,
    timelines: &[Timeline],
) -> Vec<Section> {
    let fabrics = scenario.replays.iter().map(|case| Some(case.system.fabric()));
    replay_sections(document, &with_levels(timelines, fabrics))
}

/// Each timeline with the names of its fabric's levels.
fn with_levels<'a, 'b>(
    timelines: &'a [Timeline],
    fabrics: impl Iterator<Item = Option<&'b Fabric>>,
) -> Vec<(&'a Timeline, Vec<String>)> {
    let levels = |fabric: Option<&Fabric>| {
        fabric.iter().flat_map(|fabric| fabric.levels()).map(|level| level.title.clone()).collect()
    };
    timelines.iter().zip(fabrics.map(levels)).collect()
}
