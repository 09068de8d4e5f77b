//! Laws of divided models: the ranks together do, hold and cache what one device would, besides what is said
//! to be repeated.

use std::collections::BTreeMap;

use memwall_model_graph::{
    Architecture, Bias, Blocks, BuildOptions, CollectiveKind, Counting, Dimension, Dtype, FfnActivation,
    Graph, Mla, ModelKind, Moe, NormKind, NormPosition, OpKind, Operand, Operator, Parallel, Positions,
    Precision, Step, StepPhase, TensorRole, build_rank_step, build_step,
};
use proptest::prelude::*;

/// Weights in another format than activations, so that neither is taken for the other.
const PRECISION: Precision = Precision {
    weights: Dtype::Fp8,
    activations: Dtype::Bf16,
    kv_cache: Dtype::Fp8,
    accumulator: Dtype::Fp32,
};

/// Products that ranks of a tensor-parallel group all do: latent projections, and the choice of experts.
const REPEATED: [&str; 3] = ["attn.q_a", "attn.kv_a", "moe.router"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Operations of all ranks, stages and micro-batches are those of one device.
    #[test]
    fn ranks_together_do_the_work_of_one(case in cases()) {
        let Case { arch, parallel, step, options } = case;
        let whole = build_step(&arch, &step, &options).unwrap();
        let copies = [parallel.tensor, parallel.data, parallel.context, parallel.micro_batches];
        let copies: u128 = copies.iter().map(|size| u128::from(*size)).product();
        let divided: u128 = (0..parallel.pipeline)
            .map(|stage| build_rank_step(&arch, &step, &options, &parallel, stage).unwrap())
            .map(|graph| products(&graph, &parallel))
            .sum();
        prop_assert_eq!(divided * copies, products(&whole, &parallel));
    }

    /// A rank's graph is ordered, has what it reads, and holds the weights and caches the architecture says.
    #[test]
    fn graphs_of_ranks_are_sound(case in cases()) {
        let Case { arch, parallel, step, options } = case;
        let mut cached = 0;
        let mut messages = Vec::new();
        for stage in 0..parallel.pipeline {
            let graph = build_rank_step(&arch, &step, &options, &parallel, stage).unwrap();
            check(&graph)?;
            let held = held(&graph, TensorRole::Weight);
            prop_assert_eq!(held, arch.rank_weight_bytes(&PRECISION, &parallel, stage), "stage {}", stage);
            cached += held_cache(&graph);
            messages.extend(graph.operators().iter().filter_map(message));
        }
        let parts = [parallel.data, parallel.context, parallel.micro_batches];
        let parts: u64 = parts.iter().map(|size| u64::from(*size)).product();
        // Every rank of a tensor-parallel group keeps the latents.
        let parts = if arch.mla.is_some() { parts } else { parts * u64::from(parallel.tensor) };
        let whole = build_step(&arch, &step, &options).unwrap();
        prop_assert_eq!(cached * parts, held_cache(&whole));
        // What a stage sends, the next receives.
        for pair in messages.chunks(2) {
            prop_assert_eq!(pair[0].0, CollectiveKind::Send);
            prop_assert_eq!(pair[1], (CollectiveKind::Recv, pair[0].1));
        }
        prop_assert_eq!(messages.len(), 2 * (parallel.pipeline as usize - 1));
    }

    /// Weights of the ranks of a stage add up to the model's and to copies of what is not divided.
    #[test]
    fn weights_add_up(case in cases()) {
        let Case { arch, parallel, .. } = case;
        let ranks = u64::from(parallel.tensor);
        prop_assume!(parallel.expert <= parallel.tensor);
        let one = Parallel { tensor: 1, expert: 1, ..parallel };
        for stage in 0..parallel.pipeline {
            let whole = arch.rank_weight_bytes(&PRECISION, &one, stage);
            let all = ranks * arch.rank_weight_bytes(&PRECISION, &parallel, stage);
            prop_assert!(all >= whole && all <= ranks * whole);
            if ranks == 1 {
                prop_assert_eq!(all, whole);
            }
        }
    }

    /// Any numbers at all are refused or built.
    #[test]
    fn wild_divisions_do_not_panic(
        case in cases(),
        sizes in proptest::array::uniform7(prop_oneof![0..9_u32, any::<u32>()]),
        sequence in any::<bool>(),
    ) {
        let [tensor, pipeline, data, expert, context, micro_batches, stage] = sizes;
        let parallel = Parallel { tensor, sequence, pipeline, data, expert, context, micro_batches };
        let valid = parallel.validate(&case.arch).is_ok();
        let built = build_rank_step(&case.arch, &case.step, &case.options, &parallel, stage);
        prop_assert!(valid || built.is_err());
        let _ = (parallel.ranks(), parallel.layers_of(stage, 7), parallel.is_last(stage));
        let _ = case.arch.rank_weight_bytes(&PRECISION, &parallel, stage);
        let _ = case.arch.rank_kv_bytes_per_token(&PRECISION, &parallel, stage);
    }

    /// Stages hold every layer once, in order, and differ by one layer at most.
    #[test]
    fn stages_hold_every_layer(pipeline in 1_u32..20, layers in 1_u64..200) {
        prop_assume!(u64::from(pipeline) <= layers);
        let parallel = Parallel { pipeline, ..Parallel::default() };
        let all: Vec<u64> = (0..pipeline).flat_map(|stage| parallel.layers_of(stage, layers)).collect();
        prop_assert_eq!(all, (0..layers).collect::<Vec<_>>());
        let even = layers / u64::from(pipeline);
        for stage in 0..pipeline {
            let held = parallel.layers_of(stage, layers).count() as u64;
            prop_assert!(held == even || held == even + 1);
        }
    }
}

#[derive(Debug, Clone)]
struct Case {
    arch: Architecture,
    parallel: Parallel,
    step: Step,
    options: BuildOptions,
}

/// Operations of products, without those that ranks repeat and, where sequences are divided, without those
/// that depend on where a rank's tokens stand.
fn products(graph: &Graph, parallel: &Parallel) -> u128 {
    let counted = graph.operators().iter().filter(|op| {
        let product = matches!(op.kind, OpKind::MatMul(_) | OpKind::GroupedMatMul(_) | OpKind::Attention(_));
        let depends = parallel.context > 1 && matches!(&*op.label, "attn.kv_b" | "lm_head");
        product && !depends && !REPEATED.contains(&&*op.label)
    });
    counted.map(|op| op.counts(graph, Counting::Actual).flops).sum()
}

fn message(operator: &Operator) -> Option<(CollectiveKind, u64)> {
    match operator.kind {
        OpKind::Collective(one) if one.dimension == Dimension::Pipeline => Some((one.kind, one.bytes)),
        _ => None,
    }
}

fn held(graph: &Graph, role: TensorRole) -> u64 {
    let tensors = graph.tensors().iter().filter(|tensor| tensor.role == role);
    tensors.map(|tensor| (tensor.key, tensor.bytes())).collect::<BTreeMap<_, _>>().values().sum()
}

fn held_cache(graph: &Graph) -> u64 {
    held(graph, TensorRole::KvCache)
}

fn check(graph: &Graph) -> Result<(), TestCaseError> {
    for (id, operator) in graph.iter() {
        for operand in operator.inputs.iter().chain(&operator.outputs) {
            let tensor = graph.tensor(operand.tensor);
            prop_assert!(operand.elements <= tensor.elements(), "{} of {}", operator.name(), tensor.name());
        }
        for input in &operator.inputs {
            let tensor = graph.tensor(input.tensor);
            let producer = graph.producer(input.tensor);
            prop_assert!(producer.is_none_or(|producer| producer < id));
            if tensor.role == TensorRole::Activation {
                prop_assert!(producer.is_some(), "{} reads {}", operator.name(), tensor.name());
            }
        }
        let OpKind::Collective(one) = &operator.kind else {
            prop_assert!(!operator.outputs.is_empty() && !operator.inputs.is_empty());
            continue;
        };
        prop_assert!(one.bytes > 0 && one.ranks > 1 && one.skew_permille == 1000, "{:?}", one);
        prop_assert_eq!(operator.inputs.is_empty(), one.kind == CollectiveKind::Recv);
        prop_assert_eq!(operator.outputs.is_empty(), one.kind == CollectiveKind::Send);
        // The buffer is at least what is read and written, as the kind counts it.
        let bytes = |operands: &[Operand]| -> u64 {
            operands.iter().map(|one| graph.tensor(one.tensor).dtype.bytes_for(one.elements)).sum()
        };
        let (read, written) = (bytes(&operator.inputs), bytes(&operator.outputs));
        match one.kind {
            CollectiveKind::AllReduce => prop_assert_eq!((one.bytes, one.bytes), (read, written)),
            CollectiveKind::AllGather => {
                prop_assert!(one.bytes >= written && read * u64::from(one.ranks) >= written);
            }
            CollectiveKind::ReduceScatter => prop_assert!(one.bytes >= read),
            CollectiveKind::AllToAll => prop_assert_eq!((one.bytes, one.bytes), (read, written)),
            _ => prop_assert_eq!(one.bytes, read.max(written)),
        }
    }
    Ok(())
}

/// Models and divisions that go together, in sizes that divide.
fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1_u64..6, 1_u64..4, 1_u64..3, 1_u64..5, 1_u64..9, 1_u64..20);
    let switches = proptest::array::uniform9(any::<bool>());
    let moe = proptest::option::of((1_u64..3, 1_u64..5, 1_u64..5, 0_u64..3, 0_u64..2, 1_u64..3));
    let parts = prop::sample::select(vec![1_u32, 2, 4]);
    let two = prop::sample::select(vec![1_u32, 2]);
    let divided = (parts.clone(), 1_u32..4, parts.clone(), parts, two.clone(), two, any::<bool>());
    let kind = prop::sample::select(vec![ModelKind::Decoder, ModelKind::Encoder, ModelKind::EncoderDecoder]);
    let work = (1_u64..3, 1_u64..5, proptest::array::uniform5(any::<bool>()));
    (kind, sizes, switches, moe, divided, work)
        .prop_map(|(kind, sizes, switches, moe, divided, work)| {
            assemble(kind, sizes, switches, moe, divided, work)
        })
        .prop_filter("it divides", |case| case.parallel.validate(&case.arch).is_ok())
}

type Sizes = (u64, u64, u64, u64, u64, u64);

fn assemble(
    kind: ModelKind,
    (layers, groups, kv_share, half_dim, ffn, vocab): Sizes,
    [gated, rms, post, biased, qk_norm, learned, latent, side, decodes]: [bool; 9],
    moe: Option<Sizes>,
    (tensor, pipeline, data, expert, context, micro_batches, sequence): (u32, u32, u32, u32, u32, u32, bool),
    (batch, tokens, [fused_attention, fused_elementwise, merged_qkv, separate_scaling, own_norm]): (
        u64,
        u64,
        [bool; 5],
    ),
) -> Case {
    let ranks = u64::from(tensor);
    let mla = (latent && kind == ModelKind::Decoder).then_some(Mla {
        q_lora_rank: biased.then_some(5),
        kv_lora_rank: 6,
        qk_nope_dim: half_dim,
        qk_rope_dim: 2,
        v_dim: 3,
    });
    let plain = mla.is_none();
    let both = kind == ModelKind::EncoderDecoder;
    let moe = moe.map(|(experts, top_k, width, shared_experts, first_dense_layers, every)| Moe {
        experts: 16 * experts,
        top_k,
        expert_ffn: 4 * width,
        shared_experts,
        shared_ffn: None,
        first_dense_layers,
        every,
    });
    let beside = side && moe.is_none() && !both && !post;
    let arch = Architecture {
        kind,
        layers,
        decoder_layers: both.then_some(groups),
        hidden: 12,
        heads: groups * kv_share * ranks,
        kv_heads: Some(kv_share * ranks),
        head_dim: Some(2 * half_dim),
        ffn: ranks * ffn,
        gated,
        activation: if rms { FfnActivation::Silu } else { FfnActivation::Relu },
        norm: if rms { NormKind::Rms } else { NormKind::Layer },
        norm_position: if post && !both { NormPosition::Post } else { NormPosition::Pre },
        blocks: match (beside, own_norm) {
            (false, _) => Blocks::Sequential,
            (true, false) => Blocks::Parallel,
            (true, true) => Blocks::ParallelTwoNorms,
        },
        embedding_norm: own_norm && !both,
        positions: if learned { Positions::Learned } else { Positions::Rope },
        max_positions: 100,
        vocab: vocab * ranks,
        token_types: u64::from(learned),
        tied_embeddings: post,
        bias: match (plain, biased, gated) {
            (true, true, true) => Bias::All,
            (true, true, false) => Bias::Ffn,
            _ => Bias::None,
        },
        qk_norm: qk_norm && plain,
        window: None,
        mla,
        moe,
        patches: None,
    };
    let (pipeline, context) = if both { (1, 1) } else { (pipeline.min(layers as u32), context) };
    let (phase, context) = match kind {
        ModelKind::Encoder => (StepPhase::Encode, context),
        // A decode step's ranks that share sequences repeat its projections.
        ModelKind::Decoder if decodes => (StepPhase::Decode, 1),
        _ => (StepPhase::Prefill, context),
    };
    let parallel = Parallel { tensor, sequence, pipeline, data, expert, context, micro_batches };
    let q_len = if phase == StepPhase::Decode { 1 } else { 2 * u64::from(context) * tokens };
    // Enough sequences for tokens and experts' rows to divide.
    let batch = batch * 16 * u64::from(data * micro_batches);
    let cached = if phase == StepPhase::Encode || both { 0 } else { 8 };
    let step = Step { phase, batch, q_len, kv_len: q_len + cached, prompt_len: q_len };
    let options = BuildOptions {
        precision: PRECISION,
        // In parts, masked pairs are computed too, wherever a rank stands.
        fused_attention: fused_attention || context > 1,
        fused_elementwise,
        separate_scaling,
        merged_qkv,
        embedding: true,
        dropout: false,
        lm_head: true,
    };
    Case { arch, parallel, step, options }
}
