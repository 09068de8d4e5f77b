//! Several model parts a stage, one forward and one backward in turn (Narayanan et al. 2021, arXiv:2104.04473, 2.2.2).

use super::error::ScheduleError;
use super::plain::alternate;
use super::{Pass, PassKind};

/// Megatron's rule: micro-batches go through the parts in groups of as many as there are stages.
pub(super) fn check(stages: u32, micro_batches: u32) -> Result<(), ScheduleError> {
    if micro_batches.is_multiple_of(stages) {
        return Ok(());
    }
    let below = micro_batches / stages * stages;
    let above = u64::from(below) + u64::from(stages);
    let would_do = if below == 0 { above.to_string() } else { format!("{below} or {above}") };
    Err(ScheduleError::NotMultiple { micro_batches, stages, would_do })
}

/// A stage first does two forward passes for each stage behind it and one group's for each part but one.
pub(super) fn passes(stages: u32, stage: u32, parts: u32, micro_batches: u32) -> Vec<Pass> {
    let count = micro_batches * parts;
    let ahead = ((stages - 1 - stage) * 2 + (parts - 1) * stages).min(count);
    let group = stages * parts;
    let pass = move |kind, k: u32, turn: u32| {
        let micro_batch = k / group * stages + k % stages;
        Pass::new(kind, turn as u16, micro_batch)
    };
    alternate(
        ahead,
        count,
        |k| pass(PassKind::Forward, k, k % group / stages),
        |k| pass(PassKind::Backward, k, parts - 1 - k % group / stages),
    )
}
