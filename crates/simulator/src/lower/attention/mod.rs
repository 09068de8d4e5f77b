//! Fused attention: query blocks against key blocks, scores never leaving the core.
//!
//! Where the software's kernels are known ([`memwall_hardware::AttentionKernels`]), [`library`] lays the blocks out as
//! they do; elsewhere [`search`] tries block shapes under the capacities. [`build`] makes a plan of either.

mod build;
mod engines;
mod library;
mod mask;
mod schedule;
mod search;

use memwall_hardware::AttentionKernel;
use memwall_model_graph::{Attention, Dtype};
use memwall_units::{Bytes, Picos};

use super::Planner;
use crate::SimulationError;
use crate::chip::{Chip, EngineKind};
use crate::demand::Demand;
use crate::plan::{Choice, KernelPlan};
use schedule::Schedule;

/// What is to be planned.
#[derive(Debug, Clone, Copy)]
struct Job<'a> {
    chip: &'a Chip,
    demand: &'a Demand<'a>,
    shape: Attention,
    /// The format of the two products.
    compute: Dtype,
    /// The engine of the two products.
    engine: EngineKind,
    /// The library's kernel, where it is known.
    kernel: Option<&'a AttentionKernel>,
}

/// Query blocks and how much of the keys each visits.
#[derive(Debug, Clone, Copy)]
struct Blocks {
    /// Rows of a query block that hold queries, and with padding.
    rows: f64,
    padded_rows: f64,
    keys: f64,
    split: f64,
    /// Blocks of queries x parts of the keys.
    tiles: f64,
    /// Key-block visits of all tiles.
    visits: f64,
    /// Keys that all tiles read.
    seen: f64,
    slots: u32,
    schedule: Schedule,
    /// Blocks that work on one core at a time.
    crowd: f64,
    /// Whether the heads of a group are gathered as rows by kernels of their own.
    copied: bool,
}

/// Plans a fused attention.
pub(crate) fn lower(
    chip: &Chip,
    demand: &Demand,
    shape: Attention,
    held: Option<Planner<'_>>,
) -> Result<KernelPlan, SimulationError> {
    let here = Planner { chip, demand };
    let by = held.unwrap_or(here);
    let known = known_job(here, shape)?;
    if let Some(blocks) = library::blocks(&known_job(by, shape)?)? {
        return build::build(&known, &blocks);
    }
    let job = searched_job(here, shape)?;
    let Some(blocks) = search::best(&searched_job(by, shape)?) else {
        engines::step_shares(&job, &Blocks::smallest())?;
        return Err(SimulationError::NoTile {
            operator: demand.name.to_owned(),
            tier: chip.device.tiers[chip.tile.tier].name.clone(),
            capacity: Bytes(chip.tile.capacity as u64),
        });
    };
    build::build(&job, &blocks)
}

/// With the software's kernel, where there is one.
fn known_job<'a>(on: Planner<'a>, shape: Attention) -> Result<Job<'a>, SimulationError> {
    let Planner { chip, demand } = on;
    let kernel = library::kernel(chip, demand, shape);
    let compute = library::compute(chip, demand, shape, kernel);
    Ok(Job { chip, demand, shape, compute, engine: chip.contraction_engine(compute)?, kernel })
}

/// With blocks that have to be found.
fn searched_job<'a>(on: Planner<'a>, shape: Attention) -> Result<Job<'a>, SimulationError> {
    let Planner { chip, demand } = on;
    let engine = chip.contraction_engine(demand.compute)?;
    Ok(Job { chip, demand, shape, compute: demand.compute, engine, kernel: None })
}

/// The format in which the software computes an attention's products.
pub(crate) fn format(chip: &Chip, demand: &Demand, shape: Attention) -> Dtype {
    library::compute(chip, demand, shape, library::kernel(chip, demand, shape))
}

/// Time of a call besides its main kernel: what the library adds to every call, and the gaps before the kernels that
/// gather heads or combine parts.
pub(crate) fn call_overhead(chip: &Chip, demand: &Demand, shape: Attention, choice: Choice) -> Picos {
    let Choice::Blocks { kernels, .. } = choice else { return Picos::ZERO };
    let gap = chip.software.kernel_gap.value.0;
    let fixed = library::kernel(chip, demand, shape).map_or(0, |kernel| kernel.overhead.value.0);
    Picos(gap.saturating_mul(kernels.saturating_sub(1)).saturating_add(fixed))
}

impl Blocks {
    fn smallest() -> Self {
        Self {
            rows: 1.0,
            padded_rows: 1.0,
            keys: 1.0,
            split: 1.0,
            tiles: 1.0,
            visits: 1.0,
            seen: 1.0,
            slots: 1,
            schedule: Schedule { units: 1.0, even: 1.0, tail: 0.0, tail_units: 1.0 },
            crowd: 1.0,
            copied: false,
        }
    }
}

/// Elements of a key and its value.
fn kv_width(shape: Attention) -> f64 {
    if shape.shared_kv { shape.qk_dim as f64 } else { (shape.qk_dim + shape.v_dim) as f64 }
}
