//! From blocks to a plan.

use memwall_model_graph::{Attention, Dtype};

use super::schedule::Schedule;
use super::{Blocks, Job, engines, kv_width};
use crate::SimulationError;
use crate::chip::{EngineKind, MAX_LEVELS};
use crate::demand::OperandDemand;
use crate::lower::engine_time::unit_time;
use crate::plan::{Choice, Compute, EngineShare, KernelPlan, Traffic, WaveGroup};

/// Rows whose parts one block of a combining kernel adds up.
const COMBINED_ROWS: f64 = 8.0;
/// Steps in which a core gathers heads, and puts results back.
const COPY_STEPS: f64 = 4.0;

/// What crosses each shared level for the whole operator.
pub(super) fn reads(job: &Job, blocks: &Blocks) -> [f64; MAX_LEVELS] {
    let Job { chip, demand, shape, .. } = *job;
    let mut reads = [0.0; MAX_LEVELS];
    let q = demand.input(0);
    let kv: f64 = demand.inputs.iter().skip(1).map(|operand| operand.bytes).sum();
    // Keys and values are read side by side, again and again in the same order: where the cache cannot hold both, what
    // is needed next has just left it.
    let held = chip.last_cache().is_some_and(|level| chip.levels[level].capacity >= kv);
    let hit = |operand: &OperandDemand| if held { operand.hit } else { 0.0 };
    let kv_missed: f64 =
        demand.inputs.iter().skip(1).map(|operand| operand.bytes * (1.0 - hit(operand))).sum();
    let pulled = blocks.seen * kv_width(shape) * demand.input(1).element_bytes;
    reads[0] = q.bytes + pulled.max(kv);
    let heads = shape.batch as f64 * shape.kv_heads as f64;
    let tiles_of_a_head = blocks.tiles / heads.max(1.0);
    for outer in 1..chip.levels.len() {
        let cache = chip.levels[outer - 1];
        let active_heads = (f64::from(chip.units) / tiles_of_a_head).ceil().clamp(1.0, heads.max(1.0));
        let footprint = kv / heads.max(1.0) * active_heads;
        let lost = (1.0 - cache.capacity / footprint.max(1.0)).clamp(0.0, 1.0);
        let is_last = Some(outer - 1) == chip.last_cache();
        let first = if is_last { kv_missed + q.bytes * (1.0 - q.hit) } else { kv + q.bytes };
        reads[outer] = (first + (pulled - kv).max(0.0) * lost).min(reads[outer - 1]);
    }
    reads
}

/// Partial outputs and their running sums, in fp32.
pub(super) fn combine_bytes(shape: Attention, blocks: &Blocks) -> f64 {
    result_rows(shape) * (shape.v_dim as f64 + 2.0) * 4.0 * blocks.split
}

fn result_rows(shape: Attention) -> f64 {
    shape.batch as f64 * shape.heads as f64 * shape.q_len as f64
}

/// The plan of `blocks`.
pub(super) fn build(job: &Job, blocks: &Blocks) -> Result<KernelPlan, SimulationError> {
    let Job { demand, shape, engine, kernel, .. } = *job;
    let step = engines::step_shares(job, blocks)?;
    let engines_ps = engines::step_time(job, blocks, &step);
    let reads = reads(job, blocks);
    let (feed_ps, feed_tier) = engines::feed_time(job, blocks, reads[0]);
    let step_ps = engines_ps.max(feed_ps);
    let block_ps = engines::block_time(job, blocks) * blocks.tiles / blocks.visits;
    let Schedule { units, even, tail, tail_units } = blocks.schedule;
    let unit_steps = blocks.schedule.unit_steps();
    let load = Traffic { read: reads.map(|bytes| bytes / unit_steps), ..Traffic::default() };
    let mut epilogue = Traffic::default();
    if blocks.split > 1.0 {
        epilogue.write[0] = combine_bytes(shape, blocks) / units;
    } else {
        write_results(job, units, &mut epilogue);
    }
    // Rounding the schedule to whole steps must not change the work.
    let scale = blocks.visits / unit_steps;
    let group = |units: f64, steps: f64, epilogue: Traffic| WaveGroup {
        count: 1,
        units: units as u32,
        steps: steps as u64,
        load,
        store: Traffic::default(),
        epilogue,
        step_ps: ((step_ps + block_ps) * scale).ceil().max(1.0) as u64,
        slots: blocks.slots,
        accumulators: 1,
        tile_ps: 0,
        serial: false,
        tiled: false,
    };
    let mut groups = Vec::with_capacity(4);
    if even > 0.0 {
        groups.push(group(units, even, if tail > 0.0 { Traffic::default() } else { epilogue }));
    }
    if tail > 0.0 {
        groups.push(group(tail_units, tail, epilogue.scaled(units / tail_units)));
    }
    let mut shares = step;
    for share in &mut shares {
        let one = *share;
        *share = EngineShare::default();
        share.add_scaled(&one, blocks.visits);
    }
    // A kernel's block keeps keys and values of one step: the next keys arrive where the last ones were while the values
    // are multiplied.
    let held_steps = if kernel.is_some() { blocks.crowd } else { f64::from(blocks.slots) };
    let apart = blocks.split > 1.0 && kernel.is_some_and(|kernel| kernel.combines_apart);
    let mut plan = KernelPlan {
        groups,
        compute: Compute {
            primary: engine,
            shares,
            feed: (step_ps - engines_ps) * blocks.visits,
            feed_tier,
            tile: 0.0,
            feed_bytes: [reads[0]; 3],
        },
        tile_bytes: held_steps * blocks.keys * kv_width(shape) * demand.input(1).element_bytes,
        lead_ps: 0,
        choice: Choice::Blocks {
            queries: blocks.rows as u64,
            keys: blocks.keys as u64,
            split: blocks.split as u64,
            tiles: blocks.tiles as u64,
            kernels: 1 + 2 * u64::from(blocks.copied) + u64::from(apart),
        },
    };
    if blocks.split > 1.0 {
        add_combine(job, blocks, apart, &mut plan)?;
    }
    if blocks.copied {
        add_copies(job, &mut plan);
    }
    Ok(plan)
}

fn write_results(job: &Job, units: f64, epilogue: &mut Traffic) {
    let Job { chip, demand, .. } = *job;
    for level in 0..chip.dram() {
        epilogue.write[level] = demand.output_bytes() / units;
    }
    epilogue.write[chip.dram()] = demand.write_back / units;
    epilogue.read[chip.dram()] = demand.fetched / units;
}

/// Units that combine the parts of a split sequence, and the time of them all.
pub(super) fn combine_share(job: &Job, blocks: &Blocks) -> Result<(f64, EngineShare), SimulationError> {
    let rows = result_rows(job.shape);
    let adds = 2.0 * rows * job.shape.v_dim as f64 * blocks.split;
    let share = unit_time(job.chip, EngineKind::Vector, Dtype::Fp32, adds, adds, 1.0)?;
    Ok((rows.clamp(1.0, f64::from(job.chip.units)), share))
}

/// Combines the parts of a split sequence: in a kernel apart one part after the other, else all at once.
fn add_combine(
    job: &Job,
    blocks: &Blocks,
    apart: bool,
    plan: &mut KernelPlan,
) -> Result<(), SimulationError> {
    let (mut units, share) = combine_share(job, blocks)?;
    let mut steps = 1.0;
    if apart {
        let tiles = (result_rows(job.shape) / COMBINED_ROWS).ceil();
        units = tiles.clamp(1.0, f64::from(job.chip.units));
        steps = blocks.split * (tiles / units).ceil();
    }
    let mut load = Traffic::default();
    load.read[0] = combine_bytes(job.shape, blocks) / units / steps;
    let mut epilogue = Traffic::default();
    write_results(job, units, &mut epilogue);
    plan.groups.push(WaveGroup {
        count: 1,
        units: units as u32,
        steps: steps as u64,
        load,
        store: Traffic::default(),
        epilogue,
        step_ps: (share.total() / units / steps).ceil().max(1.0) as u64,
        slots: 1,
        accumulators: 1,
        tile_ps: 0,
        serial: false,
        tiled: false,
    });
    plan.compute.shares[EngineKind::Vector as usize].add_scaled(&share, 1.0);
    Ok(())
}

/// Gathers the heads of each group as rows, and puts the results back: queries and results are read and written once
/// more each, by kernels that go over memory row by row.
fn add_copies(job: &Job, plan: &mut KernelPlan) {
    let units = f64::from(job.chip.units);
    let bytes = (job.demand.input(0).bytes + job.demand.output_bytes()) / units / COPY_STEPS;
    let mut load = Traffic::default();
    let mut store = Traffic::default();
    for level in 0..job.chip.levels.len() {
        load.read[level] = bytes;
        store.write[level] = bytes;
    }
    plan.groups.push(WaveGroup {
        count: 1,
        units: job.chip.units,
        steps: COPY_STEPS as u64,
        load,
        store,
        epilogue: Traffic::default(),
        step_ps: 1,
        slots: 2,
        accumulators: 1,
        tile_ps: 0,
        serial: false,
        tiled: false,
    });
}
