//! How many parameters an architecture has, and how many bytes they and its KV cache take.

use super::{Architecture, Bias, Mla, ModelKind, Moe, Positions};
use crate::{NormKind, Precision};

/// Distance buckets of T5's relative position bias, one bias a head each (Raffel et al. 2020, section 2.1).
const RELATIVE_BUCKETS: u64 = 32;

/// Parameters by how they are stored.
#[derive(Debug, Clone, Copy, Default)]
struct Parameters {
    /// Matrices, which may be quantized.
    matrices: u64,
    /// Norms' parameters and biases, kept in the activations' format.
    vectors: u64,
}

impl Parameters {
    fn add(&mut self, other: Self) {
        self.matrices = self.matrices.saturating_add(other.matrices);
        self.vectors = self.vectors.saturating_add(other.vectors);
    }

    fn matrix(&mut self, rows: u64, columns: u64) {
        self.matrices = self.matrices.saturating_add(rows.saturating_mul(columns));
    }

    fn vector(&mut self, width: u64) {
        self.vectors = self.vectors.saturating_add(width);
    }

    fn times(self, count: u64) -> Self {
        Self { matrices: self.matrices.saturating_mul(count), vectors: self.vectors.saturating_mul(count) }
    }
}

impl Architecture {
    /// Parameters of the whole model: embeddings, layers, final norm and head. An encoder's task head (BERT's
    /// pooler and masked-token head) is not part of it. Held at `u64::MAX`.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let all = self.count();
        all.matrices.saturating_add(all.vectors)
    }

    /// Bytes of all parameters: matrices in the weights' format, norms and biases in the activations'.
    #[must_use]
    pub fn weight_bytes(&self, precision: &Precision) -> u64 {
        let all = self.count();
        let matrices = precision.weights.bytes_for(all.matrices);
        matrices.saturating_add(precision.activations.bytes_for(all.vectors))
    }

    /// Bytes one token of one sequence takes in the caches of all layers; 0 for an encoder. A sliding window
    /// bounds the tokens, not this.
    ///
    /// An encoder-decoder model's decoder caches as much again for each token its encoder read.
    #[must_use]
    pub fn kv_bytes_per_token(&self, precision: &Precision) -> u64 {
        let per_layer = match &self.mla {
            Some(mla) => mla.kv_lora_rank.saturating_add(mla.qk_rope_dim),
            None => self.kv_heads().saturating_mul(self.head_dim()).saturating_mul(2),
        };
        precision.kv_cache.bytes_for(per_layer.saturating_mul(self.decoder_layers()))
    }

    fn count(&self) -> Parameters {
        let mut all = self.embedding();
        for (layers, cross) in [(self.encoder_layers(), false), (self.decoder_layers(), true)] {
            let cross = cross && self.kind == ModelKind::EncoderDecoder;
            all.add(self.stack(layers, cross));
        }
        all
    }

    /// Token, position and type embeddings or the patches' matrix, and the output head.
    fn embedding(&self) -> Parameters {
        let mut ends = Parameters::default();
        if let Some(patches) = &self.patches {
            ends.matrix(patches.pixels(), self.hidden);
            ends.vector(self.hidden.saturating_mul(2));
            ends.matrix(patches.tokens(), if self.positions == Positions::Learned { self.hidden } else { 0 });
            ends.matrix(self.hidden, self.vocab);
            ends.vector(self.vocab);
            return ends;
        }
        ends.matrix(self.vocab, self.hidden);
        if self.positions == Positions::Learned {
            ends.matrix(self.max_positions, self.hidden);
        }
        ends.matrix(self.token_types, self.hidden);
        let has_head = self.decoder_layers() > 0 && !self.tied_embeddings;
        ends.matrix(if has_head { self.vocab } else { 0 }, self.hidden);
        ends
    }

    /// `layers` layers, and the norm before or after them.
    fn stack(&self, layers: u64, cross: bool) -> Parameters {
        if layers == 0 {
            return Parameters::default();
        }
        let mixtures = self.mixtures(layers);
        let dense = layers.saturating_sub(mixtures);
        let mut stack = self.attention().times(layers.saturating_mul(1 + u64::from(cross)));
        stack.add(self.dense(self.ffn).times(dense));
        if let Some(moe) = &self.moe {
            stack.add(self.mixture(moe).times(mixtures));
        }
        // One norm a block; and the final norm or, of post-norm models, the embedding's.
        let norms = layers.saturating_mul(2 + u64::from(cross)).saturating_add(1);
        stack.add(self.norm(self.hidden).times(norms));
        if self.positions == Positions::Relative {
            stack.matrix(RELATIVE_BUCKETS, self.heads);
        }
        stack
    }

    /// Of `layers` layers, how many are mixtures of experts.
    fn mixtures(&self, layers: u64) -> u64 {
        self.moe.as_ref().map_or(0, |moe| layers.saturating_sub(moe.first_dense_layers) / moe.every.max(1))
    }

    fn attention(&self) -> Parameters {
        if let Some(mla) = &self.mla {
            return self.latent_attention(mla);
        }
        let dim = self.head_dim();
        let q_width = self.heads.saturating_mul(dim);
        let kv_width = self.kv_heads().saturating_mul(dim);
        let qkv_width = q_width.saturating_add(kv_width.saturating_mul(2));
        let mut block = Parameters::default();
        block.matrix(self.hidden, qkv_width);
        block.matrix(q_width, self.hidden);
        if self.bias != Bias::None {
            block.vector(qkv_width);
        }
        if self.bias == Bias::All {
            block.vector(self.hidden);
        }
        if self.qk_norm {
            block.add(self.norm(dim).times(2));
        }
        block
    }

    fn latent_attention(&self, mla: &Mla) -> Parameters {
        let qk_dim = mla.qk_nope_dim.saturating_add(mla.qk_rope_dim);
        let q_width = self.heads.saturating_mul(qk_dim);
        let up_width = self.heads.saturating_mul(mla.qk_nope_dim.saturating_add(mla.v_dim));
        let mut block = Parameters::default();
        match mla.q_lora_rank {
            Some(rank) => {
                block.matrix(self.hidden, rank);
                block.add(self.norm(rank));
                block.matrix(rank, q_width);
            }
            None => block.matrix(self.hidden, q_width),
        }
        block.matrix(self.hidden, mla.kv_lora_rank.saturating_add(mla.qk_rope_dim));
        block.add(self.norm(mla.kv_lora_rank));
        block.matrix(mla.kv_lora_rank, up_width);
        block.matrix(self.heads.saturating_mul(mla.v_dim), self.hidden);
        block
    }

    fn dense(&self, ffn: u64) -> Parameters {
        let inward = if self.gated { 2 } else { 1 };
        let mut block = Parameters::default();
        block.matrix(self.hidden, ffn.saturating_mul(inward + 1));
        if self.bias == Bias::All {
            block.vector(ffn.saturating_mul(inward).saturating_add(self.hidden));
        }
        block
    }

    fn mixture(&self, moe: &Moe) -> Parameters {
        let inward = if self.gated { 2 } else { 1 };
        let mut block = Parameters::default();
        block.matrix(self.hidden, moe.experts);
        let expert = self.hidden.saturating_mul(moe.expert_ffn).saturating_mul(inward + 1);
        block.matrix(expert, moe.experts);
        let shared = moe.shared_ffn.unwrap_or(moe.expert_ffn);
        block.add(
            self.dense(shared.saturating_mul(moe.shared_experts)).times(u64::from(moe.shared_experts > 0)),
        );
        block
    }

    fn norm(&self, width: u64) -> Parameters {
        let mut norm = Parameters::default();
        norm.vector(if self.norm == NormKind::Layer { width.saturating_mul(2) } else { width });
        norm
    }
}
