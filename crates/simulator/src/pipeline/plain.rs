//! One part of the model a stage, whole backward passes.

use super::{Pass, PassKind};

/// All forward passes, then all backward passes (Huang et al. 2019, arXiv:1811.06965).
pub(super) fn gpipe(micro_batches: u32) -> Vec<Pass> {
    let all = |kind| (0..micro_batches).map(move |micro_batch| Pass::new(kind, 0, micro_batch));
    all(PassKind::Forward).chain(all(PassKind::Backward)).collect()
}

/// As many forward passes as there are stages behind, then one forward and one backward in turn
/// (Narayanan et al. 2021, arXiv:2104.04473).
pub(super) fn one_forward_one_backward(stages: u32, stage: u32, micro_batches: u32) -> Vec<Pass> {
    let ahead = (stages - 1 - stage).min(micro_batches);
    alternate(
        ahead,
        micro_batches,
        |k| Pass::new(PassKind::Forward, 0, k),
        |k| Pass::new(PassKind::Backward, 0, k),
    )
}

/// `ahead` forward passes, then a forward and a backward in turn, then the backward passes that are left: `count` of
/// each.
pub(super) fn alternate(
    ahead: u32,
    count: u32,
    forward: impl Fn(u32) -> Pass,
    backward: impl Fn(u32) -> Pass,
) -> Vec<Pass> {
    let mut passes = Vec::with_capacity(2 * count as usize);
    passes.extend((0..ahead).map(&forward));
    for k in 0..count - ahead {
        passes.push(forward(ahead + k));
        passes.push(backward(k));
    }
    passes.extend((count - ahead..count).map(&backward));
    passes
}
