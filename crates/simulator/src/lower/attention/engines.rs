//! What a step costs the engines of a core.

use memwall_model_graph::{Dtype, OpKind};

use super::{Blocks, Job, kv_width};
use crate::SimulationError;
use crate::chip::EngineKind;
use crate::lower::engine_time::unit_time;
use crate::plan::EngineShare;

/// Rate of the products that give the gradients over that of a forward pass: best shares of the peak on an A100, 63 and
/// 73 % (Dao 2023, arXiv:2307.08691, section 1).
const GRADIENT_PACE: f64 = 0.63 / 0.73;

/// One step of one unit: scores, softmax, values; of gradients, five products.
pub(super) fn step_shares(job: &Job, blocks: &Blocks) -> Result<[EngineShare; 3], SimulationError> {
    let Job { chip, demand, shape, compute, engine, kernel } = *job;
    let inner_loop =
        kernel.map_or(chip.software.attention_efficiency.value, |kernel| kernel.efficiency.value);
    let mut flops = 2.0 * blocks.padded_rows * blocks.keys * (shape.qk_dim + shape.v_dim) as f64;
    let mut inner_loop = inner_loop;
    if matches!(demand.kind, OpKind::AttentionGradient(_)) {
        flops *= shape.gradient_flops() as f64 / shape.matmul_flops().max(1) as f64;
        inner_loop *= GRADIENT_PACE;
    }
    let useful = demand.flops / blocks.visits;
    let mut shares = [EngineShare::default(); 3];
    shares[engine as usize] = unit_time(chip, engine, compute, useful.min(flops), flops, inner_loop)?;
    // A kernel's rows are computed whether they hold a query or not.
    let rows = if kernel.is_some() { blocks.padded_rows } else { blocks.rows };
    let scores = rows * blocks.keys;
    // Scale, maximum, subtraction, sum, conversion an element, and rescaling the running output a row.
    let mut instructions = 5.0 * scores + rows * shape.v_dim as f64;
    if shape.window > 0 && shape.window < shape.kv_len {
        instructions += kernel.map_or(0.0, |kernel| kernel.masking.value) * scores;
    }
    let cached_bits = 8.0 * demand.input(1).element_bytes;
    if kernel.is_some() && cached_bits < compute.bits() as f64 {
        // Keys and values are widened, two elements at a time: unpacking, conversion.
        instructions += blocks.keys * kv_width(shape);
    }
    if chip.has_special() {
        shares[EngineKind::Special as usize] =
            unit_time(chip, EngineKind::Special, Dtype::Fp32, scores, scores, 1.0)?;
    } else {
        instructions += 10.0 * scores;
    }
    let vector =
        unit_time(chip, EngineKind::Vector, Dtype::Fp32, 2.0 * instructions, 2.0 * instructions, 1.0)?;
    let half = EngineShare {
        useful: vector.useful / 2.0,
        efficiency: vector.efficiency + vector.useful / 2.0,
        ..vector
    };
    shares[EngineKind::Vector as usize].add_scaled(&half, 1.0);
    Ok(shares)
}

/// Picoseconds of a step: the engines overlap where the software interleaves two blocks, else they take turns.
pub(super) fn step_time(job: &Job, blocks: &Blocks, shares: &[EngineShare; 3]) -> f64 {
    let [matrix, vector, special] = [shares[0].total(), shares[1].total(), shares[2].total()];
    let Some(kernel) = job.kernel else {
        let softmax = vector.max(special);
        return if job.chip.software.overlapped_softmax { matrix.max(softmax) } else { matrix + softmax };
    };
    // An exponential waits for the subtraction before it, the sum for the exponential.
    let softmax = vector + special;
    let beside = blocks.crowd > 1.0 || job.chip.device.has_async_matrix();
    let hidden = if beside { kernel.overlap.value * matrix.min(softmax) } else { 0.0 };
    matrix + softmax - hidden
}

/// Picoseconds a block takes besides its steps: trips to memory, which the other blocks of its core hide in part.
pub(super) fn block_time(job: &Job, blocks: &Blocks) -> f64 {
    let latency = job.chip.levels.iter().map(|level| level.latency_ps).max().unwrap_or(0) as f64;
    job.kernel.map_or(0.0, |kernel| kernel.block_trips.value * latency / blocks.crowd)
}

/// Picoseconds the slowest per-core memory takes to feed a step, `pulled` bytes being read in all steps; and its tier.
pub(super) fn feed_time(job: &Job, blocks: &Blocks, pulled: f64) -> (f64, usize) {
    let bytes = pulled / blocks.visits;
    let times = job.chip.feeds.iter().map(|feed| (bytes / feed.rate * 1e12, feed.tier));
    times.fold((0.0, job.chip.tile.tier), |slowest, next| if next.0 > slowest.0 { next } else { slowest })
}
