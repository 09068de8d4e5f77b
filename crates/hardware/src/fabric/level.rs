//! A level of a fabric, checked: what collectives choose algorithms by.

use memwall_units::{BytesPerSec, Picos};

use super::spec::TopologySpec;
use crate::Figure;

/// How the members of one group of a level are wired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// Each member to the next, the last to the first.
    Ring,
    /// A link between every two members.
    FullyConnected,
    /// All members on one switch.
    Switch,
    /// Device i of every member on rail i.
    RailOptimized,
    /// Devices below PCIe switches below host bridges.
    PcieTree {
        /// Ports below one PCIe switch; `None` where they hang on the host bridge.
        devices_per_switch: Option<u32>,
        /// Ports below one host bridge.
        devices_per_host: u32,
    },
    /// A grid that wraps around in some dimensions.
    Torus {
        /// Members along each dimension. Members next to each other along the first have neighbouring numbers.
        dims: Vec<u32>,
        /// Which dimensions wrap around.
        wrap: Vec<bool>,
    },
    /// A grid that does not wrap around.
    Mesh {
        /// Members along each dimension.
        dims: Vec<u32>,
    },
    /// Tiers of switches.
    FatTree {
        /// Links down of one switch, by tier, leaves first.
        down: Vec<u32>,
        /// Links up of one switch, by tier, one entry less.
        up: Vec<u32>,
    },
    /// Groups of fully connected routers, joined by global links.
    Dragonfly {
        /// Groups of routers.
        groups: u32,
        /// Routers of one group.
        routers: u32,
        /// Ports of one router to devices.
        devices: u32,
        /// Links of one router to other groups.
        global_links: u32,
    },
    /// Links given one by one.
    Explicit {
        /// Members and switches.
        nodes: u32,
        /// Directed links.
        links: u32,
    },
}

impl Topology {
    /// The same without its numbers.
    #[must_use]
    pub const fn kind(&self) -> TopologySpec {
        match self {
            Self::Ring => TopologySpec::Ring,
            Self::FullyConnected => TopologySpec::FullyConnected,
            Self::Switch => TopologySpec::Switch,
            Self::RailOptimized => TopologySpec::RailOptimized,
            Self::PcieTree { .. } => TopologySpec::PcieTree,
            Self::Torus { .. } => TopologySpec::Torus,
            Self::Mesh { .. } => TopologySpec::Mesh,
            Self::FatTree { .. } => TopologySpec::FatTree,
            Self::Dragonfly { .. } => TopologySpec::Dragonfly,
            Self::Explicit { .. } => TopologySpec::Explicit,
        }
    }

    /// The word a YAML file uses.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }
}

/// One level of a fabric.
#[derive(Debug, Clone, PartialEq)]
pub struct FabricLevel {
    /// Its key in the YAML form: `nvswitch`.
    pub name: String,
    /// What a person calls it.
    pub title: String,
    /// How members are wired.
    pub kind: Topology,
    /// Members of one group: how many of the level below.
    pub count: u32,
    /// Devices in one group.
    pub devices: u32,
    /// Ports of one member; as many as it has devices where each device has its own.
    pub ports: u32,
    /// Whether each device has its own port.
    pub own_ports: bool,
    /// Of one port, one direction, as published: `efficiency` is not applied.
    pub bandwidth: Figure<BytesPerSec>,
    /// Of one link and what it leads into.
    pub latency: Figure<Picos>,
    /// Fraction of `bandwidth` that long transfers reach.
    pub efficiency: Option<Figure<f64>>,
    /// Whether the switches can add up what passes through them.
    pub in_network_reduction: bool,
    /// Whether flows spread over routes of equal cost.
    pub ecmp: bool,
    /// By which name a collective library knows these links: `nvlink4`, `pcie4`, `ib-ndr`.
    pub generation: Option<String>,
}
