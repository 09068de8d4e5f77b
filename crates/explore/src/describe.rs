//! A case in words.

use memwall_model_graph::{Phase, Precision, Workload};
use memwall_scenario::{Case, Subject};

/// "decode, batch 16, context 4096, 256 tokens, fp8".
pub(crate) fn workload_text(case: &Case) -> String {
    let formats = formats(case.subject.precision());
    match &case.subject {
        Subject::Model { workload, .. } => format!("{}, {formats}", phase_text(workload)),
        Subject::Graph { graph, .. } => format!("{} operators, {formats}", graph.operators().len()),
    }
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
        Phase::Generate => format!("generate, batch {batch}, prompt {prompt}{cached}, {tokens} tokens"),
    }
}

fn formats(precision: Precision) -> String {
    let Precision { weights, activations, kv_cache, .. } = precision;
    if weights == activations && activations == kv_cache {
        weights.to_string()
    } else {
        format!("weights {weights}, activations {activations}, KV cache {kv_cache}")
    }
}
