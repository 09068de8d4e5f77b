//! Progressive filling of a region: its flows grow at one rate until a link or a cap stops them, and what flows
//! outside the region take stays as it is.

use super::flow::{Flow, Holder};
use super::link::Link;
use crate::quad_heap::{QuadHeap, key, major, minor};

/// Levels this close fill up together: room for rounding, far below the 1 ppm that is promised.
pub(super) const TIE: f64 = 1.0 + 1e-9;
/// No level is above this, in bytes per picosecond: a product of two figures stays a number.
pub(super) const FASTEST: f64 = 1e100;
/// Up to this many links the next one to fill is found by looking at all of them.
const FEW_LINKS: usize = 12;
/// End of a list.
const NONE: u32 = u32::MAX;

/// The flows being solved again and the links they use; kept between solves for its memory only.
#[derive(Debug, Clone, Default)]
pub(super) struct Region {
    pub epoch: u64,
    pub flows: Vec<Inner>,
    pub links: Vec<Edge>,
    pub uses: Vec<Crossing>,
    /// Flows with a cap.
    caps: Vec<(f64, u32)>,
    heap: QuadHeap,
}

/// A flow of the region.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inner {
    pub slot: u32,
    /// Its crossings, from `first` up to `end`.
    pub first: u32,
    pub end: u32,
    pub before: f64,
    pub rate: f64,
    pub holder: Holder,
    settled: bool,
}

/// A link that flows of the region use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub id: u32,
    /// First of its crossings.
    head: u32,
    /// Members in the region; of them, those it held before.
    inside: u32,
    pub held_inside: u32,
    /// What outside flows leave of its capacity, and the load by which its flows of the region grow together.
    room: f64,
    growth: f64,
    /// The same during filling, less what has settled.
    room_left: f64,
    growth_left: f64,
    growing: u32,
    /// No outside flow on it is faster than this.
    pub outside_top: f64,
    /// The rate at which it filled up, or infinity.
    pub level: f64,
}

/// A flow of the region on a link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crossing {
    flow: u32,
    pub edge: u32,
    load: f64,
    /// Next crossing of the same link.
    next: u32,
}

impl Region {
    pub(super) fn clear(&mut self) {
        self.epoch += 1;
        self.flows.clear();
        self.links.clear();
        self.uses.clear();
        self.caps.clear();
    }

    /// Adds a flow and the links it uses.
    pub(super) fn add(&mut self, slot: u32, flows: &mut [Flow], links: &mut [Link]) {
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
    pub(super) fn fill(&mut self, links: &[Link]) {
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
