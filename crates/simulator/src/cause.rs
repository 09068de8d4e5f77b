//! Why an engine does not do useful work.

use serde::Serialize;

/// A cause of lost core-time. The tier or link it happened at stands beside it in a [`crate::Stall`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Ready, but the host has not issued it, or the device has not started it yet.
    Launch,
    /// An input is unfinished, and no nearer cause explains it.
    Dependency,
    /// The input is a collective's or another device's data.
    Communication,
    /// The first fill and the last drain of a wave, nothing to overlap them with.
    Ramp,
    /// A flow it waits for is held by a saturated link.
    Bandwidth,
    /// A flow it waits for is held by bytes in flight over loaded latency.
    Latency,
    /// No free buffer, or a spill is in the way.
    Capacity,
    /// Idle units of a partial wave, and work done on padding.
    Occupancy,
    /// Computing below the boost clock because of the power limit.
    Power,
    /// Computing below peak for this tile shape and number format.
    Efficiency,
    /// Nothing to do.
    Idle,
}

impl Cause {
    /// Every cause, in the order reports list them.
    pub const ALL: [Self; 11] = [
        Self::Launch,
        Self::Dependency,
        Self::Communication,
        Self::Ramp,
        Self::Bandwidth,
        Self::Latency,
        Self::Capacity,
        Self::Occupancy,
        Self::Power,
        Self::Efficiency,
        Self::Idle,
    ];

    /// `bandwidth`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Dependency => "dependency",
            Self::Communication => "communication",
            Self::Ramp => "ramp",
            Self::Bandwidth => "bandwidth",
            Self::Latency => "latency",
            Self::Capacity => "capacity",
            Self::Occupancy => "occupancy",
            Self::Power => "power",
            Self::Efficiency => "efficiency",
            Self::Idle => "idle",
        }
    }
}
