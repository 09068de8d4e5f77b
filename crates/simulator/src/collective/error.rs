//! Why a collective cannot be run.

use memwall_hardware::RouteError;
use thiserror::Error;

use crate::FlowError;

/// Why a collective cannot be run.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum CollectiveError {
    /// A collective needs at least one rank, and a transfer two.
    #[error("{kind} over {ranks} ranks: it needs {needed}")]
    Ranks {
        /// What was to run.
        kind: &'static str,
        /// How many there are.
        ranks: usize,
        /// How many it needs: "at least 1", "exactly 2".
        needed: &'static str,
    },
    /// A rank's device is not part of the machine.
    #[error("rank {rank} is on device {device}, and the machine has {devices}")]
    NoSuchDevice {
        /// The rank.
        rank: usize,
        /// Its device.
        device: u32,
        /// How many devices there are.
        devices: u32,
    },
    /// Two ranks are on one device.
    #[error("ranks {first} and {second} are both on device {device}")]
    Twice {
        /// One of them.
        first: usize,
        /// The other.
        second: usize,
        /// The device.
        device: u32,
    },
    /// One device cannot reach another.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// Nothing the library has fits what was asked for.
    #[error("{kind} over {ranks} ranks cannot run as {asked}: {reason}")]
    NoWay {
        /// What was to run.
        kind: &'static str,
        /// How many ranks.
        ranks: usize,
        /// The algorithm and protocol asked for.
        asked: String,
        /// Why not.
        reason: String,
    },
    /// More transfers than fit in memory.
    #[error("{kind} over {ranks} ranks takes {transfers} transfers, and the limit is {limit}")]
    TooMany {
        /// What was to run.
        kind: &'static str,
        /// How many ranks.
        ranks: usize,
        /// Transfers it takes.
        transfers: u128,
        /// The limit.
        limit: u64,
    },
    /// A link carries nothing, and bytes wait for it.
    #[error("{link} carries nothing: its bandwidth is zero, and {kind} waits for it for ever")]
    Stuck {
        /// What was to run.
        kind: &'static str,
        /// The link.
        link: String,
    },
    /// It would take longer than can be counted.
    #[error("{kind} would take longer than the simulator can count (213 days)")]
    TooLong {
        /// What was to run.
        kind: &'static str,
    },
    /// A flow was refused.
    #[error(transparent)]
    Flow(#[from] FlowError),
}
