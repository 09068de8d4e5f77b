//! Batched matrix multiplication.

use super::product;

/// Shapes of a (batched) matmul: `batch` independent products C\[m,n\] = A\[m,k\] B\[k,n\].
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

impl MatMul {
    /// Operations, a multiply-accumulate being two: 2 x batch x m x n x k.
    #[must_use]
    pub fn flops(&self) -> u128 {
        product(&[2, self.batch, self.m, self.n, self.k])
    }

    /// Operations without the first addition of each sum, as Kim et al. 2023 count products of two
    /// activations: batch x m x n x (2k - 1). (A product with weights has a bias, which is that addition:
    /// [`MatMul::flops`].)
    #[must_use]
    pub(crate) fn flops_without_first_add(&self) -> u128 {
        product(&[self.batch, self.m, self.n, self.k.saturating_mul(2).saturating_sub(1)])
    }

    /// Elements of all the As.
    #[must_use]
    pub fn a_elements(&self) -> u64 {
        self.batch.saturating_mul(self.m).saturating_mul(self.k)
    }

    /// Elements of all distinct Bs.
    #[must_use]
    pub fn b_elements(&self) -> u64 {
        let distinct = self.batch.div_ceil(self.b_shared_by.max(1));
        distinct.saturating_mul(self.k).saturating_mul(self.n)
    }

    /// Elements of all the Cs.
    #[must_use]
    pub fn c_elements(&self) -> u64 {
        self.batch.saturating_mul(self.m).saturating_mul(self.n)
    }
}
