//! Progressive filling of whole connected components, from nothing: what solving link by link falls back on when it
//! takes too long. The flows grow at one rate until a link or a cap stops them.

use super::FlowNetwork;
use super::flow::Holder;
use super::solve::FASTEST;
use crate::quad_heap::{QuadHeap, key, major, minor};

/// A link while its component is filled.
#[derive(Debug, Clone, Copy)]
struct Vessel {
    link: u32,
    /// Capacity not yet taken, and the load by which its growing flows take it.
    room: f64,
    growth: f64,
    growing: u32,
}

impl FlowNetwork {
    /// Fills the components of all links that are waiting to be looked at; none is left waiting.
    #[cold]
    pub(super) fn fill_pending(&mut self) {
        let starts: Vec<u32> = self.pending.drain().into_iter().map(|entry| minor(entry) as u32).collect();
        let (links, mut flows) = self.components(starts);
        flows.sort_unstable_by_key(|&slot| self.flows[slot as usize].number);
        let rates = self.filled(&links, &flows);
        for &link in &links {
            self.wind(link);
            self.mark(link);
            self.shares[link as usize].pending = false;
        }
        for &slot in &flows {
            let left = self.remaining_of(slot);
            self.detach(slot);
            let flow = &mut self.flows[slot as usize];
            (flow.remaining, flow.since, flow.rate) = (left, self.now, 0.0);
        }
        for (&slot, &(rate, holder)) in flows.iter().zip(&rates) {
            if holder == Holder::CAP || holder == Holder::NOTHING {
                self.release(slot, rate, holder);
            } else {
                self.attach(slot, holder.0, rate);
            }
        }
        for &link in &links {
            let (mut load, mut top) = (0.0, 0.0);
            for member in self.links[link as usize].members.all() {
                let rate = self.rate_of(member.flow);
                load += member.load * rate;
                top =
                    if rate > top && self.flows[member.flow as usize].holder.0 != link { rate } else { top };
            }
            (self.shares[link as usize].load, self.shares[link as usize].top) = (load, top);
            self.links[link as usize].updates = 0;
        }
    }

    /// The links and flows connected with some links.
    fn components(&self, starts: Vec<u32>) -> (Vec<u32>, Vec<u32>) {
        let mut seen = vec![false; self.flows.len()];
        let mut visited = vec![false; self.links.len()];
        let (mut links, mut flows) = (starts, Vec::new());
        links.iter().for_each(|&link| visited[link as usize] = true);
        let mut next = 0;
        while let Some(&link) = links.get(next) {
            next += 1;
            for member in self.links[link as usize].members.all() {
                if std::mem::replace(&mut seen[member.flow as usize], true) {
                    continue;
                }
                flows.push(member.flow);
                for usage in self.flows[member.flow as usize].uses.all() {
                    if !std::mem::replace(&mut visited[usage.link as usize], true) {
                        links.push(usage.link);
                    }
                }
            }
        }
        (links, flows)
    }

    /// Rate and holder of each flow.
    fn filled(&self, links: &[u32], flows: &[u32]) -> Vec<(f64, Holder)> {
        let mut local = vec![u32::MAX; self.links.len()];
        let mut vessels: Vec<Vessel> = links
            .iter()
            .map(|&link| Vessel { link, room: self.links[link as usize].capacity, growth: 0.0, growing: 0 })
            .collect();
        links.iter().enumerate().for_each(|(index, &link)| local[link as usize] = index as u32);
        let mut place = vec![u32::MAX; self.flows.len()];
        let mut caps = Vec::new();
        for (index, &slot) in flows.iter().enumerate() {
            place[slot as usize] = index as u32;
            let flow = &self.flows[slot as usize];
            if flow.cap < f64::INFINITY {
                caps.push((flow.cap, slot));
            }
            for usage in flow.uses.all() {
                let vessel = &mut vessels[local[usage.link as usize] as usize];
                vessel.growth += usage.load;
                vessel.growing += 1;
            }
        }
        caps.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut heap = QuadHeap::default();
        vessels.iter().for_each(|vessel| heap.push(vessel.entry()));
        let mut rates = vec![(f64::INFINITY, Holder::NOTHING); flows.len()];
        let mut settled = vec![false; flows.len()];
        let (mut cap, mut floor) = (0, 0.0);
        // Levels only rise, so an entry is a lower bound: it is put back until it stays on top.
        while let Some(entry) = heap.pop() {
            let vessel = vessels[local[minor(entry) as usize] as usize];
            if vessel.growing == 0 {
                continue;
            }
            if vessel.entry() > entry {
                heap.push(vessel.entry());
                continue;
            }
            // Levels never fall but by rounding.
            let level = f64::from_bits(major(entry)).max(floor);
            let (limit, holder, stopped) = match caps.get(cap) {
                Some(&(limit, slot)) if limit < level => {
                    cap += 1;
                    heap.push(entry);
                    (limit, Holder::CAP, vec![slot])
                }
                _ => {
                    let members = self.links[vessel.link as usize].members.all();
                    (level, Holder(vessel.link), members.iter().map(|member| member.flow).collect())
                }
            };
            for slot in stopped {
                let index = place[slot as usize] as usize;
                if std::mem::replace(&mut settled[index], true) {
                    continue;
                }
                rates[index] = (limit, holder);
                floor = limit;
                for usage in self.flows[slot as usize].uses.all() {
                    let vessel = &mut vessels[local[usage.link as usize] as usize];
                    vessel.growing -= 1;
                    vessel.room -= usage.load * limit;
                    vessel.growth -= usage.load;
                }
                for usage in self.flows[slot as usize].uses.all() {
                    self.recount(
                        &mut vessels[local[usage.link as usize] as usize],
                        usage.load,
                        &place,
                        &settled,
                    );
                }
            }
        }
        rates
    }

    /// Adds the growth on a link up afresh when so little is left that rounding would show.
    fn recount(&self, vessel: &mut Vessel, gone: f64, place: &[u32], settled: &[bool]) {
        if vessel.growing > 0 && vessel.growth < 1e-6 * gone {
            let members = self.links[vessel.link as usize].members.all().iter();
            let growing = members.filter(|member| !settled[place[member.flow as usize] as usize]);
            vessel.growth = growing.map(|member| member.load).sum();
        }
    }
}

impl Vessel {
    /// Its key in the heap, by the common rate at which it would be full if no more of its flows stopped before.
    fn entry(&self) -> u128 {
        let level = if self.room > 0.0 { self.room / self.growth } else { 0.0 };
        let level = if level < FASTEST { level } else { FASTEST };
        key(level.to_bits(), u64::from(self.link))
    }
}
