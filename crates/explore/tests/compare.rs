//! Cases side by side: the books of the comparison close, and it names what differs.

use memwall_explore::compare::{Compared, compare};
use memwall_report::{FigureChange, PairReport};
use memwall_scenario::{NoFiles, Scenario};

const BASE: &str = "
model: llama-3-8b
hardware: h100-sxm
software: tensorrt-llm
workload: { phase: decode, batch: 1, context: 512, tokens: 2, dtype: bf16 }
";

fn scenario(sets: &[&str]) -> Scenario {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Scenario::read("test.yaml", BASE, &sets, &NoFiles).unwrap()
}

fn side<'a>(scenario: &'a Scenario, label: &str) -> Compared<'a> {
    let values = scenario.resolved(0, &NoFiles).unwrap().unwrap().values;
    Compared { label: label.to_owned(), case: &scenario.cases[0], values }
}

fn pair(sets: &[&str]) -> PairReport {
    let (old, new) = (scenario(&[]), scenario(sets));
    let groups = [vec![side(&old, "a"), side(&new, "b")]];
    compare(&groups).unwrap().comparisons.remove(0)
}

fn sum(list: &[FigureChange]) -> f64 {
    list.iter().filter_map(|one| one.difference).sum()
}

/// Of an engine whose books close, the differences of its stalls are the difference of the run.
#[test]
fn differences_of_stalls_add_up_to_that_of_the_time() {
    for sets in [
        &["hardware.memory.hbm.bandwidth=6.7 TB/s"][..],
        &["workload.batch=64"],
        &["hardware=a100-sxm-80gb"],
        &["software=torch-eager"],
    ] {
        let pair = pair(sets);
        let time = pair.figures.iter().find(|one| one.name == "time_s").unwrap();
        let (stalls, all) = (sum(&pair.stalls), time.difference.unwrap());
        assert!((stalls - all).abs() < 1e-9, "{sets:?}: {stalls} of {all}");
    }
}

#[test]
fn only_what_differs_is_named() {
    let bandwidth = pair(&["hardware.memory.hbm.bandwidth=6.7 TB/s"]);
    let inputs: Vec<_> = bandwidth.inputs.iter().map(|input| input.path.as_str()).collect();
    assert_eq!(inputs, ["hardware.memory.hbm.bandwidth"]);
    assert_eq!(bandwidth.inputs[0].from.as_deref(), Some("3.35 TB/s"));
    assert_eq!(bandwidth.inputs[0].to.as_deref(), Some("6.7 TB/s"));
    // Another part is one difference, not two hundred.
    let part = pair(&["hardware=a100-sxm-80gb"]);
    let inputs: Vec<_> = part.inputs.iter().map(|input| input.path.as_str()).collect();
    assert_eq!(inputs, ["hardware.name"]);
}

#[test]
fn the_same_is_said_to_be_the_same() {
    let pair = pair(&[]);
    assert!(pair.inputs.is_empty(), "{:?}", pair.inputs);
    assert_eq!(pair.verdict, "It takes as long as before.");
    assert!(pair.stalls.iter().chain(&pair.bytes).all(|one| one.difference == Some(0.0)));
}
