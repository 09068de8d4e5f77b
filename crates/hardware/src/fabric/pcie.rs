//! A PCIe tree: devices below PCIe switches below host bridges, and the links between the processors' sockets.
//!
//! Traffic turns round at the lowest switch or host bridge both devices hang below (peer to peer); host bridges reach
//! one another directly.

use super::shape::{Ends, Vertex, Ways, Wiring};

const SWITCH: u16 = 0;
const HOST: u16 = 1;

/// Class of a link between a port and what it hangs on.
pub(super) const PORT_CLASS: u32 = 0;
/// Class of a link between a switch and its host bridge.
pub(super) const HOST_CLASS: u32 = 1;
/// Class of a link between two host bridges.
pub(super) const SOCKET_CLASS: u32 = 2;

/// Links, in order: up and down of every port, up and down of every switch, host bridge to host bridge.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pcie {
    ports: u32,
    /// Ports below a switch; `None` where they hang on the host bridge itself.
    per_switch: Option<u32>,
    per_host: u32,
}

impl Pcie {
    /// Of `ports` in all. `per_host` and `per_switch` are at least 1, and `per_switch` divides `per_host`.
    pub fn new(ports: u32, per_switch: Option<u32>, per_host: u32) -> Self {
        let per_switch = per_switch.map(|count| count.max(1));
        Self { ports, per_switch, per_host: per_host.max(1) }
    }

    /// Host bridges.
    pub fn hosts(&self) -> u32 {
        self.ports.div_ceil(self.per_host)
    }

    fn switches(&self) -> u32 {
        self.per_switch.map_or(0, |count| self.ports.div_ceil(count))
    }

    fn host(&self, port: u32) -> Vertex {
        Vertex::Inner { tier: HOST, index: port / self.per_host }
    }

    /// What a port hangs on.
    fn above(&self, port: u32) -> Vertex {
        match self.per_switch {
            Some(count) => Vertex::Inner { tier: SWITCH, index: port / count },
            None => self.host(port),
        }
    }

    fn host_of_switch(&self, switch: u32) -> Vertex {
        self.host(switch.saturating_mul(self.per_switch.unwrap_or(1)))
    }

    fn first_switch_link(&self) -> u64 {
        u64::from(self.ports) * 2
    }

    fn first_socket_link(&self) -> u64 {
        self.first_switch_link() + u64::from(self.switches()) * 2
    }

    fn socket_link(&self, from: u32, to: u32) -> u64 {
        self.first_socket_link() + u64::from(from) * u64::from(self.hosts()) + u64::from(to)
    }
}

impl Wiring for Pcie {
    fn links(&self) -> u64 {
        self.first_socket_link() + u64::from(self.hosts()) * u64::from(self.hosts())
    }

    fn ends(&self, link: u64) -> Option<Ends> {
        let both = |low, high, class| {
            if link.is_multiple_of(2) { Ends::new(low, high, class) } else { Ends::new(high, low, class) }
        };
        if link < self.first_switch_link() {
            let port = (link / 2) as u32;
            return Some(both(Vertex::Port(port), self.above(port), PORT_CLASS));
        }
        if link < self.first_socket_link() {
            let index = ((link - self.first_switch_link()) / 2) as u32;
            return Some(both(Vertex::Inner { tier: SWITCH, index }, self.host_of_switch(index), HOST_CLASS));
        }
        let (place, hosts) = (link - self.first_socket_link(), u64::from(self.hosts()));
        let (from, to) = ((place / hosts.max(1)) as u32, (place % hosts.max(1)) as u32);
        let host = |index| Vertex::Inner { tier: HOST, index };
        (link < self.links() && from != to).then(|| Ends::new(host(from), host(to), SOCKET_CLASS))
    }

    fn between(&self, from: Vertex, to: Vertex, copy: u32) -> Option<u64> {
        use Vertex::{Inner, Port};
        if copy != 0 {
            return None;
        }
        let (low, high, side) = match (from, to) {
            (Inner { tier: HOST, index: from }, Inner { tier: HOST, index: to }) => {
                let known = from != to && from.max(to) < self.hosts();
                return known.then(|| self.socket_link(from, to));
            }
            (Port(_), _) | (Inner { tier: SWITCH, .. }, Inner { .. }) => (from, to, 0),
            _ => (to, from, 1),
        };
        match low {
            Port(port) => (port < self.ports && self.above(port) == high).then(|| u64::from(port) * 2 + side),
            Inner { tier: SWITCH, index } => {
                let joined = index < self.switches() && self.host_of_switch(index) == high;
                joined.then(|| self.first_switch_link() + u64::from(index) * 2 + side)
            }
            Inner { .. } => None,
        }
    }

    fn leaving(&self, vertex: Vertex, visit: &mut dyn FnMut(u64, Vertex)) {
        let (tier, index) = match vertex {
            Vertex::Port(port) => return visit(u64::from(port) * 2, self.above(port)),
            Vertex::Inner { tier, index } => (tier, index),
        };
        let below = |count: u32| index * count..((index + 1).saturating_mul(count)).min(self.ports);
        let switch_link = |switch: u32| self.first_switch_link() + u64::from(switch) * 2;
        if tier == SWITCH {
            visit(switch_link(index), self.host_of_switch(index));
        } else if let Some(count) = self.per_switch {
            let switches = self.per_host / count;
            for switch in index * switches..((index + 1).saturating_mul(switches)).min(self.switches()) {
                visit(switch_link(switch) + 1, Vertex::Inner { tier: SWITCH, index: switch });
            }
        }
        let has_ports = tier == SWITCH || self.per_switch.is_none();
        let ports = if has_ports { below(self.per_switch.unwrap_or(self.per_host)) } else { 0..0 };
        for port in ports {
            visit(u64::from(port) * 2 + 1, Vertex::Port(port));
        }
        for host in (0..self.hosts()).filter(|&host| tier == HOST && host != index) {
            visit(self.socket_link(index, host), Vertex::Inner { tier: HOST, index: host });
        }
    }

    fn ways(&self, _: u32, _: u32) -> Ways {
        Ways::ONE
    }

    fn walk(&self, from: u32, to: u32, way: u64, take: &mut dyn FnMut(u64)) -> bool {
        if way != 0 {
            return false;
        }
        take(u64::from(from) * 2);
        if self.above(from) != self.above(to) {
            let switch = |port: u32| {
                self.per_switch.map(|count| self.first_switch_link() + u64::from(port / count) * 2)
            };
            if let Some(link) = switch(from) {
                take(link);
            }
            let (a, b) = (from / self.per_host, to / self.per_host);
            if a != b {
                take(self.socket_link(a, b));
            }
            if let Some(link) = switch(to) {
                take(link + 1);
            }
        }
        take(u64::from(to) * 2 + 1);
        true
    }

    fn tiers(&self) -> u16 {
        2
    }

    fn tier(&self, tier: u16) -> (&str, u32) {
        if tier == SWITCH { ("-switch", self.switches()) } else { ("-host", self.hosts()) }
    }
}
