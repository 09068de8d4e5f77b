//! No input makes the reader panic, and what it says stays short.

use memwall_scenario::{NoFiles, Scenario};
use proptest::prelude::*;

/// Words that lead deep into the reader.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "model",
        "hardware",
        "software",
        "workload",
        "graph",
        "cases",
        "expect",
        "reference",
        "extends",
        "name",
        "llama-3-8b",
        "h100-sxm",
        "generic",
        "phase",
        "decode",
        "batch",
        "tokens",
        "context",
        "prompt",
        "dtype",
        "fp8",
        "memory",
        "hbm",
        "bandwidth",
        "1 TB/s",
        "capacity",
        "80 GB",
        "metric",
        "time",
        "max",
        "5 ms",
        "op",
        "matmul",
        "m",
        "n",
        "k",
        "inputs",
        "layers",
        "hidden",
        "heads",
        "ffn",
        "moe",
        "experts",
        "0",
        "1",
        "-1",
        "1e30",
        "18446744073709551616",
        ".nan",
        ".inf",
        "null",
        "true",
        "&a",
        "*a",
        "!t",
        "<<",
        "\"",
        "'",
        "|",
        ">",
        "%",
        "@",
        "workload.batch",
        "..",
        "=",
        "é",
        "\u{feff}",
        "\t",
        "#",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

/// YAML that is nearly right.
fn nearly() -> impl Strategy<Value = String> {
    let leaf = word();
    let tree = leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec((word(), inner.clone()), 0..6).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{ {} }}", fields.join(", "))
            }),
            prop::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(", "))),
        ]
    });
    prop::collection::vec((word(), tree), 0..8)
        .prop_map(|fields| fields.iter().map(|(key, value)| format!("{key}: {value}\n")).collect())
}

const BASE: &str = "model: { extends: llama-3-8b }\nhardware: { extends: h100-sxm }\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "\\PC{0,300}", sets in prop::collection::vec("\\PC{0,40}", 0..3)) {
        if let Err(problems) = Scenario::read("any.yaml", &text, &sets, &NoFiles) {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.to_string().len() < 100_000);
        }
    }

    #[test]
    fn nearly_yaml(text in nearly(), sets in prop::collection::vec(nearly(), 0..2)) {
        for text in [text.clone(), format!("{BASE}{text}")] {
            match Scenario::read("any.yaml", &text, &sets, &NoFiles) {
                Err(problems) => prop_assert!(!problems.is_empty() && problems.list.len() <= 20),
                Ok(scenario) => prop_assert!(!scenario.cases.is_empty()),
            }
        }
    }

    #[test]
    fn any_change_of_a_good_scenario(place in 0_usize..400, cut in 0_usize..5, insert in word()) {
        let good = "model: llama-3-8b
hardware: { extends: h100-sxm, memory: { hbm: { bandwidth: 6.7 TB/s, latency: 300 ns } } }
workload: { phase: generate, batch: 16, prompt: 128, tokens: 4, dtype: fp8 }
cases: [{ name: a }, { name: b, workload: { batch: 2 } }]
expect: [{ metric: time, max: 5 ms }]
";
        let start = good.floor_char_boundary(place.min(good.len()));
        let end = good.floor_char_boundary((start + cut).min(good.len()));
        let text = format!("{}{insert}{}", &good[..start], &good[end..]);
        match Scenario::read("any.yaml", &text, &[], &NoFiles) {
            Err(problems) => {
                let first = problems.list.first().map(|problem| problem.spots.len());
                prop_assert!(first.is_some_and(|spots| spots > 0), "no line for:\n{text}");
            }
            Ok(scenario) => {
                for case in &scenario.cases {
                    prop_assert!(case.steps().take(2).all(|step| step.is_ok()), "{text}");
                }
            }
        }
    }
}
