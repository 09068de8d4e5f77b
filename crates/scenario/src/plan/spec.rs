//! The `plan:` block as it is written.

use std::fmt;
use std::marker::PhantomData;

use memwall_model_graph::ScheduleKind;
use memwall_units::Picos;
use schemars::JsonSchema;
use serde::de::value::{
    BoolDeserializer, I64Deserializer, MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer,
    U64Deserializer,
};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::PlanObjective;
use crate::expect::Amount;
use crate::training::spec::{RecomputeSpec, ZeroSpec};

/// What is tried, how many of the best are simulated, and what they are compared with. Of what is not written,
/// everything that makes sense is tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PlanSpec {
    /// Devices in use, a number or a list of numbers. Default: all of the system.
    pub devices: Option<OneOrMany<u32>>,
    /// Tensor-parallel ranks.
    pub tensor: Option<OneOrMany<u32>>,
    /// Whether what is between the matrices is divided by tokens (sequence parallelism). Default: wherever there are
    /// tensor-parallel ranks.
    pub sequence: Option<OneOrMany<bool>>,
    /// Pipeline stages.
    pub pipeline: Option<OneOrMany<u32>>,
    /// Ranks that share each sequence.
    pub context: Option<OneOrMany<u32>>,
    /// Ranks over which experts are divided.
    pub expert: Option<OneOrMany<u32>>,
    /// Sequences that a data-parallel rank works on at once.
    pub micro_batch: Option<OneOrMany<u64>>,
    /// What of each parameter is divided over the data-parallel ranks.
    pub zero: Option<OneOrMany<ZeroSpec>>,
    /// What the backward pass computes again.
    pub recompute: Option<OneOrMany<RecomputeSpec>>,
    /// In what order pipeline stages do their passes.
    pub schedule: Option<OneOrMany<ScheduleKind>>,
    /// With `interleaved`, model parts that a stage holds.
    pub chunks: Option<OneOrMany<u32>>,
    /// How many of the best are simulated. Default 8, at most 256.
    pub simulate: Option<u32>,
    /// What the best are best at: `time` (the default), `memory` or `cost`.
    pub objective: Option<PlanObjective>,
    /// A plan that somebody used, to compare with.
    pub published: Option<PublishedPlanSpec>,
}

/// A plan that somebody used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PublishedPlanSpec {
    /// Devices. Default: all of the system.
    pub devices: Option<u32>,
    /// Tensor-parallel ranks. Default 1.
    pub tensor: Option<u32>,
    /// Whether what is between the matrices is divided by tokens. Default false.
    pub sequence: Option<bool>,
    /// Pipeline stages. Default 1.
    pub pipeline: Option<u32>,
    /// Ranks that share each sequence. Default 1.
    pub context: Option<u32>,
    /// Ranks over which experts are divided. Default 1.
    pub expert: Option<u32>,
    /// Sequences that a data-parallel rank works on at once. Default 1.
    pub micro_batch: Option<u64>,
    /// What of each parameter is divided over the data-parallel ranks. Default: nothing.
    pub zero: Option<ZeroSpec>,
    /// What the backward pass computes again. Default: nothing.
    pub recompute: Option<RecomputeSpec>,
    /// In what order pipeline stages do their passes. Default: `1f1b`.
    pub schedule: Option<ScheduleKind>,
    /// With `interleaved`, model parts that a stage holds.
    pub chunks: Option<u32>,
    /// How long an iteration takes.
    pub time: Option<Picos>,
    /// Useful operations over the peak: `41 %`.
    pub mfu: Option<Amount>,
    /// Where it is published.
    pub source: Option<String>,
}

/// One value, or several to try.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "OneOrMany{T}")]
pub(crate) enum OneOrMany<T> {
    /// Several.
    Many(Vec<T>),
    /// One.
    One(T),
}

impl<T: Clone> OneOrMany<T> {
    pub fn values(&self) -> Vec<T> {
        match self {
            Self::Many(values) => values.clone(),
            Self::One(value) => vec![value.clone()],
        }
    }
}

// By hand, so that what is wrong with a value is said of the value.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values(PhantomData))
    }
}

struct Values<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Values<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, or a list of values")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<OneOrMany<T>, E> {
        T::deserialize(BoolDeserializer::new(value)).map(OneOrMany::One)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<OneOrMany<T>, E> {
        T::deserialize(I64Deserializer::new(value)).map(OneOrMany::One)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<OneOrMany<T>, E> {
        T::deserialize(U64Deserializer::new(value)).map(OneOrMany::One)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<OneOrMany<T>, E> {
        T::deserialize(StrDeserializer::new(value)).map(OneOrMany::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneOrMany<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMany<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMany::Many)
    }
}
