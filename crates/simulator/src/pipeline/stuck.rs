//! Who waits for whom when nothing goes on.

use super::error::{PipelineError, Waiting};
use super::{Pass, PassKind, PipelineOrder};

/// The stages that wait for each other in a ring, when some have not done all their passes: `positions` says how many.
pub(super) fn deadlock(order: &PipelineOrder, positions: &[usize]) -> Option<PipelineError> {
    let waits = |stage: u32| {
        let position = positions[stage as usize];
        let pass = *order.passes(stage).get(position)?;
        let beside = order.passes(stage).get(position + 1).filter(|_| pass.paired).copied();
        // Of a pair, the one whose message has not come.
        let missing = |pass: Pass| {
            let (other, part) = order.needs(stage, pass)?;
            let passes = &order.passes(other)[..positions[other as usize]];
            let same = |done: &Pass| {
                u32::from(done.part) == part
                    && done.micro_batch == pass.micro_batch
                    && (done.kind == PassKind::Forward) == (pass.kind == PassKind::Forward)
            };
            (!passes.iter().any(same)).then_some(Waiting { stage, pass, other })
        };
        missing(pass).or_else(|| beside.and_then(missing))
    };
    let mut at = waits((0..order.stages()).find(|stage| waits(*stage).is_some())?)?;
    let mut walk: Vec<Waiting> = Vec::new();
    loop {
        if let Some(first) = walk.iter().position(|wait| wait.stage == at.stage) {
            return Some(PipelineError::Deadlock { waits: walk.split_off(first) });
        }
        walk.push(at);
        match waits(at.other) {
            Some(next) => at = next,
            None => return Some(PipelineError::Deadlock { waits: walk }),
        }
    }
}
