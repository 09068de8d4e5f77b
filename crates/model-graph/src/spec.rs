//! A graph as a scenario writes it: a list of named operators with shapes.
//!
//! Every name in `inputs` is another entry of the list, in any order. Data that no operator makes is an entry
//! too:
//! `op: input` (given from outside), `op: weight` (parameters) or `op: kv_cache`. An operator without
//! `inputs` reads what its shape asks for from outside, and a matmul with one input multiplies it with
//! weights of its own, so that a single line is a graph already.

mod assemble;
mod fields;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Graph, Precision};

pub use fields::MAX_SPEC_OPERATORS;

/// One entry of an inline graph. Which shape fields it needs depends on `op`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorSpec {
    /// The name other entries' `inputs` and the report use; unique.
    pub name: String,
    /// What it does.
    pub op: SpecOp,
    /// Names of the entries it reads, in order: of a matmul `[a, b]` or `[a]`, of attention `[q, k, v]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// matmul: rows of A and C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub m: Option<u64>,
    /// matmul, grouped_matmul: columns of B and C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// matmul, grouped_matmul: columns of A, rows of B.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<u64>,
    /// matmul: independent products (1 when absent); attention: sequences; convolution, pools: images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// matmul: consecutive products that share one B; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b_shared_by: Option<u64>,
    /// softmax, norms, gather: rows; batch_norm: images x pixels; gather_sum: look-ups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// softmax, norms, gather, gather_sum: elements a row; batch_norm: channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cols: Option<u64>,
    /// Elementwise functions, rope, permute: output elements; input, weight, kv_cache: elements held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elements: Option<u64>,
    /// attention: new tokens of each sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_len: Option<u64>,
    /// attention: tokens of each sequence attended to, the new ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_len: Option<u64>,
    /// attention: query heads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<u64>,
    /// attention: key and value heads; as many as `heads` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<u64>,
    /// attention: width of a head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<u64>,
    /// attention: sliding window in tokens; full attention when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
    /// attention: whether a token sees only earlier ones; true when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causal: Option<bool>,
    /// gather_sum: look-ups that one row of the result sums; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<u64>,
    /// gather_sum: rows of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_rows: Option<u64>,
    /// gather_sum: exponent of Zipf's law in thousandths, which says how popular rows are; 0, all alike, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew_permille: Option<u64>,
    /// gather_sum: whether the last cache holds the most popular rows beforehand, as after many batches; false when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm: Option<bool>,
    /// convolution, pools: height of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// convolution, pools: width of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u64>,
    /// convolution, pools: channels read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_channels: Option<u64>,
    /// convolution: channels written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_channels: Option<u64>,
    /// convolution: groups of channels that do not mix; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<u64>,
    /// convolution, pools: pixels along the sides of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<u64>,
    /// convolution, pools: pixels from one position of the window to the next; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<u64>,
    /// convolution, pools: pixels of zeros on each side of an image; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<u64>,
    /// grouped_matmul, route: tokens to be routed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// grouped_matmul, route: experts to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<u64>,
    /// grouped_matmul, route: experts each token goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u64>,
}

/// What an entry of an inline graph does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpecOp {
    /// Data given from outside: `elements`.
    #[default]
    Input,
    /// Parameters that several operators share: `elements`.
    Weight,
    /// Keys or values of earlier tokens: `elements`.
    KvCache,
    /// `batch` products C\[m,n\] = A\[m,k\] B\[k,n\]: `m`, `n`, `k`.
    Matmul,
    /// softmax(Q K^T) V in one kernel: `batch`, `q_len`, `kv_len`, `heads`, `head_dim`.
    Attention,
    /// Each token times the weights of its `top_k` experts: `tokens`, `experts`, `top_k`, `n`, `k`.
    GroupedMatmul,
    /// Row-wise softmax: `rows`, `cols`.
    Softmax,
    /// Layer norm with scale and shift: `rows`, `cols`; a second input is added first.
    Layernorm,
    /// RMS norm with scale: `rows`, `cols`; a second input is added first.
    Rmsnorm,
    /// Sum of two tensors: `elements`, as for all functions below.
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
    /// silu(a) * b.
    SiluMul,
    /// gelu(a) * b.
    GeluMul,
    /// Scaling by a constant.
    Scale,
    /// A copy.
    Copy,
    /// Rotary position embedding.
    Rope,
    /// Gather of `rows` rows of `cols` from a table (its input, or a weight of its own).
    Gather,
    /// `rows` look-ups in a table of `table_rows` rows of `cols` (its input, or a weight of its own), every `pool` of
    /// them added up: embedding bags, and the aggregation of graph networks.
    GatherSum,
    /// Choice of the best experts: `tokens`, `experts`, `top_k`.
    Route,
    /// Copy of tokens to another order: `elements`.
    Permute,
    /// Convolution of images: `height`, `width`, `in_channels`, `out_channels`, `kernel`.
    Convolution,
    /// The largest of the pixels under a window: `height`, `width`, `in_channels`, `kernel`.
    MaxPool,
    /// Their mean.
    AveragePool,
    /// Scaling and shifting of channels: `rows` (images x pixels), `cols` (channels).
    BatchNorm,
}

/// What is wrong with an entry of an inline graph.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SpecError {
    /// Index of the entry in the list.
    pub operator: usize,
    /// Path of the value within the entry: `["k"]`, `["inputs", "1"]`; empty for the entry as a whole.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What would put it right, where that is known.
    pub hint: Option<String>,
}

impl Graph {
    /// The graph that `operators` describe, every activation in `precision.activations` and so on.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place: a missing or superfluous shape field, a zero or too
    /// large size, a name used twice or not at all, too few or many inputs, an input smaller than what is
    /// read of it, a cycle (named, at its first entry), too many entries, none.
    pub fn from_spec(operators: &[OperatorSpec], precision: &Precision) -> Result<Self, Vec<SpecError>> {
        fields::check(operators)?;
        assemble::assemble(operators, precision)
    }
}
