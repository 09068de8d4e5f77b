//! `memwall check`.

use super::scenario::read_file;
use crate::args::{CheckArgs, Global};
use crate::exit::Exit;
use crate::terminal::print;

/// Checks every file and says all that is wrong with each.
pub fn check(args: &CheckArgs, global: &Global) -> Exit {
    let mut exit = Exit::Ok;
    for file in &args.files {
        match read_file(file, &args.sets, global) {
            Ok(scenario) => {
                let cases = scenario.case_names().len();
                if !global.quiet {
                    print(&format!("{file}: ok, {cases} {}\n", if cases == 1 { "case" } else { "cases" }));
                }
            }
            Err(error) => exit = error,
        }
    }
    exit
}
