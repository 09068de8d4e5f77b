//! `memwall run`.

mod export;

use std::path::Path;

use memwall_explore::plan::{PlanError, run_plans};
use memwall_explore::{
    RunError, replay_pictures, run_collectives, run_memories, run_microbenchmarks, run_pictures,
    run_recomputes, run_replays_with, run_scenario_with, run_trends, trend_pictures,
};
use memwall_report::chart::{
    Section, collective_sections, curve_sections, memory_sections, plan_sections, recompute_sections,
};
use memwall_report::{
    Checked, CollectiveDocument, CurveDocument, Document, MemoryDocument, PlanDocument, RecomputeDocument,
    ReplayDocument, TrendDocument, perfetto_trace,
};
use memwall_scenario::{Case, KindSpec, Scenario};
use memwall_simulator::Timeline;

use super::scenario::read;
use super::{cannot_write, deliver, pictures};
use crate::args::{Format, Global, RunArgs};
use crate::exit::Exit;
use crate::files::{Disk, check_target, shown_name};
use crate::terminal::{color_messages, complain, view, width};

/// Runs a scenario and prints its report.
pub fn run(args: &RunArgs, global: &Global) -> Exit {
    let scenario = match read(&args.scenario, args.fidelity, global) {
        Ok(scenario) => scenario,
        Err(exit) => return exit,
    };
    // Told now, not after a long run.
    if let Some(Err(message)) = args.output.as_deref().map(check_target) {
        return cannot_write(args.output.as_deref().unwrap_or(Path::new("-")), &message);
    }
    if args.dry_run {
        return dry_run(args, &scenario, global);
    }
    if let Err(exit) = pictures::check(&args.pictures) {
        return exit;
    }
    let wants_trace = args.trace.is_some() || args.chakra.is_some();
    let wants_timeline = wants_trace || pictures::wanted(&args.pictures);
    if wants_trace && scenario.kind != KindSpec::Run {
        let option = if args.trace.is_some() { "--trace" } else { "--chakra" };
        let kind = scenario.kind.name();
        complain(&format!("error: {option}: a scenario of kind `{kind}` has no timeline"));
        return Exit::InvalidInput;
    }
    if let Some(path) = args.trace.as_deref()
        && let Err(message) = check_target(path)
    {
        return cannot_write(path, &message);
    }
    if let Some(path) = args.chakra.as_deref().filter(|path| path.exists() && !path.is_dir()) {
        return cannot_write(path, "it is no folder");
    }
    let (result, timelines) = match simulate(&scenario, wants_timeline) {
        Ok(result) => result,
        Err(error) => {
            complain(&format!("error: {}: {}", shown_name(&args.scenario.file), error.text));
            return if error.is_limit { Exit::Limit } else { Exit::InvalidInput };
        }
    };
    let text = match result.render(args, global) {
        Ok(text) => text,
        Err(error) => {
            complain(&format!("error: the result cannot be written as JSON: {error}"));
            return Exit::Internal;
        }
    };
    if let Some(path) = args.trace.as_deref() {
        match write_trace(path, &scenario, &timelines) {
            Exit::Ok => {}
            exit => return exit,
        }
    }
    if let Some(folder) = args.chakra.as_deref() {
        match export::write(folder, &scenario, &timelines) {
            Exit::Ok => {}
            exit => return exit,
        }
    }
    if pictures::wanted(&args.pictures) {
        match pictures::write(&args.pictures, &scenario, result.sections(&scenario, &timelines)) {
            Exit::Ok => {}
            exit => return exit,
        }
    }
    match deliver(args.output.as_deref(), &text) {
        Exit::Ok if !result.failed_expectations().is_empty() => {
            complain_of_expectations(args, &result);
            Exit::ExpectationFailed
        }
        exit => exit,
    }
}

/// What came out, by the kind of the scenario.
enum Outcome {
    Run(Document),
    Curves(CurveDocument),
    Collectives(CollectiveDocument),
    Replays(ReplayDocument),
    Plans(PlanDocument),
    Trends(TrendDocument),
    Memories(MemoryDocument),
    Recomputes(RecomputeDocument),
}

/// Runs it; with what happened when, if that is asked for.
fn simulate(scenario: &Scenario, timeline: bool) -> Result<(Outcome, Vec<Timeline>), Failed> {
    match scenario.kind {
        KindSpec::Run => {
            let (document, timelines) = run_scenario_with(scenario, timeline)?;
            Ok((Outcome::Run(document), timelines))
        }
        KindSpec::Microbenchmark => Ok((Outcome::Curves(run_microbenchmarks(scenario)?), Vec::new())),
        KindSpec::Collective => Ok((Outcome::Collectives(run_collectives(scenario)?), Vec::new())),
        KindSpec::Replay => {
            let (document, timelines) = run_replays_with(scenario, timeline)?;
            Ok((Outcome::Replays(document), timelines))
        }
        KindSpec::Plan => Ok((Outcome::Plans(run_plans(scenario, None, &|_, _| {})?), Vec::new())),
        KindSpec::Trend => Ok((Outcome::Trends(run_trends(scenario)), Vec::new())),
        KindSpec::Memory => Ok((Outcome::Memories(run_memories(scenario)?), Vec::new())),
        KindSpec::Recompute => Ok((Outcome::Recomputes(run_recomputes(scenario)?), Vec::new())),
    }
}

/// Why there is no result, and whether a limit is the reason.
struct Failed {
    text: String,
    is_limit: bool,
}

impl From<RunError> for Failed {
    fn from(error: RunError) -> Self {
        Self { text: error.to_string(), is_limit: error.is_limit() }
    }
}

impl From<PlanError> for Failed {
    fn from(error: PlanError) -> Self {
        Self { text: error.to_string(), is_limit: error.is_limit() }
    }
}

/// Writes the trace file.
fn write_trace(path: &Path, scenario: &Scenario, timelines: &[Timeline]) -> Exit {
    let levels = |case: &Case| {
        let levels = case.team.iter().flat_map(|team| team.system.fabric().levels());
        levels.map(|level| level.title.clone()).collect::<Vec<_>>()
    };
    let cases: Vec<(&str, &Timeline, Vec<String>)> = scenario
        .cases
        .iter()
        .zip(timelines)
        .map(|(case, timeline)| (case.name.as_str(), timeline, levels(case)))
        .collect();
    match perfetto_trace(&cases, "stage") {
        Ok(text) => deliver(Some(path), &text),
        Err(error) => {
            complain(&format!("error: the trace cannot be written as JSON: {error}"));
            Exit::Internal
        }
    }
}

impl Outcome {
    /// Its charts.
    fn sections(&self, scenario: &Scenario, timelines: &[Timeline]) -> Vec<Section> {
        match self {
            Self::Run(document) => run_pictures(scenario, document, timelines),
            Self::Curves(document) => curve_sections(document),
            Self::Collectives(document) => collective_sections(document),
            Self::Replays(document) => replay_pictures(scenario, document, timelines),
            Self::Plans(document) => plan_sections(document),
            Self::Trends(document) => trend_pictures(scenario, document),
            Self::Memories(document) => memory_sections(document),
            Self::Recomputes(document) => recompute_sections(document),
        }
    }

    fn render(&self, args: &RunArgs, global: &Global) -> Result<String, serde_json::Error> {
        let mut view = view(global);
        view.color = view.color && args.output.is_none();
        match (self, args.format) {
            (Self::Run(document), Format::Json) => document.to_json(),
            (Self::Run(document), Format::Csv) => Ok(document.to_csv()),
            (Self::Run(document), Format::Table) => Ok(document.to_table(view)),
            (Self::Curves(document), Format::Json) => document.to_json(),
            (Self::Curves(document), Format::Csv) => Ok(document.to_csv()),
            (Self::Curves(document), Format::Table) => Ok(document.to_table(view)),
            (Self::Collectives(document), Format::Json) => document.to_json(),
            (Self::Collectives(document), Format::Csv) => Ok(document.to_csv()),
            (Self::Collectives(document), Format::Table) => Ok(document.to_table(view)),
            (Self::Replays(document), Format::Json) => document.to_json(),
            (Self::Replays(document), Format::Csv) => Ok(document.to_csv()),
            (Self::Replays(document), Format::Table) => Ok(document.to_table(view)),
            (Self::Plans(document), Format::Json) => document.to_json(),
            (Self::Plans(document), Format::Csv) => Ok(document.to_csv()),
            (Self::Plans(document), Format::Table) => Ok(document.to_table(view)),
            (Self::Trends(document), Format::Json) => document.to_json(),
            (Self::Trends(document), Format::Csv) => Ok(document.to_csv()),
            (Self::Trends(document), Format::Table) => Ok(document.to_table(view)),
            (Self::Memories(document), Format::Json) => document.to_json(),
            (Self::Memories(document), Format::Csv) => Ok(document.to_csv()),
            (Self::Memories(document), Format::Table) => Ok(document.to_table(view)),
            (Self::Recomputes(document), Format::Json) => document.to_json(),
            (Self::Recomputes(document), Format::Csv) => Ok(document.to_csv()),
            (Self::Recomputes(document), Format::Table) => Ok(document.to_table(view)),
        }
    }

    /// Case and words of each.
    fn failed_expectations(&self) -> Vec<(&str, &str)> {
        let cases: Vec<(&str, &[Checked])> = match self {
            Self::Run(document) => {
                document.cases.iter().map(|case| (&case.name[..], &case.expectations[..])).collect()
            }
            Self::Replays(_) | Self::Plans(_) => Vec::new(),
            Self::Recomputes(document) => {
                document.cases.iter().map(|case| (&case.name[..], &case.expectations[..])).collect()
            }
            Self::Memories(document) => {
                document.cases.iter().map(|case| (&case.name[..], &case.expectations[..])).collect()
            }
            Self::Trends(document) => {
                document.cases.iter().map(|case| (&case.name[..], &case.expectations[..])).collect()
            }
            Self::Collectives(document) => {
                document.cases.iter().map(|case| (&case.name[..], &case.expectations[..])).collect()
            }
            Self::Curves(document) => {
                document.cases.iter().map(|case| (&case.name[..], &case.expectations[..])).collect()
            }
        };
        let mut failed = Vec::new();
        for (case, checked) in cases {
            failed.extend(checked.iter().filter(|one| !one.passed).map(|one| (case, &one.text[..])));
        }
        failed
    }
}

/// The table says which expectations failed; the other formats go to programs, so a person is told here.
fn complain_of_expectations(args: &RunArgs, result: &Outcome) {
    if args.format == Format::Table && args.output.is_none() {
        return;
    }
    for (case, text) in result.failed_expectations() {
        complain(&format!("expectation failed: {case}: {text}"));
    }
}

fn dry_run(args: &RunArgs, scenario: &Scenario, global: &Global) -> Exit {
    let mut text = String::new();
    let names = scenario.case_names();
    let mut index = 0;
    while let Some(resolved) = scenario.resolved(index, &Disk) {
        index += 1;
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(problems) => {
                complain(&problems.render(color_messages(global), width()));
                return Exit::InvalidInput;
            }
        };
        if names.len() > 1 {
            let name = names.get(index - 1).copied().unwrap_or_default();
            text.push_str(&format!("{}--- # {name}\n", if text.is_empty() { "" } else { "\n" }));
        }
        text.push_str(&resolved.to_yaml());
    }
    deliver(args.output.as_deref(), &text)
}
