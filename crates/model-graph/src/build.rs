//! From an architecture and a step to the graph of that step.

mod attention;
mod collectives;
mod ends;
mod feed_forward;
mod layers;
mod mla;
mod names;
mod scope;

use crate::field_error::FieldError;
use crate::parallel::{Share, step_of_rank};
use crate::{Architecture, Graph, GraphError, ModelKind, Parallel, Precision, Step, StepPhase};

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
    /// Whether the final norm and the output head are part of the step: of the last token of each sequence only, in
    /// training of all.
    pub lm_head: bool,
    /// In training, whether dropout masks what attention weighs and what each block adds to the stream.
    pub dropout: bool,
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
            dropout: false,
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
            dropout: false,
        }
    }

    /// Every operation apart, embedding and head included: what an eager framework runs.
    #[must_use]
    pub const fn unfused_with_ends(precision: Precision) -> Self {
        Self { embedding: true, lm_head: true, ..Self::unfused(precision) }
    }
}

/// The graph of one step on one device.
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
    build_rank_step(architecture, step, options, &Parallel::default(), 0)
}

/// The graph that one rank of pipeline stage `stage` runs for one micro-batch of the step, collectives
/// included.
///
/// `step` is the whole: all sequences, all tokens. The ranks of a stage have equal graphs; where they cannot
/// be equal it is that of a rank that has most to do (rounded up shares of the vocabulary, of experts' rows,
/// of a cache's tokens). What is sent, per micro-batch of T = batch / data / `micro_batches` x tokens /
/// context tokens, in the number format of activations, which is at least 16 bits wide for what is to be
/// added up (all-reduce, reduce-scatter, the way back from experts) and for logits:
///
/// * `tensor`: the embedding's rows, each attention's output projection and each feed-forward block's way
///   down end in an all-reduce of T x hidden (Shoeybi et al. 2019, arXiv:1909.08053); blocks side by side
///   share one. The logits are all-gathered: one token a sequence x vocabulary, padded to a multiple of
///   `tensor`. Key and value heads fewer than `tensor` are held by several ranks; norms, biases of
///   row-parallel matrices, routers, latent projections, position tables and a vision model's patch matrix
///   are held by all.
/// * `sequence`: instead, an all-gather before each such block (or the head) and a reduce-scatter after it,
///   T rounded up to a multiple of `tensor`.
/// * `pipeline`: a stage receives T x hidden from the one before and sends as much to the next (with
///   `sequence` the `tensor`-th part). The first embeds, the last has the head. Layers:
///   [`Parallel::layers_of`].
/// * `data`: nothing. Sequences are divided; with fewer sequences than `data` a rank that has one is built.
/// * `expert`: see [`Parallel`]. Where tokens travel, each all-to-all sends rows = T / `tensor` x `top_k` of
///   hidden values: one copy for each choice, as Megatron-LM's dispatcher does, activations as they are.
///   Routing is even.
/// * `context`: in prefill and encode, each sequence is cut into 2 x `context` chunks of which rank i works
///   on the i-th and the i-th last, so that causal work is even (Grattafiori et al. 2024, arXiv:2407.21783,
///   section 3.3.2); the keys and values of all tokens are all-gathered in each layer, from the cache (in
///   its format) where there is one. The graph is that of the rank with the two middle chunks, which are
///   adjacent. Each rank caches its own tokens. In decode every rank computes all new tokens' projections,
///   attends to its part of the cache, and all-gathers the partial outputs with an fp32 sum a head, which
///   are then merged. Latent attention gathers latents, and each rank expands those it attends to.
///
/// # Errors
/// As [`build_step`], and [`GraphError::Parallel`] for what does not divide, each with its path in
/// [`Parallel`] (or `stage`).
pub fn build_rank_step(
    architecture: &Architecture,
    step: &Step,
    options: &BuildOptions,
    parallel: &Parallel,
    stage: u32,
) -> Result<Graph, GraphError> {
    architecture.validate().map_err(GraphError::Architecture)?;
    check_step(architecture, step)?;
    parallel.validate(architecture).map_err(GraphError::Parallel)?;
    if stage >= parallel.pipeline {
        let expected = format!("a stage below {}", parallel.pipeline);
        let error = FieldError { path: vec!["stage".to_owned()], expected, actual: stage.to_string() };
        return Err(GraphError::Parallel(vec![error]));
    }
    let own_step = step_of_rank(step, parallel).map_err(GraphError::Parallel)?;
    let share = Share::of(architecture, parallel);
    let mut scope = Scope::new(&share, &own_step, options, (parallel, stage));
    match (architecture.kind, step.phase) {
        (ModelKind::EncoderDecoder, StepPhase::Prefill) => {
            let memory = layers::encode(&mut scope);
            let memory = collectives::gather_memory(&mut scope, memory);
            scope.restart(1, step.kv_len.saturating_sub(step.prompt_len).saturating_add(1));
            layers::decode_with_memory(&mut scope, Some(memory));
        }
        (ModelKind::EncoderDecoder, StepPhase::Train) => {
            let memory = layers::encode(&mut scope);
            let memory = collectives::gather_memory(&mut scope, memory);
            scope.restart(own_step.q_len, own_step.q_len);
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
