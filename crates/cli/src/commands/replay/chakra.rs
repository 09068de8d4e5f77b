//! `memwall replay` of Chakra execution traces.

use std::path::Path;

use memwall_hardware::{System, catalog};
use memwall_report::{TraceReplayReport, perfetto_trace};
use memwall_simulator::chakra::{CommunicatorGroups, ExecutionTrace};
use memwall_simulator::chakra_run::{TraceRecord, TraceRunError, TraceSetup, replicated, run_traces};

use crate::args::{CHAKRA, Format, Global, ReplayArgs};
use crate::commands::{cannot_write, deliver};
use crate::exit::Exit;
use crate::files::{check_target, read_bytes, read_text, shown_name};
use crate::terminal::{complain, view};

/// Whether the traces are Chakra execution traces: `--kind` says so, or, without it, the name of the first.
pub(super) fn is_meant(args: &ReplayArgs) -> bool {
    let by_name = || {
        let extension = args.traces.first().and_then(|trace| Path::new(trace).extension());
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case("et"))
    };
    args.kind.as_ref().map_or_else(by_name, |kind| kind == CHAKRA)
}

/// Replays the traces on a system and prints what came of it.
pub(super) fn replay(args: &ReplayArgs, system: &str, global: &Global) -> Exit {
    if let Some(path) = args.chakra.timeline.as_deref()
        && let Err(message) = check_target(path)
    {
        return cannot_write(path, &message);
    }
    let (report, record, system) = match report(args, system) {
        Ok(replayed) => replayed,
        Err((message, exit)) => {
            complain(&format!("error: {message}"));
            return exit;
        }
    };
    let text = match args.format {
        Format::Table => {
            let mut view = view(global);
            view.color = view.color && args.output.is_none();
            Ok(report.to_table(view))
        }
        Format::Csv => Ok(report.to_csv()),
        Format::Json => report.to_json(),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            complain(&format!("error: the result cannot be written as JSON: {error}"));
            return Exit::Internal;
        }
    };
    if let (Some(path), Some(timeline)) = (args.chakra.timeline.as_deref(), &record.timeline) {
        let levels = system.fabric().levels().iter().map(|level| level.title.clone()).collect();
        match perfetto_trace(&[(&report.source, timeline, levels)], "rank") {
            Ok(text) => match deliver(Some(path), &text) {
                Exit::Ok => {}
                exit => return exit,
            },
            Err(error) => {
                complain(&format!("error: the trace cannot be written as JSON: {error}"));
                return Exit::Internal;
            }
        }
    }
    deliver(args.output.as_deref(), &text)
}

type Failure = (String, Exit);

fn invalid(message: impl ToString) -> Failure {
    (message.to_string(), Exit::InvalidInput)
}

fn stopped(error: &TraceRunError) -> Failure {
    (error.to_string(), if error.is_limit() { Exit::Limit } else { Exit::InvalidInput })
}

fn report(args: &ReplayArgs, system: &str) -> Result<(TraceReplayReport, TraceRecord, System), Failure> {
    let mut system = catalog::system(system).map_err(invalid)?;
    if let Some(nodes) = args.chakra.nodes {
        system = system.with_nodes(nodes).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            invalid(format!("--nodes {nodes}: {}", errors.join("; ")))
        })?;
    }
    let device = args.device.as_deref().unwrap_or(&system.device);
    let device = catalog::device(device).map_err(invalid)?;
    let library = catalog::communication(&args.chakra.communication).map_err(invalid)?;
    let groups = groups(args.chakra.groups.as_deref())?;
    let files = args.traces.iter().map(|name| read(name)).collect::<Result<Vec<_>, _>>()?;
    // Before a trace is copied for each of very many ranks.
    let ranks = args.chakra.ranks.unwrap_or(files.len() as u32);
    let devices = system.fabric().devices();
    if ranks > devices {
        let error = TraceRunError::Devices { ranks, devices };
        return Err(invalid(format!("{}: {error}", system.name)));
    }
    let traces = if ranks as usize == files.len() {
        files
    } else {
        replicated(&files, ranks).map_err(|error| stopped(&error))?
    };
    let setup = TraceSetup {
        device: &device,
        fabric: system.fabric(),
        library: &library,
        groups: &groups,
        timeline: args.chakra.timeline.is_some(),
    };
    let record = run_traces(&setup, &traces).map_err(|error| stopped(&error))?;
    let report = TraceReplayReport::new(
        &source(&args.traces, ranks),
        &system.title,
        &device.title,
        &args.chakra.communication,
        &record,
    );
    Ok((report, record, system))
}

/// What is replayed, for people.
fn source(files: &[String], ranks: u32) -> String {
    let first = files.first().map(|file| shown_name(file)).unwrap_or_default();
    match files {
        [_] if ranks > 1 => format!("{first} for each of {ranks} ranks"),
        [_] => first.to_owned(),
        [_, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    }
}

fn groups(file: Option<&str>) -> Result<CommunicatorGroups, Failure> {
    let Some(file) = file else { return Ok(CommunicatorGroups::default()) };
    let name = shown_name(file);
    let text = read_text(file).map_err(|error| invalid(format!("{name}: {error}")))?;
    serde_json::from_str(&text).map_err(|error| invalid(format!("{name}: {error}")))
}

fn read(file: &str) -> Result<ExecutionTrace, Failure> {
    let name = shown_name(file);
    let bytes = read_bytes(file).map_err(|error| invalid(format!("{name}: {error}")))?;
    ExecutionTrace::read(&bytes).map_err(|error| invalid(format!("{name}: {error}")))
}
