//! `memwall check`.

use memwall_scenario::{Diagnostics, Points, Scenario};

use super::scenario::{read_file, show};
use crate::args::{CheckArgs, Global};
use crate::exit::Exit;
use crate::files::Disk;
use crate::terminal::print;

/// Checks every file and says all that is wrong with each.
pub fn check(args: &CheckArgs, global: &Global) -> Exit {
    let mut exit = Exit::Ok;
    for file in &args.files {
        let mut scenario = match read_file(file, &args.sets, global) {
            Ok(scenario) => scenario,
            Err(error) => {
                exit = error;
                continue;
            }
        };
        match sweeps(&mut scenario) {
            Ok(sweeps) => {
                let cases = scenario.case_names().len();
                if !global.quiet {
                    let word = if cases == 1 { "case" } else { "cases" };
                    print(&format!("{file}: ok, {cases} {word}{sweeps}\n"));
                }
            }
            Err(problems) => {
                show(&problems, global);
                exit = Exit::InvalidInput;
            }
        }
    }
    exit
}

/// How many points its sweeps have, in words. Of several cases one has to be chosen before anything can be said.
fn sweeps(scenario: &mut Scenario) -> Result<String, Diagnostics> {
    let mut words = String::new();
    if scenario.cases.len() > 1 {
        return Ok(words);
    }
    let mut found = Vec::new();
    if scenario.sweep.is_some() {
        found.push((scenario.sweep_with(&[], None)?, "points"));
    }
    if scenario.uncertain.is_some() {
        found.push((scenario.monte_carlo(None)?, "samples"));
    }
    for (sweep, of) in found {
        Points::new(scenario, &sweep.axes, &Disk).check_paths()?;
        words += &format!(", a sweep of {} {of}", sweep.points());
    }
    Ok(words)
}
