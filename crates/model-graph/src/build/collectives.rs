//! What a rank sends and receives, where a model is divided over several.

use super::names::{Name, name};
use super::scope::{Scope, Stream};
use crate::dtype::wider;
use crate::{Activation, Collective, CollectiveKind, Dimension, Dtype, OpClass, OpKind, Operand};

/// The collectives around one block of column- and row-parallel matrices.
pub(super) struct Exchange {
    /// Before the block, where the residual stream is divided by tokens.
    gather: Name,
    /// After it, where the stream is not divided.
    reduce: Name,
    /// After it, where it is.
    scatter: Name,
}

macro_rules! exchange {
    ($block:literal) => {
        Exchange {
            gather: name!(concat!($block, ".all_gather")),
            reduce: name!(concat!($block, ".all_reduce")),
            scatter: name!(concat!($block, ".reduce_scatter")),
        }
    };
}

pub(super) const EMBEDDING: Exchange = exchange!("embed");
pub(super) const ATTENTION: Exchange = exchange!("attn");
pub(super) const CROSS_ATTENTION: Exchange = exchange!("cross");
pub(super) const FEED_FORWARD: Exchange = exchange!("mlp");
/// Attention and feed-forward side by side.
pub(super) const BLOCK: Exchange = exchange!("block");
pub(super) const EXPERTS: Exchange = exchange!("moe");
pub(super) const SHARED_EXPERTS: Exchange = exchange!("moe.shared");
pub(super) const HEAD: Exchange = exchange!("lm_head.input");
const MEMORY: Exchange = exchange!("memory");

const LOSS_SUMS: Name = name!("loss.all_reduce");
const LOGITS: Name = name!("lm_head.all_gather");
const KV: Name = name!("kv.all_gather");
const PARTIAL: Name = name!("attn.partial.all_gather");
const MERGE: Name = name!("attn.partial.merge");
const DISPATCH: Name = name!("moe.dispatch");
const COMBINE: Name = name!("moe.combine");
const RECV: Name = name!("pipeline.recv");
const SEND: Name = name!("pipeline.send");

/// Bytes of the fp32 sum of exponentials that goes with a head's partial output.
const SUM_BYTES: u64 = 4;

/// All tokens of a stream that may be divided, for a block that needs all.
pub(super) fn gather_tokens(scope: &mut Scope<'_>, names: &Exchange, stream: Operand) -> Operand {
    if scope.parallel.sequence { replicate(scope, names, stream) } else { stream }
}

/// All tokens, of which each of the ranks that share a layer has its part.
pub(super) fn replicate(scope: &mut Scope<'_>, names: &Exchange, shard: Operand) -> Operand {
    if scope.tp() <= 1 {
        return shard;
    }
    let out = scope.activation(names.gather.out, scope.arch.hidden);
    let bytes = scope.activation_bytes(padded_elements(scope));
    tensor_collective(scope, names.gather, CollectiveKind::AllGather, bytes, shard, out);
    out
}

/// The stream's tokens of a sum that each rank has a part of.
pub(super) fn reduce(scope: &mut Scope<'_>, names: &Exchange, partial: Operand) -> Operand {
    if scope.tp() <= 1 {
        return partial;
    }
    let hidden = scope.arch.hidden;
    if scope.parallel.sequence {
        let out = scope.on_stream(|scope| scope.activation(names.scatter.out, hidden));
        let bytes = summand_bytes(scope, padded_elements(scope));
        tensor_collective(scope, names.scatter, CollectiveKind::ReduceScatter, bytes, partial, out);
        return out;
    }
    let out = scope.activation(names.reduce.out, hidden);
    let bytes = summand_bytes(scope, out.elements);
    tensor_collective(scope, names.reduce, CollectiveKind::AllReduce, bytes, partial, out);
    out
}

/// An encoder's output as the decoder's cross-attention reads it.
pub(super) fn gather_memory(scope: &mut Scope<'_>, encoded: Operand) -> Operand {
    gather_tokens(scope, &MEMORY, encoded)
}

/// Logits of the whole vocabulary from each rank's share of it.
pub(super) fn gather_logits(scope: &mut Scope<'_>, part: Operand) -> Operand {
    let ranks = scope.tp();
    if ranks <= 1 {
        return part;
    }
    let vocab = scope.arch.vocab.saturating_mul(ranks);
    let out = scope.buffer(LOGITS.out, vec![scope.step.batch, vocab]);
    let bytes = summand_bytes(scope, out.elements);
    tensor_collective(scope, LOGITS, CollectiveKind::AllGather, bytes, part, out);
    out
}

/// What ranks that divide the vocabulary tell each other of every row: its largest logit, the sum of its exponentials and
/// the target's logit, in fp32.
pub(super) fn reduce_loss(scope: &mut Scope<'_>, loss: Operand, rows: u64) {
    if scope.tp() <= 1 {
        return;
    }
    let out = scope.tensor(LOSS_SUMS.out, crate::TensorRole::Activation, Dtype::Fp32, vec![rows, 3]);
    let bytes = rows.saturating_mul(3).saturating_mul(SUM_BYTES);
    tensor_collective(scope, LOSS_SUMS, CollectiveKind::AllReduce, bytes, loss, out);
}

/// Rows on their way to the experts they chose.
pub(super) fn dispatch(scope: &mut Scope<'_>, rows: Operand, arriving: u64) -> Operand {
    let bytes = scope.activation_bytes(rows.elements);
    exchange_rows(scope, DISPATCH, rows, arriving, bytes)
}

/// What experts made of rows, on its way back to be summed up.
pub(super) fn combine(scope: &mut Scope<'_>, rows: Operand, arriving: u64) -> Operand {
    let bytes = summand_bytes(scope, rows.elements);
    exchange_rows(scope, COMBINE, rows, arriving, bytes)
}

fn exchange_rows(scope: &mut Scope<'_>, name: Name, rows: Operand, arriving: u64, bytes: u64) -> Operand {
    let out = scope.buffer(name.out, vec![arriving, scope.arch.hidden]);
    let ranks = scope.parallel.expert;
    let collective = Collective::even(CollectiveKind::AllToAll, Dimension::Expert, ranks, bytes);
    add(scope, name, collective, vec![rows], vec![out]);
    out
}

/// Keys and values (or latents) of all tokens from each rank's share of them, in as many tensors as are
/// given: each is a share, its label, and the shape of the whole.
pub(super) fn gather_sequence(
    scope: &mut Scope<'_>,
    parts: Vec<Operand>,
    wholes: Vec<(&'static str, Vec<u64>)>,
) -> Vec<Operand> {
    let dtype = parts.first().and_then(|part| scope.graph.dtype(part.tensor));
    let dtype = dtype.unwrap_or(scope.options.precision.activations);
    let role = crate::TensorRole::Activation;
    let outs: Vec<Operand> =
        wholes.into_iter().map(|(label, shape)| scope.tensor(label, role, dtype, shape)).collect();
    let elements = outs.iter().fold(0_u64, |sum, out| sum.saturating_add(out.elements));
    let ranks = scope.parallel.context;
    let bytes = dtype.bytes_for(elements);
    let collective = Collective::even(CollectiveKind::AllGather, Dimension::Context, ranks, bytes);
    add(scope, KV, collective, parts, outs.clone());
    outs
}

/// The outputs of attention to the whole cache, `width` = heads x value width a token, from those to each
/// rank's part of it.
pub(super) fn merge_partial(scope: &mut Scope<'_>, partial: Operand, width: u64) -> Operand {
    let ranks = scope.cp();
    if ranks <= 1 || !scope.decodes() {
        return partial;
    }
    let all = scope.buffer(PARTIAL.out, vec![ranks, scope.tokens(), width]);
    let sums =
        scope.tokens().saturating_mul(scope.arch.heads).saturating_mul(ranks).saturating_mul(SUM_BYTES);
    let bytes = scope.activation_bytes(all.elements).saturating_add(sums);
    let collective =
        Collective::even(CollectiveKind::AllGather, Dimension::Context, scope.parallel.context, bytes);
    add(scope, PARTIAL, collective, vec![partial], vec![all]);
    let out = scope.activation(MERGE.out, width);
    let kind = OpKind::Elementwise { function: Activation::Add, elements: out.elements };
    scope.add_plain(MERGE, kind, vec![all], vec![out]);
    out
}

/// The stream that the stage before sends.
pub(super) fn receive(scope: &mut Scope<'_>) -> Stream {
    let x = scope.on_stream(|scope| scope.activation(RECV.out, scope.arch.hidden));
    pass_on(scope, RECV, CollectiveKind::Recv, x, (vec![], vec![x]));
    Stream { x, pending: None }
}

/// The stream sent to the next stage.
pub(super) fn send(scope: &mut Scope<'_>, stream: Stream) {
    let x = scope.settle(stream);
    scope.layer = None;
    pass_on(scope, SEND, CollectiveKind::Send, x, (vec![x], vec![]));
}

fn pass_on(
    scope: &mut Scope<'_>,
    name: Name,
    kind: CollectiveKind,
    message: Operand,
    (inputs, outputs): (Vec<Operand>, Vec<Operand>),
) {
    let bytes = scope.activation_bytes(message.elements);
    let collective = Collective::even(kind, Dimension::Pipeline, scope.parallel.pipeline, bytes);
    add(scope, name, collective, inputs, outputs);
}

/// All tokens' hidden values, the tokens padded to a multiple of the ranks that divide them.
fn padded_elements(scope: &Scope<'_>) -> u64 {
    let ranks = scope.tp();
    let rows = scope.tokens().div_ceil(ranks).saturating_mul(ranks);
    rows.saturating_mul(scope.arch.hidden)
}

/// Bytes in which that many values travel to be added up or to be read as scores: systems that compute in 8
/// bits or less send these in 16.
fn summand_bytes(scope: &Scope<'_>, elements: u64) -> u64 {
    wider(Dtype::Bf16, scope.options.precision.activations).bytes_for(elements)
}

fn tensor_collective(
    scope: &mut Scope<'_>,
    name: Name,
    kind: CollectiveKind,
    bytes: u64,
    input: Operand,
    output: Operand,
) {
    let collective = Collective::even(kind, Dimension::Tensor, scope.parallel.tensor, bytes);
    add(scope, name, collective, vec![input], vec![output]);
}

fn add(
    scope: &mut Scope<'_>,
    name: Name,
    collective: Collective,
    inputs: Vec<Operand>,
    outputs: Vec<Operand>,
) {
    let compute = scope.plain_compute();
    scope.add(name.op, OpClass::Other, compute, OpKind::Collective(collective), inputs, outputs);
}
