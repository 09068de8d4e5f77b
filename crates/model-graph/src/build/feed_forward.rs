//! The feed-forward block: dense, or a mixture of experts.

use super::names::{Name, name};
use super::scope::Scope;
use crate::ops::balanced_groups;
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
        None => dense(scope, &DENSE, input, scope.arch.ffn),
    }
}

fn dense(scope: &mut Scope<'_>, names: &DenseNames, input: Operand, ffn: u64) -> Operand {
    let hidden = scope.arch.hidden;
    let biased = scope.all_biased();
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

fn pointwise(
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

/// Router, permutation, grouped matmuls over the experts that got tokens, and the shared experts.
fn mixture(scope: &mut Scope<'_>, moe: &Moe, input: Operand) -> Operand {
    let hidden = scope.arch.hidden;
    let tokens = scope.tokens();
    let logits = scope.project(ROUTER, OpClass::FfnProj, input, (hidden, moe.experts), false);
    // An expert's number and its weight for each choice, in 32 bits each.
    let wide = scope.options.precision.accumulator;
    let grid = vec![tokens, moe.top_k, 2];
    let choices = scope.tensor(ROUTE.out, TensorRole::Activation, wide, grid);
    let kind = OpKind::Route { tokens, experts: moe.experts, top_k: moe.top_k };
    scope.add_plain(ROUTE, kind, vec![logits], vec![choices]);

    let rows = tokens.saturating_mul(moe.top_k);
    let gathered = scope.buffer(PERMUTE.out, vec![rows, hidden]);
    let kind = OpKind::Permute { elements: gathered.elements };
    scope.add_plain(PERMUTE, kind, vec![input, choices], vec![gathered]);

    let inner = experts_up(scope, moe, gathered, rows);
    let outputs = grouped(scope, DOWN, moe, inner, (moe.expert_ffn, hidden), rows);

    let sum = scope.activation(UNPERMUTE.out, hidden);
    let kind = OpKind::Permute { elements: outputs.elements };
    scope.add_plain(UNPERMUTE, kind, vec![outputs, choices], vec![sum]);
    add_shared(scope, moe, input, sum)
}

fn experts_up(scope: &mut Scope<'_>, moe: &Moe, gathered: Operand, rows: u64) -> Operand {
    let (hidden, ffn) = (scope.arch.hidden, moe.expert_ffn);
    let (inputs, function) = if scope.arch.gated {
        let both = grouped(scope, GATE_UP, moe, gathered, (hidden, ffn.saturating_mul(2)), rows);
        // Experts' kernels apply the gate in one go; there is no unfused form of it in use.
        let function = gated_function(scope).unwrap_or(Activation::Mul);
        (vec![both], function)
    } else {
        let up = grouped(scope, UP, moe, gathered, (hidden, ffn), rows);
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
    moe: &Moe,
    input: Operand,
    (k, n): (u64, u64),
    rows: u64,
) -> Operand {
    let weights = scope.weight(name.weight, vec![moe.experts, k, n]);
    let groups = balanced_groups(scope.tokens(), moe.experts, moe.top_k);
    let hit: u64 = groups.iter().map(|(_, experts)| experts).sum();
    let touched = Operand { tensor: weights.tensor, elements: hit.saturating_mul(k).saturating_mul(n) };
    let out = scope.buffer(name.out, vec![rows, n]);
    let kind =
        OpKind::GroupedMatMul(GroupedMatMul { groups, tokens: scope.tokens(), held: moe.experts, n, k });
    let compute = scope.weight_compute();
    scope.add(name.op, OpClass::FfnProj, compute, kind, vec![input, touched], vec![out]);
    out
}

fn add_shared(scope: &mut Scope<'_>, moe: &Moe, input: Operand, routed: Operand) -> Operand {
    if moe.shared_experts == 0 {
        return routed;
    }
    // Shared experts run side by side as one block of their widths together.
    let width = moe.shared_ffn.unwrap_or(moe.expert_ffn).saturating_mul(moe.shared_experts);
    let shared = dense(scope, &SHARED, input, width);
    pointwise(scope, ADD_SHARED, Activation::Add, vec![routed, shared], scope.arch.hidden)
}
