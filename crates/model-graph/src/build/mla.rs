//! Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, section 2.1).
//!
//! The cache holds one latent and one rotated key per token. A prefill expands the latents to keys and values
//! of every head; a decode step instead folds the expansion into the queries and the output (the "absorbed"
//! form), and attends to the latents as if there were one wide key head.

use super::attention::{Qkv, attend, project_out};
use super::collectives::{gather_sequence, merge_partial};
use super::names::{Name, SELF, name};
use super::scope::Scope;
use crate::{Activation, Attention, MatMul, Mla, OpClass, OpKind, Operand, StepPhase, TensorRole};

const Q: Name = name!("attn.q");
const Q_DOWN: Name = name!("attn.q_a");
const Q_NORM: Name = name!("attn.q_a_norm");
const Q_UP: Name = name!("attn.q_b");
const KV_DOWN: Name = name!("attn.kv_a");
const KV_NORM: Name = name!("attn.kv_a_norm");
const KV_UP: Name = name!("attn.kv_b");
const ROPE: Name = name!("attn.rope");
const APPEND: Name = name!("kv.append");
const JOIN: Name = name!("attn.latent");
const KEYS: Name = name!("attn.k_concat");
const Q_ABSORB: Name = name!("attn.q_absorb");
const V_ABSORB: Name = name!("attn.v_absorb");

/// A layer's latent attention, projections included.
pub(super) fn attend_latent(scope: &mut Scope<'_>, mla: &Mla, input: Operand) -> Operand {
    let q = queries(scope, mla, input);
    let (latent, key) = latents(scope, mla, input);
    let (q, key) = rotate(scope, mla, q, key);
    let cache = if scope.trains() { join(scope, mla, latent, key) } else { append(scope, mla, latent, key) };
    let heads = scope.arch.heads;
    let context = match scope.step.phase {
        StepPhase::Decode => absorbed(scope, mla, q, cache),
        _ => expanded(scope, mla, q, cache),
    };
    project_out(scope, &SELF, context, heads.saturating_mul(mla.v_dim))
}

fn queries(scope: &mut Scope<'_>, mla: &Mla, input: Operand) -> Operand {
    let hidden = scope.arch.hidden;
    let width = scope.arch.heads.saturating_mul(qk_dim(mla));
    let Some(rank) = mla.q_lora_rank else {
        return scope.project(Q, OpClass::MhaProj, input, (hidden, width), false);
    };
    let down = scope.project(Q_DOWN, OpClass::MhaProj, input, (hidden, rank), false);
    let normed = scope.norm(Q_NORM, down, rank);
    scope.project(Q_UP, OpClass::MhaProj, normed, (rank, width), false)
}

/// The new tokens' normalised latents, and their keys to be rotated.
fn latents(scope: &mut Scope<'_>, mla: &Mla, input: Operand) -> (Operand, Operand) {
    let shape = (scope.arch.hidden, latent_width(mla));
    let down = scope.project(KV_DOWN, OpClass::MhaProj, input, shape, false);
    let part = |width: u64| Operand { tensor: down.tensor, elements: scope.tokens().saturating_mul(width) };
    let (latent, key) = (part(mla.kv_lora_rank), part(mla.qk_rope_dim));
    (scope.norm(KV_NORM, latent, mla.kv_lora_rank), key)
}

/// Queries and keys with their rotary parts rotated. The queries' other part stays where it is.
fn rotate(scope: &mut Scope<'_>, mla: &Mla, q: Operand, key: Operand) -> (Operand, Operand) {
    let rotated = times(&[scope.tokens(), scope.arch.heads, mla.qk_rope_dim]);
    let out_q = scope.activation("attn.q.rope", scope.arch.heads.saturating_mul(qk_dim(mla)));
    let out_key = scope.activation("attn.k.rope", mla.qk_rope_dim);
    let elements = rotated.saturating_add(out_key.elements);
    let inputs = vec![Operand { tensor: q.tensor, elements: rotated }, key];
    let outputs = vec![Operand { tensor: out_q.tensor, elements: rotated }, out_key];
    scope.add_plain(ROPE, OpKind::Rope { elements }, inputs, outputs);
    (out_q, out_key)
}

/// Latents and keys side by side, as a cache would have them.
fn join(scope: &mut Scope<'_>, mla: &Mla, latent: Operand, key: Operand) -> Operand {
    let out = scope.activation("attn.latent.out", latent_width(mla));
    let copy = OpKind::Elementwise { function: Activation::Copy, elements: out.elements };
    scope.add_plain(JOIN, copy, vec![latent, key], vec![out]);
    out
}

fn append(scope: &mut Scope<'_>, mla: &Mla, latent: Operand, key: Operand) -> Operand {
    let ranks = scope.cp();
    let held = if ranks > 1 { scope.step.kv_len.div_ceil(ranks) } else { scope.kv_len };
    let shape = vec![scope.step.batch, 1, held, latent_width(mla)];
    let dtype = scope.options.precision.kv_cache;
    let cache = scope.tensor("attn.latent_cache", TensorRole::KvCache, dtype, shape);
    let elements = latent.elements.saturating_add(key.elements);
    let written = Operand { tensor: cache.tensor, elements };
    scope.add_plain(APPEND, OpKind::KvAppend { elements }, vec![latent, key], vec![written]);
    cache
}

/// The latents of all tokens, from all ranks that share the sequences.
fn gather(scope: &mut Scope<'_>, mla: &Mla, own: Operand) -> Operand {
    let ranks = scope.cp();
    let held = scope.step.kv_len.div_ceil(ranks).saturating_mul(ranks);
    let grid = vec![scope.step.batch, held, latent_width(mla)];
    gather_sequence(scope, vec![own], vec![("attn.latent.all", grid)]).first().copied().unwrap_or(own)
}

/// Attention to the latents themselves, the expansion matrices folded into the queries and the output.
fn absorbed(scope: &mut Scope<'_>, mla: &Mla, q: Operand, cache: Operand) -> Operand {
    let (heads, tokens) = (scope.arch.heads, scope.tokens());
    let up = kv_up(scope, mla);
    let compute = scope.weight_compute();

    let wide_q = scope.activation(Q_ABSORB.out, heads.saturating_mul(latent_width(mla)));
    let product = MatMul { batch: heads, m: tokens, n: mla.kv_lora_rank, k: mla.qk_nope_dim, b_shared_by: 1 };
    let plain = Operand { tensor: q.tensor, elements: times(&[tokens, heads, mla.qk_nope_dim]) };
    let to_latent =
        Operand { tensor: up.tensor, elements: times(&[heads, mla.qk_nope_dim, mla.kv_lora_rank]) };
    let written = Operand { tensor: wide_q.tensor, elements: times(&[tokens, heads, mla.kv_lora_rank]) };
    let kind = OpKind::MatMul(product);
    scope.add(Q_ABSORB.op, OpClass::MhaProj, compute, kind, vec![plain, to_latent], vec![written]);

    let shape = Attention {
        batch: scope.step.batch,
        q_len: scope.q_len,
        kv_len: scope.kv_len,
        heads,
        kv_heads: 1,
        qk_dim: latent_width(mla),
        v_dim: mla.kv_lora_rank,
        causal: true,
        window: 0,
        shared_kv: true,
    };
    // The values are the keys' first columns: fused they come along, unfused they are read again.
    let again = if scope.options.fused_attention { 0 } else { mla.kv_lora_rank };
    let v = Operand { tensor: cache.tensor, elements: times(&[scope.step.batch, scope.kv_len, again]) };
    let context = attend(scope, &SELF, &shape, Qkv { q: wide_q, k: cache, v });
    let context = merge_partial(scope, context, heads.saturating_mul(mla.kv_lora_rank));

    let out = scope.activation(V_ABSORB.out, heads.saturating_mul(mla.v_dim));
    let product = MatMul { batch: heads, m: tokens, n: mla.v_dim, k: mla.kv_lora_rank, b_shared_by: 1 };
    let from_latent = Operand { tensor: up.tensor, elements: times(&[heads, mla.v_dim, mla.kv_lora_rank]) };
    let kind = OpKind::MatMul(product);
    scope.add(V_ABSORB.op, OpClass::MhaProj, compute, kind, vec![context, from_latent], vec![out]);
    out
}

/// Attention to keys and values expanded from the latents for every head.
fn expanded(scope: &mut Scope<'_>, mla: &Mla, q: Operand, cache: Operand) -> Operand {
    let heads = scope.arch.heads;
    let batch = scope.step.batch;
    let cache = if scope.cp() > 1 { gather(scope, mla, cache) } else { cache };
    let up = kv_up(scope, mla);
    let rows = batch.saturating_mul(scope.kv_len);
    let width = heads.saturating_mul(mla.qk_nope_dim.saturating_add(mla.v_dim));
    let latent = Operand { tensor: cache.tensor, elements: rows.saturating_mul(mla.kv_lora_rank) };
    let both = scope.buffer(KV_UP.out, vec![batch, scope.kv_len, width]);
    let product = MatMul { batch: 1, m: rows, n: width, k: mla.kv_lora_rank, b_shared_by: 1 };
    let compute = scope.weight_compute();
    let kind = OpKind::MatMul(product);
    scope.add(KV_UP.op, OpClass::MhaProj, compute, kind, vec![latent, up], vec![both]);

    // Every head's key is its own part and a copy of the token's rotary key.
    let keys = scope.buffer(KEYS.out, vec![batch, scope.kv_len, heads, qk_dim(mla)]);
    let own = Operand { tensor: both.tensor, elements: times(&[rows, heads, mla.qk_nope_dim]) };
    let rotary = Operand { tensor: cache.tensor, elements: times(&[rows, mla.qk_rope_dim]) };
    let copy = OpKind::Elementwise { function: Activation::Copy, elements: keys.elements };
    scope.add_plain(KEYS, copy, vec![own, rotary], vec![keys]);

    let v = Operand { tensor: both.tensor, elements: times(&[rows, heads, mla.v_dim]) };
    let shape = Attention {
        batch,
        q_len: scope.q_len,
        kv_len: scope.kv_len,
        heads,
        kv_heads: heads,
        qk_dim: qk_dim(mla),
        v_dim: mla.v_dim,
        causal: true,
        window: 0,
        shared_kv: false,
    };
    attend(scope, &SELF, &shape, Qkv { q, k: keys, v })
}

/// The weights that expand a latent to every head's key and value.
fn kv_up(scope: &mut Scope<'_>, mla: &Mla) -> Operand {
    let width = scope.arch.heads.saturating_mul(mla.qk_nope_dim.saturating_add(mla.v_dim));
    scope.weight(KV_UP.weight, vec![mla.kv_lora_rank, width])
}

fn qk_dim(mla: &Mla) -> u64 {
    mla.qk_nope_dim.saturating_add(mla.qk_rope_dim)
}

fn latent_width(mla: &Mla) -> u64 {
    mla.kv_lora_rank.saturating_add(mla.qk_rope_dim)
}

fn times(factors: &[u64]) -> u64 {
    factors.iter().fold(1_u64, |product, factor| product.saturating_mul(*factor))
}
