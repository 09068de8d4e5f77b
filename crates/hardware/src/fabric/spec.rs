//! A fabric as it is written in YAML: in a system of the catalog, and in a scenario.

use indexmap::IndexMap;
use memwall_units::{BytesPerSec, Picos};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Figure;

/// How devices are joined: a hierarchy of levels, each of which joins groups of the level before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FabricSpec {
    /// What a device is called in the names of links: `gpu` (the default) makes `gpu3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noun: Option<String>,
    /// Levels by name, innermost first. The name is also that of the level's switches in the names of links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<IndexMap<String, LevelSpec>>,
    /// Links that differ from their level: degraded or dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Vec<LinkOverrideSpec>>,
}

/// How the members of one group of a level are wired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TopologySpec {
    /// Each member to the next, the last to the first; traffic goes the shorter way round.
    Ring,
    /// A link between every two members.
    FullyConnected,
    /// All members on one switch that never limits.
    Switch,
    /// A switch for each device of a member: device i of every member hangs on rail i. Traffic to another rail first
    /// crosses the levels below, to the neighbour on the right rail.
    RailOptimized,
    /// Devices below PCIe switches below host bridges, one a socket.
    PcieTree,
    /// A grid of `dims` that wraps around, with dimension-order routing.
    Torus,
    /// A grid of `dims` that does not wrap around, with dimension-order routing.
    Mesh,
    /// Tiers of switches with `down` and `up` links, with d-mod-k routing.
    FatTree,
    /// Groups of fully connected routers, joined by global links, with minimal routing.
    Dragonfly,
    /// `links` one by one, with shortest routes.
    Explicit,
}

/// Whose the ports of a level are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PortsSpec {
    /// Each device has its own.
    #[default]
    PerDevice,
    /// The devices of a member share its `port_count` ports, neighbours the same one.
    PerGroup,
}

/// Which of several equal routes is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoutingSpec {
    /// Always the same: dimension order, d-mod-k.
    #[default]
    Deterministic,
    /// Any, by a hash of the flow.
    Ecmp,
}

/// One level of a fabric.
///
/// Bandwidths are of one link in one direction. A latency is of one link and whatever it leads into (switch, adapter),
/// so that a route has the sum of its links'.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelSpec {
    /// What a person calls it: "NVLink 4 through NVSwitch".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How members are wired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<TopologySpec>,
    /// Members of one group: devices at the first level, groups of the level before at the others. Not needed where
    /// `dims` or the numbers of a fat tree or dragonfly say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Figure<u32>>,
    /// `per_device` (the default) or `per_group`. Has no meaning at the first level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<PortsSpec>,
    /// With `ports: per_group`, how many a member has, the devices divided evenly among them. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_count: Option<u32>,
    /// Of one port, one direction: the link to the switch, or to one neighbour where links are direct.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Figure<BytesPerSec>>,
    /// Of one link and what it leads into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Figure<Picos>>,
    /// Fraction of `bandwidth` that long transfers reach, above 0 and at most 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<Figure<f64>>,
    /// Whether the switches can add up what passes through them (NVLink SHARP, SHARP). Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_network_reduction: Option<bool>,
    /// By which name a collective library knows these links: `nvlink4`, `pcie4`, `ib-ndr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// `deterministic` (the default) or `ecmp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<RoutingSpec>,
    /// Torus and mesh: members along each dimension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dims: Option<Vec<u32>>,
    /// Torus: which dimensions wrap around. Default all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap: Option<Vec<bool>>,
    /// PCIe tree: ports below one PCIe switch. Without it they hang on the host bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices_per_switch: Option<u32>,
    /// PCIe tree: PCIe switches below one host bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switches_per_host: Option<u32>,
    /// PCIe tree without switches: ports of one host bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices_per_host: Option<u32>,
    /// PCIe tree: between a switch and its host bridge. Default `bandwidth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_bandwidth: Option<Figure<BytesPerSec>>,
    /// PCIe tree: of a link between a switch and its host bridge. Default `latency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_latency: Option<Figure<Picos>>,
    /// PCIe tree: between two host bridges. Needed where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_bandwidth: Option<Figure<BytesPerSec>>,
    /// PCIe tree: of a link between two host bridges. Default `latency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_latency: Option<Figure<Picos>>,
    /// Fat tree: links down of one switch, by tier, leaves first: `[32, 16]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Vec<u32>>,
    /// Fat tree: links up of one switch, by tier, one entry less than `down`: `[16]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<Vec<u32>>,
    /// Fat tree, instead of `up`: how many links down share one link up at the leaves; above, as many go up as down.
    /// Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oversubscription: Option<u32>,
    /// Fat tree: between two switches. Default `bandwidth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uplink_bandwidth: Option<Figure<BytesPerSec>>,
    /// Fat tree: of a link between two switches. Default `latency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uplink_latency: Option<Figure<Picos>>,
    /// Dragonfly: groups of routers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<u32>,
    /// Dragonfly: routers of one group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routers: Option<u32>,
    /// Dragonfly: ports of one router to devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<u32>,
    /// Dragonfly: links of one router to other groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_links: Option<u32>,
    /// Dragonfly: between two routers of a group. Default `bandwidth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_bandwidth: Option<Figure<BytesPerSec>>,
    /// Dragonfly: of a link between two routers of a group. Default `latency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_latency: Option<Figure<Picos>>,
    /// Dragonfly: of a link between two groups. Default `bandwidth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_bandwidth: Option<Figure<BytesPerSec>>,
    /// Dragonfly: of a link between two groups. Default `latency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_latency: Option<Figure<Picos>>,
    /// Explicit: names of nodes that are no members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switches: Option<Vec<String>>,
    /// Explicit: the links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<LinkSpec>>,
}

/// A link of an explicit level. Its ends are members (`gpu3` at the first level, `member3` at others) or `switches`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkSpec {
    /// One end.
    pub from: String,
    /// The other.
    pub to: String,
    /// Whether there is no link back. Default false: one in each direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_way: Option<bool>,
    /// Of one direction. Default the level's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Figure<BytesPerSec>>,
    /// Default the level's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Figure<Picos>>,
}

/// A link that differs from the others of its level, named by `link` or by `from` and `to`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkOverrideSpec {
    /// Its name as reports print it: `gpu3 -> nvswitch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Where it begins: `gpu3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where it ends: `nvswitch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Whether the link back is meant, too. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub both_directions: Option<bool>,
    /// What it still carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Figure<BytesPerSec>>,
    /// What it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Figure<Picos>>,
    /// Whether nothing passes: routes go around it. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<bool>,
}

impl TopologySpec {
    /// The word a YAML file uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::FullyConnected => "fully_connected",
            Self::Switch => "switch",
            Self::RailOptimized => "rail_optimized",
            Self::PcieTree => "pcie_tree",
            Self::Torus => "torus",
            Self::Mesh => "mesh",
            Self::FatTree => "fat_tree",
            Self::Dragonfly => "dragonfly",
            Self::Explicit => "explicit",
        }
    }
}

impl PortsSpec {
    /// The word a YAML file uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PerDevice => "per_device",
            Self::PerGroup => "per_group",
        }
    }
}

impl RoutingSpec {
    /// The word a YAML file uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deterministic => "deterministic",
            Self::Ecmp => "ecmp",
        }
    }
}
