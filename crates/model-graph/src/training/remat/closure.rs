//! The cheapest set that holds, with each member, all that the member asks for.

use std::collections::VecDeque;

/// A choice of items, some of which ask for others.
#[derive(Debug, Clone, Default)]
pub(super) struct Closure {
    /// For each arc its end, and its reverse next to it: arc `i` and `i ^ 1`.
    ends: Vec<u32>,
    /// For each item, its arcs.
    arcs: Vec<Vec<u32>>,
}

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Cheapest {
    /// No such set costs less than this.
    pub least: i128,
    /// Whether each item is in the set.
    pub members: Vec<bool>,
}

impl Closure {
    /// That many items.
    pub fn new(items: usize) -> Self {
        Self { ends: Vec::new(), arcs: vec![Vec::new(); items] }
    }

    /// Whoever takes `item` must take `asked`.
    pub fn asks(&mut self, item: usize, asked: usize) {
        let arc = self.ends.len() as u32;
        self.ends.extend([asked as u32, item as u32]);
        self.arcs[item].push(arc);
        self.arcs[asked].push(arc + 1);
    }

    /// The set of least cost, items costing `costs` or, below 0, paying.
    ///
    /// What pays sends its profit along what it asks for to what costs: a flow. The profit that cannot be used up is
    /// what the set is worth (Picard 1976). Flow is found a shortest path at a time; after `most` arcs looked at it is
    /// left as it is, and what was found so far still is a bound, if not the best.
    pub fn cheapest(&self, costs: &[i128], most: usize) -> Cheapest {
        let mut flow = Flow {
            closure: self,
            carried: vec![0; self.ends.len() / 2],
            room: costs.iter().map(|cost| (*cost).max(0)).collect(),
            came_by: vec![u32::MAX; costs.len()],
            touched: Vec::new(),
            work: 0,
        };
        let mut left: Vec<i128> = costs.iter().map(|cost| (-cost).max(0)).collect();
        let mut least = -left.iter().sum::<i128>();
        for (item, profit) in left.iter_mut().enumerate() {
            while *profit > 0 && flow.work < most {
                let Some(sent) = flow.send(item, *profit) else { break };
                *profit -= sent;
                least += sent;
            }
        }
        // What can still be reached from unused profit is the set.
        let mut members = vec![false; costs.len()];
        for (item, profit) in left.iter().enumerate() {
            if *profit > 0 && !members[item] {
                flow.reach(item, &mut members);
            }
        }
        Cheapest { least, members }
    }
}

struct Flow<'a> {
    closure: &'a Closure,
    /// For each pair of arcs, what the first carries.
    carried: Vec<i128>,
    /// For each item, profit that it can still use up.
    room: Vec<i128>,
    came_by: Vec<u32>,
    touched: Vec<usize>,
    work: usize,
}

impl Flow<'_> {
    /// Sends up to `profit` from `item` along the shortest path to one that has room.
    fn send(&mut self, item: usize, profit: i128) -> Option<i128> {
        let end = self.search(item)?;
        let mut sent = profit.min(self.room[end]);
        let path = |flow: &Self| {
            let mut path = Vec::new();
            let mut at = end;
            while at != item {
                let arc = flow.came_by[at];
                path.push(arc);
                at = flow.closure.ends[(arc ^ 1) as usize] as usize;
            }
            path
        };
        let path = path(self);
        for arc in path.iter().filter(|arc| *arc & 1 == 1) {
            sent = sent.min(self.carried[(arc / 2) as usize]);
        }
        for arc in path {
            let by = if arc & 1 == 0 { sent } else { -sent };
            self.carried[(arc / 2) as usize] += by;
        }
        self.room[end] -= sent;
        Some(sent)
    }

    fn search(&mut self, item: usize) -> Option<usize> {
        for touched in self.touched.drain(..) {
            self.came_by[touched] = u32::MAX;
        }
        // The item itself counts as seen; nothing reads by which arc it was come to.
        self.came_by[item] = 0;
        self.touched.push(item);
        let mut open = VecDeque::from([item]);
        while let Some(at) = open.pop_front() {
            if self.room[at] > 0 {
                return Some(at);
            }
            for arc in &self.closure.arcs[at] {
                self.work += 1;
                let end = self.closure.ends[*arc as usize] as usize;
                let open_to = arc & 1 == 0 || self.carried[(arc / 2) as usize] > 0;
                if open_to && self.came_by[end] == u32::MAX {
                    self.came_by[end] = *arc;
                    self.touched.push(end);
                    open.push_back(end);
                }
            }
        }
        None
    }

    fn reach(&self, item: usize, members: &mut [bool]) {
        members[item] = true;
        let mut open = vec![item];
        while let Some(at) = open.pop() {
            for arc in &self.closure.arcs[at] {
                let end = self.closure.ends[*arc as usize] as usize;
                if !members[end] && (arc & 1 == 0 || self.carried[(arc / 2) as usize] > 0) {
                    members[end] = true;
                    open.push(end);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against all sets of a few items.
        #[test]
        fn no_closed_set_is_cheaper(
            costs in prop::collection::vec(-20_i128..20, 1..9),
            asks in prop::collection::vec((0_usize..9, 0_usize..9), 0..14),
        ) {
            let items = costs.len();
            let asks: Vec<_> = asks.into_iter().map(|(a, b)| (a % items, b % items)).filter(|(a, b)| a != b).collect();
            let mut closure = Closure::new(items);
            for (item, asked) in &asks {
                closure.asks(*item, *asked);
            }
            let closed = |set: usize| asks.iter().all(|(a, b)| set >> a & 1 == 0 || set >> b & 1 == 1);
            let cost = |set: usize| (0..items).filter(|item| set >> item & 1 == 1).map(|item| costs[item]).sum::<i128>();
            let best = (0..1_usize << items).filter(|set| closed(*set)).map(cost).min();
            let found = closure.cheapest(&costs, usize::MAX);
            let set = (0..items).filter(|item| found.members[*item]).fold(0, |set, item| set | 1 << item);
            prop_assert!(closed(set));
            prop_assert_eq!(Some(cost(set)), best);
            prop_assert_eq!(Some(found.least), best);
            // Cut short, it still is a bound.
            prop_assert!(closure.cheapest(&costs, 3).least <= found.least);
        }
    }
}
