//! `memwall sweep`.

mod merge;
mod output;

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use memwall_explore::{Shard, Spreads, SweepPlan, run_sweep};
use memwall_report::chart::{MOST_DRAWN, sweep_sections};
use memwall_report::{SweepRow, SweepSummary};
use memwall_scenario::{Diagnostics, Points, Scenario, Sweep};

use self::output::Output;
use super::pictures;
use super::scenario::{read, show};
use crate::args::{Global, ScenarioArgs, SweepArgs, SweepFormat};
use crate::exit::Exit;
use crate::files::{Disk, shown_name};
use crate::terminal::{complain, print, view};

/// Runs the points of a scenario's sweep, or merges what several machines made of one.
pub fn sweep(args: &SweepArgs, global: &Global) -> Exit {
    if let Some(message) = args.unclear_format() {
        complain(&format!("error: {message}"));
        return Exit::Usage;
    }
    if !args.merge.is_empty() {
        return merge::merge(args, global);
    }
    let (scenario, sweep) = match chosen(args, global) {
        Ok(chosen) => chosen,
        Err(exit) => return exit,
    };
    if let Err(problems) = Points::new(&scenario, &sweep.axes, &Disk).check_paths() {
        return refuse(&problems, global);
    }
    let plan = SweepPlan::new(&scenario, &sweep, args.seed, args.shard.unwrap_or(Shard::WHOLE));
    run(args, global, &plan, &scenario, sweep.uncertain)
}

/// The scenario of the command line and what of it to sweep.
fn chosen(args: &SweepArgs, global: &Global) -> Result<(Scenario, Sweep), Exit> {
    let file = args.file.clone().unwrap_or_default();
    let of = ScenarioArgs { file, sets: args.sets.clone(), cases: args.cases.clone() };
    let mut scenario = read(&of, args.fidelity, global)?;
    let only_uncertain = scenario.sweep.is_none() && scenario.uncertain.is_some();
    let wants_axes = !args.axes.is_empty() || args.sample.is_some();
    let sweep = match args.monte_carlo {
        Some(samples) => scenario.monte_carlo(samples),
        None if only_uncertain && !wants_axes => scenario.monte_carlo(None),
        None => scenario.sweep_with(&args.axes, args.sample),
    };
    let sweep = sweep.map_err(|problems| refuse(&problems, global))?;
    Ok((scenario, sweep))
}

fn refuse(problems: &Diagnostics, global: &Global) -> Exit {
    show(problems, global);
    Exit::InvalidInput
}

/// What is gathered of the rows while they pass.
struct Gathered {
    summary: SweepSummary,
    spreads: Option<Spreads>,
    /// Rows to draw, if they are: every so many-th.
    drawn: Option<(u64, Vec<SweepRow>)>,
}

impl Gathered {
    fn add(&mut self, row: &SweepRow) {
        self.summary.add(row);
        if let Some(spreads) = &mut self.spreads {
            spreads.add(row);
        }
        if let Some((every, rows)) = &mut self.drawn
            && (self.summary.total() - 1).is_multiple_of(*every)
        {
            rows.push(row.clone());
        }
    }
}

fn run(
    args: &SweepArgs,
    global: &Global,
    plan: &SweepPlan<'_>,
    scenario: &Scenario,
    uncertain: bool,
) -> Exit {
    let columns = plan.columns();
    let spreads = uncertain.then(|| Spreads::new(columns.clone()));
    if let Err(exit) = pictures::check(&args.pictures) {
        return exit;
    }
    let every = plan.rows().div_ceil(MOST_DRAWN as u64).max(1);
    let drawn = pictures::wanted(&args.pictures).then(|| (every, Vec::new()));
    let mut gathered = Gathered { summary: SweepSummary::new(columns.clone()), spreads, drawn };
    let mut output = match Output::open(args, plan, scenario, |row| gathered.add(row)) {
        Ok(output) => output,
        Err(exit) => return exit,
    };
    let first = output.rows_done();
    if first > 0 && !global.quiet {
        complain(&format!("note: going on after {first} of {} points", plan.rows()));
    }
    let interrupted = interruption();
    let bar = progress(global, plan.rows(), first);
    let mut failure = None;
    run_sweep(plan, first, threads(args), &Disk, |row| {
        if interrupted.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        gathered.add(&row);
        bar.inc(1);
        match output.push(&row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(exit) => {
                failure = Some(exit);
                ControlFlow::Break(())
            }
        }
    });
    bar.finish_and_clear();
    if let Some(exit) = failure {
        return exit;
    }
    if output.rows_done() < plan.rows() {
        return output.interrupted(plan.rows(), global);
    }
    if let Some((_, rows)) = gathered.drawn.take() {
        match pictures::write(&args.pictures, scenario, sweep_sections(columns, &rows, plan.rows())) {
            Exit::Ok => {}
            exit => return exit,
        }
    }
    match output.finish() {
        Ok(()) => conclude(args, global, gathered, scenario),
        Err(exit) => exit,
    }
}

/// Says what came out, where it did not go to standard output already.
fn conclude(args: &SweepArgs, global: &Global, gathered: Gathered, scenario: &Scenario) -> Exit {
    let total = gathered.summary.total();
    let (failed, reason) = gathered.summary.failed();
    let reason = reason.unwrap_or_default().to_owned();
    let to_table = args.output.is_none() && args.format() == SweepFormat::Table;
    let exit = match gathered.spreads {
        // Rows on standard output are for a program.
        Some(spreads) if args.output.is_some() || to_table => {
            print(&spreads.report(&scenario.name).to_table(view(global)))
        }
        _ if to_table => print(&gathered.summary.to_table(view(global))),
        _ => Exit::Ok,
    };
    if let Some(path) = args.output.as_deref().filter(|_| !global.quiet) {
        complain(&format!("{}: {total} points", path.display()));
    }
    let name = shown_name(args.file.as_deref().unwrap_or_default());
    match (failed, exit) {
        (0, exit) => exit,
        (_, Exit::Ok) if failed == total => {
            complain(&format!("error: {name}: no point has a result; the first: {reason}"));
            Exit::InvalidInput
        }
        (_, exit) => {
            if !global.quiet {
                complain(&format!("note: {failed} of {total} points have no result; the first: {reason}"));
            }
            exit
        }
    }
}

fn threads(args: &SweepArgs) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    args.threads.map_or_else(all, |threads| threads as usize)
}

/// Set by Ctrl-C or a request to end; the second one ends the program at once.
fn interruption() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    // Where signals cannot be caught, they end the program, which the journal survives.
    let _ = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Exit::Interrupted as u8));
        }
    });
    flag
}

fn progress(global: &Global, rows: u64, first: u64) -> ProgressBar {
    if global.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(rows).with_position(first);
    let template = "{bar:30} {pos} of {len} points, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.reset_eta();
    bar
}
