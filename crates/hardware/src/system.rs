//! Several devices joined by links: what is known of a machine. How its links share traffic is not simulated
//! yet.

use memwall_units::BytesPerSec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Checker;
use crate::{CatalogError, Figure, HardwareError, catalog};

/// How devices reach one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// Through switches: any device reaches any other at its full bandwidth.
    Switch,
    /// Direct links; a device's bandwidth is divided among its neighbours.
    Mesh,
    /// Through the host's I/O bus.
    Bus,
}

/// The links between the devices of one system, or between systems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interconnect {
    /// What a person calls it: "NVLink 4 through NVSwitch".
    pub title: String,
    /// Switch, mesh or bus.
    pub topology: Topology,
    /// Of one device in one direction, all its links together.
    pub bandwidth: Figure<BytesPerSec>,
    /// Fraction of `bandwidth` that large collectives reach, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<Figure<f64>>,
}

/// A node or rack: equal devices and the links between them. Also its form in YAML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Catalog name: `dgx-h100`.
    pub name: String,
    /// What a person calls it.
    pub title: String,
    /// Catalog name of its devices.
    pub device: String,
    /// How many devices.
    pub count: Figure<u32>,
    /// Links between its devices.
    pub interconnect: Interconnect,
    /// Links to other systems, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Interconnect>,
}

impl System {
    /// Checks figures and that the device is in the catalog.
    ///
    /// # Errors
    /// Everything that is wrong, each with its path.
    pub fn check(&self) -> Result<(), Vec<HardwareError>> {
        let mut checker = Checker::default();
        checker.words("name", Some(self.name.clone()), "my-rack");
        checker.words("title", Some(self.title.clone()), "My rack");
        if let Err(error @ CatalogError::Unknown { .. }) = catalog::device_entry(&self.device) {
            checker.error("device", error.to_string(), None);
        }
        checker.figure("count", Some(self.count.clone()));
        checker.within("interconnect", |checker| check_links(checker, &self.interconnect));
        if let Some(network) = &self.network {
            checker.within("network", |checker| check_links(checker, network));
        }
        checker.finish(Some(()))
    }
}

fn check_links(checker: &mut Checker, links: &Interconnect) {
    checker.words("title", Some(links.title.clone()), "NVLink 4");
    checker.figure("bandwidth", Some(links.bandwidth.clone()));
    checker.figure("efficiency", links.efficiency.clone());
}
