//! Every input the fuzzers kept ends with a result or with a message, and none with a panic.

use std::fs;
use std::path::Path;

use memwall_explore::validate::read_rows;
use memwall_model_graph::Architecture;
use memwall_scenario::{NoFiles, Scenario};
use memwall_simulator::chakra::ExecutionTrace;
use memwall_simulator::request::TraceReader;

#[test]
fn kept_scenarios_are_read_or_refused_with_a_message() {
    let (mut read, mut refused) = (0, 0);
    for text in corpus("scenario") {
        match Scenario::read("fuzz.yaml", &text, &[], &NoFiles) {
            Ok(scenario) => {
                assert!(!scenario.case_names().is_empty(), "no cases in {text:?}");
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
fn kept_measured_rows_are_read_or_named_with_their_line() {
    let (mut rows, mut problems) = (0, 0);
    for bytes in corpus_bytes("measured_rows") {
        let reading = read_rows("fuzz.csv", &bytes);
        assert!(reading.rows.iter().all(|row| row.seconds > 0.0 && row.place.line > 1), "{reading:?}");
        assert!(reading.problems.iter().all(|problem| !problem.message.is_empty()), "{reading:?}");
        rows += reading.rows.len();
        problems += reading.problems.len();
    }
    assert!(
        rows >= 20 && problems >= 10,
        "the corpus has lost its variety: {rows} rows, {problems} problems"
    );
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

#[test]
fn kept_chakra_traces_are_read_or_refused_with_a_message() {
    let (mut read, mut refused) = (0, 0);
    for bytes in corpus_bytes("chakra") {
        match ExecutionTrace::read(&bytes) {
            Ok(trace) => {
                assert_eq!(ExecutionTrace::read(&trace.write()), Ok(trace), "not read again: {bytes:?}");
                read += 1;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty(), "no message for {bytes:?}");
                refused += 1;
            }
        }
    }
    assert!(read >= 6 && refused >= 12, "the corpus has lost its variety: {read} read, {refused} refused");
}

/// The inputs kept for a fuzz target; those that are no text are not its business.
fn corpus(target: &str) -> Vec<String> {
    corpus_bytes(target).into_iter().filter_map(|bytes| String::from_utf8(bytes).ok()).collect()
}

fn corpus_bytes(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a readable file")).collect()
}
