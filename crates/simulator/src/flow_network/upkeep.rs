//! Upkeep of the network's own records: slots, who is on which link, rates, and the order of finishes.

use memwall_units::Picos;

use super::flow::{Flow, FlowError, FlowId, OWN_TIME, Use};
use super::link::{Link, Member, NO_OTHER, OTHERS};
use super::solve::LOAD_UPDATES;
use super::{FlowNetwork, SLOT_MASK};

/// Whether a link's running load has changed so often that adding it up afresh costs little beside.
#[inline]
fn is_worn(place: &Link) -> bool {
    place.updates > LOAD_UPDATES && place.updates as usize > place.members.len()
}

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
        uses.all().iter().all(|usage| self.links[usage.link as usize].members.len() == 1)
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
        self.clocks.push(OWN_TIME);
        Ok(self.flows.len() as u32 - 1)
    }

    /// Puts a flow on a link; a link named twice counts twice.
    #[inline]
    pub(super) fn join(&mut self, slot: u32, link: u32, load: f64) {
        let uses = &mut self.flows[slot as usize].uses;
        let place = &mut self.links[link as usize];
        if let Some(before) = uses.all_mut().iter_mut().find(|usage| usage.link == link) {
            before.load += load;
            place.members.all_mut()[before.position as usize].load = before.load;
            return;
        }
        let position = place.members.len() as u32;
        let usage = uses.len() as u32;
        place.members.push(Member { flow: slot, usage, load, other: NO_OTHER, other_load: 0.0 });
        uses.push(Use { link, position, load });
        if position == 1 {
            self.end_solitude(link);
        }
        // Links that hold nothing are looked at by nobody else.
        if is_worn(&self.links[link as usize]) {
            self.sum_load(link);
        }
    }

    /// Tells the links of a flow that has joined them all about each other.
    #[inline]
    pub(super) fn introduce(&mut self, slot: u32) {
        let uses = self.flows[slot as usize].uses.all();
        for (index, usage) in uses.iter().enumerate() {
            let (other, other_load) = match uses {
                [_] => continue,
                [_, _] => (uses[1 - index].link, uses[1 - index].load),
                _ => (OTHERS, 0.0),
            };
            let member = &mut self.links[usage.link as usize].members.all_mut()[usage.position as usize];
            (member.other, member.other_load) = (other, other_load);
        }
    }

    /// Lets the only flow of a link, if it keeps its own time, go by the clock of the link that holds it.
    #[inline]
    pub(super) fn end_solitude(&mut self, link: u32) {
        let Some(&Member { flow: slot, .. }) = self.links[link as usize].members.all().first() else {
            return;
        };
        let Flow { holder, rate, .. } = self.flows[slot as usize];
        if !self.flows[slot as usize].clocked() && (holder.0 as usize) < self.links.len() {
            self.attach(slot, holder.0, rate);
        }
    }

    /// Takes a flow off its links, counts what it carried, and frees its slot.
    pub(super) fn remove(&mut self, slot: u32, left: f64) {
        let rate = self.rate_of(slot);
        self.detach(slot);
        let flow = &mut self.flows[slot as usize];
        let carried = flow.bytes - left;
        flow.end();
        let count = flow.uses.len();
        for index in 0..count {
            let usage = self.flows[slot as usize].uses.all()[index];
            let place = &mut self.links[usage.link as usize];
            let share = &mut self.shares[usage.link as usize];
            place.carried += usage.load * carried;
            place.updates += 1;
            share.load -= usage.load * rate;
            place.members.swap_remove(usage.position as usize);
            if let Some(moved) = place.members.all().get(usage.position as usize) {
                self.flows[moved.flow as usize].uses.all_mut()[moved.usage as usize].position =
                    usage.position;
            } else if place.members.len() == 0 {
                share.load = 0.0;
                share.top = 0.0;
            }
            // Flows held elsewhere do not care that this link has more to give.
            if share.level < f64::INFINITY {
                self.pend(usage.link);
            }
        }
        self.flows[slot as usize].uses.clear();
        self.free.push(slot);
        self.active -= 1;
        self.caps -= usize::from(self.flows[slot as usize].cap < f64::INFINITY);
    }

    #[inline]
    pub(super) fn queue_finish(&mut self, slot: u32, finish: u64) {
        let flow = &mut self.flows[slot as usize];
        flow.finish = finish;
        flow.queued = finish;
        self.finishes.push(flow.entry(slot));
    }

    /// Drops outdated finish times from the top of the heap, so that the top is the next finish.
    #[inline]
    pub(super) fn settle_finishes(&mut self) {
        if self.finishes.len() > 4 * self.active + self.links.len() + 64 {
            self.rebuild_finishes();
        }
        while let Some(entry) = self.finishes.peek() {
            let Some(instead) = self.outdated(entry) else { break };
            self.finishes.pop();
            if let Some(entry) = instead {
                self.finishes.push(entry);
            }
        }
    }

    /// Puts everything that is queued into the heap once, at its present time.
    #[cold]
    fn rebuild_finishes(&mut self) {
        let mut entries = self.finishes.drain();
        entries.sort_unstable();
        entries.dedup();
        for entry in entries {
            match self.outdated(entry) {
                None => self.finishes.push(entry),
                Some(Some(instead)) => self.finishes.push(instead),
                Some(None) => {}
            }
        }
    }
}
