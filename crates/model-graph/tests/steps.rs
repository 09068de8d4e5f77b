//! What the graphs of real models' steps contain, against figures worked out by hand or published.

use memwall_model_graph::{
    Architecture, BuildOptions, Counting, Dtype, Graph, GraphError, OpKind, Phase, Precision, Step,
    StepPhase, TensorRole, Workload, build_step, catalog,
};

/// Validates decode against the rule of thumb: two operations a weight used, and each weight read once.
#[test]
fn decode_reads_each_weight_once() {
    for (name, used) in [("llama-3-8b", 8.03e9), ("gpt3-175b", 174.6e9), ("qwen3-30b-a3b", 3.3e9)] {
        let architecture = catalog::find(name).unwrap();
        let precision = Precision::uniform(Dtype::Bf16);
        let graph = decode(&architecture, 1, 1, BuildOptions::fused(precision));
        // The embedding is a gather of one row unless the head uses it too.
        let gathered =
            if architecture.tied_embeddings { 0 } else { architecture.vocab * architecture.hidden };
        let weights = used - gathered as f64;
        let flops = flops(&graph) as f64;
        assert!((flops / (2.0 * weights) - 1.0).abs() < 0.02, "{name}: {flops} for {weights} weights");
        let read = weight_bytes_read(&graph) as f64;
        assert!((read / (2.0 * weights) - 1.0).abs() < 0.02, "{name}: {read} for {weights} weights");
    }
}

/// All weights that a graph holds are the model's: prefill of many tokens touches each of them.
#[test]
fn a_long_prefill_holds_every_parameter() {
    for entry in catalog::models() {
        let architecture = entry.architecture();
        let phase = if architecture.decoder_layers() == 0 { StepPhase::Encode } else { StepPhase::Prefill };
        let step = Step { phase, batch: 1, q_len: 512, kv_len: 512, prompt_len: 512 };
        let precision = Precision::uniform(Dtype::Int8);
        let graph = build_step(&architecture, &step, &BuildOptions::unfused_with_ends(precision)).unwrap();
        let mut keys: Vec<_> = graph
            .tensors()
            .iter()
            .filter(|tensor| tensor.role == TensorRole::Weight)
            .map(|tensor| (tensor.key, tensor.elements()))
            .collect();
        keys.sort();
        keys.dedup();
        let held: u64 = keys.iter().map(|(_, elements)| elements).sum();
        let parameters = architecture.parameters();
        let error = held as f64 / parameters as f64 - 1.0;
        assert!(error.abs() < 0.002, "{}: {held} in the graph, {parameters} parameters", entry.name);
    }
}

/// Validates the cache: decode reads context + 1 tokens of it and appends one.
#[test]
fn decode_reads_and_grows_the_cache() {
    for name in ["llama-3-8b", "deepseek-v3", "gpt2"] {
        let architecture = catalog::find(name).unwrap();
        let precision = Precision::uniform(Dtype::Bf16);
        let per_token = architecture.kv_bytes_per_token(&precision);
        let graph = decode(&architecture, 3, 1000, BuildOptions::fused(precision));
        let cached = |operand: &&memwall_model_graph::Operand| {
            graph.tensor(operand.tensor).role == TensorRole::KvCache
        };
        let read: u64 =
            graph.operators().iter().flat_map(|op| &op.inputs).filter(cached).map(|o| o.elements).sum();
        let written: u64 =
            graph.operators().iter().flat_map(|op| &op.outputs).filter(cached).map(|o| o.elements).sum();
        assert_eq!(2 * read, 3 * 1000 * per_token, "{name}");
        assert_eq!(2 * written, 3 * per_token, "{name}");
    }
}

/// Validates that fusing changes the traffic and not the arithmetic, pointwise additions apart.
#[test]
fn fused_and_unfused_do_the_same_arithmetic() {
    let architecture = catalog::find("llama-3-8b").unwrap();
    let precision = Precision::uniform(Dtype::Bf16);
    let fused = decode(&architecture, 4, 100, BuildOptions::fused(precision));
    let unfused = decode(&architecture, 4, 100, BuildOptions::unfused_with_ends(precision));
    assert_eq!(flops(&fused), flops(&unfused));
    assert!(fused.operators().len() < unfused.operators().len());
    let bytes = |graph: &Graph| -> u64 {
        graph.operators().iter().map(|op| op.counts(graph, Counting::Actual).bytes()).sum()
    };
    assert!(bytes(&fused) < bytes(&unfused));
}

/// A causal prefill does half the products of a full one; a window of w keeps w per query.
#[test]
fn masks_leave_out_pairs() {
    let attention = |causal, window| memwall_model_graph::Attention {
        batch: 1,
        q_len: 6,
        kv_len: 10,
        heads: 1,
        kv_heads: 1,
        qk_dim: 1,
        v_dim: 1,
        causal,
        window,
        shared_kv: false,
    };
    let by_hand = |window: u64| -> u128 {
        let sees = |query: u64, key: u64| key <= query + 4 && (window == 0 || key + window > query + 4);
        (0..6).flat_map(|query| (0..10).map(move |key| (query, key))).filter(|(q, k)| sees(*q, *k)).count()
            as u128
    };
    assert_eq!(attention(false, 0).pairs(), 60);
    for window in [0, 1, 2, 5, 7, 9, 10, 100] {
        assert_eq!(attention(true, window).pairs(), by_hand(window), "window {window}");
    }
    assert_eq!(attention(true, 3).visible(), 8);
}

/// Sliding windows bound what decode reads of the cache.
#[test]
fn a_window_bounds_decode() {
    let architecture = catalog::find("mistral-7b").unwrap();
    let precision = Precision::uniform(Dtype::Bf16);
    let reads = |context| {
        let graph = decode(&architecture, 1, context, BuildOptions::fused(precision));
        let attention = graph.operators().iter().find(|op| op.label == "attn").unwrap();
        attention.inputs[1].elements
    };
    assert_eq!(reads(4096), 8 * 128 * 4096);
    assert_eq!(reads(30_000), 8 * 128 * 4096);
}

/// Llama 4 attends in blocks: a decode step to the tokens of its own, a prefill to no more pairs than that;
/// every fourth layer attends to everything.
#[test]
fn blocks_bound_attention() {
    let architecture = catalog::find("llama-4-maverick").unwrap();
    let options = BuildOptions::fused(Precision::uniform(Dtype::Bf16));
    let shapes = |graph: &Graph| -> Vec<memwall_model_graph::Attention> {
        let all = graph.operators().iter().filter_map(|op| match op.kind {
            OpKind::Attention(shape) => Some(shape),
            _ => None,
        });
        all.collect()
    };
    for (context, seen) in [(100, 100), (8192, 8192), (8193, 1), (20_000, 20_000 - 16_384)] {
        let step = Step { phase: StepPhase::Decode, batch: 1, q_len: 1, kv_len: context, prompt_len: 0 };
        let shapes = shapes(&build_step(&architecture, &step, &options).unwrap());
        assert_eq!((shapes[0].visible(), shapes[3].visible()), (seen, context));
    }
    for (q_len, kv_len) in [(8192, 8192), (8193, 8193), (20_000, 20_000), (4000, 20_000), (100_000, 100_000)]
    {
        let step = Step { phase: StepPhase::Prefill, batch: 1, q_len, kv_len, prompt_len: q_len };
        let shapes = shapes(&build_step(&architecture, &step, &options).unwrap());
        let by_hand: u64 = (kv_len - q_len..kv_len).map(|place| place % 8192 + 1).sum();
        let pairs = shapes[0].pairs();
        assert!(
            pairs >= u128::from(by_hand) && pairs < u128::from(by_hand + q_len),
            "{q_len}: {pairs} {by_hand}"
        );
        assert!(shapes[3].pairs() >= pairs);
    }
}

/// Decode steps have the lengths the workload says, and their layers the same keys in every step.
#[test]
fn steps_grow_by_one_token_and_keep_their_keys() {
    let workload = Workload { phase: Phase::Generate, batch: 2, prompt: 7, context: 0, tokens: 4 };
    let steps: Vec<_> = workload.steps().map(|step| (step.phase.name(), step.q_len, step.kv_len)).collect();
    assert_eq!(steps, [("prefill", 7, 7), ("decode", 1, 8), ("decode", 1, 9), ("decode", 1, 10)]);
    let architecture = catalog::find("llama-3-8b").unwrap();
    let options = BuildOptions::fused(Precision::uniform(Dtype::Bf16));
    let keys: Vec<Vec<_>> = workload
        .steps()
        .skip(1)
        .map(|step| {
            build_step(&architecture, &step, &options).unwrap().tensors().iter().map(|t| t.key).collect()
        })
        .collect();
    assert!(keys.iter().all(|step| *step == keys[0] && !step.is_empty()));
}

/// One token goes to `top_k` experts, many go to all, and no row is lost on the way.
#[test]
fn experts_hit() {
    let groups = memwall_model_graph::balanced_groups;
    assert_eq!(groups(1, 128, 8), [(1, 8)]);
    assert_eq!(groups(0, 128, 8), []);
    assert_eq!(groups(4096, 8, 2), [(1024, 8)]);
    // 16 tokens x 8 of 256: 256 (1 - (31/32)^16) = 101.96 experts on average.
    assert_eq!(groups(16, 256, 8), [(2, 26), (1, 76)]);
    for tokens in [1, 2, 3, 17, 100, 12_345] {
        let rows: u64 = groups(tokens, 60, 7).iter().map(|(rows, experts)| rows * experts).sum();
        assert_eq!(rows, 7 * tokens);
    }
}

/// T5: the encoder's pass, a first decoder pass that fills the cross caches, and passes that read them.
#[test]
fn encoder_decoder_steps() {
    let architecture = catalog::find("t5-base").unwrap();
    let options = BuildOptions::unfused_with_ends(Precision::uniform(Dtype::Fp32));
    let workload = Workload { phase: Phase::Generate, batch: 1, prompt: 100, context: 0, tokens: 3 };
    let graphs: Vec<_> =
        workload.steps().map(|step| build_step(&architecture, &step, &options).unwrap()).collect();
    let count = |graph: &Graph, label: &str| graph.operators().iter().filter(|op| op.label == label).count();
    assert_eq!((count(&graphs[0], "attn.q"), count(&graphs[0], "cross.k")), (24, 12));
    assert_eq!((count(&graphs[1], "attn.q"), count(&graphs[1], "cross.k")), (12, 0));
    assert_eq!(count(&graphs[1], "cross.scores"), 12);
    let scores = graphs[1].operators().iter().find(|op| op.label == "cross.scores").unwrap();
    assert!(matches!(&scores.kind, OpKind::MatMul(shape) if shape.n == 100));
    let own = graphs[2].operators().iter().find(|op| op.label == "attn.scores").unwrap();
    assert!(matches!(&own.kind, OpKind::MatMul(shape) if shape.n == 2));
}

/// DeepSeek-V3 decodes in the absorbed form: one key head of 576, values of 512 that are part of it.
#[test]
fn latent_attention_is_absorbed_in_decode_and_expanded_in_prefill() {
    let architecture = catalog::find("deepseek-v3").unwrap();
    let options = BuildOptions::fused(Precision::uniform(Dtype::Bf16));
    let attention =
        |graph: &Graph| match &graph.operators().iter().find(|op| op.label == "attn").unwrap().kind {
            OpKind::Attention(shape) => *shape,
            other => panic!("{other:?}"),
        };
    let shape = attention(&decode(&architecture, 2, 100, options));
    assert_eq!((shape.heads, shape.kv_heads, shape.qk_dim, shape.v_dim), (128, 1, 576, 512));
    assert!(shape.shared_kv);
    let step = Step { phase: StepPhase::Prefill, batch: 1, q_len: 64, kv_len: 64, prompt_len: 64 };
    let shape = attention(&build_step(&architecture, &step, &options).unwrap());
    assert_eq!((shape.heads, shape.kv_heads, shape.qk_dim, shape.v_dim), (128, 128, 192, 128));
}

#[test]
fn steps_a_model_does_not_have_are_errors() {
    let options = BuildOptions::fused(Precision::uniform(Dtype::Bf16));
    let step = |phase| Step { phase, batch: 1, q_len: 1, kv_len: 1, prompt_len: 0 };
    let error =
        |name: &str, phase| build_step(&catalog::find(name).unwrap(), &step(phase), &options).unwrap_err();
    assert!(error("bert-base", StepPhase::Decode).to_string().contains("use the encode phase"));
    assert!(error("gpt2", StepPhase::Encode).to_string().contains("use prefill"));
    assert!(matches!(error("t5-base", StepPhase::Decode), GraphError::Unsupported(_)));
    let huge = Step { batch: 1 << 20, q_len: 1 << 27, kv_len: 1 << 27, ..step(StepPhase::Prefill) };
    let error = build_step(&catalog::find("gpt3-175b").unwrap(), &huge, &options).unwrap_err();
    assert!(matches!(error, GraphError::TooLarge { .. }), "{error}");
    let invalid = Architecture { layers: 0, ..catalog::find("gpt2").unwrap() };
    assert!(matches!(
        build_step(&invalid, &step(StepPhase::Decode), &options),
        Err(GraphError::Architecture(_))
    ));
}

#[test]
fn wrong_workloads_are_told_by_field() {
    let workload = Workload { phase: Phase::Decode, batch: 0, prompt: 0, context: 1 << 40, tokens: 0 };
    let errors = workload.validate().unwrap_err();
    let fields: Vec<_> = errors.iter().map(|error| error.path.join(".")).collect();
    assert_eq!(fields, ["batch", "tokens", "context"]);
    assert_eq!(errors[1].to_string(), "tokens: expected an integer from 1 to 134217728, got 0");
}

fn decode(architecture: &Architecture, batch: u64, kv_len: u64, options: BuildOptions) -> Graph {
    let step = Step { phase: StepPhase::Decode, batch, q_len: 1, kv_len, prompt_len: 0 };
    build_step(architecture, &step, &options).unwrap()
}

fn flops(graph: &Graph) -> u128 {
    graph.operators().iter().map(|operator| operator.counts(graph, Counting::Actual).flops).sum()
}

fn weight_bytes_read(graph: &Graph) -> u64 {
    let inputs = graph.operators().iter().flat_map(|operator| &operator.inputs);
    let weights = inputs.filter(|input| graph.tensor(input.tensor).role == TensorRole::Weight);
    weights.map(|input| graph.tensor(input.tensor).dtype.bytes_for(input.elements)).sum()
}

/// No two weights or caches of a model share a key, and keys do not change between versions.
#[test]
fn keys_tell_tensors_apart() {
    use memwall_model_graph::TensorKey;
    assert_eq!(TensorKey::of(None, ""), TensorKey(0xe220_a839_7b1d_cdaf));
    for name in ["llama-3.1-405b", "deepseek-v3", "t5-11b"] {
        let architecture = catalog::find(name).unwrap();
        let step = Step { phase: StepPhase::Prefill, batch: 1, q_len: 8, kv_len: 8, prompt_len: 8 };
        let options = BuildOptions::unfused_with_ends(Precision::uniform(Dtype::Bf16));
        let graph = build_step(&architecture, &step, &options).unwrap();
        let lasting = |role| matches!(role, TensorRole::Weight | TensorRole::KvCache);
        let named: std::collections::BTreeMap<_, _> = graph
            .tensors()
            .iter()
            .filter(|tensor| lasting(tensor.role))
            .map(|tensor| (tensor.name(), tensor.key))
            .collect();
        let keys: std::collections::BTreeSet<_> = named.values().collect();
        assert!(keys.len() > 300);
        assert_eq!(keys.len(), named.len(), "{name}");
    }
}
