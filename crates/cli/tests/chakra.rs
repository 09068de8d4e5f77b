//! Runs written as Chakra traces, and replayed.

mod common;

use std::path::Path;

use common::{root, run, run_with_input, stderr, stdout};
use serde_json::Value;

/// Runs a scenario, writes its traces, replays them with `more`; the run's time and the replay's, in seconds.
fn there_and_back(scenario: &str, more: &[&str]) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.yaml");
    std::fs::write(&file, scenario).unwrap();
    let traces = folder.path().join("traces");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let ran = run(&["run", &text(&file), "--chakra", &text(&traces), "--format", "json"]);
    assert_eq!((ran.status.code(), stderr(&ran)), (Some(0), ""));
    let mut written: Vec<String> =
        std::fs::read_dir(&traces).unwrap().map(|entry| text(&entry.unwrap().path())).collect();
    written.sort();
    let mut arguments = vec!["replay", "--system", "dgx-h100", "--format", "json"];
    arguments.extend(written.iter().filter(|name| name.ends_with(".et")).map(String::as_str));
    for groups in written.iter().filter(|name| name.ends_with(".groups.json")) {
        arguments.extend(["--groups", groups]);
    }
    arguments.extend(more);
    let replayed = run(&arguments);
    assert_eq!((replayed.status.code(), stderr(&replayed)), (Some(0), ""));
    let document = |output| serde_json::from_str::<Value>(output).unwrap();
    let ran = document(stdout(&ran))["cases"][0]["time_s"].as_f64().unwrap();
    (ran, document(stdout(&replayed))["time_s"].as_f64().unwrap())
}

const MODEL: &str = "model: llama-3-8b\nsystem: dgx-h100\nsoftware: tensorrt-llm\n";

/// Exactly it is not: what the host has not issued yet when a collective could begin, and what a collective takes from
/// the kernels beside it, are in no node.
fn close(scenario: &str, more: &[&str]) {
    let (ran, replayed) = there_and_back(scenario, more);
    assert!((replayed / ran - 1.0).abs() < 0.02, "{ran} s in the run, {replayed} s in the replay");
}

#[test]
fn one_device_replays_to_the_picosecond() {
    let workload = "workload: { phase: decode, batch: 8, context: 1024, tokens: 2, dtype: bf16 }";
    let scenario = format!("model: llama-3-8b\nhardware: h100-sxm\nsoftware: tensorrt-llm\n{workload}\n");
    let (ran, replayed) = there_and_back(&scenario, &[]);
    assert!((ran - replayed).abs() < 1e-11, "{ran} s in the run, {replayed} s in the replay");
}

#[test]
fn one_stage_of_several_ranks_replays_to_nearly_the_runs_time() {
    let decode = "workload: { phase: decode, batch: 8, context: 1024, tokens: 2, dtype: bf16 }";
    close(&format!("{MODEL}{decode}\nparallel: {{ tensor: 4 }}\n"), &["--ranks", "4"]);
}

#[test]
fn stages_replay_to_nearly_the_runs_time() {
    let prefill = "workload: { phase: prefill, batch: 4, prompt: 512, dtype: bf16 }";
    let parallel = "parallel: { tensor: 2, pipeline: 2, micro_batches: 4 }";
    close(&format!("{MODEL}{prefill}\n{parallel}\n"), &["--ranks", "4"]);
    let decode = "workload: { phase: decode, batch: 4, context: 512, tokens: 3, dtype: bf16 }";
    close(&format!("{MODEL}{decode}\n{parallel}\n"), &["--ranks", "4"]);
}

#[test]
fn cases_get_files_of_their_own_and_nothing_is_left_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let traces = folder.path().join("new/folder");
    let ran = run(&["run", "scenarios/tutorial/batch.yaml", "--chakra", traces.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    let names: Vec<String> = std::fs::read_dir(&traces)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.len() > 1 && names.iter().all(|name| name.ends_with(".0.et")), "{names:?}");
}

#[test]
fn traces_are_not_written_where_a_file_is_in_the_way_or_the_scenario_has_no_timeline() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let ran = run(&["run", "scenarios/tutorial/first_run.yaml", "--chakra", path]);
    assert_eq!(ran.status.code(), Some(3));
    assert!(stderr(&ran).contains("it is no folder"), "{}", stderr(&ran));
    let ran = run(&["run", "scenarios/tutorial/hierarchy.yaml", "--chakra", path]);
    assert_eq!(ran.status.code(), Some(3));
    assert!(stderr(&ran).contains("--chakra: a scenario of kind `microbenchmark`"), "{}", stderr(&ran));
}

#[test]
fn a_replay_is_written_as_json_csv_and_a_timeline() {
    let traces = ["traces/chakra/pipeline.0.et", "traces/chakra/pipeline.1.et"];
    let with = |more: &[&str]| {
        let output = run(&[&["replay", "--system", "dgx-h100"], &traces[..], more].concat());
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
        stdout(&output).to_owned()
    };
    let json: Value = serde_json::from_str(&with(&["--format", "json"])).unwrap();
    assert_eq!(json["kind"], "trace_replay");
    for rank in json["ranks"].as_array().unwrap() {
        let parts = ["busy_s", "exposed_communication_s", "idle_s"].map(|part| rank[part].as_f64().unwrap());
        assert!((parts.iter().sum::<f64>() - json["time_s"].as_f64().unwrap()).abs() < 1e-12);
    }
    assert_eq!(with(&["--format", "csv"]).lines().count(), 3);
    let folder = tempfile::tempdir().unwrap();
    let timeline = folder.path().join("timeline.json");
    with(&["--trace", timeline.to_str().unwrap()]);
    let timeline: Value = serde_json::from_str(&std::fs::read_to_string(timeline).unwrap()).unwrap();
    let events = timeline["traceEvents"].as_array().unwrap();
    assert!(events.iter().any(|event| event["args"]["name"] == "rank 1"));
    assert!(events.iter().any(|event| event["name"] == "send_gradients_1" && event["ph"] == "X"));
}

#[test]
fn a_trace_may_come_on_standard_input() {
    let bytes = std::fs::read(root().join("traces/chakra/all_reduce.0.et")).unwrap();
    let arguments = ["replay", "-", "--kind", "chakra", "--system", "dgx-h100", "--ranks", "4"];
    let output = run_with_input(&arguments, &bytes);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with("stdin for each of 4 ranks\n"));
}
