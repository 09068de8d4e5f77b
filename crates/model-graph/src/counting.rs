//! How FLOPs and bytes accessed are counted.

use serde::{Deserialize, Serialize};

use crate::ops::{ROPE_FLOPS, SOFTMAX_FLOPS, UPDATE_FLOPS, product, route_flops, unpermute_flops};
use crate::{Activation, Graph, MatMul, OpClass, OpKind, Operand, Operator, TensorRole};

/// A counting convention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Counting {
    /// What the machine does: multiply-accumulate is two, bytes in the tensors' own formats.
    #[default]
    Actual,
    /// As Gholami et al. 2024 and Kim et al. 2023 count: one byte an element, no fusion, each operand once.
    Paper,
}

/// Operations and bytes accessed of one operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Operations.
    pub flops: u128,
    /// Bytes read by the operator.
    pub bytes_read: u64,
    /// Bytes written by the operator.
    pub bytes_written: u64,
}

impl Counts {
    /// Bytes accessed, read and written.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes_read.saturating_add(self.bytes_written)
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    /// Sums, held at the maximum.
    fn add(self, other: Self) -> Self {
        Self {
            flops: self.flops.saturating_add(other.flops),
            bytes_read: self.bytes_read.saturating_add(other.bytes_read),
            bytes_written: self.bytes_written.saturating_add(other.bytes_written),
        }
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, one| sum + one)
    }
}

impl Operator {
    /// Operations and bytes accessed. `graph` is the operator's own.
    ///
    /// A collective counts as nothing under both conventions: neither is about what ranks send each other,
    /// whose bytes [`crate::Collective::bytes`] has.
    #[must_use]
    pub fn counts(&self, graph: &Graph, counting: Counting) -> Counts {
        if matches!(self.kind, OpKind::Collective(_)) {
            return Counts::default();
        }
        match counting {
            Counting::Actual => Counts {
                flops: self.flops(graph),
                bytes_read: bytes(&self.inputs, |operand| stored_bytes(graph, operand))
                    .saturating_add(self.again(graph)),
                bytes_written: bytes(&self.outputs, |operand| stored_bytes(graph, operand)),
            },
            Counting::Paper => self.paper_counts(graph),
        }
    }

    /// Operations, a multiply-accumulate being two, masked attention pairs left out.
    fn flops(&self, graph: &Graph) -> u128 {
        match &self.kind {
            OpKind::MatMul(shape) => self.kept(graph, shape.flops()),
            OpKind::Attention(shape) => shape.matmul_flops().saturating_add(shape.softmax_flops()),
            OpKind::GroupedMatMul(shape) => self.kept(graph, shape.flops()),
            OpKind::GatherSum(shape) => shape.flops(),
            OpKind::Softmax { rows, cols } => product(&[SOFTMAX_FLOPS, *rows, *cols]),
            OpKind::Norm { kind, rows, cols } => {
                let is_activation = |input: &&Operand| graph.tensor(input.tensor).role != TensorRole::Weight;
                let summed = self.inputs.iter().filter(is_activation).count() > 1;
                product(&[kind.flops_per_element() + u64::from(summed), *rows, *cols])
            }
            OpKind::Elementwise { function, elements } => product(&[function.flops_per_element(), *elements]),
            OpKind::AttentionGradient(shape) => shape.gradient_flops().saturating_add(shape.softmax_flops()),
            OpKind::CrossEntropy { rows, cols } => product(&[SOFTMAX_FLOPS, *rows, *cols]),
            OpKind::Update { elements } => product(&[UPDATE_FLOPS, *elements]),
            OpKind::Convolution(shape) => shape.flops(),
            OpKind::Pool(shape) => shape.flops(),
            OpKind::ChannelNorm(shape) => shape.flops(),
            OpKind::Rope { elements } => product(&[ROPE_FLOPS, *elements]),
            OpKind::Gather { .. } | OpKind::KvAppend { .. } | OpKind::KvRead { .. } => 0,
            // Sums on the way are the network's and the copy engines' business, not the model's.
            OpKind::Collective(_) => 0,
            OpKind::Route { tokens, experts, top_k } => route_flops(*tokens, *experts, *top_k),
            OpKind::Permute { elements } => {
                // Going out copies; coming back weighs and adds, and so writes fewer elements.
                let written: u64 = self.outputs.iter().map(|output| output.elements).sum();
                if written < *elements { unpermute_flops(*elements) } else { 0 }
            }
        }
    }

    /// Bytes that look-ups access beyond the different rows they touch: popular rows are read many times.
    fn again(&self, graph: &Graph) -> u64 {
        let (OpKind::GatherSum(shape), Some(table)) = (&self.kind, self.inputs.first()) else { return 0 };
        let accessed = shape.rows.saturating_mul(shape.cols);
        graph.tensor(table.tensor).bytes_of(accessed.saturating_sub(table.elements))
    }

    /// Of the operations of a product, those on weights that are not zero.
    fn kept(&self, graph: &Graph, flops: u128) -> u128 {
        let sparsity = self.inputs.get(1).and_then(|weight| graph.tensor(weight.tensor).sparsity);
        sparsity.map_or(flops, |sparsity| flops.saturating_mul(u128::from(sparsity.kept_ppm)) / 1_000_000)
    }

    /// As Kim et al. 2023 count: one byte an element, each operand once, biases folded into their matmuls.
    fn paper_counts(&self, graph: &Graph) -> Counts {
        let elements = |operands: &[Operand]| bytes(operands, |operand| operand.elements);
        let plain = Counts {
            flops: self.flops(graph),
            bytes_read: elements(&self.inputs),
            bytes_written: elements(&self.outputs),
        };
        match &self.kind {
            OpKind::MatMul(shape) => self.paper_matmul(graph, shape),
            // Their cache is written by the projections themselves.
            OpKind::KvAppend { .. } => Counts::default(),
            // They count the two products of attention, not what an eager framework does between them.
            OpKind::Elementwise { .. } if self.class == OpClass::ActAct => Counts::default(),
            OpKind::Elementwise { function: Activation::Add, .. } => {
                Counts { bytes_read: self.paper_sum_reads(graph), ..plain }
            }
            _ => plain,
        }
    }

    fn paper_matmul(&self, graph: &Graph, shape: &MatMul) -> Counts {
        let role = self.inputs.get(1).map(|b| graph.tensor(b.tensor).role);
        let bytes_read = bytes(self.inputs.get(..2).unwrap_or(&self.inputs), |operand| operand.elements);
        let bytes_written = bytes(&self.outputs, |operand| operand.elements);
        match role {
            Some(TensorRole::Weight) => Counts { flops: shape.flops(), bytes_read, bytes_written },
            Some(TensorRole::KvCache) if shape.m == 1 => {
                // One new token: both products with the cache of t tokens of width w are counted as a row of
                // t times a t x w matrix, which writes w. Recovered from the decoder's class tables (t S
                // rows).
                let (tokens, width) = self.cache_extents(graph);
                let flops = product(&[shape.batch, width, tokens.saturating_mul(2).saturating_sub(1)]);
                Counts { flops, bytes_read, bytes_written: shape.batch.saturating_mul(width) }
            }
            _ => Counts { flops: shape.flops_without_first_add(), bytes_read, bytes_written },
        }
    }

    /// Tokens and width of the cache that is a matmul's second operand.
    fn cache_extents(&self, graph: &Graph) -> (u64, u64) {
        match self.inputs.get(1).map(|b| graph.tensor(b.tensor).shape.as_slice()) {
            Some([.., tokens, width]) => (*tokens, *width),
            _ => (0, 0),
        }
    }

    /// Bytes a residual sum reads. Recovered by fit: with one new token it reads both operands (3 bytes an
    /// element with the one written), over whole sequences the tables leave room for 2.5 an element only.
    fn paper_sum_reads(&self, graph: &Graph) -> u64 {
        let Some(output) = self.outputs.first() else { return 0 };
        let new_tokens = match graph.tensor(output.tensor).shape.as_slice() {
            [.., tokens, _] => *tokens,
            _ => 1,
        };
        let halves = if new_tokens == 1 { 4 } else { 3 };
        output.elements.saturating_mul(halves) / 2
    }
}

fn bytes(operands: &[Operand], each: impl Fn(&Operand) -> u64) -> u64 {
    operands.iter().fold(0, |sum, operand| sum.saturating_add(each(operand)))
}

fn stored_bytes(graph: &Graph, operand: &Operand) -> u64 {
    graph.tensor(operand.tensor).bytes_of(operand.elements)
}
