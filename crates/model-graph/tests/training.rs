//! The way back: as many operations as the rules say, and kept tensors as published formulas count them.

use memwall_model_graph::{
    Architecture, BuildOptions, CollectiveKind, Counting, Differentiation, Dtype, Graph, OpKind, Parallel,
    Pass, Precision, StateFormats, Step, StepPhase, TrainingGraph, build_rank_step, catalog,
};

const BATCH: u64 = 2;
const TOKENS: u64 = 512;

fn how(tensor: u32) -> Differentiation {
    Differentiation {
        tensor,
        formats: StateFormats::default(),
        fused: false,
        overlap: true,
        accumulate: true,
    }
}

fn step() -> Step {
    Step { phase: StepPhase::Train, batch: BATCH, q_len: TOKENS, kv_len: TOKENS, prompt_len: TOKENS }
}

/// What Megatron-LM runs: every operation apart but the merged projection, dropout included.
fn megatron(precision: Precision) -> BuildOptions {
    BuildOptions { merged_qkv: true, dropout: true, ..BuildOptions::unfused_with_ends(precision) }
}

fn graph(arch: &Architecture, options: &BuildOptions, parallel: &Parallel) -> Graph {
    build_rank_step(arch, &step(), options, parallel, 0).unwrap()
}

fn training(arch: &Architecture, options: &BuildOptions, parallel: &Parallel) -> TrainingGraph {
    TrainingGraph::differentiate(&graph(arch, options, parallel), &how(parallel.tensor)).unwrap()
}

fn flops(training: &TrainingGraph, passes: &[Pass], wanted: fn(&OpKind) -> bool) -> u128 {
    let ids = training.operators_of(passes);
    let operators = ids.map(|id| training.graph.operator(id)).filter(|operator| wanted(&operator.kind));
    operators.map(|operator| operator.counts(&training.graph, Counting::Actual).flops).sum()
}

#[test]
fn the_way_back_takes_twice_the_products_of_the_way_there() {
    let contracts = |kind: &OpKind| matches!(kind, OpKind::MatMul(_) | OpKind::GroupedMatMul(_));
    for name in ["gpt2-xl", "llama-3-8b", "mixtral-8x7b", "deepseek-v3"] {
        let mut arch = catalog::find(name).unwrap();
        arch.layers = arch.layers.min(5);
        let options = megatron(Precision::uniform(Dtype::Bf16));
        let training = training(&arch, &options, &Parallel::default());
        let forward = flops(&training, &[Pass::Forward], contracts);
        let back = flops(&training, &[Pass::Backward, Pass::WeightGradient], contracts);
        // The uneven rows of experts are rounded up to whole ones.
        let off = (back as f64 / (2.0 * forward as f64) - 1.0).abs();
        assert!(off < 1e-3, "{name}: {back} against twice {forward}");
    }
}

/// Bytes kept of layer 0, as Korthikanti et al. 2022 (arXiv:2205.05198, Table 2) count them, over s b h.
fn kept_of_a_layer(training: &TrainingGraph, layer: u32) -> u64 {
    let saved = training.saved();
    let of_layer =
        saved.iter().map(|id| training.graph.tensor(*id)).filter(|tensor| tensor.layer == Some(layer));
    of_layer.map(memwall_model_graph::Tensor::bytes).sum()
}

#[test]
fn a_layer_keeps_what_megatron_counts() {
    let mut arch = catalog::find("gpt3-175b").unwrap();
    arch.layers = 3;
    let (h, a) = (arch.hidden as f64, arch.heads as f64);
    let sb = (BATCH * TOKENS) as f64;
    let options = megatron(Precision::uniform(Dtype::Fp16));
    let scores = 5.0 * a * TOKENS as f64 / h;
    for (tensor, sequence, expected) in [
        (1, false, 34.0 + scores),
        (4, false, 10.0 + (24.0 + scores) / 4.0),
        (4, true, (34.0 + scores) / 4.0),
    ] {
        let parallel = Parallel { tensor, sequence, ..Parallel::default() };
        let training = training(&arch, &options, &parallel);
        let kept = kept_of_a_layer(&training, 1) as f64 / (sb * h);
        assert!(
            (kept / expected - 1.0).abs() < 0.01,
            "tensor {tensor} {sequence}: {kept} against {expected}"
        );
    }
}

#[test]
fn tensor_parallel_gradients_are_summed_as_often_as_activations() {
    let mut arch = catalog::find("gpt3-175b").unwrap();
    arch.layers = 3;
    let options = megatron(Precision::uniform(Dtype::Fp16));
    let count = |training: &TrainingGraph, passes: &[Pass], wanted: CollectiveKind| {
        let ids = training.operators_of(passes);
        ids.filter(|id| {
            let operator = training.graph.operator(*id);
            operator.layer == Some(1)
                && matches!(&operator.kind, OpKind::Collective(collective) if collective.kind == wanted)
        })
        .count()
    };
    let plain = training(&arch, &options, &Parallel { tensor: 4, ..Parallel::default() });
    assert_eq!(count(&plain, &[Pass::Forward], CollectiveKind::AllReduce), 2);
    assert_eq!(count(&plain, &[Pass::Backward], CollectiveKind::AllReduce), 2);
    let divided = training(&arch, &options, &Parallel { tensor: 4, sequence: true, ..Parallel::default() });
    assert_eq!(count(&divided, &[Pass::Backward], CollectiveKind::ReduceScatter), 2);
    // Two gradients to gather, and two inputs that were kept divided.
    assert_eq!(count(&divided, &[Pass::Backward], CollectiveKind::AllGather), 4);
}

#[test]
fn every_weight_gets_a_gradient_once() {
    for name in ["gpt2-xl", "llama-3-8b", "mixtral-8x7b", "bert-large"] {
        let mut arch = catalog::find(name).unwrap();
        arch.layers = arch.layers.min(3);
        let options =
            BuildOptions { merged_qkv: false, ..BuildOptions::fused(Precision::uniform(Dtype::Bf16)) };
        let fused = Differentiation { fused: true, ..how(1) };
        let forward = graph(&arch, &options, &Parallel::default());
        let training = TrainingGraph::differentiate(&forward, &fused).unwrap();
        let tensors = training.graph.tensors();
        for (index, weight) in tensors.iter().enumerate() {
            if weight.role != memwall_model_graph::TensorRole::Weight {
                continue;
            }
            let name = format!("{}.gradient", weight.label);
            let written = tensors.iter().enumerate().filter(|(id, tensor)| {
                let id = memwall_model_graph::TensorId(*id as u32);
                tensor.layer == weight.layer && tensor.label == name && training.graph.producer(id).is_some()
            });
            assert_eq!(written.count(), 1, "{} ({index})", weight.name());
        }
    }
}
