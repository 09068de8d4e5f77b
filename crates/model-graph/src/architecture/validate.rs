//! Whether an architecture makes sense and stays within the limits.

use super::{Architecture, Bias, Blocks, Mla, ModelKind, Moe, NormPosition, Patches};
use crate::ArchitectureError;
use crate::field_error::Checker;
use crate::limits::{
    MAX_EXPERTS, MAX_FFN, MAX_HEAD_DIM, MAX_HEADS, MAX_HIDDEN, MAX_IMAGE, MAX_LAYERS, MAX_TOKENS, MAX_VOCAB,
};

impl Architecture {
    /// Checks every figure against its limits and against the others, and says everything that is wrong.
    ///
    /// # Errors
    /// One [`ArchitectureError`] for each wrong field, its path as in the inline form: `["moe", "top_k"]`.
    pub fn validate(&self) -> Result<(), Vec<ArchitectureError>> {
        let mut check = Checker::default();
        self.check_sizes(&mut check);
        self.check_heads(&mut check);
        self.check_kind(&mut check);
        if let Some(window) = self.window {
            check.within("window.tokens", window.tokens, 1, MAX_TOKENS);
            check.within("window.full_every", window.full_every.unwrap_or(1), 1, MAX_LAYERS);
        }
        if let Some(mla) = &self.mla {
            check_mla(&mut check, mla);
            check.demand(
                !self.qk_norm,
                "qk_norm",
                "false with mla, which has norms of its own",
                self.qk_norm,
            );
            check.demand(self.window.is_none(), "window", "nothing with mla", "a window");
            check.demand(self.bias == Bias::None, "bias", "`none` with mla", "another value");
        }
        if let Some(moe) = &self.moe {
            check_moe(&mut check, moe);
        }
        if let Some(patches) = &self.patches {
            check_patches(&mut check, patches);
        }
        check.finish()
    }

    fn check_sizes(&self, check: &mut Checker) {
        check.within("layers", self.layers, 1, MAX_LAYERS);
        if let Some(layers) = self.decoder_layers {
            check.within("decoder_layers", layers, 1, MAX_LAYERS);
        }
        check.within("hidden", self.hidden, 1, MAX_HIDDEN);
        check.within("ffn", self.ffn, 1, MAX_FFN);
        check.within("vocab", self.vocab, 0, MAX_VOCAB);
        check.within("token_types", self.token_types, 0, MAX_VOCAB);
        check.within("max_positions", self.max_positions, 0, MAX_TOKENS);
    }

    fn check_heads(&self, check: &mut Checker) {
        check.within("heads", self.heads, 1, MAX_HEADS);
        if let Some(dim) = self.head_dim {
            check.within("head_dim", dim, 1, MAX_HEAD_DIM);
        } else if self.mla.is_none() && self.heads > 0 {
            let divides = self.hidden.is_multiple_of(self.heads);
            let expected = format!("a divisor of hidden ({}), or head_dim given", self.hidden);
            check.demand(divides, "heads", expected, self.heads);
            let width = self.head_dim();
            check.demand(
                width <= MAX_HEAD_DIM,
                "heads",
                format!("heads of at most {MAX_HEAD_DIM}"),
                self.heads,
            );
        }
        if let Some(kv_heads) = self.kv_heads {
            check.within("kv_heads", kv_heads, 1, MAX_HEADS);
            let divides = kv_heads > 0 && self.heads.is_multiple_of(kv_heads);
            if (1..=MAX_HEADS).contains(&kv_heads) {
                check.demand(divides, "kv_heads", format!("a divisor of heads ({})", self.heads), kv_heads);
            }
        }
    }

    fn check_kind(&self, check: &mut Checker) {
        let is_vision = self.kind == ModelKind::Vision;
        check.demand(
            is_vision == self.patches.is_some(),
            "patches",
            "given for a vision model, and only then",
            if self.patches.is_some() { "given" } else { "nothing" },
        );
        let two_stacks = self.kind == ModelKind::EncoderDecoder;
        if let Some(layers) = self.decoder_layers {
            check.demand(two_stacks, "decoder_layers", "nothing unless kind is encoder-decoder", layers);
        }
        if self.blocks != Blocks::Sequential {
            let fits = self.moe.is_none() && !two_stacks && self.norm_position == NormPosition::Pre;
            let expected = "`sequential` with moe, with `post` norms and in an encoder-decoder model";
            check.demand(fits, "blocks", expected, "another value");
        }
        if self.mla.is_some() {
            check.demand(self.kind == ModelKind::Decoder, "mla", "nothing unless kind is decoder", "given");
        }
        if two_stacks {
            check.demand(
                !self.embedding_norm,
                "embedding_norm",
                "false for an encoder-decoder model",
                self.embedding_norm,
            );
            check.demand(
                self.norm_position == NormPosition::Pre,
                "norm_position",
                "`pre` for an encoder-decoder model",
                "`post`",
            );
        }
    }
}

fn check_mla(check: &mut Checker, mla: &Mla) {
    if let Some(rank) = mla.q_lora_rank {
        check.within("mla.q_lora_rank", rank, 1, MAX_HEAD_DIM);
    }
    check.within("mla.kv_lora_rank", mla.kv_lora_rank, 1, MAX_HEAD_DIM);
    check.within("mla.qk_nope_dim", mla.qk_nope_dim, 1, MAX_HEAD_DIM);
    check.within("mla.qk_rope_dim", mla.qk_rope_dim, 1, MAX_HEAD_DIM);
    check.within("mla.v_dim", mla.v_dim, 1, MAX_HEAD_DIM);
}

fn check_moe(check: &mut Checker, moe: &Moe) {
    check.within("moe.experts", moe.experts, 1, MAX_EXPERTS);
    check.within("moe.top_k", moe.top_k, 1, moe.experts.clamp(1, MAX_EXPERTS));
    check.within("moe.expert_ffn", moe.expert_ffn, 1, MAX_FFN);
    check.within("moe.shared_experts", moe.shared_experts, 0, MAX_EXPERTS);
    if let Some(ffn) = moe.shared_ffn {
        check.within("moe.shared_ffn", ffn, 1, MAX_FFN);
    }
    check.within("moe.first_dense_layers", moe.first_dense_layers, 0, MAX_LAYERS);
    check.within("moe.every", moe.every, 1, MAX_LAYERS);
}

fn check_patches(check: &mut Checker, patches: &Patches) {
    check.within("patches.image", patches.image, 1, MAX_IMAGE);
    check.within("patches.patch", patches.patch, 1, patches.image.clamp(1, MAX_IMAGE));
    check.within("patches.channels", patches.channels, 1, MAX_IMAGE);
}
