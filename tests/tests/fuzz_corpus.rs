//! Every input the fuzzers kept ends with a result or with a message, and none with a panic.

use std::fs;
use std::path::Path;

use memwall_model_graph::Architecture;
use memwall_scenario::{NoFiles, Scenario};
use memwall_simulator::request::TraceReader;

#[test]
fn kept_scenarios_are_read_or_refused_with_a_message() {
    let (mut read, mut refused) = (0, 0);
    for text in corpus("scenario") {
        match Scenario::read("fuzz.yaml", &text, &[], &NoFiles) {
            Ok(scenario) => {
                assert!(!scenario.cases.is_empty(), "no cases in {text:?}");
                read += 1;
            }
            Err(problems) => {
                assert!(!problems.to_string().is_empty(), "no message for {text:?}");
                refused += 1;
            }
        }
    }
    assert!(read >= 5 && refused >= 100, "the corpus has lost its variety: {read} read, {refused} refused");
}

#[test]
fn kept_model_configs_are_read_or_refused_with_a_message() {
    let (mut read, mut refused) = (0, 0);
    for text in corpus("hf_config") {
        match Architecture::from_hf_config(&text) {
            Ok(architecture) => {
                assert_eq!(architecture.validate(), Ok(()), "accepted though invalid: {text:?}");
                read += 1;
            }
            Err(problem) => {
                assert!(!problem.to_string().is_empty(), "no message for {text:?}");
                refused += 1;
            }
        }
    }
    assert!(read >= 5 && refused >= 100, "the corpus has lost its variety: {read} read, {refused} refused");
}

#[test]
fn kept_traces_are_read_or_refused_with_a_place() {
    let (mut read, mut refused) = (0, 0);
    for text in corpus("trace") {
        let mut reader = TraceReader::new(None);
        let fault = text.lines().find_map(|line| reader.line(line).err().map(|fault| (line, fault)));
        match fault {
            None => read += 1,
            Some((line, fault)) => {
                assert!(line.get(fault.range.clone()).is_some(), "{fault:?} lies outside {line:?}");
                assert!(!fault.message.is_empty() && !fault.label.is_empty());
                refused += 1;
            }
        }
    }
    assert!(read >= 3 && refused >= 5, "the corpus has lost its variety: {read} read, {refused} refused");
}

/// The inputs kept for a fuzz target; those that are no text are not its business.
fn corpus(target: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| String::from_utf8(fs::read(path).expect("a readable file")).ok()).collect()
}
