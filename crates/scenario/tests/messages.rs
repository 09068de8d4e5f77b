//! What a person reads when something is wrong: every kind of bad input, with the whole message.

use std::time::{Duration, Instant};

use memwall_scenario::{Loaded, Loader, NoFiles, Scenario};

const GOOD: &str = "model: llama-3-8b
hardware: h100-sxm
software: tensorrt-llm
workload: { phase: decode, batch: 16, context: 4096, tokens: 256, dtype: fp8 }
";

fn sets(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

fn message(text: &str) -> String {
    message_with(text, &[], &NoFiles)
}

fn message_with(text: &str, arguments: &[&str], loader: &dyn Loader) -> String {
    match Scenario::read("test.yaml", text, &sets(arguments), loader) {
        Ok(scenario) => panic!("read {} cases of:\n{text}", scenario.cases.len()),
        Err(problems) => problems.to_string(),
    }
}

/// `GOOD` with one line replaced.
fn with(line: &str, other: &str) -> String {
    assert!(GOOD.contains(line), "`{line}` is not in the scenario");
    GOOD.replace(line, other)
}

/// Files by name.
struct Table(&'static [(&'static str, &'static str)]);

impl Loader for Table {
    fn load(&self, _: &str, path: &str) -> Result<Loaded, String> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        let (name, text) = found.ok_or("no such file")?;
        Ok(Loaded { name: (*name).to_owned(), text: (*text).to_owned() })
    }
}

#[test]
fn the_good_scenario_reads() {
    let scenario =
        Scenario::read("test.yaml", GOOD, &[], &NoFiles).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(scenario.cases.len(), 1);
    assert_eq!(scenario.cases[0].name, "test");
}

#[test]
fn misspelt_keys_all_at_once() {
    let text = "modle: llama-3-8b
hardware:
  extends: h100-sxm
  memory: { hbm: { bandwith: 6.7 TB/s } }
workload: { phase: decode, bach: 16, contxt: 4096 }
";
    insta::assert_snapshot!(message(text));
}

#[test]
fn misspelt_names_and_words() {
    let text = "model: lama-3-8b
hardware: h100-smx
software: tensort-llm
workload: { phase: decod, dtype: fp9 }
fidelity: flw
";
    insta::assert_snapshot!(message(text));
}

#[test]
fn a_wrong_unit() {
    let text = with(
        "hardware: h100-sxm",
        "hardware: { extends: h100-sxm, memory: { hbm: { bandwidth: 6.7 TBps } } }",
    );
    insta::assert_snapshot!(message(&text));
    let text = with(
        "hardware: h100-sxm",
        "hardware: { extends: h100-sxm, memory: { hbm: { bandwidth: 6.7 GHz } } }",
    );
    insta::assert_snapshot!(message(&text));
}

#[test]
fn a_bare_number() {
    let text = with(
        "hardware: h100-sxm",
        "hardware:\n  extends: h100-sxm\n  memory:\n    hbm:\n      bandwidth: 3350",
    );
    insta::assert_snapshot!(message(&text));
}

#[test]
fn not_a_number() {
    let hardware =
        "hardware: { extends: h100-sxm, clock: .nan, memory: { hbm: { efficiency: .nan, capacity: .inf } } }";
    insta::assert_snapshot!(message(&with("hardware: h100-sxm", hardware)));
}

#[test]
fn wrong_types() {
    let text = "model: [llama-3-8b]
hardware: 5
workload: { batch: many, tokens: -3, context: 1.5 }
seed: x
expect: { metric: time }
reference: { gflops: lots }
";
    insta::assert_snapshot!(message(text));
}

#[test]
fn missing_blocks() {
    insta::assert_snapshot!(message("name: nothing\n"));
    insta::assert_snapshot!(message("- a\n- b\n"));
    insta::assert_snapshot!(message("just words\n"));
}

#[test]
fn missing_files() {
    insta::assert_snapshot!(message_with(
        &with("model: llama-3-8b", "model: my/config.json"),
        &[],
        &Table(&[])
    ));
    insta::assert_snapshot!(message_with("extends: gone.yaml\n", &[], &Table(&[])));
}

#[test]
fn scenarios_that_extend_each_other_in_a_circle() {
    let files = Table(&[("a.yaml", "extends: b.yaml\n"), ("b.yaml", "extends: a.yaml\n")]);
    insta::assert_snapshot!(message_with("extends: a.yaml\n", &[], &files));
}

#[test]
fn hardware_files_that_extend_each_other_in_a_circle() {
    let files = Table(&[("a.yaml", "extends: b.yaml\n"), ("b.yaml", "extends: a.yaml\n")]);
    insta::assert_snapshot!(message_with(&with("hardware: h100-sxm", "hardware: a.yaml"), &[], &files));
}

#[test]
fn config_files_that_cannot_be_read() {
    let text = with("model: llama-3-8b", "model: config.json");
    let files = Table(&[("config.json", "{\"model_type\": \"mamba\"}")]);
    insta::assert_snapshot!(message_with(&text, &[], &files));
    let files = Table(&[("config.json", "{\n  \"model_type\": \"gpt2\",\n  \"n_embd\": 768.5\n}")]);
    insta::assert_snapshot!(message_with(&text, &[], &files));
    let files = Table(&[("config.json", "{\n  \"model_type\": \"gpt2\",\n  \"n_embd\" 768\n}")]);
    insta::assert_snapshot!(message_with(&text, &[], &files));
    let files = Table(&[("config.json", "{\n  \"model_type\": \"llama\"\n}")]);
    insta::assert_snapshot!(message_with(&text, &[], &files));
    let files = Table(&[("config.json", "")]);
    insta::assert_snapshot!(message_with(&text, &[], &files));
}

#[test]
fn a_graph_with_a_cycle() {
    let text = "graph:
  - { name: a, op: matmul, m: 64, n: 64, k: 64, inputs: [c] }
  - { name: b, op: gelu, elements: 4096, inputs: [a] }
  - { name: c, op: gelu, elements: 4096, inputs: [b] }
hardware: a100
";
    insta::assert_snapshot!(message(text));
}

#[test]
fn a_graph_with_several_mistakes() {
    let text = "graph:
  - { name: a, op: matmull, m: 64, n: 64, k: 64 }
  - { name: b, op: gelu, elments: 4096, inputs: [a] }
hardware: a100
";
    insta::assert_snapshot!(message(text));
    let text = "graph:
  - { name: a, op: matmul, m: 64, n: 0 }
  - { name: b, op: gelu, elements: 4096, rows: 3, inputs: [aa] }
  - { name: b, op: gelu, elements: 4096, inputs: [a] }
hardware: a100
";
    insta::assert_snapshot!(message(text));
}

#[test]
fn impossible_models() {
    let inline = "{ layers: 0, hidden: 768, heads: 12, ffn: 3072 }";
    insta::assert_snapshot!(message(&with("llama-3-8b", inline)));
    let inline = "{ layers: 1000000000000, hidden: 768, heads: 12, ffn: 3072 }";
    insta::assert_snapshot!(message(&with("llama-3-8b", inline)));
    let inline = "{ extends: llama-3-8b, layers: 99999999999999999999999999, kv_heads: 5 }";
    insta::assert_snapshot!(message(&with("llama-3-8b", inline)));
    insta::assert_snapshot!(message(&with("llama-3-8b", "{ hidden: 768 }")));
}

#[test]
fn impossible_workloads() {
    insta::assert_snapshot!(message(&with("batch: 16", "batch: 0")));
    insta::assert_snapshot!(message(&with("model: llama-3-8b", "model: bert-base")));
    insta::assert_snapshot!(message(&with(
        "{ phase: decode, batch: 16, context: 4096, tokens: 256, dtype: fp8 }",
        "{ phase: prefill }"
    )));
}

#[test]
fn more_than_fits() {
    insta::assert_snapshot!(message(&with("batch: 16", "batch: 4000")));
    insta::assert_snapshot!(message(&with("llama-3-8b", "llama-3-70b").replace("fp8", "fp16")));
}

#[test]
fn an_empty_file() {
    insta::assert_snapshot!(message(""));
    insta::assert_snapshot!(message("# only a comment\n"));
}

#[test]
fn a_file_past_the_size_limit() {
    let text = format!("# {}\n{GOOD}", "x".repeat(8 << 20));
    insta::assert_snapshot!(message(&text));
}

#[test]
fn deep_nesting() {
    insta::assert_snapshot!(message(&"[".repeat(100_000)));
    let mut text = String::new();
    for depth in 0..70 {
        text.push_str(&format!("{}a:\n", " ".repeat(depth)));
    }
    insta::assert_snapshot!(message(&text));
}

#[test]
fn not_yaml() {
    insta::assert_snapshot!(message("model: llama-3-8b\nworkload:\n\tbatch: 1\n"));
    insta::assert_snapshot!(message("model: llama-3-8b: big\n"));
    insta::assert_snapshot!(message("workload: { batch: 1, tokens: 2\nmodel: x\n"));
    insta::assert_snapshot!(message("model: \"llama\nhardware: x\n"));
    insta::assert_snapshot!(message("model: x\n---\nmodel: y\n"));
    insta::assert_snapshot!(message("model: !big x\n"));
    insta::assert_snapshot!(message("<<: { model: x }\n"));
    insta::assert_snapshot!(message("model: x\nmodel: y\n"));
    insta::assert_snapshot!(message("? [a, b]\n: c\n"));
    insta::assert_snapshot!(message("a: &a [*a]\n"));
}

#[test]
fn an_alias_bomb() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", alias.trim_end_matches(", ")));
    }
    insta::assert_snapshot!(message(&text));
}

#[test]
fn bad_sets() {
    insta::assert_snapshot!(message_with(GOOD, &["workload.bach=4"], &NoFiles));
    insta::assert_snapshot!(message_with(GOOD, &["workload.batch"], &NoFiles));
    insta::assert_snapshot!(message_with(GOOD, &["workload..batch=4"], &NoFiles));
    insta::assert_snapshot!(message_with(GOOD, &["workload.batch=[1"], &NoFiles));
    insta::assert_snapshot!(message_with(GOOD, &["hardware.memory.hbm.bandwidth=6.7"], &NoFiles));
    insta::assert_snapshot!(message_with(GOOD, &["workload.batch=x", "fidelity=exact"], &NoFiles));
}

#[test]
fn bad_cases() {
    insta::assert_snapshot!(message(&format!("{GOOD}cases: 3\n")));
    insta::assert_snapshot!(message(&format!("{GOOD}cases: []\n")));
    insta::assert_snapshot!(message(&format!("{GOOD}cases: {{ workload.batch: 3, model: [] }}\n")));
    insta::assert_snapshot!(message(&format!("{GOOD}cases: [{{ name: a }}, {{ name: a }}, big]\n")));
    let many = (1..300).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let grid = format!("{GOOD}cases:\n  workload.batch: [{many}]\n  workload.tokens: [{many}]\n");
    insta::assert_snapshot!(message(&grid));
    insta::assert_snapshot!(message(&format!(
        "{GOOD}cases: {{ workload.bach: [1, 2], hardware: [h100, h999] }}\n"
    )));
    let reference =
        "reference: { latency: 2, normalise_to: smal }\ncases: [{ name: small }, { name: big }]\n";
    insta::assert_snapshot!(message(&format!("{GOOD}{reference}")));
}

#[test]
fn bad_expectations() {
    let text = format!(
        "{GOOD}expect:\n  - {{ metric: time, max: 5 }}\n  - {{ metric: mfu }}\n  - {{ metric: mfu, value: x }}\n"
    );
    insta::assert_snapshot!(message(&text));
}

#[test]
fn an_expectation_the_report_does_not_know_points_at_its_line() {
    let text = format!("{GOOD}expect:\n  - {{ metric: tme, max: 5 }}\n");
    let scenario = Scenario::read("test.yaml", &text, &[], &NoFiles).unwrap();
    let expectation = &scenario.cases[0].expect[0];
    let problem =
        scenario.expectation_problem(expectation, "there is no metric `tme`", "did you mean `time`?");
    insta::assert_snapshot!(memwall_scenario::Diagnostics::from(problem).to_string());
}

#[test]
fn kinds_that_are_none() {
    insta::assert_snapshot!(message(&format!("kind: banana\n{GOOD}")));
}

#[test]
fn many_problems_are_counted_after_the_first_twenty() {
    let keys: String = (0..50).map(|n| format!("key_{n}: 1\n")).collect();
    let text = message(&format!("{GOOD}{keys}"));
    assert_eq!(text.matches("error: unknown key").count(), 20, "{text}");
    assert!(text.ends_with("and 30 more\n"), "{text}");
}

#[test]
fn long_lines_are_cut_around_the_caret() {
    let padding = "x".repeat(3_000_000);
    let text = format!("{{ description: \"{padding}\", modle: x, name: \"{padding}\" }}");
    let text = message(&text);
    assert!(text.len() < 4_000, "{} bytes", text.len());
    assert!(text.contains("test.yaml:1:3000020"), "{text}");
    assert!(text.contains("modle"), "{text}");
}

// Far above what any takes: against something that is quadratic or never ends.
#[test]
fn no_input_takes_long() {
    let inputs = [
        "[".repeat(1 << 20),
        "{".repeat(1 << 20),
        "- ".repeat(1 << 20),
        "a: ".repeat(1 << 20),
        "? ".repeat(1 << 20),
        "\"".repeat((1 << 20) + 1),
        "&a ".repeat(1 << 20),
        "a: *".repeat(1 << 20),
        "[a, ".repeat(1 << 18),
        "x\n".repeat(1 << 20),
        "\t".repeat(1 << 20),
        "#".repeat(4 << 20),
        (0..200_000).map(|n| format!("k{n}: 1\n")).collect(),
        format!("cases: [{}]", "{ name: x }, ".repeat(100_000)),
        format!("graph: [{}]", "{ name: x, op: gelu }, ".repeat(50_000)),
        format!("{GOOD}cases: {{ hardware: [{}] }}", "{ extends: h100, cores: 0 }, ".repeat(9_000)),
    ];
    for input in inputs {
        let start = Instant::now();
        let result = Scenario::read("test.yaml", &input, &[], &NoFiles);
        assert!(result.is_err(), "{}", &input[..30]);
        let took = start.elapsed();
        eprintln!("{took:?} {:?}", &input[..20.min(input.len())]);
        assert!(took < Duration::from_secs(20), "{took:?} for {:?}", &input[..30]);
    }
}
