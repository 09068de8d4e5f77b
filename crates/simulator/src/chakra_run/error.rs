//! Why traces cannot be replayed.

use std::fmt;

use thiserror::Error;

use crate::CollectiveError;
use crate::chakra::{ChakraError, NodeLabel};

/// Nodes of a deadlock that messages show.
pub(super) const SHOWN_DEADLOCK: usize = 12;

/// Why traces cannot be replayed.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TraceRunError {
    /// A rank's trace makes no sense.
    #[error("rank {rank}: {error}")]
    Trace {
        /// The rank.
        rank: u32,
        /// What is wrong with it.
        error: ChakraError,
    },
    /// The communicator groups make no sense.
    #[error(transparent)]
    Groups(ChakraError),
    /// More ranks than devices.
    #[error("{ranks} ranks need as many devices, and the system has {devices}")]
    Devices {
        /// Ranks.
        ranks: u32,
        /// Devices.
        devices: u32,
    },
    /// Files that do not stand for equally many ranks.
    #[error("{ranks} ranks cannot be divided evenly among {files} traces: each stands for equally many")]
    Uneven {
        /// Ranks.
        ranks: u32,
        /// Traces.
        files: u32,
    },
    /// More nodes than fit in memory.
    #[error("the ranks have {nodes} nodes together, and the limit is {limit}")]
    TooMany {
        /// How many there are.
        nodes: u128,
        /// The limit.
        limit: usize,
    },
    /// The device cannot say how long something takes.
    #[error("{at} has no duration, and {device} {reason}")]
    Device {
        /// What takes an unknown time.
        at: At,
        /// The device.
        device: String,
        /// What it lacks.
        reason: &'static str,
    },
    /// A collective whose group, root or dimensions make no sense for the rank.
    #[error("{at} {reason}")]
    Collective {
        /// Which.
        at: At,
        /// What is wrong with it.
        reason: String,
    },
    /// A rank sends to itself, or receives from itself.
    #[error("{at} communicates with its own rank")]
    Itself {
        /// Which.
        at: At,
    },
    /// Two ranks do not mean the same communication.
    #[error("{first} is to go with {second}, {place}: {reason}")]
    Mismatch {
        /// One side.
        first: Box<At>,
        /// The other.
        second: Box<At>,
        /// Why they belong together.
        place: String,
        /// Why they cannot.
        reason: String,
    },
    /// A rank waits for one that never comes.
    #[error("{at} waits for rank {rank}, which never comes to it: {reason}")]
    NeverComes {
        /// Who waits.
        at: At,
        /// For whom.
        rank: u32,
        /// What that one does instead.
        reason: String,
    },
    /// Ranks wait for each other.
    #[error("deadlock: {}", deadlock(shown, *length))]
    Deadlock {
        /// The first nodes of the cycle: each waits for the one after it, and the last for the first.
        shown: Vec<At>,
        /// Nodes in the cycle.
        length: usize,
    },
    /// A collective or a message cannot run on the fabric.
    #[error("{at}: {error}")]
    Communication {
        /// Which.
        at: At,
        /// Why not.
        error: Box<CollectiveError>,
    },
    /// It would take longer than can be counted.
    #[error("the replay takes longer than the simulator can count (53 days): it was at {at}")]
    TooLong {
        /// Where it was.
        at: At,
    },
}

impl TraceRunError {
    /// Whether a limit ended the replay, rather than a fault of the traces.
    #[must_use]
    pub const fn is_limit(&self) -> bool {
        matches!(self, Self::TooMany { .. } | Self::TooLong { .. })
    }
}

/// A node of a rank, as messages call it: `rank 0 node 3 (recv gradients)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The rank.
    pub rank: u32,
    /// What it does: `recv`.
    pub what: &'static str,
    /// The node.
    pub node: NodeLabel,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rank, what, node } = self;
        if node.name.is_empty() {
            write!(f, "rank {rank} node {} ({what})", node.id)
        } else {
            write!(f, "rank {rank} node {} ({what} {})", node.id, node.name)
        }
    }
}

fn deadlock(shown: &[At], length: usize) -> String {
    let mut text: String = shown.iter().map(|at| format!("{at} waits for ")).collect();
    if length > shown.len() {
        text.push_str(&format!("{} more, of which the last waits for ", length - shown.len()));
    }
    let first = shown.first().map(|at| format!("rank {} node {}", at.rank, at.node.id));
    text + &first.unwrap_or_default()
}
