//! Reading a scenario for a command: files, `--set`, `--fidelity`, `--case`, and what is wrong with it.

use memwall_explore::{expectations, recompute_points, trend_report};
use memwall_report::{
    check_collective_metric, check_curve_metric, check_memory_metric, check_recompute_metric,
};
use memwall_scenario::{Diagnostics, Scenario};
use memwall_simulator::Fidelity;

use crate::args::{FidelityArg, Global, ScenarioArgs};
use crate::exit::Exit;
use crate::files::{Disk, read_text};
use crate::terminal::{color_messages, complain, width};

/// Reads the scenario of a command line; says what is wrong with it on standard error.
pub fn read(args: &ScenarioArgs, fidelity: Option<FidelityArg>, global: &Global) -> Result<Scenario, Exit> {
    let mut sets = args.sets.clone();
    sets.extend(fidelity.map(|fidelity| format!("fidelity={}", Fidelity::from(fidelity).name())));
    let mut scenario = read_file(&args.file, &sets, global)?;
    if !args.cases.is_empty() {
        choose(&mut scenario, &args.cases)?;
    }
    Ok(scenario)
}

/// Reads one scenario file.
pub fn read_file(file: &str, sets: &[String], global: &Global) -> Result<Scenario, Exit> {
    let text = read_text(file).map_err(|message| {
        complain(&format!("error: {file}: {message}"));
        Exit::InvalidInput
    })?;
    let name = if file == "-" { "stdin" } else { file };
    let scenario = Scenario::read(name, &text, sets, &Disk).map_err(|problems| {
        show(&problems, global);
        Exit::InvalidInput
    })?;
    check_metrics(&scenario, global)?;
    Ok(scenario)
}

/// Says what is wrong on standard error.
pub fn show(problems: &Diagnostics, global: &Global) {
    complain(&problems.render(color_messages(global), width()));
}

/// Only the report knows which figures can be asserted; a wrong name is told before anything runs.
fn check_metrics(scenario: &Scenario, global: &Global) -> Result<(), Exit> {
    let mut problems = Diagnostics::default();
    for case in &scenario.cases {
        for (written, expectation) in case.expect.iter().zip(expectations(case)) {
            if let Err(unknown) = expectation.validate() {
                let problem = scenario.expectation_problem(written, &unknown.to_string(), "");
                if !problems.list.contains(&problem) {
                    problems.list.push(problem);
                }
            }
        }
    }
    let curves = scenario.microbenchmarks.iter().flat_map(|case| &case.expect);
    let curves = curves.map(|written| (written, check_curve_metric(&written.metric)));
    let collectives = scenario.collectives.iter().flat_map(|case| &case.expect);
    let collectives = collectives.map(|written| (written, check_collective_metric(&written.metric)));
    // Fits take no time, and say which series there are.
    let trends = scenario.trends.iter().map(|case| (case, trend_report(case)));
    let trends = trends.flat_map(|(case, report)| {
        case.expect.iter().map(move |written| (written, report.metric(&written.metric).map(|_| ())))
    });
    let memories = scenario.memories.iter().flat_map(|case| &case.expect);
    let memories = memories.map(|written| (written, check_memory_metric(&written.metric)));
    let recomputes = scenario.recomputes.iter().map(|case| (case, recompute_points(case)));
    let recomputes = recomputes.flat_map(|(case, points)| {
        case.expect.iter().map(move |written| (written, check_recompute_metric(&written.metric, &points)))
    });
    let others = trends.chain(memories).chain(recomputes);
    for (written, checked) in curves.chain(collectives).chain(others) {
        if let Err(unknown) = checked {
            let problem = scenario.expectation_problem(written, &unknown.to_string(), "");
            if !problems.list.contains(&problem) {
                problems.list.push(problem);
            }
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    show(&problems, global);
    Err(Exit::InvalidInput)
}

/// Keeps only the cases of these names.
pub fn choose(scenario: &mut Scenario, names: &[String]) -> Result<(), Exit> {
    let known = scenario.case_names();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        complain(&format!("error: no case is called `{unknown}`; {}", suggestion(unknown, &known)));
        return Err(Exit::InvalidInput);
    }
    scenario.retain_cases(|name| names.iter().any(|wanted| wanted == name));
    Ok(())
}

/// The nearest of `known`, then all of them, so many as a person would read.
pub fn suggestion(wanted: &str, known: &[&str]) -> String {
    const SHOWN: usize = 20;
    let near = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&wanted.to_lowercase(), &name.to_lowercase()), *name))
        .filter(|(distance, name)| *distance * 3 <= name.chars().count())
        .min();
    let near = near
        .map_or_else(|| "there are: ".to_owned(), |(_, name)| format!("did you mean `{name}`? There are: "));
    let more = known.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown: Vec<&str> = known.iter().copied().take(SHOWN).collect();
    format!("{near}{}{rest}", shown.join(", "))
}
