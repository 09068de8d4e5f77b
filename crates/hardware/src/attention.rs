//! How a library's fused attention kernels are built: tiles, packing of heads, splits, and what their loops reach.

use memwall_units::Picos;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Checker;
use crate::rows::Rows;
use crate::{Device, Figure, Provenance};

/// The most query rows, keys or parts a profile may ask for.
const MOST: u32 = 65_536;
/// The most round trips a block may take besides its steps.
const MOST_TRIPS: f64 = 1_000.0;

/// Whether the query heads that share a key-value head are rows of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Packing {
    /// Each query head has blocks of its own and reads keys and values anew.
    None,
    /// The kernel addresses the heads of a group as rows.
    InPlace,
    /// Only with a single query a sequence: kernels before and after gather the heads of a group as rows and put the
    /// results back, unless they lie so already (one sequence, or one key-value head).
    Copied,
}

/// Which blocks a kernel divides along the keys when there are too few for all cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Splits {
    /// None.
    Never,
    /// Those whose rows are the heads of a group.
    Packed,
    /// All that hold every query of their head.
    Always,
}

/// One kernel of a library.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionKernel {
    /// Query rows of a block; fewer are padded to it.
    pub rows: u32,
    /// Keys of a step at a head width of 128; in inverse proportion to the width.
    pub keys: u32,
    /// Blocks that share a core where its memory holds that many.
    pub blocks_per_core: u32,
    /// Whether heads of a group share a block.
    pub packing: Packing,
    /// The largest group whose heads share a block.
    pub largest_group: u32,
    /// Which blocks are divided along the keys.
    pub splits: Splits,
    /// Whether a kernel of its own combines divided blocks, one part after the other; otherwise the last block to end
    /// does.
    pub combines_apart: bool,
    /// Fraction of the matrix engine's sustained peak that the products reach, softmax apart.
    pub efficiency: Figure<f64>,
    /// Fraction of the softmax that hides behind products: of another block on the core, or of the same where
    /// the matrix engine runs beside the instructions that feed it. 0 or above.
    pub overlap: Figure<f64>,
    /// Trips to memory and back, one after the other, that a block takes besides its steps.
    pub block_trips: Figure<f64>,
    /// Fixed time of a call besides the gap before its main kernel: other kernels that it launches.
    pub overhead: Figure<Picos>,
    /// Whether a call that is timed alone also writes the new keys and values into the cache.
    pub appends: bool,
    /// Whether a call that is timed alone also rotates queries and keys.
    pub rotates: bool,
    /// Instructions that masking a score takes where a window limits what a query sees.
    pub masking: Figure<f64>,
    /// Whether products are computed in the cache's format where that is 8 bits wide and no window limits what a query
    /// sees.
    pub narrow_products: bool,
}

/// The kernels of a library. `async` ones are for matrix engines that run beside the instructions that feed them
/// (blocks of 64 rows or more: Hopper and later); where there is none, the other serves there too.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttentionKernels {
    /// Many queries a sequence, or a prompt of one.
    pub prefill: Option<AttentionKernel>,
    /// On asynchronous matrix engines.
    pub prefill_async: Option<AttentionKernel>,
    /// One query a sequence against a cache.
    pub decode: Option<AttentionKernel>,
    /// On asynchronous matrix engines.
    pub decode_async: Option<AttentionKernel>,
    /// The same against a cache in a narrower format than the queries.
    pub decode_narrow_async: Option<AttentionKernel>,
    /// One query a sequence where the heads of a group do not share a block, on asynchronous matrix engines.
    pub decode_single_async: Option<AttentionKernel>,
    /// One query a sequence against a latent cache.
    pub latent: Option<AttentionKernel>,
    /// On asynchronous matrix engines.
    pub latent_async: Option<AttentionKernel>,
}

/// What decides which kernel a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionCall {
    /// New tokens of each sequence.
    pub q_len: u64,
    /// Tokens attended to, the new ones included.
    pub kv_len: u64,
    /// Query heads that share a key-value head.
    pub group: u64,
    /// Whether keys and values are one latent.
    pub latent: bool,
    /// Whether the cache is in a narrower format than the queries.
    pub narrow_cache: bool,
}

/// One kernel as it is written in YAML. A key that an `_async` kernel leaves out is as in the kernel without.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttentionKernelSpec {
    /// Query rows of a block; fewer are padded to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u32>,
    /// Keys of a step at a head width of 128; in inverse proportion to the width. Default 128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<u32>,
    /// Blocks that share a core where its memory holds that many. Default 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks_per_core: Option<u32>,
    /// Whether heads that share keys and values are rows of one block. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packing: Option<Packing>,
    /// The largest group whose heads share a block. Default 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_group: Option<u32>,
    /// Which blocks are divided along the keys. Default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<Splits>,
    /// Whether a kernel of its own combines divided blocks. Default false: the last block to end does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combines_apart: Option<bool>,
    /// Fraction of the matrix engine's sustained peak that the products reach, softmax apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<Figure<f64>>,
    /// Fraction of the softmax that hides behind products. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Figure<f64>>,
    /// Trips to memory and back that a block takes besides its steps. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_trips: Option<Figure<f64>>,
    /// Fixed time of a call besides the gap before its main kernel. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead: Option<Figure<Picos>>,
    /// Whether a call that is timed alone also writes the new keys and values into the cache. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appends: Option<bool>,
    /// Whether a call that is timed alone also rotates queries and keys. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotates: Option<bool>,
    /// Instructions that masking a score takes where a window limits what a query sees. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masking: Option<Figure<f64>>,
    /// Whether products are computed in the cache's format where that is 8 bits wide and no window limits what a query
    /// sees. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrow_products: Option<bool>,
}

/// A library's kernels as they are written in YAML.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttentionKernelsSpec {
    /// Many queries a sequence, or a prompt of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<AttentionKernelSpec>,
    /// The same on matrix engines that run beside the instructions that feed them (Hopper and later).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill_async: Option<AttentionKernelSpec>,
    /// One query a sequence against a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decode: Option<AttentionKernelSpec>,
    /// The same on such matrix engines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decode_async: Option<AttentionKernelSpec>,
    /// The same against a cache in a narrower format than the queries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decode_narrow_async: Option<AttentionKernelSpec>,
    /// The same where the heads of a group do not share a block: a group of one, or one too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decode_single_async: Option<AttentionKernelSpec>,
    /// One query a sequence against a latent cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent: Option<AttentionKernelSpec>,
    /// The same on such matrix engines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent_async: Option<AttentionKernelSpec>,
}

/// Rows of a matrix instruction from which on the engine runs beside the instructions that feed it.
const ASYNC_ROWS: u32 = 64;

impl Device {
    /// Whether the matrix engine runs beside the instructions that feed it: one instruction multiplies 64 rows or
    /// more, as on Hopper and later.
    #[must_use]
    pub fn has_async_matrix(&self) -> bool {
        self.matrix.granularity[0] >= ASYNC_ROWS
    }
}

impl AttentionKernels {
    /// The kernel for a call, where it is known. A sequence without a past is a prompt, however short.
    #[must_use]
    pub fn kernel(&self, device: &Device, call: &AttentionCall) -> Option<&AttentionKernel> {
        let is_async = device.has_async_matrix();
        if call.q_len > 1 || (call.kv_len <= 1 && !call.latent) {
            return self.prefill_async.as_ref().filter(|_| is_async).or(self.prefill.as_ref());
        }
        if call.latent {
            return self.latent_async.as_ref().filter(|_| is_async).or(self.latent.as_ref());
        }
        let wide = self.decode_async.as_ref().filter(|_| is_async).or(self.decode.as_ref());
        let narrow = self.decode_narrow_async.as_ref().filter(|_| is_async && call.narrow_cache).or(wide);
        let packs = |kernel: &AttentionKernel| {
            kernel.packing != Packing::None && (2..=u64::from(kernel.largest_group)).contains(&call.group)
        };
        let alone = is_async && !narrow.is_some_and(packs);
        self.decode_single_async.as_ref().filter(|_| alone).or(narrow)
    }

    pub(crate) fn read(checker: &mut Checker, spec: AttentionKernelsSpec) -> Self {
        let mut kernel = |key: &str, spec: Option<AttentionKernelSpec>| {
            spec.and_then(|spec| checker.within(key, |checker| AttentionKernel::read(checker, spec)))
        };
        let AttentionKernelsSpec {
            prefill,
            prefill_async,
            decode,
            decode_async,
            decode_narrow_async: narrow,
            decode_single_async: single,
            latent,
            latent_async,
        } = spec;
        Self {
            prefill_async: kernel("prefill_async", prefill_async.map(|spec| spec.or(prefill.as_ref()))),
            prefill: kernel("prefill", prefill),
            decode_async: kernel("decode_async", decode_async.map(|spec| spec.or(decode.as_ref()))),
            decode_narrow_async: kernel("decode_narrow_async", narrow.map(|spec| spec.or(decode.as_ref()))),
            decode_single_async: kernel("decode_single_async", single.map(|spec| spec.or(decode.as_ref()))),
            decode: kernel("decode", decode),
            latent_async: kernel("latent_async", latent_async.map(|spec| spec.or(latent.as_ref()))),
            latent: kernel("latent", latent),
        }
    }

    pub(crate) fn to_spec(&self) -> Option<AttentionKernelsSpec> {
        let spec = |kernel: &Option<AttentionKernel>| kernel.as_ref().map(AttentionKernel::to_spec);
        let all = AttentionKernelsSpec {
            prefill: spec(&self.prefill),
            prefill_async: spec(&self.prefill_async),
            decode: spec(&self.decode),
            decode_async: spec(&self.decode_async),
            decode_narrow_async: spec(&self.decode_narrow_async),
            decode_single_async: spec(&self.decode_single_async),
            latent: spec(&self.latent),
            latent_async: spec(&self.latent_async),
        };
        (all != AttentionKernelsSpec::default()).then_some(all)
    }

    pub(crate) fn rows(&self, rows: &mut Rows) {
        for (name, kernel) in [
            ("prefill", &self.prefill),
            ("prefill_async", &self.prefill_async),
            ("decode", &self.decode),
            ("decode_async", &self.decode_async),
            ("decode_narrow_async", &self.decode_narrow_async),
            ("decode_single_async", &self.decode_single_async),
            ("latent", &self.latent),
            ("latent_async", &self.latent_async),
        ] {
            if let Some(kernel) = kernel {
                kernel.rows(&format!("attention.{name}"), rows);
            }
        }
    }
}

impl AttentionKernelSpec {
    fn or(self, base: Option<&Self>) -> Self {
        let Some(base) = base else { return self };
        Self {
            rows: self.rows.or(base.rows),
            keys: self.keys.or(base.keys),
            blocks_per_core: self.blocks_per_core.or(base.blocks_per_core),
            packing: self.packing.or(base.packing),
            largest_group: self.largest_group.or(base.largest_group),
            splits: self.splits.or(base.splits),
            combines_apart: self.combines_apart.or(base.combines_apart),
            efficiency: self.efficiency.or_else(|| base.efficiency.clone()),
            overlap: self.overlap.or_else(|| base.overlap.clone()),
            block_trips: self.block_trips.or_else(|| base.block_trips.clone()),
            overhead: self.overhead.or_else(|| base.overhead.clone()),
            appends: self.appends.or(base.appends),
            rotates: self.rotates.or(base.rotates),
            masking: self.masking.or_else(|| base.masking.clone()),
            narrow_products: self.narrow_products.or(base.narrow_products),
        }
    }
}

impl AttentionKernel {
    fn read(checker: &mut Checker, spec: AttentionKernelSpec) -> Option<Self> {
        let mut count = |key: &str, value: Option<u32>| {
            if value.is_some_and(|value| !(1..=MOST).contains(&value)) {
                checker.error(key, format!("it is out of range: it must be from 1 to {MOST}"), None);
            }
            value
        };
        let rows = count("rows", spec.rows);
        let keys = count("keys", spec.keys);
        let blocks_per_core = count("blocks_per_core", spec.blocks_per_core);
        let largest_group = count("largest_group", spec.largest_group);
        let rows = checker.required("rows", rows, "64");
        let efficiency = checker.required_figure("efficiency", spec.efficiency, "0.7");
        let overhead = checker.figure("overhead", spec.overhead);
        let mut number = |key: &str, figure: Option<Figure<f64>>, most: f64| {
            let figure = figure.unwrap_or_else(|| unsaid(0.0));
            if !(figure.value >= 0.0 && figure.value <= most) {
                let message = format!("{} is out of range: it must be from 0 to {most}", figure.value);
                checker.error(key, message, None);
            }
            figure
        };
        let overlap = number("overlap", spec.overlap, 1.0);
        let block_trips = number("block_trips", spec.block_trips, MOST_TRIPS);
        let masking = number("masking", spec.masking, MOST_TRIPS);
        Some(Self {
            rows: rows?,
            keys: keys.unwrap_or(128),
            blocks_per_core: blocks_per_core.unwrap_or(2),
            packing: spec.packing.unwrap_or(Packing::None),
            largest_group: largest_group.unwrap_or(64),
            splits: spec.splits.unwrap_or(Splits::Never),
            combines_apart: spec.combines_apart.unwrap_or(false),
            efficiency: efficiency?,
            overlap,
            block_trips,
            overhead: overhead.unwrap_or_else(|| unsaid(Picos::ZERO)),
            appends: spec.appends.unwrap_or(false),
            rotates: spec.rotates.unwrap_or(false),
            masking,
            narrow_products: spec.narrow_products.unwrap_or(false),
        })
    }

    fn to_spec(&self) -> AttentionKernelSpec {
        AttentionKernelSpec {
            rows: Some(self.rows),
            keys: Some(self.keys),
            blocks_per_core: Some(self.blocks_per_core),
            packing: Some(self.packing),
            largest_group: Some(self.largest_group),
            splits: Some(self.splits),
            combines_apart: Some(self.combines_apart),
            efficiency: Some(self.efficiency.clone()),
            overlap: Some(self.overlap.clone()),
            block_trips: Some(self.block_trips.clone()),
            overhead: Some(self.overhead.clone()),
            appends: Some(self.appends),
            rotates: Some(self.rotates),
            masking: Some(self.masking.clone()),
            narrow_products: Some(self.narrow_products),
        }
    }

    fn rows(&self, name: &str, rows: &mut Rows) {
        let packing = match self.packing {
            Packing::None => "none",
            Packing::InPlace => "in_place",
            Packing::Copied => "copied",
        };
        let splits = match self.splits {
            Splits::Never => "never",
            Splits::Packed => "packed",
            Splits::Always => "always",
        };
        let path = |key: &str| format!("{name}.{key}");
        rows.setting(&path("rows"), &self.rows.to_string());
        rows.setting(&path("keys"), &self.keys.to_string());
        rows.setting(&path("blocks_per_core"), &self.blocks_per_core.to_string());
        rows.setting(&path("packing"), packing);
        if self.packing != Packing::None {
            rows.setting(&path("largest_group"), &self.largest_group.to_string());
        }
        rows.setting(&path("splits"), splits);
        if self.splits != Splits::Never {
            rows.setting(&path("combines_apart"), &self.combines_apart.to_string());
        }
        rows.number(&path("efficiency"), &self.efficiency);
        rows.number(&path("overlap"), &self.overlap);
        rows.number(&path("block_trips"), &self.block_trips);
        rows.quantity(&path("overhead"), &self.overhead);
        rows.setting(&path("appends"), &self.appends.to_string());
        rows.setting(&path("rotates"), &self.rotates.to_string());
        rows.number(&path("masking"), &self.masking);
        rows.setting(&path("narrow_products"), &self.narrow_products.to_string());
    }
}

fn unsaid<T>(value: T) -> Figure<T> {
    Figure { value, kind: Provenance::Assumed, source: "default".to_owned() }
}
