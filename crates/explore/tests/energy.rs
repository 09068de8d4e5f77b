//! The books of energy close, and no run spends what its device cannot draw.

use memwall_explore::run_scenario;
use memwall_report::{CaseReport, Document};
use memwall_scenario::{NoFiles, Scenario};

fn run(text: &str) -> Document {
    let scenario = Scenario::read("test.yaml", text, &[], &NoFiles).unwrap();
    run_scenario(&scenario).unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

fn check(case: &CaseReport) {
    let energy = &case.energy;
    let sum = |get: fn(&memwall_hardware::Estimate) -> f64| -> f64 {
        energy.parts.iter().map(|part| get(&part.joules)).sum()
    };
    assert!(close(sum(|joules| joules.likely), energy.total_j.likely), "{}", case.name);
    assert!(close(sum(|joules| joules.low), energy.total_j.low), "{}", case.name);
    assert!(close(sum(|joules| joules.high), energy.total_j.high), "{}", case.name);
    let shares: f64 = energy.parts.iter().filter_map(|part| part.share).sum();
    assert!(close(shares, 1.0), "{}: {shares}", case.name);
    for part in &energy.parts {
        let joules = part.joules;
        assert!(joules.low <= joules.likely && joules.likely <= joules.high, "{}: {part:?}", case.name);
    }
    let links: f64 =
        energy.parts.iter().filter(|part| part.name.contains("NVLink")).map(|part| part.joules.likely).sum();
    let power = energy.average_power_w.unwrap().likely;
    let of_devices = energy.total_j.likely - links;
    assert!(close(of_devices, power * case.time_s * energy.devices as f64), "{}", case.name);
}

/// On every part whose energies are known, for work bound by memory and for work bound by compute.
#[test]
fn parts_add_up_and_the_power_limit_holds() {
    let document = run("model: llama-3-8b
software: tensorrt-llm
cases:
  hardware: [h100-sxm, a100-sxm-80gb, b200-sxm, l40s, mi250x, rtx-pro-6000]
  workload:
    - { phase: decode, batch: 4, context: 512, tokens: 2, dtype: bf16 }
    - { phase: prefill, batch: 4, prompt: 2048, dtype: bf16 }
");
    assert_eq!(document.cases.len(), 12);
    for case in &document.cases {
        check(case);
        assert!(case.energy.unknown.is_empty(), "{}: {:?}", case.name, case.energy.unknown);
        let (power, limit) = (case.energy.average_power_w.unwrap(), case.energy.power_limit_w.unwrap());
        assert!(power.low < limit && power.likely < 1.1 * limit, "{}: {power:?} of {limit} W", case.name);
        assert!(power.likely > 0.25 * limit, "{}: {power:?} of {limit} W", case.name);
    }
}

/// What eight devices spend is what one spends eight times, and their links.
#[test]
fn links_are_counted_once_for_all_devices() {
    let document = run("model: llama-3-8b
system: dgx-h100
parallel: { tensor: 8 }
software: tensorrt-llm
workload: { phase: decode, batch: 64, context: 512, tokens: 2, dtype: bf16 }
");
    let case = &document.cases[0];
    check(case);
    assert_eq!(case.energy.devices, 8);
    let link = case.energy.parts.iter().find(|part| part.name.contains("NVLink")).unwrap();
    let bytes: f64 = case.team.as_ref().unwrap().links.iter().map(|link| link.bytes).sum();
    assert!(close(link.joules.likely, bytes * 44e-12), "{} for {bytes} bytes", link.joules.likely);
}

/// More bandwidth makes the same work quicker, and what is drawn for as long as it takes less.
#[test]
fn less_time_costs_less_static_energy() {
    let of = |bandwidth: &str| {
        let document = run(&format!(
            "model: llama-3-8b
hardware: {{ extends: h100-sxm, memory: {{ hbm: {{ bandwidth: {bandwidth} TB/s }} }} }}
software: tensorrt-llm
workload: {{ phase: decode, batch: 1, context: 512, tokens: 2, dtype: bf16 }}
"
        ));
        let energy = document.cases[0].energy.clone();
        let part = |name: &str| energy.parts.iter().find(|part| part.name == name).unwrap().joules.likely;
        (part("hbm"), part("idle") + part("clocks"))
    };
    let (slow, fast) = (of("3.35"), of("6.7"));
    assert!((slow.0 / fast.0 - 1.0).abs() < 1e-3, "the same bytes: {slow:?} {fast:?}");
    assert!(fast.1 < 0.8 * slow.1, "{slow:?} {fast:?}");
}
