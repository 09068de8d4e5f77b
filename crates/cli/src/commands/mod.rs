//! One file a command.

pub mod catalog;
pub mod check;
pub mod explain;
pub mod model;
pub mod run;
mod scenario;

use clap::CommandFactory;

use crate::args::Cli;
use crate::exit::Exit;
use crate::terminal::print;

/// `memwall schema`.
pub fn schema() -> Exit {
    print(&format!("{:#}\n", memwall_scenario::schema()))
}

/// `memwall completions SHELL`.
pub fn completions(shell: clap_complete::Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "memwall", &mut script);
    print(&String::from_utf8_lossy(&script))
}
