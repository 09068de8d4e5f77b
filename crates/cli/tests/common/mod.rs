//! Running the program as a user does.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `memwall` with `args`, to be run in the repository's root, whatever the environment says about widths and colours.
pub fn memwall(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memwall"));
    command.args(args).current_dir(root()).env("COLUMNS", "100").env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(args: &[&str]) -> Output {
    memwall(args).output().unwrap()
}

/// Runs it with `input` on standard input.
#[allow(dead_code)]
pub fn run_with_input(args: &[&str], input: &[u8]) -> Output {
    let mut command = memwall(args);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may stop reading early, which is its right.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Standard output as text.
#[allow(dead_code)]
pub fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Every scenario of kind `run` that ships, relative to the root, in order.
#[allow(dead_code)]
pub fn shipped_scenarios() -> Vec<String> {
    shipped_of_kind("run")
}

/// Every scenario of a kind that ships, relative to the root, in order.
#[allow(dead_code)]
pub fn shipped_of_kind(kind: &str) -> Vec<String> {
    let mut found = all_shipped_scenarios();
    found.retain(|scenario| {
        let text = std::fs::read_to_string(root().join(scenario)).unwrap();
        text.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap_or("run") == kind
    });
    found
}

/// Every scenario that ships, of whatever kind.
#[allow(dead_code)]
pub fn all_shipped_scenarios() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["tutorial", "paper", "explore", "validation"] {
        let Ok(entries) = std::fs::read_dir(root().join("scenarios").join(folder)) else { continue };
        for entry in entries {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".yaml") {
                found.push(format!("scenarios/{folder}/{name}"));
            }
        }
    }
    found.sort();
    assert!(found.len() >= 8, "found only {found:?}");
    found
}
