//! Several devices joined by links: a node, a rack, a cluster or a pod.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Checker;
use crate::fabric::{Fabric, FabricSpec};
use crate::{CatalogError, Figure, HardwareError, Provenance, catalog};

/// A system as it is written in YAML. Every key may be missing, because one that `extends:` a catalog system says only
/// what differs: a cluster extends a node and adds a level.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemSpec {
    /// The system this one is like: a catalog name such as `dgx-h100`. Everything not written here is taken from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Short name: `dgx-h100`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What a person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Catalog name of its devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Members of the outermost level, instead of its `count`: how many nodes a cluster has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Figure<u32>>,
    /// Links between its devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fabric: Option<FabricSpec>,
}

/// Equal devices and the links between them, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    /// Catalog name: `dgx-h100`.
    pub name: String,
    /// What a person calls it.
    pub title: String,
    /// Catalog name of its devices.
    pub device: String,
    /// How many devices: what the levels of the fabric multiply to.
    pub count: Figure<u32>,
    spec: FabricSpec,
    fabric: Fabric,
}

impl System {
    /// Checks a complete description: one without `extends`, or with it merged away.
    ///
    /// # Errors
    /// Everything that is wrong, each with its path.
    pub fn try_from_spec(spec: SystemSpec) -> Result<Self, Vec<HardwareError>> {
        let mut checker = Checker::default();
        let name = checker.words("name", spec.name, "my-rack");
        let title = checker.words("title", spec.title, "My rack");
        let device = checker.required("device", spec.device, "h100-sxm");
        if let Some(device) = &device
            && let Err(error @ CatalogError::Unknown { .. }) = catalog::device_entry(device)
        {
            checker.error("device", error.to_string(), None);
        }
        let fabric = checker.required("fabric", spec.fabric, "{ levels: { nvswitch: { ... } } }");
        let fabric = fabric.and_then(|mut fabric| {
            let counted = spec.nodes.and_then(|nodes| set_nodes(&mut checker, &mut fabric, nodes));
            let built = Fabric::try_from_spec(&fabric).map_err(|mut errors| {
                // What is wrong with a number is wrong where it was written.
                for error in &mut errors {
                    let is_nodes = counted.as_ref().is_some_and(|path| error.path == *path);
                    if is_nodes {
                        error.path = vec!["nodes".to_owned()];
                    } else {
                        error.path.insert(0, "fabric".to_owned());
                    }
                }
                errors
            });
            checker.adopt(built).map(|built| (fabric, built))
        });
        let complete = (|| {
            let (spec, fabric) = fabric?;
            Some(Self {
                name: name?,
                title: title?,
                device: device?,
                count: count(&spec, &fabric),
                spec,
                fabric,
            })
        })();
        checker.finish(complete)
    }

    /// The links between its devices.
    #[must_use]
    pub fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    /// The description its fabric was built from.
    #[must_use]
    pub fn fabric_spec(&self) -> &FabricSpec {
        &self.spec
    }

    /// The same system with another number of members at the outermost level, such as nodes of a cluster.
    ///
    /// # Errors
    /// A system of one level (a single node), or a number that its links have no place for.
    pub fn with_nodes(&self, nodes: u32) -> Result<Self, Vec<HardwareError>> {
        Self::try_from_spec(SystemSpec {
            extends: None,
            name: Some(self.name.clone()),
            title: Some(self.title.clone()),
            device: Some(self.device.clone()),
            nodes: Some(Figure::scenario(nodes)),
            fabric: Some(self.spec.clone()),
        })
    }
}

/// Sets the count of the outermost level; the path to it.
fn set_nodes(checker: &mut Checker, fabric: &mut FabricSpec, nodes: Figure<u32>) -> Option<Vec<String>> {
    let levels = fabric.levels.as_mut().filter(|levels| levels.len() > 1);
    match levels.and_then(|levels| levels.last_mut()) {
        Some((name, outermost)) => {
            outermost.count = Some(nodes);
            Some(["levels", name, "count"].map(str::to_owned).to_vec())
        }
        None => {
            let hint = "add a level to `fabric.levels` that joins nodes, or change `count` of its only level";
            checker.error("nodes", "this system has no nodes: its fabric has one level", hint.to_owned());
            None
        }
    }
}

/// The number of devices, with its source.
fn count(spec: &FabricSpec, fabric: &Fabric) -> Figure<u32> {
    let given = spec.levels.iter().flatten().next().and_then(|(_, level)| level.count.clone());
    match (given, fabric.levels()) {
        (Some(count), [_]) => count,
        (_, levels) => {
            let counts: Vec<String> =
                levels.iter().map(|level| format!("{} ({})", level.count, level.name)).collect();
            Figure { value: fabric.devices(), kind: Provenance::Derived, source: counts.join(" x ") }
        }
    }
}
