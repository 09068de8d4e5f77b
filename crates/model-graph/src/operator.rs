//! Operators: what is computed, with shapes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Dtype, TensorId};

/// Index of an operator in its [`crate::Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u32);

/// A tensor as one operator uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    /// Which tensor.
    pub tensor: TensorId,
    /// Distinct elements of it that the operator touches: a gather reads a few rows of its table.
    pub elements: u64,
}

/// One node of the DAG.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// What it reads. MatMul: `[a, b]`; attention: `[q, k, v]`; grouped matmul: `[tokens, experts]`; others: their inputs.
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
    /// Row-wise normalisation; with two inputs it adds the residual first, with two outputs it also writes the sum.
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
}

/// Shapes of a (batched) matmul.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MatMul {
    /// Independent products.
    pub batch: u64,
    /// Rows of A and C.
    pub m: u64,
    /// Columns of B and C.
    pub n: u64,
    /// Columns of A, rows of B.
    pub k: u64,
    /// Consecutive products that share one B (query heads of a GQA group); 1 when each has its own.
    pub b_shared_by: u64,
}

/// Shapes of a fused attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attention {
    /// Sequences.
    pub batch: u64,
    /// New tokens of each sequence.
    pub q_len: u64,
    /// Tokens of each sequence attended to, the new ones included.
    pub kv_len: u64,
    /// Query heads.
    pub heads: u64,
    /// Key and value heads; divides `heads`.
    pub kv_heads: u64,
    /// Width of a query and of a key.
    pub qk_dim: u64,
    /// Width of a value.
    pub v_dim: u64,
    /// Whether a token sees only earlier ones; the mask is aligned to the bottom right.
    pub causal: bool,
    /// Sliding window in tokens; 0 is full attention.
    pub window: u64,
    /// Whether values are a part of the keys' bytes (multi-head latent attention), read once.
    pub shared_kv: bool,
}

/// Shapes of a grouped (mixture-of-experts) matmul.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupedMatMul {
    /// `(rows, experts)`: that many experts get that many rows each. Experts without rows are left out.
    pub groups: Vec<(u64, u64)>,
    /// Columns of an expert's weights.
    pub n: u64,
    /// Rows of an expert's weights.
    pub k: u64,
}

/// Which normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NormKind {
    /// Mean and variance, scale and shift.
    Layer,
    /// Root mean square, scale.
    Rms,
}

/// Elementwise functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Sum of two tensors (residual connections).
    Add,
    /// Product of two tensors.
    Mul,
    /// Quotient of two tensors.
    Div,
    /// Power of two tensors.
    Pow,
    /// max(x, 0).
    Relu,
    /// Gaussian error linear unit.
    Gelu,
    /// x * sigmoid(x).
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// silu(a) * b, the gate of SwiGLU.
    SiluMul,
    /// gelu(a) * b, the gate of GeGLU.
    GeluMul,
    /// Scaling by a constant (and adding a mask).
    Scale,
    /// A copy or a change of format.
    Copy,
}
