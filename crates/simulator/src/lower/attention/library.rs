//! Blocks as a library's kernels lay them out.

use memwall_hardware::{AttentionCall, AttentionKernel, Packing, Splits};
use memwall_model_graph::{Attention, Dtype};

use super::schedule::Schedule;
use super::{Blocks, Job, engines, kv_width, mask};
use crate::SimulationError;
use crate::chip::Chip;
use crate::demand::Demand;

/// The fewest keys of a step.
const LEAST_KEYS: f64 = 16.0;
/// The width that a kernel's keys are given for.
const WIDTH: f64 = 128.0;
/// A split is taken when its last round is this much as full as that of the best split.
const GOOD_ENOUGH: f64 = 0.85;
/// Cores this full are left alone.
const FULL_ENOUGH: f64 = 0.8;
/// The most parts that libraries divide a sequence into.
const MOST_PARTS: u64 = 128;

/// The software's kernel for an attention, where it is known.
pub(super) fn kernel<'a>(chip: &'a Chip, demand: &Demand, shape: Attention) -> Option<&'a AttentionKernel> {
    let call = AttentionCall {
        q_len: shape.q_len,
        kv_len: shape.kv_len,
        group: shape.heads / shape.kv_heads.max(1),
        latent: shape.shared_kv,
        narrow_cache: demand.input(1).element_bytes < demand.input(0).element_bytes,
    };
    chip.software.attention.kernel(&chip.device, &call)
}

/// The format of its products: the queries', or the cache's where the kernel brings queries into that.
pub(super) fn compute(
    chip: &Chip,
    demand: &Demand,
    shape: Attention,
    kernel: Option<&AttentionKernel>,
) -> Dtype {
    let cached = demand.input(1).element_bytes;
    let narrow = cached <= 1.0 && cached < demand.input(0).element_bytes;
    let full = shape.window == 0 || shape.window >= shape.kv_len;
    let wanted = kernel.is_some_and(|kernel| kernel.narrow_products) && narrow && full;
    if wanted && chip.contraction_engine(Dtype::Fp8).is_ok() { Dtype::Fp8 } else { demand.compute }
}

/// The blocks of the library's kernel; none when it is not known or the core's memory cannot hold one.
pub(super) fn blocks(job: &Job) -> Result<Option<Blocks>, SimulationError> {
    let Job { chip, shape, kernel: Some(kernel), .. } = *job else { return Ok(None) };
    let units = f64::from(chip.units);
    let group = (shape.heads / shape.kv_heads.max(1)).max(1);
    let packs = group > 1
        && group <= u64::from(kernel.largest_group)
        && match kernel.packing {
            Packing::None => false,
            Packing::InPlace => true,
            Packing::Copied => shape.q_len == 1,
        };
    let heads = shape.batch as f64 * if packs { shape.kv_heads as f64 } else { shape.heads as f64 };
    let queries_a_row = if packs { 1.0 / group as f64 } else { 1.0 };
    let padded_rows = f64::from(kernel.rows);
    let keys =
        (f64::from(kernel.keys) * WIDTH / shape.qk_dim as f64 / LEAST_KEYS).floor().max(1.0) * LEAST_KEYS;
    let Some(room) = room(job, kernel, padded_rows, keys) else { return Ok(None) };
    let found = mask::visits(shape, padded_rows * queries_a_row, keys);
    let may_split = found.count <= 1.0
        && match kernel.splits {
            Splits::Never => false,
            Splits::Packed => packs,
            Splits::Always => true,
        };
    let split = if may_split { parts(heads, units * room, found.longest) } else { 1.0 };
    let tiles = heads * found.count * split;
    let steps = (found.longest / split).ceil();
    let mut blocks = Blocks {
        rows: (shape.q_len as f64 / queries_a_row).min(padded_rows),
        padded_rows,
        keys,
        split,
        tiles,
        visits: if split > 1.0 { tiles * steps } else { heads * found.total },
        seen: heads * found.seen,
        slots: 2,
        schedule: Schedule::uniform(units, tiles, steps),
        crowd: (tiles / units).ceil().clamp(1.0, room),
        copied: packs && kernel.packing == Packing::Copied && shape.batch > 1 && shape.kv_heads > 1,
    };
    if split <= 1.0 {
        let shares = engines::step_shares(job, &blocks)?;
        let extra = engines::block_time(job, &blocks) / engines::step_time(job, &blocks, &shares).max(1.0);
        blocks.schedule = Schedule::dealt(units, heads, &found, extra, chip.device.has_async_matrix());
    }
    Ok(Some(blocks))
}

/// Blocks that fit on a core: their queries and two steps of keys and values.
fn room(job: &Job, kernel: &AttentionKernel, rows: f64, keys: f64) -> Option<f64> {
    let Job { chip, demand, shape, .. } = *job;
    let queries = rows * shape.qk_dim as f64 * demand.input(0).element_bytes;
    let step = keys * kv_width(shape) * demand.input(1).element_bytes;
    let fit = (chip.tile.capacity / (queries + step)).floor();
    (fit >= 1.0).then(|| fit.min(f64::from(kernel.blocks_per_core)))
}

/// Parts a sequence of `steps` steps is divided into so that `heads` blocks fill `places`: the fewest parts whose
/// last round is about as full as any number of parts can make it.
fn parts(heads: f64, places: f64, steps: f64) -> f64 {
    if heads >= FULL_ENOUGH * places || steps < 2.0 {
        return 1.0;
    }
    let most = steps.min(places).min(MOST_PARTS as f64) as u64;
    let filled = |parts: f64| {
        let rounds = heads * parts / places;
        rounds / rounds.ceil()
    };
    // More parts of the same number of steps are no gain.
    let useful = |parts: &f64| *parts <= 1.0 || (steps / parts).ceil() < (steps / (parts - 1.0)).ceil();
    let candidates = || (1..=most).map(|parts| parts as f64).filter(useful);
    let best = candidates().map(filled).fold(0.0, f64::max);
    candidates().find(|parts| filled(*parts) >= GOOD_ENOUGH * best).unwrap_or(1.0)
}
