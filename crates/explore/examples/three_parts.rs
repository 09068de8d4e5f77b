//! How long does a token of Llama 3 8B take on three parts, and what does it wait for?

use memwall_explore::run_scenario;
use memwall_scenario::{NoFiles, Scenario};

const SCENARIO: &str = "
model: llama-3-8b
software: tensorrt-llm
workload: { phase: decode, batch: 1, context: 1024, tokens: 4, dtype: bf16 }
cases:
  hardware: [a100-sxm-80gb, h100-sxm, b200-sxm]
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = Scenario::read("three parts", SCENARIO, &[], &NoFiles)
        .map_err(|problems| problems.render(false, 100))?;
    let document = run_scenario(&scenario)?;
    for case in &document.cases {
        let milliseconds = case.tpot_s.unwrap_or_default() * 1e3;
        println!("{:<24} {milliseconds:>6.2} ms a token, waits for {}", case.device.title, case.bound_by);
    }
    Ok(())
}
