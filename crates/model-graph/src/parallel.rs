//! How a model is divided over ranks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::field_error::Checker;
use crate::limits::{MAX_LAYERS, MAX_PARALLEL};
use crate::{Architecture, ArchitectureError, ModelKind, Step, StepPhase};

/// How a model is divided over ranks (devices).
///
/// There are [`Parallel::ranks`] = `tensor` x `context` x `data` x `pipeline` ranks, numbered in this order,
/// tensor-parallel neighbours next to each other, as in Megatron-LM. Expert parallelism takes no ranks of
/// its own: the `tensor` x `context` x `data` ranks of one pipeline stage hold the experts, `expert`
/// consecutive ranks holding all of them once.
///
/// * Where `expert` is at most `tensor`, an expert group lies within a tensor-parallel group: experts are
///   divided over `expert` ranks and each expert's inner width over the remaining `tensor / expert`, as
///   TensorRT-LLM has it (`moe_tp x moe_ep = tp`). Every rank of the group has all of its tokens already, so
///   nothing is sent to experts: each rank applies the experts it holds, and the block's all-reduce (with
///   `sequence`: reduce-scatter) adds up.
/// * Where `expert` is more than `tensor`, an expert group is whole tensor-parallel groups of several data-
///   or context-parallel shares, as in vLLM, SGLang and Megatron-LM. Experts are whole; each rank sends its
///   `1 / tensor` of its group's tokens through an all-to-all to the experts they chose, and gets them back
///   through another. Shared experts are divided over `tensor`, as a dense block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Parallel {
    /// Ranks that share each layer's matrices: query heads, inner width of feed-forward blocks, vocabulary.
    #[serde(alias = "tp")]
    pub tensor: u32,
    /// Whether what is between those matrices (norms, residual sums) is divided by tokens over the same
    /// ranks, each all-reduce becoming a reduce-scatter and an all-gather (Korthikanti et al. 2022,
    /// arXiv:2205.05198).
    #[serde(alias = "sp")]
    pub sequence: bool,
    /// Stages, each holding some of the layers.
    #[serde(alias = "pp")]
    pub pipeline: u32,
    /// Copies of the model, each working on a part of the batch.
    #[serde(alias = "dp")]
    pub data: u32,
    /// Ranks over which the experts of a mixture are divided.
    #[serde(alias = "ep")]
    pub expert: u32,
    /// Ranks that share each sequence.
    #[serde(alias = "cp")]
    pub context: u32,
    /// Parts that a rank's batch goes through the pipeline in. A graph is that of one part; caches of all
    /// parts live at once.
    pub micro_batches: u32,
}

impl Default for Parallel {
    /// One rank.
    fn default() -> Self {
        Self { tensor: 1, sequence: false, pipeline: 1, data: 1, expert: 1, context: 1, micro_batches: 1 }
    }
}

impl Parallel {
    /// Ranks of all: tensor x pipeline x data x context. Expert groups lie within them.
    #[must_use]
    pub fn ranks(&self) -> u64 {
        let sizes = [self.tensor, self.pipeline, self.data, self.context];
        sizes.iter().fold(1_u64, |ranks, size| ranks.saturating_mul(u64::from(*size)))
    }

    /// Checks that `arch`, which is valid, can be divided so, and says everything that is in the way.
    ///
    /// # Errors
    /// One error for each number that does not fit, its path the field of this struct: `["tensor"]`.
    pub fn validate(&self, arch: &Architecture) -> Result<(), Vec<ArchitectureError>> {
        let mut check = Checker::default();
        let sizes = [
            ("tensor", self.tensor),
            ("pipeline", self.pipeline),
            ("data", self.data),
            ("expert", self.expert),
            ("context", self.context),
            ("micro_batches", self.micro_batches),
        ];
        for (path, size) in sizes {
            check.within(path, u64::from(size), 1, MAX_PARALLEL);
        }
        check.finish()?;
        let mut check = Checker::default();
        self.check_tensor(arch, &mut check);
        self.check_pipeline(arch, &mut check);
        self.check_experts(arch, &mut check);
        if self.context > 1 {
            let one_stack = arch.kind != ModelKind::EncoderDecoder;
            check.demand(one_stack, "context", "1 for an encoder-decoder model", self.context);
        }
        check.finish()
    }

    fn check_tensor(&self, arch: &Architecture, check: &mut Checker) {
        let tensor = u64::from(self.tensor);
        let mut divides = |what: &str, size: u64| {
            let expected = format!("a divisor of {what} ({size})");
            check.demand(size.is_multiple_of(tensor), "tensor", expected, tensor);
        };
        divides("heads", arch.heads);
        if dense_layers(arch) > 0 {
            divides("ffn", arch.ffn);
        }
        if let Some(moe) = &arch.moe {
            let shared = moe.shared_ffn.unwrap_or(moe.expert_ffn).saturating_mul(moe.shared_experts);
            divides("the shared experts' width", shared);
        }
        if arch.mla.is_none() {
            let kv_heads = arch.kv_heads();
            let shared_out = kv_heads.is_multiple_of(tensor) || tensor.is_multiple_of(kv_heads.max(1));
            let expected = format!("a divisor or a multiple of kv_heads ({kv_heads})");
            check.demand(shared_out, "tensor", expected, tensor);
        }
    }

    fn check_pipeline(&self, arch: &Architecture, check: &mut Checker) {
        if self.pipeline == 1 {
            return;
        }
        if arch.kind == ModelKind::EncoderDecoder {
            check.demand(false, "pipeline", "1 for an encoder-decoder model", self.pipeline);
            return;
        }
        let layers = arch.layers.min(MAX_LAYERS);
        let expected = format!("at most layers ({layers})");
        check.demand(u64::from(self.pipeline) <= layers, "pipeline", expected, self.pipeline);
    }

    fn check_experts(&self, arch: &Architecture, check: &mut Checker) {
        let (tensor, expert) = (u64::from(self.tensor), u64::from(self.expert));
        let Some(moe) = &arch.moe else {
            check.demand(expert == 1, "expert", "1 for a model without experts", expert);
            return;
        };
        let expected = format!("a divisor of moe.experts ({})", moe.experts);
        check.demand(moe.experts.is_multiple_of(expert), "expert", expected, expert);
        if expert > tensor {
            let stage = tensor.saturating_mul(u64::from(self.data)).saturating_mul(u64::from(self.context));
            let fits = expert.is_multiple_of(tensor) && stage.is_multiple_of(expert);
            let all = format!("tensor x data x context ({stage})");
            let expected = format!("a divisor of tensor ({tensor}), or a multiple of it that divides {all}");
            check.demand(fits, "expert", expected, expert);
            return;
        }
        let divides = tensor.is_multiple_of(expert);
        check.demand(divides, "expert", format!("a divisor or a multiple of tensor ({tensor})"), expert);
        if divides {
            let share = tensor / expert;
            let expected = format!("tensor / expert to divide moe.expert_ffn ({})", moe.expert_ffn);
            check.demand(moe.expert_ffn.is_multiple_of(share), "tensor", expected, tensor);
        }
    }

    /// Whether experts are spread over more ranks than share a layer, so that tokens must travel to them.
    #[must_use]
    pub fn sends_to_experts(&self) -> bool {
        self.expert > self.tensor
    }

    /// The layers of one stage, `0..layers` being all. Where they do not divide evenly, the first stages
    /// have one more each (as TensorRT-LLM; Megatron-LM asks for an even division).
    #[must_use]
    pub fn layers_of(&self, stage: u32, layers: u64) -> std::ops::Range<u64> {
        let (stages, stage) = (u64::from(self.pipeline.max(1)), u64::from(stage));
        let (each, left) = (layers / stages, layers % stages);
        let start = |stage: u64| each.saturating_mul(stage).saturating_add(stage.min(left)).min(layers);
        start(stage)..start(stage.saturating_add(1))
    }

    /// Whether `stage` is the last one.
    #[must_use]
    pub fn is_last(&self, stage: u32) -> bool {
        stage.saturating_add(1) >= self.pipeline
    }
}

/// What one rank holds of an architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// The architecture with this rank's heads, inner widths and vocabulary. Layers and the number of
    /// experts to choose from are those of the whole.
    pub(crate) arch: Architecture,
    /// Experts of each mixture that this rank holds.
    pub(crate) experts: u64,
}

impl Share {
    /// A rank's share of an architecture for which `parallel` is valid; of any other, some numbers.
    pub(crate) fn of(arch: &Architecture, parallel: &Parallel) -> Self {
        let tensor = u64::from(parallel.tensor.max(1));
        let mut own = arch.clone();
        own.head_dim = Some(arch.head_dim());
        own.kv_heads = Some(arch.kv_heads().div_ceil(tensor));
        own.heads = arch.heads / tensor;
        own.ffn = arch.ffn / tensor;
        // Padded, as every system does, so that all ranks have as many rows.
        own.vocab = arch.vocab.div_ceil(tensor);
        let experts = arch.moe.map_or(0, |moe| moe.experts / u64::from(parallel.expert.max(1)));
        if let (Some(moe), true) = (own.moe.as_mut(), tensor > 1) {
            moe.expert_ffn /= (tensor / u64::from(parallel.expert.max(1))).max(1);
            let shared = moe.shared_ffn.unwrap_or(arch.moe.map_or(0, |whole| whole.expert_ffn));
            moe.shared_ffn =
                Some(shared.saturating_mul(moe.shared_experts) / tensor).filter(|width| *width > 0);
            moe.shared_experts = moe.shared_experts.min(1);
        }
        Self { arch: own, experts }
    }
}

/// The step as one rank of it works: its sequences of one micro-batch, and its tokens of each.
///
/// # Errors
/// What does not divide.
pub(crate) fn step_of_rank(step: &Step, parallel: &Parallel) -> Result<Step, Vec<ArchitectureError>> {
    let mut check = Checker::default();
    let (data, parts) = (u64::from(parallel.data), u64::from(parallel.micro_batches));
    let whole = step.batch <= data || step.batch.is_multiple_of(data);
    check.demand(whole, "data", format!("a divisor of the batch ({})", step.batch), data);
    let of_rank = step.batch.div_ceil(data);
    let expected = format!("a divisor of the batch of a rank ({of_rank})");
    check.demand(of_rank.is_multiple_of(parts), "micro_batches", expected, parts);
    let context = u64::from(parallel.context);
    let divided = step.phase != StepPhase::Decode;
    if divided {
        let expected = format!("a divisor of the tokens of a sequence ({})", step.q_len);
        check.demand(step.q_len.is_multiple_of(context), "context", expected, context);
    }
    check.finish()?;
    let q_len = if divided { step.q_len / context } else { step.q_len };
    Ok(Step { batch: of_rank / parts, q_len, ..*step })
}

fn dense_layers(arch: &Architecture) -> u64 {
    let stacks = [arch.encoder_layers(), arch.decoder_layers()];
    stacks
        .iter()
        .map(|layers| {
            (0..(*layers).min(MAX_LAYERS)).filter(|layer| arch.moe_of(*layer).is_none()).count() as u64
        })
        .sum()
}
