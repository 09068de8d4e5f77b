//! The numbers of a device that one may turn, each by its path below `hardware` in a scenario.

use memwall_units::{Bytes, BytesPerSec, FlopsPerSec, Hertz, Picos, Watts};

use crate::{Device, Engine, Tier, nearest};

/// One number of a device: found once by its path, then read and set on any device of the same make-up.
///
/// ```
/// use memwall_hardware::{DeviceParameter, catalog};
/// let mut device = catalog::device("h100-sxm")?;
/// let bandwidth = DeviceParameter::find(&device, "memory.hbm.bandwidth").expect("it has HBM");
/// let faster = 2.0 * bandwidth.get(&device);
/// bandwidth.set(&mut device, faster);
/// assert_eq!(device.memory().expect("it has HBM").bandwidth.value.to_string(), "6.7 TB/s");
/// # Ok::<(), memwall_hardware::CatalogError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceParameter {
    path: String,
    place: Place,
}

/// What a parameter's number is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterUnit {
    /// A whole number.
    Count,
    /// A fraction.
    Fraction,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    Bandwidth,
    /// Operations per second.
    Rate,
    /// Seconds.
    Time,
    /// Hertz.
    Frequency,
    /// Watts.
    Power,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Cores,
    Clock,
    LaunchLatency,
    Tdp,
    Engine(EngineName, EnginePlace),
    Tier(usize, TierPlace),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EngineName {
    Matrix,
    Vector,
    Special,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EnginePlace {
    /// By its place among the engine's formats.
    Peak(usize),
    Sustained,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TierPlace {
    Capacity,
    Bandwidth,
    WriteBandwidth,
    Latency,
    Efficiency,
    InFlight,
}

impl DeviceParameter {
    /// The parameter at `path`.
    ///
    /// # Errors
    /// Up to three paths of the device that look most like it, where it has no such number.
    pub fn find(device: &Device, path: &str) -> Result<Self, Vec<String>> {
        let all = Self::all(device);
        if let Some(found) = all.iter().find(|parameter| parameter.path == path) {
            return Ok(found.clone());
        }
        let paths = all.iter().map(|parameter| parameter.path.as_str());
        Err(nearest(path, paths).into_iter().map(str::to_owned).collect())
    }

    /// All there are on a device, outermost memory last.
    #[must_use]
    pub fn all(device: &Device) -> Vec<Self> {
        let mut all = Vec::new();
        let mut push = |path: String, place| all.push(Self { path, place });
        push("cores".to_owned(), Place::Cores);
        push("clock".to_owned(), Place::Clock);
        push("launch_latency".to_owned(), Place::LaunchLatency);
        push("power.tdp".to_owned(), Place::Tdp);
        for name in [EngineName::Matrix, EngineName::Vector, EngineName::Special] {
            let Some(engine) = name.of(device) else { continue };
            for (index, format) in engine.peak.keys().enumerate() {
                let place = Place::Engine(name, EnginePlace::Peak(index));
                push(format!("{}.peak.{format}", name.key()), place);
            }
            push(format!("{}.sustained", name.key()), Place::Engine(name, EnginePlace::Sustained));
        }
        for (index, tier) in device.tiers.iter().enumerate() {
            for (key, place) in TierPlace::of(tier) {
                push(format!("memory.{}.{key}", tier.name), Place::Tier(index, place));
            }
        }
        all
    }

    /// Keys from `hardware`, joined by dots.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What its number is in.
    #[must_use]
    pub const fn unit(&self) -> ParameterUnit {
        match self.place {
            Place::Cores => ParameterUnit::Count,
            Place::Clock => ParameterUnit::Frequency,
            Place::LaunchLatency | Place::Tier(_, TierPlace::Latency) => ParameterUnit::Time,
            Place::Tdp => ParameterUnit::Power,
            Place::Engine(_, EnginePlace::Peak(_)) => ParameterUnit::Rate,
            Place::Engine(_, EnginePlace::Sustained) | Place::Tier(_, TierPlace::Efficiency) => {
                ParameterUnit::Fraction
            }
            Place::Tier(_, TierPlace::Capacity | TierPlace::InFlight) => ParameterUnit::Bytes,
            Place::Tier(_, TierPlace::Bandwidth | TierPlace::WriteBandwidth) => ParameterUnit::Bandwidth,
        }
    }

    /// Its number on `device`; 0 where that one has no such part.
    #[must_use]
    pub fn get(&self, device: &Device) -> f64 {
        match self.place {
            Place::Cores => f64::from(device.cores.value),
            Place::Clock => device.clock.value.0,
            Place::LaunchLatency => device.launch_latency.value.as_secs_f64(),
            Place::Tdp => device.power.tdp.value.0,
            Place::Engine(name, place) => name.of(device).map_or(0.0, |engine| place.get(engine)),
            Place::Tier(index, place) => device.tiers.get(index).map_or(0.0, |tier| place.get(tier)),
        }
    }

    /// Sets its number: whole numbers and bytes are rounded, times rounded up to picoseconds. Nothing happens where
    /// `device` has no such part.
    pub fn set(&self, device: &mut Device, value: f64) {
        match self.place {
            // A float to integer cast saturates.
            Place::Cores => device.cores.value = value.round() as u32,
            Place::Clock => device.clock.value = Hertz(value),
            Place::LaunchLatency => device.launch_latency.value = Picos::from_secs_f64_ceil(value),
            Place::Tdp => device.power.tdp.value = Watts(value),
            Place::Engine(name, place) => {
                if let Some(engine) = name.of_mut(device) {
                    place.set(engine, value);
                }
            }
            Place::Tier(index, place) => {
                if let Some(tier) = device.tiers.get_mut(index) {
                    place.set(tier, value);
                }
            }
        }
    }
}

impl EngineName {
    const fn key(self) -> &'static str {
        match self {
            Self::Matrix => "matrix",
            Self::Vector => "vector",
            Self::Special => "special",
        }
    }

    const fn of(self, device: &Device) -> Option<&Engine> {
        match self {
            Self::Matrix => Some(&device.matrix),
            Self::Vector => Some(&device.vector),
            Self::Special => device.special.as_ref(),
        }
    }

    const fn of_mut(self, device: &mut Device) -> Option<&mut Engine> {
        match self {
            Self::Matrix => Some(&mut device.matrix),
            Self::Vector => Some(&mut device.vector),
            Self::Special => device.special.as_mut(),
        }
    }
}

impl EnginePlace {
    fn get(self, engine: &Engine) -> f64 {
        match self {
            Self::Peak(index) => engine.peak.get_index(index).map_or(0.0, |(_, peak)| peak.value.0),
            Self::Sustained => engine.sustained.value,
        }
    }

    fn set(self, engine: &mut Engine, value: f64) {
        match self {
            Self::Peak(index) => {
                if let Some((_, peak)) = engine.peak.get_index_mut(index) {
                    peak.value = FlopsPerSec(value);
                }
            }
            Self::Sustained => engine.sustained.value = value,
        }
    }
}

impl TierPlace {
    /// Those that a tier has, by their keys.
    fn of(tier: &Tier) -> impl Iterator<Item = (&'static str, Self)> {
        let always = [
            ("capacity", Self::Capacity),
            ("bandwidth", Self::Bandwidth),
            ("latency", Self::Latency),
            ("efficiency", Self::Efficiency),
        ];
        let writes = tier.write_bandwidth.as_ref().map(|_| ("write_bandwidth", Self::WriteBandwidth));
        let in_flight = tier.in_flight.as_ref().map(|_| ("in_flight", Self::InFlight));
        always.into_iter().chain(writes).chain(in_flight)
    }

    fn get(self, tier: &Tier) -> f64 {
        match self {
            Self::Capacity => tier.capacity.value.as_f64(),
            Self::Bandwidth => tier.bandwidth.value.0,
            Self::WriteBandwidth => tier.write_bandwidth.as_ref().map_or(0.0, |figure| figure.value.0),
            Self::Latency => tier.latency.value.as_secs_f64(),
            Self::Efficiency => tier.efficiency.value,
            Self::InFlight => tier.in_flight.as_ref().map_or(0.0, |figure| figure.value.as_f64()),
        }
    }

    fn set(self, tier: &mut Tier, value: f64) {
        match self {
            Self::Capacity => tier.capacity.value = Bytes(value.round() as u64),
            Self::Bandwidth => tier.bandwidth.value = BytesPerSec(value),
            Self::WriteBandwidth => {
                if let Some(figure) = &mut tier.write_bandwidth {
                    figure.value = BytesPerSec(value);
                }
            }
            Self::Latency => tier.latency.value = Picos::from_secs_f64_ceil(value),
            Self::Efficiency => tier.efficiency.value = value,
            Self::InFlight => {
                if let Some(figure) = &mut tier.in_flight {
                    figure.value = Bytes(value.round() as u64);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn every_parameter_of_every_part_is_found_read_and_set() {
        for entry in catalog::devices() {
            let device = catalog::device(entry.name).unwrap();
            for parameter in DeviceParameter::all(&device) {
                assert_eq!(DeviceParameter::find(&device, parameter.path()).as_ref(), Ok(&parameter));
                let mut changed = device.clone();
                let value = parameter.get(&device);
                parameter.set(&mut changed, value);
                assert_eq!(parameter.get(&changed), value, "{} of {}", parameter.path(), device.name);
                parameter.set(&mut changed, 2.0 * value);
                assert_eq!(parameter.get(&changed), 2.0 * value, "{} of {}", parameter.path(), device.name);
                let others = DeviceParameter::all(&device).into_iter().filter(|other| *other != parameter);
                assert!(others.into_iter().all(|other| other.get(&changed) == other.get(&device)));
            }
        }
    }

    #[test]
    fn a_wrong_path_names_the_nearest_ones() {
        let device = catalog::device("h100-sxm").unwrap();
        let nearest = DeviceParameter::find(&device, "memory.hbm.bandwith").unwrap_err();
        assert_eq!(nearest[0], "memory.hbm.bandwidth");
    }
}
