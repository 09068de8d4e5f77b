//! A link: one direction of a memory tier, a bus or a cable.

use super::few::Few;

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

/// How a link is shared just now. Apart from [`Link`] and small, for solving touches these all over the network.
/// Rates in bytes per picosecond.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// Sum over members of load times rate, kept up to date incrementally.
    pub load: f64,
    /// The rate of all flows that it holds; infinity when it holds none.
    pub level: f64,
    /// No member that it does not hold is faster than this.
    pub top: f64,
    /// Waiting to be looked at.
    pub pending: bool,
    /// Its clock or its held flows have changed since its next finish was worked out.
    pub touched: bool,
}

/// What else the network knows of a link.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub capacity: f64,
    /// Sum of the loads of the flows it holds.
    pub growth: f64,
    /// Bytes that each held flow has had since the clock was last set to zero, as of `since`.
    pub clock: f64,
    pub since: u64,
    /// The earliest `end` in `held`, or NaN when that has to be looked up.
    pub first_end: f64,
    /// When the first held flow finishes at this level; `u64::MAX` for never.
    pub finish: u64,
    /// The finish time under which it stands in the heap; `u64::MAX` when it does not.
    pub queued: u64,
    /// Changes of `load` since it was last added up.
    pub updates: u32,
    /// Flows that this link alone slows down, in no particular order.
    pub held: Vec<Hold>,
    pub members: Few<Member>,
    /// Bytes that flows which have ended carried over it.
    pub carried: f64,
}

/// A flow on a link.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Member {
    pub flow: u32,
    /// Which of the flow's uses this is.
    pub usage: u32,
    /// Bytes per second that cross the link for each byte per second of the flow's rate.
    pub load: f64,
    /// The flow's only other link, and what it loads that with; or [`NO_OTHER`], or [`OTHERS`].
    pub other: u32,
    pub other_load: f64,
}

/// A flow that a link holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    /// The reading of the link's clock at which it finishes; [`DUE`] when its finish is queued already.
    pub end: f64,
    /// As in [`Member`].
    pub other_load: f64,
    pub other: u32,
    pub flow: u32,
}

/// The flow uses no other link.
pub(super) const NO_OTHER: u32 = u32::MAX;
/// The flow uses several other links.
pub(super) const OTHERS: u32 = u32::MAX - 1;
/// Before any reading of a clock.
pub(super) const DUE: f64 = f64::NEG_INFINITY;

impl Share {
    pub(super) const IDLE: Self =
        Self { load: 0.0, level: f64::INFINITY, top: 0.0, pending: false, touched: false };
}

impl Link {
    pub(super) fn new(capacity: f64) -> Self {
        Self {
            capacity,
            growth: 0.0,
            clock: 0.0,
            since: 0,
            first_end: f64::INFINITY,
            finish: u64::MAX,
            queued: u64::MAX,
            updates: 0,
            held: Vec::new(),
            members: Few::default(),
            carried: 0.0,
        }
    }

    /// What its clock shows at a time not before `since`.
    #[inline]
    pub(super) fn clock_at(&self, now: u64, level: f64) -> f64 {
        let elapsed = now.saturating_sub(self.since);
        // An infinite level times no time is not a number.
        if elapsed == 0 || level == 0.0 { self.clock } else { self.clock + level * elapsed as f64 }
    }
}
