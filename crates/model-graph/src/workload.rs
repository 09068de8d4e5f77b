//! What a model is asked to do, and the steps that takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::WorkloadError;
use crate::field_error::Checker;
use crate::limits::{MAX_BATCH, MAX_TOKENS};

/// The part of inference a workload covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// One pass of an encoder over `prompt` tokens.
    Encode,
    /// One pass of a decoder over `prompt` tokens, filling the KV cache; `context` tokens are in it already.
    Prefill,
    /// `tokens` steps, each of one new token per sequence, with `context` tokens in the cache before the
    /// first.
    #[default]
    Decode,
    /// Prefill of `prompt` tokens, which yields the first new token, then `tokens - 1` decode steps.
    Generate,
    /// One training iteration: forward and backward passes over `batch` sequences of `prompt` tokens, then the
    /// optimizer's step.
    Train,
}

/// What a model is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The part of inference it covers.
    #[serde(default)]
    pub phase: Phase,
    /// Sequences worked on together.
    #[serde(default = "one")]
    pub batch: u64,
    /// Tokens of each sequence read in one pass by encode, prefill and generate; for decode, tokens already
    /// read (for an encoder-decoder model, by its encoder).
    #[serde(default)]
    pub prompt: u64,
    /// Tokens of each sequence in the KV cache beforehand, besides the prompt.
    #[serde(default)]
    pub context: u64,
    /// New tokens of each sequence.
    #[serde(default)]
    pub tokens: u64,
}

/// What one step does; the name of its row in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepPhase {
    /// A pass of an encoder.
    Encode,
    /// A pass of a decoder over many tokens (of an encoder-decoder model: of the encoder, then the first
    /// token).
    Prefill,
    /// One new token a sequence.
    Decode,
    /// The forward pass of a training iteration: all tokens, no cache, a loss at the end. See
    /// [`crate::TrainingGraph`] for the way back.
    Train,
}

impl StepPhase {
    /// `decode`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encode => "encode",
            Self::Prefill => "prefill",
            Self::Decode => "decode",
            Self::Train => "train",
        }
    }
}

/// One pass through the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step {
    /// What it does.
    pub phase: StepPhase,
    /// Sequences.
    pub batch: u64,
    /// New tokens of each sequence.
    pub q_len: u64,
    /// Tokens of each sequence attended to, the new ones included.
    pub kv_len: u64,
    /// Of `kv_len`, the tokens of the prompt. An encoder-decoder model's decoder attends to these by
    /// cross-attention and to the others by self-attention; other models make no difference.
    pub prompt_len: u64,
}

impl Step {
    /// Tokens that come out of it: one a sequence for decode, all that were processed for encode and prefill.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.batch.saturating_mul(self.q_len)
    }
}

impl Workload {
    /// Checks every figure against its limits and says everything that is wrong.
    ///
    /// # Errors
    /// One [`WorkloadError`] for each wrong field.
    pub fn validate(&self) -> Result<(), Vec<WorkloadError>> {
        let mut check = Checker::default();
        let reads = matches!(self.phase, Phase::Encode | Phase::Prefill | Phase::Generate | Phase::Train);
        let makes = matches!(self.phase, Phase::Decode | Phase::Generate);
        check.within("batch", self.batch, 1, MAX_BATCH);
        check.within("prompt", self.prompt, u64::from(reads), MAX_TOKENS);
        check.within("tokens", self.tokens, u64::from(makes), MAX_TOKENS);
        check.within("context", self.context, 0, MAX_TOKENS);
        if matches!(self.phase, Phase::Encode | Phase::Train) {
            check.demand(
                self.context == 0,
                "context",
                "nothing: only prefill and decode read a KV cache",
                self.context,
            );
        }
        if !makes {
            check.demand(
                self.tokens == 0,
                "tokens",
                "nothing: only decode and generate make tokens",
                self.tokens,
            );
        }
        check.finish()
    }

    /// How many steps it takes.
    #[must_use]
    pub fn step_count(&self) -> u64 {
        match self.phase {
            Phase::Encode | Phase::Prefill | Phase::Train => 1,
            Phase::Decode | Phase::Generate => self.tokens,
        }
    }

    /// The steps, in order. Decode step t = 1, 2, ... has `q_len` 1 and `kv_len` prompt + context + t.
    pub fn steps(&self) -> impl Iterator<Item = Step> + use<> {
        let workload = *self;
        (0..self.step_count()).map(move |index| workload.step(index))
    }

    fn step(&self, index: u64) -> Step {
        let cached = self.prompt.saturating_add(self.context);
        let one_pass = |phase, kv_len| Step {
            phase,
            batch: self.batch,
            q_len: self.prompt,
            kv_len,
            prompt_len: self.prompt,
        };
        let one_token = |made: u64| Step {
            phase: StepPhase::Decode,
            batch: self.batch,
            q_len: 1,
            kv_len: cached.saturating_add(made),
            prompt_len: self.prompt,
        };
        match self.phase {
            Phase::Encode => one_pass(StepPhase::Encode, self.prompt),
            Phase::Train => one_pass(StepPhase::Train, self.prompt),
            Phase::Prefill => one_pass(StepPhase::Prefill, cached),
            Phase::Generate if index == 0 => one_pass(StepPhase::Prefill, cached),
            Phase::Generate => one_token(index),
            Phase::Decode => one_token(index + 1),
        }
    }
}

fn one() -> u64 {
    1
}
