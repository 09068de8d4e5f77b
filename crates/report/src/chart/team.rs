//! The charts of what several devices did together.

use super::run::{Add, timeline_summary};
use super::timeline::Naming;
use super::{Chart, Figure, Section, StackedBars, Timeline, Unit, slug};
use crate::{LinkReport, ReplayDocument, TeamReport, TraceReplayReport};

pub(super) fn team_figures(team: &TeamReport, add: &mut Add) {
    if !team.communication.is_empty() {
        let bars = team.communication.iter().map(|one| {
            let hidden = (one.time_s - one.exposed_s).max(0.0);
            (
                format!("{} ({})", one.name, one.dimension),
                vec![one.exposed_s, hidden, one.waiting_for_ranks_s],
            )
        });
        let parts = [
            ("nothing else to do", "communication"),
            ("beside other work", "efficiency"),
            ("waiting for slower ranks", "dependency"),
        ];
        let chart = StackedBars::of_parts("time", "collective", Unit::Seconds, &parts, bars);
        let summary = "The time of each collective, by whether the device could do something else meanwhile.";
        add("communication", "Communication", summary.to_owned(), Chart::StackedBars(chart));
    }
    if team.stages.len() > 1 {
        let bars = team.stages.iter().map(|stage| {
            (format!("stage {}", stage.stage), vec![stage.running_s, stage.communication_s, stage.bubble_s])
        });
        let parts = [("running", "compute"), ("communication", "communication"), ("bubble", "idle")];
        let chart = StackedBars::of_parts("time", "stage", Unit::Seconds, &parts, bars);
        let summary = "What a rank of each pipeline stage did. The bubble is waiting for other stages.";
        add("stages", "Pipeline stages", summary.to_owned(), Chart::StackedBars(chart));
    }
    links(&team.links, add);
}

fn links(links: &[LinkReport], add: &mut Add) {
    if links.iter().all(|link| link.bytes <= 0.0) {
        return;
    }
    let bars = links
        .iter()
        .map(|link| (link.name.clone(), vec![link.utilization, (1.0 - link.utilization).max(0.0)]));
    let parts = [("needed", "communication"), ("free", "idle")];
    let chart = StackedBars::of_parts("share of the time", "level", Unit::Share, &parts, bars);
    let summary = "The part of the run that the busiest link of each level of the fabric needed.";
    add("links", "Links", summary.to_owned(), Chart::StackedBars(chart));
}

/// The charts of replayed execution traces: what each rank did, communication and links, and what happened when, with
/// the names of the fabric's levels, where that was noted.
#[must_use]
pub fn replay_sections(
    document: &ReplayDocument,
    timelines: &[(&memwall_simulator::Timeline, Vec<String>)],
) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, case) in document.cases.iter().enumerate() {
        let taken: Vec<String> = sections.iter().map(|section| section.id.clone()).collect();
        let id = slug(&case.name, &taken);
        let prefix = if document.cases.len() > 1 { format!("{id}-") } else { String::new() };
        let mut figures = Vec::new();
        let mut add = |name: &str, title: &str, summary: String, chart: Chart| {
            figures.push(Figure { id: format!("{prefix}{name}"), title: title.to_owned(), summary, chart });
        };
        trace_figures(&case.report, &mut add);
        if let Some((timeline, levels)) = timelines.get(index) {
            let chart = Timeline::new(timeline, &Naming { noun: "rank", levels }, 20_000);
            add("timeline", "Timeline", timeline_summary(&chart), Chart::Timeline(chart));
        }
        let report = &case.report;
        let facts = [
            ("time", Unit::Seconds.text(report.time_s)),
            ("traces", report.source.clone()),
            ("machine", format!("{} of {}", report.system, report.device)),
            ("ranks", report.ranks.len().to_string()),
            ("nodes of the traces", report.nodes.to_string()),
        ];
        let facts = facts.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let lead = case.description.clone().unwrap_or_default();
        let notes = report.notes.clone();
        let title = case.name.clone();
        sections.push(Section { id, title, lead, facts, figures, tables: Vec::new(), notes });
    }
    sections
}

fn trace_figures(report: &TraceReplayReport, add: &mut Add) {
    let bars = report.ranks.iter().take(64).map(|rank| {
        (format!("rank {}", rank.rank), vec![rank.busy_s, rank.exposed_communication_s, rank.idle_s])
    });
    let parts = [("computing", "compute"), ("only communicating", "communication"), ("idle", "idle")];
    let chart = StackedBars::of_parts("time", "rank", Unit::Seconds, &parts, bars);
    add(
        "ranks",
        "Ranks",
        "What each rank did. Every bar is the whole run.".to_owned(),
        Chart::StackedBars(chart),
    );
    links(&report.links, add);
}
