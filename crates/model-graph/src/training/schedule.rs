//! In what order pipeline stages do their passes.

use serde::{Deserialize, Serialize};

/// A pipeline's order of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PipelineSchedule {
    /// The rule.
    pub kind: ScheduleKind,
    /// Model parts (virtual stages) that a stage holds, where the rule leaves it open: at least 1, above 1 only with
    /// [`ScheduleKind::Interleaved`].
    pub chunks: u32,
}

/// Rules by which stages order their forward and backward passes.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub enum ScheduleKind {
    /// All forward passes, then all backward passes (Huang et al. 2019, arXiv:1811.06965).
    #[serde(rename = "gpipe")]
    GPipe,
    /// One forward, one backward (Narayanan et al. 2019 and 2021, arXiv:2104.04473).
    #[default]
    #[serde(rename = "1f1b")]
    OneForwardOneBackward,
    /// The same with several model parts a stage (arXiv:2104.04473, section 2.2.2).
    #[serde(rename = "interleaved")]
    Interleaved,
    /// Weight gradients put off into the bubble, in no more memory than 1F1B (Qi et al. 2023, arXiv:2401.10241).
    #[serde(rename = "zb-h1")]
    ZeroBubbleH1,
    /// The same with twice the memory and, in the ideal case, no bubble.
    #[serde(rename = "zb-h2")]
    ZeroBubbleH2,
    /// Two model parts a stage, laid out in a V: no bubble in the memory of 1F1B (Qi et al. 2024, arXiv:2405.15362).
    #[serde(rename = "zb-v")]
    ZeroBubbleV,
    /// Micro-batches from both ends, with two copies of the weights (DeepSeek-AI 2024, arXiv:2412.19437).
    #[serde(rename = "dualpipe")]
    DualPipe,
}

impl ScheduleKind {
    /// Every rule.
    pub const ALL: [Self; 7] = [
        Self::GPipe,
        Self::OneForwardOneBackward,
        Self::Interleaved,
        Self::ZeroBubbleH1,
        Self::ZeroBubbleH2,
        Self::ZeroBubbleV,
        Self::DualPipe,
    ];

    /// `1f1b`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GPipe => "gpipe",
            Self::OneForwardOneBackward => "1f1b",
            Self::Interleaved => "interleaved",
            Self::ZeroBubbleH1 => "zb-h1",
            Self::ZeroBubbleH2 => "zb-h2",
            Self::ZeroBubbleV => "zb-v",
            Self::DualPipe => "dualpipe",
        }
    }

    /// Whether a backward pass is two: of what came in, and of the weights.
    #[must_use]
    pub const fn splits_backward(self) -> bool {
        matches!(self, Self::ZeroBubbleH1 | Self::ZeroBubbleH2 | Self::ZeroBubbleV | Self::DualPipe)
    }
}

impl Default for PipelineSchedule {
    fn default() -> Self {
        Self { kind: ScheduleKind::default(), chunks: 1 }
    }
}

impl PipelineSchedule {
    /// Model parts that a stage holds.
    #[must_use]
    pub const fn parts(&self) -> u32 {
        match self.kind {
            ScheduleKind::Interleaved => self.chunks,
            ScheduleKind::ZeroBubbleV | ScheduleKind::DualPipe => 2,
            _ => 1,
        }
    }
}
