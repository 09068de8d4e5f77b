//! In what order the stages of a pipeline do their passes.

use memwall_model_graph::{PipelineSchedule, ScheduleKind};

use super::error::{PipelineError, ScheduleError};
use super::{Placement, dualpipe, interleaved, plain, zero_bubble, zero_bubble_v};

/// Most passes of all stages that are written down: 128 MiB of them.
pub const MAX_PASSES: u64 = 1 << 24;

/// One pass of one part of the model over one micro-batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pass {
    /// What is done.
    pub kind: PassKind,
    /// Whether this forward pass and the backward pass after it in the order are done at once, as DualPipe does to
    /// hide the one's communication behind the other's work.
    pub paired: bool,
    /// Which of the stage's parts of the model.
    pub part: u16,
    /// Which micro-batch.
    pub micro_batch: u32,
}

/// What a pass does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PassKind {
    /// Activations from activations.
    Forward,
    /// All gradients.
    Backward,
    /// The gradient of what came in, for which the stage before waits.
    BackwardInput,
    /// The gradients of the weights, for which nobody waits.
    BackwardWeight,
}

/// The passes of every stage, in the order in which it does them.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineOrder {
    pub(super) placement: Placement,
    pub(super) parts: u32,
    pub(super) micro_batches: u32,
    pub(super) stages: Vec<Vec<Pass>>,
}

impl Pass {
    /// A pass by itself.
    #[must_use]
    pub const fn new(kind: PassKind, part: u16, micro_batch: u32) -> Self {
        Self { kind, paired: false, part, micro_batch }
    }
}

impl PassKind {
    /// `forward`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::BackwardInput => "backward-input",
            Self::BackwardWeight => "backward-weight",
        }
    }
}

impl PipelineOrder {
    /// The passes that `schedule` asks of each of `stages` stages for `micro_batches` micro-batches.
    ///
    /// # Errors
    ///
    /// When the rule cannot be followed with these numbers, with what would do; and when there would be more than
    /// [`MAX_PASSES`].
    pub fn of(schedule: PipelineSchedule, stages: u32, micro_batches: u32) -> Result<Self, ScheduleError> {
        check(schedule, stages, micro_batches)?;
        let placement = match schedule.kind {
            ScheduleKind::ZeroBubbleV => Placement::V,
            ScheduleKind::DualPipe => Placement::Bidirectional,
            _ => Placement::Loop,
        };
        let passes = |stage| match schedule.kind {
            ScheduleKind::GPipe => plain::gpipe(micro_batches),
            ScheduleKind::OneForwardOneBackward => {
                plain::one_forward_one_backward(stages, stage, micro_batches)
            }
            ScheduleKind::Interleaved => interleaved::passes(stages, stage, schedule.chunks, micro_batches),
            ScheduleKind::ZeroBubbleH1 => zero_bubble::passes(stages, stage, micro_batches, 1),
            ScheduleKind::ZeroBubbleH2 => zero_bubble::passes(stages, stage, micro_batches, 2),
            ScheduleKind::ZeroBubbleV => zero_bubble_v::passes(stages, stage, micro_batches),
            ScheduleKind::DualPipe => dualpipe::passes(stages, stage, micro_batches),
        };
        Ok(Self {
            placement,
            parts: schedule.parts(),
            micro_batches,
            stages: (0..stages).map(passes).collect(),
        })
    }

    /// An order of one's own: `stages` has the passes of each stage, `parts` the parts of the model that it holds.
    ///
    /// # Errors
    ///
    /// When a stage does a pass twice or leaves one out, names a part or a micro-batch that it does not have, or does
    /// the passes of a micro-batch out of order.
    pub fn custom(
        placement: Placement,
        parts: u32,
        micro_batches: u32,
        stages: Vec<Vec<Pass>>,
    ) -> Result<Self, PipelineError> {
        let order = Self { placement, parts, micro_batches, stages };
        super::error::check_order(&order)?;
        Ok(order)
    }

    /// How the parts lie on the stages.
    #[must_use]
    pub const fn placement(&self) -> Placement {
        self.placement
    }

    /// How many stages there are.
    #[must_use]
    pub const fn stages(&self) -> u32 {
        self.stages.len() as u32
    }

    /// How many parts of the model a stage holds.
    #[must_use]
    pub const fn parts(&self) -> u32 {
        self.parts
    }

    /// How many micro-batches there are.
    #[must_use]
    pub const fn micro_batches(&self) -> u32 {
        self.micro_batches
    }

    /// What a stage does, in order; nothing for a stage that there is not.
    #[must_use]
    pub fn passes(&self, stage: u32) -> &[Pass] {
        self.stages.get(stage as usize).map_or(&[], Vec::as_slice)
    }

    /// The stage and part whose pass over the same micro-batch has to come before `pass` of `stage`; none where it
    /// needs nothing of another part.
    pub(super) fn needs(&self, stage: u32, pass: Pass) -> Option<(u32, u32)> {
        self.neighbour(stage, pass, pass.kind == PassKind::Forward)
    }

    /// The stage and part that goes on with the outcome of `pass`.
    pub(super) fn feeds(&self, stage: u32, pass: Pass) -> Option<(u32, u32)> {
        self.neighbour(stage, pass, pass.kind != PassKind::Forward)
    }

    fn neighbour(&self, stage: u32, pass: Pass, before: bool) -> Option<(u32, u32)> {
        let part = u32::from(pass.part);
        if pass.kind == PassKind::BackwardWeight {
            return None;
        }
        if before {
            self.placement.previous(self.stages(), stage, part)
        } else {
            self.placement.next(self.stages(), self.parts, stage, part)
        }
    }
}

fn check(schedule: PipelineSchedule, stages: u32, micro_batches: u32) -> Result<(), ScheduleError> {
    let parts = schedule.parts();
    if stages == 0 || micro_batches == 0 || parts == 0 || parts > u32::from(u16::MAX) {
        return Err(ScheduleError::Empty { stages, micro_batches, parts });
    }
    if schedule.chunks > 1 && schedule.kind != ScheduleKind::Interleaved {
        return Err(ScheduleError::Chunks { schedule: schedule.kind.name(), chunks: schedule.chunks });
    }
    let passes = passes(schedule, stages, micro_batches);
    if passes > u128::from(MAX_PASSES) {
        return Err(ScheduleError::TooMany { passes, limit: MAX_PASSES });
    }
    match schedule.kind {
        ScheduleKind::Interleaved => interleaved::check(stages, micro_batches),
        ScheduleKind::DualPipe => dualpipe::check(stages, micro_batches),
        _ => Ok(()),
    }
}

/// Passes of all stages, at most.
fn passes(schedule: PipelineSchedule, stages: u32, micro_batches: u32) -> u128 {
    let (stages, micro_batches) = (u128::from(stages), u128::from(micro_batches));
    let kinds = if schedule.kind.splits_backward() { 3 } else { 2 };
    let of_part = match schedule.kind {
        // Two parts, and each sees half of the micro-batches.
        ScheduleKind::DualPipe => return stages * micro_batches * kinds,
        // Written for so many, then cut.
        ScheduleKind::ZeroBubbleV => micro_batches.max(2 * stages),
        _ => micro_batches,
    };
    stages * of_part * u128::from(schedule.parts()) * kinds
}
