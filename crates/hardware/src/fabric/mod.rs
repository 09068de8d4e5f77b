//! How devices are joined: directed links in a hierarchy of levels, and the routes over them.
//!
//! A [`Fabric`] is a list of levels, innermost first. A level joins `count` members: devices at the first level, groups of
//! the level before at the others; eight GPUs by a switch, then 32 such nodes by InfiniBand. Every group of a level is
//! wired alike, so routing is algebra on device numbers: nothing is stored for a pair, and a pod of a hundred thousand
//! devices takes as little memory as a pair of cards. Only links that differ (degraded, dead) are stored one by one.
//!
//! | `topology` | links | default route | after |
//! |---|---|---|---|
//! | `ring` | to the next and the previous member | the shorter way round | |
//! | `fully_connected` | between every two members | direct | |
//! | `switch` | every port to one switch | up, down | |
//! | `rail_optimized` | port i of every member to rail i | first inside, to the neighbour on the right rail | NVIDIA 2022 |
//! | `pcie_tree` | device, PCIe switch, host bridge, other sockets | up to the lowest in common, down | PCI-SIG |
//! | `torus`, `mesh` | to the neighbours along each dimension | dimension order | Dally and Seitz 1986 |
//! | `fat_tree` | tiers of switches | d-mod-k | Leiserson 1985, Öhring et al. 1995, Zahavi 2010 |
//! | `dragonfly` | groups of routers, global links | minimal | Kim et al. 2008 |
//! | `explicit` | as listed | shortest | |
//!
//! A dead link is gone around where algebra or a search of bounded length finds a way: by another route of the same
//! cost, the other way round a ring, through a third member, by another port. What a detour costs is what its links cost.
//!
//! ```
//! use memwall_hardware::{Fabric, catalog};
//!
//! let cluster = catalog::system("hgx-h100-ib")?.with_nodes(32).expect("rails have room for 32 nodes");
//! let fabric: &Fabric = cluster.fabric();
//! let mut path = Vec::new();
//! fabric.route(3, 9, 0, &mut path).expect("no link is dead");
//! let names: Vec<String> = path.iter().map(|link| fabric.link_name(*link)).collect();
//! assert_eq!(
//!     names,
//!     ["gpu3 -> nvswitch0", "nvswitch0 -> gpu1", "gpu1 -> ib-rail1", "ib-rail1 -> gpu9"]
//! );
//! # Ok::<(), memwall_hardware::CatalogError>(())
//! ```
//!
//! With `ports: per_group` the devices of a member share ports. What it takes to reach a shared port inside the member
//! is not modelled: the route begins at the port.

mod build;
mod dragonfly;
mod explicit;
mod fat_tree;
mod full;
mod level;
mod links;
mod names;
mod overrides;
mod pcie;
mod route;
mod rows;
mod search;
mod shape;
mod spec;
mod star;
mod torus;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use memwall_units::Picos;

pub use level::{FabricLevel, Topology};
pub use route::RouteError;
use shape::{Ends, Shape};
pub use spec::{FabricSpec, LevelSpec, LinkOverrideSpec, LinkSpec, PortsSpec, RoutingSpec, TopologySpec};

use crate::HardwareError;

/// The most devices of a fabric.
pub const MOST_DEVICES: u32 = 1 << 20;

/// Directed links between devices. Routing is algebra: nothing is stored for a pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Fabric {
    noun: String,
    devices: u32,
    levels: Vec<FabricLevel>,
    wires: Vec<Wires>,
    overrides: BTreeMap<FabricLink, Override>,
    dead: BTreeSet<FabricLink>,
}

/// Names one directed link of a fabric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FabricLink(pub u64);

/// What a link can do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FabricLinkFigures {
    /// Index of its level, innermost 0.
    pub level: u16,
    /// In bytes a second, as published: the level's efficiency is not applied. 0 for a dead link.
    pub bandwidth: f64,
    /// Of the link and what it leads into. A route takes the sum of its links'.
    pub latency: Picos,
}

/// The links of one level.
#[derive(Debug, Clone, PartialEq)]
struct Wires {
    shape: Shape,
    /// Bandwidth and latency by class of link.
    figures: Vec<(f64, Picos)>,
    /// The number of its first link; groups follow each other.
    first_link: u64,
    /// Devices of one member, and of one group.
    below: u32,
    size: u32,
    /// Ports of one member.
    ports: u32,
    own_ports: bool,
    /// Whether ports only reach the ports of other members at the same place: rails, and direct links.
    has_planes: bool,
    ecmp: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Override {
    bandwidth: Option<f64>,
    latency: Option<Picos>,
}

impl Fabric {
    /// Checks a description and builds it.
    ///
    /// # Errors
    /// Everything that is wrong, each with its path from the root of the description.
    pub fn try_from_spec(spec: &FabricSpec) -> Result<Self, Vec<HardwareError>> {
        build::fabric(spec)
    }

    /// How many devices; at most [`MOST_DEVICES`].
    #[must_use]
    pub fn devices(&self) -> u32 {
        self.devices
    }

    /// Innermost first; at least one.
    #[must_use]
    pub fn levels(&self) -> &[FabricLevel] {
        &self.levels
    }

    /// What a link can do. A link that is not of this fabric carries nothing.
    #[must_use]
    pub fn link(&self, link: FabricLink) -> FabricLinkFigures {
        let nothing = FabricLinkFigures { level: 0, bandwidth: 0.0, latency: Picos(0) };
        let Some((level, _, ends)) = self.ends(link) else { return nothing };
        let figures = &self.wires[level].figures;
        let (bandwidth, latency) = figures.get(ends.class as usize).copied().unwrap_or((0.0, Picos(0)));
        let other = self.overrides.get(&link).copied().unwrap_or_default();
        FabricLinkFigures {
            level: level as u16,
            bandwidth: if self.dead.contains(&link) { 0.0 } else { other.bandwidth.unwrap_or(bandwidth) },
            latency: other.latency.unwrap_or(latency),
        }
    }

    /// Whether a link was declared dead. No route takes it.
    #[must_use]
    pub fn is_dead(&self, link: FabricLink) -> bool {
        self.dead.contains(&link)
    }

    /// Every directed link, in order of number. A fully connected level of many members has very many.
    pub fn links(&self) -> impl Iterator<Item = FabricLink> + '_ {
        let numbers = self.wires.iter().flat_map(|wires| {
            let links = u64::from(self.devices / wires.size) * wires.shape.wiring().links();
            wires.first_link..wires.first_link + links
        });
        numbers.map(FabricLink).filter(|&link| self.ends(link).is_some())
    }

    /// The group of `device` at a level: devices with equal groups at level `l` are joined by levels `0..=l`. Above the last
    /// level all are of group 0.
    #[must_use]
    pub fn group(&self, device: u32, level: usize) -> u32 {
        self.wires.get(level).map_or(0, |wires| device / wires.size)
    }

    /// The lowest level that joins two devices; the first for a device and itself.
    #[must_use]
    pub fn joining_level(&self, a: u32, b: u32) -> usize {
        let joins = |wires: &Wires| a / wires.size == b / wires.size;
        self.wires.iter().position(joins).unwrap_or(self.wires.len() - 1)
    }

    /// Level, group and ends of a link.
    fn ends(&self, link: FabricLink) -> Option<(usize, u32, Ends)> {
        let level = self.wires.iter().rposition(|wires| wires.first_link <= link.0)?;
        let wires = &self.wires[level];
        let (place, links) = (link.0 - wires.first_link, wires.shape.wiring().links());
        let group = u32::try_from(place.checked_div(links)?).ok()?;
        if group >= self.devices / wires.size {
            return None;
        }
        Some((level, group, wires.shape.wiring().ends(place % links)?))
    }

    /// The number of a group's first link.
    fn first_link(&self, level: usize, group: u32) -> u64 {
        let wires = &self.wires[level];
        wires.first_link + u64::from(group) * wires.shape.wiring().links()
    }
}
