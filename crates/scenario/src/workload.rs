//! `workload:` blocks: defaults filled in, limits checked.

use memwall_hardware::SoftwareProfile;
use memwall_model_graph::limits::MAX_BATCH;
use memwall_model_graph::{BuildOptions, Dtype, ModelKind, Network, Phase, Precision, Workload};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Node, Step};
use crate::source::Sources;
use crate::spec::{Fusion, PrecisionSpec, WorkloadSpec};
use crate::typed;

/// Number formats of a workload.
pub(crate) fn precision(spec: &WorkloadSpec) -> Precision {
    let uniform = Precision::uniform(spec.dtype.unwrap_or(Dtype::Bf16));
    let own = spec.precision.clone().unwrap_or_default();
    let PrecisionSpec { weights, activations, kv_cache, accumulator } = own;
    Precision {
        weights: weights.unwrap_or(uniform.weights),
        activations: activations.unwrap_or(uniform.activations),
        kv_cache: kv_cache.unwrap_or(uniform.kv_cache),
        accumulator: accumulator.unwrap_or(uniform.accumulator),
    }
}

/// How operators are cut, where the scenario leaves it open as the software profile does.
pub(crate) fn build_options(spec: &WorkloadSpec, software: &SoftwareProfile) -> BuildOptions {
    let fused = |own: Option<Fusion>, profile| own.map_or(profile, |fusion| fusion == Fusion::Fused);
    let fused_elementwise = fused(spec.elementwise, software.fused_elementwise);
    BuildOptions {
        precision: precision(spec),
        fused_attention: fused(spec.attention, software.fused_attention),
        fused_elementwise,
        separate_scaling: software.separate_scaling,
        // Frameworks for training merge the projections whether or not they fuse what is around them.
        merged_qkv: spec.merged_qkv.unwrap_or(fused_elementwise || spec.phase == Some(Phase::Train)),
        embedding: spec.embedding.unwrap_or(true),
        lm_head: spec.lm_head.unwrap_or(true),
        dropout: false,
    }
}

/// The workload of a model of this kind; `node` is the block, if there is one, and `root` the whole scenario.
pub(crate) fn workload(
    sources: &Sources,
    root: &Node,
    spec: &WorkloadSpec,
    kind: ModelKind,
    problems: &mut Diagnostics,
) -> Option<Workload> {
    let phase = spec.phase.unwrap_or_else(|| implied_phase(spec, kind));
    if let Some((wrong, right)) = mismatch(kind, phase) {
        let key = if spec.phase.is_some() { "phase" } else { "" };
        problems.push(at(sources, root, key, wrong, right));
        return None;
    }
    let workload = Workload {
        phase,
        batch: spec.batch.unwrap_or(1),
        prompt: spec.prompt.unwrap_or(0),
        context: spec.context.unwrap_or(0),
        tokens: spec.tokens.unwrap_or(u64::from(phase == Phase::Decode)),
    };
    let Err(errors) = workload.validate() else { return Some(workload) };
    for error in errors {
        let key = error.path.join(".");
        let label = format!("expected {}", error.expected);
        let missing = root.get("workload").and_then(|block| block.get(&key)).is_none();
        let (message, label) = if missing {
            (format!("`workload.{key}` is missing"), format!("{} needs it: {label}", phase_name(phase)))
        } else {
            (format!("`workload.{key}` is {}", error.actual), label)
        };
        problems.push(at(sources, root, &key, message, label));
    }
    None
}

/// The images of a network: how many, and the pixels along their sides.
pub(crate) fn images(
    sources: &Sources,
    root: &Node,
    spec: &WorkloadSpec,
    network: &Network,
    problems: &mut Diagnostics,
) -> Option<(u64, u64)> {
    let before = problems.list.len() + problems.more;
    if !matches!(spec.phase, None | Some(Phase::Encode)) {
        problems.push(at(
            sources,
            root,
            "phase",
            "a network of convolutions reads images",
            "expected `encode`",
        ));
    }
    let tokens = [("prompt", spec.prompt), ("context", spec.context), ("tokens", spec.tokens)];
    for (key, value) in tokens {
        if value.is_some() {
            let message = format!("a network of convolutions has no `{key}`");
            problems.push(at(sources, root, key, message, "its images have `image` pixels a side"));
        }
    }
    let batch = spec.batch.unwrap_or(1);
    if !(1..=MAX_BATCH).contains(&batch) {
        let message = format!("`workload.batch` is {batch}");
        problems.push(at(sources, root, "batch", message, format!("expected 1 to {MAX_BATCH}")));
    }
    let images = (batch, spec.image.unwrap_or(network.image));
    (problems.list.len() + problems.more == before).then_some(images)
}

/// A problem for the size of images of a model that has its own, or none.
pub(crate) fn refuse_image(sources: &Sources, root: &Node, spec: &WorkloadSpec, problems: &mut Diagnostics) {
    if spec.image.is_some() {
        let message = "`image` is the size of a convolutional network's images";
        problems.push(at(sources, root, "image", message, "this model is none"));
    }
}

fn at(
    sources: &Sources,
    root: &Node,
    key: &str,
    message: impl Into<String>,
    label: impl Into<String>,
) -> Diagnostic {
    let mut path = vec![Step::Key("workload".to_owned())];
    if !key.is_empty() {
        path.push(Step::Key(key.to_owned()));
    }
    typed::problem_at(sources, root, "", &path, message, label)
}

fn implied_phase(spec: &WorkloadSpec, kind: ModelKind) -> Phase {
    match (kind, spec.prompt, spec.tokens) {
        (ModelKind::Encoder | ModelKind::Vision, ..) => Phase::Encode,
        (_, Some(_), Some(_)) => Phase::Generate,
        (_, None, _) => Phase::Decode,
        (_, Some(_), None) => Phase::Prefill,
    }
}

/// What is wrong when a model of this kind is asked for this phase, and what would do.
fn mismatch(kind: ModelKind, phase: Phase) -> Option<(&'static str, &'static str)> {
    match (kind, phase) {
        (ModelKind::Decoder, Phase::Encode) => {
            Some(("a decoder model has no encode phase", "expected prefill, decode or generate"))
        }
        (ModelKind::Encoder | ModelKind::Vision, Phase::Prefill | Phase::Decode | Phase::Generate) => {
            Some(("an encoder model makes no tokens", "expected `phase: encode`"))
        }
        _ => None,
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Encode => "encode",
        Phase::Prefill => "prefill",
        Phase::Decode => "decode",
        Phase::Generate => "generate",
        Phase::Train => "train",
    }
}
