//! What a change of a figure must do where that is known beforehand.

use memwall_explore::whatif::whatif;
use memwall_report::{ParameterReport, WhatIfReport};
use memwall_scenario::{NoFiles, Scenario};

fn study(text: &str, by: f64) -> WhatIfReport {
    let scenario = Scenario::read("test.yaml", text, &[], &NoFiles).unwrap();
    whatif(&scenario, by).unwrap().cases.remove(0)
}

fn of<'a>(report: &'a WhatIfReport, path: &str) -> &'a ParameterReport {
    report.parameters.iter().find(|one| one.path == path).unwrap_or_else(|| panic!("{path}"))
}

/// One large pass: all of its time is HBM bandwidth, whose elasticity is -1 and everything else's nothing.
const PASS: &str = "
graph:
  - { name: x, op: input, elements: 1000000000 }
  - { name: copy, op: relu, elements: 1000000000, inputs: [x] }
hardware: h100-sxm
software: tensorrt-llm
workload: { dtype: bf16 }
";

#[test]
fn time_bound_by_bandwidth_goes_with_it() {
    let report = study(PASS, 0.1);
    assert_eq!(report.bound_by, "bandwidth(hbm)");
    let hbm = of(&report, "hardware.memory.hbm.bandwidth");
    let elasticity = hbm.elasticity.unwrap();
    assert!((elasticity + 1.0).abs() < 0.03, "{elasticity}");
    assert_eq!(report.parameters[0].path, hbm.path, "ranked first");
    for other in report.parameters.iter().skip(1) {
        let effect = other.time_replanned.unwrap().abs();
        assert!(effect < 0.01, "{}: {effect}", other.path);
    }
    let moves = hbm.wall_moves.as_ref().expect("the wall moves");
    assert!(moves.factor > 1.1 && moves.factor < 64.0 && moves.to != moves.from, "{moves:?}");
    assert!(
        report.advice.starts_with("Change the HBM bandwidth first: 10 % more takes 9."),
        "{}",
        report.advice
    );
}

/// At the `bound` fidelity the closed form says it exactly.
#[test]
fn the_roofline_of_a_pass_is_exactly_proportional() {
    let report = study(&format!("{PASS}fidelity: bound\n"), 0.25);
    let hbm = of(&report, "hardware.memory.hbm.bandwidth");
    assert!((hbm.elasticity.unwrap() + 1.0).abs() < 1e-6, "{:?}", hbm.elasticity);
    assert!((hbm.time_fixed.unwrap() + 0.2).abs() < 1e-6, "1 / 1.25 of the time");
}

/// More silicon costs more, and what is no silicon has no cost.
#[test]
fn only_silicon_has_a_cost() {
    let report = study(PASS, 0.1);
    assert!(of(&report, "hardware.memory.l2.capacity").cost.unwrap() > 0.0);
    assert!(of(&report, "hardware.memory.hbm.capacity").cost.unwrap() > 0.03, "a tenth more HBM");
    assert!(of(&report, "software.kernel_gap").cost.is_none());
    assert!(of(&report, "hardware.memory.hbm.bandwidth").energy.unwrap() < 0.0, "less time, less idle power");
}

/// Several devices have links to change; the same bytes come out whatever the number of threads.
#[test]
fn links_are_figures_too() {
    let text = "
model: llama-3-8b
system: dgx-h100
parallel: { tensor: 8 }
software: tensorrt-llm
workload: { phase: prefill, batch: 1, prompt: 2048, dtype: bf16 }
";
    let report = study(text, 0.1);
    let link = of(&report, "system.fabric.levels.nvswitch.bandwidth");
    assert!(link.time_fixed.unwrap() < -0.001, "{link:?}");
    assert!(link.cost.is_none());
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| study(text, 0.1)), report);
}
