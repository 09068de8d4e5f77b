//! Upkeep of the network's own records: slots, who is on which link, rates, and the order of finishes.

use memwall_units::Picos;

use super::flow::{Flow, FlowError, FlowId, Holder, Use};
use super::link::Member;
use super::{FlowNetwork, SLOT_BITS, SLOT_MASK, same, slot_of};
use crate::quad_heap::{key, major};

/// Updates after which a link's running load is added up afresh, which keeps its error near 1e-13.
const LOAD_UPDATES: u32 = 1000;

impl FlowNetwork {
    #[inline]
    pub(super) fn advance(&mut self, now: Picos) {
        debug_assert!(now.0 >= self.now, "time runs backwards");
        self.now = self.now.max(now.0);
    }

    #[inline]
    pub(super) fn flow(&self, id: FlowId) -> Option<&Flow> {
        self.flows.get(id.slot as usize).filter(|flow| flow.live && flow.generation == id.generation)
    }

    #[inline]
    pub(super) fn alone(&self, slot: u32) -> bool {
        let uses = &self.flows[slot as usize].uses;
        uses.iter().all(|usage| self.links[usage.link as usize].members.len() == 1)
    }

    pub(super) fn in_start_order(&self, mut slots: Vec<u32>) -> Vec<FlowId> {
        slots.sort_unstable_by_key(|&slot| self.flows[slot as usize].number);
        let id = |slot: u32| FlowId { slot, generation: self.flows[slot as usize].generation };
        slots.into_iter().map(id).collect()
    }

    #[inline]
    pub(super) fn allocate(&mut self) -> Result<u32, FlowError> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        if self.flows.len() as u64 > SLOT_MASK {
            return Err(FlowError::TooMany);
        }
        self.flows.push(Flow::default());
        Ok(self.flows.len() as u32 - 1)
    }

    /// Marks a link for the next solve.
    #[inline]
    pub(super) fn touch(&mut self, link: u32) {
        let place = &mut self.links[link as usize];
        if !place.dirty {
            place.dirty = true;
            self.dirty.push(link);
        }
    }

    /// Puts a flow on a link; a link named twice counts twice.
    #[inline]
    pub(super) fn join(&mut self, slot: u32, link: u32, load: f64) {
        let uses = &mut self.flows[slot as usize].uses;
        let place = &mut self.links[link as usize];
        if let Some(before) = uses.iter_mut().find(|usage| usage.link == link) {
            before.load += load;
            place.members[before.position as usize].load = before.load;
            return;
        }
        let position = place.members.len() as u32;
        place.members.push(Member { flow: slot, usage: uses.len() as u32, load });
        uses.push(Use { link, position, load });
        self.touch(link);
    }

    /// Takes a flow off its links, counts what it carried, and frees its slot.
    pub(super) fn remove(&mut self, slot: u32, left: f64) {
        let mut uses = std::mem::take(&mut self.flows[slot as usize].uses);
        let flow = &mut self.flows[slot as usize];
        let (carried, rate, holder) = (flow.bytes - left, flow.rate, flow.holder);
        flow.end();
        for usage in &uses {
            let place = &mut self.links[usage.link as usize];
            place.carried += usage.load * carried;
            place.load -= usage.load * rate;
            place.holding -= u32::from(holder == Holder(usage.link));
            place.members.swap_remove(usage.position as usize);
            if let Some(moved) = place.members.get(usage.position as usize) {
                self.flows[moved.flow as usize].uses[moved.usage as usize].position = usage.position;
            } else if place.members.is_empty() {
                place.load = 0.0;
                place.top = 0.0;
            }
            // Flows held elsewhere do not care that this link has more to give.
            if self.links[usage.link as usize].holding > 0 {
                self.touch(usage.link);
            }
        }
        uses.clear();
        self.flows[slot as usize].uses = uses;
        self.free.push(slot);
        self.active -= 1;
    }

    /// Gives a flow a new rate (bytes per picosecond) from now on.
    #[inline]
    pub(super) fn set_rate(&mut self, slot: u32, rate: f64) {
        let flow = &mut self.flows[slot as usize];
        let before = flow.rate;
        if same(before, rate) {
            return;
        }
        flow.change_rate(self.now, rate);
        let mut worn = false;
        for usage in &flow.uses {
            let place = &mut self.links[usage.link as usize];
            place.load += usage.load * (rate - before);
            place.top = if rate > place.top { rate } else { place.top };
            place.updates += 1;
            worn |= place.updates > LOAD_UPDATES;
        }
        // A finish that moves later is put right when its entry comes to the top of the heap.
        let finish = flow.finish;
        if finish < flow.queued {
            self.queue_finish(slot, finish);
        }
        if worn {
            self.renew_loads(slot);
        }
    }

    /// Adds up the loads of a flow's links afresh where enough updates have rounded them.
    #[cold]
    fn renew_loads(&mut self, slot: u32) {
        let flows = &self.flows;
        for usage in &flows[slot as usize].uses {
            let place = &mut self.links[usage.link as usize];
            if place.updates > LOAD_UPDATES && place.updates as usize > place.members.len() {
                place.updates = 0;
                let loads = place.members.iter().map(|member| member.load * flows[member.flow as usize].rate);
                place.load = loads.sum();
            }
        }
    }

    #[inline]
    pub(super) fn queue_finish(&mut self, slot: u32, finish: u64) {
        let flow = &mut self.flows[slot as usize];
        flow.finish = finish;
        flow.queued = finish;
        self.finishes.push(key(finish, flow.number << SLOT_BITS | u64::from(slot)));
    }

    /// Drops outdated finish times from the top of the heap, so that the top is the next finish.
    #[inline]
    pub(super) fn settle_finishes(&mut self) {
        if self.finishes.len() > 4 * self.active + 64 {
            self.rebuild_finishes();
        }
        while let Some(entry) = self.finishes.peek() {
            let slot = slot_of(entry);
            let flow = &mut self.flows[slot as usize];
            let current = flow.live && flow.queued == major(entry) && entry == flow.entry(slot);
            if current && flow.finish == flow.queued {
                break;
            }
            self.finishes.pop();
            if current {
                let finish = flow.finish;
                flow.queued = u64::MAX;
                if finish != u64::MAX {
                    self.queue_finish(slot, finish);
                }
            }
        }
    }

    #[cold]
    fn rebuild_finishes(&mut self) {
        self.finishes.clear();
        for slot in 0..self.flows.len() {
            let flow = &mut self.flows[slot];
            flow.queued = u64::MAX;
            if flow.live && flow.finish != u64::MAX {
                let finish = flow.finish;
                self.queue_finish(slot as u32, finish);
            }
        }
    }
}
