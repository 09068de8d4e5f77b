//! The block as it is written.

use std::fmt;

use memwall_model_graph::{Dtype, OptimizerKind, ScheduleKind, ZeroStage};
use memwall_units::Bytes;
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::expect::Amount;

/// How a model is trained.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrainingSpec {
    /// What updates the parameters. Default: `adam`.
    pub optimizer: Option<OptimizerKind>,
    /// Values that the optimizer remembers of each parameter, where not as many as its kind usually does.
    pub optimizer_states: Option<f64>,
    /// Number format in which gradients are summed. Default: fp32.
    pub gradients: Option<Dtype>,
    /// Number format of the copy of the weights that the optimizer updates, or `none`. Default: fp32 where the weights
    /// themselves are narrower, otherwise none.
    pub master_weights: Option<MasterWeights>,
    /// Number format of what the optimizer remembers. Default: fp32.
    pub state: Option<Dtype>,
    /// What the backward pass computes again instead of keeping it. Default: `none`.
    pub recompute: Option<RecomputeSpec>,
    /// In what order pipeline stages do their passes. Default: `1f1b`.
    pub schedule: Option<ScheduleKind>,
    /// With `interleaved`, model parts that a stage holds.
    pub chunks: Option<u32>,
    /// What of each parameter is divided over the data-parallel ranks: a word, or the ZeRO stage from 0 to 3.
    /// Default: `none`.
    pub zero: Option<ZeroSpec>,
    /// Sequences that a data-parallel rank works on at once. Default: all of its share of the batch.
    pub micro_batch: Option<u64>,
    /// Tokens of the whole training, for the time it takes: `15.6e12`.
    pub total_tokens: Option<f64>,
    /// What an hour of a device costs, in dollars, for the cost of a trillion tokens.
    pub dollars_per_hour: Option<f64>,
    /// Share of activations that dropout zeroes, from 0 to below 1: `0.1` or `10 %`. Default 0.
    pub dropout: Option<Amount>,
}

/// The format of a copy of the weights, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MasterWeights {
    /// No copy: the optimizer updates the weights that the model computes with.
    None,
    /// A copy in IEEE double precision.
    Fp64,
    /// A copy in IEEE single precision.
    Fp32,
    /// A copy in brain float.
    Bf16,
    /// A copy in IEEE half precision.
    Fp16,
    /// A copy in an 8-bit float.
    Fp8,
}

impl MasterWeights {
    pub const fn format(self) -> Option<Dtype> {
        match self {
            Self::None => None,
            Self::Fp64 => Some(Dtype::Fp64),
            Self::Fp32 => Some(Dtype::Fp32),
            Self::Bf16 => Some(Dtype::Bf16),
            Self::Fp16 => Some(Dtype::Fp16),
            Self::Fp8 => Some(Dtype::Fp8),
        }
    }
}

/// What is computed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RecomputeSpec {
    /// A rule with a name.
    Word(RecomputeWord),
    /// A rule with a number.
    Number(RecomputeNumber),
}

/// Rules of recomputing that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RecomputeWord {
    /// Nothing: every tensor that a gradient needs is kept.
    None,
    /// What is large and cheap: inside attention, from queries, keys and values on; where attention is one kernel, the
    /// pointwise functions of the feed-forward block.
    Selective,
    /// Whole layers: only their inputs are kept.
    Full,
}

/// Rules of recomputing that have a number; one of the two is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RecomputeNumber {
    /// Whole layers, of which every that-many-th keeps what it needs: 1 is none of them.
    pub every: Option<u32>,
    /// The schedule of least time whose activations take at most this.
    pub optimal: Option<Bytes>,
}

impl<'de> Deserialize<'de> for RecomputeSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = RecomputeSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, `selective`, `full`, `{ every: 2 }` or `{ optimal: 20 GB }`")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<RecomputeSpec, E> {
                RecomputeWord::deserialize(StrDeserializer::new(word)).map(RecomputeSpec::Word)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RecomputeSpec, A::Error> {
                RecomputeNumber::deserialize(MapAccessDeserializer::new(map)).map(RecomputeSpec::Number)
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// A ZeRO stage by its word or its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ZeroSpec {
    /// What is divided.
    Word(ZeroStage),
    /// The stage, from 0 to 3.
    Number(#[schemars(range(max = 3))] u8),
}

impl ZeroSpec {
    pub fn stage(self) -> ZeroStage {
        match self {
            Self::Word(stage) => stage,
            Self::Number(0) => ZeroStage::None,
            Self::Number(1) => ZeroStage::Optimizer,
            Self::Number(2) => ZeroStage::Gradients,
            Self::Number(_) => ZeroStage::Weights,
        }
    }
}

impl<'de> Deserialize<'de> for ZeroSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = ZeroSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, `optimizer`, `gradients`, `weights`, or a number from 0 to 3")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<ZeroSpec, E> {
                ZeroStage::deserialize(StrDeserializer::new(word)).map(ZeroSpec::Word)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<ZeroSpec, E> {
                let stage = u8::try_from(number).ok().filter(|stage| *stage <= 3);
                let wrong = || E::invalid_value(serde::de::Unexpected::Unsigned(number), &self);
                stage.map(ZeroSpec::Number).ok_or_else(wrong)
            }
        }
        deserializer.deserialize_any(Words)
    }
}
