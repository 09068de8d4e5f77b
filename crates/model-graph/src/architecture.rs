//! The shape of a model: how many layers of what.

mod size;
mod validate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Activation, NormKind};

/// The shape of a transformer, as a scenario's inline `model:` spells it.
///
/// [`Architecture::validate`] says whether it makes sense; everything else here takes a valid one and, given
/// an invalid one, returns a number or an error but never panics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// What kind of model: `decoder` (the default), `encoder`, `encoder-decoder` or `vision`.
    #[serde(default)]
    pub kind: ModelKind,
    /// Layers; of an encoder-decoder model, the encoder's.
    pub layers: u64,
    /// Layers of an encoder-decoder model's decoder; as many as `layers` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder_layers: Option<u64>,
    /// Width of the residual stream.
    pub hidden: u64,
    /// Query heads.
    pub heads: u64,
    /// Key and value heads, a divisor of `heads`: fewer than `heads` is grouped-query attention, 1
    /// multi-query;
    /// `heads` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<u64>,
    /// Width of one head; `hidden / heads` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<u64>,
    /// Inner width of the feed-forward block.
    pub ffn: u64,
    /// Whether the feed-forward block is gated: act(gate x) * (up x), with three matrices instead of two.
    #[serde(default)]
    pub gated: bool,
    /// The feed-forward block's function.
    #[serde(default)]
    pub activation: FfnActivation,
    /// `layer` or `rms`.
    #[serde(default = "default_norm")]
    pub norm: NormKind,
    /// Whether a block normalises its input (`pre`, the default) or the sum after it (`post`, as BERT does).
    #[serde(default)]
    pub norm_position: NormPosition,
    /// Whether attention and feed-forward follow each other (`sequential`, the default) or work side by side
    /// on the same input: `parallel` (GPT-J), or `parallel-two-norms`, each with a norm of its own
    /// (GPT-NeoX, Falcon 40B and 180B).
    #[serde(default, skip_serializing_if = "is_default")]
    pub blocks: Blocks,
    /// Whether the embedded tokens are normalised before the first layer (BLOOM); `post` models always do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub embedding_norm: bool,
    /// How positions enter.
    #[serde(default)]
    pub positions: Positions,
    /// Longest sequence, the size of a learned position table; 0 when nothing depends on it.
    #[serde(default)]
    pub max_positions: u64,
    /// Rows of the token embedding (of a vision model: classes of its head); 0 for none.
    #[serde(default)]
    pub vocab: u64,
    /// Rows of a token-type (segment) embedding; BERT has 2.
    #[serde(default)]
    pub token_types: u64,
    /// Whether the output head uses the embedding's weights.
    #[serde(default)]
    pub tied_embeddings: bool,
    /// Which projections add a bias.
    #[serde(default)]
    pub bias: Bias,
    /// Whether queries and keys are normalised per head (Qwen3).
    #[serde(default)]
    pub qk_norm: bool,
    /// Sliding-window attention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<SlidingWindow>,
    /// Multi-head latent attention (DeepSeek) instead of plain keys and values; `kv_heads` and `head_dim` are
    /// then not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mla: Option<Mla>,
    /// A mixture of experts in place of the feed-forward block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moe: Option<Moe>,
    /// How a vision model cuts its image up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patches: Option<Patches>,
}

/// What a model's layers attend to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Every token sees every token, once: BERT.
    Encoder,
    /// Tokens see earlier tokens, whose keys and values are cached: GPT, Llama.
    #[default]
    Decoder,
    /// An encoder, and a decoder that also attends to its output: T5.
    EncoderDecoder,
    /// An encoder over image patches: ViT.
    Vision,
}

/// The function inside the feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FfnActivation {
    /// max(x, 0).
    Relu,
    /// Gaussian error linear unit, exact or approximated.
    #[default]
    Gelu,
    /// x * sigmoid(x); gated it is SwiGLU.
    Silu,
}

/// Where a block's normalisation sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NormPosition {
    /// On the block's input, with one more norm after the last layer.
    #[default]
    Pre,
    /// On the sum of the block's input and output.
    Post,
}

/// How a layer's attention and feed-forward blocks stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Blocks {
    /// The feed-forward block works on the sum of the stream and attention's output.
    #[default]
    Sequential,
    /// Both work on the same normalised input, and both outputs join the stream at once.
    Parallel,
    /// So do they, each after a norm of its own.
    ParallelTwoNorms,
}

/// How token positions enter a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Positions {
    /// Queries and keys are rotated (RoPE).
    #[default]
    Rope,
    /// A learned table of `max_positions` rows is added to the embeddings.
    Learned,
    /// A learned bias on the attention scores by distance (T5).
    Relative,
    /// A bias on the attention scores in proportion to distance, a slope a head and no parameters (BLOOM);
    /// computed inside attention, where it moves no bytes.
    Alibi,
    /// Nothing.
    None,
}

/// Which projections add a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bias {
    /// None does.
    #[default]
    None,
    /// Only queries, keys and values (Qwen2).
    Qkv,
    /// Only the feed-forward block's (GPT-J).
    Ffn,
    /// All of attention and feed-forward (BERT, GPT-2).
    All,
}

/// Attention to the last few tokens only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlidingWindow {
    /// Tokens a query sees, itself included.
    pub tokens: u64,
    /// Every that-many-th layer attends to everything all the same (the 6th, 12th, ... for 6); none when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_every: Option<u64>,
    /// Whether sequences are cut into blocks of `tokens`, in which a query sees the earlier tokens of its
    /// own block (Llama 4), rather than the last `tokens`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub chunked: bool,
}

/// Multi-head latent attention: one compressed latent per token is cached instead of keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mla {
    /// Width queries are compressed to; uncompressed when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_lora_rank: Option<u64>,
    /// Width of the latent that keys and values are made from.
    pub kv_lora_rank: u64,
    /// Width of a head's query and key that carries no position.
    pub qk_nope_dim: u64,
    /// Width of a head's query, and of the key shared by all heads, that is rotated.
    pub qk_rope_dim: u64,
    /// Width of a head's value.
    pub v_dim: u64,
}

/// A mixture of experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moe {
    /// Experts to choose from.
    pub experts: u64,
    /// Experts each token goes to.
    pub top_k: u64,
    /// Inner width of one expert.
    pub expert_ffn: u64,
    /// Experts every token goes to besides.
    #[serde(default)]
    pub shared_experts: u64,
    /// Inner width of one shared expert; `expert_ffn` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_ffn: Option<u64>,
    /// The first layers that keep a plain feed-forward block of width `ffn`.
    #[serde(default)]
    pub first_dense_layers: u64,
    /// Of the layers after those, every that-many-th is a mixture; 1 is all of them.
    #[serde(default = "default_every")]
    pub every: u64,
}

/// How a vision model cuts its image up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patches {
    /// Pixels along the image's side.
    pub image: u64,
    /// Pixels along a patch's side.
    pub patch: u64,
    /// Colour channels.
    #[serde(default = "default_channels")]
    pub channels: u64,
}

impl Patches {
    /// Tokens one image becomes: its patches and the class token.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let side = self.image.checked_div(self.patch).unwrap_or(0);
        side.saturating_mul(side).saturating_add(1)
    }

    /// Values in one patch.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.patch.saturating_mul(self.patch).saturating_mul(self.channels)
    }
}

impl Architecture {
    /// Key and value heads.
    #[must_use]
    pub fn kv_heads(&self) -> u64 {
        self.kv_heads.unwrap_or(self.heads)
    }

    /// Width of one head.
    #[must_use]
    pub fn head_dim(&self) -> u64 {
        self.head_dim.unwrap_or_else(|| self.hidden.checked_div(self.heads).unwrap_or(0))
    }

    /// Layers of the decoder: 0 for an encoder.
    #[must_use]
    pub fn decoder_layers(&self) -> u64 {
        match self.kind {
            ModelKind::Encoder | ModelKind::Vision => 0,
            ModelKind::Decoder => self.layers,
            ModelKind::EncoderDecoder => self.decoder_layers.unwrap_or(self.layers),
        }
    }

    /// Layers of the encoder: 0 for a decoder.
    #[must_use]
    pub fn encoder_layers(&self) -> u64 {
        if self.kind == ModelKind::Decoder { 0 } else { self.layers }
    }

    /// The sliding window of a layer in tokens; 0 is full attention.
    #[must_use]
    pub fn window_of(&self, layer: u64) -> u64 {
        match self.window {
            Some(SlidingWindow { full_every: Some(every), .. })
                if every > 0 && layer.wrapping_add(1).is_multiple_of(every) =>
            {
                0
            }
            Some(window) => window.tokens,
            None => 0,
        }
    }

    /// The mixture of experts of a layer, if it has one.
    #[must_use]
    pub fn moe_of(&self, layer: u64) -> Option<&Moe> {
        self.moe.as_ref().filter(|moe| {
            let after_dense = layer.checked_sub(moe.first_dense_layers);
            after_dense.is_some_and(|index| index.wrapping_add(1).is_multiple_of(moe.every.max(1)))
        })
    }

    /// The feed-forward function as an elementwise operator, ungated.
    #[must_use]
    pub fn ffn_function(&self) -> Activation {
        match self.activation {
            FfnActivation::Relu => Activation::Relu,
            FfnActivation::Gelu => Activation::Gelu,
            FfnActivation::Silu => Activation::Silu,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn default_norm() -> NormKind {
    NormKind::Layer
}

fn default_every() -> u64 {
    1
}

fn default_channels() -> u64 {
    3
}
