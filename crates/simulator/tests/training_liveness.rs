//! What passes of a training graph hold: what is kept between them is what the graph says, gradients of weights that are
//! put off keep what they read, and the most that is held at once is what a count by hand finds.

use memwall_model_graph::{
    Architecture, BuildOptions, Differentiation, Dtype, Graph, Parallel, Pass, Precision, Recompute,
    StateFormats, Step, StepPhase, TensorId, TensorRole, TrainingGraph, build_rank_step, catalog,
};
use memwall_simulator::memory_timeline::PartMemory;

fn graph(layers: u64, recompute: Recompute) -> TrainingGraph {
    let arch = Architecture { layers, ..catalog::find("llama-3-8b").expect("the catalog has it") };
    train(&arch, recompute)
}

fn train(arch: &Architecture, recompute: Recompute) -> TrainingGraph {
    let step = Step { phase: StepPhase::Train, batch: 1, q_len: 256, kv_len: 256, prompt_len: 256 };
    let options = BuildOptions::unfused_with_ends(Precision::uniform(Dtype::Bf16));
    let forward = build_rank_step(arch, &step, &options, &Parallel::default(), 0).expect("a small model");
    let how = Differentiation {
        tensor: 1,
        formats: StateFormats::default(),
        fused: true,
        overlap: false,
        accumulate: true,
    };
    let whole = TrainingGraph::differentiate(&forward, &how).expect("a small model");
    whole.recomputed(recompute, true).expect("a rule that fits")
}

/// The tensors that are there while operator `at` of `order` runs, by looking at all of them.
fn there(graph: &Graph, order: &[usize], at: usize) -> u64 {
    let touches = |position: usize, tensor: u32| {
        let operator = &graph.operators()[order[position]];
        operator.inputs.iter().chain(&operator.outputs).any(|operand| operand.tensor == TensorId(tensor))
    };
    let lives = |tensor: &u32| {
        (0..=at).any(|position| touches(position, *tensor))
            && (at..order.len()).any(|position| touches(position, *tensor))
    };
    let comes_and_goes = |tensor: &u32| {
        matches!(graph.tensor(TensorId(*tensor)).role, TensorRole::Activation | TensorRole::Input)
    };
    let tensors = (0..graph.tensors().len() as u32).filter(comes_and_goes).filter(lives);
    tensors.map(|tensor| graph.tensor(TensorId(tensor)).bytes()).sum()
}

#[test]
fn the_most_held_is_what_a_count_by_hand_finds() {
    for recompute in [Recompute::None, Recompute::Selective, Recompute::Full] {
        let training = graph(2, recompute);
        let forward = training.forward_operators();
        let whole: Vec<usize> = (0..training.passes.len()).collect();
        let late = |index: &usize| training.passes[*index] == Pass::WeightGradient;
        let mut split: Vec<usize> = whole.iter().copied().filter(|index| !late(index)).collect();
        let input = split.len();
        split.extend(whole.iter().copied().filter(late));
        let most = |order: &[usize], from: usize, to: usize| {
            (from..to).map(|at| there(&training.graph, order, at)).max().unwrap_or(0)
        };
        let memory = PartMemory::of(&training, false);
        assert_eq!(memory.kept_for_weights, 0);
        assert_eq!(most(&whole, 0, forward), memory.activations + memory.forward_temporary);
        let back = memory.activations + memory.recomputed + memory.backward_temporary;
        assert_eq!(most(&whole, forward, whole.len()), back, "{recompute:?}");
        let memory = PartMemory::of(&training, true);
        let back = memory.activations + memory.recomputed + memory.backward_temporary;
        assert_eq!(most(&split, forward, input), back, "{recompute:?}");
        let weights = memory.kept_for_weights + memory.weight_temporary;
        assert_eq!(most(&split, input, split.len()), weights, "{recompute:?}");
    }
}

#[test]
fn what_is_kept_is_what_the_graph_saves() {
    for layers in [1, 4] {
        let training = graph(layers, Recompute::None);
        let memory = PartMemory::of(&training, false);
        assert_eq!(memory.activations, training.saved_bytes());
        assert_eq!(memory.recomputed, 0);
        // Each matmul of a layer reads what it read before and the gradient of what it made.
        let split = PartMemory::of(&training, true);
        assert_eq!(split.activations, memory.activations);
        assert!(split.kept_for_weights > 0);
        let again = PartMemory::of(&graph(layers, Recompute::Full), false);
        assert!(again.activations < memory.activations);
    }
}

/// Where the peak lies at the logits of a large vocabulary, nothing has been computed again yet; with a small one it lies
/// in a layer.
#[test]
fn what_is_computed_again_is_named_where_the_peak_is() {
    let long = |vocab: u64| {
        let arch =
            Architecture { layers: 4, vocab, ..catalog::find("llama-3-8b").expect("the catalog has it") };
        PartMemory::of(&train(&arch, Recompute::Full), false)
    };
    assert_eq!(long(128_256).recomputed, 0);
    assert!(long(512).recomputed > 0);
}
