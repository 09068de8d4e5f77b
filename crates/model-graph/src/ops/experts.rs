//! Mixtures of experts: who gets which tokens, and the matmuls over them.

use super::product;
use crate::ops::SOFTMAX_FLOPS;

/// Shapes of a grouped (mixture-of-experts) matmul.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupedMatMul {
    /// `(rows, experts)`: that many experts get that many rows each. Experts without rows are left out.
    pub groups: Vec<(u64, u64)>,
    /// Tokens of the batch, each of which goes to several experts.
    pub tokens: u64,
    /// Experts whose weights the device holds.
    pub held: u64,
    /// Columns of an expert's weights.
    pub n: u64,
    /// Rows of an expert's weights.
    pub k: u64,
}

impl GroupedMatMul {
    /// Rows of all experts together.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.groups.iter().fold(0, |sum, (rows, experts)| sum.saturating_add(rows.saturating_mul(*experts)))
    }

    /// Experts that get any row, whose weights are read.
    #[must_use]
    pub fn experts(&self) -> u64 {
        self.groups.iter().fold(0, |sum, (_, experts)| sum.saturating_add(*experts))
    }

    /// Operations, a multiply-accumulate being two.
    #[must_use]
    pub fn flops(&self) -> u128 {
        product(&[2, self.rows(), self.n, self.k])
    }
}

/// How `tokens` tokens, each going to `top_k` of `experts` experts, spread when routing is uniform.
///
/// The number of experts hit is what independent uniform choices give on average, E (1 - (1 - k/E)^T),
/// rounded to the nearest, and at least k; the tokens spread over those as evenly as whole numbers allow. One
/// token hits exactly k experts, many tokens hit all.
///
/// Returns `(rows, experts)` pairs, largest rows first; none without tokens.
#[must_use]
pub fn balanced_groups(tokens: u64, experts: u64, top_k: u64) -> Vec<(u64, u64)> {
    balanced_groups_of_rank(tokens, experts, top_k, 1)
}

/// What one of `ranks` ranks that divide the experts gets of [`balanced_groups`]: its share of the rows
/// (rounded up: the busiest rank's) spread over its share of the experts that are hit.
#[must_use]
pub fn balanced_groups_of_rank(tokens: u64, experts: u64, top_k: u64, ranks: u64) -> Vec<(u64, u64)> {
    let top_k = top_k.min(experts);
    let ranks = ranks.max(1);
    let rows = tokens.saturating_mul(top_k).div_ceil(ranks);
    if rows == 0 {
        return Vec::new();
    }
    let held = experts.div_ceil(ranks);
    let missed_by_one = 1.0 - top_k as f64 / experts as f64;
    let expected = experts as f64 * (1.0 - power(missed_by_one, tokens)) / ranks as f64;
    // Within 0..=experts, so the cast cannot cut anything off but the fraction.
    let most = held.min(rows);
    let hit = ((expected + 0.5) as u64).clamp(top_k.div_ceil(ranks).min(most), most);
    let (each, left) = (rows / hit, rows % hit);
    let mut groups = Vec::with_capacity(2);
    if left > 0 {
        groups.push((each + 1, left));
    }
    groups.push((each, hit - left));
    groups
}

/// Operations of routing: a softmax over each token's expert scores, and `top_k` passes to find the best.
pub(crate) fn route_flops(tokens: u64, experts: u64, top_k: u64) -> u128 {
    product(&[tokens, experts, SOFTMAX_FLOPS.saturating_add(top_k)])
}

/// Operations of bringing `elements` elements back: each is weighted and added.
pub(crate) fn unpermute_flops(elements: u64) -> u128 {
    product(&[2, elements])
}

/// `base` to the power of `exponent` by squaring: the standard library's may differ between machines.
fn power(base: f64, exponent: u64) -> f64 {
    let (mut result, mut square, mut left) = (1.0, base, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result *= square;
        }
        square *= square;
        left >>= 1;
    }
    result
}
