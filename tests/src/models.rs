//! Random models with something to do.

use memwall_model_graph::{
    Architecture, Bias, Blocks, BuildOptions, Dtype, FfnActivation, Graph, Mla, ModelKind, Moe, NormKind,
    NormPosition, Phase, Positions, Precision, SlidingWindow, Step, Workload, build_step,
};
use proptest::prelude::*;

use crate::machines::Machine;

/// A model and what it is asked to do.
#[derive(Debug, Clone)]
pub struct Task {
    /// The model.
    pub architecture: Architecture,
    /// What it does.
    pub workload: Workload,
    /// Which of the formats a machine has is used.
    pub format: prop::sample::Index,
    /// Everything fused, or every operation apart.
    pub fused: bool,
}

impl Task {
    /// How the model is cut into operators on `machine`.
    #[must_use]
    pub fn options(&self, machine: &Machine) -> BuildOptions {
        // Nothing above half of the formats' list needs fp64, which few vector engines have.
        let formats: Vec<Dtype> =
            machine.formats().into_iter().filter(|dtype| *dtype != Dtype::Fp64).collect();
        let precision = Precision::uniform(*self.format.get(&formats));
        if self.fused { BuildOptions::fused(precision) } else { BuildOptions::unfused_with_ends(precision) }
    }

    /// The steps with their graphs.
    ///
    /// # Panics
    /// The model has no such step.
    #[must_use]
    pub fn steps(&self, machine: &Machine) -> Vec<(Step, Graph)> {
        let options = self.options(machine);
        let build = |step: Step| {
            (step, build_step(&self.architecture, &step, &options).expect("the model has such a step"))
        };
        self.workload.steps().map(build).collect()
    }
}

/// Small models of every family, with short workloads.
pub fn tasks() -> impl Strategy<Value = Task> {
    let decoder = (decoders(), workloads());
    let encoder = (decoders(), 1_u64..9, 1_u64..500).prop_map(|(architecture, batch, prompt)| {
        let architecture = Architecture { kind: ModelKind::Encoder, mla: None, window: None, ..architecture };
        (architecture, Workload { phase: Phase::Encode, batch, prompt, context: 0, tokens: 0 })
    });
    let pair = prop_oneof![4 => decoder, 1 => encoder];
    (pair, any::<prop::sample::Index>(), any::<bool>())
        .prop_map(|((architecture, workload), format, fused)| Task { architecture, workload, format, fused })
}

/// Prefill, decode or both.
pub fn workloads() -> impl Strategy<Value = Workload> {
    let batch = prop_oneof![3 => 1_u64..5, 1 => 5_u64..65];
    let length = || prop_oneof![2 => 1_u64..200, 1 => 200_u64..2000];
    let phase = prop::sample::select(vec![Phase::Prefill, Phase::Decode, Phase::Generate]);
    (phase, batch, length(), length(), 1_u64..4).prop_map(|(phase, batch, prompt, context, tokens)| {
        let tokens = if phase == Phase::Prefill { 0 } else { tokens };
        Workload { phase, batch, prompt, context, tokens }
    })
}

/// Decoders: dense or mixtures, grouped or latent attention, windows, any norm.
pub fn decoders() -> impl Strategy<Value = Architecture> {
    let sizes = (1_u64..4, 1_u64..9, 1_u64..5, prop::sample::select(vec![16_u64, 48, 64, 96, 128]));
    let widths = (1_u64..33, 1_u64..65, 0_u64..30_000);
    let moe = prop::option::weighted(0.25, (1_u64..17, 1_u64..5, 1_u64..9, 0_u64..2));
    (sizes, widths, proptest::array::uniform5(any::<bool>()), moe).prop_map(
        |((layers, kv_heads, group, head_dim), (hidden, ffn, vocab), switches, moe)| {
            let [gated, rms, latent, windowed, biased] = switches;
            let mla = (latent && windowed).then_some(Mla {
                q_lora_rank: biased.then_some(96),
                kv_lora_rank: 128,
                qk_nope_dim: head_dim,
                qk_rope_dim: 32,
                v_dim: head_dim,
            });
            let plain = mla.is_none();
            Architecture {
                kind: ModelKind::Decoder,
                layers,
                decoder_layers: None,
                hidden: 64 * hidden,
                heads: kv_heads * group,
                kv_heads: Some(kv_heads),
                head_dim: Some(head_dim),
                ffn: 64 * ffn,
                gated,
                activation: if gated { FfnActivation::Silu } else { FfnActivation::Gelu },
                norm: if rms { NormKind::Rms } else { NormKind::Layer },
                norm_position: NormPosition::Pre,
                blocks: Blocks::Sequential,
                embedding_norm: false,
                positions: if rms { Positions::Rope } else { Positions::Learned },
                max_positions: 8192,
                vocab,
                token_types: 0,
                tied_embeddings: biased,
                bias: if biased && plain { Bias::All } else { Bias::None },
                qk_norm: false,
                window: (windowed && plain).then_some(SlidingWindow {
                    tokens: 128,
                    full_every: Some(2),
                    chunked: false,
                }),
                mla,
                moe: moe.map(|(experts, top_k, width, shared_experts)| Moe {
                    experts,
                    top_k: top_k.min(experts),
                    expert_ffn: 64 * width,
                    shared_experts,
                    shared_ffn: None,
                    first_dense_layers: 0,
                    every: 1,
                }),
                patches: None,
            }
        },
    )
}
