//! Solving again only what a change can reach, link by link.
//!
//! Rates are max-min fair exactly when every flow has a witness: its cap, or a full link on which no other flow is
//! faster. So it is enough to know which link (or the cap) holds each flow, and each link's level, the rate of the flows
//! that it holds. A link is right when
//! * its level fills it: what its held flows leave goes to flows that are slower, being held elsewhere;
//! * no member that it does not hold is faster than its level (`top` bounds them);
//! * no flow that it holds could not be that fast elsewhere: its other links' levels and its cap are no lower.
//!
//! A change makes some links wrong. They wait in a queue, lowest level first, and each is put right given what its
//! flows can get elsewhere; that changes loads on other links, which then wait too. A link that is put right never
//! disturbs a lower one, so that nearly every link is looked at once (progressive filling in the order of levels,
//! begun in the middle). Where levels cross in earnest it may take more rounds; after too many of them the whole
//! connected component is filled from nothing (see `filling`), which always ends.

use super::FlowNetwork;
use super::flow::Holder;
use super::link::{Member, NO_OTHER, OTHERS, Share};
use crate::quad_heap::{key, minor};

/// Rates closer than this, relatively, are the same rate.
pub(super) const SAME: f64 = 1e-12;
/// A change of a level smaller than this, relatively, is rounding.
const ROUNDING: f64 = 1e-14;
/// Levels this close fill up together: room for rounding, far below the 1 ppm that is promised.
pub(super) const TIE: f64 = 1.0 + 1e-9;
/// No level is above this, in bytes per picosecond: a product of two figures stays a number.
pub(super) const FASTEST: f64 = 1e100;
/// Of two levels one after the other, when one is less than this part of the other, too much of it is rounding.
const COLLAPSE: f64 = 1e-3;
/// Changes after which a link's running load is added up afresh.
pub(super) const LOAD_UPDATES: u32 = 64;
/// Times that each link concerned may be looked at on average, and some more.
const PATIENCE: usize = 8;
const SOME_MORE: usize = 64;

/// A member of a link while the link's level is sought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    member: Member,
    /// The rate that it gets elsewhere at most, and what holds it to that; its present rate if it is held elsewhere.
    elsewhere: f64,
    holder: Holder,
    here: bool,
}

impl FlowNetwork {
    /// Puts a link in the queue of those to look at.
    #[inline]
    pub(super) fn pend(&mut self, link: u32) {
        let share = &mut self.shares[link as usize];
        if !share.pending {
            share.pending = true;
            self.pending.push(share.entry(link));
        }
    }

    /// Gives every flow that the changes since the last solve can reach its new rate.
    pub(super) fn solve_pending(&mut self) {
        for index in 0..self.fresh.len() {
            let slot = self.fresh[index];
            let flow = &self.flows[slot as usize];
            // Cancelled in the meantime, or placed already.
            if !flow.live || flow.holder != Holder::NOTHING {
                continue;
            }
            if self.alone(slot) { self.solve_alone(slot) } else { self.place(slot) }
        }
        self.fresh.clear();
        let mut looks = 0;
        while let Some(entry) = self.pending.pop() {
            let link = minor(entry) as u32;
            self.shares[link as usize].pending = false;
            self.put_right(link);
            looks += 1;
            if looks > SOME_MORE + PATIENCE * self.touched.len() {
                self.fill_pending();
            }
        }
    }

    /// The rate of a flow that shares no link.
    fn solve_alone(&mut self, slot: u32) {
        let flow = &self.flows[slot as usize];
        let (mut rate, mut holder) = (f64::INFINITY, Holder::NOTHING);
        for usage in flow.uses.all() {
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
        for usage in flow.uses.all() {
            let share = &mut self.shares[usage.link as usize];
            share.load = usage.load * rate;
            share.top = rate;
        }
        self.release(slot, rate, holder);
    }

    /// Gives a new flow a first rate: the least that any of its links or its cap would give it as things stand.
    fn place(&mut self, slot: u32) {
        let flow = &self.flows[slot as usize];
        let (mut rate, mut holder) = (f64::INFINITY, Holder::NOTHING);
        for usage in flow.uses.all() {
            let share = &self.shares[usage.link as usize];
            let capacity = self.links[usage.link as usize].capacity;
            let room = (capacity - share.load).clamp(0.0, capacity) / usage.load;
            let level = if share.level < f64::INFINITY { share.level } else { room };
            let level = if level < FASTEST { level } else { FASTEST };
            if level < rate {
                (rate, holder) = (level, Holder(usage.link));
            }
        }
        let cap = flow.cap;
        if cap < rate {
            rate = cap;
            self.release(slot, rate, Holder::CAP);
        } else {
            self.attach(slot, holder.0, rate);
        }
        for usage in self.flows[slot as usize].uses.all() {
            let share = &mut self.shares[usage.link as usize];
            share.load += usage.load * rate;
            share.top =
                if rate > share.top && (holder.0 != usage.link || cap == rate) { rate } else { share.top };
            if !share.pending {
                share.pending = true;
                self.pending.push(share.entry(usage.link));
            }
        }
    }

    /// Puts one link right, given what its flows get elsewhere.
    #[inline]
    fn put_right(&mut self, link: u32) {
        let Share { load, level, top, .. } = self.shares[link as usize];
        let place = &mut self.links[link as usize];
        if place.held.is_empty() {
            place.updates += 1;
            if load > place.capacity * (1.0 + SAME) {
                self.seek_level(link, 0.0);
            }
            return;
        }
        place.updates += 1;
        if place.updates > LOAD_UPDATES || place.growth * level < 1e-3 * place.capacity {
            self.sum_load(link);
        }
        let mut target = self.target(link, level);
        let taken = top > target * (1.0 + SAME) && self.take_on(link, target);
        if taken {
            target = self.target(link, level);
        }
        if target < COLLAPSE * level || level < COLLAPSE * target || (taken && self.caps > 0) {
            self.seek_level(link, 0.0);
        } else if taken || (target - level).abs() > ROUNDING * level {
            self.shift(link, target);
        }
    }

    /// The level at which the flows that a link holds fill it.
    #[inline]
    fn target(&self, link: u32, level: f64) -> f64 {
        let place = &self.links[link as usize];
        // With no room taken by others, the plain quotient: the same bits whatever happened before.
        let target = if place.held.len() == place.members.len() {
            place.capacity / place.growth
        } else {
            level + (place.capacity - self.shares[link as usize].load) / place.growth
        };
        target.clamp(0.0, FASTEST)
    }

    /// Makes a link hold those of its members that are faster than `target`, at its level as yet. Whether there were
    /// any.
    fn take_on(&mut self, link: u32, target: f64) -> bool {
        let upper = target * (1.0 + SAME);
        let mut top = 0.0;
        self.claims.clear();
        for &member in self.links[link as usize].members.all() {
            let clock = self.clocks[member.flow as usize];
            if clock == link {
                continue;
            }
            let elsewhere = self.rate_of(member.flow);
            if elsewhere > upper {
                self.claims.push(Claim { member, elsewhere, holder: Holder(clock), here: false });
            } else if elsewhere > top {
                top = elsewhere;
            }
        }
        let level = self.shares[link as usize].level;
        self.shares[link as usize].top = top;
        for index in 0..self.claims.len() {
            let Claim { member, elsewhere, holder, .. } = self.claims[index];
            self.attach(member.flow, link, level);
            if (holder.0 as usize) < self.links.len() {
                self.pend(holder.0);
            }
            self.shares[link as usize].load += member.load * (level - elsewhere);
            self.disturb_others(link, member, level - elsewhere, target);
        }
        !self.claims.is_empty()
    }

    /// Notes on the other links of a member of `link` that its rate has changed, to about `rate`.
    #[inline]
    fn disturb_others(&mut self, link: u32, member: Member, change: f64, rate: f64) {
        if member.other < OTHERS {
            let share = &mut self.shares[member.other as usize];
            share.disturb(member.other, member.other_load * change, rate, &mut self.pending);
        } else if member.other == OTHERS {
            for usage in self.flows[member.flow as usize].uses.all().iter().filter(|usage| usage.link != link)
            {
                let share = &mut self.shares[usage.link as usize];
                share.disturb(usage.link, usage.load * change, rate, &mut self.pending);
            }
        }
    }

    /// Moves a link's level with the flows that it holds. If some of them cannot go along, finds out how far.
    fn shift(&mut self, link: u32, level: f64) {
        self.wind(link);
        self.mark(link);
        let change = level - self.shares[link as usize].level;
        let highest = level * (1.0 - SAME);
        let place = &self.links[link as usize];
        let mut hindered = false;
        for hold in &place.held {
            if hold.other < OTHERS {
                let share = &mut self.shares[hold.other as usize];
                hindered |= share.level < highest;
                share.disturb(hold.other, hold.other_load * change, level, &mut self.pending);
            } else if hold.other != NO_OTHER {
                for usage in
                    self.flows[hold.flow as usize].uses.all().iter().filter(|usage| usage.link != link)
                {
                    let share = &mut self.shares[usage.link as usize];
                    hindered |= share.level < highest;
                    share.disturb(usage.link, usage.load * change, level, &mut self.pending);
                }
            }
        }
        let share = &mut self.shares[link as usize];
        share.level = level;
        share.load += place.growth * change;
        if hindered || (change > 0.0 && self.caps > 0) {
            self.seek_level(link, highest);
        }
    }

    /// Finds a link's level and the flows that it holds: its level grows, from `least` on, until it is full, and a
    /// flow that cannot grow along stays at what it gets elsewhere.
    fn seek_level(&mut self, link: u32, least: f64) {
        self.gather_claims(link);
        let capacity = self.links[link as usize].capacity;
        let mut level = least;
        loop {
            let (mut room, mut growth) = (capacity, 0.0);
            for claim in &self.claims {
                if claim.elsewhere < level {
                    room -= claim.member.load * claim.elsewhere;
                } else {
                    growth += claim.member.load;
                }
            }
            if growth == 0.0 {
                level = f64::INFINITY;
                break;
            }
            let next = room / growth;
            let next = if next < FASTEST { next } else { FASTEST };
            if next > level {
                level = next;
            } else {
                break;
            }
        }
        self.wind(link);
        self.mark(link);
        self.settle_claims(link, level);
    }

    fn gather_claims(&mut self, link: u32) {
        self.claims.clear();
        for &member in self.links[link as usize].members.all() {
            let clock = self.clocks[member.flow as usize];
            let here = clock == link;
            let (mut elsewhere, mut holder) = (f64::INFINITY, Holder::NOTHING);
            if !here {
                (elsewhere, holder) = (self.rate_of(member.flow), Holder(clock));
            } else if self.caps > 0 {
                (elsewhere, holder) = (self.flows[member.flow as usize].cap, Holder::CAP);
            }
            let mut limit = |other: u32| {
                let level = self.shares[other as usize].level;
                if level < elsewhere {
                    (elsewhere, holder) = (level, Holder(other));
                }
            };
            if here && member.other < OTHERS {
                limit(member.other);
            } else if here && member.other == OTHERS {
                let uses = self.flows[member.flow as usize].uses.all().iter();
                uses.filter(|usage| usage.link != link).for_each(|usage| limit(usage.link));
            }
            self.claims.push(Claim { member, elsewhere, holder, here });
        }
    }

    /// Gives a link its level: lets go the flows that are slower elsewhere, takes on those that must be slower here.
    fn settle_claims(&mut self, link: u32, level: f64) {
        let (lower, upper) = (level * (1.0 - SAME), level * (1.0 + SAME));
        let before = self.shares[link as usize].level;
        self.shares[link as usize].level = level;
        let (mut load, mut growth, mut top) = (0.0, 0.0, 0.0);
        for index in 0..self.claims.len() {
            let Claim { member, elsewhere, holder, here } = self.claims[index];
            let slot = member.flow;
            let (old, mut new) = (if here { before } else { elsewhere }, level);
            if here && elsewhere < lower {
                new = elsewhere;
                if holder == Holder::CAP {
                    self.release(slot, elsewhere, holder);
                } else {
                    self.attach(slot, holder.0, elsewhere);
                }
            } else if !here && elsewhere > upper {
                self.attach(slot, link, level);
                if (holder.0 as usize) < self.links.len() {
                    self.pend(holder.0);
                }
            } else if !here {
                new = elsewhere;
            }
            load += member.load * new;
            if self.clocks[slot as usize] == link {
                growth += member.load;
            } else {
                top = if new > top { new } else { top };
            }
            if new != old {
                self.disturb_others(link, member, new - old, new);
            }
        }
        let held = !self.links[link as usize].held.is_empty();
        let share = &mut self.shares[link as usize];
        share.load = load;
        share.top = top;
        share.level = if held { level } else { f64::INFINITY };
        let place = &mut self.links[link as usize];
        (place.updates, place.growth) = (0, growth);
    }

    /// Adds up a link's load afresh: the running one has lost a little to rounding.
    pub(super) fn sum_load(&mut self, link: u32) {
        let mut load = 0.0;
        for member in self.links[link as usize].members.all() {
            load += member.load * self.rate_of(member.flow);
        }
        self.shares[link as usize].load = load;
        self.links[link as usize].updates = 0;
        self.sum_growth(link);
    }
}

impl Share {
    /// Its key in the queue: floats that are not negative sort as their bits do.
    #[inline]
    pub(super) fn entry(&self, link: u32) -> u128 {
        let order = if self.level < self.top { self.level } else { self.top };
        key(order.to_bits(), u64::from(link))
    }

    /// Notes that a member now goes at `rate`, which changes the load.
    #[inline]
    pub(super) fn disturb(
        &mut self,
        link: u32,
        change: f64,
        rate: f64,
        pending: &mut crate::quad_heap::QuadHeap,
    ) {
        self.load += change;
        self.top = if rate > self.top { rate } else { self.top };
        if !self.pending {
            self.pending = true;
            pending.push(self.entry(link));
        }
    }
}
