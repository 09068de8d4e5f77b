//! Attention with keys and values per head: multi-head, grouped-query and multi-query.

use super::collectives::{gather_sequence, merge_partial};
use super::mla::attend_latent;
use super::names::{AttentionNames, CROSS, Name, SELF, name};
use super::scope::Scope;
use crate::{Activation, Attention, Bias, MatMul, OpClass, OpKind, Operand, Positions, TensorRole};

/// What an encoder-decoder model's decoder attends to across.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// The encoder's output, where this step computes keys and values of it.
    pub(super) encoded: Option<Operand>,
    /// Tokens of each sequence in it.
    pub(super) len: u64,
}

/// Queries, keys and values, as attention reads them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Qkv {
    pub(super) q: Operand,
    pub(super) k: Operand,
    pub(super) v: Operand,
}

const ROPE: Name = name!("attn.rope");
const ATTENTION_DROPOUT: Name = name!("attn.dropout");

/// A layer's attention of the new tokens to their own sequence, projections included.
pub(super) fn attend_to_self(scope: &mut Scope<'_>, index: u64, input: Operand, cached: bool) -> Operand {
    if let Some(mla) = scope.arch.mla {
        return attend_latent(scope, &mla, input);
    }
    let shape = self_shape(scope, index, cached);
    let fresh = project_qkv(scope, &SELF, input);
    let fresh = norm_heads(scope, fresh);
    let fresh = if scope.arch.positions == Positions::Rope { rotate(scope, fresh) } else { fresh };
    let window = scope.arch.window_of(index);
    let qkv =
        if cached && !scope.trains() { append(scope, &SELF, fresh, shape.kv_len, window) } else { fresh };
    let qkv = if scope.cp() > 1 && !scope.decodes() { gather(scope, &shape, qkv, window) } else { qkv };
    let width = shape.heads.saturating_mul(shape.v_dim);
    let context = attend(scope, &SELF, &shape, qkv);
    let context = merge_partial(scope, context, width);
    project_out(scope, &SELF, context, width)
}

/// A decoder layer's attention to the encoder's output, projections included.
pub(super) fn attend_to_memory(scope: &mut Scope<'_>, memory: Memory, input: Operand) -> Operand {
    let shape = Attention { kv_len: memory.len, causal: false, window: 0, ..self_shape(scope, 0, true) };
    let (q_width, kv_width) = widths(scope);
    let biased = scope.qkv_biased();
    let hidden = scope.arch.hidden;
    let q = scope.project(CROSS.q, OpClass::MhaProj, input, (hidden, q_width), biased);
    let (k, v) = match memory.encoded {
        Some(encoded) if scope.trains() => {
            let own = std::mem::replace(&mut scope.q_len, memory.len);
            let k = scope.project(CROSS.k, OpClass::MhaProj, encoded, (hidden, kv_width), biased);
            let v = scope.project(CROSS.v, OpClass::MhaProj, encoded, (hidden, kv_width), biased);
            scope.q_len = own;
            (k, v)
        }
        Some(encoded) => {
            let own = scope.q_len;
            scope.q_len = memory.len;
            let k = scope.project(CROSS.k, OpClass::MhaProj, encoded, (hidden, kv_width), biased);
            let v = scope.project(CROSS.v, OpClass::MhaProj, encoded, (hidden, kv_width), biased);
            let filled = append(scope, &CROSS, Qkv { q, k, v }, memory.len, 0);
            scope.q_len = own;
            (filled.k, filled.v)
        }
        None => caches(scope, &CROSS, memory.len),
    };
    let context = attend(scope, &CROSS, &shape, Qkv { q, k, v });
    project_out(scope, &CROSS, context, q_width)
}

/// softmax(Q K^T) V, fused or in parts.
pub(super) fn attend(scope: &mut Scope<'_>, names: &AttentionNames, shape: &Attention, qkv: Qkv) -> Operand {
    let compute = scope.attention_compute();
    let width = shape.heads.saturating_mul(shape.v_dim);
    if scope.options.fused_attention {
        let out = scope.activation(names.fused.out, width);
        let inputs = vec![qkv.q, qkv.k, qkv.v];
        scope.add(names.fused.op, OpClass::ActAct, compute, OpKind::Attention(*shape), inputs, vec![out]);
        return out;
    }
    let Qkv { q, k, v } = widen_cache(scope, names, shape, qkv);
    let visible = shape.visible();
    let products = shape.batch.saturating_mul(shape.heads);
    let b_shared_by = shape.heads.checked_div(shape.kv_heads).unwrap_or(1);
    let grid = vec![shape.batch, shape.heads, shape.q_len, visible];

    let scores = scope.buffer(names.scores.out, grid.clone());
    let product = MatMul { batch: products, m: shape.q_len, n: visible, k: shape.qk_dim, b_shared_by };
    scope.add(names.scores.op, OpClass::ActAct, compute, OpKind::MatMul(product), vec![q, k], vec![scores]);

    let scores = if scope.options.separate_scaling {
        let scaled = pass_over(scope, names.scale, scores, grid.clone());
        pass_over(scope, names.mask, scaled, grid.clone())
    } else {
        scores
    };
    let weights = scope.buffer(names.softmax.out, grid);
    let rows = OpKind::Softmax { rows: products.saturating_mul(shape.q_len), cols: visible };
    scope.add_plain(names.softmax, rows, vec![scores], vec![weights]);
    let weights = scope.drop_out(ATTENTION_DROPOUT, weights);

    let out = scope.activation(names.context.out, width);
    let product = MatMul { batch: products, m: shape.q_len, n: shape.v_dim, k: visible, b_shared_by };
    scope.add(
        names.context.op,
        OpClass::ActAct,
        compute,
        OpKind::MatMul(product),
        vec![weights, v],
        vec![out],
    );
    if scope.options.separate_scaling { gather_heads(scope, names, out, width) } else { out }
}

/// One more pass over the scores. The mask has a row for each query at most, shared by all heads: its bytes
/// are left out.
fn pass_over(scope: &mut Scope<'_>, name: Name, scores: Operand, grid: Vec<u64>) -> Operand {
    let result = scope.buffer(name.out, grid);
    let kind = OpKind::Elementwise { function: Activation::Scale, elements: scores.elements };
    let compute = scope.plain_compute();
    scope.add(name.op, OpClass::ActAct, compute, kind, vec![scores], vec![result]);
    result
}

/// The heads' results, which the product leaves head by head, copied side by side for each token.
fn gather_heads(scope: &mut Scope<'_>, names: &AttentionNames, by_head: Operand, width: u64) -> Operand {
    let name = names.gather;
    let result = scope.activation(name.out, width);
    let kind = OpKind::Elementwise { function: Activation::Copy, elements: by_head.elements };
    let compute = scope.plain_compute();
    scope.add(name.op, OpClass::ActAct, compute, kind, vec![by_head], vec![result]);
    result
}

/// The projection of the heads' values back to the residual stream.
pub(super) fn project_out(
    scope: &mut Scope<'_>,
    names: &AttentionNames,
    context: Operand,
    width: u64,
) -> Operand {
    let shape = (width, scope.arch.hidden);
    let biased = scope.arch.bias == Bias::All;
    scope.project(names.out, OpClass::MhaProj, context, shape, biased)
}

fn self_shape(scope: &Scope<'_>, index: u64, cached: bool) -> Attention {
    let arch = scope.arch;
    let (kv_len, window) = extent(scope, arch.window_of(index));
    Attention {
        batch: scope.step.batch,
        q_len: scope.q_len,
        kv_len,
        heads: arch.heads,
        kv_heads: arch.kv_heads(),
        qk_dim: arch.head_dim(),
        v_dim: arch.head_dim(),
        causal: cached,
        window,
        shared_kv: false,
    }
}

/// Tokens attended to and window of a layer whose window is `window`, as this rank sees them.
fn extent(scope: &Scope<'_>, window: u64) -> (u64, u64) {
    let kv_len = scope.kv_len;
    if scope.cp() > 1 {
        let divided = scope.decodes().then(|| (kept(scope, kv_len, window).max(scope.q_len), 0));
        return divided.unwrap_or((kv_len, window));
    }
    let chunked = scope.arch.window.is_some_and(|window| window.chunked);
    if window == 0 || !chunked || kv_len <= window {
        return (kv_len, window);
    }
    if scope.q_len == 1 {
        return ((kv_len - 1) % window + 1, 0);
    }
    (kv_len, like_blocks(scope.q_len, kv_len, window))
}

/// The smallest sliding window in which the last `q_len` of `kv_len` tokens see at least as many pairs as in
/// blocks of `block`, so that the work is the same to one part in `q_len`.
fn like_blocks(q_len: u64, kv_len: u64, block: u64) -> u64 {
    // A token at place p of its block sees p + 1 tokens.
    let seen_before = |tokens: u64| {
        let (whole, rest) = (u128::from(tokens / block), u128::from(tokens % block));
        let block = u128::from(block);
        whole * (block * (block + 1) / 2) + rest * (rest + 1) / 2
    };
    let pairs = seen_before(kv_len) - seen_before(kv_len.saturating_sub(q_len));
    let (mut low, mut high) = (1, block);
    while low < high {
        let middle = low + (high - low) / 2;
        if causal_pairs(q_len, kv_len, middle) < pairs { low = middle + 1 } else { high = middle }
    }
    low
}

fn causal_pairs(q_len: u64, kv_len: u64, window: u64) -> u128 {
    let shape = Attention {
        batch: 1,
        q_len,
        kv_len,
        heads: 1,
        kv_heads: 1,
        qk_dim: 1,
        v_dim: 1,
        causal: true,
        window,
        shared_kv: false,
    };
    shape.pairs()
}

/// Widths of all query heads and of all key heads together.
fn widths(scope: &Scope<'_>) -> (u64, u64) {
    let dim = scope.arch.head_dim();
    (scope.arch.heads.saturating_mul(dim), scope.arch.kv_heads().saturating_mul(dim))
}

fn project_qkv(scope: &mut Scope<'_>, names: &AttentionNames, input: Operand) -> Qkv {
    let (q_width, kv_width) = widths(scope);
    let biased = scope.qkv_biased();
    let hidden = scope.arch.hidden;
    if !scope.options.merged_qkv {
        let q = scope.project(names.q, OpClass::MhaProj, input, (hidden, q_width), biased);
        let k = scope.project(names.k, OpClass::MhaProj, input, (hidden, kv_width), biased);
        let v = scope.project(names.v, OpClass::MhaProj, input, (hidden, kv_width), biased);
        return Qkv { q, k, v };
    }
    let width = q_width.saturating_add(kv_width.saturating_mul(2));
    let all = scope.project(names.qkv, OpClass::MhaProj, input, (hidden, width), biased);
    let part = |width: u64| Operand { tensor: all.tensor, elements: scope.tokens().saturating_mul(width) };
    Qkv { q: part(q_width), k: part(kv_width), v: part(kv_width) }
}

/// The per-head norms of queries and keys, where the model has them.
fn norm_heads(scope: &mut Scope<'_>, qkv: Qkv) -> Qkv {
    if !scope.arch.qk_norm {
        return qkv;
    }
    let dim = scope.arch.head_dim();
    let q = scope.norm(SELF.q_norm, qkv.q, dim);
    let k = scope.norm(SELF.k_norm, qkv.k, dim);
    Qkv { q, k, v: qkv.v }
}

fn rotate(scope: &mut Scope<'_>, qkv: Qkv) -> Qkv {
    let (q_width, kv_width) = widths(scope);
    let q = scope.activation("attn.q.rope", q_width);
    let k = scope.activation("attn.k.rope", kv_width);
    let elements = q.elements.saturating_add(k.elements);
    scope.add_plain(ROPE, OpKind::Rope { elements }, vec![qkv.q, qkv.k], vec![q, k]);
    Qkv { q, k, v: qkv.v }
}

/// Tokens of each sequence that this rank's cache holds for a layer with that window, of `kv_len` where it
/// has all.
fn kept(scope: &Scope<'_>, kv_len: u64, window: u64) -> u64 {
    let ranks = scope.cp();
    let new = if scope.decodes() { scope.q_len } else { scope.q_len.saturating_mul(ranks) };
    let all = if ranks > 1 { scope.step.kv_len } else { kv_len };
    let seen = if window == 0 { all } else { all.min(new.saturating_sub(1).saturating_add(window)) };
    seen.div_ceil(ranks.max(1))
}

/// Keys and values of the tokens that this rank's new ones see, from all ranks that share the sequences.
fn gather(scope: &mut Scope<'_>, shape: &Attention, own: Qkv, window: u64) -> Qkv {
    let held = kept(scope, scope.kv_len, window).saturating_mul(scope.cp());
    let grid = vec![shape.batch, shape.kv_heads, held, shape.qk_dim];
    let wholes = vec![("attn.k.all", grid.clone()), ("attn.v.all", grid)];
    let all = gather_sequence(scope, vec![own.k, own.v], wholes);
    let [k, v] = all[..] else { return own };
    let seen = shape
        .visible()
        .saturating_mul(shape.batch)
        .saturating_mul(shape.kv_heads)
        .saturating_mul(shape.qk_dim);
    let part = |whole: Operand| Operand { tensor: whole.tensor, elements: whole.elements.min(seen) };
    Qkv { q: own.q, k: part(k), v: part(v) }
}

/// Appends the new tokens' keys and values to the cache; keys and values are then what is read from the
/// cache.
fn append(scope: &mut Scope<'_>, names: &AttentionNames, fresh: Qkv, kv_len: u64, window: u64) -> Qkv {
    let kept = kept(scope, kv_len, window);
    let (k, v) = caches(scope, names, kept);
    let written = |cache: Operand, new: Operand| Operand { tensor: cache.tensor, elements: new.elements };
    let elements = fresh.k.elements.saturating_add(fresh.v.elements);
    let outputs = vec![written(k, fresh.k), written(v, fresh.v)];
    scope.add_plain(names.append, OpKind::KvAppend { elements }, vec![fresh.k, fresh.v], outputs);
    Qkv { q: fresh.q, k, v }
}

/// The layer's caches, holding `len` tokens of each sequence.
fn caches(scope: &mut Scope<'_>, names: &AttentionNames, len: u64) -> (Operand, Operand) {
    let shape = vec![scope.step.batch, scope.arch.kv_heads(), len, scope.arch.head_dim()];
    let dtype = scope.options.precision.kv_cache;
    let k = scope.tensor(names.k_cache, TensorRole::KvCache, dtype, shape.clone());
    let v = scope.tensor(names.v_cache, TensorRole::KvCache, dtype, shape);
    (k, v)
}

/// Unfused matmuls cannot convert on the way: where the cache's format is not the activations', copies in
/// theirs.
fn widen_cache(scope: &mut Scope<'_>, names: &AttentionNames, shape: &Attention, qkv: Qkv) -> Qkv {
    let precision = scope.options.precision;
    if scope.graph.dtype(qkv.k.tensor) == Some(precision.activations) {
        return qkv;
    }
    let mut read = |name: Name, cache: Operand, dim: u64| {
        let grid = vec![shape.batch, shape.kv_heads, shape.visible(), dim];
        let copy = scope.buffer(name.out, grid);
        scope.add_plain(name, OpKind::KvRead { elements: cache.elements }, vec![cache], vec![copy]);
        copy
    };
    let k = read(names.k_read, qkv.k, shape.qk_dim);
    if shape.shared_kv {
        return Qkv { q: qkv.q, k, v: Operand { tensor: k.tensor, elements: qkv.v.elements } };
    }
    let v = read(names.v_read, qkv.v, shape.v_dim);
    Qkv { q: qkv.q, k, v }
}
