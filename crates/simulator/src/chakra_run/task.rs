//! What a replay runs, and the streams it runs on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use memwall_units::Picos;

use super::work::Stream;

/// Something that takes time and streams.
#[derive(Debug)]
pub(super) struct Task {
    pub kind: Kind,
    pub duration: Picos,
    /// Nodes that must have come, and those that have.
    pub needs: u32,
    pub came: u32,
    pub first_came: Picos,
    pub ready: Picos,
    /// Streams that are free for it now.
    pub offered: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A node of one rank.
    Own { node: u32, stream: Stream },
    /// Number of a collective, and of its outcome.
    Collective { joint: u32, outcome: u32 },
    /// Number of a message, and of its outcome.
    Message { message: u32, outcome: u32 },
}

/// A stream of a rank.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    pub running: bool,
    /// What is ready, the first to become so first.
    pub queue: BinaryHeap<Reverse<(Picos, u32)>>,
    /// What it stands ready for.
    pub offers: Option<u32>,
}
