//! From the keys of a level to its wiring.

use memwall_units::{BytesPerSec, Picos};

use super::MOST_DEVICES;
use super::dragonfly::{Dragonfly, DragonflySize};
use super::fat_tree::{self, FatTree};
use super::full::Full;
use super::level::Topology;
use super::links::explicit;
use super::pcie::Pcie;
use super::shape::Shape;
use super::spec::{LevelSpec, TopologySpec};
use super::star::Star;
use super::torus::{MOST_DIMENSIONS, Torus};
use crate::Figure;
use crate::check::Checker;

/// A level with its links.
pub(super) struct Wired {
    pub count: u32,
    pub kind: Topology,
    pub shape: Shape,
    /// Bandwidth in bytes a second and latency, by class of link.
    pub figures: Vec<(f64, Picos)>,
}

/// What is known of a level before it is wired.
pub(super) struct Frame<'a> {
    pub spec: &'a LevelSpec,
    /// What a member is called in `links`.
    pub member: &'a str,
    /// Devices of one member.
    pub below: u32,
    /// Ports of one member.
    pub ports: u32,
    pub bandwidth: BytesPerSec,
    pub latency: Picos,
}

/// Switches and links of a switch: more than any machine has, and products of a few of them stay in 64 bits.
const MOST_OF_A_SWITCH: u32 = 4096;
/// Ports a fat tree could have.
const MOST_OF_A_TREE: u64 = 1 << 24;
/// Switches of a fat tree over the same ports. With the most ports, their numbers still fit in 32 bits.
const MOST_SPINES: u64 = 2048;

impl Frame<'_> {
    /// The wiring that the keys ask for; `None` after an error.
    pub fn wire(&self, checker: &mut Checker, topology: TopologySpec) -> Option<Wired> {
        match topology {
            TopologySpec::Ring => self.ring(checker),
            TopologySpec::FullyConnected => {
                let count = self.count(checker, None, "")?;
                Some(self.wired(count, Topology::FullyConnected, Shape::Full(Full::new(count, self.ports))))
            }
            TopologySpec::Switch => {
                let count = self.count(checker, None, "")?;
                Some(self.wired(count, Topology::Switch, Shape::Star(Star::new(count * self.ports, 1))))
            }
            TopologySpec::RailOptimized => {
                let count = self.count(checker, None, "")?;
                let star = Star::new(count * self.ports, self.ports);
                Some(self.wired(count, Topology::RailOptimized, Shape::Star(star)))
            }
            TopologySpec::PcieTree => self.pcie(checker),
            TopologySpec::Torus | TopologySpec::Mesh => self.grid(checker, topology),
            TopologySpec::FatTree => self.fat_tree(checker),
            TopologySpec::Dragonfly => self.dragonfly(checker),
            TopologySpec::Explicit => {
                let count = self.count(checker, None, "")?;
                explicit(checker, self, count)
            }
        }
    }

    /// Members, from `count` or from `implied`. Within the limit of devices.
    fn count(&self, checker: &mut Checker, implied: Option<u64>, by: &str) -> Option<u32> {
        let given = self.spec.count.as_ref().map(|count| u64::from(count.value));
        let count = match (given, implied) {
            (Some(given), _) => given,
            (None, Some(implied)) => implied,
            (None, None) => u64::from(checker.required("count", self.spec.count.as_ref(), "8")?.value),
        };
        if count == 0 {
            checker.error("count", "a level needs at least 1 member", None);
            return None;
        }
        // Saturates at 2^64, far above the limit.
        let devices = count.saturating_mul(u64::from(self.below));
        if devices > u64::from(MOST_DEVICES) {
            let message = format!(
                "{count} members of {} devices are {devices} devices: a fabric has at most {MOST_DEVICES}",
                self.below
            );
            checker.error(if given.is_some() { "count" } else { by }, message, None);
            return None;
        }
        u32::try_from(count).ok()
    }

    /// Members of a wiring with a fixed number of places for ports.
    fn count_in(&self, checker: &mut Checker, places: u64, by: &str) -> Option<u32> {
        let most = places / u64::from(self.ports);
        let count = self.count(checker, Some(most.max(1)), by)?;
        if u64::from(count) > most {
            let message = format!(
                "there are places for {places} ports, and {count} members have {}",
                u64::from(count) * u64::from(self.ports)
            );
            checker.error(by, message, None);
            return None;
        }
        Some(count)
    }

    pub fn wired(&self, count: u32, kind: Topology, shape: Shape) -> Wired {
        Wired { count, kind, shape, figures: vec![(self.bandwidth.0, self.latency)] }
    }

    /// A bandwidth that may differ from the level's.
    fn rate(&self, figure: Option<&Figure<BytesPerSec>>) -> f64 {
        figure.map_or(self.bandwidth.0, |figure| figure.value.0)
    }

    /// A latency that may differ from the level's.
    fn delay(&self, figure: Option<&Figure<Picos>>) -> Picos {
        figure.map_or(self.latency, |figure| figure.value)
    }

    fn ring(&self, checker: &mut Checker) -> Option<Wired> {
        let count = self.count(checker, None, "")?;
        let torus = Torus::new(&[count], &[true], self.ports);
        Some(self.wired(count, Topology::Ring, Shape::Torus(torus)))
    }

    fn grid(&self, checker: &mut Checker, topology: TopologySpec) -> Option<Wired> {
        let dims = checker.required("dims", self.spec.dims.clone(), "[16, 16]")?;
        if dims.is_empty() || dims.len() > MOST_DIMENSIONS || dims.contains(&0) {
            let message = format!("`dims` must be 1 to {MOST_DIMENSIONS} numbers of at least 1");
            checker.error("dims", message, None);
            return None;
        }
        let members = product(&dims);
        let count = self.count(checker, Some(members), "dims")?;
        if u64::from(count) != members {
            checker.error("count", format!("`dims` make {members} members, and `count` says {count}"), None);
            return None;
        }
        let is_torus = topology == TopologySpec::Torus;
        let wrap = self.spec.wrap.clone().unwrap_or_else(|| vec![is_torus; dims.len()]);
        if wrap.len() != dims.len() {
            let message = format!(
                "`wrap` must have one entry for each of the {} dimensions, and has {}",
                dims.len(),
                wrap.len()
            );
            checker.error("wrap", message, None);
            return None;
        }
        let torus = Torus::new(&dims, &wrap, self.ports);
        let kind = if is_torus { Topology::Torus { dims, wrap } } else { Topology::Mesh { dims } };
        Some(self.wired(count, kind, Shape::Torus(torus)))
    }

    fn pcie(&self, checker: &mut Checker) -> Option<Wired> {
        let count = self.count(checker, None, "")?;
        let number = |checker: &mut Checker, key: &str, value: Option<u32>| {
            number(checker, key, value, MOST_OF_A_SWITCH, "4")
        };
        let (per_switch, per_host) = match self.spec.devices_per_switch {
            Some(_) => {
                let per_switch = number(checker, "devices_per_switch", self.spec.devices_per_switch);
                let switches = number(checker, "switches_per_host", self.spec.switches_per_host);
                if self.spec.devices_per_host.is_some() {
                    let message =
                        "with PCIe switches it follows from `devices_per_switch` and `switches_per_host`";
                    checker.error("devices_per_host", message, None);
                }
                (Some(per_switch?), per_switch? * switches?)
            }
            None => {
                if self.spec.switches_per_host.is_some() {
                    checker.error("", "`switches_per_host` needs `devices_per_switch`", None);
                }
                (None, number(checker, "devices_per_host", self.spec.devices_per_host)?)
            }
        };
        let pcie = Pcie::new(count * self.ports, per_switch, per_host);
        let socket = self.spec.socket_bandwidth.clone();
        if pcie.hosts() > 1 {
            checker.required("socket_bandwidth", socket.as_ref(), "{ value: 64 GB/s, source: \"...\" }")?;
        }
        let figures = vec![
            (self.bandwidth.0, self.latency),
            (self.rate(self.spec.host_bandwidth.as_ref()), self.delay(self.spec.host_latency.as_ref())),
            (self.rate(socket.as_ref()), self.delay(self.spec.socket_latency.as_ref())),
        ];
        let kind = Topology::PcieTree { devices_per_switch: per_switch, devices_per_host: per_host };
        Some(Wired { count, kind, shape: Shape::Pcie(pcie), figures })
    }

    fn fat_tree(&self, checker: &mut Checker) -> Option<Wired> {
        let down = checker.required("down", self.spec.down.clone(), "[32, 16]")?;
        let up = self.uplinks(checker, &down)?;
        let tiers = 1..=fat_tree::MOST_TIERS;
        if !tiers.contains(&down.len()) || down.contains(&0) || product(&down) > MOST_OF_A_TREE {
            let message = format!(
                "`down` must be 1 to {} numbers of at least 1, with a product of at most {MOST_OF_A_TREE}",
                tiers.end()
            );
            checker.error("down", message, None);
            return None;
        }
        if up.len() + 1 != down.len() || up.contains(&0) || product(&up) > MOST_SPINES {
            let message = format!(
                "`up` must be {} numbers of at least 1, one less than `down`, with a product of at most \
                 {MOST_SPINES}",
                down.len() - 1
            );
            checker.error("up", message, None);
            return None;
        }
        let count = self.count_in(checker, product(&down), "down")?;
        let tree = FatTree::new(count * self.ports, &down, &up);
        let figures = vec![
            (self.bandwidth.0, self.latency),
            (self.rate(self.spec.uplink_bandwidth.as_ref()), self.delay(self.spec.uplink_latency.as_ref())),
        ];
        Some(Wired { count, kind: Topology::FatTree { down, up }, shape: Shape::FatTree(tree), figures })
    }

    /// `up`, or what `oversubscription` makes of `down`.
    fn uplinks(&self, checker: &mut Checker, down: &[u32]) -> Option<Vec<u32>> {
        let ratio = match (&self.spec.up, self.spec.oversubscription) {
            (Some(_), Some(_)) => {
                checker.error("oversubscription", "`up` already says how many links lead up", None);
                return None;
            }
            (Some(up), None) => return Some(up.clone()),
            (None, ratio) => ratio.unwrap_or(1),
        };
        let mut up = down[..down.len().saturating_sub(1)].to_vec();
        let leaf = down.first().copied().unwrap_or(1);
        if ratio == 0 || !leaf.is_multiple_of(ratio) {
            let message = format!("{ratio} does not divide the {leaf} links down of a leaf switch");
            checker.error("oversubscription", message, None);
            return None;
        }
        if let Some(first) = up.first_mut() {
            *first /= ratio;
        }
        Some(up)
    }

    fn dragonfly(&self, checker: &mut Checker) -> Option<Wired> {
        let number = |checker: &mut Checker, key: &str, value: Option<u32>| {
            number(checker, key, value, MOST_OF_A_SWITCH, "8")
        };
        let groups = number(checker, "groups", self.spec.groups);
        let routers = number(checker, "routers", self.spec.routers);
        let devices = number(checker, "devices", self.spec.devices);
        let global_links = number(checker, "global_links", self.spec.global_links);
        let (groups, routers, devices, global_links) = (groups?, routers?, devices?, global_links?);
        let all_routers = u64::from(groups) * u64::from(routers);
        if all_routers > u64::from(MOST_DEVICES) {
            let message =
                format!("{all_routers} routers are too many: a dragonfly has at most {MOST_DEVICES}");
            checker.error("groups", message, None);
            return None;
        }
        if routers * global_links < groups - 1 {
            let message = format!(
                "each group has {} links to other groups, and needs one to each of {}",
                routers * global_links,
                groups - 1
            );
            checker.error("global_links", message, None);
            return None;
        }
        let count = self.count_in(checker, all_routers * u64::from(devices), "devices")?;
        let size = DragonflySize { groups, routers, devices, global_links };
        let figures = vec![
            (self.bandwidth.0, self.latency),
            (self.rate(self.spec.local_bandwidth.as_ref()), self.delay(self.spec.local_latency.as_ref())),
            (self.rate(self.spec.global_bandwidth.as_ref()), self.delay(self.spec.global_latency.as_ref())),
        ];
        let kind = Topology::Dragonfly { groups, routers, devices, global_links };
        let shape = Shape::Dragonfly(Dragonfly::new(count * self.ports, size));
        Some(Wired { count, kind, shape, figures })
    }
}

/// Saturates at 2^64.
fn product(numbers: &[u32]) -> u64 {
    numbers.iter().fold(1, |product, &number| product.saturating_mul(u64::from(number)))
}

/// A number of at least 1 and at most `most`.
pub(super) fn number(
    checker: &mut Checker,
    key: &str,
    value: Option<u32>,
    most: u32,
    example: &str,
) -> Option<u32> {
    let value = checker.required(key, value, example)?;
    if value == 0 || value > most {
        checker.error(key, format!("`{key}` must be from 1 to {most}, and is {value}"), None);
        return None;
    }
    Some(value)
}
