//! `memwall run --chakra`: what ran, as Chakra execution traces in a folder.

use std::path::Path;

use memwall_explore::chakra_traces;
use memwall_scenario::Scenario;
use memwall_simulator::Timeline;

use crate::commands::cannot_write;
use crate::exit::Exit;
use crate::files::write_whole;
use crate::terminal::complain;

/// Writes `CASE.STAGE.et` for each stage of each case, and `CASE.groups.json` where collectives name groups.
pub(super) fn write(folder: &Path, scenario: &Scenario, timelines: &[Timeline]) -> Exit {
    // All of them are made before the first is written.
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for (case, timeline) in scenario.cases.iter().zip(timelines) {
        let run = match chakra_traces(case, timeline) {
            Ok(run) => run,
            Err(error) => {
                complain(&format!("error: --chakra: {error}"));
                return if error.is_limit() { Exit::Limit } else { Exit::InvalidInput };
            }
        };
        let name = file_name(&case.name, &files);
        for (stage, trace) in run.stages.iter().enumerate() {
            files.push((format!("{name}.{stage}.et"), trace.write()));
        }
        if run.groups.iter().next().is_some() {
            match serde_json::to_string(&run.groups) {
                Ok(text) => files.push((format!("{name}.groups.json"), (text + "\n").into_bytes())),
                Err(error) => {
                    complain(&format!("error: the groups cannot be written as JSON: {error}"));
                    return Exit::Internal;
                }
            }
        }
    }
    if let Err(error) = std::fs::create_dir_all(folder) {
        return cannot_write(folder, &error.to_string());
    }
    for (name, bytes) in files {
        let path = folder.join(name);
        if let Err(message) = write_whole(&path, &bytes) {
            return cannot_write(&path, &message);
        }
    }
    Exit::Ok
}

/// A case's name as the beginning of a file's, unlike those of the files before.
fn file_name(case: &str, files: &[(String, Vec<u8>)]) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let plain: String = case.chars().take(100).map(keep).collect();
    let plain = if plain.is_empty() { "case".to_owned() } else { plain };
    let is_free = |name: &str| !files.iter().any(|(file, _)| file.starts_with(&format!("{name}.")));
    let mut names = std::iter::once(plain.clone()).chain((2..).map(|number| format!("{plain}_{number}")));
    names.find(|name| is_free(name)).unwrap_or(plain)
}
