//! Collectives and models over several devices, as a user runs them: every format says the same, and the trace is one
//! that a viewer opens.

mod common;

use common::{run, run_with_input, stderr, stdout};
use serde_json::Value;

const COLLECTIVE: &str = "kind: collective
name: links
system: dgx-h100
collective: { kind: all_reduce, sizes: [1 KiB, 64 MiB, 1 GiB] }
cases: { collective.ranks: [2, 8] }
";
const TENSOR: &str = "name: shared
model: llama-3-8b
system: dgx-h100
parallel: { tensor: 4, pipeline: 2, micro_batches: 2 }
workload: { phase: decode, batch: 8, context: 1024, tokens: 2, dtype: bf16 }
";

fn printed(scenario: &str, arguments: &[&str]) -> String {
    let arguments: Vec<&str> = ["run", "-"].iter().chain(arguments).copied().collect();
    let output = run_with_input(&arguments, scenario.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output).to_owned()
}

fn json(scenario: &str) -> Value {
    serde_json::from_str(&printed(scenario, &["--format", "json"])).expect("one document")
}

#[test]
fn a_collective_says_the_same_in_every_format() {
    let document = json(COLLECTIVE);
    let cases = document["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 2, "{document}");
    let table = printed(COLLECTIVE, &[]);
    let csv = printed(COLLECTIVE, &["--format", "csv"]);
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let column =
        |name: &str| header.iter().position(|own| *own == name).unwrap_or_else(|| panic!("{name}: {csv}"));
    let (bytes, time) = (column("bytes"), column("time_s"));
    let points = cases.iter().flat_map(|case| case["points"].as_array().expect("points"));
    for point in points {
        let fields: Vec<&str> = lines.next().expect("a line for each point").split(',').collect();
        assert_eq!(fields[bytes], point["bytes"].to_string(), "{csv}");
        let seconds: f64 = fields[time].parse().expect("a number");
        assert_eq!(Some(seconds), point["time_s"].as_f64(), "{csv}");
        assert!(seconds > 0.0);
    }
    assert_eq!(lines.next(), None);
    for words in ["all_reduce", "DGX H100", "67.11 MB", "1.074 GB", "GB/s"] {
        assert!(table.contains(words), "`{words}` is not in\n{table}");
    }
}

#[test]
fn a_team_says_the_same_in_every_format() {
    let document = json(TENSOR);
    let case = &document["cases"][0];
    let team = &case["team"];
    assert_eq!((team["ranks"].as_u64(), team["simulated_ranks"].as_u64()), (Some(8), Some(2)), "{document}");
    assert_eq!(team["stages"].as_array().map(Vec::len), Some(2));
    let share = |key: &str| team[key].as_f64().unwrap_or_else(|| panic!("{key}: {team}"));
    assert!(share("exposed_communication") > 0.0 && share("exposed_communication") < 1.0);
    assert!(share("bubble") >= 0.0 && share("bubble") < 1.0);
    let names: Vec<&str> = team["communication"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["dimension"].as_str())
        .collect();
    assert!(names.contains(&"tp"), "{names:?}");
    let table = printed(TENSOR, &[]);
    for words in ["tensor 4, pipeline 2", "all_reduce", "exposed communication", "bubble"] {
        assert!(table.contains(words), "`{words}` is not in\n{table}");
    }
    let csv = printed(TENSOR, &["--format", "csv"]);
    let [header, line] = csv.lines().collect::<Vec<_>>()[..] else { panic!("{csv}") };
    assert!(header.contains(",time_s,"), "{header}");
    for figure in [&case["time_s"], &case["tokens_per_s"]] {
        assert!(figure.is_f64() && line.contains(&format!(",{figure},")), "{figure} is not in {line}");
    }
}

/// As the Trace Event Format wants it: every event a phase, a process and a thread; those that last a start and a
/// duration, which no other on the same thread overlaps.
#[test]
fn a_trace_of_a_team_is_one_that_a_viewer_opens() {
    let folder = std::env::temp_dir().join(format!("memwall-teams-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder of our own");
    let path = folder.join("trace.json");
    printed(TENSOR, &["--trace", path.to_str().expect("a path of letters")]);
    let text = std::fs::read_to_string(&path).expect("the trace was written");
    std::fs::remove_dir_all(&folder).expect("it was there");
    let trace: Value = serde_json::from_str(&text).expect("valid JSON");
    let events = trace["traceEvents"].as_array().or_else(|| trace.as_array()).expect("a list of events");
    let mut lasting = std::collections::BTreeMap::new();
    for event in events {
        let phase = event["ph"].as_str().unwrap_or_else(|| panic!("no ph: {event}"));
        let track = (event["pid"].as_u64(), event["tid"].as_u64());
        assert!(track.0.is_some(), "no pid: {event}");
        if phase == "X" {
            assert!(track.1.is_some() && event["name"].is_string(), "{event}");
            let number = |key: &str| event[key].as_f64().unwrap_or_else(|| panic!("no {key}: {event}"));
            let (start, duration) = (number("ts"), number("dur"));
            assert!(start >= 0.0 && duration >= 0.0, "{event}");
            lasting.entry(track).or_insert_with(Vec::new).push((start, start + duration));
        }
    }
    // Two stages with kernels and communication each, and links.
    assert!(lasting.len() >= 5, "{} tracks", lasting.len());
    for (track, mut spans) in lasting {
        spans.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Times are microseconds with decimals: a picosecond of rounding each.
        let overlap = spans.windows(2).find(|pair| pair[1].0 < pair[0].1 - 2e-6);
        assert_eq!(overlap, None, "track {track:?}");
    }
}

#[test]
fn what_cannot_be_run_is_answered_with_the_reason() {
    let collective = "kind: collective\nsystem: dgx-h100\ncollective: { kind: all_reduce, algorithm: tree, sizes: [1 MiB] }\n";
    let output = run_with_input(&["run", "-"], collective.as_bytes());
    assert_ne!(output.status.code(), Some(0));
    assert!(
        stderr(&output).contains("cannot run as tree: it needs two nodes or more"),
        "{}",
        stderr(&output)
    );
    let output = run(&["run", "no_such_scenario.yaml"]);
    assert_ne!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("no_such_scenario.yaml"), "{}", stderr(&output));
}
