//! Scenarios of several devices: what a person reads when something is wrong, and what the cases hold when nothing is.

use memwall_scenario::{Case, CollectiveCase, NoFiles, Scenario};

const TEAM: &str = "model: llama-3-8b
system: dgx-h100
parallel: { tensor: 4 }
workload: { phase: decode, batch: 16, context: 4096, tokens: 16, dtype: bf16 }
";
const COLLECTIVE: &str = "kind: collective
system: dgx-h100
collective: { kind: all_reduce, sizes: [1 MiB, 64 MiB] }
";

/// `base` with one line replaced, or taken out where `other` is empty.
fn with(base: &str, line: &str, other: &str) -> String {
    assert!(base.contains(line), "`{line}` is not in the scenario");
    if other.is_empty() { base.replace(&format!("{line}\n"), "") } else { base.replace(line, other) }
}

fn message(text: &str) -> String {
    match Scenario::read("test.yaml", text, &[], &NoFiles) {
        Ok(_) => panic!("nothing is wrong with\n{text}"),
        Err(problems) => problems.to_string(),
    }
}

fn read(text: &str) -> Scenario {
    Scenario::read("test.yaml", text, &[], &NoFiles).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

fn case(text: &str) -> Case {
    let mut cases = read(text).cases;
    assert_eq!(cases.len(), 1);
    cases.remove(0)
}

fn collective(text: &str) -> CollectiveCase {
    let mut cases = read(text).collectives;
    assert_eq!(cases.len(), 1);
    cases.remove(0)
}

// ---- a run over several devices ------------------------------------------------------------------------------------

#[test]
fn an_unknown_system() {
    insta::assert_snapshot!(message(&with(TEAM, "system: dgx-h100", "system: dgx-h10")));
    insta::assert_snapshot!(message(&with(
        TEAM,
        "system: dgx-h100",
        "system: { extends: dgx-h1000, nodes: 2 }"
    )));
}

#[test]
fn unknown_keys_of_a_division() {
    insta::assert_snapshot!(message(&with(TEAM, "tensor: 4", "tensr: 4, stages: 2")));
}

#[test]
fn heads_that_do_not_divide() {
    insta::assert_snapshot!(message(&with(TEAM, "tensor: 4", "tensor: 5")));
    insta::assert_snapshot!(message(&with(TEAM, "tensor: 4", "tensor: 0, pipeline: 100")));
}

#[test]
fn more_ranks_than_devices() {
    insta::assert_snapshot!(message(&with(TEAM, "tensor: 4", "tensor: 8, pipeline: 2")));
}

#[test]
fn a_division_without_a_system() {
    insta::assert_snapshot!(message(&with(TEAM, "system: dgx-h100", "hardware: h100-sxm")));
    let text = "model: llama-3-8b
hardware: h100-sxm
workload: { phase: decode, batch: 1, context: 64, tokens: 1 }
slow: [{ rank: 1, speed: 0.5 }]
communication: nccl
collective: { kind: all_reduce }
";
    insta::assert_snapshot!(message(text));
}

#[test]
fn slow_ranks_that_make_no_sense() {
    let slow = "slow:
  - { rank: 4, speed: 0.5 }
  - { rank: 1, speed: 0 }
  - { rank: 2, speed: 1.5 }
  - { rank: 3, speed: 0.9 }
  - { rank: 3, speed: 0.8 }
";
    insta::assert_snapshot!(message(&format!("{TEAM}{slow}")));
    insta::assert_snapshot!(message(&format!("{TEAM}slow: [{{ rnk: 1, speed: half }}]\n")));
}

#[test]
fn a_graph_is_not_divided() {
    let text = "system: dgx-h100
parallel: { tensor: 2 }
graph:
  - { name: up, op: matmul, m: 64, n: 64, k: 64 }
";
    insta::assert_snapshot!(message(text));
}

#[test]
fn a_library_that_is_wrong() {
    insta::assert_snapshot!(message(&format!("{TEAM}communication: ncl\n")));
    let text = "communication:
  extends: nccl
  generations:
    nvlink4: { launch: 5, simple: { stepp: 1 us } }
";
    insta::assert_snapshot!(message(&format!("{TEAM}{text}")));
    let library = |generations: &str| {
        message(&format!("{TEAM}communication: {{ extends: nccl, generations: {generations} }}\n"))
    };
    insta::assert_snapshot!(library("{ nvlink9: { launch: 5 us } }"));
    insta::assert_snapshot!(library(
        "{ nvlink4: { simple: { efficiency: 1.5 }, in_network: { least_ranks: 1 } } }"
    ));
}

#[test]
fn more_devices_than_there_can_be() {
    let nodes = |count: &str| {
        with(TEAM, "system: dgx-h100", &format!("system: {{ extends: hgx-h100-ib, nodes: {count} }}"))
    };
    insta::assert_snapshot!(message(&nodes("1000000000")));
    insta::assert_snapshot!(message(&nodes("0")));
    insta::assert_snapshot!(message(&with(
        TEAM,
        "system: dgx-h100",
        "system: { extends: tpu-v4-pod, nodes: 2 }"
    )));
}

// ---- collectives ---------------------------------------------------------------------------------------------------

#[test]
fn a_collective_without_sizes() {
    insta::assert_snapshot!(message(&with(COLLECTIVE, ", sizes: [1 MiB, 64 MiB]", " ")));
}

#[test]
fn a_collective_without_a_system_or_a_block() {
    insta::assert_snapshot!(message("kind: collective\n"));
}

#[test]
fn unknown_words_of_a_collective() {
    let block = "kind: all_reduse, sizes: [1 MiB], algorithm: rings, protocol: LL, from: explicit";
    insta::assert_snapshot!(message(&with(COLLECTIVE, "kind: all_reduce, sizes: [1 MiB, 64 MiB]", block)));
    insta::assert_snapshot!(message(&with(
        COLLECTIVE,
        "sizes: [1 MiB, 64 MiB]",
        "sizes: [1, 64 GB/s, many]"
    )));
}

#[test]
fn ranks_that_there_are_not() {
    let ranks = |more: &str| message(&with(COLLECTIVE, "all_reduce,", &format!("all_reduce, {more},")));
    insta::assert_snapshot!(ranks("ranks: 9"));
    insta::assert_snapshot!(ranks("ranks: 1000000000"));
    insta::assert_snapshot!(ranks("ranks: 0"));
    insta::assert_snapshot!(ranks("ranks: 4, groups: 3"));
    insta::assert_snapshot!(ranks("groups: 0"));
    insta::assert_snapshot!(ranks("groups: 9"));
    insta::assert_snapshot!(ranks("devices: [0, 1, 1]"));
    insta::assert_snapshot!(ranks("devices: [0, 8]"));
    insta::assert_snapshot!(ranks("devices: []"));
    insta::assert_snapshot!(ranks("devices: [0, 1], ranks: 2"));
}

#[test]
fn a_send_between_three() {
    insta::assert_snapshot!(message(&with(COLLECTIVE, "all_reduce,", "send, ranks: 3,")));
    insta::assert_snapshot!(message(&with(COLLECTIVE, "all_reduce,", "send, devices: [4],")));
}

#[test]
fn a_skew_that_cannot_be() {
    let skew = |skew: &str| message(&with(COLLECTIVE, "all_reduce,", &format!("all_to_all, skew: {skew},")));
    insta::assert_snapshot!(skew("0.5"));
    insta::assert_snapshot!(skew("9"));
    insta::assert_snapshot!(skew(".nan"));
    // Only an all-to-all sends some more than others.
    insta::assert_snapshot!(message(&with(COLLECTIVE, "all_reduce,", "all_reduce, skew: 2,")));
}

#[test]
fn step_by_step_where_it_cannot_be() {
    let form = |more: &str| message(&with(COLLECTIVE, "all_reduce,", &format!("{more}, form: explicit,")));
    insta::assert_snapshot!(form("all_reduce, ranks: 4, groups: 2"));
    insta::assert_snapshot!(form("all_to_all"));
}

#[test]
fn keys_of_other_kinds() {
    let other = "model: llama-3-8b
workload: { phase: decode }
parallel: { tensor: 2 }
";
    insta::assert_snapshot!(message(&format!("{COLLECTIVE}{other}")));
    let text =
        "kind: microbenchmark\nhardware: h100-sxm\nsystem: dgx-h100\ncollective: { kind: all_reduce }\n";
    insta::assert_snapshot!(message(text));
}

// ---- values ----------------------------------------------------------------------------------------------------------

#[test]
fn the_device_of_a_run_is_that_of_its_system() {
    let of = |text: &str| case(text).device.name.clone();
    assert_eq!(of(TEAM), "h100-sxm");
    assert_eq!(of(&with(TEAM, "dgx-h100", "dgx-a100")), "a100-sxm-80gb");
    assert_eq!(of(&format!("{TEAM}hardware: h200-sxm\n")), "h200-sxm");
    let faster = case(&format!(
        "{TEAM}hardware: {{ extends: h100-sxm, memory: {{ hbm: {{ bandwidth: 6.7 TB/s }} }} }}\n"
    ));
    assert_eq!(faster.device.memory().expect("it has one").bandwidth.value.0, 6.7e12);
}

#[test]
fn a_system_is_what_it_extends_with_what_is_written() {
    let text = with(TEAM, "system: dgx-h100", "system: { extends: hgx-h100-ib, nodes: 32 }");
    let team = case(&text).team.expect("it has several devices");
    assert_eq!(team.system.fabric().devices(), 256);
    let text = with(
        TEAM,
        "system: dgx-h100",
        "system: { extends: hgx-h100-ib, nodes: 2, fabric: { levels: { ib: { bandwidth: 100 GB/s } } } }",
    );
    let team = case(&text).team.expect("it has several devices");
    let levels = team.system.fabric().levels();
    assert_eq!((levels[0].bandwidth.value.0, levels[1].bandwidth.value.0), (450e9, 100e9));
    assert_eq!(team.library.name, "nccl");
}

#[test]
fn a_division_is_read_by_long_and_short_names() {
    let text = with(TEAM, "tensor: 4", "tp: 2, pp: 2, dp: 2, micro_batches: 4");
    let team =
        case(&format!("{text}slow: [{{ rank: 7, speed: 0.5 }}]\n")).team.expect("it has several devices");
    let parallel = team.parallel;
    assert_eq!((parallel.tensor, parallel.pipeline, parallel.data, parallel.micro_batches), (2, 2, 2, 4));
    assert_eq!(team.slow, [(7, 0.5)]);
    // Not divided: a system of eight, of which one works.
    let team = case(&with(TEAM, "parallel: { tensor: 4 }", "")).team.expect("it has several devices");
    assert_eq!(team.parallel.ranks(), 1);
}

#[test]
fn a_grid_over_ranks() {
    let grid = "cases: { parallel.tensor: [1, 2, 4, 8], system: [dgx-h100, dgx-a100] }\n";
    let cases = read(&format!("{TEAM}{grid}")).cases;
    let ranks = |case: &Case| case.team.as_ref().map_or(0, |team| team.parallel.ranks());
    let found: Vec<(u64, &str)> = cases.iter().map(|case| (ranks(case), case.device.name.as_str())).collect();
    let wanted: Vec<(u64, &str)> =
        [1, 2, 4, 8].into_iter().flat_map(|ranks| [(ranks, "h100-sxm"), (ranks, "a100-sxm-80gb")]).collect();
    assert_eq!(found, wanted);
    let names: std::collections::BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), 8, "{names:?}");
}

#[test]
fn a_collective_is_over_all_devices_unless_it_says_otherwise() {
    let call = |more: &str| collective(&with(COLLECTIVE, "all_reduce,", &format!("{more},"))).call;
    assert_eq!(call("all_reduce").group, (0..8).collect::<Vec<u32>>());
    assert_eq!(call("all_reduce, ranks: 3").group, [0, 1, 2]);
    assert_eq!(call("all_reduce, devices: [7, 0]").group, [7, 0]);
    assert_eq!(call("send").group, [0, 1]);
    let two = call("all_gather, groups: 2");
    assert_eq!((two.group, two.beside), (vec![0, 1, 2, 3], vec![vec![4, 5, 6, 7]]));
    assert_eq!(call("all_to_all, skew: 2.5").skew, 2.5);
}

#[test]
fn sizes_of_a_collective() {
    let sizes = |text: &str| -> Vec<u64> {
        let case = collective(&with(COLLECTIVE, "[1 MiB, 64 MiB]", text));
        case.points.iter().map(|point| point.bytes).collect()
    };
    assert_eq!(sizes("[64 MiB, 1 kB]"), [1000, 64 << 20]);
    assert_eq!(sizes("{ from: 1 KiB, to: 1 MiB, count: 3 }"), [1 << 10, 1 << 15, 1 << 20]);
}

#[test]
fn a_grid_over_collectives() {
    let grid = "cases: { collective.ranks: [2, 8], collective.protocol: [ll, simple] }\n";
    let cases = read(&format!("{COLLECTIVE}{grid}")).collectives;
    let found: Vec<_> = cases.iter().map(|case| (case.call.group.len(), case.call.protocol)).collect();
    use memwall_simulator::Protocol::{Ll, Simple};
    assert_eq!(found, [(2, Some(Ll)), (2, Some(Simple)), (8, Some(Ll)), (8, Some(Simple))]);
}

// ---- replays -------------------------------------------------------------------------------------------------------

#[test]
fn what_a_replay_needs_and_what_it_has_not() {
    insta::assert_snapshot!(message("kind: replay\n"));
    insta::assert_snapshot!(message(
        "kind: replay\nsystem: dgx-h100\nreplay: { traces: [a.et, b.et], ranks: 9, group: g.json }\nexpect: []\n"
    ));
    insta::assert_snapshot!(message(
        "kind: replay\nsystem: dgx-h100\nreplay: { traces: [a.et], ranks: 9 }\n"
    ));
}
