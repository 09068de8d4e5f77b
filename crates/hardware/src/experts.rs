//! How a library computes a mixture of experts: its kernels besides the products, and the products' tiles.

use indexmap::IndexMap;
use memwall_units::Picos;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Figure;
use crate::check::Checker;
use crate::rows::Rows;

/// The largest extent of a tile that a profile may ask for.
const MOST: u32 = 4096;

/// Tile of the products of all experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpertTile {
    /// Rows: an expert's rows are padded to a multiple. 1 to 4096.
    pub m: u32,
    /// Columns. 1 to 4096.
    pub n: u32,
    /// Depth of a step. 1 to 4096.
    pub k: u32,
    /// Steps whose operands a block holds, the one it computes included. 1 to 4096.
    pub stages: u32,
    /// Blocks that share a core at most. 1 to 4096.
    pub blocks: u32,
}

/// The kernels a call goes through, as they are written in YAML.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpertKernelsSpec {
    /// Whether a call that is timed alone also scores the experts and chooses. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<bool>,
    /// Whether a kernel copies tokens into their experts' order; otherwise the first product gathers them.
    /// Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<bool>,
    /// Whether results, activation and sum have a row for every choice of every token, those of experts on other
    /// devices too. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_batch: Option<bool>,
    /// Tile of the products, where it is fixed; otherwise the best is searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tile: Option<ExpertTile>,
    /// The same with no more tokens than experts on the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub few_tile: Option<ExpertTile>,
    /// The same for 8-bit products with a scale for each block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaled_tile: Option<ExpertTile>,
    /// What a core takes for a step of a tile beside computing, where the kernels of experts are not the library's
    /// others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_overhead: Option<Figure<Picos>>,
    /// The same on matrix engines that run beside the instructions that feed them (Hopper and later).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_overhead_async: Option<Figure<Picos>>,
    /// The same with a scale for each block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaled_step_overhead: Option<Figure<Picos>>,
    /// Fraction of `matmul_efficiency` that products reach whose weights are widened on the way. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widened_efficiency: Option<Figure<f64>>,
    /// What a call takes besides the kernels named here: kernels that count and sort the choices. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead: Option<Figure<Picos>>,
    /// What copying rows, or summing them, takes for every 1024 elements beyond moving them. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum_time: Option<Figure<Picos>>,
    /// By label of the products' formats (`w4a16`): what a call takes besides, such as kernels of another library.
    /// Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format_overhead: Option<IndexMap<String, Figure<Picos>>>,
}

/// The kernels a call goes through.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpertKernels {
    /// Whether a call that is timed alone also scores the experts and chooses.
    pub routes: bool,
    /// Whether a kernel copies tokens into their experts' order; otherwise the first product gathers them.
    pub copies: bool,
    /// Whether results, activation and sum have a row for every choice of every token, those of experts on other
    /// devices too.
    pub whole_batch: bool,
    /// Tile of the products, where it is fixed.
    pub tile: Option<ExpertTile>,
    /// The same with no more tokens than experts on the device.
    pub few_tile: Option<ExpertTile>,
    /// The same for 8-bit products with a scale for each block.
    pub scaled_tile: Option<ExpertTile>,
    /// What a core takes for a step of a tile beside computing, where it is not that of the library's other products.
    pub step_overhead: Option<Figure<Picos>>,
    /// The same on matrix engines that run beside the instructions that feed them.
    pub step_overhead_async: Option<Figure<Picos>>,
    /// The same with a scale for each block.
    pub scaled_step_overhead: Option<Figure<Picos>>,
    /// Fraction of `matmul_efficiency` that products reach whose weights are widened on the way.
    pub widened_efficiency: Figure<f64>,
    /// What a call takes besides the kernels named here.
    pub overhead: Figure<Picos>,
    /// What copying rows, or summing them, takes for every 1024 elements beyond moving them.
    pub sum_time: Figure<Picos>,
    /// By label of the products' formats: what a call takes besides.
    pub format_overhead: IndexMap<String, Figure<Picos>>,
}

impl Default for ExpertKernels {
    fn default() -> Self {
        let nothing = || Figure::assumed(Picos::ZERO, "not stated: taken as nothing");
        Self {
            routes: false,
            copies: false,
            whole_batch: false,
            tile: None,
            few_tile: None,
            scaled_tile: None,
            step_overhead: None,
            step_overhead_async: None,
            scaled_step_overhead: None,
            widened_efficiency: Figure::assumed(1.0, "not stated: as other products"),
            overhead: nothing(),
            sum_time: nothing(),
            format_overhead: IndexMap::new(),
        }
    }
}

impl ExpertKernels {
    /// Checks a description.
    pub(crate) fn read(checker: &mut Checker, spec: ExpertKernelsSpec) -> Self {
        for (key, tile) in
            [("tile", spec.tile), ("few_tile", spec.few_tile), ("scaled_tile", spec.scaled_tile)]
        {
            let Some(tile) = tile else { continue };
            checker.within(key, |checker| {
                for (key, value) in [
                    ("m", tile.m),
                    ("n", tile.n),
                    ("k", tile.k),
                    ("stages", tile.stages),
                    ("blocks", tile.blocks),
                ] {
                    if !(1..=MOST).contains(&value) {
                        checker.error(
                            key,
                            format!("{value} is out of range: it must be from 1 to {MOST}"),
                            None,
                        );
                    }
                }
            });
        }
        let default = Self::default();
        let format_overhead = spec.format_overhead.unwrap_or_default();
        checker.within("format_overhead", |checker| {
            for (label, figure) in &format_overhead {
                checker.figure(label, Some(figure.clone()));
            }
        });
        Self {
            routes: spec.routes.unwrap_or(false),
            copies: spec.copies.unwrap_or(false),
            whole_batch: spec.whole_batch.unwrap_or(false),
            tile: spec.tile,
            few_tile: spec.few_tile,
            scaled_tile: spec.scaled_tile,
            step_overhead: checker.figure("step_overhead", spec.step_overhead),
            step_overhead_async: checker.figure("step_overhead_async", spec.step_overhead_async),
            scaled_step_overhead: checker.figure("scaled_step_overhead", spec.scaled_step_overhead),
            widened_efficiency: checker
                .figure("widened_efficiency", spec.widened_efficiency)
                .unwrap_or(default.widened_efficiency),
            overhead: checker.figure("overhead", spec.overhead).unwrap_or(default.overhead),
            sum_time: checker.figure("sum_time", spec.sum_time).unwrap_or(default.sum_time),
            format_overhead,
        }
    }

    pub(crate) fn rows(&self, rows: &mut Rows) {
        let path = |key: &str| format!("experts.{key}");
        for (key, set) in
            [("routes", self.routes), ("copies", self.copies), ("whole_batch", self.whole_batch)]
        {
            rows.setting(&path(key), &set.to_string());
        }
        for (key, tile) in
            [("tile", self.tile), ("few_tile", self.few_tile), ("scaled_tile", self.scaled_tile)]
        {
            let Some(ExpertTile { m, n, k, stages, blocks }) = tile else { continue };
            let text = format!("{m} x {n}, steps of {k}, {stages} stages, {blocks} blocks a core");
            rows.setting(&path(key), &text);
        }
        for (key, figure) in [
            ("step_overhead", &self.step_overhead),
            ("step_overhead_async", &self.step_overhead_async),
            ("scaled_step_overhead", &self.scaled_step_overhead),
        ] {
            if let Some(figure) = figure {
                rows.quantity(&path(key), figure);
            }
        }
        rows.number(&path("widened_efficiency"), &self.widened_efficiency);
        rows.quantity(&path("overhead"), &self.overhead);
        rows.quantity(&path("sum_time"), &self.sum_time);
        for (label, figure) in &self.format_overhead {
            rows.quantity(&path(&format!("format_overhead.{label}")), figure);
        }
    }

    /// Reads back as the same kernels.
    pub(crate) fn to_spec(&self) -> ExpertKernelsSpec {
        ExpertKernelsSpec {
            routes: Some(self.routes),
            copies: Some(self.copies),
            whole_batch: Some(self.whole_batch),
            tile: self.tile,
            few_tile: self.few_tile,
            scaled_tile: self.scaled_tile,
            step_overhead: self.step_overhead.clone(),
            step_overhead_async: self.step_overhead_async.clone(),
            scaled_step_overhead: self.scaled_step_overhead.clone(),
            widened_efficiency: Some(self.widened_efficiency.clone()),
            overhead: Some(self.overhead.clone()),
            sum_time: Some(self.sum_time.clone()),
            format_overhead: Some(self.format_overhead.clone()),
        }
    }
}
