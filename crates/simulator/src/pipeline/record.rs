//! What happened in a pipeline.

use memwall_units::Picos;

use super::Pass;

/// What happened in a pipeline from the start of the first pass of any stage to the end of the last.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineRecord {
    /// The time it took.
    pub wall: Picos,
    /// Each stage.
    pub stages: Vec<PipelineStage>,
}

/// What one stage did: `busy` and its waits add up to the wall time.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineStage {
    /// Time in passes.
    pub busy: Picos,
    /// Time in which it did nothing.
    pub waits: PipelineWaits,
    /// When its first pass began.
    pub first: Picos,
    /// When its last pass ended.
    pub last: Picos,
    /// Most held at once, in the unit of [`PartWork::activations`](super::PartWork::activations).
    pub peak_held: u64,
    /// When that was first so.
    pub peak_at: Picos,
    /// Its passes in order of time, if they were asked for. The two of a pair have the same start and end.
    pub intervals: Vec<PassInterval>,
}

/// Why a stage did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PipelineWaits {
    /// Before its first pass: the bubble of filling the pipeline.
    pub fill: Picos,
    /// Between its passes, for a pass of another stage.
    pub between: Picos,
    /// After its last pass: the bubble of draining the pipeline.
    pub drain: Picos,
    /// For a message on its way, its own or another stage's.
    pub message: Picos,
}

/// One pass and when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassInterval {
    /// The pass.
    pub pass: Pass,
    /// When it began.
    pub start: Picos,
    /// When it ended.
    pub end: Picos,
}

impl PipelineWaits {
    /// All of the bubble: waiting for other stages, not for messages.
    #[must_use]
    pub const fn bubble(self) -> Picos {
        Picos(self.fill.0 + self.between.0 + self.drain.0)
    }

    /// All waits.
    #[must_use]
    pub const fn total(self) -> Picos {
        Picos(self.bubble().0 + self.message.0)
    }
}

impl PipelineStage {
    /// Time from its first pass to its last in which it did nothing.
    #[must_use]
    pub const fn idle_inside(&self) -> Picos {
        Picos(self.last.0 - self.first.0 - self.busy.0)
    }
}

impl PipelineRecord {
    /// The time from a stage's first pass to its last, of the stage in which that is longest. Where the next iteration
    /// of a stage may begin before the others have ended this one (as zero-bubble schedules do), it is what an
    /// iteration takes.
    #[must_use]
    pub fn longest_span(&self) -> Picos {
        Picos(self.stages.iter().map(|stage| stage.last.0 - stage.first.0).max().unwrap_or(0))
    }

    /// The longest span less the time that the busiest stage works: what the papers on zero-bubble schedules call the
    /// bubble.
    #[must_use]
    pub fn bubble(&self) -> Picos {
        let busiest = self.stages.iter().map(|stage| stage.busy.0).max().unwrap_or(0);
        Picos(self.longest_span().0 - busiest)
    }

    /// The bubble as a share of the time that the busiest stage works; 0 where none does.
    #[must_use]
    pub fn bubble_share(&self) -> f64 {
        let busiest = self.stages.iter().map(|stage| stage.busy.0).max().unwrap_or(0);
        if busiest == 0 { 0.0 } else { self.bubble().0 as f64 / busiest as f64 }
    }
}
