//! The `memwall` program: reads files and the command line, prints, and exits. Everything else is in the libraries.

mod args;
mod commands;
mod exit;
mod files;
mod journal;
mod lines;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use exit::Exit;

fn main() -> ExitCode {
    report_panics_briefly();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error).into(),
    };
    run(cli).into()
}

fn run(cli: Cli) -> Exit {
    let global = cli.global;
    match cli.command {
        Command::Run(args) => commands::run::run(&args, &global),
        Command::Sweep(args) => commands::sweep::sweep(&args, &global),
        Command::Optimize(args) => commands::optimize::optimize(&args, &global),
        Command::Plan(args) => commands::plan::plan(&args, &global),
        Command::Check(args) => commands::check::check(&args, &global),
        Command::Compare(args) => commands::compare::compare(&args, &global),
        Command::Whatif(args) => commands::whatif::whatif(&args, &global),
        Command::Validate(args) => commands::validate::validate(&args, &global),
        Command::Calibrate(args) => commands::calibrate::run(&args, &global),
        Command::Explain(args) => commands::explain::explain(&args, &global),
        Command::Replay(args) => commands::replay::replay(&args, &global),
        Command::Hardware(command) => commands::catalog::hardware(&command, &global),
        Command::Software(command) => commands::catalog::software(&command, &global),
        Command::Model(command) => commands::model::model(&command, &global),
        Command::Schema => commands::schema(),
        Command::Man { command } => commands::man(&command),
        Command::Completions { shell } => commands::completions(shell),
    }
}

/// Help and version are results; everything else clap has to say is a usage error.
fn usage(error: &clap::Error) -> Exit {
    let printed = error.print();
    match error.kind() {
        clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion => Exit::Ok,
        _ if printed.is_err() => Exit::Internal,
        _ => Exit::Usage,
    }
}

/// A panic is a fault of ours: say so in one line, with what a report needs.
fn report_panics_briefly() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|place| format!(" at {}:{}", place.file(), place.line()))
            .unwrap_or_default();
        terminal::complain(&format!(
            "internal error{place}: {}\nThis is a fault of memwall {}; please report it with the scenario that caused it.",
            panic.payload_as_str().unwrap_or("no message"),
            env!("CARGO_PKG_VERSION")
        ));
        std::process::exit(i32::from(Exit::Internal as u8));
    }));
}
