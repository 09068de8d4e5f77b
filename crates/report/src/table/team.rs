//! What several devices did together.

use memwall_units::{BytesPerSec, Picos};

use super::case::section;
use super::columns::Columns;
use super::layout::{Tone, View, bar, clean, shorten, wrap};
use crate::number::{percent, ratio};
use crate::{CaseReport, CommunicationReport, TeamReport};

const SHOWN: usize = 8;

/// Communication, links and stages.
pub(super) fn team_block(case: &CaseReport, team: &TeamReport, view: View) -> String {
    let mut text = section(view, "What the devices said to each other");
    text += &communication(case, team, view);
    if team.dimensions.len() > 1 {
        text += &dimensions(case, team, view);
    }
    let used: Vec<_> = team.links.iter().filter(|link| link.bytes > 0.0).collect();
    if !used.is_empty() {
        text += &section(view, "How busy the links were");
        let mut table = Columns::new(Some(Tone::Bad));
        table.add("links", '<', 0, used.iter().map(|link| shorten(&link.name, 40)));
        table.add("bytes", '>', 1, used.iter().map(|link| bytes(link.bytes)));
        table.add("busiest", '>', 0, used.iter().map(|link| percent(link.utilization)));
        table.add("", '<', 2, used.iter().map(|link| bar(link.utilization, 20)));
        text += &table.fit(view).render(view);
    }
    if team.stages.len() > 1 {
        text += &section(view, "Where the time of the stages goes");
        text += &stages(case, team, view);
    }
    text
}

// The longest first.
fn communication(case: &CaseReport, team: &TeamReport, view: View) -> String {
    if team.communication.is_empty() {
        return view.paint(Tone::Dim, "  nothing") + "\n";
    }
    let mut longest: Vec<&CommunicationReport> = team.communication.iter().collect();
    longest.sort_by(|a, b| b.time_s.total_cmp(&a.time_s));
    let most = if view.verbose { usize::MAX } else { SHOWN };
    let of_run = |time: f64| ratio(time, case.time_s).map(percent).unwrap_or_default();
    let mut table = Columns::new(None);
    let mut add = |heading: &str, side: char, drop: u8, cell: &dyn Fn(&CommunicationReport) -> String| {
        table.add(heading, side, drop, longest.iter().take(most).map(|one| cell(one)));
    };
    add("collective", '<', 0, &|one| shorten(&one.name, 28));
    add("over", '<', 1, &|one| format!("{} {}", one.dimension, one.ranks));
    add("runs", '>', 3, &|one| one.count.to_string());
    add("each", '>', 2, &|one| bytes(one.bytes as f64 / one.count.max(1) as f64));
    add("time", '>', 0, &|one| time(one.time_s));
    add("exposed", '>', 0, &|one| of_run(one.exposed_s));
    add("waiting", '>', 5, &|one| {
        if one.waiting_for_ranks_s > 0.0 { time(one.waiting_for_ranks_s) } else { String::new() }
    });
    add("bus bandwidth", '>', 4, &|one| BytesPerSec(one.bus_bandwidth).to_string());
    add("as", '<', 6, &|one| one.way.clone());
    let mut text = table.fit(view).render(view);
    if longest.len() > most {
        text +=
            &(view.paint(Tone::Dim, &format!("  and {} more (-v shows all)", longest.len() - most)) + "\n");
    }
    let line = format!(
        "{} of the run is exposed communication; {} of the collectives' time is hidden behind other work.",
        team.exposed_communication.map(percent).unwrap_or_default(),
        team.overlapped_communication.map(percent).unwrap_or_default()
    );
    text + &view.paint(Tone::Title, wrap(&clean(&line), view.width, "", "").trim_end()) + "\n"
}

fn dimensions(case: &CaseReport, team: &TeamReport, view: View) -> String {
    let of_run = |time: f64| ratio(time, case.time_s).map(percent).unwrap_or_default();
    let list: Vec<String> = team
        .dimensions
        .iter()
        .map(|one| format!("{} {} ({} exposed)", one.name, time(one.time_s), of_run(one.exposed_s)))
        .collect();
    let line = format!("By dimension: {}.", list.join(", "));
    view.paint(Tone::Dim, wrap(&clean(&line), view.width, "", "  ").trim_end()) + "\n"
}

fn stages(case: &CaseReport, team: &TeamReport, view: View) -> String {
    let of_run = |time: f64| ratio(time, case.time_s).map(percent).unwrap_or_default();
    let most = if view.verbose { usize::MAX } else { 2 * SHOWN };
    let shown = || team.stages.iter().take(most);
    let mut table = Columns::new(Some(Tone::Good));
    table.add("stage", '>', 0, shown().map(|stage| stage.stage.to_string()));
    table.add("at work", '>', 0, shown().map(|stage| of_run(stage.running_s)));
    table.add("communication", '>', 1, shown().map(|stage| of_run(stage.communication_s)));
    table.add("bubble", '>', 0, shown().map(|stage| of_run(stage.bubble_s)));
    table.add("", '<', 2, shown().map(|stage| bar(ratio(stage.running_s, case.time_s).unwrap_or(0.0), 20)));
    let mut text = table.fit(view).render(view);
    if team.stages.len() > most {
        let line = format!("  and {} more (-v shows all)", team.stages.len() - most);
        text += &(view.paint(Tone::Dim, &line) + "\n");
    }
    text
}

fn time(seconds: f64) -> String {
    Picos::from_secs_f64_ceil(seconds).to_string()
}

fn bytes(count: f64) -> String {
    memwall_units::Bytes(count.round().max(0.0) as u64).to_string()
}
