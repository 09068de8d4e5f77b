//! Checks a description of a fabric, level by level.

use memwall_units::{BytesPerSec, Picos};

use super::names::is_word;
use super::spec::{FabricSpec, LevelSpec, PortsSpec, RoutingSpec, TopologySpec};
use super::wire::{Frame, number};
use super::{Fabric, FabricLevel, MOST_DEVICES, Wires};
use crate::check::Checker;
use crate::nearest::shorten;
use crate::{Figure, HardwareError};

/// The most levels: chip, board, node, rack, row, hall, and some.
const MOST_LEVELS: usize = 8;

pub(super) fn fabric(spec: &FabricSpec) -> Result<Fabric, Vec<HardwareError>> {
    let mut checker = Checker::default();
    let noun = spec.noun.clone().unwrap_or_else(|| "gpu".to_owned());
    name(&mut checker, "noun", &noun);
    let levels = checker.required("levels", spec.levels.as_ref(), "{ nvswitch: { topology: switch, ... } }");
    let mut fabric = Fabric {
        noun,
        devices: 1,
        levels: Vec::new(),
        wires: Vec::new(),
        overrides: Default::default(),
        dead: Default::default(),
    };
    let count = levels.map_or(0, |levels| levels.len());
    if levels.is_some() && !(1..=MOST_LEVELS).contains(&count) {
        checker.error(
            "levels",
            format!("a fabric has 1 to {MOST_LEVELS} levels, and this one {count}"),
            None,
        );
        return checker.finish(None);
    }
    let is_built = checker.within("levels", |checker| {
        let mut levels = levels.into_iter().flatten();
        // A level cannot be checked without the size of the one below.
        levels.all(|(key, level)| {
            checker.within(key, |checker| fabric.add_level(checker, key, level).is_some())
        })
    });
    if is_built && let Some(overrides) = &spec.overrides {
        checker.within("overrides", |checker| fabric.apply(checker, overrides));
    }
    checker.finish(Some(fabric))
}

/// A word that numbers can follow.
fn name(checker: &mut Checker, key: &str, name: &str) {
    let ends_well = !name.ends_with(|last: char| last.is_ascii_digit());
    if !is_word(name) || !ends_well || name.contains('-') {
        let message = format!(
            "`{}` cannot be used in the names of links: use letters, digits and `_`, a letter first and no digit last",
            shorten(name)
        );
        checker.error(key, message, None);
    }
}

impl Fabric {
    /// `None` after an error.
    fn add_level(&mut self, checker: &mut Checker, key: &str, spec: &LevelSpec) -> Option<()> {
        name(checker, "", key);
        if key == self.noun {
            checker.error("", format!("`{key}` is what devices are called: name the level otherwise"), None);
        }
        let title = checker.words("title", spec.title.clone(), "NVLink 4 through NVSwitch");
        let bandwidth = checker.required_figure("bandwidth", spec.bandwidth.clone(), "450 GB/s");
        let latency = checker.required_figure("latency", spec.latency.clone(), "300 ns");
        check_figures(checker, spec);
        let topology = checker.required("topology", spec.topology, "switch");
        let ports = self.ports(checker, spec);
        check_keys(checker, spec, topology?);
        let (title, bandwidth, latency, ports) = (title?, bandwidth?, latency?, ports?);
        let is_first = self.wires.is_empty();
        let member = if is_first { self.noun.clone() } else { "member".to_owned() };
        let frame = Frame {
            spec,
            member: &member,
            below: self.devices,
            ports,
            bandwidth: bandwidth.value,
            latency: latency.value,
        };
        let wired = frame.wire(checker, topology?)?;
        let first_link = match self.wires.last() {
            None => 0,
            // Above the links of every group of the level before, of which there will be at most so many.
            Some(last) => last.first_link + last.shape.wiring().links() * u64::from(MOST_DEVICES / last.size),
        };
        let size = self.devices * wired.count;
        let own_ports = is_first || spec.ports.unwrap_or_default() == PortsSpec::PerDevice;
        let ecmp = spec.routing == Some(RoutingSpec::Ecmp);
        self.wires.push(Wires {
            shape: wired.shape,
            figures: wired.figures,
            first_link,
            below: self.devices,
            size,
            ports,
            own_ports,
            has_planes: has_planes(topology?),
            ecmp,
        });
        self.levels.push(FabricLevel {
            name: key.to_owned(),
            title,
            kind: wired.kind,
            count: wired.count,
            devices: size,
            ports,
            own_ports,
            bandwidth,
            latency,
            efficiency: spec.efficiency.clone(),
            in_network_reduction: spec.in_network_reduction.unwrap_or(false),
            ecmp,
            generation: spec.generation.clone(),
        });
        self.devices = size;
        Some(())
    }

    /// Ports of one member.
    fn ports(&self, checker: &mut Checker, spec: &LevelSpec) -> Option<u32> {
        let is_shared = spec.ports == Some(PortsSpec::PerGroup);
        if is_shared && self.wires.is_empty() {
            checker.error(
                "ports",
                "the members of the first level are devices, each with its own port",
                None,
            );
            return None;
        }
        if !is_shared {
            if spec.port_count.is_some() {
                checker.error("port_count", "`port_count` is for `ports: per_group`", None);
            }
            return Some(self.devices);
        }
        let count = number(checker, "port_count", Some(spec.port_count.unwrap_or(1)), MOST_DEVICES, "1")?;
        if count > self.devices {
            let message = format!("{count} ports are more than the {} devices that share them", self.devices);
            let hint = "write `ports: per_device` and the bandwidth of all ports of a device together";
            checker.error("port_count", message, hint.to_owned());
            return None;
        }
        Some(count)
    }
}

fn has_planes(topology: TopologySpec) -> bool {
    use TopologySpec as T;
    match topology {
        T::Ring | T::FullyConnected | T::RailOptimized | T::Torus | T::Mesh | T::Explicit => true,
        T::Switch | T::PcieTree | T::FatTree | T::Dragonfly => false,
    }
}

/// Limits of the figures that only some topologies have.
fn check_figures(checker: &mut Checker, spec: &LevelSpec) {
    let rates: [(&str, &Option<Figure<BytesPerSec>>); 5] = [
        ("host_bandwidth", &spec.host_bandwidth),
        ("socket_bandwidth", &spec.socket_bandwidth),
        ("uplink_bandwidth", &spec.uplink_bandwidth),
        ("local_bandwidth", &spec.local_bandwidth),
        ("global_bandwidth", &spec.global_bandwidth),
    ];
    for (key, rate) in rates {
        checker.figure(key, rate.clone());
    }
    let delays: [(&str, &Option<Figure<Picos>>); 5] = [
        ("host_latency", &spec.host_latency),
        ("socket_latency", &spec.socket_latency),
        ("uplink_latency", &spec.uplink_latency),
        ("local_latency", &spec.local_latency),
        ("global_latency", &spec.global_latency),
    ];
    for (key, delay) in delays {
        checker.figure(key, delay.clone());
    }
    checker.figure("efficiency", spec.efficiency.clone());
    if let Some(generation) = &spec.generation {
        checker.words("generation", Some(generation.clone()), "nvlink4");
    }
}

/// Keys that this topology does not read are mistakes.
fn check_keys(checker: &mut Checker, spec: &LevelSpec, topology: TopologySpec) {
    use TopologySpec as T;
    const PCIE: &[T] = &[T::PcieTree];
    const TREE: &[T] = &[T::FatTree];
    const DRAGONFLY: &[T] = &[T::Dragonfly];
    const EXPLICIT: &[T] = &[T::Explicit];
    let keys: [(&str, bool, &[T]); 24] = [
        ("dims", spec.dims.is_some(), &[T::Torus, T::Mesh]),
        ("wrap", spec.wrap.is_some(), &[T::Torus]),
        ("devices_per_switch", spec.devices_per_switch.is_some(), PCIE),
        ("switches_per_host", spec.switches_per_host.is_some(), PCIE),
        ("devices_per_host", spec.devices_per_host.is_some(), PCIE),
        ("host_bandwidth", spec.host_bandwidth.is_some(), PCIE),
        ("host_latency", spec.host_latency.is_some(), PCIE),
        ("socket_bandwidth", spec.socket_bandwidth.is_some(), PCIE),
        ("socket_latency", spec.socket_latency.is_some(), PCIE),
        ("down", spec.down.is_some(), TREE),
        ("up", spec.up.is_some(), TREE),
        ("oversubscription", spec.oversubscription.is_some(), TREE),
        ("uplink_bandwidth", spec.uplink_bandwidth.is_some(), TREE),
        ("uplink_latency", spec.uplink_latency.is_some(), TREE),
        ("groups", spec.groups.is_some(), DRAGONFLY),
        ("routers", spec.routers.is_some(), DRAGONFLY),
        ("devices", spec.devices.is_some(), DRAGONFLY),
        ("global_links", spec.global_links.is_some(), DRAGONFLY),
        ("local_bandwidth", spec.local_bandwidth.is_some(), DRAGONFLY),
        ("local_latency", spec.local_latency.is_some(), DRAGONFLY),
        ("global_bandwidth", spec.global_bandwidth.is_some(), DRAGONFLY),
        ("global_latency", spec.global_latency.is_some(), DRAGONFLY),
        ("switches", spec.switches.is_some(), EXPLICIT),
        ("links", spec.links.is_some(), EXPLICIT),
    ];
    let reduces = &[T::Switch, T::RailOptimized, T::FatTree][..];
    let reduction = ("in_network_reduction", spec.in_network_reduction == Some(true), reduces);
    for (key, is_given, topologies) in keys.into_iter().chain([reduction]) {
        if is_given && !topologies.contains(&topology) {
            let names: Vec<&str> = topologies.iter().map(|topology| topology.name()).collect();
            let message = format!("`{key}` has no meaning for a {}", topology.name());
            checker.error(key, message, format!("it is for {}", names.join(", ")));
        }
    }
}
