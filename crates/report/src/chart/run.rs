//! The charts of a run.

use memwall_units::{Bytes, Flops, Picos};

use super::tables::{case_table, published_figures, published_table};
use super::timeline::Naming;
use super::{Chart, Figure, Machine, Roofline, Section, StackedBars, Timeline, Unit, layers, slug, team};
use crate::number::{count, percent, significant, times};
use crate::{CaseReport, Document, EngineReport, TierReport, TrainingReport, cause_text, wall_sentence};

/// Cases with charts of their own; more are only compared.
const MOST_CASES: usize = 12;
/// Spans of all timelines together: a page must open at once.
const MOST_SPANS: usize = 40_000;

/// The charts of a document: what its cases have in common where there are several, then each case.
///
/// `machines` are the cases' devices; `timelines` what happened when, with the names of the fabric's levels, where that
/// was noted. Both are in the order of the cases.
#[must_use]
pub fn run_sections(
    document: &Document,
    machines: &[Machine],
    timelines: &[(&memwall_simulator::Timeline, Vec<String>)],
) -> Vec<Section> {
    let mut sections = Vec::new();
    let several = document.cases.len() > 1;
    if several {
        sections.push(comparison(document));
    }
    let mut taken: Vec<String> = sections.iter().map(|section: &Section| section.id.clone()).collect();
    let shown = document.cases.len().min(MOST_CASES);
    for (index, case) in document.cases.iter().take(MOST_CASES).enumerate() {
        let id = slug(&case.name, &taken);
        taken.push(id.clone());
        let prefix = if several { format!("{id}-") } else { String::new() };
        let nothing = Machine::default();
        let machine = machines.get(index).unwrap_or(&nothing);
        let mut figures = Vec::new();
        let mut add = |name: &str, title: &str, summary: String, chart: Chart| {
            let id = format!("{prefix}{name}");
            figures.push(Figure { id, title: title.to_owned(), summary, chart });
        };
        case_figures(case, machine, &mut add);
        if let Some(report) = &case.team {
            team::team_figures(report, &mut add);
        }
        if let Some(training) = &case.training {
            training_figures(case, training, &mut add);
        }
        if let Some((timeline, levels)) = timelines.get(index) {
            timeline_figures(case, machine, timeline, levels, MOST_SPANS / shown, &mut add);
        }
        sections.push(Section {
            id,
            title: case.name.clone(),
            lead: wall_sentence(case),
            facts: facts(case),
            figures,
            tables: Vec::new(),
            notes: case.notes.clone(),
        });
    }
    sections
}

/// The pictures of an iteration of training.
fn training_figures(case: &CaseReport, training: &TrainingReport, add: &mut Add) {
    let pictures = &training.pictures;
    let pipeline = pictures.pipeline.clone().map(|it| ("pipeline", it.figure("pipeline", &case.workload)));
    let memory = pictures.memory.clone().map(|it| ("memory-over-time", it.figure("memory", &case.name)));
    for (name, figure) in pipeline.into_iter().chain(memory) {
        add(name, &figure.title, figure.summary, figure.chart);
    }
}

/// Takes a figure: its name, title, summary and chart.
pub(super) type Add<'a> = dyn FnMut(&str, &str, String, Chart) + 'a;

fn comparison(document: &Document) -> Section {
    let bars = document.cases.iter().map(|case| (case.name.clone(), main_ledger(case))).collect();
    let chart = StackedBars::new("time", "case", Unit::Seconds, bars);
    let summary = "The time of each case, by what its main engine did: computing, or stalled, and on what.";
    let mut figures = vec![Figure {
        id: "comparison".to_owned(),
        title: "Time of each case".to_owned(),
        summary: summary.to_owned(),
        chart: Chart::StackedBars(chart),
    }];
    figures.extend(published_figures(document));
    let mut tables = vec![("Key figures".to_owned(), case_table(document))];
    tables.extend(published_table(document).map(|table| ("Published and ours".to_owned(), table)));
    let mut notes = Vec::new();
    if document.cases.len() > MOST_CASES {
        notes.push(format!(
            "Only the first {MOST_CASES} cases have charts of their own; `--case` picks others."
        ));
    }
    Section {
        id: "comparison".to_owned(),
        title: "All cases".to_owned(),
        lead: String::new(),
        facts: Vec::new(),
        figures,
        tables,
        notes,
    }
}

/// The run's time by what the main engine did.
fn main_ledger(case: &CaseReport) -> Vec<(String, f64)> {
    let main = case.engines.iter().find(|engine| Some(&engine.name) == case.main_engine.as_ref());
    main.map_or_else(|| vec![("idle".to_owned(), case.time_s)], |engine| ledger(engine, case.time_s))
}

/// The ledger of an engine, scaled to add up to `whole`.
fn ledger(engine: &EngineReport, whole: f64) -> Vec<(String, f64)> {
    let mut parts = vec![("compute".to_owned(), engine.share(engine.busy_ps) * whole)];
    parts.extend(engine.stalls.iter().map(|stall| (cause_text(stall), engine.share(stall.ps) * whole)));
    parts
}

fn case_figures(case: &CaseReport, machine: &Machine, add: &mut Add) {
    let roofline = Roofline::new(case, machine);
    if !roofline.dots.is_empty() {
        let mut summary =
            "Each operator by its FLOPs for each byte moved (across) and the FLOPs a second it reached \
            (up), once for every tier: the further below its roof, the more time something else cost. A dot far to the right of its roof's end \
            is not shown: the tier hardly has anything to do."
                .to_owned();
        if !roofline.without_flops.is_empty() {
            summary += &format!(" Without FLOPs, so not shown: {}.", roofline.without_flops.join(", "));
        }
        add("roofline", "Roofline", summary, Chart::Roofline(roofline));
    }
    let mut slowest: Vec<_> = case.operators.iter().filter(|op| op.time_s > 0.0).collect();
    slowest.sort_by(|a, b| b.time_s.total_cmp(&a.time_s));
    if !slowest.is_empty() {
        let bars =
            slowest.iter().take(20).map(|op| (op.name.clone(), layers::shares(op, op.time_s))).collect();
        let chart = StackedBars::new("time", "operator", Unit::Seconds, bars);
        let summary =
            "The time of each operator, the slowest first, by what the engine it runs on did.".to_owned();
        add("operators", "Stalls by operator", summary, Chart::StackedBars(chart));
    }
    let engines: Vec<_> = case.engines.iter().filter(|engine| engine.total_ps() > 0).collect();
    if !engines.is_empty() {
        let bars = engines.iter().map(|engine| (engine.name.clone(), ledger(engine, 1.0))).collect();
        let chart = StackedBars::new("share of the time", "engine", Unit::Share, bars);
        let summary = "Where the time of each engine went. Every bar is the whole run.".to_owned();
        add("engines", "Stalls by engine", summary, Chart::StackedBars(chart));
    }
    let tiers: Vec<&TierReport> =
        case.tiers.iter().filter(|tier| tier.bytes_read > 0 || tier.bytes_written > 0).collect();
    if !tiers.is_empty() {
        let bar = |tier: &&TierReport| {
            let busy = tier.bandwidth_utilization.map(percent);
            let name = busy.map_or_else(|| tier.name.clone(), |busy| format!("{} ({busy} busy)", tier.name));
            (name, vec![tier.bytes_read as f64, tier.bytes_written as f64])
        };
        let parts = [("read", "read"), ("written", "written")];
        let chart = StackedBars::of_parts("bytes", "tier", Unit::Bytes, &parts, tiers.iter().map(bar));
        let summary =
            "Bytes that moved at each tier, the innermost first, and the part of the run in which its \
            bandwidth was needed."
                .to_owned();
        add("traffic", "Traffic by tier", summary, Chart::StackedBars(chart));
    }
}

fn timeline_figures(
    case: &CaseReport,
    machine: &Machine,
    timeline: &memwall_simulator::Timeline,
    levels: &[String],
    most: usize,
    add: &mut Add,
) {
    if let Some(chart) = layers::layers(case, timeline) {
        let summary =
            "The time of each layer over all steps, by what the engine did. A kernel's stalls are divided \
            over the layers by time."
                .to_owned();
        add("layers", "Stalls by layer", summary, Chart::StackedBars(chart));
    }
    if !timeline.intervals.is_empty() {
        let chart =
            Timeline::new(timeline, &Naming { noun: "stage", levels }, most).with_tiers(case, machine);
        add("timeline", "Timeline", timeline_summary(&chart), Chart::Timeline(chart));
    }
}

pub(super) fn timeline_summary(chart: &Timeline) -> String {
    let mut summary = "What ran when, coloured by what held it.".to_owned();
    if !chart.tiers.is_empty() {
        summary += " The stronger a tier's colour, the more of its bandwidth the kernel needed (mean of the operator).";
    }
    if chart.left_out > 0 {
        let until = Unit::Seconds.text(chart.end_ns as f64 / 1e9);
        summary +=
            &format!(" The first {until} of the run; {} later spans have no room here.", chart.left_out);
    }
    summary
}

/// What the summary of a case says in figures.
fn facts(case: &CaseReport) -> Vec<(String, String)> {
    let seconds = |value: f64| Picos::from_secs_f64_ceil(value).to_string();
    let bytes = |count: u128| Bytes(u64::try_from(count).unwrap_or(u64::MAX)).to_string();
    let machine = case.team.as_ref().map_or_else(
        || case.device.title.clone(),
        |team| format!("{}: {} x {}, {}", team.system, team.ranks, case.device.title, team.parallel),
    );
    let over = case.times_roofline.map(|factor| format!("{} ({})", times(factor), seconds(case.roofline_s)));
    let utilisation = if case.training.is_some() { "utilisation (HFU)" } else { "utilisation (MFU)" };
    let facts = [
        ("time", Some(Picos(case.time_ps).to_string())),
        ("prefill (TTFT)", case.ttft_s.map(seconds)),
        ("a token (TPOT)", case.tpot_s.map(seconds)),
        ("tokens a second", case.tokens_per_s.filter(|rate| *rate > 0.0).map(count)),
        ("bound by", Some(case.bound_by.clone())),
        ("over the roofline", over),
        (utilisation, case.mfu.map(percent)),
        ("FLOPs", Some(Flops(case.flops).to_string())),
        ("bytes accessed", Some(bytes(case.mops_bytes))),
        ("DRAM bytes", Some(bytes(case.dram_bytes))),
        ("FLOPs a DRAM byte", case.intensity_dram.map(|value| significant(value, 4))),
        ("communication", case.team.as_ref().and_then(|team| team.exposed_communication).map(percent)),
        (
            "pipeline bubble",
            case.team.as_ref().and_then(|team| team.bubble).filter(|b| *b > 0.0).map(percent),
        ),
        ("model", Some(case.model.clone())),
        ("machine", Some(machine)),
        ("workload", Some(case.workload.clone())),
        ("software", Some(format!("{}, fidelity {}", case.software, case.fidelity.name()))),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
