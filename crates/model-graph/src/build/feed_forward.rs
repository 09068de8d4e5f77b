//! The feed-forward block: dense, or a mixture of experts.

use super::collectives::{
    EXPERTS, FEED_FORWARD, SHARED_EXPERTS, combine, dispatch, gather_tokens, reduce, replicate,
};
use super::names::{Name, name};
use super::scope::Scope;
use crate::ops::balanced_groups_of_rank;
use crate::{Activation, FfnActivation, GroupedMatMul, Moe, OpClass, OpKind, Operand, TensorRole};

/// The names of one dense block.
struct DenseNames {
    gate: Name,
    up: Name,
    gate_up: Name,
    act: Name,
    gate_mul: Name,
    down: Name,
}

const DENSE: DenseNames = DenseNames {
    gate: name!("mlp.gate"),
    up: name!("mlp.up"),
    gate_up: name!("mlp.gate_up"),
    act: name!("mlp.act"),
    gate_mul: name!("mlp.gate_mul"),
    down: name!("mlp.down"),
};

const SHARED: DenseNames = DenseNames {
    gate: name!("moe.shared.gate"),
    up: name!("moe.shared.up"),
    gate_up: name!("moe.shared.gate_up"),
    act: name!("moe.shared.act"),
    gate_mul: name!("moe.shared.gate_mul"),
    down: name!("moe.shared.down"),
};

const ROUTER: Name = name!("moe.router");
const ROUTE: Name = name!("moe.route");
const PERMUTE: Name = name!("moe.permute");
const UP: Name = name!("moe.up");
const GATE_UP: Name = name!("moe.gate_up");
const ACT: Name = name!("moe.act");
const DOWN: Name = name!("moe.down");
const UNPERMUTE: Name = name!("moe.unpermute");
const ADD_SHARED: Name = name!("moe.shared.add");

/// A layer's feed-forward block.
pub(super) fn feed_forward(scope: &mut Scope<'_>, index: u64, input: Operand) -> Operand {
    match scope.arch.moe_of(index).copied() {
        Some(moe) => mixture(scope, &moe, input),
        None => {
            let input = gather_tokens(scope, &FEED_FORWARD, input);
            let output = dense_block(scope, input);
            reduce(scope, &FEED_FORWARD, output)
        }
    }
}

/// A dense block; with its matrices divided over ranks, this rank's part of the sum.
pub(super) fn dense_block(scope: &mut Scope<'_>, input: Operand) -> Operand {
    dense(scope, &DENSE, input, scope.arch.ffn)
}

fn dense(scope: &mut Scope<'_>, names: &DenseNames, input: Operand, ffn: u64) -> Operand {
    let hidden = scope.arch.hidden;
    let biased = scope.ffn_biased();
    let class = OpClass::FfnProj;
    let inner = if !scope.arch.gated {
        let up = scope.project(names.up, class, input, (hidden, ffn), biased);
        pointwise(scope, names.act, scope.arch.ffn_function(), vec![up], ffn)
    } else if scope.options.merged_qkv {
        let both = scope.project(names.gate_up, class, input, (hidden, ffn.saturating_mul(2)), biased);
        let half = Operand { tensor: both.tensor, elements: both.elements / 2 };
        gate(scope, names, half, half, ffn)
    } else {
        let gated = scope.project(names.gate, class, input, (hidden, ffn), biased);
        let up = scope.project(names.up, class, input, (hidden, ffn), biased);
        gate(scope, names, gated, up, ffn)
    };
    scope.project(names.down, class, inner, (ffn, hidden), biased)
}

/// act(gate) * up, in one kernel or two.
fn gate(scope: &mut Scope<'_>, names: &DenseNames, gate: Operand, up: Operand, ffn: u64) -> Operand {
    if scope.options.fused_elementwise
        && let Some(function) = gated_function(scope)
    {
        return pointwise(scope, names.act, function, vec![gate, up], ffn);
    }
    let active = pointwise(scope, names.act, scope.arch.ffn_function(), vec![gate], ffn);
    pointwise(scope, names.gate_mul, Activation::Mul, vec![active, up], ffn)
}

fn gated_function(scope: &Scope<'_>) -> Option<Activation> {
    match scope.arch.activation {
        FfnActivation::Silu => Some(Activation::SiluMul),
        FfnActivation::Gelu => Some(Activation::GeluMul),
        FfnActivation::Relu => None,
    }
}

pub(super) fn pointwise(
    scope: &mut Scope<'_>,
    name: Name,
    function: Activation,
    inputs: Vec<Operand>,
    width: u64,
) -> Operand {
    let out = scope.activation(name.out, width);
    let kind = OpKind::Elementwise { function, elements: out.elements };
    scope.add_plain(name, kind, inputs, vec![out]);
    out
}

/// A mixture of experts, its input the stream's tokens and its output as well.
fn mixture(scope: &mut Scope<'_>, moe: &Moe, input: Operand) -> Operand {
    if scope.parallel.sends_to_experts() {
        return travelling_mixture(scope, moe, input);
    }
    let input = gather_tokens(scope, &EXPERTS, input);
    let routed = routed(scope, moe, input);
    let sum = match shared(scope, moe, input) {
        Some(shared) => add_shared(scope, routed, shared),
        None => routed,
    };
    reduce(scope, &EXPERTS, sum)
}

/// A mixture whose experts are on more ranks than share a layer: each rank sends its part of the tokens.
fn travelling_mixture(scope: &mut Scope<'_>, moe: &Moe, input: Operand) -> Operand {
    let hidden = scope.arch.hidden;
    let routed = scope.on_shard(|scope| {
        let elements = scope.tokens().saturating_mul(hidden).min(input.elements);
        routed(scope, moe, Operand { tensor: input.tensor, elements })
    });
    let routed = if scope.parallel.sequence { routed } else { replicate(scope, &EXPERTS, routed) };
    if moe.shared_experts == 0 {
        return routed;
    }
    let all = gather_tokens(scope, &SHARED_EXPERTS, input);
    let Some(shared) = shared(scope, moe, all) else { return routed };
    let shared = reduce(scope, &SHARED_EXPERTS, shared);
    scope.on_stream(|scope| add_shared(scope, routed, shared))
}

/// Router, permutation, and grouped matmuls over the experts of this rank that got tokens; where experts are
/// on other ranks, the way there and back.
fn routed(scope: &mut Scope<'_>, moe: &Moe, input: Operand) -> Operand {
    let hidden = scope.arch.hidden;
    let tokens = scope.tokens();
    let logits = scope.project(ROUTER, OpClass::FfnProj, input, (hidden, moe.experts), false);
    // An expert's number and its weight for each choice, in 32 bits each.
    let wide = scope.options.precision.accumulator;
    let grid = vec![tokens, moe.top_k, 2];
    let choices = scope.tensor(ROUTE.out, TensorRole::Activation, wide, grid);
    let kind = OpKind::Route { tokens, experts: moe.experts, top_k: moe.top_k };
    scope.add_plain(ROUTE, kind, vec![logits], vec![choices]);

    let travels = scope.parallel.sends_to_experts();
    let groups = groups_of_rank(scope, moe);
    let arriving =
        groups.iter().fold(0_u64, |sum, (rows, experts)| sum.saturating_add(rows.saturating_mul(*experts)));
    let rows = if travels { tokens.saturating_mul(moe.top_k) } else { arriving };
    let gathered = scope.buffer(PERMUTE.out, vec![rows, hidden]);
    let kind = OpKind::Permute { elements: gathered.elements };
    let read = Operand { tensor: input.tensor, elements: input.elements.min(gathered.elements) };
    scope.add_plain(PERMUTE, kind, vec![read, choices], vec![gathered]);
    let gathered = if travels { dispatch(scope, gathered, arriving) } else { gathered };

    let inner = experts_up(scope, moe, &groups, gathered);
    let outputs = grouped(scope, DOWN, &groups, inner, (moe.expert_ffn, hidden));
    let outputs = if travels { combine(scope, outputs, rows) } else { outputs };

    let sum = scope.activation(UNPERMUTE.out, hidden);
    let kind = OpKind::Permute { elements: outputs.elements };
    scope.add_plain(UNPERMUTE, kind, vec![outputs, choices], vec![sum]);
    sum
}

/// Rows and experts of this rank's grouped matmuls.
fn groups_of_rank(scope: &Scope<'_>, moe: &Moe) -> Vec<(u64, u64)> {
    let ranks = u64::from(scope.parallel.expert);
    let senders = if scope.parallel.sends_to_experts() { ranks } else { 1 };
    balanced_groups_of_rank(scope.tokens().saturating_mul(senders), moe.experts, moe.top_k, ranks)
}

fn experts_up(scope: &mut Scope<'_>, moe: &Moe, groups: &[(u64, u64)], gathered: Operand) -> Operand {
    let (hidden, ffn) = (scope.arch.hidden, moe.expert_ffn);
    let rows = gathered.elements.checked_div(hidden).unwrap_or(0);
    let (inputs, function) = if scope.arch.gated {
        let both = grouped(scope, GATE_UP, groups, gathered, (hidden, ffn.saturating_mul(2)));
        // Experts' kernels apply the gate in one go; there is no unfused form of it in use.
        let function = gated_function(scope).unwrap_or(Activation::Mul);
        (vec![both], function)
    } else {
        let up = grouped(scope, UP, groups, gathered, (hidden, ffn));
        (vec![up], scope.arch.ffn_function())
    };
    let out = scope.buffer(ACT.out, vec![rows, ffn]);
    let kind = OpKind::Elementwise { function, elements: out.elements };
    scope.add_plain(ACT, kind, inputs, vec![out]);
    out
}

fn grouped(
    scope: &mut Scope<'_>,
    name: Name,
    groups: &[(u64, u64)],
    input: Operand,
    (k, n): (u64, u64),
) -> Operand {
    let weights = scope.weight(name.weight, vec![scope.experts, k, n]);
    let product =
        GroupedMatMul { groups: groups.to_vec(), tokens: scope.tokens(), held: scope.experts, n, k };
    let touched =
        Operand { tensor: weights.tensor, elements: product.experts().saturating_mul(k).saturating_mul(n) };
    let out = scope.buffer(name.out, vec![product.rows(), n]);
    let compute = scope.weight_compute();
    let kind = OpKind::GroupedMatMul(product);
    scope.add(name.op, OpClass::FfnProj, compute, kind, vec![input, touched], vec![out]);
    out
}

/// The experts that every token goes to, side by side as one block of their widths together.
fn shared(scope: &mut Scope<'_>, moe: &Moe, input: Operand) -> Option<Operand> {
    if moe.shared_experts == 0 {
        return None;
    }
    let width = moe.shared_ffn.unwrap_or(moe.expert_ffn).saturating_mul(moe.shared_experts);
    Some(dense(scope, &SHARED, input, width))
}

fn add_shared(scope: &mut Scope<'_>, routed: Operand, shared: Operand) -> Operand {
    let hidden = scope.arch.hidden;
    pointwise(scope, ADD_SHARED, Activation::Add, vec![routed, shared], hidden)
}
