//! A flow: bytes on their way over some links.

use super::{LinkId, SECONDS, SLOT_BITS};
use crate::quad_heap::key;

/// Names a flow of a [`crate::FlowNetwork`]. It never names a later flow by accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowId {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl FlowId {
    /// A number below that of the flows ever under way at once; a later flow may have it again.
    pub(crate) const fn index(self) -> usize {
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
#[derive(Debug, Clone, Default)]
pub(super) struct Flow {
    pub rate: f64,
    /// Bytes left at `since`.
    pub remaining: f64,
    pub since: u64,
    /// When it finishes at this rate; `u64::MAX` for never.
    pub finish: u64,
    /// The finish time under which it stands in the heap; `u64::MAX` when it does not.
    pub queued: u64,
    pub uses: Vec<Use>,
    pub bytes: f64,
    pub cap: f64,
    /// How many flows were started before it.
    pub number: u64,
    pub holder: Holder,
    pub generation: u32,
    /// Number of the last region it was in.
    pub epoch: u64,
    pub live: bool,
}

/// A link that a flow uses.
#[derive(Debug, Clone, Copy)]
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
        self.live = true;
    }

    #[inline]
    pub(super) fn end(&mut self) {
        self.live = false;
        self.generation = self.generation.wrapping_add(1);
    }

    /// Bytes left at a time not before `since`, were the rate to stay as it is.
    #[inline]
    pub(super) fn remaining_at(&self, now: u64) -> f64 {
        let elapsed = now.saturating_sub(self.since);
        // An infinite rate times no time is not a number.
        if elapsed == 0 || self.rate == 0.0 {
            return self.remaining;
        }
        let left = self.remaining - self.rate * elapsed as f64;
        if left > 0.0 { left } else { 0.0 }
    }

    #[inline]
    pub(super) fn change_rate(&mut self, now: u64, rate: f64) {
        self.remaining = self.remaining_at(now);
        self.since = now;
        self.rate = rate;
        self.finish = if rate > 0.0 {
            let picos = self.remaining / rate;
            // Rounded up by hand, for `ceil` is a call on plain x86-64. Casting to an integer saturates: a finish
            // beyond all time is never.
            let whole = picos as u64;
            now.saturating_add(whole).saturating_add(u64::from((whole as f64) < picos))
        } else if self.remaining > 0.0 {
            u64::MAX
        } else {
            now
        };
    }

    /// Its key in the heap of finish times.
    #[inline]
    pub(super) fn entry(&self, slot: u32) -> u128 {
        key(self.queued, self.number << SLOT_BITS | u64::from(slot))
    }
}
