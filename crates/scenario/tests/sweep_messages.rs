//! What a person reads when `sweep:`, `uncertain:` or `--axis` is wrong.

use memwall_scenario::{NoFiles, Scenario};

const GOOD: &str = "model: llama-3-8b
hardware: h100-sxm
workload: { phase: decode, batch: 16, context: 4096, tokens: 1 }
";

/// The message for the scenario with `more`.
fn message(more: &str) -> String {
    match Scenario::read("test.yaml", &format!("{GOOD}{more}"), &[], &NoFiles) {
        Ok(_) => panic!("this reads:\n{more}"),
        Err(problems) => problems.to_string(),
    }
}

/// The message for a scenario that reads, with these axes.
fn refusal(more: &str, axes: &[&str]) -> String {
    let read = Scenario::read("test.yaml", &format!("{GOOD}{more}"), &[], &NoFiles);
    let mut scenario = read.unwrap_or_else(|problems| panic!("{problems}"));
    let axes: Vec<String> = axes.iter().map(|axis| (*axis).to_owned()).collect();
    match scenario.sweep_with(&axes, None) {
        Ok(sweep) => panic!("{} points of {axes:?}", sweep.points()),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn everything_wrong_with_axes_is_told_at_once() {
    insta::assert_snapshot!(message(
        "sweep:
  axes:
    workload.batch: []
    workload.context: 5
    workload..tokens: [1]
    hardware.cores: { from: 1, to: 9, stps: 3 }
    hardware.memory.hbm.latency: { from: 1 us, to: 3 TB/s, steps: 3 }
    hardware.memory.hbm.bandwidth: { from: 0 TB/s, to: 3 TB/s, steps: 3, scale: log }
    hardware.memory.l2.capacity: { from: small, to: 100 MiB, steps: 3 }
    hardware.units: { from: 1, to: 4, steps: 9 }
    software.issue: { from: 1 us, to: 2 us, steps: 1 }
    kind: [run, replay]
  sample: { method: latin, points: 10 }
"
    ));
}

#[test]
fn a_sweep_without_axes() {
    insta::assert_snapshot!(message("sweep: {}\n"));
    insta::assert_snapshot!(message("sweep: { axes: {} }\n"));
    insta::assert_snapshot!(message("sweep: [1, 2]\n"));
}

#[test]
fn everything_wrong_with_distributions_is_told_at_once() {
    insta::assert_snapshot!(message(
        "uncertain:
  parameters:
    hardware.memory.hbm.bandwidth: about 10 %
    hardware.memory.hbm.latency: { nromal: [1 us, 2 us] }
    hardware.memory.hbm.efficiency: { uniform: [0.9, 0.1] }
    hardware.memory.l2.latency: { triangular: [1 us, 2 us] }
    hardware.memory.l2.capacity: { normal: [50 MiB, 1 us] }
    workload.prompt: +-10 %
    model: +-10 %
    software.issue: { lognormal: [1 us, 0.5] }
"
    ));
    insta::assert_snapshot!(message("uncertain: { parameters: {}, sample: 10 }\n"));
}

#[test]
fn what_cannot_be_swept() {
    insta::assert_snapshot!(refusal("", &[]));
    insta::assert_snapshot!(refusal("cases: { workload.batch: [1, 2] }\n", &["workload.context=1,2"]));
    let range = "sweep: { axes: { workload.batch: { from: 1, to: 64 } } }\n";
    insta::assert_snapshot!(refusal(range, &[]));
    insta::assert_snapshot!(refusal("", &["workload.batch=1..9999999:9999999", "workload.context=1,2"]));
}

#[test]
fn arguments_that_are_no_axes() {
    for argument in
        ["workload.batch", "workload.batch=", ".batch=1", "workload.batch=1..2:x", "workload.batch={from: 1}"]
    {
        insta::assert_snapshot!(refusal("", &[argument]));
    }
}
