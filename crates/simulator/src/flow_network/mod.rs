//! Max-min fair sharing of links by flows.
//!
//! A link carries bytes in one direction at a capacity. A flow moves bytes over one or more links at once, and all
//! flows get the same rate until something holds one back: a link it uses is full, or its own cap. This is
//! progressive filling (Bertsekas and Gallager, "Data Networks", 2nd ed., section 6.5.2). What held a flow is
//! remembered: it is the cause of the stall of whoever waits for that flow.
//!
//! Rates change only when a flow starts or ends or a capacity changes. All changes of one moment are solved
//! together, and only the links that a change can reach are solved again (see `solve`). Flows that one link holds have
//! one rate, and go by one clock (see `clock`).
//!
//! Inside, time is in picoseconds and rates are in bytes per picosecond; outside, rates are in bytes per second.

mod blame;
mod clock;
mod few;
mod filling;
mod finishes;
mod flow;
mod link;
mod oracle;
mod solve;
mod upkeep;

#[cfg(test)]
mod known_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tree_tests;

use memwall_units::Picos;

pub use flow::{FlowError, FlowId, FlowSpec, Held};
pub use link::LinkId;
pub use oracle::{FlowDemand, max_min_rates};

use crate::quad_heap::{QuadHeap, major, minor};
use clock::link_of;
use finishes::Finishes;
use flow::{FIRST_NUMBER, Flow, finite};
use link::{Link, Share};
use solve::Claim;

/// Picoseconds in a second; and seconds in a picosecond.
const PICOS: f64 = 1e12;
const SECONDS: f64 = 1e-12;
/// Bits of a finish key's tie-breaker that name the flow's slot; the bits above count flows started.
const SLOT_BITS: u32 = 28;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;

/// Links, and the flows on them.
///
/// The order of use is: change things (`start`, `cancel`, `set_capacity`, `pop_finished`), `solve`, ask
/// (`next_finish`, `rate`, `held_by`). Times handed in never decrease and never pass `next_finish` unpopped.
#[derive(Debug, Clone, Default)]
pub struct FlowNetwork {
    links: Vec<Link>,
    /// How each link is shared, in the same order.
    shares: Vec<Share>,
    flows: Vec<Flow>,
    /// The link whose clock each flow goes by, or [`flow::OWN_TIME`]: what is asked of flows most often, by itself.
    clocks: Vec<u32>,
    free: Vec<u32>,
    /// Flows started so far.
    started: u64,
    active: usize,
    /// Of them, those that have a cap.
    caps: usize,
    now: u64,
    /// Finish times, some out of date: an entry counts when its flow or link still says `queued` at that time.
    finishes: Finishes,
    /// Flows that have no rate yet.
    fresh: Vec<u32>,
    /// Links to look at in the next solve, by level.
    pending: QuadHeap,
    /// Links whose next finish must be worked out again.
    touched: Vec<u32>,
    /// Kept between solves for its memory only.
    claims: Vec<Claim>,
}

impl FlowNetwork {
    /// A network without links.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a link of `capacity` bytes per second.
    ///
    /// # Errors
    /// When the capacity is negative, infinite or not a number. Zero is allowed: nothing crosses then.
    pub fn add_link(&mut self, capacity: f64) -> Result<LinkId, FlowError> {
        let id = u32::try_from(self.links.len()).map_err(|_| FlowError::TooMany)?;
        self.links.push(Link::new(finite(capacity, "capacity")? * SECONDS));
        self.shares.push(Share::IDLE);
        Ok(LinkId(id))
    }

    /// Gives a link another capacity, in bytes per second, from `now` on. Takes effect at [`FlowNetwork::solve`].
    ///
    /// # Errors
    /// When the capacity is negative, infinite or not a number, or there is no such link.
    pub fn set_capacity(&mut self, now: Picos, link: LinkId, capacity: f64) -> Result<(), FlowError> {
        self.advance(now);
        let capacity = finite(capacity, "capacity")? * SECONDS;
        let place = self.links.get_mut(link.index()).ok_or(FlowError::NoSuchLink(link))?;
        if place.capacity != capacity {
            place.capacity = capacity;
            self.end_solitude(link.0);
            // What is rounding beside one capacity may be much beside another.
            self.sum_load(link.0);
            self.pend(link.0);
        }
        Ok(())
    }

    /// Starts a flow. It gets its rate at [`FlowNetwork::solve`].
    ///
    /// # Errors
    /// When a figure is negative or not a number, anything but the cap is infinite, or a link does not exist.
    pub fn start(&mut self, now: Picos, spec: FlowSpec<'_>) -> Result<FlowId, FlowError> {
        spec.check(self.links.len())?;
        self.advance(now);
        let slot = self.allocate()?;
        let flow = &mut self.flows[slot as usize];
        flow.begin(&spec, FIRST_NUMBER + self.started, now.0);
        let id = FlowId { slot, generation: flow.generation };
        self.started += 1;
        self.active += 1;
        self.caps += usize::from(flow.cap < f64::INFINITY);
        if spec.bytes == 0.0 {
            self.queue_finish(slot, now.0);
            return Ok(id);
        }
        for &(link, coefficient) in spec.usage {
            let load = coefficient * spec.weight;
            if load > 0.0 {
                self.join(slot, link.0, load);
            }
        }
        self.introduce(slot);
        self.fresh.push(slot);
        Ok(id)
    }

    /// Ends a flow before it has finished; what it carried so far stays counted. Returns the bytes that were left,
    /// per unit, or `None` when the flow has ended already.
    pub fn cancel(&mut self, now: Picos, flow: FlowId) -> Option<f64> {
        self.advance(now);
        self.flow(flow)?;
        let left = self.remaining_of(flow.slot);
        self.remove(flow.slot, left);
        self.settle_finishes();
        Some(left)
    }

    /// Brings all rates up to date with the changes made since the last call. All changes of one moment should be
    /// made before it; each call costs in proportion to the flows that the changes reach.
    pub fn solve(&mut self, now: Picos) {
        self.advance(now);
        if self.fresh.is_empty() && self.pending.is_empty() && self.touched.is_empty() {
            return;
        }
        self.solve_pending();
        self.requeue();
        self.finishes.tidy();
        self.settle_finishes();
    }

    /// When the next flow finishes, rounded up to a picosecond; `None` when none ever will as things stand.
    /// [`FlowNetwork::solve`] must have been called since the last change.
    #[must_use]
    #[inline]
    pub fn next_finish(&self) -> Option<Picos> {
        debug_assert!(
            self.fresh.is_empty() && self.pending.is_empty(),
            "solve before asking for the next finish"
        );
        self.finishes.peek().map(|entry| Picos(major(entry)))
    }

    /// What holds the flow that finishes next; `None` when none ever will as things stand, or nothing holds it.
    #[must_use]
    pub fn holder_of_next(&self) -> Option<Held> {
        let entry = self.finishes.peek()?;
        if let Some(link) = link_of(entry) {
            return Some(Held::Link(LinkId(link)));
        }
        let slot = slot_of(entry);
        self.held_by(FlowId { slot, generation: self.flows[slot as usize].generation })
    }

    /// Takes one flow that has finished by `now`, in order of finish time and then of start; `None` when there is
    /// no more. Flows that share links with it get their new rates at [`FlowNetwork::solve`].
    pub fn pop_finished(&mut self, now: Picos) -> Option<FlowId> {
        self.advance(now);
        let entry = loop {
            let entry = self.finishes.peek().filter(|&entry| major(entry) <= now.0)?;
            let Some(link) = link_of(entry) else { break entry };
            self.finishes.pop();
            self.harvest(link);
            self.settle_finishes();
        };
        let slot = slot_of(entry);
        let id = FlowId { slot, generation: self.flows[slot as usize].generation };
        self.finishes.pop();
        // The entry is gone: nothing for the flow is queued.
        self.flows[slot as usize].queued = u64::MAX;
        self.remove(slot, 0.0);
        self.settle_finishes();
        Some(id)
    }

    /// Rate of each unit of a flow, in bytes per second, as of the last solve; `None` when it has ended.
    #[must_use]
    pub fn rate(&self, flow: FlowId) -> Option<f64> {
        self.flow(flow).map(|_| self.rate_of(flow.slot) * PICOS)
    }

    /// Bytes left for each unit of a flow, as of the last time handed in; `None` when it has ended.
    #[must_use]
    pub fn remaining(&self, flow: FlowId) -> Option<f64> {
        self.flow(flow).map(|_| self.remaining_of(flow.slot))
    }

    /// When a flow will finish at its present rate; `None` when it has ended or is stalled.
    #[must_use]
    pub fn finish_of(&self, flow: FlowId) -> Option<Picos> {
        self.flow(flow)
            .map(|_| self.finish_time_of(flow.slot))
            .filter(|&finish| finish != u64::MAX)
            .map(Picos)
    }

    /// Bytes that have crossed a link so far; zero for a link that does not exist.
    #[must_use]
    pub fn link_bytes(&self, link: LinkId) -> f64 {
        let Some(place) = self.links.get(link.index()) else {
            return 0.0;
        };
        place.members.all().iter().fold(place.carried, |sum, member| {
            sum + member.load * (self.flows[member.flow as usize].bytes - self.remaining_of(member.flow))
        })
    }

    /// Capacity of a link, in bytes per second; zero for a link that does not exist.
    #[must_use]
    pub fn capacity(&self, link: LinkId) -> f64 {
        self.links.get(link.index()).map_or(0.0, |place| place.capacity * PICOS)
    }

    /// Bytes per second that now cross a link; zero for a link that does not exist.
    #[must_use]
    pub fn link_rate(&self, link: LinkId) -> f64 {
        let Some(place) = self.links.get(link.index()) else {
            return 0.0;
        };
        place.members.all().iter().map(|member| member.load * self.rate_of(member.flow)).sum::<f64>() * PICOS
    }

    /// Flows under way.
    #[must_use]
    pub fn active(&self) -> usize {
        self.active
    }

    /// Flows that will never finish as things stand: a link of theirs has no capacity, or their cap is zero.
    /// In the order they were started.
    #[must_use]
    pub fn stalled_flows(&self) -> Vec<FlowId> {
        let live = (0..self.flows.len() as u32).filter(|&slot| self.flows[slot as usize].live);
        self.in_start_order(live.filter(|&slot| self.finish_time_of(slot) == u64::MAX).collect())
    }

    /// Whether no other flow uses any link that this one uses, so that its rate depends on nothing else.
    /// False when the flow has ended.
    #[must_use]
    pub fn is_alone(&self, flow: FlowId) -> bool {
        self.flow(flow).is_some_and(|_| self.alone(flow.slot))
    }

    /// The flows that this one depends on through shared links, itself included, in the order they were started.
    /// Empty when the flow has ended.
    #[must_use]
    pub fn component_of(&self, flow: FlowId) -> Vec<FlowId> {
        if self.flow(flow).is_none() {
            return Vec::new();
        }
        let mut seen = vec![false; self.flows.len()];
        let mut visited = vec![false; self.links.len()];
        seen[flow.slot as usize] = true;
        let mut found = vec![flow.slot];
        let mut next = 0;
        while let Some(&slot) = found.get(next) {
            next += 1;
            for usage in self.flows[slot as usize].uses.all() {
                if std::mem::replace(&mut visited[usage.link as usize], true) {
                    continue;
                }
                for member in self.links[usage.link as usize].members.all() {
                    if !std::mem::replace(&mut seen[member.flow as usize], true) {
                        found.push(member.flow);
                    }
                }
            }
        }
        self.in_start_order(found)
    }
}

#[inline]
const fn slot_of(entry: u128) -> u32 {
    (minor(entry) & SLOT_MASK) as u32
}
