//! A flow: bytes on their way over some links.

use super::few::Few;
use super::{LinkId, SECONDS, SLOT_BITS};
use crate::quad_heap::key;

/// Names a flow of a [`crate::FlowNetwork`]. It never names a later flow by accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowId {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl FlowId {
    /// A small number that no other flow has at the same time: 0 for the first flow, and used again once a flow has
    /// ended. It lets what belongs to flows lie in a flat array.
    #[must_use]
    pub const fn slot(self) -> usize {
        self.slot as usize
    }
}

/// What a flow moves, and over what.
#[derive(Debug, Clone, Copy)]
pub struct FlowSpec<'a> {
    /// Bytes that each unit moves.
    pub bytes: f64,
    /// Identical flows merged into this one; need not be whole.
    pub weight: f64,
    /// Bytes per second that each unit can reach at most, such as bytes in flight over latency.
    pub cap: Option<f64>,
    /// Links crossed, each with the bytes that cross it for each byte of the flow.
    pub usage: &'a [(LinkId, f64)],
}

/// What holds back a flow's rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// This link is full. Of several that fill up at once, the lowest.
    Link(LinkId),
    /// Its own cap.
    Cap,
}

/// Why a flow or link was refused.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum FlowError {
    /// A figure is negative, not a number, or infinite where it must not be.
    #[error("{what} of {figure} makes no sense for a flow or link")]
    BadFigure {
        /// `capacity`, `bytes`, `weight`, `cap`, `coefficient`.
        what: &'static str,
        /// The figure.
        figure: f64,
    },
    /// A flow names a link that was never added.
    #[error("there is no link {}", .0.index())]
    NoSuchLink(LinkId),
    /// More links or flows at once than can be numbered (2^28 flows, 2^32 links).
    #[error("too many flows or links at once")]
    TooMany,
}

impl FlowSpec<'_> {
    pub(super) fn check(&self, links: usize) -> Result<(), FlowError> {
        finite(self.bytes, "bytes")?;
        finite(self.weight, "weight")?;
        if let Some(cap) = self.cap {
            legal(cap, "cap")?;
        }
        for &(link, coefficient) in self.usage {
            finite(coefficient, "coefficient")?;
            if link.index() >= links {
                return Err(FlowError::NoSuchLink(link));
            }
        }
        Ok(())
    }
}

/// `figure`, unless it is negative or not a number.
#[inline]
fn legal(figure: f64, what: &'static str) -> Result<f64, FlowError> {
    if figure >= 0.0 { Ok(figure) } else { Err(FlowError::BadFigure { what, figure }) }
}

/// `figure`, unless it is negative, infinite or not a number.
#[inline]
pub(super) fn finite(figure: f64, what: &'static str) -> Result<f64, FlowError> {
    if figure.is_infinite() { Err(FlowError::BadFigure { what, figure }) } else { legal(figure, what) }
}

/// What holds a flow, in one word: a link's number, or one of two that no link has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder(pub u32);

impl Default for Holder {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl Holder {
    pub(super) const CAP: Self = Self(u32::MAX - 1);
    pub(super) const NOTHING: Self = Self(u32::MAX);
}

/// What the network knows of a flow. Rates in bytes per picosecond, per unit.
///
/// A flow that shares the link which holds it goes by that link's clock (see `clock`); one held by its cap, or alone
/// on its links, keeps its own time.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow {
    /// Its rate, bytes left at `since`, and when it finishes at this rate (`u64::MAX` for never), if it keeps its
    /// own time.
    pub rate: f64,
    pub remaining: f64,
    pub since: u64,
    pub finish: u64,
    /// The finish time under which it stands in the heap; `u64::MAX` when it does not.
    pub queued: u64,
    /// How many flows were started before it, from [`FIRST_NUMBER`] on.
    pub number: u64,
    pub holder: Holder,
    /// Where it stands among the flows that its holder holds; [`OWN_TIME`] if it keeps its own time.
    pub held_at: u32,
    pub generation: u32,
    pub live: bool,
    pub uses: Few<Use>,
    pub bytes: f64,
    pub cap: f64,
}

/// Keeps its own time.
pub(super) const OWN_TIME: u32 = u32::MAX;
/// Numbers below this, times the flows that fit a key, are left to links: at equal times they come first in the heap.
pub(super) const FIRST_NUMBER: u64 = 1 << (32 - SLOT_BITS);

/// A link that a flow uses.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Use {
    pub link: u32,
    /// Where the flow stands among the link's members.
    pub position: u32,
    /// Coefficient times weight.
    pub load: f64,
}

impl Flow {
    #[inline]
    pub(super) fn begin(&mut self, spec: &FlowSpec<'_>, number: u64, now: u64) {
        self.rate = 0.0;
        self.remaining = spec.bytes;
        self.since = now;
        self.finish = u64::MAX;
        self.queued = u64::MAX;
        self.bytes = spec.bytes;
        self.cap = spec.cap.map_or(f64::INFINITY, |cap| cap * SECONDS);
        self.number = number;
        self.holder = Holder::NOTHING;
        self.held_at = OWN_TIME;
        self.live = true;
    }

    #[inline]
    pub(super) fn end(&mut self) {
        self.live = false;
        self.generation = self.generation.wrapping_add(1);
    }

    /// Whether it goes by the clock of the link that holds it.
    #[inline]
    pub(super) fn clocked(&self) -> bool {
        self.held_at != OWN_TIME
    }

    /// Of a flow that keeps its own time, bytes left at a time not before `since`.
    #[inline]
    pub(super) fn own_remaining(&self, now: u64) -> f64 {
        let elapsed = now.saturating_sub(self.since);
        // An infinite rate times no time is not a number.
        if elapsed == 0 || self.rate == 0.0 {
            return self.remaining;
        }
        let left = self.remaining - self.rate * elapsed as f64;
        if left > 0.0 { left } else { 0.0 }
    }

    /// Its key in the heap of finish times.
    #[inline]
    pub(super) fn entry(&self, slot: u32) -> u128 {
        key(self.queued, self.number << SLOT_BITS | u64::from(slot))
    }
}

/// When `bytes` have passed at `rate` from `now` on, rounded up; `u64::MAX` for never.
#[inline]
pub(super) fn finish_time(now: u64, bytes: f64, rate: f64) -> u64 {
    if bytes <= 0.0 {
        return now;
    }
    if rate <= 0.0 {
        return u64::MAX;
    }
    let picos = bytes / rate;
    // Rounded up by hand, for `ceil` is a call on plain x86-64. Casting to an integer saturates: a finish beyond all
    // time is never.
    let whole = picos as u64;
    now.saturating_add(whole).saturating_add(u64::from((whole as f64) < picos))
}
