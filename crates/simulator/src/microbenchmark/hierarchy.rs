//! The places where a load may find its data, from the core outwards.

use memwall_hardware::{Access, Device, Scope, Tier, TierKind};

use super::miss::Sets;

/// Lines in a set where nothing is said.
const WAYS: u32 = 16;

/// A cache on the way of a load.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    pub name: String,
    /// Of what one core can reach.
    pub sets: Sets,
    pub latency_ps: f64,
    /// Share of the capacity that distinct data finds when all cores read.
    pub distinct: f64,
    /// Sustained bytes per second, of all instances together.
    pub bandwidth: f64,
    /// How many there are on the device; each serves as many cores.
    pub instances: f64,
    /// Parts of it, each near some of the cores, and the latency to the others.
    pub far: Option<Far>,
}

/// The part of a cache that is not near.
#[derive(Debug, Clone, Copy)]
pub(super) struct Far {
    pub partitions: f64,
    pub latency_ps: f64,
}

/// Device memory.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub name: String,
    pub latency_ps: f64,
    pub queueing_ps: f64,
    /// Bytes within reach of the translation buffers, and the time saved there.
    pub reach: f64,
    pub translation_ps: f64,
    /// Bytes per second of the bus.
    pub bandwidth: f64,
    /// Fractions of it that reads alone, writes alone and half of each sustain.
    pub reads: f64,
    pub writes: f64,
    pub mixed: f64,
}

/// The caches of a core, those that cores share, and the memory.
#[derive(Debug, Clone)]
pub(super) struct Hierarchy {
    pub cores: f64,
    /// In each core, innermost first.
    pub private: Vec<Cache>,
    /// Shared by cores, innermost first.
    pub shared: Vec<Cache>,
    pub memory: Memory,
    /// Whether a write first brings its line in.
    pub fetch_on_write: bool,
}

impl Hierarchy {
    /// Of a device; without a tier of device memory, one of nothing. (A device that was read has one.)
    pub fn new(device: &Device) -> Self {
        let cores = f64::from(device.cores.value);
        let caches = || device.tiers.iter().filter(|tier| tier.kind == TierKind::Cache);
        let mut private: Vec<Cache> =
            device.load_cache.iter().map(|cache| load_cache(cache, cores)).collect();
        private.extend(caches().filter(|tier| tier.scope == Scope::PerCore).map(|tier| of_tier(tier, cores)));
        let shared: Vec<&Tier> = caches().filter(|tier| tier.scope != Scope::PerCore).collect();
        Self {
            cores,
            private,
            fetch_on_write: shared.last().is_some_and(|tier| tier.fetch_on_write),
            shared: shared.into_iter().map(|tier| of_tier(tier, cores)).collect(),
            memory: device.memory().map_or_else(nothing, memory),
        }
    }

    /// All caches, innermost first.
    pub fn caches(&self) -> impl Iterator<Item = &Cache> {
        self.private.iter().chain(&self.shared)
    }
}

impl Memory {
    /// Fraction of the bus that a mixture sustains in which `written` of the bytes are writes. Turning the bus round
    /// costs nothing where all bytes go one way and most where they are half and half.
    pub fn efficiency(&self, written: f64) -> f64 {
        let read = 1.0 - written;
        let one_way = read / self.reads + written / self.writes;
        let turning = (1.0 / self.mixed - 0.5 / self.reads - 0.5 / self.writes).max(0.0);
        1.0 / (one_way + 4.0 * read * written * turning)
    }

    /// Unloaded latency of an access within `footprint` bytes visited at random.
    pub fn latency_within(&self, footprint: f64) -> f64 {
        let reached = (self.reach / footprint).min(1.0);
        self.latency_ps - self.translation_ps * reached
    }
}

fn sets(capacity: f64, access: &Access) -> Sets {
    Sets {
        capacity,
        ways: access.ways.as_ref().map_or(WAYS, |ways| ways.value),
        placement: access.placement.unwrap_or_default(),
    }
}

fn load_cache(cache: &memwall_hardware::LoadCache, cores: f64) -> Cache {
    Cache {
        name: cache.name.clone(),
        sets: sets(cache.capacity.value.as_f64(), &cache.access),
        latency_ps: cache.latency.value.0 as f64,
        distinct: 1.0,
        bandwidth: cache.bandwidth.value.0 * cores,
        instances: cores,
        far: None,
    }
}

fn of_tier(tier: &Tier, cores: f64) -> Cache {
    let instances = match tier.scope {
        Scope::PerCore => cores,
        Scope::Shared(count) => f64::from(count.max(1)),
    };
    let all = if tier.scope == Scope::PerCore { cores } else { 1.0 };
    let access = &tier.access;
    Cache {
        name: tier.name.clone(),
        sets: sets(tier.capacity.value.as_f64(), access),
        latency_ps: tier.latency.value.0 as f64,
        distinct: access.distinct.as_ref().map_or(1.0, |share| share.value),
        bandwidth: tier.bandwidth.value.0 * tier.efficiency.value * all,
        instances,
        far: access.far_latency.as_ref().map(|far| Far {
            partitions: access.partitions.as_ref().map_or(2.0, |count| f64::from(count.value)),
            latency_ps: far.value.0 as f64,
        }),
    }
}

fn memory(tier: &Tier) -> Memory {
    let access = &tier.access;
    let reads = tier.efficiency.value;
    let writes = access.write_efficiency.as_ref().map_or(reads, |share| share.value);
    let picos = |figure: &Option<memwall_hardware::Figure<memwall_units::Picos>>| {
        figure.as_ref().map_or(0.0, |figure| figure.value.0 as f64)
    };
    Memory {
        name: tier.name.clone(),
        latency_ps: tier.latency.value.0.max(1) as f64,
        queueing_ps: picos(&access.queueing),
        reach: access.translation_reach.as_ref().map_or(0.0, |reach| reach.value.as_f64()),
        translation_ps: picos(&access.translation),
        bandwidth: tier.bandwidth.value.0,
        reads,
        writes,
        mixed: tier.mixed_efficiency.as_ref().map_or(f64::min(reads, writes), |mixed| mixed.value),
    }
}

fn nothing() -> Memory {
    Memory {
        name: "memory".to_owned(),
        latency_ps: 1.0,
        queueing_ps: 0.0,
        reach: 0.0,
        translation_ps: 0.0,
        bandwidth: 0.0,
        reads: 1.0,
        writes: 1.0,
        mixed: 1.0,
    }
}
