//! What can be done when a step does not fit, least costly first.

use memwall_model_graph::{Recompute, ZeroStage};

/// How a step is divided and what it keeps: what can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divided {
    /// What the backward pass computes again.
    pub recompute: Recompute,
    /// What of each parameter is divided over the data-parallel ranks.
    pub zero: ZeroStage,
    /// Sequences a micro-batch.
    pub micro_batch: u32,
    /// Pipeline stages.
    pub stages: u32,
    /// Layers of the model, which the stages divide.
    pub layers: u32,
    /// Data-parallel ranks.
    pub data: u32,
}

/// One thing to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryChange {
    /// Divide more of each parameter over the data-parallel ranks.
    Zero(ZeroStage),
    /// Compute more again.
    Recompute(Recompute),
    /// Fewer sequences at once.
    MicroBatch(u32),
    /// More pipeline stages, on as many times more devices.
    Stages(u32),
}

impl MemoryChange {
    /// In words that go on after "with".
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Zero(stage) => format!("ZeRO stage {}", stage.number()),
            Self::Recompute(Recompute::Selective) => "selective recomputation".to_owned(),
            Self::Recompute(Recompute::Full) => "full recomputation".to_owned(),
            Self::Recompute(_) => "recomputation".to_owned(),
            Self::MicroBatch(1) => "micro-batches of 1 sequence".to_owned(),
            Self::MicroBatch(count) => format!("micro-batches of {count} sequences"),
            Self::Stages(count) => format!("{count} pipeline stages"),
        }
    }

    /// The step after the change.
    #[must_use]
    pub const fn apply(self, mut now: Divided) -> Divided {
        match self {
            Self::Zero(stage) => now.zero = stage,
            Self::Recompute(recompute) => now.recompute = recompute,
            Self::MicroBatch(count) => now.micro_batch = count,
            Self::Stages(count) => now.stages = count,
        }
        now
    }

    /// Single changes that make sense, by what they usually cost, least first: dividing optimizer state sends as many
    /// bytes as summing gradients does; selective recomputation adds a few per cent of the work; small micro-batches make
    /// small kernels; then gradients of every micro-batch are scattered, bubbles grow with more stages, a third of the
    /// work is done again, and weights are gathered for every use.
    #[must_use]
    pub fn ladder(now: Divided) -> Vec<Self> {
        let zero = |stage: ZeroStage| (now.data > 1 && stage > now.zero).then_some(Self::Zero(stage));
        let mut ladder = Vec::new();
        ladder.extend(zero(ZeroStage::Optimizer));
        if now.recompute == Recompute::None {
            ladder.push(Self::Recompute(Recompute::Selective));
        }
        let mut sequences = now.micro_batch;
        while sequences > 1 {
            sequences /= 2;
            ladder.push(Self::MicroBatch(sequences));
        }
        ladder.extend(zero(ZeroStage::Gradients));
        let mut stages = now.stages.saturating_mul(2);
        while stages > 0 && stages <= now.layers {
            if now.layers.is_multiple_of(stages) {
                ladder.push(Self::Stages(stages));
            }
            let Some(twice) = stages.checked_mul(2) else { break };
            stages = twice;
        }
        if now.recompute != Recompute::Full {
            ladder.push(Self::Recompute(Recompute::Full));
        }
        ladder.extend(zero(ZeroStage::Weights));
        ladder
    }

    /// The single changes, then two at once.
    #[must_use]
    pub fn up_to_two(now: Divided) -> Vec<Vec<Self>> {
        let single = Self::ladder(now);
        let same_kind = |a: &Self, b: &Self| std::mem::discriminant(a) == std::mem::discriminant(b);
        let mut all: Vec<Vec<Self>> = single.iter().map(|change| vec![*change]).collect();
        for (index, second) in single.iter().enumerate() {
            for first in &single[..index] {
                if !same_kind(first, second) {
                    all.push(vec![*first, *second]);
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Divided = Divided {
        recompute: Recompute::None,
        zero: ZeroStage::None,
        micro_batch: 4,
        stages: 2,
        layers: 12,
        data: 8,
    };

    fn words(now: Divided) -> Vec<String> {
        MemoryChange::ladder(now).into_iter().map(MemoryChange::words).collect()
    }

    #[test]
    fn changes_go_from_cheap_to_dear() {
        assert_eq!(
            words(NOW),
            [
                "ZeRO stage 1",
                "selective recomputation",
                "micro-batches of 2 sequences",
                "micro-batches of 1 sequence",
                "ZeRO stage 2",
                "4 pipeline stages",
                "full recomputation",
                "ZeRO stage 3"
            ]
        );
    }

    #[test]
    fn what_has_been_done_is_not_offered_again() {
        let done = MemoryChange::ladder(NOW).into_iter().fold(NOW, |now, change| change.apply(now));
        let alone = Divided { data: 1, micro_batch: 1, stages: 12, recompute: Recompute::Full, ..NOW };
        assert_eq!(words(done), Vec::<String>::new());
        assert_eq!(words(alone), Vec::<String>::new());
        assert!(MemoryChange::up_to_two(NOW).iter().all(|changes| changes.len() <= 2));
        assert_eq!(MemoryChange::up_to_two(NOW).len(), 8 + 28 - 5, "all pairs but those of one kind");
    }
}
