//! Time kept by links instead of flows.
//!
//! All flows that one link holds have the same rate, the link's level. So the link keeps a clock that counts the bytes
//! each of them has had, and a flow is done when the clock shows the reading noted when it joined (the virtual time
//! of fair queueing: Parekh and Gallager 1993). A change of level then costs one addition, however many flows it
//! concerns, and the heap of finish times holds one entry for the link.

use super::flow::{FIRST_NUMBER, Holder, OWN_TIME, finish_time};
use super::link::{DUE, Hold, Member};
use super::{FlowNetwork, SLOT_BITS};
use crate::quad_heap::{key, major, minor};

/// A clock this far beyond what a flow has left would cost it digits, and is set to zero first.
const WORN: f64 = 1e4;

impl FlowNetwork {
    /// Rate of a flow, per unit.
    #[inline]
    pub(super) fn rate_of(&self, slot: u32) -> f64 {
        let link = self.clocks[slot as usize];
        if link == OWN_TIME { self.flows[slot as usize].rate } else { self.shares[link as usize].level }
    }

    /// Bytes that a flow has left now, per unit.
    #[inline]
    pub(super) fn remaining_of(&self, slot: u32) -> f64 {
        let flow = &self.flows[slot as usize];
        if !flow.clocked() {
            return flow.own_remaining(self.now);
        }
        let (link, level) = (&self.links[flow.holder.0 as usize], self.shares[flow.holder.0 as usize].level);
        let left = link.held[flow.held_at as usize].end - link.clock_at(self.now, level);
        if left > 0.0 { left } else { 0.0 }
    }

    /// When a flow finishes as things stand; `u64::MAX` for never.
    pub(super) fn finish_time_of(&self, slot: u32) -> u64 {
        let flow = &self.flows[slot as usize];
        if !flow.clocked() {
            return flow.finish;
        }
        let (link, level) = (&self.links[flow.holder.0 as usize], self.shares[flow.holder.0 as usize].level);
        let end = link.held[flow.held_at as usize].end;
        if end == DUE { flow.queued } else { finish_time(link.since, end - link.clock, level) }
    }

    /// Brings a link's clock to now, before its level changes.
    #[inline]
    pub(super) fn wind(&mut self, link: u32) {
        let place = &mut self.links[link as usize];
        if place.since != self.now {
            place.clock = place.clock_at(self.now, self.shares[link as usize].level);
            place.since = self.now;
        }
    }

    /// Notes that a link's next finish has to be worked out again.
    #[inline]
    pub(super) fn mark(&mut self, link: u32) {
        let share = &mut self.shares[link as usize];
        if !share.touched {
            share.touched = true;
            self.touched.push(link);
        }
    }

    /// Lets a link hold a flow, from now on at the link's level; `level` becomes that when it held none.
    pub(super) fn attach(&mut self, slot: u32, link: u32, level: f64) {
        let left = self.remaining_of(slot);
        self.detach(slot);
        self.wind(link);
        self.mark(link);
        let flow = &mut self.flows[slot as usize];
        let place = &mut self.links[link as usize];
        if place.held.is_empty() {
            self.shares[link as usize].level = level;
            place.clock = 0.0;
            place.growth = 0.0;
            place.first_end = f64::INFINITY;
        } else if place.clock > WORN * left {
            let clock = std::mem::take(&mut place.clock);
            place.held.iter_mut().for_each(|hold| hold.end -= clock);
            place.first_end -= clock;
        }
        let end = place.clock + left;
        // A minimum that has to be looked up stays so.
        if end < place.first_end {
            place.first_end = end;
        }
        let position =
            flow.uses.all().iter().find(|usage| usage.link == link).map_or(0, |usage| usage.position);
        let Member { load, other, other_load, .. } = place.members.all()[position as usize];
        place.growth += load;
        self.clocks[slot as usize] = link;
        flow.holder = Holder(link);
        flow.held_at = place.held.len() as u32;
        flow.queued = u64::MAX;
        place.held.push(Hold { end, other_load, other, flow: slot });
    }

    /// Takes a flow off the clock that it goes by, if any. Its holder is left for the caller to set.
    pub(super) fn detach(&mut self, slot: u32) {
        let flow = &mut self.flows[slot as usize];
        if !flow.clocked() {
            return;
        }
        let (link, at) = (flow.holder.0, flow.held_at as usize);
        flow.held_at = OWN_TIME;
        self.clocks[slot as usize] = OWN_TIME;
        let own = flow.uses.all().iter().find(|usage| usage.link == link).map_or(0.0, |usage| usage.load);
        let place = &mut self.links[link as usize];
        let gone = place.held.swap_remove(at);
        if let Some(moved) = place.held.get(at) {
            self.flows[moved.flow as usize].held_at = at as u32;
        }
        if gone.end == place.first_end {
            place.first_end = f64::NAN;
        }
        place.growth -= own;
        if place.held.is_empty() {
            // The clock stops here: nobody goes by it.
            place.first_end = f64::INFINITY;
            self.shares[link as usize].level = f64::INFINITY;
        } else if place.growth < 1e-6 * own {
            self.sum_growth(link);
        }
        self.mark(link);
    }

    /// Adds up afresh what the flows that a link holds load it with.
    pub(super) fn sum_growth(&mut self, link: u32) {
        let members = self.links[link as usize].members.all().iter();
        let held = members.filter(|member| self.clocks[member.flow as usize] == link);
        self.links[link as usize].growth = held.map(|member| member.load).sum();
    }

    /// Lets a flow keep its own time at `rate` from now on.
    pub(super) fn release(&mut self, slot: u32, rate: f64, holder: Holder) {
        let left = self.remaining_of(slot);
        self.detach(slot);
        let flow = &mut self.flows[slot as usize];
        flow.holder = holder;
        flow.rate = rate;
        flow.remaining = left;
        flow.since = self.now;
        flow.finish = finish_time(self.now, left, rate);
        if flow.finish < flow.queued {
            let finish = flow.finish;
            self.queue_finish(slot, finish);
        }
    }

    /// Works out the next finish of every link whose clock or flows have changed.
    pub(super) fn requeue(&mut self) {
        for index in 0..self.touched.len() {
            let link = self.touched[index];
            self.shares[link as usize].touched = false;
            self.requeue_link(link);
        }
        self.touched.clear();
    }

    #[inline]
    fn requeue_link(&mut self, link: u32) {
        let place = &mut self.links[link as usize];
        if place.first_end.is_nan() {
            let ends = place.held.iter().map(|hold| hold.end).filter(|&end| end != DUE);
            place.first_end = ends.fold(f64::INFINITY, |least, end| if end < least { end } else { least });
        }
        place.finish = if place.first_end == f64::INFINITY {
            u64::MAX
        } else {
            finish_time(place.since, place.first_end - place.clock, self.shares[link as usize].level)
        };
        // A finish that moves later is put right when its entry comes to the top of the heap.
        if place.finish < place.queued {
            place.queued = place.finish;
            self.finishes.push(key(place.finish, u64::from(link)));
        }
    }

    /// Queues the flows of a link that are due by `now` one by one, so that all flows that finish at one moment come
    /// out in the order they were started, whatever holds them.
    pub(super) fn harvest(&mut self, link: u32) {
        let now = self.now;
        let level = self.shares[link as usize].level;
        let place = &mut self.links[link as usize];
        // At the moment of the first finish, most others have far to go: to see that takes no division.
        let reach = level * ((now - place.since) as f64 * (1.0 + 1e-9) + 2.0);
        for hold in &mut place.held {
            if hold.end == DUE || hold.end - place.clock > reach {
                continue;
            }
            let finish = finish_time(place.since, hold.end - place.clock, level);
            if finish <= now {
                hold.end = DUE;
                let flow = &mut self.flows[hold.flow as usize];
                flow.queued = finish;
                self.finishes.push(flow.entry(hold.flow));
            }
        }
        place.first_end = f64::NAN;
        // The finish that was waited for has come, whatever rounding says.
        place.queued = u64::MAX;
        self.requeue_link(link);
    }

    /// What is wrong with a heap entry: `None` if nothing, else the entry to put in its place, if any.
    #[inline]
    pub(super) fn outdated(&mut self, entry: u128) -> Option<Option<u128>> {
        if let Some(link) = link_of(entry) {
            let place = &mut self.links[link as usize];
            if place.queued != major(entry) {
                return Some(None);
            }
            if place.finish == place.queued {
                return None;
            }
            place.queued = place.finish;
            return Some((place.finish != u64::MAX).then(|| key(place.finish, u64::from(link))));
        }
        let slot = super::slot_of(entry);
        let flow = &mut self.flows[slot as usize];
        if !flow.live || flow.queued != major(entry) || entry != flow.entry(slot) {
            return Some(None);
        }
        if flow.clocked() || flow.finish == flow.queued {
            return None;
        }
        flow.queued = flow.finish;
        Some((flow.finish != u64::MAX).then(|| flow.entry(slot)))
    }
}

/// The link that a heap entry is for, if it is not for a flow.
#[inline]
pub(super) fn link_of(entry: u128) -> Option<u32> {
    let tie = minor(entry);
    (tie < FIRST_NUMBER << SLOT_BITS).then_some(tie as u32)
}
