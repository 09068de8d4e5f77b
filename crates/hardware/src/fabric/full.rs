//! A link between every two members.

use super::shape::{Ends, Vertex, Ways, Wiring};

/// Link `port x members + other` leads from a port to the port of member `other` in the same plane.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Full {
    members: u32,
    planes: u32,
}

/// Members tried as the stop in between when the direct link is dead.
const MOST_DETOURS: u64 = 4096;

impl Full {
    /// `planes` copies of a fully connected group of `members`.
    pub fn new(members: u32, planes: u32) -> Self {
        Self { members: members.max(1), planes: planes.max(1) }
    }

    fn ports(&self) -> u64 {
        u64::from(self.members) * u64::from(self.planes)
    }

    fn link(&self, from: u32, to: u32) -> u64 {
        u64::from(from) * u64::from(self.members) + u64::from(to / self.planes)
    }
}

impl Wiring for Full {
    fn links(&self) -> u64 {
        self.ports() * u64::from(self.members)
    }

    fn ends(&self, link: u64) -> Option<Ends> {
        let members = u64::from(self.members);
        let port = u32::try_from(link / members).ok().filter(|&port| u64::from(port) < self.ports())?;
        let other = (link % members) as u32;
        let to = other * self.planes + port % self.planes;
        (to != port).then(|| Ends::new(Vertex::Port(port), Vertex::Port(to), 0))
    }

    fn between(&self, from: Vertex, to: Vertex, copy: u32) -> Option<u64> {
        let (Vertex::Port(from), Vertex::Port(to)) = (from, to) else { return None };
        let known = u64::from(from.max(to)) < self.ports();
        let joined = known && copy == 0 && from != to && from % self.planes == to % self.planes;
        joined.then(|| self.link(from, to))
    }

    fn leaving(&self, vertex: Vertex, visit: &mut dyn FnMut(u64, Vertex)) {
        let Vertex::Port(port) = vertex else { return };
        for other in 0..self.members {
            let to = other * self.planes + port % self.planes;
            if to != port {
                visit(self.link(port, to), Vertex::Port(to));
            }
        }
    }

    fn ways(&self, _: u32, _: u32) -> Ways {
        Ways { equal: 1, detours: u64::from(self.members).min(MOST_DETOURS) }
    }

    fn walk(&self, from: u32, to: u32, way: u64, take: &mut dyn FnMut(u64)) -> bool {
        if from % self.planes != to % self.planes {
            return false;
        }
        if way == 0 {
            take(self.link(from, to));
            return true;
        }
        // By the members after the first, in turn, so that detours of different pairs spread.
        let member = (u64::from(from / self.planes) + way) % u64::from(self.members);
        let via = member as u32 * self.planes + from % self.planes;
        if via == from || via == to {
            return false;
        }
        take(self.link(from, via));
        take(self.link(via, to));
        true
    }

    fn tiers(&self) -> u16 {
        0
    }

    fn tier(&self, _: u16) -> (&str, u32) {
        ("", 0)
    }
}
