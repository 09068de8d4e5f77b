//! Operators: what is computed, with shapes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ops::{
    Activation, Attention, ChannelNorm, Collective, Convolution, GatherSum, GroupedMatMul, MatMul, NormKind,
    Pool, PoolKind,
};
use crate::{Dtype, TensorId};

/// Index of an operator in its [`crate::Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u32);

/// A tensor as one operator uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operand {
    /// Which tensor.
    pub tensor: TensorId,
    /// Distinct elements of it that the operator touches: a gather reads a few rows of its table.
    pub elements: u64,
}

/// One node of the DAG.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operator {
    /// Name within the layer: `mlp.up`. Operators that do the same work in every layer share it.
    pub label: Cow<'static, str>,
    /// The layer, if any.
    pub layer: Option<u32>,
    /// What it does.
    pub kind: OpKind,
    /// Which row of the paper's per-class tables it counts in.
    pub class: OpClass,
    /// Number format the arithmetic runs in (weight-only int4 with 16-bit activations computes in 16 bit).
    pub compute: Dtype,
    /// What it reads. Matmul: `[a, b]` and perhaps a bias; attention: `[q, k, v]`, with no elements of `v`
    /// where it is a part of `k`; grouped matmul: `[tokens, experts]`; norm: see there; others: their inputs.
    pub inputs: Vec<Operand>,
    /// What it writes.
    pub outputs: Vec<Operand>,
}

impl Operator {
    /// `layers.3.mlp.up`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.layer {
            Some(layer) => format!("layers.{layer}.{}", self.label),
            None => self.label.to_string(),
        }
    }
}

/// The classes of Kim et al. 2023, Tables 3, 10 and 11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpClass {
    /// Q, K, V and output projections.
    MhaProj,
    /// Query-key and attention-value products.
    ActAct,
    /// The feed-forward matmuls.
    FfnProj,
    /// Softmax, norms, activations, residuals and the rest.
    Other,
}

/// What an operator does, with its shapes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OpKind {
    /// `batch` independent products C\[m,n\] = A\[m,k\] B\[k,n\].
    MatMul(MatMul),
    /// softmax(Q K^T) V in one kernel; scores never leave the core.
    Attention(Attention),
    /// Matmuls of one input block per expert with that expert's weights.
    GroupedMatMul(GroupedMatMul),
    /// Row-wise softmax.
    Softmax {
        /// Independent rows.
        rows: u64,
        /// Elements a row.
        cols: u64,
    },
    /// Row-wise normalisation; with two activations among its inputs it adds them first (the residual), with
    /// two outputs it also writes that sum. Its parameters are the last inputs.
    Norm {
        /// LayerNorm or RMSNorm.
        kind: NormKind,
        /// Independent rows (tokens).
        rows: u64,
        /// Elements a row (hidden width).
        cols: u64,
    },
    /// Element by element; the number of inputs is that of `inputs`.
    Elementwise {
        /// The function.
        function: Activation,
        /// Output elements.
        elements: u64,
    },
    /// Rotary position embedding of queries and keys.
    Rope {
        /// Rotated elements.
        elements: u64,
    },
    /// Row gather from a table (embedding).
    Gather {
        /// Rows gathered (tokens).
        rows: u64,
        /// Elements a row.
        cols: u64,
    },
    /// Rows looked up in a table and summed, a few at a time (embedding bags, graph networks). Its inputs are the table
    /// and the indices.
    GatherSum(GatherSum),
    /// Appends the new tokens' keys and values to the cache.
    KvAppend {
        /// Elements written.
        elements: u64,
    },
    /// Reads cached keys or values into a working buffer (where the cache's format is not the arithmetic's).
    KvRead {
        /// Elements read.
        elements: u64,
    },
    /// Softmax over experts and choice of the best `top_k`, with the permutation's bookkeeping.
    Route {
        /// Tokens routed.
        tokens: u64,
        /// Experts to choose from.
        experts: u64,
        /// Experts chosen for each token.
        top_k: u64,
    },
    /// Copies tokens to their experts' order, or back with a weighted sum.
    Permute {
        /// Elements moved: tokens x top_k x width.
        elements: u64,
    },
    /// The gradients of a fused attention's queries, keys and values. Its inputs are those, the output and its gradient;
    /// the scores are computed again.
    AttentionGradient(Attention),
    /// Softmax and logarithm of each row's target. Inputs: the logits and the targets; outputs: each row's loss and, where
    /// they are kept, the probabilities.
    CrossEntropy {
        /// Rows (tokens).
        rows: u64,
        /// Elements a row (vocabulary).
        cols: u64,
    },
    /// An optimizer's update of that many parameters.
    Update {
        /// Parameters.
        elements: u64,
    },
    /// A convolution of images, or one of its gradients.
    Convolution(Convolution),
    /// Pooling of images. Of the largest pixels, it also writes where they were; its gradient reads that.
    Pool(Pool),
    /// A norm over the channels of images.
    ChannelNorm(ChannelNorm),
    /// What this rank and others send each other.
    Collective(Collective),
}

impl OpKind {
    /// What reports call it: `matmul`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MatMul(_) => "matmul",
            Self::Attention(_) => "attention",
            Self::GroupedMatMul(_) => "grouped_matmul",
            Self::Softmax { .. } => "softmax",
            Self::Norm { .. } => "norm",
            Self::Elementwise { .. } => "elementwise",
            Self::Rope { .. } => "rope",
            Self::Gather { .. } => "gather",
            Self::GatherSum(_) => "gather_sum",
            Self::KvAppend { .. } => "kv_append",
            Self::KvRead { .. } => "kv_read",
            Self::Route { .. } => "route",
            Self::Permute { .. } => "permute",
            Self::AttentionGradient(_) => "attention_gradient",
            Self::CrossEntropy { .. } => "cross_entropy",
            Self::Update { .. } => "update",
            Self::Convolution(_) => "convolution",
            Self::Pool(pool) => match pool.kind {
                PoolKind::Max => "max_pool",
                PoolKind::Average => "average_pool",
            },
            Self::ChannelNorm(norm) => norm.name(),
            Self::Collective(collective) => collective.kind.name(),
        }
    }
}

impl OpClass {
    /// `mha_proj`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MhaProj => "mha_proj",
            Self::ActAct => "act_act",
            Self::FfnProj => "ffn_proj",
            Self::Other => "other",
        }
    }
}
