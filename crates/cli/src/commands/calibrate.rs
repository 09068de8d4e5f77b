//! `memwall calibrate`.

use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use memwall_explore::calibrate::{Progress, Request, calibrate};
use memwall_report::Calibration;

use super::{cannot_write, deliver, measured_rows};
use crate::args::{CalibrateArgs, Global, TableOrJson};
use crate::exit::Exit;
use crate::files::{check_target, write_whole};
use crate::terminal::{complain, print, view};

/// Fits the figures of a device and a profile to measured rows.
pub fn run(args: &CalibrateArgs, global: &Global) -> Exit {
    if let Some(Err(message)) = args.output.as_deref().map(check_target) {
        return cannot_write(args.output.as_deref().unwrap_or(Path::new("-")), &message);
    }
    let readings = match measured_rows(&args.files) {
        Ok(readings) => readings,
        Err(exit) => return exit,
    };
    let request = Request {
        device: args.device.clone(),
        software: args.software.clone(),
        parameters: (!args.parameters.is_empty()).then(|| args.parameters.clone()),
    };
    let shown = (!global.quiet && std::io::stderr().is_terminal()).then(spinner);
    let fitted = calibrate(&readings, &request, &mut |progress| {
        if let Some(shown) = &shown {
            shown.set_message(progress_text(progress));
        }
    });
    if let Some(shown) = shown {
        shown.finish_and_clear();
    }
    let calibration = match fitted {
        Ok(calibration) => calibration,
        Err(error) => {
            for (_, reading) in &readings {
                for problem in reading.problems.iter().take(20) {
                    complain(&format!(
                        "note: {}:{}: {}",
                        problem.place.file, problem.place.line, problem.message
                    ));
                }
            }
            complain(&format!("error: {error}"));
            return Exit::InvalidInput;
        }
    };
    match result(args, &calibration, global) {
        Ok(text) => finish(args, &calibration, &text),
        Err(error) => {
            complain(&format!("error: the result cannot be written as JSON: {error}"));
            Exit::Internal
        }
    }
}

/// What goes to standard output. Without a file for the overlay it goes there too, the table as a comment above it, so
/// that the whole is still the overlay.
fn result(
    args: &CalibrateArgs,
    calibration: &Calibration,
    global: &Global,
) -> Result<String, serde_json::Error> {
    if args.format == TableOrJson::Json {
        return calibration.to_json();
    }
    let mut view = view(global);
    if args.output.is_some() {
        return Ok(calibration.to_table(view));
    }
    view.color = false;
    view.width = view.width.saturating_sub(2);
    let comment: String = calibration
        .to_table(view)
        .lines()
        .map(|line| if line.is_empty() { "#\n".to_owned() } else { format!("# {line}\n") })
        .collect();
    Ok(comment + &calibration.overlay)
}

/// The overlay first: a result is only told of when it is there.
fn finish(args: &CalibrateArgs, calibration: &Calibration, text: &str) -> Exit {
    let Some(path) = args.output.as_deref() else { return deliver(None, text) };
    match write_whole(path, &calibration.overlay) {
        Ok(()) => print(text),
        Err(message) => cannot_write(path, &message),
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}

fn progress_text(progress: Progress) -> String {
    let error = (progress.mean_abs_ln.exp() - 1.0) * 100.0;
    format!("{} parameters, step {}: {error:.1} % off on average", progress.parameters, progress.step)
}
