//! Published `config.json` files give the catalog's shapes; hostile ones give clear errors.

use memwall_model_graph::{Architecture, ConfigError, MAX_CONFIG_BYTES, catalog};

const PUBLISHED: [(&str, &str); 12] = [
    ("bert-base", include_str!("fixtures/bert-base-uncased.config.json")),
    ("bert-large", include_str!("fixtures/bert-large-uncased.config.json")),
    ("gpt2", include_str!("fixtures/gpt2.config.json")),
    ("llama-3-8b", include_str!("fixtures/meta-llama-3-8b.config.json")),
    ("llama-3-70b", include_str!("fixtures/meta-llama-3-70b.config.json")),
    ("mistral-7b", include_str!("fixtures/mistral-7b-v0.1.config.json")),
    ("mixtral-8x7b", include_str!("fixtures/mixtral-8x7b-v0.1.config.json")),
    ("qwen2.5-7b", include_str!("fixtures/qwen2.5-7b.config.json")),
    ("qwen3-30b-a3b", include_str!("fixtures/qwen3-30b-a3b.config.json")),
    ("deepseek-v3", include_str!("fixtures/deepseek-v3.config.json")),
    ("t5-base", include_str!("fixtures/t5-base.config.json")),
    ("vit-base", include_str!("fixtures/vit-base-patch16-224-in21k.config.json")),
];

/// Validates each family's reader: the published file and the catalog's entry, written apart, must agree.
#[test]
fn published_configs_are_the_catalog() {
    for (name, config) in PUBLISHED {
        assert_eq!(Architecture::from_hf_config(config).unwrap(), catalog::find(name).unwrap(), "{name}");
    }
}

/// The keys of four more families that bear on shapes, with the values of the published models.
#[test]
fn other_families_are_the_catalog() {
    let cases = [
        (
            "gpt-j-6b",
            r#"{"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_inner": null, "n_layer": 28,
                "n_positions": 2048, "activation_function": "gelu_new", "tie_word_embeddings": false,
                "rotary_dim": 64, "vocab_size": 50400}"#,
        ),
        (
            "bloom-176b",
            r#"{"model_type": "bloom", "n_embed": 14336, "n_layer": 70, "num_attention_heads": 112,
                "vocab_size": 250880}"#,
        ),
        (
            "falcon-180b",
            r#"{"model_type": "falcon", "alibi": false, "bias": false, "hidden_size": 14848,
                "multi_query": true, "new_decoder_architecture": true, "num_attention_heads": 232,
                "num_hidden_layers": 80, "num_kv_heads": 8, "parallel_attn": true,
                "tie_word_embeddings": false, "vocab_size": 65024}"#,
        ),
        (
            "llama-4-maverick",
            r#"{"model_type": "llama4", "vision_config": {}, "text_config": {"model_type": "llama4_text",
                "attention_bias": false, "attention_chunk_size": 8192, "head_dim": 128, "hidden_act": "silu",
                "hidden_size": 5120, "interleave_moe_layer_step": 2, "intermediate_size": 8192,
                "intermediate_size_mlp": 16384, "max_position_embeddings": 1048576,
                "no_rope_layer_interval": 4, "num_attention_heads": 40, "num_experts_per_tok": 1,
                "num_hidden_layers": 48, "num_key_value_heads": 8, "num_local_experts": 128,
                "use_qk_norm": false, "vocab_size": 202048}}"#,
        ),
    ];
    for (name, config) in cases {
        assert_eq!(Architecture::from_hf_config(config).unwrap(), catalog::find(name).unwrap(), "{name}");
    }
    let bare = read(r#"{"model_type": "llama4", "hidden_size": 5120}"#);
    assert_eq!(bare.to_string(), "`text_config`: expected an object with keys, got null");
}

#[test]
fn an_unknown_model_type_lists_the_supported() {
    let error = read(r#"{"model_type": "mamba"}"#);
    let text = error.to_string();
    assert!(text.starts_with("the model type `mamba` is not supported; supported are bert, "), "{text}");
    assert!(text.contains("qwen3_moe"), "{text}");
    assert!(read("{}").to_string().starts_with("the model type nothing is not supported"));
}

/// Every key that shapes depend on is missed when it is taken away, and no other.
#[test]
fn missing_keys_are_named() {
    let config = PUBLISHED[3].1;
    let needed =
        ["hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "vocab_size"];
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(config).unwrap();
    for key in object.keys().filter(|key| *key != "model_type" && *key != "num_key_value_heads") {
        let mut without = object.clone();
        without.remove(key);
        let result = Architecture::from_hf_config(&serde_json::to_string(&without).unwrap());
        if needed.contains(&key.as_str()) {
            let expected = format!("the key `{key}` is missing; a llama model needs it");
            assert_eq!(result.unwrap_err().to_string(), expected);
        } else {
            assert!(result.is_ok(), "{key}");
        }
    }
}

#[test]
fn wrong_values_say_what_would_do() {
    let cases = [
        (
            "\"hidden_size\": 4096",
            "\"hidden_size\": 4096.5",
            "`hidden_size`: expected an integer that is not negative, got 4096.5",
        ),
        (
            "\"hidden_size\": 4096",
            "\"hidden_size\": -1",
            "`hidden_size`: expected an integer that is not negative, got -1",
        ),
        (
            "\"hidden_size\": 4096",
            "\"hidden_size\": [1]",
            "`hidden_size`: expected an integer that is not negative, got a list",
        ),
        (
            "\"hidden_size\": 4096",
            "\"hidden_size\": null",
            "the key `hidden_size` is missing; a llama model needs it",
        ),
        (
            "\"hidden_size\": 4096",
            "\"hidden_size\": 18446744073709551616",
            "`hidden_size`: expected an integer that is not negative, got 1.8446744073709552e+19",
        ),
        (
            "\"num_hidden_layers\": 32",
            "\"num_hidden_layers\": 0",
            "the model is not valid: layers: expected an integer from 1 to 10000, got 0",
        ),
        (
            "\"num_hidden_layers\": 32",
            "\"num_hidden_layers\": 1000000000000",
            "the model is not valid: layers: expected an integer from 1 to 10000, got 1000000000000",
        ),
        (
            "\"num_key_value_heads\": 8",
            "\"num_key_value_heads\": 5",
            "the model is not valid: kv_heads: expected a divisor of heads (32), got 5",
        ),
        (
            "\"num_attention_heads\": 32",
            "\"num_attention_heads\": 0",
            "the model is not valid: heads: expected an integer from 1 to 65536, got 0",
        ),
        (
            "\"hidden_act\": \"silu\"",
            "\"hidden_act\": \"mish\"",
            "`hidden_act`: expected gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, quick_gelu, silu, swish or relu, got \"mish\"",
        ),
        (
            "\"tie_word_embeddings\": false",
            "\"tie_word_embeddings\": \"no\"",
            "`tie_word_embeddings`: expected true or false, got \"no\"",
        ),
    ];
    let config = PUBLISHED[3].1;
    for (from, to, expected) in cases {
        assert!(config.contains(from), "{from}");
        assert_eq!(read(&config.replace(from, to)).to_string(), expected);
    }
}

#[test]
fn syntax_errors_have_a_place() {
    let ConfigError::Syntax { line, column, .. } = read("{\n  \"model_type\": llama\n}") else { panic!() };
    assert_eq!((line, column), (2, 17));
    assert!(matches!(read(""), ConfigError::Syntax { .. }));
    assert!(matches!(read("{\"n_layer\": 1e999}"), ConfigError::Syntax { line: 1, .. }));
    assert_eq!(read("[]").to_string(), "a config.json is an object with keys, not a list");
}

#[test]
fn hostile_files_are_refused_at_once() {
    let deep = format!("{{\"a\": {}", "[".repeat(1_000_000));
    assert!(matches!(read(&deep), ConfigError::Syntax { .. }));
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_CONFIG_BYTES));
    assert!(matches!(read(&large), ConfigError::TooLarge { .. }));
    let long = format!("{{\"model_type\": \"{}\"}}", "x".repeat(1_000_000));
    assert!(read(&long).to_string().len() < 500);
}

fn read(json: &str) -> ConfigError {
    Architecture::from_hf_config(json).unwrap_err()
}
