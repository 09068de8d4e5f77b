//! The two ends of a model: embedding, and final norm with output head.

use super::collectives::{EMBEDDING, HEAD, gather_logits, gather_tokens, reduce, reduce_loss};
use super::names::{Name, name};
use super::scope::{Scope, Stream};
use crate::{
    Activation, Dtype, MatMul, ModelKind, NormPosition, OpClass, OpKind, Operand, Positions, TensorRole,
};

const EMBED: Name = name!("embed");
const EMBED_NORM: Name = name!("embed.norm");
const FINAL_NORM: Name = name!("final_norm");
const ENCODER_NORM: Name = name!("encoder_norm");
const LM_HEAD: Name = name!("lm_head");
const LOSS: Name = name!("loss");
const LOSS_CAST: Name = name!("loss.cast");
const LOSS_MAX: Name = name!("loss.max");
const LOSS_SHIFT: Name = name!("loss.shift");

/// The residual stream before the first layer: embedded tokens or patches, or, where the embedding is not
/// part of the step, given from outside.
pub(super) fn embed(scope: &mut Scope<'_>) -> Stream {
    let hidden = scope.arch.hidden;
    if !scope.options.embedding {
        let dtype = scope.options.precision.activations;
        let shape = scope.on_stream(|scope| scope.rows(hidden));
        let x = scope.tensor("input", TensorRole::Input, dtype, shape);
        return Stream { x, pending: None };
    }
    let x = if scope.arch.patches.is_some() { embed_patches(scope) } else { embed_tokens(scope) };
    let stream = Stream { x, pending: None };
    if scope.arch.norm_position == NormPosition::Post || scope.arch.embedding_norm {
        scope.close(EMBED_NORM, stream)
    } else {
        stream
    }
}

/// What follows the last layer of a decoder.
pub(super) fn finish(scope: &mut Scope<'_>, stream: Stream) {
    scope.layer = None;
    let normalise = scope.options.lm_head && scope.arch.norm_position == NormPosition::Pre;
    let x = last_norm(scope, FINAL_NORM, stream, normalise);
    if scope.options.lm_head && scope.arch.vocab > 0 {
        let x = gather_tokens(scope, &HEAD, x);
        let matrix = if scope.arch.tied_embeddings { token_table(scope) } else { head_matrix(scope) };
        head(scope, matrix, x);
    }
}

/// What follows the last layer of an encoder; its output. A vision model classifies, other encoders' heads
/// depend on their use and are left out.
pub(super) fn finish_encoder(scope: &mut Scope<'_>, stream: Stream) -> Operand {
    scope.layer = None;
    let classifies = scope.arch.kind == ModelKind::Vision && scope.options.lm_head && scope.arch.vocab > 0;
    let needs_norm = scope.options.lm_head || scope.arch.kind == ModelKind::EncoderDecoder;
    let normalise = needs_norm && scope.arch.norm_position == NormPosition::Pre;
    let name = if scope.arch.kind == ModelKind::EncoderDecoder { ENCODER_NORM } else { FINAL_NORM };
    let x = last_norm(scope, name, stream, normalise);
    if classifies {
        let all = gather_tokens(scope, &HEAD, x);
        let matrix = head_matrix(scope);
        head(scope, matrix, all);
    }
    x
}

fn last_norm(scope: &mut Scope<'_>, name: Name, stream: Stream, normalise: bool) -> Operand {
    match stream.pending {
        // Nothing reads the sum any more, so the last norm does not write it.
        Some(_) if normalise => scope.close(name, stream).x,
        _ => scope.enter(name, stream, normalise).0,
    }
}

/// Logits of each sequence's last token (of a vision model: its class token); in training, of all tokens, and the loss.
fn head(scope: &mut Scope<'_>, matrix: Operand, x: Operand) {
    if scope.trains() {
        let rows = if scope.arch.patches.is_some() { scope.step.batch } else { scope.tokens() };
        return train_head(scope, matrix, x, rows);
    }
    let (hidden, vocab, batch) = (scope.arch.hidden, scope.arch.vocab, scope.step.batch);
    let last = Operand { tensor: x.tensor, elements: batch.saturating_mul(hidden) };
    let logits = scope.buffer(LM_HEAD.out, vec![batch, vocab]);
    let shape = MatMul { batch: 1, m: batch, n: vocab, k: hidden, b_shared_by: 1 };
    let compute = scope.weight_compute();
    scope.add(LM_HEAD.op, OpClass::Other, compute, OpKind::MatMul(shape), vec![last, matrix], vec![logits]);
    gather_logits(scope, logits);
}

/// Logits of `rows` tokens and their cross entropy. Where the vocabulary is divided, each rank has the logits of its
/// part; what the ranks agree on, a row's largest logit, sum of exponentials and target, is 12 bytes a row.
fn train_head(scope: &mut Scope<'_>, matrix: Operand, x: Operand, rows: u64) {
    let (hidden, vocab) = (scope.arch.hidden, scope.arch.vocab);
    let read = Operand { tensor: x.tensor, elements: rows.saturating_mul(hidden).min(x.elements) };
    let mut logits = scope.buffer(LM_HEAD.out, vec![rows, vocab]);
    let shape = MatMul { batch: 1, m: rows, n: vocab, k: hidden, b_shared_by: 1 };
    let compute = scope.weight_compute();
    scope.add(LM_HEAD.op, OpClass::Other, compute, OpKind::MatMul(shape), vec![read, matrix], vec![logits]);
    if !scope.options.fused_elementwise {
        // Frameworks compute the loss in fp32.
        let wide = scope.tensor(LOSS_CAST.out, TensorRole::Activation, Dtype::Fp32, vec![rows, vocab]);
        let cast = OpKind::Elementwise { function: Activation::Copy, elements: logits.elements };
        scope.add_plain(LOSS_CAST, cast, vec![logits], vec![wide]);
        logits = wide;
    }
    let logits = if scope.options.fused_elementwise { logits } else { shifted(scope, logits, rows, vocab) };
    let loss = scope.tensor(LOSS.out, TensorRole::Activation, Dtype::Fp32, vec![rows]);
    let probabilities =
        scope.tensor("loss.probabilities", TensorRole::Activation, Dtype::Fp32, vec![rows, vocab]);
    let targets = scope.tensor("targets", TensorRole::Input, Dtype::Int32, vec![rows]);
    let outputs = if scope.options.fused_elementwise { vec![loss] } else { vec![loss, probabilities] };
    scope.add_plain(LOSS, OpKind::CrossEntropy { rows, cols: vocab }, vec![logits, targets], outputs);
    reduce_loss(scope, loss, rows);
}

/// Logits less the largest of their row, as frameworks compute it that run every operation apart: a pass that looks for
/// it, and one that subtracts it.
fn shifted(scope: &mut Scope<'_>, logits: Operand, rows: u64, vocab: u64) -> Operand {
    let largest = scope.tensor(LOSS_MAX.out, TensorRole::Activation, Dtype::Fp32, vec![rows]);
    let over = |function| OpKind::Elementwise { function, elements: logits.elements };
    scope.add_plain(LOSS_MAX, over(Activation::Relu), vec![logits], vec![largest]);
    let out = scope.tensor(LOSS_SHIFT.out, TensorRole::Activation, Dtype::Fp32, vec![rows, vocab]);
    scope.add_plain(LOSS_SHIFT, over(Activation::Add), vec![logits, largest], vec![out]);
    out
}

fn head_matrix(scope: &mut Scope<'_>) -> Operand {
    let shape = vec![scope.arch.hidden, scope.arch.vocab];
    scope.weight(LM_HEAD.weight, shape)
}

/// The token embedding: a row a token. As a head it is the same bytes, transposed.
fn token_table(scope: &mut Scope<'_>) -> Operand {
    if let Some(table) = scope.embedding {
        return table;
    }
    let shape = vec![scope.arch.vocab.max(1), scope.arch.hidden];
    let table = scope.weight(EMBED.weight, shape);
    scope.embedding = Some(table);
    table
}

fn embed_tokens(scope: &mut Scope<'_>) -> Operand {
    let arch = scope.arch;
    let hidden = arch.hidden;
    let rows = scope.tokens();
    let part = |table: Operand, rows: u64| Operand {
        tensor: table.tensor,
        elements: table.elements.min(rows.saturating_mul(hidden)),
    };
    let ids = scope.tensor("token_ids", TensorRole::Input, Dtype::Int32, vec![scope.step.batch, scope.q_len]);
    let table = token_table(scope);
    // Of a table divided by rows, a rank holds a fair share of those looked up; the others stay zero in its
    // sum.
    let mut inputs = vec![ids, part(table, rows.div_ceil(scope.tp()))];
    if arch.positions == Positions::Learned && arch.max_positions > 0 {
        let table = scope.weight("embed.positions.weight", vec![arch.max_positions, hidden]);
        inputs.push(part(table, scope.q_len));
    }
    if arch.token_types > 0 {
        let table = scope.weight("embed.token_types.weight", vec![arch.token_types, hidden]);
        inputs.push(part(table, rows));
    }
    let out = scope.activation(EMBED.out, hidden);
    scope.add_plain(EMBED, OpKind::Gather { rows, cols: hidden }, inputs, vec![out]);
    reduce(scope, &EMBEDDING, out)
}

/// The matmul that embeds image patches; the class token, one row of parameters, is not told apart.
fn embed_patches(scope: &mut Scope<'_>) -> Operand {
    let pixels = scope.arch.patches.map_or(1, |patches| patches.pixels());
    let hidden = scope.arch.hidden;
    let dtype = scope.options.precision.activations;
    let shape = vec![scope.step.batch, scope.q_len, pixels];
    let image = scope.tensor("image", TensorRole::Input, dtype, shape);
    let all = scope.project(EMBED, OpClass::Other, image, (pixels, hidden), true);
    // Every rank embeds all; of a divided stream it goes on with its part.
    let elements = scope.on_stream(|scope| scope.tokens().saturating_mul(hidden));
    Operand { tensor: all.tensor, elements }
}
