//! Measured rows: one timed kernel, collective or model each, as the CSV files give them.

use memwall_model_graph::{CollectiveKind, Recompute, ZeroStage};

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name as the user gave it.
    pub file: String,
    /// Line in it, 1 for the header.
    pub line: u64,
}

/// One measured kernel, collective or model.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Where it was read.
    pub place: Place,
    /// Catalog name of the device, or an alias.
    pub device: String,
    /// What was timed and how: a label such as `trtllm-1.0.0`.
    pub software: String,
    /// Label of the number formats: `bf16`, `w4a16`.
    pub dtype: String,
    /// The kernel.
    pub shape: Shape,
    /// What was measured: a time in seconds, or of some models' runs a rate in tokens a second (see [`Metric`]).
    pub seconds: f64,
    /// Who measured it.
    pub source: String,
}

/// What was timed.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// `batch` products C\[m,n\] = A\[m,k\] B\[k,n\], B being weights.
    Gemm {
        /// Independent products.
        batch: u64,
        /// Rows of A.
        m: u64,
        /// Columns of B.
        n: u64,
        /// Columns of A.
        k: u64,
        /// How the benchmark treats the weights between repetitions.
        copies: Copies,
    },
    /// Fused attention.
    Attention {
        /// Prefill is causal; decode has one query.
        phase: Phase,
        /// Label of the cache's number format.
        kv_dtype: String,
        /// Sequences.
        batch: u64,
        /// New tokens of each.
        q_len: u64,
        /// Tokens attended to, the new ones included.
        kv_len: u64,
        /// Query heads on the device.
        heads: u64,
        /// Key-value heads on the device.
        kv_heads: u64,
        /// Width of a head.
        head_dim: u64,
        /// Sliding window; 0 for none.
        window: u64,
    },
    /// Multi-head latent attention with a latent of 512 and a rotary part of 64.
    Mla {
        /// Prefill works on expanded heads, decode on the latents.
        phase: Phase,
        /// Label of the cache's number format.
        kv_dtype: String,
        /// Query heads on the device.
        heads: u64,
        /// Sequences.
        batch: u64,
        /// New tokens of each.
        q_len: u64,
        /// Tokens attended to.
        kv_len: u64,
    },
    /// The experts of a mixture-of-experts layer.
    Moe {
        /// Tokens of all ranks.
        tokens: u64,
        /// Width of a token.
        hidden: u64,
        /// Width of an expert's hidden layer, before it is split.
        expert_ffn: u64,
        /// Experts of each token.
        top_k: u64,
        /// Experts of all ranks.
        experts: u64,
        /// Ranks an expert is split over.
        tp: u64,
        /// Ranks the experts are spread over.
        ep: u64,
        /// How tokens spread over experts.
        distribution: Distribution,
        /// Whether the first product is two, gate and up.
        gated: bool,
    },
    /// A collective over the devices of a machine.
    Collective {
        /// Catalog name of the machine.
        system: String,
        /// What the ranks do.
        kind: CollectiveKind,
        /// How many.
        ranks: u64,
        /// Nodes they are on, as many on each.
        nodes: u64,
        /// Bytes of the buffer as nccl-tests counts it.
        bytes: u64,
    },
    /// A whole model that reads prompts and makes tokens.
    Inference {
        /// Catalog name of the model.
        model: String,
        /// Label of the cache's number format; empty where not stated.
        kv_dtype: String,
        /// Ranks that share each layer.
        tp: u64,
        /// Pipeline stages.
        pp: u64,
        /// Requests worked on together; `None` is as many as fit.
        batch: Option<u64>,
        /// Tokens of each prompt.
        isl: u64,
        /// Tokens made for each.
        osl: u64,
        /// What was measured.
        metric: Metric,
    },
    /// An iteration of training.
    Training(Box<TrainingShape>),
    /// An operation on each element or row of a matrix.
    Elementwise {
        /// Which: `add`, `softmax`.
        op: String,
        /// Rows.
        rows: u64,
        /// Columns.
        cols: u64,
    },
}

/// A model, how it is divided, and how it is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingShape {
    /// Layers.
    pub layers: u64,
    /// Width of the residual stream.
    pub hidden: u64,
    /// Query heads.
    pub heads: u64,
    /// Key and value heads.
    pub kv_heads: u64,
    /// Inner width of the feed-forward block.
    pub ffn: u64,
    /// Rows of the vocabulary.
    pub vocab: u64,
    /// Tokens of a sequence.
    pub seq: u64,
    /// Devices.
    pub gpus: u64,
    /// Ranks that share each layer.
    pub tp: u64,
    /// Pipeline stages.
    pub pp: u64,
    /// Copies.
    pub dp: u64,
    /// Model parts a stage.
    pub interleave: u64,
    /// Sequences that go through together; `None` where not stated.
    pub micro_batch: Option<u64>,
    /// Sequences of an iteration.
    pub global_batch: u64,
    /// What is recomputed; `None` where not stated.
    pub recompute: Option<Recompute>,
    /// Whether norms are divided by tokens.
    pub sequence_parallel: bool,
    /// What is divided over copies; `None` where not stated.
    pub zero: Option<ZeroStage>,
}

impl TrainingShape {
    /// Whether its feed-forward block is taken to be gated: keys and values have fewer heads, or the block is not four
    /// times as wide as the stream.
    #[must_use]
    pub const fn gated(&self) -> bool {
        self.kv_heads != self.heads || self.ffn != 4 * self.hidden
    }
}

/// What was measured of a model's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Seconds until the first token.
    TimeToFirstToken,
    /// Seconds for each token after it.
    TimePerToken,
    /// Tokens made a second, by all devices.
    TokensPerSecond,
    /// The same over the number of devices.
    TokensPerSecondPerDevice,
}

impl Metric {
    /// All, with the names that rows use.
    pub const NAMED: [(&'static str, Self); 4] = [
        ("ttft_s", Self::TimeToFirstToken),
        ("tpot_s", Self::TimePerToken),
        ("output_tokens_per_s", Self::TokensPerSecond),
        ("output_tokens_per_s_per_gpu", Self::TokensPerSecondPerDevice),
    ];

    /// `ttft_s`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, metric)| *metric == self).map_or("", |(name, _)| name)
    }
}

/// How a benchmark treats the weights between repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Copies {
    /// It goes round this many buffers; 1 reads the same bytes every time.
    Rotated(u64),
    /// It flushes the cache.
    Flushed,
}

/// Of an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Many new tokens.
    Prefill,
    /// One new token.
    Decode,
}

/// How tokens spread over experts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// Evenly.
    Balanced,
    /// Loads follow a power law with this exponent.
    PowerLaw(f64),
}

impl Phase {
    /// `prefill`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prefill => "prefill",
            Self::Decode => "decode",
        }
    }
}

impl Row {
    /// `gemm`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.shape {
            Shape::Gemm { .. } => "gemm",
            Shape::Attention { .. } => "attention",
            Shape::Mla { .. } => "mla",
            Shape::Moe { .. } => "moe",
            Shape::Collective { .. } => "collective",
            Shape::Inference { .. } => "inference",
            Shape::Training(_) => "training",
            Shape::Elementwise { .. } => "elementwise",
        }
    }

    /// Prefill or decode, of an attention.
    #[must_use]
    pub const fn phase(&self) -> Option<Phase> {
        match self.shape {
            Shape::Attention { phase, .. } | Shape::Mla { phase, .. } => Some(phase),
            _ => None,
        }
    }

    /// The kind and shape in words, the same for every device, software and format: what the hold-out split hashes.
    #[must_use]
    pub fn shape_text(&self) -> String {
        match &self.shape {
            Shape::Gemm { batch, m, n, k, .. } => format!("gemm {batch} x {m} x {n} x {k}"),
            Shape::Attention { phase, batch, q_len, kv_len, heads, kv_heads, head_dim, window, .. } => {
                format!(
                    "attention {} batch {batch} q {q_len} kv {kv_len} heads {heads}/{kv_heads} x {head_dim} window {window}",
                    phase.name()
                )
            }
            Shape::Mla { phase, heads, batch, q_len, kv_len, .. } => {
                format!("mla {} batch {batch} q {q_len} kv {kv_len} heads {heads}", phase.name())
            }
            Shape::Moe { tokens, hidden, expert_ffn, top_k, experts, tp, ep, .. } => {
                format!(
                    "moe {tokens} tokens {hidden} x {expert_ffn} top {top_k} of {experts} tp {tp} ep {ep}"
                )
            }
            Shape::Collective { kind, ranks, nodes, bytes, .. } => {
                format!("{} {bytes} B over {ranks} ranks on {nodes} nodes", kind.name())
            }
            Shape::Inference { model, tp, pp, batch, isl, osl, metric, .. } => {
                let batch = batch.map_or_else(|| "largest".to_owned(), |batch| batch.to_string());
                format!("{model} tp {tp} pp {pp} batch {batch} prompt {isl} tokens {osl} {}", metric.name())
            }
            Shape::Training(shape) => {
                let TrainingShape { layers, hidden, seq, tp, pp, dp, global_batch, .. } = **shape;
                let micro = shape.micro_batch.map_or_else(|| "best".to_owned(), |size| size.to_string());
                format!(
                    "training {layers} x {hidden} tokens {seq} tp {tp} pp {pp} dp {dp} batch {global_batch} of {micro}"
                )
            }
            Shape::Elementwise { op, rows, cols } => format!("{op} {rows} x {cols}"),
        }
    }
}
