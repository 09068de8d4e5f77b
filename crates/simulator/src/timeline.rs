//! What happened when: intervals on tracks, for a picture of the run.

use std::borrow::Cow;

use memwall_units::Picos;

/// The most intervals kept; what comes later is only counted.
const MOST_INTERVALS: usize = 1 << 20;

/// Whose time an interval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Track {
    /// The host of a stage issues kernels.
    Host(u32),
    /// Kernels of a stage's device, and what it waits for.
    Kernels(u32),
    /// Collectives of a stage.
    Communication(u32),
    /// Loads from other memories than the device's own, and stores to them; in a replay, of a rank as the others.
    Copies(u32),
    /// The links of a level of the fabric.
    Links(u16),
}

/// Something that took time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// Whose time.
    pub track: Track,
    /// An operator's name, or a cause of waiting.
    pub name: Cow<'static, str>,
    /// When it began.
    pub start: Picos,
    /// How long it took.
    pub duration: Picos,
    /// What a reader may want to know: `bandwidth(hbm)`, `ring, ll128`.
    pub detail: String,
}

/// The intervals of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// In order of their ends, track by track.
    pub intervals: Vec<Interval>,
    /// How many there was no room for.
    pub dropped: u64,
}

impl Timeline {
    pub(crate) fn push(&mut self, interval: Interval) {
        if interval.duration == Picos::ZERO {
            return;
        }
        if self.intervals.len() < MOST_INTERVALS {
            self.intervals.push(interval);
        } else {
            self.dropped += 1;
        }
    }

    /// Adds another's, as those of stage `stage`.
    pub(crate) fn append(&mut self, other: Self, stage: u32) {
        self.dropped += other.dropped;
        for interval in other.intervals {
            let track = match interval.track {
                Track::Host(_) => Track::Host(stage),
                Track::Kernels(_) => Track::Kernels(stage),
                other => other,
            };
            self.push(Interval { track, ..interval });
        }
    }
}
