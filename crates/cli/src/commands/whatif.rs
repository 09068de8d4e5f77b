//! `memwall whatif`.

use memwall_explore::whatif::whatif as study;
use memwall_scenario::KindSpec;

use super::deliver_document;
use super::scenario::read;
use crate::args::{Format, Global, WhatifArgs};
use crate::exit::Exit;
use crate::files::{check_target, shown_name};
use crate::terminal::{complain, view};

/// Changes each figure of a scenario's machine and prints what that does.
pub fn whatif(args: &WhatifArgs, global: &Global) -> Exit {
    let scenario = match read(&args.scenario, args.fidelity, global) {
        Ok(scenario) => scenario,
        Err(exit) => return exit,
    };
    if let Some(path) = args.output.as_deref()
        && let Err(message) = check_target(path)
    {
        return super::cannot_write(path, &message);
    }
    let file = shown_name(&args.scenario.file);
    if scenario.kind != KindSpec::Run {
        let kind = scenario.kind.name();
        complain(&format!(
            "error: {file}: `whatif` needs a scenario of kind `run`, and this is of kind `{kind}`"
        ));
        return Exit::InvalidInput;
    }
    let document = match study(&scenario, args.by) {
        Ok(document) => document,
        Err(error) => {
            complain(&format!("error: {file}: {error}"));
            return if error.is_limit() { Exit::Limit } else { Exit::InvalidInput };
        }
    };
    let mut view = view(global);
    view.color = view.color && args.output.is_none();
    let text = match args.format {
        Format::Json => document.to_json(),
        Format::Csv => Ok(document.to_csv()),
        Format::Table => Ok(document.to_table(args.top, view)),
    };
    deliver_document(args.output.as_deref(), text)
}
