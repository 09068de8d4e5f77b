//! A device: engines, memory tiers and power.

use indexmap::IndexMap;
use memwall_units::{Bytes, BytesPerSec, FlopsPerSec, Hertz, Joules, Picos, Watts};

use crate::{Access, Figure, LoadCache, Silicon, Threads};

/// One accelerator or processor.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Catalog name: `h100-sxm`.
    pub name: String,
    /// What a person calls it: "NVIDIA H100 SXM5 80 GB".
    pub title: String,
    /// Cores (SMs, CUs, CPU cores, systolic arrays): the units of every on-chip engine.
    pub cores: Figure<u32>,
    /// The clock at which the peaks hold.
    pub clock: Figure<Hertz>,
    /// Matrix (tensor-core, systolic, FMA) engine.
    pub matrix: Engine,
    /// Vector engine.
    pub vector: Engine,
    /// Special-function engine (exponentials, divisions), if it is apart from the vector engine.
    pub special: Option<Engine>,
    /// Memory tiers, innermost (registers) first.
    pub tiers: Vec<Tier>,
    /// The cache in each core that ordinary loads go through, where it is no tier; for microbenchmarks.
    pub load_cache: Option<LoadCache>,
    /// The threads of one core; for microbenchmarks.
    pub threads: Option<Threads>,
    /// Board power.
    pub power: Power,
    /// The processor that issues kernels.
    pub host: Host,
    /// Time the device takes from the end of a kernel to the first work of the next one that waits already.
    pub launch_latency: Figure<Picos>,
    /// What it is made of, for its area and cost.
    pub silicon: Silicon,
}

/// All compute units of one kind on a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Engine {
    /// Peak of the whole device at `clock`, dense, by the name of the number format (`bf16`).
    pub peak: IndexMap<String, Figure<FlopsPerSec>>,
    /// Fraction of peak an ideal large kernel sustains: issue limits and the like, not power, tiles or
    /// memory.
    pub sustained: Figure<f64>,
    /// Smallest (m, n, k) block the unit works on at once; smaller operands are padded. `[1, 1, 1]` for
    /// vectors.
    pub granularity: [u32; 3],
    /// Time until a block that adds to the same sums can start: what a chain of dependent blocks takes each.
    pub latency: Option<Figure<Picos>>,
    /// Whether a core fetches operands for its next tile while it computes and stores the present one, by units apart
    /// from those that issue the arithmetic: a systolic array's DMA, a GPU's bulk copies with warps of their own.
    pub loads_ahead: bool,
    /// Whether it skips the zeros of weights two of four of which are zero, in half the time.
    pub skips_two_of_four: bool,
}

/// What a tier is made of and who manages it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TierKind {
    /// Register files.
    Registers,
    /// Software-managed on-chip memory (shared memory, scratchpad, VMEM).
    Scratchpad,
    /// Hardware-managed cache.
    Cache,
    /// Device memory.
    Dram,
    /// The host's memory, behind an I/O link.
    Host,
    /// Storage, behind an I/O link.
    Storage,
}

/// Whether each core has its own or all share a few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One a core.
    PerCore,
    /// This many on the device, cores divided evenly among them; 1 for all alike.
    Shared(u32),
}

/// Whether reads and writes share one bus.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Duplex {
    /// Reads and writes take turns on one bus (DRAM, most SRAM ports).
    Half,
    /// Each direction has the full bandwidth.
    Full,
}

/// One level of the memory hierarchy, with the link by which the level nearer the cores draws from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    /// `hbm`, `l2`, `shared`, `registers`.
    pub name: String,
    /// What it is.
    pub kind: TierKind,
    /// Per core or shared.
    pub scope: Scope,
    /// Capacity of one instance.
    pub capacity: Figure<Bytes>,
    /// Bandwidth towards the cores: of one core's instance where per core, of all instances together where
    /// shared.
    pub bandwidth: Figure<BytesPerSec>,
    /// Bandwidth of writes, where it differs.
    pub write_bandwidth: Option<Figure<BytesPerSec>>,
    /// Whether reads and writes share the bandwidth.
    pub duplex: Duplex,
    /// Time from a core's request to its data, unloaded, path included.
    pub latency: Figure<Picos>,
    /// Fraction of `bandwidth` that long reads sustain (refresh, turnaround, bank conflicts).
    pub efficiency: Figure<f64>,
    /// Fraction of `bandwidth` when half of the bytes are writes, where it differs from `efficiency`.
    pub mixed_efficiency: Option<Figure<f64>>,
    /// Fraction of `bandwidth` when the tiles of a product are read, many short rows at once, where it differs from
    /// `efficiency`.
    pub tiled_efficiency: Option<Figure<f64>>,
    /// Fraction of `bandwidth` at which the results of a product's tiles are written, many short rows at once.
    pub tiled_write_efficiency: Option<Figure<f64>>,
    /// The most bytes the whole device can have in flight to this tier; `None` when nothing limits them.
    pub in_flight: Option<Figure<Bytes>>,
    /// Whether a write that misses it first brings the line in from memory (write-allocate with fetch, as CPU
    /// caches do), so that a result costs a read besides its write.
    pub fetch_on_write: bool,
    /// Whether it has one port: what arrives from the next tier out, or leaves for it, takes turns with what it
    /// gives to the cores, at the rate of the outer tier.
    pub single_port: bool,
    /// What a `dram` tier is made of, where that is known.
    pub dram: Option<TierDram>,
    /// The kind of DRAM where it is written; else `dram` tells it.
    pub technology: Option<Figure<String>>,
    /// Energy to move one byte from it to the next inner tier.
    pub energy_per_byte: Option<Figure<Joules>>,
    /// How single accesses fare; for microbenchmarks.
    pub access: Access,
}

/// The DRAM chips of a tier.
#[derive(Debug, Clone, PartialEq)]
pub struct TierDram {
    /// The kind of chip, by the name of a [`DramPart`](crate::DramPart).
    pub part: Figure<String>,
    /// Channels.
    pub channels: Figure<u32>,
}

impl Tier {
    /// Whether all cores share it, or a few instances of it.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self.scope, Scope::Shared(_))
    }

    /// The kind of DRAM it is made of, in lower case: `hbm3`; `None` where that is not known.
    #[must_use]
    pub fn memory_kind(&self) -> Option<String> {
        let of_part = || self.dram.as_ref()?.part.value.split('_').next().map(str::to_owned);
        let kind = self.technology.as_ref().map(|figure| figure.value.clone()).or_else(of_part);
        kind.map(|kind| kind.to_ascii_lowercase())
    }

    /// The chips with their pins at the rate that gives the tier its bandwidth, and the number of channels; `None`
    /// where it is not known what the tier is made of.
    ///
    /// # Errors
    /// [`CatalogError::UnknownDram`](crate::CatalogError::UnknownDram), which a checked device has not.
    pub fn dram_part(&self) -> Option<Result<(crate::DramPart, u32), crate::CatalogError>> {
        let dram = self.dram.as_ref()?;
        let channels = dram.channels.value;
        Some(crate::dram_part(&dram.part.value).map(|part| {
            let at_one_transfer = part.at_rate(1).channel_bandwidth().0 * f64::from(channels);
            let rate = (self.bandwidth.value.0 / at_one_transfer.max(1.0)).round();
            // A float to integer cast saturates.
            (part.at_rate((rate as u32).max(1)), channels)
        }))
    }
}

/// Electrical limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Power {
    /// Board (or package) power limit.
    pub tdp: Figure<Watts>,
    /// Drawn when idle.
    pub idle: Option<Figure<Watts>>,
    /// Energy of one operation by number format, at the peak's clock.
    pub energy_per_flop: IndexMap<String, Figure<Joules>>,
    /// Lowest clock the power limit may force, as a fraction of `Device::clock`.
    pub min_clock: Option<Figure<f64>>,
}

/// The processor that issues work to a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Name for people.
    pub title: String,
    /// Speed relative to the host the software profiles' issue costs were measured on.
    pub speed: Figure<f64>,
}
