//! The catalog's shapes have the parameters their publishers counted.

use memwall_model_graph::{Dtype, Precision, catalog};

/// Validates `Architecture::parameters` against every published count, to 1 %.
#[test]
fn parameters_are_as_published() {
    assert!(catalog::models().len() >= 36);
    for entry in catalog::models() {
        let ours = entry.architecture().parameters() as f64;
        let published = entry.published_parameters as f64;
        let error = (ours / published - 1.0).abs();
        assert!(error < 0.01, "{}: {ours} parameters, published {published}", entry.name);
        println!("{} {ours} {published} {error}", entry.name);
    }
}

/// Counts over released weights are integers: the shapes must give them exactly.
#[test]
fn parameters_of_released_weights_are_exact() {
    for name in [
        "gpt2",
        "gpt2-xl",
        "llama-2-70b",
        "llama-3-8b",
        "mixtral-8x7b",
        "qwen2.5-7b",
        "qwen3-30b-a3b",
        "bloom-176b",
        "llama-3.1-70b",
        "t5-base",
    ] {
        let entry = catalog::entry(name).unwrap();
        assert_eq!(entry.architecture().parameters(), entry.published_parameters, "{name}");
    }
}

/// Every entry is valid, and found by each of its names in any case.
#[test]
fn entries_are_valid_and_found() {
    for entry in catalog::models() {
        assert_eq!(entry.architecture().validate(), Ok(()), "{}", entry.name);
        assert!(!entry.source.is_empty() && !entry.title.is_empty());
        for name in std::iter::once(&entry.name).chain(entry.aliases) {
            assert_eq!(catalog::find(&name.to_uppercase()), Some(entry.architecture()), "{name}");
        }
    }
    assert!(catalog::find("no-such-model").is_none());
}

/// Models that published measurements of inference name.
#[test]
fn measured_models_are_found() {
    for name in [
        "llama-7b",
        "llama2-70b",
        "llama-70b",
        "llama-3-8b",
        "llama-3.1-8b",
        "llama-3-70b",
        "llama-3.3-70b",
        "llama-3.1-405b",
        "falcon-180b",
        "gpt-j-6b",
        "bloom-176b",
        "qwen3-235b-a22b",
        "llama-4-maverick",
        "mixtral-8x7b",
        "deepseek-v3",
        "gpt-3-175b",
    ] {
        assert!(catalog::find(name).is_some(), "{name}");
    }
}

/// Cache sizes that the models' papers and cards state: 128 KiB a token for Llama 3 8B, 576 values a layer
/// for MLA.
#[test]
fn cache_bytes_per_token() {
    let bf16 = Precision::uniform(Dtype::Bf16);
    let bytes = |name: &str| catalog::find(name).unwrap().kv_bytes_per_token(&bf16);
    assert_eq!(bytes("llama-3-8b"), 131_072);
    assert_eq!(bytes("deepseek-v3"), 61 * 576 * 2);
    assert_eq!(bytes("bert-base"), 0);
}
