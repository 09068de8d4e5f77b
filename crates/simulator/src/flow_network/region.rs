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

use super::flow::{Flow, Holder};
use super::link::Link;
use super::{FlowNetwork, same};
use crate::quad_heap::{QuadHeap, key, major, minor};

/// Levels this close fill up together: room for rounding, far below the 1 ppm that is promised.
const TIE: f64 = 1.0 + 1e-9;
/// Up to this many links the next one to fill is found by looking at all of them.
const FEW_LINKS: usize = 12;
/// Rounds after which a region that still grows takes in at once all that the change might reach.
const PATIENCE: u32 = 3;
/// No level is above this, in bytes per picosecond: a product of two figures stays a number.
const FASTEST: f64 = 1e100;
/// End of a list.
const NONE: u32 = u32::MAX;

/// The flows being solved again and the links they use; kept between solves for its memory only.
#[derive(Debug, Clone, Default)]
pub(super) struct Region {
    epoch: u64,
    flows: Vec<Inner>,
    links: Vec<Edge>,
    uses: Vec<Crossing>,
    /// Flows with a cap.
    caps: Vec<(f64, u32)>,
    heap: QuadHeap,
}

/// A flow of the region.
#[derive(Debug, Clone, Copy)]
struct Inner {
    slot: u32,
    /// Its crossings, from `first` up to `end`.
    first: u32,
    end: u32,
    before: f64,
    rate: f64,
    holder: Holder,
    settled: bool,
}

/// A link that flows of the region use.
#[derive(Debug, Clone, Copy)]
struct Edge {
    id: u32,
    /// First of its crossings.
    head: u32,
    /// Members in the region; of them, those it held before.
    inside: u32,
    held_inside: u32,
    /// What outside flows leave of its capacity, and the load by which its flows of the region grow together.
    room: f64,
    growth: f64,
    /// The same during filling, less what has settled.
    room_left: f64,
    growth_left: f64,
    growing: u32,
    /// No outside flow on it is faster than this.
    outside_top: f64,
    /// The rate at which it filled up, or infinity.
    level: f64,
}

/// A flow of the region on a link.
#[derive(Debug, Clone, Copy)]
struct Crossing {
    flow: u32,
    edge: u32,
    load: f64,
    /// Next crossing of the same link.
    next: u32,
}

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

impl Region {
    fn clear(&mut self) {
        self.epoch += 1;
        self.flows.clear();
        self.links.clear();
        self.uses.clear();
        self.caps.clear();
    }

    /// Adds a flow and the links it uses.
    fn add(&mut self, slot: u32, flows: &mut [Flow], links: &mut [Link]) {
        let flow = &mut flows[slot as usize];
        flow.epoch = self.epoch;
        let local = self.flows.len() as u32;
        if flow.cap < f64::INFINITY {
            self.caps.push((flow.cap, local));
        }
        let first = self.uses.len() as u32;
        for usage in &flow.uses {
            let place = &mut links[usage.link as usize];
            if place.epoch != self.epoch {
                place.epoch = self.epoch;
                place.local = self.links.len() as u32;
                self.links.push(Edge::new(usage.link, place.capacity - place.load));
            }
            let edge = &mut self.links[place.local as usize];
            edge.inside += 1;
            edge.held_inside += u32::from(flow.holder == Holder(usage.link));
            edge.growth += usage.load;
            edge.room += usage.load * flow.rate;
            let next = std::mem::replace(&mut edge.head, self.uses.len() as u32);
            self.uses.push(Crossing { flow: local, edge: place.local, load: usage.load, next });
        }
        let (before, holder, end) = (flow.rate, flow.holder, self.uses.len() as u32);
        self.flows.push(Inner { slot, first, end, before, rate: 0.0, holder, settled: false });
    }

    /// Progressive filling of the region, with all that is outside left as it is.
    fn fill(&mut self, links: &[Link]) {
        self.begin_filling(links);
        let mut left = self.flows.len();
        let mut cap = 0;
        let mut floor = 0.0;
        while left > 0 {
            while self.caps.get(cap).is_some_and(|&(_, flow)| self.flows[flow as usize].settled) {
                cap += 1;
            }
            let (limit, capped) = self.caps.get(cap).copied().unwrap_or((f64::INFINITY, NONE));
            let (level, edge) = self.next_to_fill();
            // Levels never fall but by rounding.
            let level = if level > floor { level } else { floor };
            if limit < level {
                self.settle(capped, limit, Holder::CAP);
                left -= 1;
                floor = limit;
                self.put_back(level, edge);
            } else if let Some(&Edge { id, head, .. }) = self.links.get(edge as usize) {
                self.links[edge as usize].level = level;
                left -= self.settle_all(head, level, Holder(id));
                floor = level;
            } else {
                // Neither link nor cap; such a flow is alone and never comes here.
                break;
            }
        }
    }

    fn begin_filling(&mut self, links: &[Link]) {
        for inner in &mut self.flows {
            inner.settled = false;
        }
        let use_heap = self.links.len() > FEW_LINKS;
        self.heap.clear();
        for (local, edge) in self.links.iter_mut().enumerate() {
            let place = &links[edge.id as usize];
            let all_inside = edge.inside as usize == place.members.len();
            // The running load has lost a little to rounding: it must not become room that is not there.
            let exact = all_inside || edge.room > place.capacity;
            edge.room_left = if exact { place.capacity } else { edge.room };
            edge.outside_top = if all_inside { 0.0 } else { place.top };
            edge.growth_left = edge.growth;
            edge.growing = edge.inside;
            edge.level = f64::INFINITY;
            if use_heap {
                self.heap.push(edge.entry(local as u32));
            }
        }
        self.caps.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }

    /// The link that fills up next and the common rate at which it does; (infinity, [`NONE`]) if there is none.
    fn next_to_fill(&mut self) -> (f64, u32) {
        if self.links.len() > FEW_LINKS {
            return self.next_from_heap();
        }
        let mut next = (f64::INFINITY, NONE);
        for (local, edge) in self.links.iter().enumerate().filter(|(_, edge)| edge.growing > 0) {
            let level = edge.present_level();
            let lower = self.links.get(next.1 as usize).is_none_or(|other| edge.id < other.id);
            if level < next.0 || (level == next.0 && lower) {
                next = (level, local as u32);
            }
        }
        next
    }

    /// As `next_to_fill`. Levels only rise, so an entry is a lower bound: the top is put back with its present
    /// level until it stays on top.
    fn next_from_heap(&mut self) -> (f64, u32) {
        while let Some(entry) = self.heap.pop() {
            let local = minor(entry) as u32;
            let edge = &self.links[local as usize];
            if edge.growing == 0 {
                continue;
            }
            let present = edge.entry(local);
            if major(present) <= major(entry) {
                return (f64::from_bits(major(entry)), local);
            }
            self.heap.push(present);
        }
        (f64::INFINITY, NONE)
    }

    /// Undoes `next_to_fill` for a link that was found but not filled.
    fn put_back(&mut self, level: f64, edge: u32) {
        if self.links.len() > FEW_LINKS && edge != NONE {
            let id = self.links[edge as usize].id;
            self.heap.push(key(level.to_bits(), u64::from(id) << 32 | u64::from(edge)));
        }
    }

    /// Settles every growing flow on a link, given its first crossing. Returns how many there were.
    fn settle_all(&mut self, head: u32, level: f64, holder: Holder) -> usize {
        let mut settled = 0;
        let mut next = head;
        while let Some(&Crossing { flow, next: after, .. }) = self.uses.get(next as usize) {
            if !self.flows[flow as usize].settled {
                self.settle(flow, level, holder);
                settled += 1;
            }
            next = after;
        }
        settled
    }

    /// Fixes a flow's rate and takes it off the links it uses. Of several links that are full at this rate, the
    /// lowest is named as the holder.
    #[inline]
    fn settle(&mut self, flow: u32, rate: f64, holder: Holder) {
        let inner = &mut self.flows[flow as usize];
        inner.rate = rate;
        inner.settled = true;
        let mut lowest = holder;
        let (first, end) = (inner.first as usize, inner.end as usize);
        let limit = rate * TIE;
        for index in first..end {
            let Crossing { edge, load, .. } = self.uses[index];
            let edge = &mut self.links[edge as usize];
            let full = edge.room_left <= limit * edge.growth_left && edge.outside_top <= limit;
            if full && edge.id < lowest.0 && holder != Holder::CAP {
                lowest = Holder(edge.id);
            }
            edge.growing -= 1;
            edge.room_left -= load * rate;
            edge.growth_left -= load;
        }
        self.flows[flow as usize].holder = lowest;
        for index in first..end {
            self.recount(self.uses[index].edge);
        }
    }

    /// Adds the growth on a link up afresh when so little is left that rounding would show.
    #[inline]
    fn recount(&mut self, local: u32) {
        let edge = &self.links[local as usize];
        if edge.growing == 0 || edge.growth_left > 1e-6 * edge.growth {
            return;
        }
        let mut sum = 0.0;
        let mut next = edge.head;
        while let Some(crossing) = self.uses.get(next as usize) {
            if !self.flows[crossing.flow as usize].settled {
                sum += crossing.load;
            }
            next = crossing.next;
        }
        self.links[local as usize].growth_left = sum;
    }
}

impl Edge {
    fn new(id: u32, room: f64) -> Self {
        Self {
            id,
            head: NONE,
            inside: 0,
            held_inside: 0,
            room,
            growth: 0.0,
            room_left: 0.0,
            growth_left: 0.0,
            growing: 0,
            outside_top: 0.0,
            level: f64::INFINITY,
        }
    }

    /// The common rate at which it would fill up if no more of its flows settled before.
    #[inline]
    fn present_level(&self) -> f64 {
        let level = if self.room_left > 0.0 { self.room_left / self.growth_left } else { 0.0 };
        if level < FASTEST { level } else { FASTEST }
    }

    /// Its key in the heap: floats that are not negative sort as their bits do.
    #[inline]
    fn entry(&self, local: u32) -> u128 {
        key(self.present_level().to_bits(), u64::from(self.id) << 32 | u64::from(local))
    }
}
