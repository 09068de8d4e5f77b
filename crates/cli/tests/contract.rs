//! What programs that read memwall's JSON and CSV may rely on, for every scenario that ships.

mod common;

use common::{memwall, run, run_with_input, shipped_of_kind, shipped_scenarios, stderr, stdout};
use serde_json::Value;

/// The document of a scenario, each of which must run without an error.
fn document(scenario: &str, more: &[&str]) -> Value {
    let output = run(&[&["run", scenario, "--format", "json"], more].concat());
    assert_eq!(output.status.code(), Some(0), "{scenario}: {}", stderr(&output));
    assert_eq!(stderr(&output), "", "{scenario}");
    serde_json::from_str(stdout(&output)).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no list `{key}` in {value}"))
}

// A JSON integer that may be beyond 64 bits, which serde_json keeps as text only where it is asked to; the sums here
// are below 2^64 for every scenario that ships.
fn integer(value: &Value, key: &str) -> u128 {
    u128::from(value[key].as_u64().unwrap_or_else(|| panic!("`{key}` is no integer: {}", value[key])))
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("`{key}` is no number: {}", value[key]))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("`{key}` is no text: {}", value[key]))
}

#[test]
fn every_scenario_runs_and_its_document_keeps_every_promise() {
    for scenario in shipped_scenarios() {
        let document = document(&scenario, &[]);
        assert_eq!(integer(&document, "schema_version"), 1);
        assert_eq!(text(&document, "memwall_version"), env!("CARGO_PKG_VERSION"));
        assert!(document["seed"].is_u64());
        // `flow`, unless a scenario says otherwise.
        let written = std::fs::read_to_string(common::root().join(&scenario)).unwrap();
        let fidelity = written.lines().find_map(|line| line.strip_prefix("fidelity: ")).unwrap_or("flow");
        assert_eq!(text(&document, "fidelity"), fidelity, "{scenario}");
        assert!(!list(&document, "cases").is_empty(), "{scenario}");
        for case in list(&document, "cases") {
            check_case(case);
            check_ledgers(&scenario, case);
        }
    }
}

fn check_case(case: &Value) {
    assert!(!text(case, "name").is_empty());
    assert!(number(case, "time_s") > 0.0);
    assert!(integer(case, "mops_bytes") > 0);
    for ratio in ["intensity_mops", "intensity_dram"] {
        assert!(number(case, ratio) > 0.0, "{ratio}");
    }
    assert!(!list(case, "tiers").is_empty());
    for tier in list(case, "tiers") {
        assert!(!text(tier, "name").is_empty());
        for bytes in ["bytes_read", "bytes_written"] {
            integer(tier, bytes);
        }
        let used = number(tier, "bandwidth_utilization");
        assert!((0.0..=1.0).contains(&used), "{} is used {used}", tier["name"]);
        let (held, capacity) = (integer(tier, "peak_occupancy_bytes"), integer(tier, "capacity_bytes"));
        assert!(held <= capacity, "{} holds {held} of {capacity}", tier["name"]);
    }
    let mut flops = 0;
    for operator in list(case, "operators") {
        for name in ["name", "kind", "bound_by"] {
            assert!(!text(operator, name).is_empty(), "{name} of {operator}");
        }
        assert!(integer(operator, "count") >= 1);
        assert!(number(operator, "time_s") >= 0.0);
        integer(operator, "bytes");
        flops += integer(operator, "flops");
    }
    assert_eq!(flops, integer(case, "flops"), "the operators' FLOPs make up the case's");
}

#[test]
fn every_microbenchmark_runs_and_its_document_keeps_every_promise() {
    let all = shipped_of_kind("microbenchmark");
    assert!(all.len() >= 3, "only {all:?}");
    for scenario in all {
        let document = document(&scenario, &[]);
        assert_eq!(integer(&document, "schema_version"), 1);
        assert_eq!(text(&document, "kind"), "microbenchmark");
        for case in list(&document, "cases") {
            assert!(["s", "B/s"].contains(&text(case, "unit")), "{scenario}");
            assert!(!text(&case["device"], "name").is_empty());
            let mut before = 0.0;
            for point in list(case, "points") {
                assert!(number(point, "at") >= before && number(point, "predicted") > 0.0, "{point}");
                before = number(point, "at");
                assert!(text(point, "bound_by").ends_with(')'), "{point}");
                let served: f64 = list(point, "served").iter().map(|place| number(place, "share")).sum();
                assert!((served - 1.0).abs() < 1e-9, "{scenario}: {point}");
            }
        }
        let csv = run(&["run", &scenario, "--format", "csv"]);
        let points: usize = list(&document, "cases").iter().map(|case| list(case, "points").len()).sum();
        assert_eq!(stdout(&csv).lines().count(), points + 1, "{scenario}");
    }
}

#[test]
fn every_trend_runs_and_its_document_keeps_every_promise() {
    let all = shipped_of_kind("trend");
    assert!(all.len() >= 3, "only {all:?}");
    for scenario in all {
        let document = document(&scenario, &[]);
        assert_eq!(integer(&document, "schema_version"), 1);
        assert_eq!(text(&document, "kind"), "trend");
        let mut lines = 1;
        for case in list(&document, "cases") {
            for series in list(case, "series") {
                let growth = &series["two_years"];
                let (low, factor, high) =
                    (number(growth, "low"), number(growth, "factor"), number(growth, "high"));
                assert!(0.0 < low && low <= factor && factor <= high, "{scenario}: {series}");
                assert!((0.0..=1.0).contains(&number(series, "r2")), "{scenario}: {series}");
                lines += 1;
            }
            for ratio in list(case, "ratios") {
                assert!(
                    number(ratio, "then") > 0.0 && number(ratio, "two_years") > 0.0,
                    "{scenario}: {ratio}"
                );
            }
        }
        let csv = run(&["run", &scenario, "--format", "csv"]);
        assert_eq!(stdout(&csv).lines().count(), lines, "{scenario}");
    }
}

#[test]
fn every_replay_runs_and_its_document_keeps_every_promise() {
    let all = shipped_of_kind("replay");
    assert!(!all.is_empty());
    for scenario in all {
        let document = document(&scenario, &[]);
        assert_eq!(integer(&document, "schema_version"), 1);
        assert_eq!(text(&document, "kind"), "replay");
        let mut lines = 1;
        for case in list(&document, "cases") {
            let time = number(&case["report"], "time_s");
            let ranks = list(&case["report"], "ranks");
            assert!(time > 0.0 && !ranks.is_empty(), "{scenario}: {case}");
            lines += ranks.len();
            for rank in ranks {
                let parts = ["busy_s", "exposed_communication_s", "idle_s"].map(|part| number(rank, part));
                assert!((parts.iter().sum::<f64>() - time).abs() < 1e-11, "{scenario}: {rank}");
            }
        }
        let csv = run(&["run", &scenario, "--format", "csv"]);
        assert_eq!(stdout(&csv).lines().count(), lines, "{scenario}");
    }
}

#[test]
fn every_collective_runs_and_its_document_keeps_every_promise() {
    let all = shipped_of_kind("collective");
    assert!(all.len() >= 3, "only {all:?}");
    for scenario in all {
        let document = document(&scenario, &[]);
        assert_eq!(integer(&document, "schema_version"), 1);
        assert_eq!(text(&document, "kind"), "collective");
        for case in list(&document, "cases") {
            assert!(integer(case, "ranks") >= 2, "{scenario}");
            let (mut bytes, mut time) = (0, 0.0);
            for point in list(case, "points") {
                assert!(integer(point, "bytes") > bytes, "{scenario}: {point}");
                assert!(number(point, "time_s") >= time, "more bytes take no less: {scenario}, {point}");
                (bytes, time) = (integer(point, "bytes"), number(point, "time_s"));
                assert!(
                    number(point, "latency_s") <= time && number(point, "bus_bandwidth") > 0.0,
                    "{point}"
                );
                for name in ["algorithm", "protocol", "bound_by"] {
                    assert!(!text(point, name).is_empty(), "{name} of {point}");
                }
                for level in list(point, "levels") {
                    assert!((0.0..=1.0).contains(&number(level, "utilization")), "{scenario}: {level}");
                }
            }
        }
        let csv = run(&["run", &scenario, "--format", "csv"]);
        let points: usize = list(&document, "cases").iter().map(|case| list(case, "points").len()).sum();
        assert_eq!(stdout(&csv).lines().count(), points + 1, "{scenario}");
    }
}

#[test]
fn a_run_over_links_that_the_library_does_not_know_says_so() {
    let notes = |system: &str, tensor: u32| {
        let scenario = format!(
            "model: gpt2\nsystem: {system}\nparallel: {{ tensor: {tensor} }}\nworkload: {{ phase: decode }}\n"
        );
        let output = run_with_input(&["run", "-", "--format", "json"], scenario.as_bytes());
        let document: Value = serde_json::from_str(stdout(&output)).unwrap();
        document["cases"][0]["notes"].to_string()
    };
    assert!(notes("tpu-v4-pod", 2).contains("no figures for Inter-chip interconnect"));
    assert!(!notes("tpu-v4-pod", 1).contains("no figures"));
    assert!(!notes("dgx-h100", 2).contains("no figures"));
}

#[test]
fn the_ledgers_of_rooflines_close_too() {
    for scenario in shipped_scenarios() {
        // What is expected of `flow` need not hold of rooflines.
        let output = run(&["run", &scenario, "--format", "json", "--fidelity", "bound"]);
        assert!(matches!(output.status.code(), Some(0 | 4)), "{scenario}: {}", stderr(&output));
        let document: Value = serde_json::from_str(stdout(&output)).unwrap();
        assert_eq!(text(&document, "fidelity"), "bound");
        for case in list(&document, "cases") {
            check_ledgers(&scenario, case);
        }
    }
}

fn check_ledgers(scenario: &str, case: &Value) {
    let time_ps = integer(case, "time_ps");
    assert!(list(case, "engines").len() >= 2, "{scenario}");
    for engine in list(case, "engines") {
        assert_eq!(integer(engine, "wall_ps"), time_ps);
        check_ledger(scenario, engine);
    }
}

fn check_ledger(scenario: &str, engine: &Value) {
    let mut accounted = integer(engine, "busy_ps");
    for stall in list(engine, "stalls") {
        assert!(!text(stall, "cause").is_empty());
        assert!(stall["where"].is_string() || stall["where"].is_null());
        let needs_place = ["bandwidth", "latency", "capacity"].contains(&text(stall, "cause"));
        assert!(!needs_place || stall["where"].is_string(), "{scenario}: {stall} does not say where");
        accounted += integer(stall, "ps");
    }
    let total = integer(engine, "units") * integer(engine, "wall_ps");
    assert_eq!(total, accounted, "{scenario}, {}", engine["name"]);
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let batch = "scenarios/tutorial/batch.yaml";
    let fig3 = "scenarios/paper/fig3.yaml";
    for (scenario, format, more_threads) in
        [(batch, "json", ["2", "8"].as_slice()), (batch, "table", &["8"]), (fig3, "json", &["8"])]
    {
        let with = |threads: &str| {
            let mut command = memwall(&["run", scenario, "--format", format]);
            let output = command.env("RAYON_NUM_THREADS", threads).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            assert!(output.stdout.len() > 500);
            output.stdout
        };
        let one = with("1");
        for threads in more_threads {
            assert!(one == with(threads), "{scenario} as {format} on {threads} threads");
        }
    }
}

#[test]
fn csv_has_a_line_for_each_case_and_the_same_columns_in_each() {
    let output = run(&["run", "scenarios/tutorial/batch.yaml", "--format", "csv"]);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    let cases = document("scenarios/tutorial/batch.yaml", &[]);
    assert_eq!(lines.len(), 1 + list(&cases, "cases").len());
    assert!(
        lines[0].starts_with("name,model,workload,device,software,fidelity,time_s,tokens,"),
        "{}",
        lines[0]
    );
    for (line, case) in lines[1..].iter().zip(list(&cases, "cases")) {
        assert!(line.starts_with(text(case, "name")), "{line}");
        assert!(line.contains(&format!(",{},", case["time_s"])), "{line} has not {}", case["time_s"]);
    }
}

#[test]
fn chosen_cases_and_set_values_show_in_the_document() {
    let scenario = "scenarios/tutorial/batch.yaml";
    let all = document(scenario, &[]);
    let name = text(&list(&all, "cases")[1], "name");
    let chosen = document(scenario, &["--case", name]);
    assert_eq!(list(&chosen, "cases"), &list(&all, "cases")[1..2]);
    let faster = document(scenario, &["--case", name, "--set", "hardware.memory.hbm.bandwidth=10 TB/s"]);
    let time = |document: &Value| number(&list(document, "cases")[0], "time_s");
    assert!(time(&faster) < 0.7 * time(&chosen), "{} against {}", time(&faster), time(&chosen));
}
