//! What ranks of a divided model compute, hold and send, against Megatron-LM's formulae and against the
//! whole model.

use std::collections::BTreeMap;

use memwall_model_graph::{
    Architecture, BuildOptions, Collective, CollectiveKind, Counting, Dimension, Dtype, Graph, GraphError,
    OpKind, Parallel, Precision, Step, StepPhase, TensorRole, build_rank_step, build_step, catalog,
};

const BF16: Precision = Precision::uniform(Dtype::Bf16);

/// Shoeybi et al. 2019, section 3: two all-reduces of tokens x hidden a layer in a forward pass, one after
/// the embedding.
#[test]
fn tensor_parallel_layers_all_reduce_twice() {
    for (name, tensor) in [("llama-3-8b", 8), ("gpt3-175b", 8), ("llama-2-70b", 4), ("mixtral-8x7b", 2)] {
        let arch = model(name);
        let parallel = Parallel { tensor, ..Parallel::default() };
        for step in [prefill(2, 64), decode(16, 100)] {
            let graph = rank(&arch, &step, &parallel, 0);
            let tokens = step.batch * step.q_len;
            let whole = Collective::even(
                CollectiveKind::AllReduce,
                Dimension::Tensor,
                tensor,
                tokens * arch.hidden * 2,
            );
            for layer in 0..arch.layers {
                let of_layer = collectives(&graph, Some(layer));
                assert_eq!(of_layer, [whole, whole], "{name}, layer {layer}");
            }
            let vocab = arch.vocab.next_multiple_of(u64::from(tensor));
            let logits = step.batch * vocab * 2;
            let gather = Collective::even(CollectiveKind::AllGather, Dimension::Tensor, tensor, logits);
            assert_eq!(collectives(&graph, None), [whole, gather], "{name}");
        }
    }
}

/// Korthikanti et al. 2022, section 4.2.2: each all-reduce becomes an all-gather and a reduce-scatter of the
/// same size, so that a ring moves the same bytes; norms work on 1 / tensor of the tokens.
#[test]
fn sequence_parallelism_moves_the_same_bytes() {
    let arch = model("llama-3-8b");
    let step = prefill(2, 64);
    let plain = rank(&arch, &step, &Parallel { tensor: 4, ..Parallel::default() }, 0);
    let divided = rank(&arch, &step, &Parallel { tensor: 4, sequence: true, ..Parallel::default() }, 0);
    let bytes = 2 * 64 * arch.hidden * 2;
    let each = |kind| Collective::even(kind, Dimension::Tensor, 4, bytes);
    let (gather, scatter) = (each(CollectiveKind::AllGather), each(CollectiveKind::ReduceScatter));
    for layer in 0..arch.layers {
        assert_eq!(collectives(&divided, Some(layer)), [gather, scatter, gather, scatter]);
    }
    let ring = |graph: &Graph| -> u64 {
        let layers = (0..arch.layers).flat_map(|layer| collectives(graph, Some(layer)));
        layers.map(|one| one.bytes * if one.kind == CollectiveKind::AllReduce { 2 } else { 1 }).sum()
    };
    assert_eq!(ring(&plain), ring(&divided));
    let rows = |graph: &Graph| -> Vec<u64> {
        let norms = graph.operators().iter().filter_map(|op| match op.kind {
            OpKind::Norm { rows, .. } => Some(rows),
            _ => None,
        });
        norms.collect()
    };
    assert!(rows(&plain).iter().all(|rows| *rows == 128));
    assert!(rows(&divided).iter().all(|rows| *rows == 32));
    assert_eq!(rows(&plain).len(), rows(&divided).len());
    // Tokens that do not divide are padded.
    let step = decode(3, 10);
    let graph = rank(&arch, &step, &Parallel { tensor: 4, sequence: true, ..Parallel::default() }, 0);
    assert!(collectives(&graph, Some(0)).iter().all(|one| one.bytes == 4 * arch.hidden * 2));
}

/// Systems that compute in 8 bits add up in 16.
#[test]
fn sums_travel_in_16_bits() {
    let bytes = |name: &str, parallel: Parallel| -> Vec<(&'static str, u64)> {
        let options = BuildOptions::fused(Precision::uniform(Dtype::Fp8));
        let graph = build_rank_step(&model(name), &decode(64, 100), &options, &parallel, 0).unwrap();
        collectives(&graph, Some(5)).iter().map(|one| (one.kind.name(), one.bytes)).collect()
    };
    let tensor = Parallel { tensor: 4, ..Parallel::default() };
    let stream = 64 * 4096;
    assert_eq!(bytes("llama-3-8b", tensor), [("all_reduce", 2 * stream); 2]);
    let divided = [("all_gather", stream), ("reduce_scatter", 2 * stream)];
    assert_eq!(bytes("llama-3-8b", Parallel { sequence: true, ..tensor }), [divided, divided].concat());
    let experts = Parallel { data: 4, expert: 4, ..Parallel::default() };
    let rows = 16 * 2 * 4096;
    assert_eq!(bytes("mixtral-8x7b", experts), [("all_to_all", rows), ("all_to_all", 2 * rows)]);
}

/// A model whose blocks stand side by side adds up before it sends: one all-reduce a layer.
#[test]
fn blocks_side_by_side_share_an_all_reduce() {
    for name in ["gpt-j-6b", "falcon-180b"] {
        let arch = model(name);
        let graph = rank(&arch, &decode(4, 100), &Parallel { tensor: 4, ..Parallel::default() }, 0);
        let one = Collective::even(CollectiveKind::AllReduce, Dimension::Tensor, 4, 4 * arch.hidden * 2);
        assert!((0..arch.layers).all(|layer| collectives(&graph, Some(layer)) == [one]), "{name}");
        let norms = |graph: &Graph| {
            let of_layer = graph.operators().iter().filter(|op| op.layer == Some(5));
            of_layer.filter(|op| matches!(op.kind, OpKind::Norm { .. })).count()
        };
        assert_eq!(norms(&graph), if name == "gpt-j-6b" { 1 } else { 2 });
    }
}

/// Stages send each other tokens x hidden of a micro-batch, the tensor-th part of it where the stream is
/// divided.
#[test]
fn stages_pass_their_activations_on() {
    let arch = model("llama-3-8b");
    let step = prefill(8, 64);
    for sequence in [false, true] {
        let parallel = Parallel { tensor: 4, sequence, pipeline: 3, micro_batches: 2, ..Parallel::default() };
        let mut layers = Vec::new();
        for stage in 0..3 {
            let graph = rank(&arch, &step, &parallel, stage);
            let of_pipeline: Vec<Collective> = all_collectives(&graph)
                .into_iter()
                .map(|(_, one)| one)
                .filter(|one| one.dimension == Dimension::Pipeline)
                .collect();
            let bytes = 4 * 64 * arch.hidden * 2 / if sequence { 4 } else { 1 };
            let message = |kind| Collective::even(kind, Dimension::Pipeline, 3, bytes);
            let (recv, send) = (message(CollectiveKind::Recv), message(CollectiveKind::Send));
            let expected = [vec![send], vec![recv, send], vec![recv]][stage as usize].clone();
            assert_eq!(of_pipeline, expected);
            let has = |label: &str| graph.operators().iter().any(|op| op.label == label);
            assert_eq!((has("embed"), has("lm_head")), (stage == 0, stage == 2));
            let mut held: Vec<u32> = graph.operators().iter().filter_map(|op| op.layer).collect();
            held.dedup();
            layers.push(held);
        }
        assert_eq!(layers.iter().map(Vec::len).collect::<Vec<_>>(), [11, 11, 10]);
        assert_eq!(layers.concat(), (0..32).collect::<Vec<u32>>());
    }
}

/// DeepSeek-V3 on 32 ranks that share the experts: every rank sends each of its tokens to 8 experts and back.
#[test]
fn tokens_travel_to_experts() {
    let arch = model("deepseek-v3");
    let parallel = Parallel { data: 32, expert: 32, ..Parallel::default() };
    let graph = rank(&arch, &decode(32 * 128, 1000), &parallel, 0);
    let bytes = 128 * 8 * arch.hidden * 2;
    let exchange = Collective::even(CollectiveKind::AllToAll, Dimension::Expert, 32, bytes);
    assert_eq!(collectives(&graph, Some(2)), []);
    assert_eq!(collectives(&graph, Some(3)), [exchange, exchange]);
    let up = graph.operators().iter().find(|op| op.label == "moe.gate_up").unwrap();
    let OpKind::GroupedMatMul(product) = &up.kind else { panic!() };
    assert_eq!((product.rows(), product.experts()), (128 * 8, 8));
    assert_eq!(graph.tensor(up.inputs[1].tensor).shape, [8, 7168, 4096]);
    // With attention divided besides, each rank of a tensor group sends its part of the tokens.
    let parallel = Parallel { tensor: 2, data: 16, ..parallel };
    let graph = rank(&arch, &decode(32 * 128, 1000), &parallel, 0);
    let of_layer = collectives(&graph, Some(3));
    let kinds: Vec<_> = of_layer.iter().map(|one| (one.kind.name(), one.dimension.name())).collect();
    let reduce = ("all_reduce", "tp");
    let travel = ("all_to_all", "ep");
    assert_eq!(kinds, [reduce, travel, travel, ("all_gather", "tp"), reduce]);
    assert_eq!(of_layer[1].bytes, bytes);
}

/// Experts within a tensor-parallel group: no token travels, and the sizes are TensorRT-LLM's.
#[test]
fn experts_within_a_tensor_group_are_summed() {
    let arch = model("qwen3-235b-a22b");
    let step = decode(64, 1000);
    for (expert, shape) in [(1, [128, 4096, 2 * 192]), (2, [64, 4096, 2 * 384]), (8, [16, 4096, 2 * 1536])] {
        let parallel = Parallel { tensor: 8, expert, ..Parallel::default() };
        let graph = rank(&arch, &step, &parallel, 0);
        assert_eq!(collectives(&graph, Some(0)).len(), 2);
        assert!(collectives(&graph, Some(0)).iter().all(|one| one.kind == CollectiveKind::AllReduce));
        let up = graph.operators().iter().find(|op| op.label == "moe.gate_up").unwrap();
        assert_eq!(graph.tensor(up.inputs[1].tensor).shape, shape);
        let OpKind::GroupedMatMul(product) = &up.kind else { panic!() };
        assert_eq!(product.rows(), 64 * 8 / u64::from(expert));
    }
}

/// Fewer key heads than ranks: each rank has one, and its cache is no smaller than that.
#[test]
fn key_heads_are_repeated() {
    let arch = model("llama-3-8b");
    for (tensor, heads) in [(4, 2), (8, 1), (16, 1), (32, 1)] {
        let parallel = Parallel { tensor, ..Parallel::default() };
        let graph = rank(&arch, &decode(2, 100), &parallel, 0);
        let attention = graph.operators().iter().find(|op| op.label == "attn").unwrap();
        let OpKind::Attention(shape) = attention.kind else { panic!() };
        assert_eq!((shape.heads, shape.kv_heads), (32 / u64::from(tensor), heads));
        assert_eq!(graph.tensor(attention.inputs[1].tensor).shape, [2, heads, 100, 128]);
        assert_eq!(arch.rank_kv_bytes_per_token(&BF16, &parallel, 0), 32 * heads * 128 * 2 * 2);
    }
}

/// Context parallelism: even causal work, each rank caches its part, all keys and values are gathered.
#[test]
fn sequences_are_divided_evenly() {
    for name in ["llama-3-8b", "deepseek-v3"] {
        let arch = model(name);
        let step = Step { kv_len: 64 + 32, ..prefill(2, 64) };
        let whole = build_step(&arch, &step, &BuildOptions::fused(BF16)).unwrap();
        let parallel = Parallel { context: 4, ..Parallel::default() };
        let graph = rank(&arch, &step, &parallel, 0);
        assert_eq!(4 * flops_of(&graph, "attn"), flops_of(&whole, "attn"), "{name}");
        assert_eq!(4 * flops_of(&graph, "attn.out"), flops_of(&whole, "attn.out"), "{name}");
        assert_eq!(4 * cache_bytes(&graph), cache_bytes(&whole), "{name}");
        let per_token = arch.kv_bytes_per_token(&BF16) / arch.layers;
        let gather = CollectiveKind::AllGather;
        let gather = Collective::even(gather, Dimension::Context, 4, 2 * 96 * per_token);
        assert_eq!(collectives(&graph, Some(0)), [gather], "{name}");
    }
}

/// Decode divides the cache and merges partial outputs, each with a sum in fp32 a head.
#[test]
fn decode_divides_the_cache() {
    for (name, width) in [("llama-3-8b", 32 * 128), ("deepseek-v3", 128 * 512)] {
        let arch = model(name);
        let step = decode(3, 400);
        let whole = build_step(&arch, &step, &BuildOptions::fused(BF16)).unwrap();
        let graph = rank(&arch, &step, &Parallel { context: 4, ..Parallel::default() }, 0);
        assert_eq!(4 * flops_of(&graph, "attn"), flops_of(&whole, "attn"), "{name}");
        assert_eq!(4 * cache_bytes(&graph), cache_bytes(&whole), "{name}");
        let bytes = 4 * 3 * (width * 2 + arch.heads * 4);
        let gather = Collective::even(CollectiveKind::AllGather, Dimension::Context, 4, bytes);
        assert_eq!(collectives(&graph, Some(0)), [gather], "{name}");
    }
}

/// T5: both attentions of a decoder layer send, and its memory is gathered once.
#[test]
fn encoder_decoder_models_are_divided() {
    let arch = model("t5-base");
    let options = BuildOptions::fused(BF16);
    for (sequence, of_decoder, once) in [(false, 3, 0), (true, 6, 1)] {
        let parallel = Parallel { tensor: 4, sequence, ..Parallel::default() };
        let graph = build_rank_step(&arch, &prefill(2, 64), &options, &parallel, 0).unwrap();
        assert_eq!(collectives(&graph, Some(0)).len() * 3, of_decoder * 2);
        assert_eq!(collectives(&graph, Some(12)).len(), of_decoder);
        let memory = graph.operators().iter().filter(|op| op.label == "memory.all_gather").count();
        assert_eq!(memory, once);
        let heads = graph.operators().iter().find_map(|op| match &op.kind {
            OpKind::Attention(shape) if op.label == "cross" => Some(shape.heads),
            _ => None,
        });
        assert_eq!(heads, Some(3));
    }
}

/// Published deployments hold what they are known to hold: Llama 3.1 405B in fp8 on 8 GPUs is 51 GB each.
#[test]
fn weights_of_a_rank() {
    let arch = model("llama-3.1-405b");
    let fp8 = Precision { weights: Dtype::Fp8, ..BF16 };
    let parallel = Parallel { tensor: 8, ..Parallel::default() };
    let held = arch.rank_weight_bytes(&fp8, &parallel, 0);
    let norms = (2 * 126 + 1) * 16384 * 2;
    assert_eq!(8 * held, arch.weight_bytes(&fp8) + 7 * norms);
    assert!((held as f64 / 1e9 - 50.7).abs() < 0.1, "{held}");
    // Stages together hold all; a tied embedding twice.
    for (name, twice) in [("llama-3-8b", 0), ("gpt2", 50_257 * 768 * 2)] {
        let arch = model(name);
        let parallel = Parallel { pipeline: 5, ..Parallel::default() };
        let sum: u64 = (0..5).map(|stage| arch.rank_weight_bytes(&BF16, &parallel, stage)).sum();
        assert_eq!(sum, arch.weight_bytes(&BF16) + twice, "{name}");
    }
}

/// Nothing changes for one rank.
#[test]
fn one_rank_is_the_whole() {
    for entry in catalog::models() {
        let arch = entry.architecture();
        let phase = if arch.decoder_layers() == 0 { StepPhase::Encode } else { StepPhase::Prefill };
        let step = Step { phase, ..prefill(2, 64) };
        let options = BuildOptions::unfused_with_ends(BF16);
        let whole = build_step(&arch, &step, &options).unwrap();
        let same = build_rank_step(&arch, &step, &options, &Parallel::default(), 0).unwrap();
        let divided = Parallel { sequence: true, ..Parallel::default() };
        let undivided = build_rank_step(&arch, &step, &options, &divided, 0).unwrap();
        for other in [same, undivided] {
            assert_eq!(whole.operators(), other.operators(), "{}", entry.name);
            assert_eq!(whole.tensors(), other.tensors(), "{}", entry.name);
        }
        assert_eq!(all_collectives(&whole), []);
        assert_eq!(arch.rank_weight_bytes(&BF16, &Parallel::default(), 0), arch.weight_bytes(&BF16));
    }
}

#[test]
fn what_does_not_divide_is_told_by_field() {
    let fault = |name: &str, parallel: Parallel| -> Vec<String> {
        parallel.validate(&model(name)).unwrap_err().iter().map(ToString::to_string).collect()
    };
    let of = Parallel::default();
    assert_eq!(
        fault("llama-3-8b", Parallel { tensor: 3, ..of }),
        [
            "tensor: expected a divisor of heads (32), got 3",
            "tensor: expected a divisor of ffn (14336), got 3",
            "tensor: expected a divisor or a multiple of kv_heads (8), got 3",
        ]
    );
    assert_eq!(
        fault("llama-3-8b", Parallel { pipeline: 33, ..of }),
        ["pipeline: expected at most layers (32), got 33"]
    );
    assert_eq!(
        fault("llama-3-8b", Parallel { expert: 2, ..of }),
        ["expert: expected 1 for a model without experts, got 2"]
    );
    assert_eq!(
        fault("mixtral-8x7b", Parallel { expert: 3, data: 3, ..of }),
        ["expert: expected a divisor of moe.experts (8), got 3"]
    );
    assert_eq!(
        fault("mixtral-8x7b", Parallel { expert: 8, data: 2, tensor: 2, ..of }),
        ["expert: expected a divisor of tensor (2), or a multiple of it that divides \
            tensor x data x context (4), got 8"]
    );
    assert_eq!(
        fault("t5-base", Parallel { pipeline: 2, context: 2, ..of }),
        [
            "pipeline: expected 1 for an encoder-decoder model, got 2",
            "context: expected 1 for an encoder-decoder model, got 2",
        ]
    );
    assert_eq!(
        fault("gpt2", Parallel { tensor: 0, micro_batches: 0, ..of }),
        [
            "tensor: expected an integer from 1 to 1048576, got 0",
            "micro_batches: expected an integer from 1 to 1048576, got 0",
        ]
    );
    let build = |parallel: Parallel, stage| {
        let options = BuildOptions::fused(BF16);
        match build_rank_step(&model("gpt2"), &prefill(6, 10), &options, &parallel, stage).unwrap_err() {
            GraphError::Parallel(errors) => errors[0].to_string(),
            other => panic!("{other}"),
        }
    };
    let message = build(Parallel { data: 4, ..of }, 0);
    assert_eq!(message, "data: expected a divisor of the batch (6), got 4");
    let message = build(Parallel { data: 2, micro_batches: 2, ..of }, 0);
    assert_eq!(message, "micro_batches: expected a divisor of the batch of a rank (3), got 2");
    let message = build(Parallel { context: 3, ..of }, 0);
    assert_eq!(message, "context: expected a divisor of the tokens of a sequence (10), got 3");
    assert_eq!(build(of, 1), "stage: expected a stage below 1, got 1");
    assert!(
        build_rank_step(
            &model("gpt2"),
            &prefill(6, 10),
            &BuildOptions::fused(BF16),
            &Parallel { data: 8, ..of },
            0
        )
        .is_ok()
    );
}

#[test]
fn it_is_written_with_short_names_too() {
    let long: Parallel = serde_json::from_str(r#"{"tensor": 8, "pipeline": 2, "sequence": true}"#).unwrap();
    let short: Parallel = serde_json::from_str(r#"{"tp": 8, "pp": 2, "sp": true}"#).unwrap();
    assert_eq!(long, short);
    assert_eq!((long.ranks(), long.data, long.micro_batches), (16, 1, 1));
    assert!(serde_json::from_str::<Parallel>(r#"{"tensors": 8}"#).is_err());
    let all: Parallel = serde_json::from_str(r#"{"dp": 3, "ep": 2, "cp": 5, "tp": 2}"#).unwrap();
    assert_eq!(all.ranks(), 30);
}

/// Collectives are neither operations nor memory accesses of the model.
#[test]
fn collectives_count_as_nothing() {
    let arch = model("llama-3-8b");
    let graph = rank(&arch, &decode(1, 10), &Parallel { tensor: 2, ..Parallel::default() }, 0);
    let mut seen = 0;
    for operator in graph.operators().iter().filter(|op| matches!(op.kind, OpKind::Collective(_))) {
        seen += 1;
        for counting in [Counting::Actual, Counting::Paper] {
            let counts = operator.counts(&graph, counting);
            assert_eq!((counts.flops, counts.bytes()), (0, 0));
        }
    }
    assert_eq!(seen, 2 * 32 + 2);
}

fn model(name: &str) -> Architecture {
    catalog::find(name).unwrap()
}

fn rank(arch: &Architecture, step: &Step, parallel: &Parallel, stage: u32) -> Graph {
    build_rank_step(arch, step, &BuildOptions::fused(BF16), parallel, stage).unwrap()
}

fn prefill(batch: u64, tokens: u64) -> Step {
    Step { phase: StepPhase::Prefill, batch, q_len: tokens, kv_len: tokens, prompt_len: tokens }
}

fn decode(batch: u64, kv_len: u64) -> Step {
    Step { phase: StepPhase::Decode, batch, q_len: 1, kv_len, prompt_len: 0 }
}

fn all_collectives(graph: &Graph) -> Vec<(Option<u32>, Collective)> {
    let each = graph.operators().iter().filter_map(|op| match op.kind {
        OpKind::Collective(one) => Some((op.layer, one)),
        _ => None,
    });
    each.collect()
}

fn collectives(graph: &Graph, layer: Option<u64>) -> Vec<Collective> {
    let wanted = layer.map(|layer| layer as u32);
    all_collectives(graph).into_iter().filter(|(layer, _)| *layer == wanted).map(|(_, one)| one).collect()
}

fn flops_of(graph: &Graph, label: &str) -> u128 {
    let labelled = graph.operators().iter().filter(|op| op.label == label);
    labelled.map(|op| op.counts(graph, Counting::Actual).flops).sum()
}

fn cache_bytes(graph: &Graph) -> u64 {
    let caches = graph.tensors().iter().filter(|tensor| tensor.role == TensorRole::KvCache);
    caches.map(|tensor| (tensor.key, tensor.bytes())).collect::<BTreeMap<_, _>>().values().sum()
}
