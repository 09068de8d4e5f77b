//! Fused attention.

use super::product;

/// Operations of a softmax on one element: subtract the maximum, exponentiate, add up, divide.
pub(crate) const SOFTMAX_FLOPS: u64 = 4;

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

impl Attention {
    /// Tokens of a sequence that at least one new token attends to: all, or those inside the sliding window.
    #[must_use]
    pub fn visible(&self) -> u64 {
        if self.window == 0 {
            return self.kv_len;
        }
        self.kv_len.min(self.q_len.saturating_sub(1).saturating_add(self.window))
    }

    /// Query-key pairs of one sequence and head that are not masked.
    ///
    /// With a causal mask query i of q sees the first kv - q + i + 1 tokens, of which a window keeps the last
    /// few; a window without a causal mask keeps as many before the query and none after, the same sum.
    #[must_use]
    pub fn pairs(&self) -> u128 {
        let (q, kv) = (u128::from(self.q_len), u128::from(self.kv_len));
        if !self.causal && self.window == 0 {
            return q * kv;
        }
        let first = kv.saturating_sub(q) + 1;
        let window = if self.window == 0 { u128::MAX } else { u128::from(self.window) };
        // Queries whose view still grows: those that see at most `window` tokens.
        let growing = window.saturating_add(1).saturating_sub(first).min(q);
        let steps = growing.saturating_mul(growing.saturating_sub(1)) / 2;
        let grown = growing.saturating_mul(first).saturating_add(steps);
        grown.saturating_add((q - growing).saturating_mul(window.min(kv)))
    }

    /// Operations of the two matrix products over unmasked pairs: 2 x pairs x (`qk_dim` + `v_dim`) a head.
    #[must_use]
    pub fn matmul_flops(&self) -> u128 {
        let width = u128::from(self.qk_dim) + u128::from(self.v_dim);
        self.pairs().saturating_mul(product(&[2, self.batch, self.heads])).saturating_mul(width)
    }

    /// Operations of the five matrix products that give the gradients: the scores again and their gradients, and those of
    /// values, queries and keys; three of the keys' width and two of the values' (Dao 2023, arXiv:2307.08691).
    #[must_use]
    pub fn gradient_flops(&self) -> u128 {
        let width = 3 * u128::from(self.qk_dim) + 2 * u128::from(self.v_dim);
        self.pairs().saturating_mul(product(&[2, self.batch, self.heads])).saturating_mul(width)
    }

    /// Operations of the softmax over unmasked pairs.
    #[must_use]
    pub fn softmax_flops(&self) -> u128 {
        self.pairs().saturating_mul(product(&[SOFTMAX_FLOPS, self.batch, self.heads]))
    }
}
