//! A device or profile as rows of a table: each figure with how it is known and its source.

use memwall_units::{Picos, Quantity};

use crate::{
    Device, Duplex, Engine, ExpertKernels, Figure, LaunchMode, Provenance, RowKernel, Scope, SoftwareProfile,
    System, Tier, TierKind,
};

/// One line of `memwall hardware show`.
#[derive(Debug, Clone, PartialEq)]
pub struct FigureRow {
    /// Where it is in the YAML: `memory.hbm.bandwidth`.
    pub path: String,
    /// As a person would write it in a scenario: `3.35 TB/s`.
    pub value: String,
    /// How it is known; `None` for a plain setting such as a tier's kind.
    pub kind: Option<Provenance>,
    /// Where it was published, or the reasoning; empty for a plain setting.
    pub source: String,
}

impl Device {
    /// Every figure and setting, in the order of the YAML form, tiers innermost first.
    #[must_use]
    pub fn rows(&self) -> Vec<FigureRow> {
        let mut rows = Rows::default();
        rows.number("cores", &self.cores);
        rows.quantity("clock", &self.clock);
        rows.engine("matrix", &self.matrix);
        rows.engine("vector", &self.vector);
        if let Some(special) = &self.special {
            rows.engine("special", special);
        }
        for tier in &self.tiers {
            rows.tier(tier);
        }
        if let Some(cache) = &self.load_cache {
            cache.rows(&mut rows);
        }
        if let Some(threads) = &self.threads {
            threads.rows(&mut rows);
        }
        rows.quantity("power.tdp", &self.power.tdp);
        rows.maybe("power.idle", self.power.idle.as_ref());
        for (format, energy) in &self.power.energy_per_flop {
            rows.quantity(&format!("power.energy_per_flop.{format}"), energy);
        }
        if let Some(min_clock) = &self.power.min_clock {
            rows.number("power.min_clock", min_clock);
        }
        rows.quantity("launch_latency", &self.launch_latency);
        rows.setting("host.title", &self.host.title);
        rows.number("host.speed", &self.host.speed);
        crate::technology::silicon_rows(&self.silicon, &mut rows);
        rows.0
    }
}

impl SoftwareProfile {
    /// Every figure and setting, in the order of the YAML form.
    #[must_use]
    pub fn rows(&self) -> Vec<FigureRow> {
        let mut rows = Rows::default();
        let launch = match self.launch {
            LaunchMode::Stream => "stream",
            LaunchMode::Graph => "graph",
            LaunchMode::Sync => "sync",
        };
        rows.setting("launch", launch);
        rows.quantity("issue", &self.issue);
        rows.maybe("wrapped_issue", self.wrapped_issue.as_ref());
        rows.maybe("serving_step", self.serving_step.as_ref());
        rows.maybe("serving_sequence", self.serving_sequence.as_ref());
        rows.quantity("kernel_gap", &self.kernel_gap);
        rows.setting("fused_attention", &self.fused_attention.to_string());
        rows.setting("fused_elementwise", &self.fused_elementwise.to_string());
        // Only where they differ from what is usual.
        if self.separate_scaling {
            rows.setting("separate_scaling", "true");
        }
        if self.packs_operands {
            rows.setting("packs_operands", "true");
        }
        rows.number("matmul_efficiency", &self.matmul_efficiency);
        rows.number("attention_efficiency", &self.attention_efficiency);
        rows.setting("overlapped_softmax", &self.overlapped_softmax.to_string());
        self.attention.rows(&mut rows);
        if self.experts != ExpertKernels::default() {
            self.experts.rows(&mut rows);
        }
        rows.setting("max_split_k", &self.max_split_k.to_string());
        rows.setting("pipeline_stages", &self.pipeline_stages.to_string());
        for (key, figure) in [
            ("tile_overhead", &self.tile_overhead),
            ("step_overhead", &self.step_overhead),
            ("split_overhead", &self.split_overhead),
        ] {
            if figure.value > Picos::ZERO {
                rows.quantity(key, figure);
            }
        }
        rows.setting("least_tile", &self.least_tile.to_string());
        if !self.fine_tiles {
            rows.setting("fine_tiles", "false");
        }
        for (label, count) in &self.quantize_kernels {
            rows.setting(&format!("quantize_kernels.{label}"), &count.to_string());
        }
        for (label, figure) in &self.format_overhead {
            rows.quantity(&format!("format_overhead.{label}"), figure);
        }
        if self.timed_cold {
            rows.setting("timed_cold", "true");
        }
        for (name, kernel) in self.row_kernels.named() {
            if let Some(kernel) = kernel {
                rows.row_kernel(name, kernel);
            }
        }
        if self.timed_in_model {
            rows.setting("timed_in_model", "true");
        }
        rows.maybe("timer_resolution", self.timer_resolution.as_ref());
        self.training.rows(&mut rows);
        rows.0
    }
}

#[derive(Default)]
pub(crate) struct Rows(Vec<FigureRow>);

impl Rows {
    pub(crate) fn into_list(self) -> Vec<FigureRow> {
        self.0
    }

    pub(crate) fn setting(&mut self, path: &str, value: &str) {
        let row =
            FigureRow { path: path.to_owned(), value: value.to_owned(), kind: None, source: String::new() };
        self.0.push(row);
    }

    fn push<T>(&mut self, path: &str, value: String, figure: &Figure<T>) {
        let (kind, source) = (Some(figure.kind), figure.source.clone());
        self.0.push(FigureRow { path: path.to_owned(), value, kind, source });
    }

    pub(crate) fn quantity<T: Quantity>(&mut self, path: &str, figure: &Figure<T>) {
        self.push(path, figure.value.to_exact_text(), figure);
    }

    pub(crate) fn number<T: std::fmt::Display>(&mut self, path: &str, figure: &Figure<T>) {
        self.push(path, figure.value.to_string(), figure);
    }

    pub(crate) fn maybe<T: Quantity>(&mut self, path: &str, figure: Option<&Figure<T>>) {
        if let Some(figure) = figure {
            self.quantity(path, figure);
        }
    }

    fn row_kernel(&mut self, name: &str, kernel: RowKernel) {
        let path = |key: &str| format!("row_kernels.{name}.{key}");
        self.setting(&path("threads"), &kernel.threads.to_string());
        self.setting(&path("elements"), &kernel.elements.to_string());
        self.setting(&path("reads"), &kernel.reads.to_string());
        self.setting(&path("held"), &kernel.held.to_string());
    }

    fn engine(&mut self, name: &str, engine: &Engine) {
        for (format, peak) in &engine.peak {
            self.quantity(&format!("{name}.peak.{format}"), peak);
        }
        self.number(&format!("{name}.sustained"), &engine.sustained);
        let [m, n, k] = engine.granularity;
        self.setting(&format!("{name}.granularity"), &format!("[{m}, {n}, {k}]"));
        self.maybe(&format!("{name}.latency"), engine.latency.as_ref());
        // Only where it differs from what is usual.
        if !engine.loads_ahead {
            self.setting(&format!("{name}.loads_ahead"), "false");
        }
        if engine.skips_two_of_four {
            self.setting(&format!("{name}.skips_two_of_four"), "true");
        }
    }

    fn tier(&mut self, tier: &Tier) {
        let path = |key: &str| format!("memory.{}.{key}", tier.name);
        self.setting(&path("kind"), kind_name(tier.kind));
        match tier.scope {
            Scope::PerCore => self.setting(&path("scope"), "per_core"),
            Scope::Shared(instances) => {
                self.setting(&path("scope"), "shared");
                self.setting(&path("instances"), &instances.to_string());
            }
        }
        self.quantity(&path("capacity"), &tier.capacity);
        self.quantity(&path("bandwidth"), &tier.bandwidth);
        self.maybe(&path("write_bandwidth"), tier.write_bandwidth.as_ref());
        let duplex = match tier.duplex {
            Duplex::Half => "half",
            Duplex::Full => "full",
        };
        self.setting(&path("duplex"), duplex);
        self.quantity(&path("latency"), &tier.latency);
        self.number(&path("efficiency"), &tier.efficiency);
        if let Some(mixed) = &tier.mixed_efficiency {
            self.number(&path("mixed_efficiency"), mixed);
        }
        if let Some(tiled) = &tier.tiled_efficiency {
            self.number(&path("tiled_efficiency"), tiled);
        }
        if let Some(tiled) = &tier.tiled_write_efficiency {
            self.number(&path("tiled_write_efficiency"), tiled);
        }
        self.maybe(&path("in_flight"), tier.in_flight.as_ref());
        if tier.fetch_on_write {
            self.setting(&path("fetch_on_write"), "true");
        }
        if tier.single_port {
            self.setting(&path("single_port"), "true");
        }
        if let Some(dram) = &tier.dram {
            self.number(&path("dram.part"), &dram.part);
            self.number(&path("dram.channels"), &dram.channels);
        }
        if let Some(technology) = &tier.technology {
            self.number(&path("technology"), technology);
        }
        self.maybe(&path("energy_per_byte"), tier.energy_per_byte.as_ref());
        tier.access.rows(&path("access"), self);
    }
}

fn kind_name(kind: TierKind) -> &'static str {
    match kind {
        TierKind::Registers => "registers",
        TierKind::Scratchpad => "scratchpad",
        TierKind::Cache => "cache",
        TierKind::Dram => "dram",
        TierKind::Host => "host",
        TierKind::Storage => "storage",
    }
}

impl System {
    /// Every figure and setting, in the order of the YAML form.
    #[must_use]
    pub fn rows(&self) -> Vec<FigureRow> {
        let mut rows = Rows::default();
        rows.setting("device", &self.device);
        rows.number("count", &self.count);
        self.fabric_spec().rows(&mut rows);
        rows.0
    }
}
