//! The scenarios that ship read without a word, and what they say is what arrives.

use std::path::{Path, PathBuf};

use memwall_scenario::{Loaded, Loader, Scenario, Subject, schema};

/// Reads files beside the scenario, as the program does.
struct Files;

impl Loader for Files {
    fn load(&self, from: &str, path: &str) -> Result<Loaded, String> {
        let path = Path::new(from).parent().unwrap_or(Path::new("")).join(path);
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        Ok(Loaded { name: path.to_string_lossy().into_owned(), text })
    }

    fn load_bytes(&self, from: &str, path: &str) -> Result<Vec<u8>, String> {
        let path = Path::new(from).parent().unwrap_or(Path::new("")).join(path);
        std::fs::read(path).map_err(|error| error.to_string())
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

fn shipped() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in std::fs::read_dir(root()).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        files.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() >= 6, "found only {files:?}");
    files
}

fn read(path: &Path) -> Scenario {
    let text = std::fs::read_to_string(path).unwrap();
    let scenario = Scenario::read(&path.to_string_lossy(), &text, &[], &Files);
    scenario.unwrap_or_else(|problems| panic!("{}:\n{problems}", path.display()))
}

#[test]
fn every_shipped_scenario_is_valid() {
    for path in shipped() {
        let scenario = read(&path);
        assert!(!scenario.case_names().is_empty(), "{}", path.display());
    }
}

#[test]
fn every_shipped_scenario_opens_with_the_modeline_and_what_it_shows() {
    for path in shipped() {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        let modeline = "# yaml-language-server: $schema=../schema.json";
        assert_eq!(lines.next(), Some(modeline), "{}", path.display());
        let shows = lines.next().unwrap_or_default();
        assert!(shows.starts_with("# ") && shows.len() > 30, "{}: says nothing: `{shows}`", path.display());
    }
}

#[test]
fn the_committed_schema_is_fresh_and_accepts_every_shipped_scenario() {
    let file = root().join("schema.json");
    let fresh = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == fresh, "scenarios/schema.json is stale: run this test with UPDATE_SCHEMA=1");
    let validator = jsonschema::draft7::new(&schema()).unwrap();
    for path in shipped() {
        let text = std::fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let validator = jsonschema::draft7::new(&schema()).unwrap();
    for text in [
        "modell: llama-3-8b",
        "workload: { bach: 1 }",
        "workload: { phase: decod }",
        "hardware: { memory: { hbm: { bandwith: 1 TB/s } } }",
        "hardware: { memory: { hbm: { bandwidth: 3350 } } }",
        "graph: [{ op: matmul }]",
        "cases: [{ name: x, workload: { bach: 1 } }]",
        "cases: [{ name: x, cases: [] }]",
        "reference: { gflops: many }",
        "expect: [{ max: 5 ms }]",
        "kind: microbench",
        "microbenchmark: { measure: bandwith }",
        "microbenchmark: { kernel: tripod }",
        "microbenchmark: { points: { from: 1 KiB, until: 2 KiB } }",
        "reference: { points: [[1 KiB]], xunit: KiB }",
        "trend: { series: [{ name: a, pionts: [] }] }",
        "trend: { series: [{ name: a, figure: pek }] }",
    ] {
        let value: serde_json::Value = serde_yaml::from_str(text).unwrap();
        assert!(!validator.is_valid(&value), "the schema accepts `{text}`");
    }
}

#[test]
fn figure_3_has_the_published_points() {
    let scenario = read(&root().join("paper/fig3.yaml"));
    assert_eq!(scenario.cases.len(), 18);
    let latency: f64 = scenario
        .cases
        .iter()
        .map(|case| case.reference.as_ref().and_then(|reference| reference.latency).unwrap().value)
        .sum();
    assert_eq!(latency, 4534.0);
    let large = &scenario.cases[6];
    assert_eq!(large.name, "BERT-Large 128");
    let reference = large.reference.as_ref().unwrap();
    assert_eq!(reference.gflops.unwrap().value, 73.0);
    assert_eq!(reference.gflops.unwrap().corrected, Some(79.1));
    assert_eq!(reference.normalise_to.as_deref(), Some("BERT-Base 128"));
    let gpt = &scenario.cases[17];
    assert_eq!(gpt.step_count(), 4096);
    let Subject::Model { options, .. } = &gpt.subject else { panic!("not a model") };
    assert!(!options.fused_attention && !options.embedding && !options.lm_head);
}

#[test]
fn what_extends_a_scenario_differs_only_in_what_it_says() {
    let base = read(&root().join("tutorial/first_run.yaml"));
    let faster = read(&root().join("tutorial/twice_the_hbm.yaml"));
    let [base, faster] = [&base.cases[0], &faster.cases[0]];
    let bandwidth = |case: &memwall_scenario::Case| {
        case.device.tiers.iter().find(|tier| tier.name == "hbm").unwrap().bandwidth.value.0
    };
    assert_eq!(bandwidth(faster), 6.7e12);
    assert_eq!(bandwidth(faster), 2.0 * bandwidth(base));
    assert_eq!(base.device.cores, faster.device.cores);
    assert_eq!(base.software, faster.software);
    assert_eq!(faster.device.title, format!("{}, modified", base.device.title));
}
