//! A fabric as rows of a table.

use std::fmt::Debug;

use super::spec::{FabricSpec, LevelSpec, LinkOverrideSpec, LinkSpec};
use crate::rows::Rows;

/// Rows for links that are listed one by one: more would bury the rest.
const MOST_LINK_ROWS: usize = 64;

impl FabricSpec {
    pub(crate) fn rows(&self, rows: &mut Rows) {
        setting(rows, "fabric.noun", self.noun.as_ref());
        for (name, level) in self.levels.iter().flatten() {
            level.rows(&format!("fabric.levels.{name}"), rows);
        }
        for (index, link) in self.overrides.iter().flatten().enumerate().take(MOST_LINK_ROWS) {
            link.rows(&format!("fabric.overrides.{index}"), rows);
        }
    }
}

fn setting<T: ToString>(rows: &mut Rows, path: &str, value: Option<&T>) {
    if let Some(value) = value {
        rows.setting(path, &value.to_string());
    }
}

fn list<T: Debug>(rows: &mut Rows, path: &str, values: Option<&Vec<T>>) {
    if let Some(values) = values {
        rows.setting(path, &format!("{values:?}"));
    }
}

impl LevelSpec {
    fn rows(&self, name: &str, rows: &mut Rows) {
        let path = |key: &str| format!("{name}.{key}");
        setting(rows, &path("title"), self.title.as_ref());
        setting(rows, &path("topology"), self.topology.map(|topology| topology.name()).as_ref());
        if let Some(count) = &self.count {
            rows.number(&path("count"), count);
        }
        self.shape_rows(&path, rows);
        rows.maybe(&path("bandwidth"), self.bandwidth.as_ref());
        rows.maybe(&path("host_bandwidth"), self.host_bandwidth.as_ref());
        rows.maybe(&path("socket_bandwidth"), self.socket_bandwidth.as_ref());
        rows.maybe(&path("uplink_bandwidth"), self.uplink_bandwidth.as_ref());
        rows.maybe(&path("local_bandwidth"), self.local_bandwidth.as_ref());
        rows.maybe(&path("global_bandwidth"), self.global_bandwidth.as_ref());
        rows.maybe(&path("latency"), self.latency.as_ref());
        rows.maybe(&path("host_latency"), self.host_latency.as_ref());
        rows.maybe(&path("socket_latency"), self.socket_latency.as_ref());
        rows.maybe(&path("uplink_latency"), self.uplink_latency.as_ref());
        rows.maybe(&path("local_latency"), self.local_latency.as_ref());
        rows.maybe(&path("global_latency"), self.global_latency.as_ref());
        if let Some(efficiency) = &self.efficiency {
            rows.number(&path("efficiency"), efficiency);
        }
        setting(rows, &path("in_network_reduction"), self.in_network_reduction.as_ref());
        setting(rows, &path("routing"), self.routing.map(|routing| routing.name()).as_ref());
        setting(rows, &path("generation"), self.generation.as_ref());
        for (index, link) in self.links.iter().flatten().enumerate().take(MOST_LINK_ROWS) {
            link.rows(&path(&format!("links.{index}")), rows);
        }
    }

    fn shape_rows(&self, path: &dyn Fn(&str) -> String, rows: &mut Rows) {
        list(rows, &path("dims"), self.dims.as_ref());
        list(rows, &path("wrap"), self.wrap.as_ref());
        setting(rows, &path("devices_per_switch"), self.devices_per_switch.as_ref());
        setting(rows, &path("switches_per_host"), self.switches_per_host.as_ref());
        setting(rows, &path("devices_per_host"), self.devices_per_host.as_ref());
        list(rows, &path("down"), self.down.as_ref());
        list(rows, &path("up"), self.up.as_ref());
        setting(rows, &path("oversubscription"), self.oversubscription.as_ref());
        setting(rows, &path("groups"), self.groups.as_ref());
        setting(rows, &path("routers"), self.routers.as_ref());
        setting(rows, &path("devices"), self.devices.as_ref());
        setting(rows, &path("global_links"), self.global_links.as_ref());
        setting(rows, &path("ports"), self.ports.map(|ports| ports.name()).as_ref());
        setting(rows, &path("port_count"), self.port_count.as_ref());
        list(rows, &path("switches"), self.switches.as_ref());
    }
}

impl LinkSpec {
    fn rows(&self, name: &str, rows: &mut Rows) {
        let arrow = if self.one_way == Some(true) { "->" } else { "<->" };
        rows.setting(name, &format!("{} {arrow} {}", self.from, self.to));
        rows.maybe(&format!("{name}.bandwidth"), self.bandwidth.as_ref());
        rows.maybe(&format!("{name}.latency"), self.latency.as_ref());
    }
}

impl LinkOverrideSpec {
    fn rows(&self, name: &str, rows: &mut Rows) {
        setting(rows, &format!("{name}.link"), self.link.as_ref());
        setting(rows, &format!("{name}.from"), self.from.as_ref());
        setting(rows, &format!("{name}.to"), self.to.as_ref());
        setting(rows, &format!("{name}.both_directions"), self.both_directions.as_ref());
        rows.maybe(&format!("{name}.bandwidth"), self.bandwidth.as_ref());
        rows.maybe(&format!("{name}.latency"), self.latency.as_ref());
        setting(rows, &format!("{name}.dead"), self.dead.as_ref());
    }
}
