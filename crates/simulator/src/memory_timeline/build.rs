//! Device memory over a step, from what a pipeline stage did when.

use memwall_units::Picos;

use super::{MemoryItem, MemoryTimeline, Moment};
use crate::pipeline::{PassInterval, PassKind, PipelineRecord};

/// What a pipeline stage keeps in device memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StageMemory {
    /// What does not change over the step, in bytes.
    pub constant: Vec<(MemoryItem, u64)>,
    /// Each of its parts of the model.
    pub parts: Vec<PartMemory>,
    /// What the allocator loses, as a share of what is allocated and freed over the step.
    pub fragmentation: f64,
}

/// What passes of one part of the model keep for one micro-batch, and what they need meanwhile, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartMemory {
    /// Kept from the start of the forward pass to the end of the backward pass.
    pub activations: u64,
    /// Kept after that until the gradients of weights are computed, where those are put off: what they read of it, and
    /// gradients that they read.
    pub kept_for_weights: u64,
    /// What a backward pass computes again, when it needs most.
    pub recomputed: u64,
    /// What a forward pass needs besides, at most.
    pub forward_temporary: u64,
    /// What a backward pass needs besides, when it needs most.
    pub backward_temporary: u64,
    /// What the gradients of weights need besides, at most, where they are put off.
    pub weight_temporary: u64,
}

impl MemoryTimeline {
    /// Memory of stage `stage` of a pipeline that ran with its intervals kept ([`Detail::Intervals`]); without them, or
    /// with no such stage, only what does not change.
    ///
    /// [`Detail::Intervals`]: crate::pipeline::Detail::Intervals
    #[must_use]
    pub fn of_stage(record: &PipelineRecord, stage: u32, memory: &StageMemory, capacity: u64) -> Self {
        let intervals = record.stages.get(stage as usize).map_or(&[][..], |stage| &stage.intervals);
        let mut moments = vec![Moment::default()];
        let mut held = 0_u64;
        let mut rest = intervals;
        while let [first, ..] = rest {
            let (at_once, behind) = rest.split_at(passes_at_once(rest));
            rest = behind;
            let of = |interval: &PassInterval| part(memory, interval);
            let sum = |bytes: fn(PassKind, &PartMemory) -> u64| {
                at_once.iter().fold(0_u64, |sum, it| sum.saturating_add(bytes(it.pass.kind, &of(it))))
            };
            held = held.saturating_add(sum(kept));
            let during = Moment {
                at: first.start,
                activations: held,
                recomputed: sum(recomputed),
                temporary: sum(temporary),
                fragmentation: 0,
            };
            moments.push(during.fragmented(memory.fragmentation));
            held = held.saturating_sub(sum(released)).saturating_add(sum(kept_on));
            let after = Moment { at: first.end, activations: held, ..Moment::default() };
            moments.push(after.fragmented(memory.fragmentation));
        }
        Self { capacity, constant: memory.constant.clone(), moments, end: record.wall }
    }

    /// Memory of something that holds the same all the time.
    #[must_use]
    pub fn steady(constant: Vec<(MemoryItem, u64)>, end: Picos, capacity: u64) -> Self {
        Self { capacity, constant, moments: vec![Moment::default()], end }
    }
}

impl Moment {
    fn fragmented(self, share: f64) -> Self {
        // A float to integer cast saturates, and makes NaN zero.
        let fragmentation = (self.total() as f64 * share).ceil() as u64;
        Self { fragmentation, ..self }
    }
}

/// Two for a pair that ran at once.
fn passes_at_once(intervals: &[PassInterval]) -> usize {
    match intervals {
        [first, second, ..] if first.pass.paired && second.start == first.start => 2,
        _ => 1,
    }
}

fn part(memory: &StageMemory, interval: &PassInterval) -> PartMemory {
    memory.parts.get(usize::from(interval.pass.part)).copied().unwrap_or_default()
}

fn kept(kind: PassKind, part: &PartMemory) -> u64 {
    if kind == PassKind::Forward { part.activations } else { 0 }
}

fn released(kind: PassKind, part: &PartMemory) -> u64 {
    match kind {
        PassKind::Forward => 0,
        PassKind::Backward | PassKind::BackwardInput => part.activations,
        PassKind::BackwardWeight => part.kept_for_weights,
    }
}

/// Kept from the end of a pass on.
fn kept_on(kind: PassKind, part: &PartMemory) -> u64 {
    if kind == PassKind::BackwardInput { part.kept_for_weights } else { 0 }
}

fn recomputed(kind: PassKind, part: &PartMemory) -> u64 {
    // What the gradients of weights need has been computed again by the pass before.
    if matches!(kind, PassKind::Backward | PassKind::BackwardInput) { part.recomputed } else { 0 }
}

fn temporary(kind: PassKind, part: &PartMemory) -> u64 {
    match kind {
        PassKind::Forward => part.forward_temporary,
        PassKind::Backward | PassKind::BackwardInput => part.backward_temporary,
        PassKind::BackwardWeight => part.weight_temporary,
    }
}
