//! One file a command.

pub mod calibrate;
pub mod catalog;
pub mod check;
pub mod compare;
pub mod derive;
pub mod explain;
pub mod model;
pub mod optimize;
mod pictures;
pub mod plan;
pub mod replay;
pub mod run;
mod scenario;
pub mod sweep;
pub mod validate;
pub mod whatif;

use std::path::Path;

use clap::CommandFactory;
use memwall_explore::validate::{Reading, read_rows};

use crate::args::Cli;
use crate::exit::Exit;
use crate::files::{read_bytes, shown_name, write_whole};
use crate::terminal::{complain, print};

/// Prints a result, or writes it to a file that appears whole or not at all.
fn deliver(output: Option<&Path>, text: &str) -> Exit {
    let Some(path) = output else { return print(text) };
    match write_whole(path, text) {
        Ok(()) => Exit::Ok,
        Err(message) => cannot_write(path, &message),
    }
}

/// The same for a document as it was rendered.
fn deliver_document(output: Option<&Path>, text: Result<String, serde_json::Error>) -> Exit {
    match text {
        Ok(text) => deliver(output, &text),
        Err(error) => {
            complain(&format!("error: the result cannot be written as JSON: {error}"));
            Exit::Internal
        }
    }
}

fn cannot_write(path: &Path, message: &str) -> Exit {
    complain(&format!("error: cannot write {}: {message}", path.display()));
    Exit::InvalidInput
}

/// Reads every file of measured rows; says which cannot be read.
fn measured_rows(files: &[String]) -> Result<Vec<(String, Reading)>, Exit> {
    let mut readings = Vec::with_capacity(files.len());
    let mut unreadable = false;
    for file in files {
        let name = shown_name(file);
        match read_bytes(file) {
            Ok(bytes) => readings.push((name.to_owned(), read_rows(name, &bytes))),
            Err(message) => {
                complain(&format!("error: cannot read {name}: {message}"));
                unreadable = true;
            }
        }
    }
    if unreadable { Err(Exit::InvalidInput) } else { Ok(readings) }
}

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

/// `memwall man`.
pub fn man(path: &[String]) -> Exit {
    let mut command = Cli::command();
    command.build();
    let mut name = "memwall".to_owned();
    for word in path {
        let Some(inner) = command.find_subcommand(word).cloned() else {
            let names = command.get_subcommands().map(clap::Command::get_name);
            let nearest = memwall_hardware::nearest(word, names);
            let help = nearest
                .first()
                .map_or_else(String::new, |near| format!("\n  = help: did you mean `{near}`?"));
            complain(&format!("error: {name} has no command `{word}`{help}"));
            return Exit::Usage;
        };
        name = format!("{name} {word}");
        command = inner;
    }
    let mut page = Vec::new();
    match clap_mangen::Man::new(command).render(&mut page) {
        Ok(()) => print(&String::from_utf8_lossy(&page)),
        Err(error) => {
            complain(&format!("error: the page cannot be written: {error}"));
            Exit::Internal
        }
    }
}
