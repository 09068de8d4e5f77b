//! A case in words.

use memwall_model_graph::{Parallel, Phase, Precision, Workload};
use memwall_scenario::{Case, Subject};

/// "decode, batch 16, context 4096, 256 tokens, fp8".
pub(crate) fn workload_text(case: &Case) -> String {
    let formats = formats(case.subject.precision());
    match &case.subject {
        Subject::Model { workload, .. } => format!("{}, {formats}", phase_text(workload)),
        Subject::Network { step, .. } => {
            format!("encode, batch {}, {} x {} pixels, {formats}", step.batch, step.image, step.image)
        }
        Subject::Graph { graph, .. } => format!("{} operators, {formats}", graph.operators().len()),
    }
}

/// "tensor 8, pipeline 2 with 4 micro-batches".
pub(crate) fn parallel_text(parallel: &Parallel) -> String {
    let Parallel { tensor, sequence, pipeline, data, expert, context, micro_batches } = *parallel;
    let mut parts = Vec::new();
    let mut add = |name: &str, size: u32| {
        if size > 1 {
            parts.push(format!("{name} {size}"));
        }
    };
    add("tensor", tensor);
    add("context", context);
    add("data", data);
    add("expert", expert);
    add("pipeline", pipeline);
    if sequence && tensor > 1 {
        parts.push("sequence parallel".to_owned());
    }
    if micro_batches > 1 {
        parts.push(format!("{micro_batches} micro-batches"));
    }
    if parts.is_empty() { "not divided".to_owned() } else { parts.join(", ") }
}

fn phase_text(workload: &Workload) -> String {
    let Workload { phase, batch, prompt, context, tokens } = *workload;
    let cached = if context > 0 { format!(", context {context}") } else { String::new() };
    match phase {
        Phase::Encode => format!("encode, batch {batch}, {prompt} tokens"),
        Phase::Prefill => format!("prefill, batch {batch}, prompt {prompt}{cached}"),
        Phase::Decode => {
            format!("decode, batch {batch}, context {}, {tokens} tokens", prompt.saturating_add(context))
        }
        Phase::Train => format!("train, batch {batch}, {prompt} tokens a sequence"),
        Phase::Generate => format!("generate, batch {batch}, prompt {prompt}{cached}, {tokens} tokens"),
    }
}

pub(crate) fn formats(precision: Precision) -> String {
    let Precision { weights, activations, kv_cache, .. } = precision;
    if weights == activations && activations == kv_cache {
        weights.to_string()
    } else {
        format!("weights {weights}, activations {activations}, KV cache {kv_cache}")
    }
}
