//! What each `model_type` calls its sizes. Defaults are those of the library's configuration classes.

use serde_json::{Map, Value};

use super::ConfigError;
use super::fields::{Fields, activation, wrong};
use crate::{
    Architecture, Bias, Blocks, FfnActivation, Mla, ModelKind, Moe, NormKind, NormPosition, Patches,
    Positions, SlidingWindow,
};

/// The values of `model_type` that can be read.
pub const SUPPORTED_MODEL_TYPES: &[&str] = &[
    "bert",
    "bloom",
    "deepseek_v2",
    "deepseek_v3",
    "falcon",
    "gpt2",
    "gpt_neox",
    "gptj",
    "llama",
    "llama4",
    "llama4_text",
    "mistral",
    "mixtral",
    "opt",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "roberta",
    "t5",
    "vit",
];

/// Reads the keys of one `config.json`.
pub(super) fn read(object: &Map<String, Value>) -> Result<Architecture, ConfigError> {
    // A model of text and images keeps what we build, the part that reads text, in a block of its own.
    let object = match (object.get("model_type"), object.get("text_config")) {
        (Some(Value::String(word)), Some(Value::Object(text))) if word == "llama4" => text,
        (Some(Value::String(word)), other) if word == "llama4" => {
            return Err(wrong("text_config", "an object with keys", other.unwrap_or(&Value::Null)));
        }
        _ => object,
    };
    let model_type = match object.get("model_type") {
        Some(Value::String(word)) => word.as_str(),
        Some(other) => return Err(wrong("model_type", "a string", other)),
        None => return Err(ConfigError::UnknownModelType { found: "nothing".to_owned() }),
    };
    let fields = &Fields { object, model_type };
    match model_type {
        "bert" | "roberta" => bert(fields),
        "bloom" => bloom(fields),
        "falcon" => falcon(fields),
        "gpt2" => gpt2(fields),
        "gptj" => gptj(fields),
        "llama4_text" => llama4(fields),
        "gpt_neox" => gpt_neox(fields),
        "opt" => opt(fields),
        "llama" => llama(fields),
        "mistral" => Ok(Architecture { window: window(fields)?, ..llama(fields)? }),
        "mixtral" => mixtral(fields),
        "qwen2" => Ok(Architecture { bias: Bias::Qkv, window: qwen_window(fields)?, ..llama(fields)? }),
        "qwen2_moe" => qwen2_moe(fields),
        "qwen3" => qwen3(fields),
        "qwen3_moe" => Ok(Architecture { moe: Some(qwen_experts(fields)?), ..qwen3(fields)? }),
        "deepseek_v2" | "deepseek_v3" => deepseek(fields),
        "t5" => t5(fields),
        "vit" => vit(fields),
        other => {
            let found: String = other.chars().take(40).collect();
            Err(ConfigError::UnknownModelType { found: format!("`{found}`") })
        }
    }
}

/// The sizes all of today's libraries call the same: layers, hidden, heads, feed-forward, vocabulary.
fn common(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let ffn = fields.size("intermediate_size")?;
    let sizes = [fields.size("num_hidden_layers")?, fields.size("hidden_size")?];
    from_sizes(sizes, fields.size("num_attention_heads")?, ffn)
}

/// A pre-norm decoder with biases and layer norms, as GPT-2 is, of the sizes given.
fn from_sizes([layers, hidden]: [u64; 2], heads: u64, ffn: u64) -> Result<Architecture, ConfigError> {
    let head_dim = hidden.checked_div(heads).unwrap_or(0);
    Ok(Architecture {
        kind: ModelKind::Decoder,
        layers,
        decoder_layers: None,
        hidden,
        heads,
        kv_heads: Some(heads),
        head_dim: Some(head_dim),
        ffn,
        gated: false,
        activation: FfnActivation::Gelu,
        norm: NormKind::Layer,
        norm_position: NormPosition::Pre,
        blocks: Blocks::Sequential,
        embedding_norm: false,
        positions: Positions::Learned,
        max_positions: 0,
        vocab: 0,
        token_types: 0,
        tied_embeddings: true,
        bias: Bias::All,
        qk_norm: false,
        window: None,
        mla: None,
        moe: None,
        patches: None,
    })
}

fn bert(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    Ok(Architecture {
        kind: ModelKind::Encoder,
        activation: fields.activation("hidden_act", "gelu")?,
        norm_position: NormPosition::Post,
        max_positions: fields.size("max_position_embeddings")?,
        vocab: fields.size("vocab_size")?,
        token_types: fields.size_or("type_vocab_size", 2)?,
        ..common(fields)?
    })
}

fn gpt2(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let hidden = fields.size("n_embd")?;
    let ffn = fields.size_or("n_inner", hidden.saturating_mul(4))?;
    Ok(Architecture {
        activation: fields.activation("activation_function", "gelu_new")?,
        max_positions: fields.size("n_positions")?,
        vocab: fields.size("vocab_size")?,
        tied_embeddings: fields.flag("tie_word_embeddings", true)?,
        ..from_sizes([fields.size("n_layer")?, hidden], fields.size("n_head")?, ffn)?
    })
}

fn gptj(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    Ok(Architecture {
        blocks: Blocks::Parallel,
        positions: Positions::Rope,
        tied_embeddings: fields.flag("tie_word_embeddings", false)?,
        bias: Bias::Ffn,
        ..gpt2(fields)?
    })
}

/// Its width has had two names.
fn bloom(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let hidden = match fields.size_if_any("n_embed")? {
        Some(hidden) => hidden,
        None => fields.size("hidden_size")?,
    };
    let heads = match fields.size_if_any("num_attention_heads")? {
        Some(heads) => heads,
        None => fields.size("n_head")?,
    };
    let sizes = [fields.size("n_layer")?, hidden];
    Ok(Architecture {
        embedding_norm: true,
        positions: Positions::Alibi,
        vocab: fields.size("vocab_size")?,
        tied_embeddings: fields.flag("tie_word_embeddings", true)?,
        ..from_sizes(sizes, heads, hidden.saturating_mul(4))?
    })
}

fn falcon(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let (layers, hidden) = (fields.size("num_hidden_layers")?, fields.size("hidden_size")?);
    let heads = fields.size("num_attention_heads")?;
    let newer = fields.flag("new_decoder_architecture", false)?;
    let kv_heads = match (newer, fields.flag("multi_query", true)?) {
        (true, _) => fields.size_or("num_kv_heads", heads)?,
        (false, true) => 1,
        (false, false) => heads,
    };
    // The newer ones always stand side by side.
    let blocks = match (newer, fields.flag("parallel_attn", true)?) {
        (true, _) if fields.size_or("num_ln_in_parallel_attn", 2)? == 2 => Blocks::ParallelTwoNorms,
        (true, _) | (false, true) => Blocks::Parallel,
        (false, false) => Blocks::Sequential,
    };
    let alibi = fields.flag("alibi", false)?;
    Ok(Architecture {
        kv_heads: Some(kv_heads),
        activation: fields.activation("activation", "gelu")?,
        blocks,
        positions: if alibi { Positions::Alibi } else { Positions::Rope },
        max_positions: fields.size_or("max_position_embeddings", 2048)?,
        vocab: fields.size("vocab_size")?,
        tied_embeddings: fields.flag("tie_word_embeddings", true)?,
        bias: if fields.flag("bias", false)? { Bias::All } else { Bias::None },
        ..from_sizes([layers, hidden], heads, fields.size_or("ffn_hidden_size", hidden.saturating_mul(4))?)?
    })
}

/// The norm of queries and keys that some of these models have is without parameters, and left out.
fn llama4(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let plain = llama(fields)?;
    let moe = routed(fields.size("num_local_experts")?, fields.size("num_experts_per_tok")?, plain.ffn);
    let every = fields.size_or("interleave_moe_layer_step", 1)?;
    let chunk = fields.size_if_any("attention_chunk_size")?;
    let full_every = Some(fields.size_or("no_rope_layer_interval", 4)?);
    Ok(Architecture {
        ffn: fields.size("intermediate_size_mlp")?,
        window: chunk.map(|tokens| SlidingWindow { tokens, full_every, chunked: true }),
        moe: Some(Moe { shared_experts: 1, every, ..moe }),
        ..plain
    })
}

/// Attention and feed-forward run side by side in most of these models.
fn gpt_neox(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    Ok(Architecture {
        activation: fields.activation("hidden_act", "gelu")?,
        blocks: if fields.flag("use_parallel_residual", true)? {
            Blocks::ParallelTwoNorms
        } else {
            Blocks::Sequential
        },
        positions: Positions::Rope,
        max_positions: fields.size_or("max_position_embeddings", 2048)?,
        vocab: fields.size("vocab_size")?,
        tied_embeddings: fields.flag("tie_word_embeddings", false)?,
        ..common(fields)?
    })
}

fn opt(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let hidden = fields.size("hidden_size")?;
    let embedded = fields.size_or("word_embed_proj_dim", hidden)?;
    if embedded != hidden {
        let expected = format!("the hidden size ({hidden}); projected embeddings are not supported");
        return Err(wrong("word_embed_proj_dim", &expected, &Value::from(embedded)));
    }
    let before = fields.flag("do_layer_norm_before", true)?;
    let sizes = [fields.size("num_hidden_layers")?, hidden];
    Ok(Architecture {
        activation: fields.activation("activation_function", "relu")?,
        norm_position: if before { NormPosition::Pre } else { NormPosition::Post },
        // Its table has two rows more than positions.
        max_positions: fields.size("max_position_embeddings")?.saturating_add(2),
        vocab: fields.size("vocab_size")?,
        tied_embeddings: fields.flag("tie_word_embeddings", true)?,
        ..from_sizes(sizes, fields.size("num_attention_heads")?, fields.size("ffn_dim")?)?
    })
}

/// What Llama and all that followed it have in common.
fn llama(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let plain = common(fields)?;
    let attention_biased = fields.flag("attention_bias", false)?;
    let mlp_biased = fields.flag("mlp_bias", false)?;
    let bias = match (attention_biased, mlp_biased) {
        (_, true) => Bias::All,
        (true, false) => Bias::Qkv,
        (false, false) => Bias::None,
    };
    Ok(Architecture {
        kv_heads: Some(fields.size_or("num_key_value_heads", plain.heads)?),
        head_dim: fields.size_if_any("head_dim")?.or(plain.head_dim),
        gated: true,
        activation: fields.activation("hidden_act", "silu")?,
        norm: NormKind::Rms,
        positions: Positions::Rope,
        max_positions: fields.size_or("max_position_embeddings", 0)?,
        vocab: fields.size("vocab_size")?,
        tied_embeddings: fields.flag("tie_word_embeddings", false)?,
        bias,
        ..plain
    })
}

fn mixtral(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let plain = llama(fields)?;
    let experts = fields.size("num_local_experts")?;
    let moe = routed(experts, fields.size("num_experts_per_tok")?, plain.ffn);
    Ok(Architecture { moe: Some(moe), window: window(fields)?, ..plain })
}

fn qwen3(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let head_dim = Some(fields.size_or("head_dim", 128)?);
    Ok(Architecture { head_dim, qk_norm: true, window: qwen_window(fields)?, ..llama(fields)? })
}

fn qwen2_moe(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let shared_ffn = fields.size("shared_expert_intermediate_size")?;
    let shared = u64::from(shared_ffn > 0);
    let shared_ffn = Some(shared_ffn).filter(|ffn| *ffn > 0);
    let moe = Moe { shared_experts: shared, shared_ffn, ..qwen_experts(fields)? };
    Ok(Architecture { bias: Bias::Qkv, moe: Some(moe), window: qwen_window(fields)?, ..llama(fields)? })
}

fn qwen_experts(fields: &Fields<'_>) -> Result<Moe, ConfigError> {
    let ffn = fields.size("moe_intermediate_size")?;
    let moe = routed(fields.size("num_experts")?, fields.size("num_experts_per_tok")?, ffn);
    let every = fields.size_or("decoder_sparse_step", 1)?;
    Ok(Moe { every, first_dense_layers: dense_layers(fields)?, ..moe })
}

/// How many of the first layers have no experts. Other choices of layers are none that a published model
/// makes.
fn dense_layers(fields: &Fields<'_>) -> Result<u64, ConfigError> {
    let Some(value) = fields.object.get("mlp_only_layers").filter(|value| !value.is_null()) else {
        return Ok(0);
    };
    let layers = value.as_array().ok_or_else(|| wrong("mlp_only_layers", "a list", value))?;
    if (0_u64..).zip(layers).any(|(index, layer)| layer.as_u64() != Some(index)) {
        return Err(wrong("mlp_only_layers", "none, or the first layers in order", value));
    }
    Ok(layers.len() as u64)
}

fn deepseek(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let mla = Mla {
        q_lora_rank: fields.size_if_any("q_lora_rank")?,
        kv_lora_rank: fields.size("kv_lora_rank")?,
        qk_nope_dim: fields.size("qk_nope_head_dim")?,
        qk_rope_dim: fields.size("qk_rope_head_dim")?,
        v_dim: fields.size("v_head_dim")?,
    };
    let ffn = fields.size("moe_intermediate_size")?;
    let moe = routed(fields.size("n_routed_experts")?, fields.size("num_experts_per_tok")?, ffn);
    let moe = Moe {
        shared_experts: fields.size_or("n_shared_experts", 0)?,
        first_dense_layers: fields.size_or("first_k_dense_replace", 0)?,
        every: fields.size_or("moe_layer_freq", 1)?,
        ..moe
    };
    Ok(Architecture { mla: Some(mla), moe: Some(moe), kv_heads: None, head_dim: None, ..llama(fields)? })
}

fn t5(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let layers = fields.size("num_layers")?;
    let word = fields.word("feed_forward_proj", "relu")?;
    let (gated, function) = match word.strip_prefix("gated-") {
        Some(function) => (true, function),
        None => (false, word),
    };
    let activation = activation(function).ok_or_else(|| {
        wrong("feed_forward_proj", "relu, gelu, gated-gelu or gated-silu", &Value::String(word.to_owned()))
    })?;
    Ok(Architecture {
        kind: ModelKind::EncoderDecoder,
        decoder_layers: Some(fields.size_or("num_decoder_layers", layers)?),
        head_dim: Some(fields.size("d_kv")?),
        gated,
        activation,
        norm: NormKind::Rms,
        positions: Positions::Relative,
        vocab: fields.size("vocab_size")?,
        tied_embeddings: fields.flag("tie_word_embeddings", true)?,
        bias: Bias::None,
        ..from_sizes([layers, fields.size("d_model")?], fields.size("num_heads")?, fields.size("d_ff")?)?
    })
}

/// The classes of a classifier are labels for people, and its head is left out.
fn vit(fields: &Fields<'_>) -> Result<Architecture, ConfigError> {
    let patches = Patches {
        image: fields.size("image_size")?,
        patch: fields.size("patch_size")?,
        channels: fields.size_or("num_channels", 3)?,
    };
    Ok(Architecture {
        kind: ModelKind::Vision,
        activation: fields.activation("hidden_act", "gelu")?,
        tied_embeddings: false,
        patches: Some(patches),
        ..common(fields)?
    })
}

fn routed(experts: u64, top_k: u64, expert_ffn: u64) -> Moe {
    Moe { experts, top_k, expert_ffn, shared_experts: 0, shared_ffn: None, first_dense_layers: 0, every: 1 }
}

fn window(fields: &Fields<'_>) -> Result<Option<SlidingWindow>, ConfigError> {
    let tokens = fields.size_if_any("sliding_window")?;
    Ok(tokens.map(|tokens| SlidingWindow { tokens, full_every: None, chunked: false }))
}

/// Qwen's window is there but switched off in most of its models.
fn qwen_window(fields: &Fields<'_>) -> Result<Option<SlidingWindow>, ConfigError> {
    if !fields.flag("use_sliding_window", false)? {
        return Ok(None);
    }
    let layers = fields.size("num_hidden_layers")?;
    match fields.size_or("max_window_layers", 0)? {
        0 => window(fields),
        full if full >= layers => Ok(None),
        some => {
            let expected = format!("0 or at least {layers}: windows in some layers only are not supported");
            Err(wrong("max_window_layers", &expected, &Value::from(some)))
        }
    }
}
