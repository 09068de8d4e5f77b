//! Why a simulation cannot be run, or not to its end.

use memwall_units::{Bytes, Picos};
use thiserror::Error;

/// Why a simulation stopped.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The machine has no engine that can compute in this format.
    #[error("{device} has no {engine} rate for {dtype} and none wider; it computes in {known}")]
    NoRate {
        /// Device name.
        device: String,
        /// Engine name.
        engine: &'static str,
        /// Format asked for.
        dtype: &'static str,
        /// Formats it has.
        known: String,
    },
    /// The machine cannot be simulated.
    #[error("{device}: {reason}")]
    Machine {
        /// Device name.
        device: String,
        /// What is missing or too much.
        reason: String,
    },
    /// What must be in device memory at once does not fit.
    #[error("{needed} must be in {tier} at once, which holds {capacity}: {detail}")]
    Capacity {
        /// The tier.
        tier: String,
        /// Bytes needed.
        needed: Bytes,
        /// Bytes there are.
        capacity: Bytes,
        /// What takes how much.
        detail: String,
    },
    /// The pipeline's schedule does not go with the numbers of stages and micro-batches.
    #[error("{0}")]
    Schedule(String),
    /// No tile of an operator fits in the on-chip memory.
    #[error("no tile of operator {operator} fits in {tier} ({capacity} a core)")]
    NoTile {
        /// Operator name.
        operator: String,
        /// The tier the tile must fit in.
        tier: String,
        /// Its capacity.
        capacity: Bytes,
    },
    /// A limit was hit.
    #[error("stopped after {simulated} simulated, in operator {operator}: the limit of {} is reached", unit.of(*limit))]
    Limit {
        /// What is limited.
        unit: LimitUnit,
        /// The limit, in that unit.
        limit: u64,
        /// Where.
        operator: String,
        /// Simulated so far.
        simulated: Picos,
    },
    /// There is more to run than a limit allows; nothing was run.
    #[error(
        "{operators} operators would have to be run, and the limit is {limit}: take fewer tokens or layers"
    )]
    TooMuch {
        /// Operators, repetitions included.
        operators: u128,
        /// The limit.
        limit: u64,
    },
    /// A collective cannot run.
    #[error(transparent)]
    Collective(Box<crate::CollectiveError>),
    /// Nothing can happen any more, yet work is left.
    #[error("operator {operator} waits for {waits_for} for ever: its bandwidth is zero")]
    Deadlock {
        /// Operator name.
        operator: String,
        /// The link or tier.
        waits_for: String,
    },
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitUnit {
    /// Events processed.
    Events,
    /// Operators run.
    Operators,
    /// Picoseconds simulated.
    SimulatedTime,
}

impl LimitUnit {
    fn of(self, limit: u64) -> String {
        match self {
            Self::Events => format!("{limit} events"),
            Self::Operators => format!("{limit} operators"),
            Self::SimulatedTime => {
                format!("{:.0} days of simulated time", Picos(limit).as_secs_f64() / 86_400.0)
            }
        }
    }
}

impl From<crate::CollectiveError> for SimulationError {
    fn from(error: crate::CollectiveError) -> Self {
        Self::Collective(Box::new(error))
    }
}

impl From<crate::FlowError> for SimulationError {
    fn from(error: crate::FlowError) -> Self {
        crate::CollectiveError::Flow(error).into()
    }
}
