//! `memwall validate`.

use std::path::Path;

use memwall_explore::validate::{Overlay, validate_on};
use memwall_report::Validation;

use super::{cannot_write, deliver, measured_rows};
use crate::args::{Format, Global, ValidateArgs};
use crate::exit::Exit;
use crate::files::{check_target, read_text, shown_name};
use crate::terminal::{complain, view};

/// Compares predictions with measured rows.
pub fn validate(args: &ValidateArgs, global: &Global) -> Exit {
    if let Some(Err(message)) = args.output.as_deref().map(check_target) {
        return cannot_write(args.output.as_deref().unwrap_or(Path::new("-")), &message);
    }
    let readings = match measured_rows(&args.files) {
        Ok(readings) => readings,
        Err(exit) => return exit,
    };
    let mut overlay = Overlay::default();
    for file in &args.overlays {
        let added = read_text(file).and_then(|text| overlay.add(&text));
        if let Err(message) = added {
            complain(&format!("error: {}: {message}", shown_name(file)));
            return Exit::InvalidInput;
        }
    }
    let validation = validate_on(&readings, &|device, software| overlay.parts(device, software));
    if args.format != Format::Table && !global.quiet {
        for line in validation.problems.iter().chain(&validation.passed_over).chain(&validation.notes) {
            complain(&format!("note: {line}"));
        }
    }
    match render(args, &validation, global) {
        Ok(text) => deliver(args.output.as_deref(), &text),
        Err(error) => {
            complain(&format!("error: the result cannot be written as JSON: {error}"));
            Exit::Internal
        }
    }
}

fn render(
    args: &ValidateArgs,
    validation: &Validation,
    global: &Global,
) -> Result<String, serde_json::Error> {
    match args.format {
        Format::Json => validation.to_json(),
        Format::Csv => Ok(validation.to_csv()),
        Format::Table => {
            let mut view = view(global);
            view.color = view.color && args.output.is_none();
            Ok(validation.to_table(args.worst, view))
        }
    }
}
