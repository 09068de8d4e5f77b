//! Laws that hold for every graph: random models, random inline graphs, arbitrary text.

use memwall_model_graph::{
    Architecture, Bias, Blocks, BuildOptions, Counting, Counts, Dtype, FfnActivation, Graph, Mla, ModelKind,
    Moe, NormKind, NormPosition, OperatorSpec, Phase, Positions, Precision, SlidingWindow, SpecOp,
    TensorRole, Workload, build_step,
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every valid model builds every step it has; the graph is ordered and its counts are sane.
    #[test]
    fn random_models_build(
        architecture in architectures(),
        options in options(),
        (batch, prompt, tokens) in (1_u64..5, 1_u64..40, 1_u64..4),
    ) {
        prop_assert_eq!(architecture.validate(), Ok(()));
        let encodes = architecture.kind == ModelKind::Encoder;
        let phase = if encodes { Phase::Encode } else { Phase::Generate };
        let tokens = if encodes { 0 } else { tokens };
        let workload = Workload { phase, batch, prompt, context: 0, tokens };
        prop_assert_eq!(workload.validate(), Ok(()));
        let mut steps = 0;
        for step in workload.steps() {
            let graph = build_step(&architecture, &step, &options).unwrap();
            check_graph(&graph)?;
            steps += 1;
        }
        prop_assert_eq!(steps, workload.step_count());
    }

    /// Architectures of any sizes at all are refused or built, and never overflow or panic on the way.
    #[test]
    fn wild_models_do_not_panic(
        base in architectures(),
        sizes in proptest::array::uniform8(prop_oneof![Just(0), 1..64_u64, Just(u64::MAX), any::<u64>()]),
        (batch, prompt) in (any::<u64>(), any::<u64>()),
    ) {
        let [hidden, heads, kv_heads, head_dim, ffn, vocab, window, max_positions] = sizes;
        let wild = Architecture {
            hidden,
            heads,
            kv_heads: Some(kv_heads),
            head_dim: Some(head_dim),
            ffn,
            vocab,
            window: Some(SlidingWindow { tokens: window, full_every: None, chunked: false }),
            max_positions,
            ..base
        };
        let precision = Precision::uniform(Dtype::Fp16);
        let _ = (wild.validate(), wild.parameters(), wild.weight_bytes(&precision));
        let _ = wild.kv_bytes_per_token(&precision);
        let workload = Workload { phase: Phase::Generate, batch, prompt, context: prompt, tokens: 2 };
        let _ = workload.validate();
        for step in workload.steps() {
            let _ = build_step(&wild, &step, &BuildOptions::fused(precision));
        }
    }

    /// Counts of a whole are the sums of its parts', whichever way it is split.
    #[test]
    fn counts_are_additive(architecture in architectures(), split in 0.0..1.0_f64) {
        prop_assume!(architecture.kind == ModelKind::Decoder);
        let workload = Workload { phase: Phase::Decode, batch: 2, prompt: 0, context: 9, tokens: 1 };
        let options = BuildOptions::unfused(Precision::uniform(Dtype::Fp16));
        for step in workload.steps() {
            let graph = build_step(&architecture, &step, &options).unwrap();
            for counting in [Counting::Actual, Counting::Paper] {
                let each: Vec<Counts> =
                    graph.operators().iter().map(|operator| operator.counts(&graph, counting)).collect();
                let (head, tail) = each.split_at((each.len() as f64 * split) as usize);
                let whole: Counts = each.iter().copied().sum();
                let parts = head.iter().copied().sum::<Counts>() + tail.iter().copied().sum::<Counts>();
                prop_assert_eq!(whole, parts);
                prop_assert!(whole.bytes() > 0 && whole.flops > 0);
            }
        }
    }

    /// A chain listed in any order comes out in dependency order.
    #[test]
    fn inline_graphs_are_ordered(order in Just((0..30_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let entries: Vec<OperatorSpec> = order.iter().map(|&index| {
            let inputs = if index == 0 { vec![] } else { vec![format!("op{}", index - 1)] };
            let elements = Some(8);
            OperatorSpec { name: format!("op{index}"), op: SpecOp::Relu, elements, inputs, ..Default::default() }
        }).collect();
        let graph = Graph::from_spec(&entries, &Precision::uniform(Dtype::Fp32)).unwrap();
        check_graph(&graph)?;
        let names: Vec<String> = graph.operators().iter().map(|operator| operator.name()).collect();
        prop_assert_eq!(names, (0..30).map(|index| format!("op{index}")).collect::<Vec<_>>());
    }

    /// Entries with random fields are refused or built.
    #[test]
    fn wild_inline_graphs_do_not_panic(entries in proptest::collection::vec(entries(), 0..8)) {
        if let Ok(graph) = Graph::from_spec(&entries, &Precision::uniform(Dtype::Fp8)) {
            check_graph(&graph)?;
        }
    }

    /// Any text is refused or read as a `config.json`.
    #[test]
    fn arbitrary_text_is_no_trouble(text in ".{0,200}") {
        let _ = Architecture::from_hf_config(&text);
    }

    /// A published file with one value replaced by anything is refused or read as a valid model.
    #[test]
    fn mutated_configs_are_refused_or_valid(key in any::<prop::sample::Index>(), value in values()) {
        let config = include_str!("fixtures/deepseek-v3.config.json");
        let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(config).unwrap();
        let names: Vec<String> = object.keys().cloned().collect();
        object.insert(key.get(&names).clone(), value);
        if let Ok(architecture) = Architecture::from_hf_config(&serde_json::to_string(&object).unwrap()) {
            prop_assert_eq!(architecture.validate(), Ok(()));
        }
    }

    /// An architecture survives being written and read.
    #[test]
    fn architectures_round_trip(architecture in architectures()) {
        let text = serde_json::to_string(&architecture).unwrap();
        prop_assert_eq!(serde_json::from_str::<Architecture>(&text).unwrap(), architecture);
    }
}

/// What holds for every graph.
fn check_graph(graph: &Graph) -> Result<(), TestCaseError> {
    prop_assert!(!graph.operators().is_empty());
    for (id, operator) in graph.iter() {
        for dependency in graph.dependencies(id) {
            prop_assert!(dependency < id, "{} reads what comes later", operator.name());
        }
        prop_assert!(!operator.outputs.is_empty(), "{} writes nothing", operator.name());
        for operand in operator.inputs.iter().chain(&operator.outputs) {
            let tensor = graph.tensor(operand.tensor);
            prop_assert!(operand.elements <= tensor.elements(), "{} of {}", operator.name(), tensor.name());
        }
        for input in &operator.inputs {
            prop_assert!(graph.last_reader(input.tensor) >= Some(id));
            let tensor = graph.tensor(input.tensor);
            if tensor.role == TensorRole::Activation {
                let made = graph.producer(input.tensor).is_some();
                prop_assert!(made, "{} reads {}, which nothing writes", operator.name(), tensor.name());
            }
        }
        for output in &operator.outputs {
            prop_assert_eq!(graph.producer(output.tensor), Some(id));
        }
        prop_assert!(operator.counts(graph, Counting::Actual).bytes() > 0, "{}", operator.name());
    }
    Ok(())
}

fn architectures() -> impl Strategy<Value = Architecture> {
    let kind = prop_oneof![
        4 => Just(ModelKind::Decoder),
        1 => Just(ModelKind::Encoder),
        1 => Just(ModelKind::EncoderDecoder),
    ];
    let sizes = (1_u64..4, 1_u64..4, 1_u64..5, 1_u64..5, 1_u64..9, 1_u64..40, 0_u64..50);
    let switches = proptest::array::uniform8(any::<bool>());
    let moe = proptest::option::of((1_u64..9, 1_u64..9, 1_u64..20, 0_u64..3, 0_u64..2, 1_u64..3));
    (kind, sizes, switches, moe).prop_map(|(kind, sizes, switches, moe)| {
        let [gated, rms, post, biased, qk_norm, learned, windowed, latent] = switches;
        let (layers, groups, kv_heads, half_dim, ffn, vocab, window) = sizes;
        let mla = (latent && kind == ModelKind::Decoder).then_some(Mla {
            q_lora_rank: biased.then_some(5),
            kv_lora_rank: 6,
            qk_nope_dim: half_dim,
            qk_rope_dim: 2,
            v_dim: 3,
        });
        let plain = mla.is_none();
        Architecture {
            kind,
            layers,
            decoder_layers: (kind == ModelKind::EncoderDecoder).then_some(groups),
            hidden: 12,
            heads: groups * kv_heads,
            kv_heads: Some(kv_heads),
            head_dim: Some(2 * half_dim),
            ffn,
            gated,
            activation: if rms { FfnActivation::Silu } else { FfnActivation::Relu },
            norm: if rms { NormKind::Rms } else { NormKind::Layer },
            norm_position: if post && kind != ModelKind::EncoderDecoder {
                NormPosition::Post
            } else {
                NormPosition::Pre
            },
            blocks: Blocks::Sequential,
            embedding_norm: windowed && kind != ModelKind::EncoderDecoder,
            positions: if learned { Positions::Learned } else { Positions::Rope },
            max_positions: 100,
            vocab,
            token_types: u64::from(learned),
            tied_embeddings: post,
            bias: if biased && plain { Bias::All } else { Bias::None },
            qk_norm: qk_norm && plain,
            window: (windowed && plain).then_some(SlidingWindow {
                tokens: window + 1,
                full_every: Some(2),
                chunked: false,
            }),
            mla,
            moe: moe.map(|(experts, top_k, expert_ffn, shared_experts, first_dense_layers, every)| Moe {
                experts,
                top_k: top_k.min(experts),
                expert_ffn,
                shared_experts,
                shared_ffn: None,
                first_dense_layers,
                every,
            }),
            patches: None,
        }
    })
}

fn options() -> impl Strategy<Value = BuildOptions> {
    let formats = || prop::sample::select(Dtype::ALL.to_vec());
    (proptest::array::uniform6(any::<bool>()), formats(), formats(), formats()).prop_map(
        |(
            [fused_attention, fused_elementwise, separate_scaling, merged_qkv, embedding, lm_head],
            weights,
            activations,
            kv_cache,
        )| {
            let precision = Precision { weights, activations, kv_cache, accumulator: Dtype::Fp32 };
            BuildOptions {
                precision,
                fused_attention,
                fused_elementwise,
                separate_scaling,
                merged_qkv,
                dropout: false,
                embedding,
                lm_head,
            }
        },
    )
}

fn entries() -> impl Strategy<Value = OperatorSpec> {
    let size =
        || prop_oneof![3 => Just(None), 6 => (1_u64..9).prop_map(Some), 1 => any::<u64>().prop_map(Some)];
    let ops = [
        SpecOp::Input,
        SpecOp::Matmul,
        SpecOp::Softmax,
        SpecOp::Attention,
        SpecOp::Add,
        SpecOp::GroupedMatmul,
    ];
    let name = prop::sample::select(vec!["a", "b", "c", "d", ""]);
    let inputs = proptest::collection::vec(name.clone(), 0..3);
    let sizes = proptest::array::uniform10(size());
    (name, prop::sample::select(ops.to_vec()), inputs, sizes).prop_map(|(name, op, inputs, sizes)| {
        let [m, n, k, batch, rows, cols, elements, tokens, heads, head_dim] = sizes;
        OperatorSpec {
            name: name.to_owned(),
            op,
            inputs: inputs.into_iter().map(str::to_owned).collect(),
            m,
            n,
            k,
            batch,
            rows,
            cols,
            elements,
            tokens,
            heads,
            head_dim,
            q_len: m,
            kv_len: n,
            experts: rows,
            top_k: cols,
            ..Default::default()
        }
    })
}

fn values() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        ".{0,20}".prop_map(serde_json::Value::from),
        Just(serde_json::json!([1, 2, 3])),
    ]
}
