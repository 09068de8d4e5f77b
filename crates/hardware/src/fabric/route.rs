//! Routes between devices: up and down the hierarchy of levels, and around dead links.

use super::search::search;
use super::shape::{Vertex, mix};
use super::{Fabric, FabricLink};

/// Why there is no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// A number past the last device.
    #[error("there is no device {device}: the fabric has {devices}")]
    NoDevice {
        /// As asked for.
        device: u32,
        /// How many there are.
        devices: u32,
    },
    /// A link is dead, and nothing goes around it.
    #[error("no route from {from} to {to}: the link {link} is dead and no way around it was found")]
    Dead {
        /// Name of the first device.
        from: String,
        /// Name of the second.
        to: String,
        /// Name of the first dead link on the default route.
        link: String,
    },
}

/// What one route may still try, so that dead links never make it take long.
struct Budget {
    /// Walks over the links of one group.
    walks: u32,
    /// Links looked at in searches.
    steps: u64,
}

/// Ways of equal cost that are tried before longer ones.
const MOST_EQUAL: u64 = 64;
/// Neighbours whose ports are tried.
const MOST_NEIGHBOURS: u32 = 64;

/// A way over one level: inside a member to the device with the port, over the level, inside to the device.
#[derive(Clone, Copy)]
struct Crossing {
    level: usize,
    exit: u32,
    entry: u32,
    from_port: u32,
    to_port: u32,
}

impl Fabric {
    /// Appends the directed links of the route between two devices, in order; nothing for a device to itself.
    ///
    /// `choice` 0 is the default route. Where a level says `routing: ecmp`, another `choice` hashes to one of the routes of
    /// equal cost: pass something that differs from flow to flow.
    ///
    /// # Errors
    /// A device that does not exist, or a dead link that nothing goes around. Nothing is appended then.
    pub fn route(
        &self,
        from: u32,
        to: u32,
        choice: u64,
        path: &mut Vec<FabricLink>,
    ) -> Result<(), RouteError> {
        if let Some(device) = [from, to].into_iter().find(|&device| device >= self.devices) {
            return Err(RouteError::NoDevice { device, devices: self.devices });
        }
        let start = path.len();
        let mut budget = Budget { walks: 4096, steps: 1 << 20 };
        self.travel(from, to, choice, path, &mut budget).map_err(|dead| {
            path.truncate(start);
            RouteError::Dead {
                from: self.device_name(from),
                to: self.device_name(to),
                link: self.link_name(dead),
            }
        })
    }

    /// The error is the first dead link on the default route. What was appended then is left for the caller to cut.
    fn travel(
        &self,
        from: u32,
        to: u32,
        choice: u64,
        path: &mut Vec<FabricLink>,
        budget: &mut Budget,
    ) -> Result<(), FabricLink> {
        if from == to {
            return Ok(());
        }
        let level = self.joining_level(from, to);
        let start = path.len();
        let mut blocked = None;
        for crossing in self.crossings(level, from, to) {
            let result = self
                .travel(from, crossing.exit, choice, path, budget)
                .and_then(|()| self.cross(crossing, choice, path, budget))
                .and_then(|()| self.travel(crossing.entry, to, choice, path, budget));
            let Err(dead) = result else { return Ok(()) };
            path.truncate(start);
            blocked = blocked.or(Some(dead));
            if budget.walks == 0 {
                break;
            }
        }
        // There is always a first crossing, so that something was blocked.
        Err(blocked.unwrap_or(FabricLink(0)))
    }

    /// The ways over a level from member to member, the default first, then those by other ports.
    fn crossings(&self, level: usize, from: u32, to: u32) -> impl Iterator<Item = Crossing> + '_ {
        let wires = &self.wires[level];
        let most = if self.dead.is_empty() { 1 } else { wires.ports.min(MOST_NEIGHBOURS) };
        let shifts = (0..most).flat_map(move |shift| {
            // The other port there, the other port here, both.
            let others = [(0, shift), (shift, 0), (shift, shift)];
            others.into_iter().take(if shift == 0 { 1 } else { 3 })
        });
        // In planes both ends shift together.
        let shifts = shifts.filter(move |&(here, there)| !wires.has_planes || here == there);
        shifts.map(move |(here, there)| {
            let (member, at) = (from / wires.below, from % wires.below);
            let (other, there_at) = (to / wires.below, to % wires.below);
            let place = |at: u32, shift: u32| (at + shift) % wires.below;
            // Neighbours share a port.
            let shared = |at: u32| (u64::from(at) * u64::from(wires.ports) / u64::from(wires.below)) as u32;
            let port = |member: u32, port: u32| member % (wires.size / wires.below) * wires.ports + port;
            if wires.own_ports {
                let exit_at = if wires.has_planes { place(there_at, here) } else { place(at, here) };
                let entry_at = place(there_at, there);
                return Crossing {
                    level,
                    exit: member * wires.below + exit_at,
                    entry: other * wires.below + entry_at,
                    from_port: port(member, exit_at),
                    to_port: port(other, entry_at),
                };
            }
            let first = (shared(at) + here) % wires.ports;
            let last = if wires.has_planes { first } else { (shared(there_at) + there) % wires.ports };
            Crossing {
                level,
                exit: from,
                entry: to,
                from_port: port(member, first),
                to_port: port(other, last),
            }
        })
    }

    /// Over one level, from port to port.
    fn cross(
        &self,
        crossing: Crossing,
        choice: u64,
        path: &mut Vec<FabricLink>,
        budget: &mut Budget,
    ) -> Result<(), FabricLink> {
        let Crossing { level, exit, entry, from_port, to_port } = crossing;
        let wires = &self.wires[level];
        let wiring = wires.shape.wiring();
        let base = self.first_link(level, exit / wires.size);
        let start = path.len();
        if self.dead.is_empty() && (choice == 0 || !wires.ecmp) {
            wiring.walk(from_port, to_port, 0, &mut |link| path.push(FabricLink(base + link)));
            return Ok(());
        }
        let ways = wiring.ways(from_port, to_port);
        let pair = (u64::from(exit) << 32) | u64::from(entry);
        let first = if choice != 0 && wires.ecmp { mix(choice ^ mix(pair)) % ways.equal } else { 0 };
        let equal = (0..ways.equal.min(MOST_EQUAL)).map(|step| (first + step) % ways.equal);
        let mut blocked = None;
        for way in equal.chain(ways.equal..ways.equal + ways.detours) {
            budget.walks = budget.walks.saturating_sub(1);
            let exists = wiring.walk(from_port, to_port, way, &mut |link| path.push(FabricLink(base + link)));
            let dead = path[start..].iter().find(|link| self.dead.contains(link)).copied();
            if exists && dead.is_none() {
                return Ok(());
            }
            path.truncate(start);
            blocked = blocked.or(dead);
            if budget.walks == 0 {
                break;
            }
        }
        if wiring.has_hidden_ways() {
            let is_dead = |link: u64| self.dead.contains(&FabricLink(base + link));
            let (from, to) = (Vertex::Port(from_port), Vertex::Port(to_port));
            if let Some(links) = search(wiring, from, to, &is_dead, &mut budget.steps) {
                path.extend(links.into_iter().map(|link| FabricLink(base + link)));
                return Ok(());
            }
        }
        // Some way was walked and met a dead link, or it would have been taken.
        Err(blocked.unwrap_or(FabricLink(base)))
    }
}
