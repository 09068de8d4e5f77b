//! `memwall run`.

use std::path::Path;

use memwall_explore::run_scenario;
use memwall_report::Document;
use memwall_scenario::Scenario;

use super::scenario::read;
use super::{cannot_write, deliver};
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
    let document = match run_scenario(&scenario) {
        Ok(document) => document,
        Err(error) => {
            complain(&format!("error: {}: {error}", shown_name(&args.scenario.file)));
            return if error.is_limit() { Exit::Limit } else { Exit::InvalidInput };
        }
    };
    let text = match render(args, &document, global) {
        Ok(text) => text,
        Err(error) => {
            complain(&format!("error: the result cannot be written as JSON: {error}"));
            return Exit::Internal;
        }
    };
    match deliver(args.output.as_deref(), &text) {
        Exit::Ok if !document.expectations_hold() => {
            complain_of_expectations(args, &document);
            Exit::ExpectationFailed
        }
        exit => exit,
    }
}

fn render(args: &RunArgs, document: &Document, global: &Global) -> Result<String, serde_json::Error> {
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

/// The table says which expectations failed; the other formats go to programs, so a person is told here.
fn complain_of_expectations(args: &RunArgs, document: &Document) {
    if args.format == Format::Table && args.output.is_none() {
        return;
    }
    for case in &document.cases {
        for failed in case.expectations.iter().filter(|checked| !checked.passed) {
            complain(&format!("expectation failed: {}: {}", case.name, failed.text));
        }
    }
}

fn dry_run(args: &RunArgs, scenario: &Scenario, global: &Global) -> Exit {
    let mut text = String::new();
    let several = scenario.cases.len() > 1;
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
        if several {
            let name = scenario.cases.get(index - 1).map(|case| case.name.as_str()).unwrap_or_default();
            text.push_str(&format!("{}--- # {name}\n", if text.is_empty() { "" } else { "\n" }));
        }
        text.push_str(&resolved.to_yaml());
    }
    deliver(args.output.as_deref(), &text)
}
