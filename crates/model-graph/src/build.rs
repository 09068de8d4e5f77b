//! From an architecture and a step to the graph of that step.

mod attention;
mod ends;
mod feed_forward;
mod layers;
mod mla;
mod names;
mod scope;

use crate::{Architecture, Graph, GraphError, ModelKind, Precision, Step, StepPhase};

use scope::Scope;

/// How a step's graph is cut into operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BuildOptions {
    /// Number formats.
    pub precision: Precision,
    /// One kernel for softmax(Q K^T) V, instead of matmul, softmax, matmul with the scores in memory.
    pub fused_attention: bool,
    /// As inference stacks do: the gate is applied in the activation's kernel and the residual added in the
    /// following norm's. Otherwise every pointwise function is an operator.
    pub fused_elementwise: bool,
    /// Where attention is not fused: scaling the scores, masking them and gathering the heads' results are
    /// operators of their own, as eager frameworks run them. Nothing of the kind is counted by the paper.
    pub separate_scaling: bool,
    /// One matmul for queries, keys and values, and one for a gated block's gate and up projections.
    pub merged_qkv: bool,
    /// Whether the embedding is part of the step.
    pub embedding: bool,
    /// Whether the final norm and the output head (last token of each sequence only) are part of the step.
    pub lm_head: bool,
}

impl BuildOptions {
    /// What an inference stack runs: everything fused and merged, embedding and head included.
    #[must_use]
    pub const fn fused(precision: Precision) -> Self {
        Self {
            precision,
            fused_attention: true,
            fused_elementwise: true,
            separate_scaling: false,
            merged_qkv: true,
            embedding: true,
            lm_head: true,
        }
    }

    /// What Kim et al. 2023 count: every operation apart, layers only.
    #[must_use]
    pub const fn unfused(precision: Precision) -> Self {
        Self {
            precision,
            fused_attention: false,
            fused_elementwise: false,
            separate_scaling: false,
            merged_qkv: false,
            embedding: false,
            lm_head: false,
        }
    }

    /// Every operation apart, embedding and head included: what an eager framework runs.
    #[must_use]
    pub const fn unfused_with_ends(precision: Precision) -> Self {
        Self { embedding: true, lm_head: true, ..Self::unfused(precision) }
    }
}

/// The graph of one step.
///
/// Layers are numbered from 0; the decoder layers of an encoder-decoder model after the encoder's.
///
/// # Errors
/// [`GraphError::Architecture`] when the architecture is not valid, [`GraphError::Unsupported`] when this
/// kind of model has no such step (a decoder does not encode), [`GraphError::TooLarge`] when a tensor is
/// beyond its limit.
pub fn build_step(
    architecture: &Architecture,
    step: &Step,
    options: &BuildOptions,
) -> Result<Graph, GraphError> {
    architecture.validate().map_err(GraphError::Architecture)?;
    check_step(architecture, step)?;
    let mut scope = Scope::new(architecture, step, options);
    match (architecture.kind, step.phase) {
        (ModelKind::EncoderDecoder, StepPhase::Prefill) => {
            let memory = layers::encode(&mut scope);
            scope.restart(1, step.kv_len.saturating_sub(step.prompt_len).saturating_add(1));
            layers::decode_with_memory(&mut scope, Some(memory));
        }
        (ModelKind::EncoderDecoder, StepPhase::Decode) => {
            scope.restart(1, step.kv_len.saturating_sub(step.prompt_len));
            layers::decode_with_memory(&mut scope, None);
        }
        (ModelKind::Decoder, _) => layers::decode(&mut scope),
        _ => {
            layers::encode(&mut scope);
        }
    }
    scope.graph.finish()
}

fn check_step(architecture: &Architecture, step: &Step) -> Result<(), GraphError> {
    let unsupported = |message: &str| Err(GraphError::Unsupported(message.to_owned()));
    if step.batch == 0 || step.q_len == 0 || step.kv_len < step.q_len {
        return unsupported("a step needs at least one sequence and one new token, which it attends to");
    }
    match (architecture.kind, step.phase) {
        (ModelKind::Decoder, StepPhase::Encode) => {
            unsupported("a decoder model has no encode phase; use prefill, decode or generate")
        }
        (ModelKind::Encoder | ModelKind::Vision, StepPhase::Prefill | StepPhase::Decode) => {
            unsupported("an encoder model makes no tokens; use the encode phase")
        }
        (ModelKind::EncoderDecoder, StepPhase::Decode)
            if step.prompt_len == 0 || step.kv_len <= step.prompt_len =>
        {
            unsupported(
                "an encoder-decoder model decodes from what its encoder read; give the prompt's length",
            )
        }
        _ => Ok(()),
    }
}
