//! Peak memory of training against what torchtitan's authors measured (github.com/pytorch/torchtitan @b5bcd76c6,
//! benchmarks/llama3_h100_202412_torchtitan.md), in the order of the cases of scenarios/validation/torchtitan.yaml.

use memwall_explore::run_scenario;
use memwall_scenario::{NoFiles, Scenario};

const GIB: f64 = (1_u64 << 30) as f64;
/// Peak of reserved memory, in GiB.
const MEASURED: [f64; 9] = [82.4, 76.8, 62.0, 84.2, 84.5, 71.9, 82.5, 75.3, 77.1];

#[test]
fn peak_memory_is_within_eight_per_cent_of_torchtitans_on_average() {
    let text = include_str!("../../scenarios/validation/torchtitan.yaml");
    let scenario = Scenario::read("torchtitan.yaml", text, &[], &NoFiles).expect("the scenario is right");
    let document = run_scenario(&scenario).expect("it runs");
    assert_eq!(document.cases.len(), MEASURED.len());
    let errors = document.cases.iter().zip(MEASURED).map(|(case, measured)| {
        let memory = case.training.as_ref().and_then(|training| training.memory.as_ref()).expect("it trains");
        (memory.peak_bytes as f64 / GIB / measured - 1.0).abs()
    });
    let mean = errors.sum::<f64>() / MEASURED.len() as f64;
    assert!(mean <= 0.08, "{mean}");
}
