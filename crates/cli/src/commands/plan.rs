//! `memwall plan`.

use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use memwall_explore::plan::{PlanError, run_plans};
use memwall_report::PlanDocument;
use memwall_report::chart::plan_sections;
use memwall_scenario::KindSpec;

use super::scenario::read;
use super::{cannot_write, deliver, deliver_document, pictures};
use crate::args::{Format, Global, PlanArgs, Program};
use crate::exit::Exit;
use crate::files::{check_target, shown_name};
use crate::terminal::{complain, view};

/// Looks for the best way to train what a scenario says.
pub fn plan(args: &PlanArgs, global: &Global) -> Exit {
    if let Some(Err(message)) = args.output.as_deref().map(check_target) {
        return cannot_write(args.output.as_deref().unwrap_or(Path::new("-")), &message);
    }
    if let Err(exit) = pictures::check(&args.pictures) {
        return exit;
    }
    let mut of = args.scenario.clone();
    of.sets.extend(args.top.map(|top| format!("plan.simulate={top}")));
    let scenario = match read(&of, None, global) {
        Ok(scenario) => scenario,
        Err(exit) => return exit,
    };
    let name = shown_name(&args.scenario.file);
    if scenario.kind != KindSpec::Plan {
        let kind = scenario.kind.name();
        complain(&format!(
            "error: {name} is a scenario of kind `{kind}`, which plans nothing\n  = help: add `kind: plan`, a `model`, a \
             `system` and `workload: {{ batch: 2048, prompt: 4096 }}`"
        ));
        return Exit::InvalidInput;
    }
    let bar = bar(global);
    let threads = args.threads.map(|threads| threads as usize);
    let document = run_plans(&scenario, threads, &|done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let document = match document {
        Ok(document) => document,
        Err(error) => return failed(name, &error),
    };
    if pictures::wanted(&args.pictures) {
        match pictures::write(&args.pictures, &scenario, plan_sections(&document)) {
            Exit::Ok => {}
            exit => return exit,
        }
    }
    match args.config {
        Some(program) => configure(args, name, &document, program),
        None => deliver_document(args.output.as_deref(), render(args, &document, global)),
    }
}

/// Says why there is no plan.
pub fn failed(name: &str, error: &PlanError) -> Exit {
    complain(&format!("error: {name}: {error}"));
    if error.is_limit() { Exit::Limit } else { Exit::InvalidInput }
}

/// The best plan of each case in the words of a program.
fn configure(args: &PlanArgs, name: &str, document: &PlanDocument, program: Program) -> Exit {
    let mut text = String::new();
    for case in &document.cases {
        let Some(config) = &case.config else {
            let why = case.notes.last().map(String::as_str).unwrap_or_default();
            complain(&format!("error: {name}: {}: there is no plan to write down. {why}", case.name));
            return Exit::InvalidInput;
        };
        if document.cases.len() > 1 {
            text += &format!("# {}\n", case.name);
        }
        text += match program {
            Program::Megatron => &config.megatron,
            Program::Torchtitan => &config.torchtitan,
        };
    }
    deliver(args.output.as_deref(), &text)
}

fn render(args: &PlanArgs, document: &PlanDocument, global: &Global) -> Result<String, serde_json::Error> {
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

fn bar(global: &Global) -> ProgressBar {
    if global.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} plans, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar
}
