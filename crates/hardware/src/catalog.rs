//! The catalog of real parts and software profiles, compiled in. Nothing is parsed before it is asked for, so
//! that a cold start pays for the one part it uses.

use serde_yaml::Value;

use crate::nearest::{nearest, shorten};
use crate::{
    CatalogError, CommunicationLibrary, Device, DeviceSpec, HardwareError, SoftwareProfile, SoftwareSpec,
    System, SystemSpec, overlay,
};

mod entries;

/// One entry: a YAML document in the same form a person writes in a scenario.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The name to use: `h100-sxm`.
    pub name: &'static str,
    /// Other names that mean it: `h100`.
    pub aliases: &'static [&'static str],
    /// The document. It may `extends:` another entry of the same kind.
    pub yaml: &'static str,
}

impl Entry {
    /// The name of the entry this one extends, as written.
    #[must_use]
    pub fn parent(&self) -> Option<&'static str> {
        self.yaml.lines().find_map(|line| line.strip_prefix("extends:")).map(str::trim)
    }

    /// What a person calls it, as written.
    #[must_use]
    pub fn title(&self) -> &'static str {
        let title = self.yaml.lines().find_map(|line| line.strip_prefix("title:"));
        title.map_or(self.name, |title| title.trim().trim_matches('"'))
    }

    fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// All devices, by vendor and generation.
#[must_use]
pub fn devices() -> &'static [Entry] {
    entries::DEVICES
}

/// All software profiles; the first is the default.
#[must_use]
pub fn software_profiles() -> &'static [Entry] {
    entries::SOFTWARE
}

/// All systems: nodes, racks, clusters and pods of equal devices.
#[must_use]
pub fn systems() -> &'static [Entry] {
    entries::SYSTEMS
}

/// All communication libraries; the first is the default.
#[must_use]
pub fn communication_libraries() -> &'static [Entry] {
    entries::COMMUNICATION
}

/// The entry of a device by name or alias; case and `_` for `-` do not matter.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn device_entry(name: &str) -> Result<&'static Entry, CatalogError> {
    find("device", entries::DEVICES, name)
}

/// The entry of a software profile by name or alias; case and `_` for `-` do not matter.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn software_entry(name: &str) -> Result<&'static Entry, CatalogError> {
    find("software profile", entries::SOFTWARE, name)
}

/// The entry of a system by name or alias; case and `_` for `-` do not matter.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn system_entry(name: &str) -> Result<&'static Entry, CatalogError> {
    find("system", entries::SYSTEMS, name)
}

/// The entry of a communication library by name or alias; case and `_` for `-` do not matter.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn communication_entry(name: &str) -> Result<&'static Entry, CatalogError> {
    find("communication library", entries::COMMUNICATION, name)
}

/// The complete description of a device as YAML, with `extends:` merged away.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn device_yaml(name: &str) -> Result<Value, CatalogError> {
    merged("device", entries::DEVICES, name)
}

/// The complete description of a software profile as YAML, with `extends:` merged away.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn software_yaml(name: &str) -> Result<Value, CatalogError> {
    merged("software profile", entries::SOFTWARE, name)
}

/// The complete description of a system as YAML, with `extends:` merged away.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn system_yaml(name: &str) -> Result<Value, CatalogError> {
    merged("system", entries::SYSTEMS, name)
}

/// A device by name or alias.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn device(name: &str) -> Result<Device, CatalogError> {
    let value = device_yaml(name)?;
    let spec: DeviceSpec = serde_yaml::from_value(value).map_err(|error| broken(name, &error))?;
    Device::try_from_spec(spec).map_err(|errors| all_broken(name, &errors))
}

/// A software profile by name or alias.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn software(name: &str) -> Result<SoftwareProfile, CatalogError> {
    let value = software_yaml(name)?;
    let spec: SoftwareSpec = serde_yaml::from_value(value).map_err(|error| broken(name, &error))?;
    SoftwareProfile::try_from_spec(spec).map_err(|errors| all_broken(name, &errors))
}

/// A system by name or alias.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn system(name: &str) -> Result<System, CatalogError> {
    let value = system_yaml(name)?;
    let spec: SystemSpec = serde_yaml::from_value(value).map_err(|error| broken(name, &error))?;
    System::try_from_spec(spec).map_err(|errors| all_broken(name, &errors))
}

/// A communication library by name or alias.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn communication(name: &str) -> Result<CommunicationLibrary, CatalogError> {
    let value = communication_yaml(name)?;
    let library: CommunicationLibrary =
        serde_yaml::from_value(value).map_err(|error| broken(name, &error))?;
    library.check().map_err(|errors| all_broken(name, &errors))?;
    Ok(library)
}

/// The complete description of a communication library as YAML.
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names.
pub fn communication_yaml(name: &str) -> Result<Value, CatalogError> {
    merged("communication library", entries::COMMUNICATION, name)
}

fn find(what: &'static str, entries: &'static [Entry], name: &str) -> Result<&'static Entry, CatalogError> {
    let plain =
        if name.len() <= 64 { name.trim().to_ascii_lowercase().replace('_', "-") } else { String::new() };
    entries.iter().find(|entry| entry.answers_to(&plain)).ok_or_else(|| {
        let names =
            entries.iter().flat_map(|entry| std::iter::once(&entry.name).chain(entry.aliases).copied());
        CatalogError::Unknown { what, name: shorten(name), nearest: nearest(name, names) }
    })
}

fn merged(what: &'static str, entries: &'static [Entry], name: &str) -> Result<Value, CatalogError> {
    let mut entry = find(what, entries, name)?;
    let mut documents = vec![document(entry)?];
    while let Some(parent) = entry.parent() {
        // More steps than entries is a cycle.
        if documents.len() > entries.len() {
            return Err(broken(name, &"it extends itself"));
        }
        entry = find(what, entries, parent)?;
        documents.push(document(entry)?);
    }
    let base = documents.pop().unwrap_or_default();
    Ok(documents.into_iter().rev().fold(base, overlay))
}

fn document(entry: &Entry) -> Result<Value, CatalogError> {
    let mut value: Value = serde_yaml::from_str(entry.yaml).map_err(|error| broken(entry.name, &error))?;
    if let Value::Mapping(mapping) = &mut value {
        mapping.remove("extends");
    }
    Ok(value)
}

fn broken(name: &str, message: &dyn std::fmt::Display) -> CatalogError {
    CatalogError::Broken { name: name.to_owned(), message: message.to_string() }
}

fn all_broken(name: &str, errors: &[HardwareError]) -> CatalogError {
    let messages: Vec<String> = errors.iter().map(HardwareError::to_string).collect();
    broken(name, &messages.join("; "))
}

/// A software profile found for a label.
#[derive(Debug, Clone, Copy)]
pub struct LabelMatch {
    /// The profile.
    pub entry: &'static Entry,
    /// Whether the label names the profile, up to a version: `trtllm-1.2.0` names `trtllm`. Otherwise it is only the
    /// nearest there is.
    pub is_meant: bool,
}

/// The profile for a software label as measurements carry it: a name or alias, with or without a version behind it;
/// else the profile whose name begins most alike; else the default.
#[must_use]
pub fn software_for_label(label: &str) -> LabelMatch {
    let plain = shorten(label).trim().to_ascii_lowercase().replace('_', "-");
    let known = |name: &str| entries::SOFTWARE.iter().find(|entry| entry.answers_to(name));
    let mut name = plain.as_str();
    loop {
        if let Some(entry) = known(name) {
            let version = plain[name.len()..].trim_start_matches('-');
            let is_meant =
                version.is_empty() || version.starts_with(|c: char| c.is_ascii_digit() || c == 'v');
            return LabelMatch { entry, is_meant };
        }
        let Some(cut) = name.rfind('-') else { break };
        name = &name[..cut];
    }
    let alike = |entry: &Entry| {
        let names = std::iter::once(&entry.name).chain(entry.aliases);
        let common = |name: &str| name.bytes().zip(plain.bytes()).take_while(|(a, b)| a == b).count();
        names.map(|name| common(name)).max().unwrap_or(0)
    };
    // Fewer letters than a word begins with say nothing.
    let best =
        entries::SOFTWARE.iter().rev().max_by_key(|entry| alike(entry)).filter(|entry| alike(entry) >= 4);
    LabelMatch { entry: best.unwrap_or(&entries::SOFTWARE[0]), is_meant: false }
}
