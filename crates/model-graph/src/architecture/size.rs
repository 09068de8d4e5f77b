//! How many parameters an architecture has, and how many bytes they and its KV cache take.

use super::{Architecture, Bias, Blocks, Mla, ModelKind, Moe, NormPosition, Positions};
use crate::parallel::Share;
use crate::{NormKind, Parallel, Precision};

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

    fn bytes(&self, precision: &Precision) -> u64 {
        let matrices = precision.weights.bytes_for(self.matrices);
        matrices.saturating_add(precision.activations.bytes_for(self.vectors))
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
        self.count().bytes(precision)
    }

    /// Bytes of the parameters that one rank of pipeline stage `stage` holds, in the formats of
    /// [`Architecture::weight_bytes`]: those of the graph that [`crate::build_rank_step`] builds of a long
    /// enough step.
    ///
    /// A tied embedding is held by the first stage and, as the head, again by the last. Of what cannot be
    /// divided, or has no such stage, some number.
    #[must_use]
    pub fn rank_weight_bytes(&self, precision: &Precision, parallel: &Parallel, stage: u32) -> u64 {
        let share = Share::of(self, parallel);
        share.arch.count_stage(share.experts, parallel, stage).bytes(precision)
    }

    /// Bytes one token of one sequence takes in the caches of one rank of pipeline stage `stage`. Where
    /// sequences are divided over ranks a rank holds this of its part of the tokens only.
    #[must_use]
    pub fn rank_kv_bytes_per_token(&self, precision: &Precision, parallel: &Parallel, stage: u32) -> u64 {
        let layers = parallel.layers_of(stage, self.decoder_layers());
        let share = Share::of(self, parallel);
        let per_layer = share.arch.cached_per_token();
        precision.kv_cache.bytes_for(per_layer.saturating_mul(layers.end.saturating_sub(layers.start)))
    }

    /// Bytes one token of one sequence takes in the caches of all layers; 0 for an encoder. A sliding window
    /// bounds the tokens, not this.
    ///
    /// An encoder-decoder model's decoder caches as much again for each token its encoder read.
    #[must_use]
    pub fn kv_bytes_per_token(&self, precision: &Precision) -> u64 {
        precision.kv_cache.bytes_for(self.cached_per_token().saturating_mul(self.decoder_layers()))
    }

    /// Values that a layer caches of one token.
    fn cached_per_token(&self) -> u64 {
        match &self.mla {
            Some(mla) => mla.kv_lora_rank.saturating_add(mla.qk_rope_dim),
            None => self.kv_heads().saturating_mul(self.head_dim()).saturating_mul(2),
        }
    }

    fn count(&self) -> Parameters {
        let experts = self.moe.map_or(0, |moe| moe.experts);
        self.count_stage(experts, &Parallel::default(), 0)
    }

    /// Parameters of one stage of this architecture, which may be one rank's share of another, with that
    /// many experts in each mixture.
    fn count_stage(&self, experts: u64, parallel: &Parallel, stage: u32) -> Parameters {
        let mut all = Parameters::default();
        let (first, last) = (stage == 0, parallel.is_last(stage));
        if first {
            all.add(self.embedding());
        }
        if last {
            all.add(self.head(first));
        }
        for (layers, cross) in [(self.encoder_layers(), false), (self.decoder_layers(), true)] {
            let cross = cross && self.kind == ModelKind::EncoderDecoder;
            if layers == 0 {
                continue;
            }
            let range = parallel.layers_of(stage, layers);
            let mixtures = self.mixtures(range.end).saturating_sub(self.mixtures(range.start));
            let held = range.end.saturating_sub(range.start);
            all.add(self.layers(held, mixtures, experts, cross));
            let final_norm = last && self.norm_position == NormPosition::Pre;
            let embedding_norm = first && (self.norm_position == NormPosition::Post || self.embedding_norm);
            all.add(self.norm(self.hidden).times(u64::from(final_norm) + u64::from(embedding_norm)));
            if first && self.positions == Positions::Relative {
                all.matrix(RELATIVE_BUCKETS, self.heads);
            }
        }
        all
    }

    /// Token, position and type embeddings, or the patches' matrix.
    fn embedding(&self) -> Parameters {
        let mut ends = Parameters::default();
        if let Some(patches) = &self.patches {
            ends.matrix(patches.pixels(), self.hidden);
            ends.vector(self.hidden.saturating_mul(2));
            ends.matrix(patches.tokens(), if self.positions == Positions::Learned { self.hidden } else { 0 });
            return ends;
        }
        ends.matrix(self.vocab, self.hidden);
        if self.positions == Positions::Learned {
            ends.matrix(self.max_positions, self.hidden);
        }
        ends.matrix(self.token_types, self.hidden);
        ends
    }

    /// The output head, where it is no part of the embedding beside it.
    fn head(&self, beside_embedding: bool) -> Parameters {
        let mut head = Parameters::default();
        if self.patches.is_some() {
            head.matrix(self.hidden, self.vocab);
            head.vector(self.vocab);
        } else if self.decoder_layers() > 0 && !(self.tied_embeddings && beside_embedding) {
            head.matrix(self.vocab, self.hidden);
        }
        head
    }

    /// `layers` layers, of which `mixtures` are mixtures of experts, with `experts` of them here.
    fn layers(&self, layers: u64, mixtures: u64, experts: u64, cross: bool) -> Parameters {
        let dense = layers.saturating_sub(mixtures);
        let mut stack = self.attention(self.qk_norm).times(layers);
        // Attention to an encoder does not normalise heads.
        stack.add(self.attention(false).times(if cross { layers } else { 0 }));
        stack.add(self.dense(self.ffn).times(dense));
        if let Some(moe) = &self.moe {
            stack.add(self.mixture(moe, experts).times(mixtures));
        }
        // One norm a block, or one that both share.
        let norms = if self.blocks == Blocks::Parallel { 1 } else { 2 + u64::from(cross) };
        stack.add(self.norm(self.hidden).times(layers.saturating_mul(norms)));
        stack
    }

    /// Of `layers` layers, how many are mixtures of experts.
    fn mixtures(&self, layers: u64) -> u64 {
        self.moe.as_ref().map_or(0, |moe| layers.saturating_sub(moe.first_dense_layers) / moe.every.max(1))
    }

    fn attention(&self, norms_heads: bool) -> Parameters {
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
        if matches!(self.bias, Bias::Qkv | Bias::All) {
            block.vector(qkv_width);
        }
        if self.bias == Bias::All {
            block.vector(self.hidden);
        }
        if norms_heads {
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
        if matches!(self.bias, Bias::Ffn | Bias::All) {
            block.vector(ffn.saturating_mul(inward).saturating_add(self.hidden));
        }
        block
    }

    fn mixture(&self, moe: &Moe, experts: u64) -> Parameters {
        let inward = if self.gated { 2 } else { 1 };
        let mut block = Parameters::default();
        block.matrix(self.hidden, moe.experts);
        let expert = self.hidden.saturating_mul(moe.expert_ffn).saturating_mul(inward + 1);
        block.matrix(expert, experts);
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
