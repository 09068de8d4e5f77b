//! What a machine can do at most: the roofs of a roofline.

use memwall_hardware::{Device, Scope, Tier};
use serde::Serialize;

/// The limits of a device that runs a number format.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Machine {
    /// Engines and their peaks in FLOPs a second: in the format, or the nearest wider one the engine has,
    /// or its highest where there is neither.
    pub engines: Vec<Roof>,
    /// Tiers, innermost first, and their bandwidth in bytes a second over all cores.
    pub tiers: Vec<Roof>,
}

/// Something that cannot be passed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Roof {
    /// `hbm`, `matrix`.
    pub name: String,
    /// Bytes or FLOPs a second.
    pub value: f64,
}

impl Machine {
    /// The limits of `device` for operands in `format` (`bf16`), as the datasheet has them.
    #[must_use]
    pub fn new(device: &Device, format: &str) -> Self {
        let engines = [Some(("matrix", &device.matrix)), Some(("vector", &device.vector))];
        let roof = |(name, engine): (&str, &memwall_hardware::Engine)| {
            let own = engine.peak_or_wider(format).map(|(peak, _)| peak.0);
            let highest = || engine.peak.values().map(|peak| peak.value.0).max_by(f64::total_cmp);
            Some(Roof { name: name.to_owned(), value: own.or_else(highest)? })
        };
        let bandwidth = |tier: &Tier| {
            let one = tier.bandwidth.value.0;
            let all = match tier.scope {
                Scope::PerCore => one * f64::from(device.cores.value),
                Scope::Shared(_) => one,
            };
            Roof { name: tier.name.clone(), value: all }
        };
        Self {
            engines: engines.into_iter().flatten().filter_map(roof).filter(|roof| roof.value > 0.0).collect(),
            tiers: device.tiers.iter().map(bandwidth).collect(),
        }
    }
}
