//! Parts with some figures changed: what `calibrate` writes, and what a user tries.

use memwall_hardware::{
    CatalogError, Device, DeviceSpec, HardwareError, SoftwareProfile, SoftwareSpec, catalog, overlay,
};
use serde_yaml::Value;

use super::predict::{Parts, Refusal};

/// A fragment of a scenario: `hardware:` and `software:` blocks that extend catalog entries.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    hardware: Vec<(&'static str, Value)>,
    software: Vec<(&'static str, Value)>,
}

impl Overlay {
    /// Adds the blocks of a YAML text. Other keys are of no interest here.
    ///
    /// # Errors
    /// It is no YAML, or a block extends nothing that is in the catalog.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let document: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let block = |key: &str| document.get(key).cloned();
        if let Some(mut hardware) = block("hardware") {
            let name = extended(&mut hardware, "hardware")?;
            let entry = catalog::device_entry(&name).map_err(|error| error.to_string())?;
            self.hardware.push((entry.name, hardware));
            self.device(entry.name)?;
        }
        if let Some(mut software) = block("software") {
            let name = extended(&mut software, "software")?;
            let entry = catalog::software_entry(&name).map_err(|error| error.to_string())?;
            self.software.push((entry.name, software));
            self.profile(entry.name)?;
        }
        Ok(())
    }

    /// The parts for a row's labels, changed where a block extends them.
    ///
    /// # Errors
    /// The device is unknown.
    pub fn parts(&self, device: &str, software: &str) -> Result<Parts, Refusal> {
        let entry = catalog::device_entry(device).map_err(|error| Refusal(error.to_string()))?;
        let device = self.device(entry.name).map_err(Refusal)?;
        let software = self.profile(catalog::software_for_label(software).entry.name).map_err(Refusal)?;
        Ok(Parts { device, software })
    }

    fn device(&self, name: &'static str) -> Result<Device, String> {
        let value = laid_over(catalog::device_yaml(name), &self.hardware, name)?;
        let spec: DeviceSpec = serde_yaml::from_value(value).map_err(|error| error.to_string())?;
        Device::try_from_spec(spec).map_err(|errors| all(&errors))
    }

    fn profile(&self, name: &'static str) -> Result<SoftwareProfile, String> {
        let value = laid_over(catalog::software_yaml(name), &self.software, name)?;
        let spec: SoftwareSpec = serde_yaml::from_value(value).map_err(|error| error.to_string())?;
        SoftwareProfile::try_from_spec(spec).map_err(|errors| all(&errors))
    }
}

fn laid_over(
    base: Result<Value, CatalogError>,
    blocks: &[(&str, Value)],
    name: &str,
) -> Result<Value, String> {
    let base = base.map_err(|error| error.to_string())?;
    Ok(blocks
        .iter()
        .filter(|(of, _)| *of == name)
        .fold(base, |base, (_, block)| overlay(base, block.clone())))
}

/// Takes the name out of a block's `extends:`; a block that is only a name changes nothing.
fn extended(block: &mut Value, key: &str) -> Result<String, String> {
    let name = match block {
        Value::String(name) => name.clone(),
        Value::Mapping(mapping) => match mapping.remove("extends") {
            Some(Value::String(name)) => name,
            _ => return Err(format!("`{key}` has no `extends:` that names what it changes")),
        },
        _ => return Err(format!("`{key}` is no mapping with an `extends:`")),
    };
    if matches!(block, Value::String(_)) {
        *block = Value::Mapping(serde_yaml::Mapping::new());
    }
    Ok(name)
}

fn all(errors: &[HardwareError]) -> String {
    errors.iter().map(HardwareError::to_string).collect::<Vec<_>>().join("; ")
}
