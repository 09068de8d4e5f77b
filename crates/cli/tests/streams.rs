//! Standard streams, files and pipes: results whole or not at all, hostile inputs refused.

mod common;

use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use common::{memwall, root, run, run_with_input, stderr, stdout};

const FIRST_RUN: &str = "scenarios/tutorial/first_run.yaml";

fn first_run_text() -> Vec<u8> {
    std::fs::read(root().join(FIRST_RUN)).unwrap()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_scenario_on_standard_input_is_one_in_a_file() {
    let piped = run_with_input(&["run", "-", "--format", "csv"], &first_run_text());
    let named = run(&["run", FIRST_RUN, "--format", "csv"]);
    assert_eq!(piped.status.code(), Some(0), "{}", stderr(&piped));
    assert_eq!(stdout(&piped).replacen("\nstdin,", "\nfirst_run,", 1), stdout(&named));
}

#[test]
fn a_reader_that_stops_early_is_no_error() {
    // Far more than a pipe holds, so that the program is still writing when the reader is gone.
    let mut child = memwall(&["run", "scenarios/paper/fig3.yaml", "--format", "json", "--fidelity", "bound"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

#[test]
fn an_output_file_holds_what_standard_output_would() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a result.json");
    std::fs::write(&path, "what was there before").unwrap();
    let output = run(&["run", FIRST_RUN, "--format", "json", "-o", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        stdout(&run(&["run", FIRST_RUN, "--format", "json"]))
    );
    assert_eq!(names_in(folder.path()), ["a result.json"], "nothing else is left behind");
}

#[test]
fn a_run_that_fails_leaves_the_old_output_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.json");
    std::fs::write(&path, "before").unwrap();
    let scenario = "crates/cli/tests/cmd/no_room_for_a_tile.yaml";
    let output = run(&["run", scenario, "-o", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(names_in(folder.path()), ["result.json"]);
}

#[test]
fn a_file_beyond_the_size_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.yaml");
    let mut text = first_run_text();
    text.resize((8 << 20) + 1, b'\n');
    std::fs::write(&path, &text).unwrap();
    let refused = run(&["run", path.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(stderr(&refused).contains("larger than the limit of 8 MiB"), "{}", stderr(&refused));
    let piped = run_with_input(&["check", "-"], &text);
    assert_eq!(piped.status.code(), Some(3));
    text.truncate(8 << 20);
    std::fs::write(&path, &text).unwrap();
    let accepted = run(&["check", path.to_str().unwrap()]);
    assert_eq!(accepted.status.code(), Some(0), "{}", stderr(&accepted));
}

#[test]
fn deep_nesting_is_refused_with_its_place() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let text = format!("model: {}{}\n", open.repeat(100_000), close.repeat(100_000));
        let output = run_with_input(&["run", "-"], text.as_bytes());
        assert_eq!(output.status.code(), Some(3));
        assert!(stderr(&output).contains("nested more than 64 deep"), "{}", stderr(&output));
        assert!(stderr(&output).contains("stdin:1:"), "{}", stderr(&output));
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let output = run_with_input(&["run", "-"], &[0xff, 0xfe, 0]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("not UTF-8"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn endless_files_are_read_no_further_than_the_limit() {
    let output = run(&["run", "/dev/zero"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("larger than the limit"), "{}", stderr(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = memwall(&["run", FIRST_RUN]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("cannot write the result"), "{}", stderr(&output));
    let output = run(&["run", FIRST_RUN, "-o", "/dev/full"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("cannot write /dev/full"), "{}", stderr(&output));
}

#[test]
fn colour_only_where_it_is_wanted() {
    let escapes = |args: &[&str]| stdout(&run(&[&["run", FIRST_RUN], args].concat())).contains('\x1b');
    assert!(!escapes(&[]), "standard output is no terminal here");
    assert!(escapes(&["--color", "always"]));
    assert!(!escapes(&["--color", "never"]));
}

#[test]
fn tables_stay_within_the_terminal() {
    for scenario in [FIRST_RUN, "scenarios/tutorial/batch.yaml", "scenarios/paper/fig3.yaml"] {
        for width in [60, 80, 100, 140] {
            let mut command = memwall(&["run", scenario, "--fidelity", "bound"]);
            let output = command.env("COLUMNS", width.to_string()).output().unwrap();
            assert_eq!(output.status.code(), Some(0));
            let widest = stdout(&output).lines().map(|line| line.chars().count()).max().unwrap();
            assert!((40..=width).contains(&widest), "{scenario}: {widest} columns in a terminal of {width}");
        }
    }
}

/// The manual has a page for the program and for each command, made from the same table as the help.
#[test]
fn every_command_has_a_page_in_the_manual() {
    let page = |command: &[&str]| {
        let output = run(&[&["man"], command].concat());
        assert_eq!(output.status.code(), Some(0), "{command:?}");
        stdout(&output).to_owned()
    };
    assert!(page(&[]).starts_with(".ie") || page(&[]).contains(".TH memwall 1"));
    assert!(page(&["sweep"]).contains("memwall\\-sweep") && page(&["sweep"]).contains("\\-\\-shard"));
    assert!(page(&["hardware", "show"]).contains("memwall\\-hardware\\-show"));
    let wrong = run(&["man", "sweeep"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("did you mean `sweep`?"));
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        for word in ["memwall", "explain", "dry-run"] {
            assert!(stdout(&output).contains(word), "{shell} completes no {word}");
        }
    }
}

#[test]
fn the_printed_schema_is_the_committed_one() {
    let printed: serde_json::Value = serde_json::from_str(stdout(&run(&["schema"]))).unwrap();
    let committed = std::fs::read_to_string(root().join("scenarios/schema.json")).unwrap();
    assert_eq!(printed, serde_json::from_str::<serde_json::Value>(&committed).unwrap());
}
