//! Activations ("features") and operations of language models, as the table of the paper's repository lists them.
//!
//! Every figure is a sum over the operators of a built step: features are the elements that matmuls write, operations
//! those of matmuls. The table's ninth, the Transformer of 6 + 6 layers, has cross-attention and is an inline graph in
//! `scenarios/paper/fig2_inference.yaml`.

use memwall_model_graph::{
    Architecture, BuildOptions, Dtype, OpKind, Phase, Precision, Workload, build_step, catalog,
};

/// Name, layers, width, heads, tokens, millions of features and GFLOPs as printed
/// (<https://github.com/amirgholami/ai_and_memory_wall>, table of NLP models).
const ROWS: [(&str, u64, u64, u64, u64, f64, f64); 8] = [
    ("BERT Large", 24, 1024, 16, 512, 230.0, 340.0),
    ("GPT-1", 12, 768, 12, 512, 85.0, 96.0),
    ("GPT-2", 48, 1600, 25, 1024, 2_000.0, 3_400.0),
    ("Megatron", 72, 3072, 32, 1024, 4_700.0, 18_000.0),
    ("ALBERT xxl", 12, 4096, 64, 512, 450.0, 2_500.0),
    ("Microsoft T-NLG", 78, 4256, 28, 1024, 5_700.0, 36_000.0),
    ("ELECTRA Large", 24, 1024, 16, 128, 38.0, 79.0),
    ("GPT-3", 96, 12288, 96, 2048, 63_000.0, 740_000.0),
];

/// Validates features and GFLOPs of the table within 2.5 %.
#[test]
fn features_and_operations_of_the_readme() {
    for (name, layers, hidden, heads, tokens, features, gflops) in ROWS {
        let (ours, flops) = counted(layers, hidden, heads, tokens);
        assert!((ours / 1e6 / features - 1.0).abs() < 0.025, "{name}: {ours} features, printed {features} M");
        assert!((flops / 1e9 / gflops - 1.0).abs() < 0.025, "{name}: {flops} FLOPs, printed {gflops} G");
    }
}

/// Elements that matmuls write, and their operations, when a text of `tokens` is read at once.
fn counted(layers: u64, hidden: u64, heads: u64, tokens: u64) -> (f64, f64) {
    let base = catalog::find("bert-large").expect("in the catalog");
    let architecture = Architecture {
        layers,
        hidden,
        heads,
        kv_heads: None,
        head_dim: None,
        ffn: 4 * hidden,
        max_positions: tokens,
        ..base
    };
    let options = BuildOptions::unfused(Precision::uniform(Dtype::Int8));
    let workload = Workload { phase: Phase::Encode, batch: 1, prompt: tokens, context: 0, tokens: 0 };
    let step = workload.steps().next().expect("one step");
    let graph = build_step(&architecture, &step, &options).expect("a graph");
    let mut sums = (0.0, 0.0);
    for operator in graph.operators() {
        let OpKind::MatMul(shape) = operator.kind else { continue };
        sums.0 += operator.outputs.iter().map(|output| output.elements as f64).sum::<f64>();
        sums.1 += shape.flops() as f64;
    }
    sums
}
