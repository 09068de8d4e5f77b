//! Solving again only what a change can reach.
//!
//! Rates are max-min fair exactly when every flow has a witness: its cap, or a full link on which no other flow
//! is faster. A change takes witnesses away: a flow that joins or leaves a link, or a new capacity, unsettles the
//! flows which that link held. They form the first region. Progressive filling gives the region new rates with
//! everything outside left as it is; then the region grows by the outside flows that lost their witness:
//! * those held by a link on which a rate changed;
//! * those faster than the level at which a link has just filled up, for it must hold them back too.
//!
//! When nothing is left to add, every flow has its witness. The region only grows, so this ends, at the latest
//! with the whole connected component.

use super::filling::{Edge, FASTEST, Inner, TIE};
use super::flow::{Flow, Holder};
use super::{FlowNetwork, same};

/// Rounds after which a region that still grows takes in at once all that the change might reach.
const PATIENCE: u32 = 3;

impl FlowNetwork {
    /// Gives every flow that the changes since the last solve can reach its new rate.
    pub(super) fn solve_region(&mut self) {
        self.region.clear();
        self.seed();
        if self.region.flows.is_empty() {
            return;
        }
        let mut rounds = 0;
        loop {
            self.region.fill(&self.links);
            rounds += 1;
            if !self.grow(rounds >= PATIENCE) {
                break;
            }
        }
        for index in 0..self.region.flows.len() {
            let Inner { slot, rate, holder, .. } = self.region.flows[index];
            self.set_holder(slot, holder);
            self.set_rate(slot, rate);
        }
    }

    /// The flows that the changes reach directly.
    fn seed(&mut self) {
        for index in 0..self.dirty.len() {
            let link = self.dirty[index];
            let place = &mut self.links[link as usize];
            place.dirty = false;
            let resized = std::mem::take(&mut place.resized);
            if resized || place.holding > 0 {
                self.add_members(link, |flow| resized || flow.holder == Holder(link));
            }
        }
        self.dirty.clear();
        for index in 0..self.fresh.len() {
            let slot = self.fresh[index];
            let flow = &self.flows[slot as usize];
            // Cancelled in the meantime, or in the region through a link of other capacity.
            if !flow.live || flow.holder != Holder::NOTHING || flow.epoch == self.region.epoch {
                continue;
            }
            if self.alone(slot) {
                self.solve_alone(slot);
            } else {
                self.region.add(slot, &mut self.flows, &mut self.links);
            }
        }
        self.fresh.clear();
    }

    /// The rate of a flow that shares no link.
    fn solve_alone(&mut self, slot: u32) {
        let flow = &self.flows[slot as usize];
        let (mut rate, mut holder) = (f64::INFINITY, Holder::NOTHING);
        for usage in &flow.uses {
            let level = self.links[usage.link as usize].capacity / usage.load;
            let level = if level < FASTEST { level } else { FASTEST };
            let lower = holder == Holder::NOTHING || usage.link < holder.0;
            if level * TIE < rate || (level <= rate * TIE && lower) {
                holder = Holder(usage.link);
            }
            rate = if level < rate { level } else { rate };
        }
        if flow.cap < rate {
            (rate, holder) = (flow.cap, Holder::CAP);
        }
        self.set_holder(slot, holder);
        self.set_rate(slot, rate);
    }

    fn set_holder(&mut self, slot: u32, holder: Holder) {
        let before = std::mem::replace(&mut self.flows[slot as usize].holder, holder);
        if before == holder {
            return;
        }
        if let Some(place) = self.links.get_mut(before.0 as usize) {
            place.holding -= 1;
        }
        if let Some(place) = self.links.get_mut(holder.0 as usize) {
            place.holding += 1;
        }
    }

    /// Adds the outside flows that have lost their witness; `eagerly`, those that might be next too. Whether
    /// there were any.
    fn grow(&mut self, eagerly: bool) -> bool {
        let before = self.region.flows.len();
        // No flow slower than every change is touched by it.
        let mut lowest = f64::INFINITY;
        for index in 0..before {
            let inner = self.region.flows[index];
            if same(inner.before, inner.rate) {
                continue;
            }
            lowest = lowest.min(inner.rate).min(if inner.before > 0.0 { inner.before } else { inner.rate });
            for crossing in inner.first..inner.end {
                let edge = &self.region.links[self.region.uses[crossing as usize].edge as usize];
                let id = edge.id;
                if self.links[id as usize].holding > edge.held_inside {
                    self.add_members(id, |flow| flow.holder == Holder(id));
                }
            }
        }
        for index in 0..self.region.links.len() {
            let Edge { id, level, outside_top, .. } = self.region.links[index];
            if outside_top > level * TIE {
                let top = self.add_members(id, |flow| flow.rate > level * TIE);
                self.links[id as usize].top = top;
            }
        }
        let grew = self.region.flows.len() > before;
        if grew && eagerly {
            self.grow_above(lowest / TIE);
        }
        grew
    }

    /// Adds all flows at least as fast as `rate` that the region reaches through such flows.
    fn grow_above(&mut self, rate: f64) {
        let mut index = 0;
        while let Some(&Edge { id, .. }) = self.region.links.get(index) {
            index += 1;
            if self.links[id as usize].top >= rate {
                self.add_members(id, |flow| flow.rate >= rate);
            }
        }
    }

    /// Adds the flows on a link that are `wanted` and not yet in the region. Returns the fastest rate on the link.
    fn add_members(&mut self, link: u32, wanted: impl Fn(&Flow) -> bool) -> f64 {
        let mut top = 0.0;
        for index in 0..self.links[link as usize].members.len() {
            let slot = self.links[link as usize].members[index].flow;
            let flow = &self.flows[slot as usize];
            top = if flow.rate > top { flow.rate } else { top };
            if flow.epoch != self.region.epoch && wanted(flow) {
                self.region.add(slot, &mut self.flows, &mut self.links);
            }
        }
        top
    }
}
