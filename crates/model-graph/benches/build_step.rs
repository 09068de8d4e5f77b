//! How long the graph of one step takes to build: every simulated token pays it.

use criterion::{Criterion, criterion_group, criterion_main};
use memwall_model_graph::{BuildOptions, Counting, Dtype, Precision, Step, StepPhase, build_step, catalog};

fn decode_step(criterion: &mut Criterion) {
    for name in ["llama-3-8b", "llama-3-70b", "deepseek-v3"] {
        let Some(architecture) = catalog::find(name) else { continue };
        let step = Step { phase: StepPhase::Decode, batch: 16, q_len: 1, kv_len: 4097, prompt_len: 0 };
        let options = BuildOptions::fused(Precision::uniform(Dtype::Fp8));
        criterion.bench_function(&format!("build/{name}"), |bench| {
            bench.iter(|| build_step(&architecture, &step, &options));
        });
        let Ok(graph) = build_step(&architecture, &step, &options) else { continue };
        criterion.bench_function(&format!("count/{name}"), |bench| {
            let count = |graph: &memwall_model_graph::Graph| -> u128 {
                graph.operators().iter().map(|operator| operator.counts(graph, Counting::Actual).flops).sum()
            };
            bench.iter(|| count(&graph));
        });
    }
}

criterion_group!(benches, decode_step);
criterion_main!(benches);
