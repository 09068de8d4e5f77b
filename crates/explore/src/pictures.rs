//! The charts of results, which need to know the machines they ran on.

use memwall_hardware::Fabric;
use memwall_report::chart::{
    Axis, Chart, Figure, Lines, Machine, Section, Unit, replay_sections, run_sections,
};
use memwall_report::{Document, GrowthReport, ReplayDocument, TrendDocument, TrendReport};
use memwall_scenario::{Case, Scenario, TrendCase};
use memwall_simulator::Timeline;

use crate::trend::growth_curves;

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

/// The charts of a trend: of each case, all its series as growth since their first points.
#[must_use]
pub fn trend_pictures(scenario: &Scenario, document: &TrendDocument) -> Vec<Section> {
    let cases = scenario.trends.iter().zip(&document.cases);
    let section = |(index, (case, report)): (usize, (&TrendCase, &TrendReport))| {
        let series = case.series.iter().enumerate();
        let lines = series.flat_map(|(colour, series)| growth_curves(series, colour)).collect();
        let chart = Lines {
            x: Axis::near("year", Unit::Plain),
            y: Axis::log("growth since the first point", Unit::Plain),
            lines,
        };
        let fact = |series: &GrowthReport| {
            let factor = series.two_years.factor.map(|factor| format!("x{factor:.3} in two years"));
            (series.name.clone(), factor.unwrap_or_default())
        };
        Section {
            id: format!("trend-{}", index + 1),
            title: report.name.clone(),
            // What the only case shows stands at the head of the page.
            lead: report.description.clone().filter(|_| document.cases.len() > 1).unwrap_or_default(),
            facts: report.series.iter().map(fact).collect(),
            figures: vec![Figure {
                id: format!("growth-{}", index + 1),
                title: "Growth".to_owned(),
                summary: "Dots are points, lines the exponentials fitted to them: on this scale equal slopes are equal \
                          growth rates."
                    .to_owned(),
                chart: Chart::Lines(chart),
            }],
            tables: Vec::new(),
            notes: report.note.iter().cloned().collect(),
        }
    };
    cases.enumerate().map(section).collect()
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
