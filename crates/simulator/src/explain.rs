//! One operator in full: its tile, its waves, what it moves where, and the arithmetic of every bound.

use memwall_hardware::{Device, SoftwareProfile};
use memwall_model_graph::{Dtype, Graph, OpId};
use memwall_units::{Bytes, Picos};

use crate::chip::{Chip, EngineKind};
use crate::demand;
use crate::kernel::Mode;
use crate::lower::lower;
use crate::outcome::{level_seconds, run_plan};
use crate::plan::{Choice, KernelPlan, WaveGroup};
use crate::record::Stall;
use crate::residency::Residency;
use crate::simulation::touch_cache;
use crate::{Fidelity, Options, SimulationError};

/// How one operator runs, once, after the operators before it in its step.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// `layers.3.mlp.up`.
    pub name: String,
    /// `matmul`.
    pub kind: &'static str,
    /// Format the arithmetic runs in.
    pub compute: Dtype,
    /// Operations that count.
    pub flops: f64,
    /// What it reads, and how much of that an earlier operator left in the last cache.
    pub inputs: Vec<ExplainedOperand>,
    /// What it writes.
    pub outputs: Vec<ExplainedOperand>,
    /// What the mapper chose.
    pub choice: ExplainedChoice,
    /// Bytes of tiles on one core, and what its tile memory holds.
    pub tile_bytes: Bytes,
    /// Name and capacity of the tile memory of one core.
    pub tile_memory: (String, Bytes),
    /// Waves, in order.
    pub waves: Vec<ExplainedWaves>,
    /// Every bound on its time, shared memory levels from the inside out, then engines.
    pub bounds: Vec<ExplainedBound>,
    /// How long it takes, launch excluded.
    pub duration: Picos,
    /// The engine its ledger is of, and the engine's units.
    pub engine: (&'static str, u32),
    /// Core-picoseconds of useful work on that engine.
    pub busy: u128,
    /// Where the rest went, largest first.
    pub stalls: Vec<Stall>,
    /// `compute` or the largest stall.
    pub bound_by: String,
}

/// A tensor as the operator touches it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedOperand {
    /// Tensor name.
    pub name: String,
    /// Extents, outermost first.
    pub shape: Vec<u64>,
    /// Format.
    pub dtype: Dtype,
    /// Bytes touched at least once.
    pub bytes: Bytes,
    /// Fraction found in the last cache; `None` for outputs.
    pub cached: Option<f64>,
}

/// What the mapper chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainedChoice {
    /// A tiled product: extents of a tile, parts of the k dimension, tiles in all.
    Tiles {
        /// Rows of a tile.
        m: u64,
        /// Columns of a tile.
        n: u64,
        /// Depth of a step.
        k: u64,
        /// Parts the depth is split into.
        split_k: u64,
        /// Tiles in all.
        tiles: u64,
    },
    /// Streamed through the cores in chunks.
    Stream {
        /// Bytes a core moves in a step.
        chunk: Bytes,
    },
    /// Query blocks against key blocks.
    Blocks {
        /// Query rows of a block.
        queries: u64,
        /// Keys of a step.
        keys: u64,
        /// Parts the sequence is split into.
        split: u64,
        /// Blocks in all.
        tiles: u64,
    },
}

/// Consecutive equal waves.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedWaves {
    /// How many.
    pub count: u64,
    /// Cores that work.
    pub units: u32,
    /// Steps each takes.
    pub steps: u64,
    /// Compute time of a step.
    pub step: Picos,
    /// Steps in flight.
    pub slots: u32,
    /// Bytes one core loads for a step over each shared level, innermost first.
    pub load: Vec<(String, f64)>,
    /// Bytes one core stores at a wave's end over each shared level.
    pub store: Vec<(String, f64)>,
}

/// One bound: amount over rate is time.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedBound {
    /// `hbm`, `matrix`.
    pub name: String,
    /// What moves or is computed.
    pub amount: f64,
    /// Datasheet rate, in the same unit a second.
    pub rate: f64,
    /// Whether the amount is bytes; operations otherwise.
    pub is_bytes: bool,
    /// amount / rate.
    pub time: Picos,
}

/// Explains operator `id` of `graph`: the caches are as the operators before it leave them.
///
/// # Errors
/// As for a run of the operator.
pub fn explain(
    device: &Device,
    software: &SoftwareProfile,
    graph: &Graph,
    id: OpId,
    options: Options,
) -> Result<Explanation, SimulationError> {
    let chip = Chip::new(device, software)?;
    let operator = graph.operator(id);
    let name = operator.name();
    let mut demand = demand::cold(graph, operator, &name);
    if let Some(level) = chip.last_cache() {
        let mut cache = Residency::new(chip.levels[level].capacity as u64);
        for (earlier_id, earlier) in graph.iter().take_while(|(earlier, _)| *earlier <= id) {
            let mut earlier_demand = demand::cold(graph, earlier, "");
            touch_cache(&mut cache, chip.fetch_on_write, graph, earlier_id, earlier, &mut earlier_demand);
            if earlier_id == id {
                demand = demand::Demand { name: &name, ..earlier_demand };
            }
        }
    }
    let plan = lower(&chip, &demand, None)?;
    let jumps = options.fidelity != Fidelity::Step;
    let outcome =
        run_plan(&chip, &name, &plan, Mode { jumps, folded: true, event_limit: options.limits.events })?;
    let operand = |used: &memwall_model_graph::Operand, seen: &demand::OperandDemand, is_input: bool| {
        let tensor = graph.tensor(used.tensor);
        ExplainedOperand {
            name: tensor.name(),
            shape: tensor.shape.clone(),
            dtype: tensor.dtype,
            bytes: Bytes(seen.bytes as u64),
            cached: is_input.then_some(seen.hit),
        }
    };
    let inputs =
        operator.inputs.iter().zip(&demand.inputs).map(|(used, seen)| operand(used, seen, true)).collect();
    let outputs =
        operator.outputs.iter().zip(&demand.outputs).map(|(used, seen)| operand(used, seen, false)).collect();
    let ledger = &outcome.ledgers[outcome.primary as usize];
    Ok(Explanation {
        kind: operator.kind.name(),
        compute: operator.compute,
        flops: demand.flops,
        inputs,
        outputs,
        choice: choice(plan.choice),
        tile_bytes: Bytes(plan.tile_bytes as u64),
        tile_memory: (device.tiers[chip.tile.tier].name.clone(), device.tiers[chip.tile.tier].capacity.value),
        waves: plan.groups.iter().map(|group| waves(&chip, group)).collect(),
        bounds: bounds(&chip, &plan, demand.compute)?,
        duration: outcome.duration,
        engine: (outcome.primary.name(), chip.units),
        busy: ledger.busy,
        stalls: ledger.stalls(&chip.places),
        bound_by: ledger.bound_by(&chip.places),
        name,
    })
}

fn choice(choice: Choice) -> ExplainedChoice {
    match choice {
        Choice::Tiles { m, n, k, split_k, tiles } => ExplainedChoice::Tiles { m, n, k, split_k, tiles },
        Choice::Stream { chunk_bytes } => ExplainedChoice::Stream { chunk: Bytes(chunk_bytes) },
        Choice::Blocks { queries, keys, split, tiles, .. } => {
            ExplainedChoice::Blocks { queries, keys, split, tiles }
        }
    }
}

fn waves(chip: &Chip, group: &WaveGroup) -> ExplainedWaves {
    let by_level = |bytes: &dyn Fn(usize) -> f64| {
        (0..chip.levels.len())
            .map(|level| (chip.level_name(level).to_owned(), bytes(level)))
            .collect::<Vec<_>>()
    };
    ExplainedWaves {
        count: group.count,
        units: group.units,
        steps: group.steps,
        step: Picos(group.step_ps),
        slots: group.slots,
        load: by_level(&|level| group.load.read[level]),
        store: by_level(&|level| group.epilogue.write[level] + group.store.write[level] * group.steps as f64),
    }
}

fn bounds(chip: &Chip, plan: &KernelPlan, dtype: Dtype) -> Result<Vec<ExplainedBound>, SimulationError> {
    let traffic = plan.traffic();
    let mut bounds = Vec::new();
    for level in 0..chip.levels.len() {
        let seconds = level_seconds(chip, &traffic, level);
        let amount = traffic.read[level] + traffic.write[level];
        bounds.push(ExplainedBound {
            name: chip.level_name(level).to_owned(),
            amount,
            rate: if seconds > 0.0 { amount / seconds } else { chip.levels[level].read_rate },
            is_bytes: true,
            time: Picos::from_secs_f64_ceil(seconds),
        });
    }
    for kind in EngineKind::ALL {
        let seconds = plan.compute.shares[kind as usize].useful / f64::from(chip.units) / 1e12;
        if seconds > 0.0 {
            let format = if kind == plan.compute.primary { dtype } else { Dtype::Fp32 };
            let rate = chip.peak(kind, format).or_else(|_| chip.peak(kind, Dtype::Fp32))?;
            bounds.push(ExplainedBound {
                name: kind.name().to_owned(),
                amount: seconds * rate,
                rate,
                is_bytes: false,
                time: Picos::from_secs_f64_ceil(seconds),
            });
        }
    }
    Ok(bounds)
}
