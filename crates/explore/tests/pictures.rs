//! What charts show, held against physics.

use memwall_explore::{run_pictures, run_scenario_with};
use memwall_report::chart::Chart;
use memwall_scenario::{NoFiles, Scenario};

const SCENARIO: &str = "model: llama-3-8b
hardware: h100-sxm
software: tensorrt-llm
workload: { phase: generate, batch: 4, prompt: 512, tokens: 3, dtype: bf16 }
cases:
  - name: H100
  - { name: A100, hardware: a100-sxm-80gb }
  - { name: Xeon, hardware: xeon-gold-6242 }
";

/// No operator lies above the roof of a tier or the peak of an engine, at any tier of any machine.
#[test]
fn no_dot_lies_above_its_roof() {
    let scenario = Scenario::read("test.yaml", SCENARIO, &[], &NoFiles).unwrap();
    let (document, timelines) = run_scenario_with(&scenario, true).unwrap();
    let mut dots = 0;
    for section in run_pictures(&scenario, &document, &timelines) {
        for figure in section.figures {
            let Chart::Roofline(chart) = figure.chart else { continue };
            let peak = chart.peaks.iter().map(|peak| peak.value).fold(0.0, f64::max);
            for dot in &chart.dots {
                let tier = &chart.tiers[dot.tier];
                let roof = (tier.value * dot.intensity).min(peak);
                assert!(dot.rate <= roof * 1.000_001, "{}: {dot:?} above {roof} of {tier:?}", section.title);
                dots += 1;
            }
        }
    }
    assert!(dots > 60, "only {dots} dots");
}
