//! Collectives: what the ranks of a parallel run send each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a group of ranks does together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CollectiveKind {
    /// Every rank ends with the sum of all ranks' buffers.
    AllReduce,
    /// Every rank ends with all ranks' shards, one after the other.
    AllGather,
    /// Every rank ends with its shard of the sum of all ranks' buffers.
    ReduceScatter,
    /// Every rank sends each other one a part of its buffer.
    AllToAll,
    /// Every rank ends with the first one's buffer.
    Broadcast,
    /// The first rank ends with the sum of all ranks' buffers.
    Reduce,
    /// A message to the next rank of the group: of a pipeline, the next stage.
    Send,
    /// A message from the rank before.
    Recv,
}

impl CollectiveKind {
    /// `all_reduce`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllReduce => "all_reduce",
            Self::AllGather => "all_gather",
            Self::ReduceScatter => "reduce_scatter",
            Self::AllToAll => "all_to_all",
            Self::Broadcast => "broadcast",
            Self::Reduce => "reduce",
            Self::Send => "send",
            Self::Recv => "recv",
        }
    }
}

/// Along which dimension of a parallel run the ranks of a group differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Dimension {
    /// Shares of each layer's matrices.
    #[serde(rename = "tp")]
    Tensor,
    /// Stages, each of some of the layers.
    #[serde(rename = "pp")]
    Pipeline,
    /// Shares of the batch.
    #[serde(rename = "dp")]
    Data,
    /// Shares of the experts.
    #[serde(rename = "ep")]
    Expert,
    /// Copies of the experts.
    #[serde(rename = "edp")]
    ExpertData,
    /// Shares of each sequence.
    #[serde(rename = "cp")]
    Context,
}

impl Dimension {
    /// `tp`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tensor => "tp",
            Self::Pipeline => "pp",
            Self::Data => "dp",
            Self::Expert => "ep",
            Self::ExpertData => "edp",
            Self::Context => "cp",
        }
    }
}

/// One collective as one rank of its group sees it.
///
/// It reads its inputs and writes new tensors, so that whatever needs the result waits for it; only
/// [`CollectiveKind::Send`] has no output, and [`CollectiveKind::Recv`] no input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Collective {
    /// What the ranks do.
    pub kind: CollectiveKind,
    /// Which ranks: those that differ in this dimension only.
    pub dimension: Dimension,
    /// Ranks of the group; of a send or receive, of the whole pipeline.
    pub ranks: u32,
    /// Bytes of the buffer that nccl-tests would call the size: all-reduce, broadcast, reduce: one rank's
    /// buffer; all-gather: the receive buffer of one rank, all shards together; reduce-scatter and
    /// all-to-all: the send buffer of one rank; send and receive: the message.
    pub bytes: u64,
    /// What the busiest rank sends or receives in an uneven all-to-all, in thousandths of the mean; 1000 is
    /// even.
    pub skew_permille: u32,
}

impl Collective {
    /// One in which every rank has as much to do.
    #[must_use]
    pub const fn even(kind: CollectiveKind, dimension: Dimension, ranks: u32, bytes: u64) -> Self {
        Self { kind, dimension, ranks, bytes, skew_permille: 1000 }
    }
}
