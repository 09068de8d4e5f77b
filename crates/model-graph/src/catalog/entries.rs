//! The table of published models, and the constructors their families share.

use super::Entry;
use crate::{
    Architecture, Bias, Blocks, FfnActivation, Mla, ModelKind, Moe, NormKind, NormPosition, Patches,
    Positions, SlidingWindow,
};

const BERT_SOURCE: &str = "Devlin et al. 2018, arXiv:1810.04805, section 3; \
    parameters of the released encoder";
const KIM_SOURCE: &str = "Kim et al. 2023, arXiv:2302.14017, Table 10: BERT-Base with 4 heads in place of 12";
const GPT2_SOURCE: &str = "Radford et al. 2019 (GPT-2), Table 2; \
    parameters of the released weights";
const GPT3_SOURCE: &str = "Brown et al. 2020, arXiv:2005.14165, Table 2.1";
const BLOOM_SOURCE: &str = "BigScience 2022, arXiv:2211.05100, section 3.2; config.json and model card";
const GPTJ_SOURCE: &str = "EleutherAI 2021, GPT-J-6B's model card and config.json";
const FALCON_SOURCE: &str = "Almazrouei et al. 2023, arXiv:2311.16867; config.json and model card";
const LLAMA1_SOURCE: &str = "Touvron et al. 2023, arXiv:2302.13971, Table 2; \
    config.json and parameters of the released weights";
const LLAMA4_SOURCE: &str = "Meta 2025, config.json and model card of Llama-4-Maverick-17B-128E; \
    without the vision encoder";
const LLAMA2_SOURCE: &str = "Touvron et al. 2023, arXiv:2307.09288; \
    config.json and parameters of the released weights";
const LLAMA3_SOURCE: &str = "Grattafiori et al. 2024, arXiv:2407.21783, Table 3; \
    config.json and parameters of the released weights";
const MISTRAL_SOURCE: &str = "Jiang et al. 2023, arXiv:2310.06825, Table 1; \
    config.json and parameters of the released weights";
const MIXTRAL_SOURCE: &str = "Jiang et al. 2024, arXiv:2401.04088, Table 1; \
    config.json and parameters of the released weights";
const QWEN25_SOURCE: &str = "Qwen team 2024, arXiv:2412.15115, Table 1; \
    config.json and parameters of the released weights";
const QWEN3_SOURCE: &str = "Qwen team 2025, arXiv:2505.09388, Tables 1 and 2; \
    config.json and parameters of the released weights";
const DEEPSEEK_SOURCE: &str = "DeepSeek-AI 2024, arXiv:2412.19437, section 4.2; \
    config.json; without the multi-token-prediction layer";
const TRANSFORMER_SOURCE: &str = "Vaswani et al. 2017, arXiv:1706.03762, Table 3; a vocabulary of 37000 shared by \
    English and German";
const T5_SOURCE: &str = "Raffel et al. 2020, arXiv:1910.10683, section 3.7; \
    parameters of the released weights";
const VIT_SOURCE: &str = "Dosovitskiy et al. 2020, arXiv:2010.11929, Table 1; \
    parameters of the encoder";

/// The models.
pub const MODELS: &[Entry] = &[
    Entry {
        name: "bert-base",
        aliases: &["bert-base-uncased", "google-bert/bert-base-uncased"],
        title: "BERT-Base",
        source: BERT_SOURCE,
        published_parameters: 108_891_648,
        shape: || bert(12, 768, 12),
    },
    Entry {
        name: "bert-base-4head",
        aliases: &[],
        title: "BERT-Base with 4 heads",
        source: KIM_SOURCE,
        published_parameters: 108_891_648,
        shape: || bert(12, 768, 4),
    },
    Entry {
        name: "bert-large",
        aliases: &["bert-large-uncased", "google-bert/bert-large-uncased"],
        title: "BERT-Large",
        source: BERT_SOURCE,
        published_parameters: 334_092_288,
        shape: || bert(24, 1024, 16),
    },
    Entry {
        name: "gpt2",
        aliases: &["gpt-2", "openai-community/gpt2"],
        title: "GPT-2 (12 layers)",
        source: GPT2_SOURCE,
        published_parameters: 124_439_808,
        shape: || gpt(12, 768, 12, 1024),
    },
    Entry {
        name: "gpt2-medium",
        aliases: &["openai-community/gpt2-medium"],
        title: "GPT-2 Medium",
        source: GPT2_SOURCE,
        published_parameters: 354_823_168,
        shape: || gpt(24, 1024, 16, 1024),
    },
    Entry {
        name: "gpt2-large",
        aliases: &["openai-community/gpt2-large"],
        title: "GPT-2 Large",
        source: GPT2_SOURCE,
        published_parameters: 774_030_080,
        shape: || gpt(36, 1280, 20, 1024),
    },
    Entry {
        name: "gpt2-xl",
        aliases: &["openai-community/gpt2-xl"],
        title: "GPT-2 XL",
        source: GPT2_SOURCE,
        published_parameters: 1_557_611_200,
        shape: || gpt(48, 1600, 25, 1024),
    },
    Entry {
        name: "gpt3-175b",
        aliases: &["gpt-3", "gpt3", "gpt-3-175b"],
        title: "GPT-3 175B",
        source: GPT3_SOURCE,
        published_parameters: 175_000_000_000,
        shape: || gpt(96, 12288, 96, 2048),
    },
    Entry {
        name: "bloom-176b",
        aliases: &["bloom", "bigscience/bloom"],
        title: "BLOOM 176B",
        source: BLOOM_SOURCE,
        published_parameters: 176_247_271_424,
        shape: || bloom_176b(),
    },
    Entry {
        name: "gpt-j-6b",
        aliases: &["gptj-6b", "EleutherAI/gpt-j-6b"],
        title: "GPT-J 6B",
        source: GPTJ_SOURCE,
        published_parameters: 6_053_381_344,
        shape: || gpt_j_6b(),
    },
    Entry {
        name: "falcon-180b",
        aliases: &["tiiuae/falcon-180B"],
        title: "Falcon 180B",
        source: FALCON_SOURCE,
        published_parameters: 180_000_000_000,
        shape: || falcon_180b(),
    },
    Entry {
        name: "llama-7b",
        aliases: &["llama-1-7b", "huggyllama/llama-7b"],
        title: "LLaMA 7B",
        source: LLAMA1_SOURCE,
        published_parameters: 6_738_415_616,
        shape: || llama([32, 4096, 32, 32, 11008, 32_000, 2048]),
    },
    Entry {
        name: "llama-2-7b",
        aliases: &["meta-llama/Llama-2-7b-hf"],
        title: "Llama 2 7B",
        source: LLAMA2_SOURCE,
        published_parameters: 6_738_415_616,
        shape: || llama([32, 4096, 32, 32, 11008, 32_000, 4096]),
    },
    Entry {
        name: "llama-2-13b",
        aliases: &["meta-llama/Llama-2-13b-hf"],
        title: "Llama 2 13B",
        source: LLAMA2_SOURCE,
        published_parameters: 13_015_864_320,
        shape: || llama([40, 5120, 40, 40, 13824, 32_000, 4096]),
    },
    Entry {
        name: "llama-2-70b",
        aliases: &["llama2-70b", "llama-70b", "meta-llama/Llama-2-70b-hf"],
        title: "Llama 2 70B",
        source: LLAMA2_SOURCE,
        published_parameters: 68_976_648_192,
        shape: || llama([80, 8192, 64, 8, 28672, 32_000, 4096]),
    },
    Entry {
        name: "llama-3-8b",
        aliases: &["meta-llama/Meta-Llama-3-8B"],
        title: "Llama 3 8B",
        source: LLAMA3_SOURCE,
        published_parameters: 8_030_261_248,
        shape: || llama([32, 4096, 32, 8, 14336, 128_256, 8192]),
    },
    Entry {
        name: "llama-3-70b",
        aliases: &["meta-llama/Meta-Llama-3-70B"],
        title: "Llama 3 70B",
        source: LLAMA3_SOURCE,
        published_parameters: 70_553_706_496,
        shape: || llama([80, 8192, 64, 8, 28672, 128_256, 8192]),
    },
    Entry {
        name: "llama-3.1-8b",
        aliases: &["meta-llama/Llama-3.1-8B"],
        title: "Llama 3.1 8B",
        source: LLAMA3_SOURCE,
        published_parameters: 8_030_261_248,
        shape: || llama([32, 4096, 32, 8, 14336, 128_256, 131_072]),
    },
    Entry {
        name: "llama-3.1-70b",
        aliases: &["llama-3.3-70b", "meta-llama/Llama-3.1-70B", "meta-llama/Llama-3.3-70B-Instruct"],
        title: "Llama 3.1 70B",
        source: LLAMA3_SOURCE,
        published_parameters: 70_553_706_496,
        shape: || llama([80, 8192, 64, 8, 28672, 128_256, 131_072]),
    },
    Entry {
        name: "llama-3.1-405b",
        aliases: &["meta-llama/Llama-3.1-405B", "meta-llama/Meta-Llama-3.1-405B"],
        title: "Llama 3.1 405B",
        source: LLAMA3_SOURCE,
        published_parameters: 405_853_388_800,
        shape: || llama([126, 16384, 128, 8, 53248, 128_256, 131_072]),
    },
    Entry {
        name: "llama-4-maverick",
        aliases: &["meta-llama/Llama-4-Maverick-17B-128E", "meta-llama/Llama-4-Maverick-17B-128E-Instruct"],
        title: "Llama 4 Maverick",
        source: LLAMA4_SOURCE,
        published_parameters: 400_000_000_000,
        shape: || llama_4_maverick(),
    },
    Entry {
        name: "mistral-7b",
        aliases: &["mistralai/Mistral-7B-v0.1", "mistral-7b-v0.1"],
        title: "Mistral 7B v0.1",
        source: MISTRAL_SOURCE,
        published_parameters: 7_241_732_096,
        shape: || mistral_7b(),
    },
    Entry {
        name: "mixtral-8x7b",
        aliases: &["mistralai/Mixtral-8x7B-v0.1", "mixtral-8x7b-v0.1"],
        title: "Mixtral 8x7B v0.1",
        source: MIXTRAL_SOURCE,
        published_parameters: 46_702_792_704,
        shape: || mixtral_8x7b(),
    },
    Entry {
        name: "qwen2.5-7b",
        aliases: &["Qwen/Qwen2.5-7B"],
        title: "Qwen2.5 7B",
        source: QWEN25_SOURCE,
        published_parameters: 7_615_616_512,
        shape: || qwen2([28, 3584, 28, 4, 18944, 152_064, 131_072]),
    },
    Entry {
        name: "qwen2.5-72b",
        aliases: &["Qwen/Qwen2.5-72B"],
        title: "Qwen2.5 72B",
        source: QWEN25_SOURCE,
        published_parameters: 72_706_203_648,
        shape: || qwen2([80, 8192, 64, 8, 29568, 152_064, 131_072]),
    },
    Entry {
        name: "qwen3-8b",
        aliases: &["Qwen/Qwen3-8B"],
        title: "Qwen3 8B",
        source: QWEN3_SOURCE,
        published_parameters: 8_190_735_360,
        shape: || qwen3([36, 4096, 32, 8, 12288, 151_936, 40_960]),
    },
    Entry {
        name: "qwen3-32b",
        aliases: &["Qwen/Qwen3-32B"],
        title: "Qwen3 32B",
        source: QWEN3_SOURCE,
        published_parameters: 32_762_123_264,
        shape: || qwen3([64, 5120, 64, 8, 25600, 151_936, 40_960]),
    },
    Entry {
        name: "qwen3-30b-a3b",
        aliases: &["Qwen/Qwen3-30B-A3B"],
        title: "Qwen3 30B-A3B",
        source: QWEN3_SOURCE,
        published_parameters: 30_532_122_624,
        shape: || qwen3_moe([48, 2048, 32, 4, 6144, 151_936, 40_960], 768),
    },
    Entry {
        name: "qwen3-235b-a22b",
        aliases: &["Qwen/Qwen3-235B-A22B"],
        title: "Qwen3 235B-A22B",
        source: QWEN3_SOURCE,
        published_parameters: 235_093_634_560,
        shape: || qwen3_moe([94, 4096, 64, 4, 12288, 151_936, 40_960], 1536),
    },
    Entry {
        name: "deepseek-v3",
        aliases: &["deepseek-ai/DeepSeek-V3", "deepseek-r1", "deepseek-ai/DeepSeek-R1"],
        title: "DeepSeek-V3",
        source: DEEPSEEK_SOURCE,
        published_parameters: 671_026_419_200,
        shape: || deepseek_v3(),
    },
    Entry {
        name: "transformer-big",
        aliases: &["transformer-wmt-big"],
        title: "Transformer (big)",
        source: TRANSFORMER_SOURCE,
        published_parameters: 213_000_000,
        shape: || transformer_big(),
    },
    Entry {
        name: "t5-base",
        aliases: &["google-t5/t5-base"],
        title: "T5 Base",
        source: T5_SOURCE,
        published_parameters: 222_903_552,
        shape: || t5([12, 768, 12, 64, 3072]),
    },
    Entry {
        name: "t5-large",
        aliases: &["google-t5/t5-large"],
        title: "T5 Large",
        source: T5_SOURCE,
        published_parameters: 737_668_096,
        shape: || t5([24, 1024, 16, 64, 4096]),
    },
    Entry {
        name: "t5-11b",
        aliases: &["google-t5/t5-11b"],
        title: "T5 11B",
        source: T5_SOURCE,
        published_parameters: 11_307_321_344,
        shape: || t5([24, 1024, 128, 128, 65536]),
    },
    Entry {
        name: "vit-base",
        aliases: &["google/vit-base-patch16-224-in21k", "vit-b-16"],
        title: "ViT-B/16",
        source: VIT_SOURCE,
        published_parameters: 85_798_656,
        shape: || vit([12, 768, 12, 3072], 16),
    },
    Entry {
        name: "vit-large",
        aliases: &["google/vit-large-patch16-224-in21k", "vit-l-16"],
        title: "ViT-L/16",
        source: VIT_SOURCE,
        published_parameters: 303_301_632,
        shape: || vit([24, 1024, 16, 4096], 16),
    },
    Entry {
        name: "vit-huge",
        aliases: &["google/vit-huge-patch14-224-in21k", "vit-h-14"],
        title: "ViT-H/14",
        source: VIT_SOURCE,
        published_parameters: 630_764_800,
        shape: || vit([32, 1280, 16, 5120], 14),
    },
];

/// Everything at its plainest, for constructors to start from.
const PLAIN: Architecture = Architecture {
    kind: ModelKind::Decoder,
    layers: 1,
    decoder_layers: None,
    hidden: 1,
    heads: 1,
    kv_heads: None,
    head_dim: None,
    ffn: 1,
    gated: false,
    activation: FfnActivation::Gelu,
    norm: NormKind::Layer,
    norm_position: NormPosition::Pre,
    blocks: Blocks::Sequential,
    embedding_norm: false,
    positions: Positions::Rope,
    max_positions: 0,
    vocab: 0,
    token_types: 0,
    tied_embeddings: false,
    bias: Bias::None,
    qk_norm: false,
    window: None,
    mla: None,
    moe: None,
    patches: None,
};

fn bert(layers: u64, hidden: u64, heads: u64) -> Architecture {
    Architecture {
        kind: ModelKind::Encoder,
        layers,
        hidden,
        heads,
        kv_heads: Some(heads),
        head_dim: Some(hidden / heads),
        ffn: 4 * hidden,
        norm_position: NormPosition::Post,
        positions: Positions::Learned,
        max_positions: 512,
        vocab: 30_522,
        token_types: 2,
        tied_embeddings: true,
        bias: Bias::All,
        ..PLAIN
    }
}

fn gpt(layers: u64, hidden: u64, heads: u64, max_positions: u64) -> Architecture {
    Architecture {
        layers,
        hidden,
        heads,
        kv_heads: Some(heads),
        head_dim: Some(hidden / heads),
        ffn: 4 * hidden,
        positions: Positions::Learned,
        max_positions,
        vocab: 50_257,
        tied_embeddings: true,
        bias: Bias::All,
        ..PLAIN
    }
}

/// Layers, hidden, heads, key-value heads, feed-forward width, vocabulary, positions.
fn llama(sizes: [u64; 7]) -> Architecture {
    let [layers, hidden, heads, kv_heads, ffn, vocab, max_positions] = sizes;
    Architecture {
        layers,
        hidden,
        heads,
        kv_heads: Some(kv_heads),
        head_dim: Some(hidden / heads),
        ffn,
        gated: true,
        activation: FfnActivation::Silu,
        norm: NormKind::Rms,
        max_positions,
        vocab,
        ..PLAIN
    }
}

/// Every second layer is a mixture of 128 experts, of which each token goes to one and to the shared one; of
/// four layers three attend in blocks. (The layers that attend to everything have no rotary embedding; that
/// is not told apart.)
fn llama_4_maverick() -> Architecture {
    let window = SlidingWindow { tokens: 8192, full_every: Some(4), chunked: true };
    let moe = Moe { shared_experts: 1, every: 2, ..experts(128, 1, 8192) };
    Architecture {
        head_dim: Some(128),
        window: Some(window),
        moe: Some(moe),
        ..llama([48, 5120, 40, 8, 16384, 202_048, 1_048_576])
    }
}

fn bloom_176b() -> Architecture {
    Architecture {
        vocab: 250_880,
        embedding_norm: true,
        positions: Positions::Alibi,
        ..gpt(70, 14336, 112, 0)
    }
}

/// The head's bias, 50 thousand numbers, is left out.
fn gpt_j_6b() -> Architecture {
    Architecture {
        vocab: 50_400,
        blocks: Blocks::Parallel,
        positions: Positions::Rope,
        tied_embeddings: false,
        bias: Bias::Ffn,
        ..gpt(28, 4096, 16, 2048)
    }
}

/// The released files and TensorRT-LLM hold the embedding and the head apart.
fn falcon_180b() -> Architecture {
    Architecture {
        vocab: 65_024,
        kv_heads: Some(8),
        blocks: Blocks::ParallelTwoNorms,
        positions: Positions::Rope,
        tied_embeddings: false,
        bias: Bias::None,
        ..gpt(80, 14848, 232, 2048)
    }
}

fn mistral_7b() -> Architecture {
    let window = SlidingWindow { tokens: 4096, full_every: None, chunked: false };
    Architecture { window: Some(window), ..llama([32, 4096, 32, 8, 14336, 32_000, 32_768]) }
}

fn mixtral_8x7b() -> Architecture {
    let moe = experts(8, 2, 14336);
    Architecture { moe: Some(moe), ..llama([32, 4096, 32, 8, 14336, 32_000, 32_768]) }
}

fn qwen2(sizes: [u64; 7]) -> Architecture {
    Architecture { bias: Bias::Qkv, ..llama(sizes) }
}

fn qwen3(sizes: [u64; 7]) -> Architecture {
    Architecture { head_dim: Some(128), qk_norm: true, ..llama(sizes) }
}

fn qwen3_moe(sizes: [u64; 7], expert_ffn: u64) -> Architecture {
    Architecture { moe: Some(experts(128, 8, expert_ffn)), ..qwen3(sizes) }
}

fn deepseek_v3() -> Architecture {
    let mla =
        Mla { q_lora_rank: Some(1536), kv_lora_rank: 512, qk_nope_dim: 128, qk_rope_dim: 64, v_dim: 128 };
    let moe = Moe { shared_experts: 1, first_dense_layers: 3, ..experts(256, 8, 2048) };
    Architecture {
        mla: Some(mla),
        moe: Some(moe),
        kv_heads: None,
        head_dim: None,
        ..llama([61, 7168, 128, 128, 18432, 129_280, 163_840])
    }
}

fn experts(experts: u64, top_k: u64, expert_ffn: u64) -> Moe {
    Moe { experts, top_k, expert_ffn, shared_experts: 0, shared_ffn: None, first_dense_layers: 0, every: 1 }
}

/// Layers of each stack, hidden, heads, head width, feed-forward width.
fn transformer_big() -> Architecture {
    Architecture {
        kind: ModelKind::EncoderDecoder,
        layers: 6,
        decoder_layers: Some(6),
        hidden: 1024,
        heads: 16,
        kv_heads: Some(16),
        head_dim: Some(64),
        ffn: 4096,
        activation: FfnActivation::Relu,
        // Norms come after the blocks in the original: as many, of as much.
        // Sines of fixed frequencies, which are no parameters.
        positions: Positions::None,
        vocab: 37_000,
        tied_embeddings: true,
        bias: Bias::Ffn,
        ..PLAIN
    }
}

fn t5(sizes: [u64; 5]) -> Architecture {
    let [layers, hidden, heads, head_dim, ffn] = sizes;
    Architecture {
        kind: ModelKind::EncoderDecoder,
        layers,
        decoder_layers: Some(layers),
        hidden,
        heads,
        kv_heads: Some(heads),
        head_dim: Some(head_dim),
        ffn,
        activation: FfnActivation::Relu,
        norm: NormKind::Rms,
        positions: Positions::Relative,
        vocab: 32_128,
        tied_embeddings: true,
        ..PLAIN
    }
}

/// Layers, hidden, heads, feed-forward width; and the patch's side.
fn vit(sizes: [u64; 4], patch: u64) -> Architecture {
    let [layers, hidden, heads, ffn] = sizes;
    Architecture {
        kind: ModelKind::Vision,
        layers,
        hidden,
        heads,
        kv_heads: Some(heads),
        head_dim: Some(hidden / heads),
        ffn,
        positions: Positions::Learned,
        bias: Bias::All,
        patches: Some(Patches { image: 224, patch, channels: 3 }),
        ..PLAIN
    }
}
