//! What a device says of its silicon: process, dies, package, and constants of its own.

use memwall_units::Area;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::technology;
use crate::check::Checker;
use crate::nearest::{nearest, shorten};
use crate::rows::Rows;
use crate::{DeviceSpec, Figure};

/// What a device is made of, as far as it is known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Silicon {
    /// Process of the compute dies, by a name of the catalog: `n4`.
    pub process: Option<Figure<String>>,
    /// Equal dies that the cores are on. Default 1.
    pub dies: Option<Figure<u32>>,
    /// Area of the compute dies together, where it is published.
    pub die_area: Option<Figure<Area>>,
    /// Cores on the dies, those switched off among them.
    pub cores_built: Option<Figure<u32>>,
    /// The device's own constants, which go before the catalog's.
    pub technology: TechnologySpec,
}

/// Constants of area, energy and cost that a device gives itself. They are then known exactly: no range is put around
/// them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TechnologySpec {
    /// Area of logic over that in TSMC's 7 nm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logic_area: Option<Figure<f64>>,
    /// Energy of logic over that in TSMC's 7 nm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logic_energy: Option<Figure<f64>>,
    /// Area of a MiB of SRAM, in mm2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sram_mm2_per_mib: Option<Figure<f64>>,
    /// Area of the memory interface, in mm2 for a GB/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phy_mm2_per_gbs: Option<Figure<f64>>,
    /// Price of a wafer, in dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wafer_usd: Option<Figure<f64>>,
    /// Killer defects in a square centimetre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defects_per_cm2: Option<Figure<f64>>,
    /// Price of a GB (10^9 bytes) of device memory, in dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_usd_per_gb: Option<Figure<f64>>,
    /// Price of the package, in dollars for a mm2 of compute dies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_usd_per_mm2: Option<Figure<f64>>,
}

impl TechnologySpec {
    fn named(&self) -> [(&'static str, Option<&Figure<f64>>); 8] {
        [
            ("logic_area", self.logic_area.as_ref()),
            ("logic_energy", self.logic_energy.as_ref()),
            ("sram_mm2_per_mib", self.sram_mm2_per_mib.as_ref()),
            ("phy_mm2_per_gbs", self.phy_mm2_per_gbs.as_ref()),
            ("wafer_usd", self.wafer_usd.as_ref()),
            ("defects_per_cm2", self.defects_per_cm2.as_ref()),
            ("memory_usd_per_gb", self.memory_usd_per_gb.as_ref()),
            ("package_usd_per_mm2", self.package_usd_per_mm2.as_ref()),
        ]
    }
}

impl Silicon {
    /// Dies: 1 unless it says otherwise.
    #[must_use]
    pub fn die_count(&self) -> u32 {
        self.dies.as_ref().map_or(1, |dies| dies.value.max(1))
    }
}

/// More dies than any package holds.
const MOST_DIES: u32 = 256;

/// Checks what a description says of the silicon.
pub(crate) fn read_silicon(checker: &mut Checker, spec: &mut DeviceSpec) -> Silicon {
    let process = spec.process.take();
    if let Some(unknown) = process.as_ref().filter(|name| technology().process(&name.value).is_none()) {
        let names = || technology().processes.keys().map(String::as_str);
        let hint = nearest(&unknown.value.to_lowercase(), names()).first().map_or_else(
            || format!("processes are {}", names().collect::<Vec<_>>().join(", ")),
            |name| format!("did you mean `{name}`?"),
        );
        checker.error("process", format!("`{}` is no process", shorten(&unknown.value)), hint);
    }
    let dies = checker.figure("dies", spec.dies.take());
    if dies.as_ref().is_some_and(|dies| dies.value > MOST_DIES) {
        checker.error("dies", format!("more than {MOST_DIES} dies"), None);
    }
    let die_area = checker.figure("die_area", spec.die_area.take());
    let cores_built = checker.figure("cores_built", spec.cores_built.take());
    let technology = spec.technology.take().unwrap_or_default();
    checker.within("technology", |checker| {
        for (key, figure) in technology.named() {
            // Written so that NaN is out of range.
            if let Some(figure) = figure.filter(|figure| !(figure.value >= 1e-9 && figure.value <= 1e9)) {
                let message = format!("{} is out of range: it must be from 1e-9 to 1e9", figure.value);
                checker.error(key, message, None);
            }
        }
    });
    Silicon { process, dies, die_area, cores_built, technology }
}

/// Writes it back into a description.
pub(crate) fn write_silicon(silicon: &Silicon, spec: &mut DeviceSpec) {
    let Silicon { process, dies, die_area, cores_built, technology } = silicon.clone();
    spec.technology = (technology != TechnologySpec::default()).then_some(technology);
    (spec.process, spec.dies, spec.die_area, spec.cores_built) = (process, dies, die_area, cores_built);
}

/// Its figures in the order of the YAML form.
pub(crate) fn silicon_rows(silicon: &Silicon, rows: &mut Rows) {
    if let Some(process) = &silicon.process {
        rows.number("process", process);
    }
    if let Some(dies) = &silicon.dies {
        rows.number("dies", dies);
    }
    rows.maybe("die_area", silicon.die_area.as_ref());
    if let Some(built) = &silicon.cores_built {
        rows.number("cores_built", built);
    }
    for (key, figure) in silicon.technology.named() {
        if let Some(figure) = figure {
            rows.number(&format!("technology.{key}"), figure);
        }
    }
}

/// The errors of a silicon block alone, for tests.
#[cfg(test)]
fn errors(mut spec: DeviceSpec) -> Vec<crate::HardwareError> {
    let mut checker = Checker::default();
    let silicon = read_silicon(&mut checker, &mut spec);
    checker.finish(Some(silicon)).err().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(yaml: &str) -> DeviceSpec {
        serde_yaml::from_str(yaml).unwrap()
    }

    #[test]
    fn a_wrong_process_names_the_right_one() {
        let found = errors(spec("process: n44"));
        assert_eq!(found[0].to_string(), "process: `n44` is no process (did you mean `n4`?)");
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let wrong = spec("{ process: tsmc, dies: 9999, cores: 8, technology: { wafer_usd: -1 } }");
        let paths: Vec<String> = errors(wrong).iter().map(|error| error.path.join(".")).collect();
        assert_eq!(paths, ["process", "dies", "technology.wafer_usd"]);
    }
}
