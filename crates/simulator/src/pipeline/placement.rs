//! Which stage holds which part of the model, and so who sends to whom.

/// How the parts of a model lie on the stages of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// The stages in order, as many times as a stage has parts: part 1 of the first stage follows part 0 of the last.
    Loop,
    /// Two parts a stage: down the stages and back up again, so that the first stage has both ends.
    V,
    /// Two copies of the model, a part of each on a stage: part 0 goes down the stages, part 1 of the other copy up.
    /// The first half of the micro-batches takes the first copy.
    Bidirectional,
}

impl Placement {
    /// The stage and part that continues the forward pass; none behind the last.
    #[must_use]
    pub const fn next(self, stages: u32, parts: u32, stage: u32, part: u32) -> Option<(u32, u32)> {
        let goes_up = part == 1 && !matches!(self, Self::Loop);
        if goes_up {
            return if stage > 0 { Some((stage - 1, part)) } else { None };
        }
        if stage + 1 < stages {
            return Some((stage + 1, part));
        }
        match self {
            Self::Loop if part + 1 < parts => Some((0, part + 1)),
            Self::V => Some((stage, 1)),
            _ => None,
        }
    }

    /// The stage and part before this one in the forward pass; none before the first.
    #[must_use]
    pub const fn previous(self, stages: u32, stage: u32, part: u32) -> Option<(u32, u32)> {
        let goes_up = part == 1 && !matches!(self, Self::Loop);
        if goes_up && stage + 1 < stages {
            return Some((stage + 1, part));
        }
        match self {
            Self::V if goes_up => Some((stage, 0)),
            Self::Bidirectional if goes_up => None,
            _ if stage > 0 => Some((stage - 1, part)),
            Self::Loop if part > 0 => Some((stages - 1, part - 1)),
            _ => None,
        }
    }

    /// The micro-batches that a part of a stage sees, out of `micro_batches`.
    #[must_use]
    pub const fn micro_batches(self, part: u32, micro_batches: u32) -> std::ops::Range<u32> {
        match (self, part) {
            (Self::Bidirectional, 0) => 0..micro_batches / 2,
            (Self::Bidirectional, _) => micro_batches / 2..micro_batches,
            _ => 0..micro_batches,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Next and previous undo each other, and from the first part every part is met once.
    #[test]
    fn the_forward_pass_meets_every_part_once() {
        let cases =
            [(Placement::Loop, 4, 3, 12), (Placement::V, 4, 2, 8), (Placement::Bidirectional, 4, 2, 4)];
        for (placement, stages, parts, length) in cases {
            let mut at = (0, 0);
            let mut met = vec![at];
            while let Some(next) = placement.next(stages, parts, at.0, at.1) {
                assert_eq!(placement.previous(stages, next.0, next.1), Some(at));
                met.push(next);
                at = next;
            }
            assert_eq!(placement.previous(stages, 0, 0), None);
            assert_eq!(met.len(), length, "{placement:?}");
            met.sort_unstable();
            met.dedup();
            assert_eq!(met.len(), length, "{placement:?}");
        }
        assert_eq!(Placement::Bidirectional.next(4, 2, 0, 1), None);
        assert_eq!(Placement::Bidirectional.previous(4, 3, 1), None);
        assert_eq!(Placement::V.next(4, 2, 3, 0), Some((3, 1)));
    }
}
