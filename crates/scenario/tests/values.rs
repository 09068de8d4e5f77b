//! What a scenario says is what the cases hold, and a dry run shows where each value came from.

use memwall_model_graph::{Counting, Dtype, Phase};
use memwall_scenario::{Case, Check, Loaded, Loader, NoFiles, Scenario, Subject};
use memwall_simulator::Fidelity;

const DESIGN: &str = "# What if an H100 had twice the HBM bandwidth?
model: llama-3-8b                 # a catalog name, or a path to a Hugging Face config.json, or inline
hardware:
  extends: h100-sxm
  memory: { hbm: { bandwidth: 6.7 TB/s } }
software: tensorrt-llm
workload: { phase: decode, batch: 16, context: 4096, tokens: 256, dtype: fp8 }
";

fn read(text: &str) -> Scenario {
    read_with(text, &[], &NoFiles)
}

fn read_with(text: &str, sets: &[&str], loader: &dyn Loader) -> Scenario {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Scenario::read("dir/test.yaml", text, &sets, loader)
        .unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

fn bandwidth(case: &Case) -> f64 {
    case.device.tiers.iter().find(|tier| tier.name == "hbm").unwrap().bandwidth.value.0
}

fn workload(case: &Case) -> memwall_model_graph::Workload {
    let Subject::Model { workload, .. } = &case.subject else { panic!("no model") };
    *workload
}

#[test]
fn the_example_of_the_design_reads_as_written() {
    let scenario = read(DESIGN);
    assert_eq!(scenario.name, "test");
    let [case] = scenario.cases.as_slice() else { panic!("{} cases", scenario.cases.len()) };
    assert_eq!(bandwidth(case), 6.7e12);
    assert_eq!(case.device.title, "NVIDIA H100 SXM5 80 GB, modified");
    assert_eq!(case.software.name, "tensorrt-llm");
    assert_eq!((case.fidelity, case.counting, case.seed), (Fidelity::Flow, Counting::Actual, 0));
    let Subject::Model { name, architecture, workload, options } = &case.subject else { panic!("no model") };
    assert_eq!(name, "llama-3-8b");
    assert_eq!(architecture.layers, 32);
    assert_eq!(workload.phase, Phase::Decode);
    assert_eq!((workload.batch, workload.context, workload.tokens), (16, 4096, 256));
    assert_eq!(options.precision.weights, Dtype::Fp8);
    assert!(options.fused_attention && options.embedding && options.lm_head);
    let steps: Vec<_> = case.steps().take(2).map(Result::unwrap).collect();
    assert_eq!((steps[0].phase, steps[0].tokens), ("decode", 16));
    assert_eq!(case.step_count(), 256);
    // 8.03e9 parameters of one byte; 32 layers x 2 x 8 heads x 128 x 1 byte x 16 sequences x 4352 tokens.
    assert_eq!(case.footprint.weights / 10_000_000, 803);
    assert_eq!(case.footprint.kv_cache, 32 * 2 * 8 * 128 * 16 * (4096 + 256));
}

#[test]
fn the_phase_follows_from_what_is_given() {
    let phase = |model: &str, block: &str| {
        workload(&read(&format!("model: {model}\nhardware: h100\nworkload: {block}\n")).cases[0]).phase
    };
    assert_eq!(phase("llama-3-8b", "{ prompt: 8 }"), Phase::Prefill);
    assert_eq!(phase("llama-3-8b", "{ prompt: 8, tokens: 4 }"), Phase::Generate);
    assert_eq!(phase("llama-3-8b", "{ context: 8, tokens: 4 }"), Phase::Decode);
    assert_eq!(phase("bert-base", "{ prompt: 8 }"), Phase::Encode);
}

#[test]
fn the_command_line_comes_last() {
    let text = format!("{DESIGN}cases: {{ workload.batch: [1, 2], workload.context: [8, 16] }}\n");
    let scenario = read_with(&text, &["workload.context=32", "fidelity=bound", "hardware=a100"], &NoFiles);
    let got: Vec<_> = scenario
        .cases
        .iter()
        .map(|case| (workload(case).batch, workload(case).context, case.fidelity))
        .collect();
    assert_eq!(
        got,
        [(1, 32), (1, 32), (2, 32), (2, 32)].map(|(batch, context)| (batch, context, Fidelity::Bound))
    );
    assert!(scenario.cases.iter().all(|case| case.device.name == "a100-sxm-80gb"));
    // A name gives way to a mapping laid over it.
    let scenario =
        read_with("model: llama-3-8b\nhardware: h100\n", &["hardware.memory.hbm.bandwidth=1 TB/s"], &NoFiles);
    assert_eq!(bandwidth(&scenario.cases[0]), 1e12);
    // Equals signs belong to the value.
    let scenario = read_with(DESIGN, &["name=a=b"], &NoFiles);
    assert_eq!(scenario.name, "a=b");
}

#[test]
fn a_grid_is_every_combination_in_written_order() {
    let text = format!("{DESIGN}cases: {{ model: [llama-2-7b, llama-3-8b], workload.batch: [1, 8, 64] }}\n");
    let names: Vec<String> = read(&text).cases.into_iter().map(|case| case.name).collect();
    let expected = [
        "model=llama-2-7b batch=1",
        "model=llama-2-7b batch=8",
        "model=llama-2-7b batch=64",
        "model=llama-3-8b batch=1",
        "model=llama-3-8b batch=8",
        "model=llama-3-8b batch=64",
    ];
    assert_eq!(names, expected);
}

#[test]
fn listed_cases_lay_over_the_scenario() {
    let text = format!(
        "{DESIGN}cases:
  - name: as above
  - name: slower
    hardware: {{ memory: {{ hbm: {{ bandwidth: 1 TB/s }} }} }}
  - name: another
    hardware: a100
    workload: {{ dtype: int8, precision: {{ kv_cache: bf16 }}, attention: unfused }}
"
    );
    let scenario = read(&text);
    let [first, second, third] = scenario.cases.as_slice() else { panic!("{} cases", scenario.cases.len()) };
    assert_eq!((first.name.as_str(), bandwidth(first)), ("as above", 6.7e12));
    assert_eq!((second.name.as_str(), bandwidth(second)), ("slower", 1e12));
    assert_eq!(third.device.name, "a100-sxm-80gb");
    let Subject::Model { options, .. } = &third.subject else { panic!("no model") };
    assert_eq!((options.precision.weights, options.precision.kv_cache), (Dtype::Int8, Dtype::Bf16));
    assert!(!options.fused_attention);
    assert_eq!(workload(third).batch, 16);
}

#[test]
fn null_takes_a_value_away() {
    let scenario = read_with(DESIGN, &["workload.tokens=null", "expect=null"], &NoFiles);
    assert_eq!(workload(&scenario.cases[0]).tokens, 1);
}

#[test]
fn expectations_and_references_arrive() {
    let text = format!(
        "{DESIGN}reference: {{ source: a paper, gflops: 22, latency: \"1.0\" }}
expect:
  - {{ metric: time, max: 5 ms }}
"
    );
    let scenario = read(&text);
    let case = &scenario.cases[0];
    assert_eq!(case.expect[0].check, Check::Between { min: None, max: Some(0.005) });
    let reference = case.reference.as_ref().unwrap();
    assert_eq!(reference.gflops.unwrap().rounding, 0.5);
    assert_eq!(reference.latency.unwrap().rounding, 0.05);
}

#[test]
fn a_format_the_device_lacks_runs_as_a_wider_one_with_a_note() {
    let notes = |hardware: &str| {
        read_with(DESIGN, &[&format!("hardware={hardware}")], &NoFiles).cases[0].notes.clone()
    };
    assert_eq!(notes("h100"), Vec::<String>::new());
    assert_eq!(notes("a100"), ["fp8 has no units of its own and runs as fp16"]);
}

#[test]
fn anchors_are_read() {
    let text = "model: llama-3-8b
hardware: h100
workload: &work { phase: decode, batch: 2 }
cases: [{ name: a }, { name: b, workload: *work }]
";
    assert_eq!(workload(&read(text).cases[1]).batch, 2);
}

/// Files of a folder.
struct Folder;

impl Loader for Folder {
    fn load(&self, from: &str, path: &str) -> Result<Loaded, String> {
        let text = match (from, path) {
            ("dir/test.yaml", "base.yaml") => {
                "model: my/config.json\nhardware: chip.yaml\nworkload: { batch: 4 }\n"
            }
            ("dir/base.yaml", "my/config.json") => {
                r#"{ "model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024,
                     "vocab_size": 50257, "activation_function": "gelu_new" }"#
            }
            ("dir/base.yaml", "chip.yaml") => "extends: h200-sxm\nname: my-chip\nclock: 1 GHz\n",
            _ => return Err(format!("`{path}` of `{from}`")),
        };
        Ok(Loaded { name: format!("dir/{path}"), text: text.to_owned() })
    }
}

#[test]
fn files_are_found_from_the_file_that_names_them() {
    let scenario = read_with(
        "extends: base.yaml\nworkload: { context: 7 }\nhardware: { clock: 1.5 GHz }\n",
        &[],
        &Folder,
    );
    let case = &scenario.cases[0];
    assert_eq!(case.device.name, "my-chip");
    assert_eq!(case.device.clock.value.0, 1.5e9);
    assert_eq!(case.subject.name(), "my");
    assert_eq!((workload(case).batch, workload(case).context), (4, 7));
}

#[test]
fn a_dry_run_shows_where_each_value_came_from() {
    let text = "extends: base.yaml\nworkload: { context: 7 }\nhardware: { clock: 1.5 GHz }\n";
    let scenario = read_with(text, &["workload.tokens=3"], &Folder);
    let resolved = scenario.resolved(0, &Folder).unwrap().unwrap();
    let yaml = resolved.to_yaml();
    // What the catalog says may change; what was written may not.
    insta::assert_snapshot!(drop_lines_with(&yaml, "# catalog:"));
    assert!(
        yaml.lines()
            .any(|line| line.starts_with("      bandwidth: 4.8 TB/s ")
                && line.ends_with(" # catalog:h200-sxm"))
    );
    assert!(
        yaml.lines().any(|line| line.starts_with("  cores: 132 ") && line.ends_with(" # catalog:h100-sxm"))
    );
    assert!(scenario.resolved(1, &Folder).is_none());
}

#[test]
fn a_dry_run_reads_back_as_the_same_case() {
    let files = ["tutorial/custom_graph.yaml", "tutorial/hypothetical.yaml", "paper/fig3.yaml"];
    for file in files {
        let path = format!("{}/../../scenarios/{file}", env!("CARGO_MANIFEST_DIR"));
        let scenario = read(&std::fs::read_to_string(path).unwrap());
        for (index, case) in scenario.cases.iter().enumerate() {
            let yaml = scenario.resolved(index, &NoFiles).unwrap().unwrap().to_yaml();
            // The case it normalises to is another one.
            let yaml = drop_lines(&yaml, "  normalise_to: ");
            let again = read(&yaml);
            let back = &again.cases[0];
            assert_eq!(back.device.tiers.len(), case.device.tiers.len(), "{file} {index}\n{yaml}");
            for (tier, before) in back.device.tiers.iter().zip(&case.device.tiers) {
                assert_eq!(
                    (tier.bandwidth.value, tier.capacity.value),
                    (before.bandwidth.value, before.capacity.value)
                );
            }
            assert_eq!(back.footprint, case.footprint, "{file} {index}");
            assert_eq!(back.counting, case.counting);
            assert_eq!(back.step_count(), case.step_count());
        }
    }
}

fn drop_lines_with(text: &str, part: &str) -> String {
    text.lines().filter(|line| !line.contains(part)).map(|line| format!("{line}\n")).collect()
}

fn drop_lines(text: &str, start: &str) -> String {
    text.lines().filter(|line| !line.starts_with(start)).map(|line| format!("{line}\n")).collect()
}
