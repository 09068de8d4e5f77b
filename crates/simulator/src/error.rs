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
    #[error(
        "stopped at {what}: the limit is {limit}, reached in operator {operator} after {simulated} simulated"
    )]
    Limit {
        /// Which limit: "100 events".
        what: &'static str,
        /// Its value.
        limit: u64,
        /// Where.
        operator: String,
        /// Simulated so far.
        simulated: Picos,
    },
    /// Nothing can happen any more, yet work is left.
    #[error("operator {operator} waits for {waits_for} for ever: its bandwidth is zero")]
    Deadlock {
        /// Operator name.
        operator: String,
        /// The link or tier.
        waits_for: String,
    },
}
