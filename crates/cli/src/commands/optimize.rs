//! `memwall optimize`.

use std::path::Path;

use memwall_explore::optimize::{OptimizeError, optimize as run};
use memwall_report::OptimizeDocument;
use memwall_report::chart::optimize_sections;
use memwall_scenario::{Diagnostics, Points};

use super::scenario::read;
use super::{cannot_write, deliver, pictures};
use crate::args::{Format, Global, OptimizeArgs};
use crate::exit::Exit;
use crate::files::{Disk, check_target, shown_name};
use crate::terminal::{color_messages, complain, view, width};

/// Screens all designs that a scenario's `sweep:` spans and simulates the best.
pub fn optimize(args: &OptimizeArgs, global: &Global) -> Exit {
    if let Some(Err(message)) = args.output.as_deref().map(check_target) {
        return cannot_write(args.output.as_deref().unwrap_or(Path::new("-")), &message);
    }
    if let Err(exit) = pictures::check(&args.pictures) {
        return exit;
    }
    let mut scenario = match read(&args.scenario, None, global) {
        Ok(scenario) => scenario,
        Err(exit) => return exit,
    };
    let name = shown_name(&args.scenario.file);
    let Some(goal) = scenario.optimize.clone() else {
        complain(&format!(
            "error: {name} does not say what to optimize\n  = help: add such as `optimize: {{ minimize: [time, area] }}`, \
             and the free parameters as `sweep: {{ axes: ... }}`"
        ));
        return Exit::InvalidInput;
    };
    let sweep = match scenario.sweep_with(&args.axes, None) {
        Ok(sweep) => sweep,
        Err(problems) => return show(&problems, global),
    };
    if let Err(problems) = Points::new(&scenario, &sweep.axes, &Disk).check_paths() {
        return show(&problems, global);
    }
    let document = match run(&scenario, &sweep, &goal, &Disk) {
        Ok(document) => document,
        Err(error) => return failed(name, &error, global),
    };
    if pictures::wanted(&args.pictures) {
        match pictures::write(&args.pictures, &scenario, optimize_sections(&document)) {
            Exit::Ok => {}
            exit => return exit,
        }
    }
    match render(args, &document, global) {
        Ok(text) => deliver(args.output.as_deref(), &text),
        Err(error) => {
            complain(&format!("error: the result cannot be written as JSON: {error}"));
            Exit::Internal
        }
    }
}

fn show(problems: &Diagnostics, global: &Global) -> Exit {
    complain(&problems.render(color_messages(global), width()));
    Exit::InvalidInput
}

fn failed(name: &str, error: &OptimizeError, global: &Global) -> Exit {
    if let OptimizeError::Wrong(problems) = error {
        return show(problems, global);
    }
    complain(&format!("error: {name}: {error}"));
    match error {
        OptimizeError::TooLong(_) | OptimizeError::TooMuch { .. } => Exit::Limit,
        OptimizeError::Run(error) if error.is_limit() => Exit::Limit,
        _ => Exit::InvalidInput,
    }
}

fn render(
    args: &OptimizeArgs,
    document: &OptimizeDocument,
    global: &Global,
) -> Result<String, serde_json::Error> {
    match args.format {
        Format::Json => document.to_json(),
        Format::Csv => Ok(document.to_csv()),
        Format::Table => {
            let mut view = view(global);
            view.color = view.color && args.output.is_none();
            Ok(document.to_table(view))
        }
    }
}
