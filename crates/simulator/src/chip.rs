//! A device and its software as the numbers the mapper and the kernel engine work with.

use memwall_hardware::{Device, Duplex, Engine, MatmulOn, Scope, SoftwareProfile, Tier, TierKind};
use memwall_model_graph::Dtype;
use memwall_units::Picos;

use crate::SimulationError;

/// Shared levels (caches and DRAM) that one machine may have between its cores and its device memory, DRAM included.
pub(crate) const MAX_LEVELS: usize = 4;

/// Memories that each core may have besides its registers.
pub(crate) const MAX_FEEDS: usize = 3;

/// The on-chip engines, in the order ledgers list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EngineKind {
    Matrix,
    Vector,
    Special,
}

impl EngineKind {
    pub const ALL: [Self; 3] = [Self::Matrix, Self::Vector, Self::Special];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Matrix => "matrix",
            Self::Vector => "vector",
            Self::Special => "special",
        }
    }
}

/// A shared memory level as seen from the cores.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    /// Index in `Device::tiers`.
    pub tier: usize,
    /// Whether it can hold data that passes (DRAM is not a cache here).
    pub is_cache: bool,
    /// All instances together, in bytes.
    pub capacity: f64,
    /// Instances the cores are divided among.
    pub instances: u32,
    /// Sustained read bandwidth of all instances, in bytes per second.
    pub read_rate: f64,
    /// Sustained write bandwidth; the same bus when `half_duplex`.
    pub write_rate: f64,
    /// Whether reads and writes share the read link.
    pub half_duplex: bool,
    /// Bus time of a written byte over that of a read byte (turnaround), on a half-duplex bus.
    pub write_cost: f64,
    /// Time on this level's link of a byte that passes between it and the next level out, over that of a byte read
    /// from it: above 0 where both take turns on one port.
    pub fill_cost: f64,
    /// Link time of a byte read for a product's tile over that of a byte of a long stream.
    pub tiled_cost: f64,
    /// Link time of a byte of a product's results over that of any other written byte.
    pub tiled_write_cost: f64,
    /// Unloaded latency, in picoseconds.
    pub latency_ps: u64,
    /// Rate limit of one unit from bytes in flight over latency, in bytes per second.
    pub unit_rate_cap: Option<f64>,
}

/// The memory of one core in which tiles wait to be computed on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TileTier {
    pub tier: usize,
    pub capacity: f64,
    /// Hardware-managed: any tile shape will do, and part of it is lost to what else passes.
    pub is_cache: bool,
}

/// A per-core tier between the tile tier (inclusive) and the registers, which feeds the engines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feed {
    pub tier: usize,
    /// Bytes per second of one core.
    pub rate: f64,
    pub capacity: f64,
}

/// A machine in numbers.
#[derive(Debug, Clone)]
pub(crate) struct Chip {
    pub device: Device,
    /// Names of the places where an engine may wait: the tiers, and what a team adds (levels of the fabric).
    pub places: Vec<String>,
    pub software: SoftwareProfile,
    pub units: u32,
    /// Shared levels, innermost first; the last is DRAM.
    pub levels: Vec<Level>,
    pub tile: TileTier,
    /// Per-core tiers that feed the registers, innermost first.
    pub feeds: Vec<Feed>,
    /// Whether the last cache reads a line from DRAM before the first write to it.
    pub fetch_on_write: bool,
    /// Bytes of one core's registers (or accumulator memory) that can hold partial sums.
    pub accumulator_bytes: f64,
    /// Whether partial sums stay in the registers. Where the tile memory is many times their size (a TPU's vector
    /// memory, a CPU's L2), sums go there and tiles can be larger.
    pub sums_in_registers: bool,
}

impl Chip {
    pub fn new(device: &Device, software: &SoftwareProfile) -> Result<Self, SimulationError> {
        let fault = |reason: String| SimulationError::Machine { device: device.name.clone(), reason };
        let units = device.cores.value;
        if units == 0 {
            return Err(fault("it has no cores".into()));
        }
        let dram = device
            .tiers
            .iter()
            .position(|tier| tier.kind == TierKind::Dram)
            .ok_or_else(|| fault("it has no tier of kind dram".into()))?;
        let mut levels: Vec<Level> = (0..=dram)
            .filter(|index| device.tiers[*index].is_shared())
            .map(|index| level(&device.tiers[index], index, units))
            .collect();
        if levels.is_empty() || levels.len() > MAX_LEVELS {
            return Err(fault(format!(
                "{} shared tiers up to dram; one to {MAX_LEVELS} can be simulated",
                levels.len()
            )));
        }
        for inner in 0..levels.len() - 1 {
            let outer_rate = levels[inner + 1].read_rate;
            if device.tiers[levels[inner].tier].single_port && outer_rate > 0.0 {
                levels[inner].fill_cost = levels[inner].read_rate / outer_rate;
            }
        }
        let feeds = feeds(device, dram);
        if feeds.len() > MAX_FEEDS {
            return Err(fault(format!(
                "{} memories in each core besides registers; at most {MAX_FEEDS} can be simulated",
                feeds.len()
            )));
        }
        let tile = feeds
            .last()
            .map(|feed| TileTier {
                tier: feed.tier,
                capacity: feed.capacity,
                is_cache: device.tiers[feed.tier].kind == TierKind::Cache,
            })
            .ok_or_else(|| fault("it has no per-core scratchpad or cache to hold tiles".into()))?;
        let registers = device.tiers[..dram].iter().find(|tier| tier.kind == TierKind::Registers);
        let accumulator_bytes = registers.map_or(0.0, |tier| tier.capacity.value.as_f64());
        let last_cache = levels[..levels.len() - 1].iter().rev().find(|level| level.is_cache);
        Ok(Self {
            fetch_on_write: last_cache.is_some_and(|level| device.tiers[level.tier].fetch_on_write),
            device: device.clone(),
            places: device.tiers.iter().map(|tier| tier.name.clone()).collect(),
            software: software.clone(),
            units,
            levels,
            tile,
            feeds,
            accumulator_bytes,
            sums_in_registers: accumulator_bytes >= 16_384.0 && tile.capacity < 8.0 * accumulator_bytes,
        })
    }

    /// Instructions (of one thread) that one core issues in a second; `None` where cores do not run threads in lockstep
    /// out of a large register file, with an engine for special functions beside.
    pub fn issue_rate(&self) -> Option<f64> {
        // Four schedulers issue 32 lanes a clock each while the special-function units take 16: eight to one
        // (CUDA C++ Programming Guide, throughput of native arithmetic instructions).
        const ISSUED_PER_SPECIAL: f64 = 8.0;
        let special = self.device.special.as_ref().filter(|_| self.sums_in_registers)?;
        let (peak, _) = special.peak_or_wider("fp32")?;
        Some(ISSUED_PER_SPECIAL * peak.0 * special.sustained.value / f64::from(self.units))
    }

    /// Threads a core holds at once; `None` where cores do not hide latency by threads.
    pub fn resident_threads(&self) -> Option<u64> {
        // 32 registers of four bytes: what kernels that do little with each element need.
        const THREAD_BYTES: f64 = 128.0;
        self.device.special.as_ref().filter(|_| self.sums_in_registers)?;
        let threads = (self.accumulator_bytes / THREAD_BYTES) as u64;
        (threads > 0).then_some(threads)
    }

    /// Bytes one of `units` cores must have in flight for all of them to cover the latency of the memory.
    pub fn unit_bytes_in_flight(&self, units: f64) -> f64 {
        let covering = |level: &Level| level.read_rate * level.latency_ps as f64 * 1e-12;
        self.levels.iter().map(covering).fold(0.0, f64::max) / units
    }

    /// From the end of a kernel to the first work of the next one that was issued already.
    pub fn kernel_gap(&self) -> Picos {
        self.software.kernel_gap.value.saturating_add(self.device.launch_latency.value)
    }

    /// Index in `levels` of DRAM.
    pub fn dram(&self) -> usize {
        self.levels.len() - 1
    }

    /// Index in `levels` of the outermost cache, the one whose contents outlive an operator.
    pub fn last_cache(&self) -> Option<usize> {
        (0..self.dram()).rev().find(|index| self.levels[*index].is_cache)
    }

    /// Name of the tier behind a shared level.
    pub fn level_name(&self, level: usize) -> &str {
        &self.device.tiers[self.levels[level].tier].name
    }

    /// The engine that multiplies matrices in a format: the matrix engine where it has the format, else the vector
    /// engine (fp32 on GPUs whose tensor cores round to tf32).
    pub fn contraction_engine(&self, dtype: Dtype) -> Result<EngineKind, SimulationError> {
        let peak =
            self.device.matmul_peak(dtype.name()).ok_or_else(|| self.no_rate("matrix or vector", dtype))?;
        Ok(match peak.on {
            MatmulOn::Matrix => EngineKind::Matrix,
            MatmulOn::Vector => EngineKind::Vector,
        })
    }

    /// Peak of an engine in a format, or in the nearest wider one it has, in operations per second of the device.
    pub fn peak(&self, kind: EngineKind, dtype: Dtype) -> Result<f64, SimulationError> {
        let rate = match kind {
            // Contractions fall back across engines, so ask the device.
            EngineKind::Matrix => self.device.matmul_peak(dtype.name()).map(|peak| peak.rate.0),
            _ => self.engine(kind).peak_or_wider(dtype.name()).map(|(rate, _)| rate.0),
        };
        rate.filter(|rate| *rate > 0.0).ok_or_else(|| self.no_rate(kind.name(), dtype))
    }

    fn no_rate(&self, engine: &'static str, dtype: Dtype) -> SimulationError {
        SimulationError::NoRate {
            device: self.device.name.clone(),
            engine,
            dtype: dtype.name(),
            known: self
                .device
                .matrix
                .peak
                .keys()
                .chain(self.device.vector.peak.keys())
                .cloned()
                .collect::<Vec<_>>()
                .join(", "),
        }
    }

    /// The engine description.
    pub fn engine(&self, kind: EngineKind) -> &Engine {
        match kind {
            EngineKind::Matrix => &self.device.matrix,
            EngineKind::Vector => &self.device.vector,
            EngineKind::Special => self.device.special.as_ref().unwrap_or(&self.device.vector),
        }
    }

    /// Whether special functions have an engine of their own.
    pub fn has_special(&self) -> bool {
        self.device.special.is_some()
    }
}

fn level(tier: &Tier, index: usize, units: u32) -> Level {
    let instances = match tier.scope {
        Scope::Shared(count) => count.max(1),
        Scope::PerCore => units,
    };
    let read_rate = tier.bandwidth.value.0 * tier.efficiency.value;
    let write_peak = tier.write_bandwidth.as_ref().map_or(tier.bandwidth.value.0, |figure| figure.value.0);
    let write_rate = write_peak * tier.efficiency.value;
    let latency_ps = tier.latency.value.0.max(1);
    Level {
        tier: index,
        is_cache: tier.kind == TierKind::Cache || tier.kind == TierKind::Scratchpad,
        capacity: tier.capacity.value.as_f64() * f64::from(instances),
        instances,
        read_rate,
        write_rate,
        half_duplex: tier.duplex == Duplex::Half,
        write_cost: write_cost(tier),
        fill_cost: 0.0,
        tiled_write_cost: tier
            .tiled_write_efficiency
            .as_ref()
            .map_or(1.0, |tiled| (write_rate / (tier.bandwidth.value.0 * tiled.value)).max(1.0)),
        tiled_cost: tier
            .tiled_efficiency
            .as_ref()
            .map_or(1.0, |tiled| (tier.efficiency.value / tiled.value).max(1.0)),
        latency_ps,
        unit_rate_cap: tier
            .in_flight
            .as_ref()
            .map(|figure| figure.value.as_f64() / f64::from(units) / (latency_ps as f64 * 1e-12)),
    }
}

/// A half-and-half mix reaches `mixed_efficiency`: (1 + cost) / 2 read-byte times a byte, solved for the cost. Writes
/// alone are no faster than their own bandwidth, whatever the mix says.
fn write_cost(tier: &Tier) -> f64 {
    let slower_writes =
        tier.write_bandwidth.as_ref().map_or(1.0, |write| tier.bandwidth.value.0 / write.value.0);
    tier.mixed_efficiency
        .as_ref()
        .map_or(slower_writes, |mixed| (2.0 * tier.efficiency.value / mixed.value - 1.0).max(slower_writes))
}

fn feeds(device: &Device, dram: usize) -> Vec<Feed> {
    (0..dram)
        .filter(|index| {
            let tier = &device.tiers[*index];
            tier.scope == Scope::PerCore && tier.kind != TierKind::Registers
        })
        .map(|index| {
            let tier = &device.tiers[index];
            Feed {
                tier: index,
                rate: tier.bandwidth.value.0 * tier.efficiency.value,
                capacity: tier.capacity.value.as_f64(),
            }
        })
        .collect()
}
