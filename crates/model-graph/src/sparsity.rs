//! Weights with zeros left out.

use crate::{Graph, OpKind, TensorRole};

/// Which weights are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SparsePattern {
    /// Whole input channels are gone: every product is a smaller dense one.
    Structured,
    /// Any: an index beside each that is left says where it was.
    Unstructured,
    /// Two of each four consecutive ones, which some matrix engines skip.
    TwoFour,
}

/// How many weights of a matrix are left, and what it takes to say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sparsity {
    /// Which are zero.
    pub pattern: SparsePattern,
    /// How many are left, in millionths.
    pub kept_ppm: u32,
    /// Bits of index beside each that is left.
    pub index_bits: u8,
}

const MILLION: u64 = 1_000_000;

impl Sparsity {
    /// Two of four, with the position of each in two bits.
    pub const TWO_FOUR: Self = Self { pattern: SparsePattern::TwoFour, kept_ppm: 500_000, index_bits: 2 };

    /// The share that is left.
    #[must_use]
    pub fn density(&self) -> f64 {
        f64::from(self.kept_ppm) / MILLION as f64
    }

    /// Bytes of `elements` of `bits` bits each, zeros left out and indices counted.
    #[must_use]
    pub fn bytes_for(&self, elements: u64, bits: u64) -> u64 {
        let each = u128::from(bits) + u128::from(self.index_bits);
        let stored = u128::from(elements) * u128::from(self.kept_ppm) * each;
        u64::try_from(stored.div_ceil(u128::from(8 * MILLION))).unwrap_or(u64::MAX)
    }

    /// The part of `extent` that is left, at least 1.
    fn of(&self, extent: u64) -> u64 {
        let kept = u128::from(extent) * u128::from(self.kept_ppm) + u128::from(MILLION / 2);
        u64::try_from(kept / u128::from(MILLION)).unwrap_or(extent).clamp(1, extent.max(1))
    }

    /// Whether zeros are stored as indices rather than cut out of the matrix.
    const fn is_indexed(&self) -> bool {
        !matches!(self.pattern, SparsePattern::Structured)
    }
}

impl Graph {
    /// The same graph with the weights of its matmuls pruned. Tables that rows are gathered from stay as they are, and
    /// so does a head that shares one.
    #[must_use]
    pub fn pruned(mut self, sparsity: Sparsity) -> Self {
        let tables: Vec<_> = self
            .operators
            .iter()
            .filter(|operator| matches!(operator.kind, OpKind::Gather { .. } | OpKind::GatherSum(_)))
            .filter_map(|operator| {
                operator.inputs.first().map(|input| self.tensors[input.tensor.0 as usize].key)
            })
            .collect();
        let mut operators = std::mem::take(&mut self.operators);
        for operator in &mut operators {
            let shape = match &mut operator.kind {
                OpKind::MatMul(shape) => Some(&mut shape.k),
                OpKind::GroupedMatMul(shape) => Some(&mut shape.k),
                _ => None,
            };
            let (Some(k), [a, b, ..]) = (shape, operator.inputs.as_mut_slice()) else { continue };
            let weight = &mut self.tensors[b.tensor.0 as usize];
            if weight.role != TensorRole::Weight || tables.contains(&weight.key) {
                continue;
            }
            if sparsity.is_indexed() {
                weight.sparsity = Some(sparsity);
                continue;
            }
            let (before, after) = (*k, sparsity.of(*k));
            let rest = weight.elements() / before.max(1);
            // A matrix that two products share is cut once.
            if weight.shape.first() != Some(&after) || weight.elements() != rest.saturating_mul(after) {
                weight.shape = vec![after, rest];
            }
            a.elements = a.elements / before.max(1) * after;
            b.elements = b.elements / before.max(1) * after;
            *k = after;
        }
        self.operators = operators;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counting, Dtype, OperatorSpec, Precision, SpecOp};

    fn product(sparsity: Option<Sparsity>) -> Graph {
        let entry = OperatorSpec {
            name: "product".to_owned(),
            op: SpecOp::Matmul,
            m: Some(64),
            n: Some(1000),
            k: Some(2000),
            ..OperatorSpec::default()
        };
        let graph = Graph::from_spec(&[entry], &Precision::uniform(Dtype::Fp16)).expect("a graph");
        sparsity.map_or(graph.clone(), |sparsity| graph.pruned(sparsity))
    }

    /// Bytes of the weights and operations.
    fn weighed(sparsity: Option<Sparsity>) -> (u64, u128) {
        let graph = product(sparsity);
        let weights = graph.tensors().iter().filter(|tensor| tensor.role == TensorRole::Weight);
        (weights.map(crate::Tensor::bytes).sum(), graph.operators()[0].counts(&graph, Counting::Actual).flops)
    }

    #[test]
    fn structured_pruning_is_a_smaller_product() {
        let (bytes, flops) = weighed(None);
        assert_eq!((bytes, flops), (4_000_000, 256_000_000));
        let pruned = Sparsity { pattern: SparsePattern::Structured, kept_ppm: 700_000, index_bits: 0 };
        assert_eq!(weighed(Some(pruned)), (2_800_000, 179_200_000));
        let graph = product(Some(pruned));
        let OpKind::MatMul(shape) = graph.operators()[0].kind else { panic!("no product") };
        assert_eq!((shape.k, graph.operators()[0].inputs[0].elements), (1400, 64 * 1400));
    }

    #[test]
    fn what_is_left_carries_its_index() {
        let pruned = Sparsity { pattern: SparsePattern::Unstructured, kept_ppm: 200_000, index_bits: 16 };
        assert_eq!(weighed(Some(pruned)), (1_600_000, 51_200_000));
        // Half of the weights in 16 bits, and two bits for each.
        assert_eq!(weighed(Some(Sparsity::TWO_FOUR)), (2_250_000, 128_000_000));
    }
}
