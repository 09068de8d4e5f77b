//! What software adds: launches, fusion, kernel library. Apart from the hardware.

use indexmap::IndexMap;
use memwall_units::Picos;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attention::{AttentionKernels, AttentionKernelsSpec};
use crate::check::Checker;
use crate::experts::{ExpertKernels, ExpertKernelsSpec};
use crate::{Figure, HardwareError, TrainingSoftware};

/// The largest split of a k dimension, and the deepest pipeline, that a profile may ask for.
const MAX_WAYS: u32 = 1024;
/// The most kernels that may prepare a product's activations.
const MAX_QUANTIZE_KERNELS: u32 = 16;

/// How kernels reach the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LaunchMode {
    /// The host issues kernel by kernel.
    Stream,
    /// One issue for a whole step (CUDA graph, compiled program).
    Graph,
    /// The host issues a kernel, waits for its end and only then issues the next (a CPU that is its own
    /// host).
    Sync,
}

/// How a library's kernel that goes row by row is written: a block of threads takes a row and needs all of it before
/// it has a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowKernel {
    /// Threads that share a row at most, 1 to 1024.
    pub threads: u32,
    /// Neighbouring elements a thread loads at once: 1 is a scalar load. At most 16.
    pub elements: u32,
    /// Times a row is read, unless it is short enough to be held. At most 16.
    pub reads: u32,
    /// Elements of the longest row that stays in registers, so that it is read once. Default 0.
    #[serde(default)]
    pub held: u64,
}

/// The kernels of a library that go row by row. A missing one streams at whatever pace the machine allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowKernels {
    /// Layer norm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_norm: Option<RowKernel>,
    /// RMS norm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rms_norm: Option<RowKernel>,
    /// Softmax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub softmax: Option<RowKernel>,
    /// Activation functions, gated ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<RowKernel>,
}

impl RowKernels {
    /// Each by its key.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, Option<RowKernel>); 4] {
        [
            ("layer_norm", self.layer_norm),
            ("rms_norm", self.rms_norm),
            ("softmax", self.softmax),
            ("activation", self.activation),
        ]
    }
}

/// A named set of software parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftwareProfile {
    /// Catalog name: `generic`, `tensorrt-llm`.
    pub name: String,
    /// What a person calls it.
    pub title: String,
    /// Stream or graph.
    pub launch: LaunchMode,
    /// Host time to issue one kernel (stream) or one graph.
    pub issue: Figure<Picos>,
    /// Host time to issue a norm or an activation function, where the program calls these through a compiled function
    /// whose guards are checked every time; `None` where they are issued like everything else.
    pub wrapped_issue: Option<Figure<Picos>>,
    /// Host time of a serving loop from a step's results to the first launch of the next step, the device idle: reading
    /// what came out, deciding what goes next. `None` where nothing lies between steps.
    pub serving_step: Option<Figure<Picos>>,
    /// The same for each sequence of a step: choosing its token, keeping its books.
    pub serving_sequence: Option<Figure<Picos>>,
    /// Device time between the end of a kernel and the first instruction of the next one that was already
    /// issued.
    pub kernel_gap: Figure<Picos>,
    /// Whether attention runs as one fused kernel.
    pub fused_attention: bool,
    /// Whether pointwise operators are fused into their producer (bias, activation, residual).
    pub fused_elementwise: bool,
    /// Whether unfused attention scales and masks its scores, and gathers its heads, in passes of their own.
    pub separate_scaling: bool,
    /// Whether matmuls first copy their operands into the order in which the inner loop reads them.
    pub packs_operands: bool,
    /// Fraction of an engine's sustained peak the library's inner loop reaches on a large, aligned tile.
    pub matmul_efficiency: Figure<f64>,
    /// The same for attention's inner loop.
    pub attention_efficiency: Figure<f64>,
    /// Whether softmax and matmul of a fused attention overlap on their engines.
    pub overlapped_softmax: bool,
    /// The kernels of fused attention, where they are known; otherwise tiles are searched for.
    pub attention: AttentionKernels,
    /// The kernels of mixtures of experts.
    pub experts: ExpertKernels,
    /// Largest number of blocks one output tile's k dimension may be split over; 1 is no split-K.
    pub max_split_k: u32,
    /// Buffers a tile pipeline keeps in flight at most (2 is double buffering).
    pub pipeline_stages: u32,
    /// What a core takes for a tile beside its steps: setting up, and turning sums into results.
    pub tile_overhead: Figure<Picos>,
    /// What a core takes for a step of a tile beside computing: waiting for its threads to meet.
    pub step_overhead: Figure<Picos>,
    /// What splitting a product's k dimension adds before the parts are summed: another kernel, or locks.
    pub split_overhead: Figure<Picos>,
    /// Fewest rows and columns of a tile of a product.
    pub least_tile: u32,
    /// Whether there are kernels for tiles of every multiple of the engine's block, where it takes wide blocks; otherwise
    /// for powers of two only.
    pub fine_tiles: bool,
    /// By label of a product's formats (`fp8`): kernels that bring the activations into the narrower format first.
    pub quantize_kernels: IndexMap<String, u32>,
    /// By label of a product's formats (`w4a16`): time it takes beside its kernels.
    pub format_overhead: IndexMap<String, Figure<Picos>>,
    /// Of a profile of published timings: whether weights and KV caches were out of the cache when a kernel was timed.
    pub timed_cold: bool,
    /// Kernels that go row by row.
    pub row_kernels: RowKernels,
    /// Of a profile of published timings: whether kernels were timed where a model runs them, so that of what they
    /// take only the last result is still in the cache; otherwise over and over on the same buffers.
    pub timed_in_model: bool,
    /// Of a profile of published timings: the unit its times are rounded to.
    pub timer_resolution: Option<Figure<Picos>>,
    /// What a training framework does besides.
    pub training: TrainingSoftware,
}

/// A software profile as it is written in YAML: in the catalog, and in a scenario's `software:` block. Every
/// key may be missing in a block that `extends:` a catalog profile.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SoftwareSpec {
    /// The profile this one is like: a catalog name such as `tensorrt-llm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What a person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `stream` when the host issues kernel by kernel, `graph` when one issue starts a whole step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<LaunchMode>,
    /// Host time to issue one kernel (stream) or one graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<Figure<Picos>>,
    /// Host time to issue a norm or an activation function, where the program calls these through a compiled function
    /// whose guards are checked every time. Default: as everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped_issue: Option<Figure<Picos>>,
    /// Host time of a serving loop between two steps, the device idle: reading what came out, deciding what goes next.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving_step: Option<Figure<Picos>>,
    /// The same for each sequence of a step: choosing its token, keeping its books. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving_sequence: Option<Figure<Picos>>,
    /// Device time between the end of a kernel and the start of the next one that was already issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_gap: Option<Figure<Picos>>,
    /// Whether attention runs as one fused kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fused_attention: Option<bool>,
    /// Whether pointwise operators are fused into their producer (bias, activation, residual).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fused_elementwise: Option<bool>,
    /// Whether unfused attention scales its scores, masks them and gathers its heads in passes of their own,
    /// as eager frameworks do. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separate_scaling: Option<bool>,
    /// Whether matmuls first copy their operands into the order in which the inner loop reads them, as BLAS
    /// libraries on CPUs do. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packs_operands: Option<bool>,
    /// Fraction of an engine's sustained peak that matmul's inner loop reaches on a large, aligned tile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matmul_efficiency: Option<Figure<f64>>,
    /// The same for the inner loop of fused attention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_efficiency: Option<Figure<f64>>,
    /// Whether softmax and matmul of a fused attention overlap on their engines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlapped_softmax: Option<bool>,
    /// The kernels of fused attention, where they are known. Where they are not, the best tiles are searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<AttentionKernelsSpec>,
    /// The kernels of mixtures of experts. Default: products of the best tiles, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<ExpertKernelsSpec>,
    /// Largest number of blocks one output tile's k dimension may be split over; 1 is no split-K. At most
    /// 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_split_k: Option<u32>,
    /// Buffers a tile pipeline keeps in flight at most (2 is double buffering). At most 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline_stages: Option<u32>,
    /// What a core takes for a tile beside its steps: setting up, and turning sums into results. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tile_overhead: Option<Figure<Picos>>,
    /// What a core takes for a step of a tile beside computing: waiting for its threads to meet. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_overhead: Option<Figure<Picos>>,
    /// What splitting a product's k dimension adds before the parts are summed: another kernel, or locks. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_overhead: Option<Figure<Picos>>,
    /// Fewest rows and columns of a tile of a product. Default 16. At most 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_tile: Option<u32>,
    /// Whether there are kernels for tiles of every multiple of the engine's block, where it takes wide blocks; otherwise
    /// for powers of two only. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tiles: Option<bool>,
    /// By label of a product's formats (`fp8`): kernels that bring the activations into the narrower format first.
    /// Default none: whatever made them wrote them in that format. At most 16 each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantize_kernels: Option<IndexMap<String, u32>>,
    /// By label of a product's formats (`w4a16`): time it takes beside its kernels. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format_overhead: Option<IndexMap<String, Figure<Picos>>>,
    /// Of a profile of published timings: whether weights and KV caches were out of the cache when a kernel was
    /// timed, as where whole layers are profiled. Default false: it ran over and over on the same buffers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timed_cold: Option<bool>,
    /// Kernels that go row by row. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_kernels: Option<RowKernels>,
    /// Of a profile of published timings: whether kernels were timed where a model runs them, so that of what they
    /// take only the last result is still in the cache. Default false: over and over on the same buffers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timed_in_model: Option<bool>,
    /// Of a profile of published timings: the unit its times are rounded to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer_resolution: Option<Figure<Picos>>,
    /// What a training framework does besides its kernels. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingSoftware>,
}

impl SoftwareProfile {
    /// Checks a complete description (one whose `extends:` was merged already).
    ///
    /// # Errors
    /// Everything that is wrong or missing, each with its path.
    pub fn try_from_spec(spec: SoftwareSpec) -> Result<Self, Vec<HardwareError>> {
        let mut checker = Checker::default();
        let profile = profile(&mut checker, spec);
        checker.finish(profile)
    }

    /// The description of this profile. Reads back as the same profile.
    #[must_use]
    pub fn to_spec(&self) -> SoftwareSpec {
        SoftwareSpec {
            extends: None,
            name: Some(self.name.clone()),
            title: Some(self.title.clone()),
            launch: Some(self.launch),
            issue: Some(self.issue.clone()),
            wrapped_issue: self.wrapped_issue.clone(),
            serving_step: self.serving_step.clone(),
            serving_sequence: self.serving_sequence.clone(),
            kernel_gap: Some(self.kernel_gap.clone()),
            fused_attention: Some(self.fused_attention),
            fused_elementwise: Some(self.fused_elementwise),
            separate_scaling: Some(self.separate_scaling),
            packs_operands: Some(self.packs_operands),
            matmul_efficiency: Some(self.matmul_efficiency.clone()),
            attention_efficiency: Some(self.attention_efficiency.clone()),
            overlapped_softmax: Some(self.overlapped_softmax),
            attention: self.attention.to_spec(),
            experts: (self.experts != ExpertKernels::default()).then(|| self.experts.to_spec()),
            max_split_k: Some(self.max_split_k),
            pipeline_stages: Some(self.pipeline_stages),
            tile_overhead: Some(self.tile_overhead.clone()),
            step_overhead: Some(self.step_overhead.clone()),
            split_overhead: Some(self.split_overhead.clone()),
            least_tile: Some(self.least_tile),
            fine_tiles: Some(self.fine_tiles),
            quantize_kernels: Some(self.quantize_kernels.clone()),
            format_overhead: Some(self.format_overhead.clone()),
            timed_cold: Some(self.timed_cold),
            row_kernels: Some(self.row_kernels),
            timed_in_model: Some(self.timed_in_model),
            timer_resolution: self.timer_resolution.clone(),
            training: (self.training != TrainingSoftware::default()).then(|| self.training.clone()),
        }
    }
}

fn profile(checker: &mut Checker, spec: SoftwareSpec) -> Option<SoftwareProfile> {
    let name = checker.words("name", spec.name, "my-stack");
    let title = match spec.title.or_else(|| name.clone()) {
        Some(title) => checker.words("title", Some(title), "My stack"),
        None => None,
    };
    let launch = checker.required("launch", spec.launch, "stream");
    let issue = checker.required_figure("issue", spec.issue, "3 us");
    let wrapped_issue = checker.figure("wrapped_issue", spec.wrapped_issue);
    let serving_step = checker.figure("serving_step", spec.serving_step);
    let serving_sequence = checker.figure("serving_sequence", spec.serving_sequence);
    let kernel_gap = checker.required_figure("kernel_gap", spec.kernel_gap, "1 us");
    let fused_attention = checker.required("fused_attention", spec.fused_attention, "true");
    let fused_elementwise = checker.required("fused_elementwise", spec.fused_elementwise, "true");
    let separate_scaling = spec.separate_scaling.unwrap_or(false);
    let packs_operands = spec.packs_operands.unwrap_or(false);
    let matmul_efficiency = checker.required_figure("matmul_efficiency", spec.matmul_efficiency, "0.9");
    let attention_efficiency =
        checker.required_figure("attention_efficiency", spec.attention_efficiency, "0.7");
    let overlapped_softmax = checker.required("overlapped_softmax", spec.overlapped_softmax, "true");
    let kernels = spec.attention.unwrap_or_default();
    let attention = checker.within("attention", |checker| AttentionKernels::read(checker, kernels));
    let kernels = spec.experts.unwrap_or_default();
    let experts = checker.within("experts", |checker| ExpertKernels::read(checker, kernels));
    let max_split_k = ways(checker, "max_split_k", spec.max_split_k, "8");
    let pipeline_stages = ways(checker, "pipeline_stages", spec.pipeline_stages, "4");
    let no_time = || Figure::assumed(Picos::ZERO, "not stated: taken as nothing");
    let tile_overhead = checker.figure("tile_overhead", spec.tile_overhead).unwrap_or_else(no_time);
    let step_overhead = checker.figure("step_overhead", spec.step_overhead).unwrap_or_else(no_time);
    let split_overhead = checker.figure("split_overhead", spec.split_overhead).unwrap_or_else(no_time);
    let least_tile = ways(checker, "least_tile", Some(spec.least_tile.unwrap_or(16)), "64");
    let quantize_kernels = spec.quantize_kernels.unwrap_or_default();
    if let Some((label, count)) = quantize_kernels.iter().find(|(_, count)| **count > MAX_QUANTIZE_KERNELS) {
        let message = format!("{count} kernels for {label} are too many: at most {MAX_QUANTIZE_KERNELS}");
        checker.error("quantize_kernels", message, None);
    }
    let format_overhead = spec.format_overhead.unwrap_or_default();
    checker.within("format_overhead", |checker| {
        for (label, figure) in &format_overhead {
            checker.figure(label, Some(figure.clone()));
        }
    });
    let row_kernels = spec.row_kernels.unwrap_or_default();
    checker.within("row_kernels", |checker| check_row_kernels(checker, &row_kernels));
    let timer_resolution = checker.figure("timer_resolution", spec.timer_resolution);
    let training = spec.training.unwrap_or_default();
    checker.within("training", |checker| training.check(checker));
    Some(SoftwareProfile {
        name: name?,
        title: title?,
        launch: launch?,
        issue: issue?,
        wrapped_issue,
        serving_step,
        serving_sequence,
        kernel_gap: kernel_gap?,
        fused_attention: fused_attention?,
        fused_elementwise: fused_elementwise?,
        separate_scaling,
        packs_operands,
        matmul_efficiency: matmul_efficiency?,
        attention_efficiency: attention_efficiency?,
        overlapped_softmax: overlapped_softmax?,
        attention,
        experts,
        max_split_k: max_split_k?,
        pipeline_stages: pipeline_stages?,
        tile_overhead,
        step_overhead,
        split_overhead,
        least_tile: least_tile?,
        fine_tiles: spec.fine_tiles.unwrap_or(true),
        quantize_kernels,
        format_overhead,
        timed_cold: spec.timed_cold.unwrap_or(false),
        row_kernels,
        timed_in_model: spec.timed_in_model.unwrap_or(false),
        timer_resolution,
        training,
    })
}

fn ways(checker: &mut Checker, key: &str, value: Option<u32>, example: &str) -> Option<u32> {
    let value = checker.required(key, value, example)?;
    if !(1..=MAX_WAYS).contains(&value) {
        checker.error(key, format!("{value} is out of range: it must be from 1 to {MAX_WAYS}"), None);
    }
    Some(value)
}

fn check_row_kernels(checker: &mut Checker, kernels: &RowKernels) {
    for (name, kernel) in kernels.named() {
        let Some(kernel) = kernel else { continue };
        checker.within(name, |checker| {
            for (key, value, most) in [
                ("threads", kernel.threads, 1024),
                ("elements", kernel.elements, 16),
                ("reads", kernel.reads, 16),
            ] {
                if !(1..=most).contains(&value) {
                    checker.error(key, format!("{value} is out of range: it must be from 1 to {most}"), None);
                }
            }
        });
    }
}
