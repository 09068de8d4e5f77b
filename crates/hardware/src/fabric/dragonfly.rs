//! Dragonflies (Kim, Dally, Scott and Abts, "Technology-driven, highly-scalable dragonfly topology", ISCA 2008): groups of
//! fully connected routers, every two groups joined by global links.
//!
//! Routing is minimal: at most one local hop to the router with the global link, the global hop, and one local hop.

use super::shape::{Ends, Vertex, Ways, Wiring};

/// Class of a link between a port and its router.
const PORT_CLASS: u32 = 0;
/// Class of a link between two routers of a group.
const LOCAL_CLASS: u32 = 1;
/// Class of a link between two groups.
const GLOBAL_CLASS: u32 = 2;

/// Global links between the same two groups that routes choose from.
const MOST_CHOICES: u32 = 1024;

/// The numbers that make a dragonfly: `g`, `a`, `p` and `h` of the paper.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct DragonflySize {
    pub groups: u32,
    pub routers: u32,
    pub devices: u32,
    pub global_links: u32,
}

/// Links, in order: up and down of every port, router to router in a group, group to group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dragonfly {
    ports: u32,
    size: DragonflySize,
    /// Global links between the same two groups.
    copies: u32,
}

impl Dragonfly {
    /// All numbers are at least 1 and at most 4,096, there are at most 2^20 routers and enough places for `ports`. With
    /// several groups, `routers x global_links` is at least `groups - 1`.
    pub fn new(ports: u32, size: DragonflySize) -> Self {
        let copies = match size.groups - 1 {
            0 => 0,
            others => size.routers * size.global_links / others,
        };
        Self { ports, size, copies }
    }

    fn all_routers(&self) -> u32 {
        self.size.groups * self.size.routers
    }

    fn router(&self, port: u32) -> u32 {
        port / self.size.devices
    }

    fn first_local(&self) -> u64 {
        u64::from(self.ports) * 2
    }

    fn first_global(&self) -> u64 {
        self.first_local() + u64::from(self.all_routers()) * u64::from(self.size.routers)
    }

    fn local(&self, from: u32, to: u32) -> u64 {
        self.first_local()
            + u64::from(from) * u64::from(self.size.routers)
            + u64::from(to % self.size.routers)
    }

    /// Which of the links that leave a group lead to another: those of one copy go to all other groups in turn.
    fn slot(&self, group: u32, other: u32, copy: u32) -> u32 {
        copy * (self.size.groups - 1) + if other < group { other } else { other - 1 }
    }

    /// The router of `group` with the global link to `other`.
    fn gateway(&self, group: u32, other: u32, copy: u32) -> u32 {
        group * self.size.routers + self.slot(group, other, copy) / self.size.global_links
    }

    fn slots(&self) -> u32 {
        self.copies * (self.size.groups - 1)
    }

    fn global(&self, group: u32, slot: u32) -> u64 {
        self.first_global() + u64::from(group) * u64::from(self.slots()) + u64::from(slot)
    }

    /// Where a link that leaves a group leads: the other group and the copy.
    fn beyond(&self, group: u32, slot: u32) -> (u32, u32) {
        let (copy, other) = (slot / (self.size.groups - 1), slot % (self.size.groups - 1));
        (if other < group { other } else { other + 1 }, copy)
    }

    /// Global links between two groups that routes choose from: so many that a choice takes little time.
    fn choices(&self) -> u32 {
        self.copies.min(MOST_CHOICES)
    }

    /// Hops inside the two groups on the way between routers of different groups.
    fn local_hops_by(&self, at: u32, last: u32, copy: u32) -> u32 {
        let (a, b) = (at / self.size.routers, last / self.size.routers);
        u32::from(self.gateway(a, b, copy) != at) + u32::from(self.gateway(b, a, copy) != last)
    }

    fn local_hops(&self, at: u32, last: u32) -> u32 {
        (0..self.choices()).map(|copy| self.local_hops_by(at, last, copy)).min().unwrap_or(0)
    }

    /// The global links with the fewest local hops.
    fn nearest_copies(&self, at: u32, last: u32) -> impl Iterator<Item = u32> {
        let least = self.local_hops(at, last);
        (0..self.choices()).filter(move |&copy| self.local_hops_by(at, last, copy) == least)
    }

    fn between_routers(&self, from: u32, to: u32, copy: u32) -> Option<u64> {
        let (a, b) = (from / self.size.routers, to / self.size.routers);
        if from == to || from.max(to) >= self.all_routers() {
            return None;
        }
        if a == b {
            return (copy == 0).then(|| self.local(from, to));
        }
        let joined = copy < self.copies && self.gateway(a, b, copy) == from && self.gateway(b, a, copy) == to;
        joined.then(|| self.global(a, self.slot(a, b, copy)))
    }
}

fn router(index: u32) -> Vertex {
    Vertex::Inner { tier: 0, index }
}

impl Wiring for Dragonfly {
    fn links(&self) -> u64 {
        self.first_global() + u64::from(self.size.groups) * u64::from(self.slots())
    }

    fn ends(&self, link: u64) -> Option<Ends> {
        if link < self.first_local() {
            let port = (link / 2) as u32;
            let (low, high) = (Vertex::Port(port), router(self.router(port)));
            let is_up = link.is_multiple_of(2);
            return Some(if is_up {
                Ends::new(low, high, PORT_CLASS)
            } else {
                Ends::new(high, low, PORT_CLASS)
            });
        }
        let routers = u64::from(self.size.routers);
        if link < self.first_global() {
            let place = link - self.first_local();
            let from = (place / routers) as u32;
            let to = from / self.size.routers * self.size.routers + (place % routers) as u32;
            return (from != to).then(|| Ends::new(router(from), router(to), LOCAL_CLASS));
        }
        if link >= self.links() {
            return None;
        }
        let place = link - self.first_global();
        let group = (place / u64::from(self.slots())) as u32;
        let (other, copy) = self.beyond(group, (place % u64::from(self.slots())) as u32);
        let (from, to) = (self.gateway(group, other, copy), self.gateway(other, group, copy));
        Some(Ends { copy, ..Ends::new(router(from), router(to), GLOBAL_CLASS) })
    }

    fn between(&self, from: Vertex, to: Vertex, copy: u32) -> Option<u64> {
        use Vertex::{Inner, Port};
        let (port, index, side) = match (from, to) {
            (Inner { index: from, .. }, Inner { index: to, .. }) => {
                return self.between_routers(from, to, copy);
            }
            (Port(port), Inner { index, .. }) => (port, index, 0),
            (Inner { index, .. }, Port(port)) => (port, index, 1),
            (Port(_), Port(_)) => return None,
        };
        let joined = copy == 0 && port < self.ports && self.router(port) == index;
        joined.then(|| u64::from(port) * 2 + side)
    }

    fn leaving(&self, vertex: Vertex, visit: &mut dyn FnMut(u64, Vertex)) {
        let index = match vertex {
            Vertex::Port(port) => return visit(u64::from(port) * 2, router(self.router(port))),
            Vertex::Inner { index, .. } => index,
        };
        let first = index.saturating_mul(self.size.devices);
        for port in first.min(self.ports)..first.saturating_add(self.size.devices).min(self.ports) {
            visit(u64::from(port) * 2 + 1, Vertex::Port(port));
        }
        let group = index / self.size.routers;
        for to in (group * self.size.routers..).take(self.size.routers as usize).filter(|&to| to != index) {
            visit(self.local(index, to), router(to));
        }
        let first = index % self.size.routers * self.size.global_links;
        for slot in first..(first + self.size.global_links).min(self.slots()) {
            let (other, copy) = self.beyond(group, slot);
            visit(self.global(group, slot), router(self.gateway(other, group, copy)));
        }
    }

    /// One for each global link between the two groups; the others are detours where they take more local hops.
    fn ways(&self, from: u32, to: u32) -> Ways {
        let (at, last) = (self.router(from), self.router(to));
        if at / self.size.routers == last / self.size.routers {
            return Ways::ONE;
        }
        let equal = self.nearest_copies(at, last).count() as u64;
        Ways { equal: equal.max(1), detours: u64::from(self.choices()) - equal }
    }

    fn walk(&self, from: u32, to: u32, way: u64, take: &mut dyn FnMut(u64)) -> bool {
        let (mut at, last) = (self.router(from), self.router(to));
        take(u64::from(from) * 2);
        let (a, b) = (at / self.size.routers, last / self.size.routers);
        if a != b {
            let equal = self.ways(from, to).equal;
            // By destination, as d-mod-k, turned on by the way.
            let pick = ((u64::from(to) + way) % equal) as usize;
            let copy = if way < equal {
                self.nearest_copies(at, last).nth(pick)
            } else {
                let least = self.local_hops(at, last);
                let longer = |&copy: &u32| self.local_hops_by(at, last, copy) > least;
                (0..self.choices()).filter(longer).nth((way - equal) as usize)
            };
            let Some(copy) = copy else { return false };
            let gateway = self.gateway(a, b, copy);
            if at != gateway {
                take(self.local(at, gateway));
            }
            take(self.global(a, self.slot(a, b, copy)));
            at = self.gateway(b, a, copy);
        } else if way > 0 {
            return false;
        }
        if at != last {
            take(self.local(at, last));
        }
        take(u64::from(to) * 2 + 1);
        true
    }

    fn tiers(&self) -> u16 {
        1
    }

    fn tier(&self, _: u16) -> (&str, u32) {
        ("-router", self.all_routers())
    }
}
