//! A link: one direction of a memory tier, a bus or a cable.

/// Names a link of a [`crate::FlowNetwork`]; links are numbered in the order they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u32);

impl LinkId {
    /// 0 for the first link added.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What the network knows of a link. Rates in bytes per picosecond.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub capacity: f64,
    /// Sum over members of load times rate, kept up to date incrementally.
    pub load: f64,
    /// No member's rate is above this.
    pub top: f64,
    /// Incremental updates of `load` since it was last added up.
    pub updates: u32,
    /// Members whose holder this link is.
    pub holding: u32,
    /// Bytes that flows which have ended carried over it.
    pub carried: f64,
    pub members: Vec<Member>,
    /// Waiting for the next solve.
    pub dirty: bool,
    /// Waiting because its capacity changed.
    pub resized: bool,
    /// Number of the last region it was in, and its place there.
    pub epoch: u64,
    pub local: u32,
}

/// A flow on a link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub flow: u32,
    /// Which of the flow's uses this is.
    pub usage: u32,
    /// Bytes per second that cross the link for each byte per second of the flow's rate.
    pub load: f64,
}

impl Link {
    pub(super) fn new(capacity: f64) -> Self {
        Self {
            capacity,
            load: 0.0,
            top: 0.0,
            updates: 0,
            holding: 0,
            carried: 0.0,
            members: Vec::new(),
            dirty: false,
            resized: false,
            epoch: 0,
            local: 0,
        }
    }
}
