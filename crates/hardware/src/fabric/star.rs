//! Switches that every port hangs on: one for all ports, or one a rail.
//!
//! A rail-optimised network (NVIDIA, "Doubling all2all Performance with NVIDIA Collective Communication Library
//! 2.12", 2022) joins device `i` of every node by switch `i`.

use super::shape::{Ends, Vertex, Ways, Wiring};

/// Link `2 x port` leads up to the switch, `2 x port + 1` down from it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Star {
    ports: u32,
    planes: u32,
}

impl Star {
    /// `ports` in all; port `p` hangs on switch `p % planes`.
    pub fn new(ports: u32, planes: u32) -> Self {
        Self { ports, planes: planes.max(1) }
    }

    fn switch(&self, port: u32) -> Vertex {
        Vertex::Inner { tier: 0, index: port % self.planes }
    }
}

impl Wiring for Star {
    fn links(&self) -> u64 {
        u64::from(self.ports) * 2
    }

    fn ends(&self, link: u64) -> Option<Ends> {
        let port = u32::try_from(link / 2).ok().filter(|&port| port < self.ports)?;
        let (up, down) = (Vertex::Port(port), self.switch(port));
        Some(if link.is_multiple_of(2) { Ends::new(up, down, 0) } else { Ends::new(down, up, 0) })
    }

    fn between(&self, from: Vertex, to: Vertex, copy: u32) -> Option<u64> {
        let (port, side) = match (from, to) {
            (Vertex::Port(port), switch) if switch == self.switch(port) => (port, 0),
            (switch, Vertex::Port(port)) if switch == self.switch(port) => (port, 1),
            _ => return None,
        };
        (copy == 0 && port < self.ports).then(|| u64::from(port) * 2 + side)
    }

    fn leaving(&self, vertex: Vertex, visit: &mut dyn FnMut(u64, Vertex)) {
        match vertex {
            Vertex::Port(port) => visit(u64::from(port) * 2, self.switch(port)),
            Vertex::Inner { index, .. } => {
                for port in (index..self.ports).step_by(self.planes as usize) {
                    visit(u64::from(port) * 2 + 1, Vertex::Port(port));
                }
            }
        }
    }

    fn ways(&self, _: u32, _: u32) -> Ways {
        Ways::ONE
    }

    fn walk(&self, from: u32, to: u32, way: u64, take: &mut dyn FnMut(u64)) -> bool {
        if way != 0 || self.switch(from) != self.switch(to) {
            return false;
        }
        take(u64::from(from) * 2);
        take(u64::from(to) * 2 + 1);
        true
    }

    fn tiers(&self) -> u16 {
        1
    }

    fn tier(&self, _: u16) -> (&str, u32) {
        (if self.planes > 1 { "-rail" } else { "" }, self.planes)
    }

    fn has_hidden_ways(&self) -> bool {
        false
    }
}
