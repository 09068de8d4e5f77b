//! A device as it is written in YAML: in the catalog, and in a scenario's `hardware:` block.
//!
//! Every key may be missing, because a block that `extends:` a catalog part says only what differs. Whether
//! the merged description is complete and makes sense is checked by
//! [`Device::try_from_spec`](crate::Device::try_from_spec).

use indexmap::IndexMap;
use memwall_units::{Area, Bytes, BytesPerSec, FlopsPerSec, Hertz, Joules, Picos, Watts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Access, Duplex, Figure, LoadCacheSpec, TechnologySpec, ThreadsSpec, TierKind};

/// One accelerator or processor. Any figure is either bare (`cores: 132`) or a mapping with its source
/// (`cores: { value: 132, kind: datasheet, source: "..." }`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceSpec {
    /// The part this one is like: a catalog name such as `h100-sxm`. Everything not written here is taken
    /// from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Short name: `h100-sxm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What a person calls it: "NVIDIA H100 SXM5 80 GB".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Cores: SMs, compute units, CPU cores or systolic arrays. At most 1,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<Figure<u32>>,
    /// The clock at which the peaks hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Figure<Hertz>>,
    /// Matrix engine: tensor cores, systolic arrays, or a CPU's FMA units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<EngineSpec>,
    /// Vector engine: elementwise arithmetic, and matmuls in formats the matrix engine lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<EngineSpec>,
    /// Special-function engine (exponentials, reciprocals), if it is apart from the vector engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special: Option<EngineSpec>,
    /// Memory tiers by name. They are ordered by kind (registers, on-chip per core, on-chip shared, dram,
    /// host, storage); tiers of the same kind stay in the order written, innermost first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<IndexMap<String, TierSpec>>,
    /// The cache in each core that ordinary loads go through, where it is no tier of `memory`: a GPU's L1. Only
    /// microbenchmarks use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_cache: Option<LoadCacheSpec>,
    /// The hardware threads of one core. Only microbenchmarks use them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<ThreadsSpec>,
    /// Electrical limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerSpec>,
    /// The processor that issues kernels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostSpec>,
    /// Time the device takes from the end of a kernel to the first work of the next one that waits already, whatever
    /// the software. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_latency: Option<Figure<Picos>>,
    /// Silicon process of the compute dies, by name: n16, n12, 8n, n7, n6, n5, n4 or n3. Without it area and cost are
    /// not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Figure<String>>,
    /// Equal dies that the cores are on. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dies: Option<Figure<u32>>,
    /// Area of the compute dies together, where it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub die_area: Option<Figure<Area>>,
    /// Cores on the dies, those switched off among them. Default, and at least: `cores`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores_built: Option<Figure<u32>>,
    /// Constants of area, energy and cost that go before the catalog's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technology: Option<TechnologySpec>,
}

/// All compute units of one kind on the device.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineSpec {
    /// Peak of the whole device, dense, by number format: `{ bf16: 989 TFLOP/s, fp8: 1979 TFLOP/s }`.
    /// Formats: fp64, fp32, tf32, bf16, fp16, fp8, fp4, int32, int8, int4. A multiply-accumulate is two
    /// operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<IndexMap<String, Figure<FlopsPerSec>>>,
    /// Fraction of peak an ideal large kernel sustains, above 0 and at most 1. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sustained: Option<Figure<f64>>,
    /// Smallest (m, n, k) block the unit works on at once; smaller operands are padded. Default `[1, 1, 1]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granularity: Option<[u32; 3]>,
    /// Time until a block that adds to the same sums can start: what a chain of dependent blocks takes each. Default:
    /// none to speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Figure<Picos>>,
    /// Whether a core fetches operands for its next tile while it computes and stores the present one (a systolic
    /// array's DMA, bulk copies of recent GPUs). Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loads_ahead: Option<bool>,
    /// Whether it skips the zeros of weights of which two of each four consecutive ones are zero, and so takes half the
    /// time (2:4 structured sparsity). Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skips_two_of_four: Option<bool>,
}

/// Whether each core has its own instance of a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeSpec {
    /// One a core.
    PerCore,
    /// One, or `instances`, for all cores.
    Shared,
}

/// One level of the memory hierarchy.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierSpec {
    /// What it is: registers, scratchpad, cache, dram, host or storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<TierKind>,
    /// `per_core` or `shared`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSpec>,
    /// With `scope: shared`, how many there are, the cores divided evenly among them. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<u32>,
    /// Capacity of one instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Figure<Bytes>>,
    /// Bandwidth towards the cores: of one core's instance where per core, of all instances together where
    /// shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Figure<BytesPerSec>>,
    /// Bandwidth of writes, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_bandwidth: Option<Figure<BytesPerSec>>,
    /// `half` when reads and writes take turns (the default), `full` when each direction has the whole
    /// bandwidth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplex: Option<Duplex>,
    /// Time from a core's request to its data when nothing else moves, path included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Figure<Picos>>,
    /// Fraction of `bandwidth` that long reads sustain, above 0 and at most 1. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<Figure<f64>>,
    /// The same when half of the bytes are writes, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixed_efficiency: Option<Figure<f64>>,
    /// The same when the tiles of a product are read, many short rows at once, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiled_efficiency: Option<Figure<f64>>,
    /// Fraction of `bandwidth` at which the results of a product's tiles are written, many short rows at once. Default:
    /// as fast as any writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiled_write_efficiency: Option<Figure<f64>>,
    /// The most bytes the whole device can have in flight to this tier. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<Figure<Bytes>>,
    /// Whether a write that misses this cache first reads the line from memory, as CPU caches do (read for
    /// ownership). Default false: whole sectors are written without being read, as on GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch_on_write: Option<bool>,
    /// Whether this shared cache has one port, so that what arrives from memory takes turns with what it gives to
    /// the cores. Default false: both at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_port: Option<bool>,
    /// What a `dram` tier is made of, for `memwall replay` and for deriving its efficiency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dram: Option<DramSpec>,
    /// The kind of DRAM (hbm3, gddr6, lpddr5x ...), for its energy, interface and price. Default: that of `dram.part`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technology: Option<Figure<String>>,
    /// Energy to move one byte from it to the next inner tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_per_byte: Option<Figure<Joules>>,
    /// How single accesses fare: associativity, near and far parts, queues, address translation. Only microbenchmarks
    /// use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
}

/// The DRAM chips of a tier.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DramSpec {
    /// The kind of chip: `HBM3_6400_16Gb_8hi`. Its data rate follows from the tier's bandwidth and `channels`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Figure<String>>,
    /// Channels (of two pseudo channels each, for HBM). At most 4,096.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Figure<u32>>,
}

/// Electrical limits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerSpec {
    /// Board (or package) power limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tdp: Option<Figure<Watts>>,
    /// Drawn when idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Figure<Watts>>,
    /// Energy of one operation by number format, at the clock of the peaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_per_flop: Option<IndexMap<String, Figure<Joules>>>,
    /// Lowest clock the power limit may force, as a fraction of `clock`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_clock: Option<Figure<f64>>,
}

/// The processor that issues kernels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostSpec {
    /// What a person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Speed relative to the host the software profiles' issue costs were measured on: 2 issues twice as
    /// fast. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<Figure<f64>>,
}
