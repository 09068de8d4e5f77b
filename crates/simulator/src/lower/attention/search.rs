//! Blocks found by trying: where nobody says how the software's kernels are built.

use memwall_model_graph::Attention;

use super::schedule::Schedule;
use super::{Blocks, Job, build, engines, kv_width, mask};

/// The blocks with the least estimated time, if any fit.
pub(super) fn best(job: &Job) -> Option<Blocks> {
    candidates(job)
        .filter_map(|blocks| {
            let step = engines::step_shares(job, &blocks).ok()?;
            Some((cost(job, &blocks, engines::step_time(job, &blocks, &step)), blocks))
        })
        .min_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, blocks)| blocks)
}

/// Blocks whose key-value steps fit at least twice, or else smaller ones.
fn candidates(job: &Job) -> impl Iterator<Item = Blocks> {
    let wide = fitting(job, &[1024.0, 512.0, 256.0, 128.0, 64.0, 32.0, 16.0], 2.0);
    let found = if wide.is_empty() { fitting(job, &[16.0, 8.0, 4.0, 2.0, 1.0], 1.0) } else { wide };
    found.into_iter()
}

fn fitting(job: &Job, key_sizes: &[f64], least_slots: f64) -> Vec<Blocks> {
    let Job { chip, demand, shape, engine, .. } = *job;
    let granularity = f64::from(chip.engine(engine).granularity[0].max(1));
    let kv_element = demand.input(1).element_bytes;
    let q_element = demand.input(0).element_bytes;
    let packed = packed_rows(shape);
    let row_sizes: Vec<f64> =
        if packed <= 64.0 { vec![packed] } else { vec![512.0, 256.0, 128.0, 64.0, 32.0, 16.0] };
    let in_registers = chip.sums_in_registers;
    let usable = chip.tile.capacity * if chip.tile.is_cache { 0.5 } else { 1.0 };
    let mut found = Vec::new();
    for rows in row_sizes {
        for &keys in key_sizes {
            let padded_rows = (rows / granularity).ceil() * granularity;
            let step_bytes = keys * kv_width(shape) * kv_element;
            let sums = padded_rows * (shape.v_dim as f64 + keys) * 4.0;
            if in_registers && sums > 0.75 * chip.accumulator_bytes {
                continue;
            }
            let queries = rows * shape.qk_dim as f64 * q_element;
            // A small memory holds keys and values only: the queries stay in the registers.
            let beside_sums = in_registers && least_slots < 2.0 && queries + sums < chip.accumulator_bytes;
            let fixed = if beside_sums { 0.0 } else { queries } + if in_registers { 0.0 } else { sums };
            let slots = ((usable - fixed) / step_bytes).floor();
            if slots < least_slots {
                continue;
            }
            let slots = slots.min(f64::from(chip.software.pipeline_stages.max(2))) as u32;
            let most_splits = (shape.kv_len as f64 / keys).ceil();
            for split in [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0, 128.0_f64] {
                let allowed =
                    split == 1.0 || (packed <= 64.0 && split <= most_splits && chip.software.max_split_k > 1);
                if allowed {
                    found.push(visit(job, rows, padded_rows, keys, split, slots));
                }
            }
        }
    }
    found
}

/// Query rows that share one key-value head in one block: all of a group when there are few.
fn packed_rows(shape: Attention) -> f64 {
    (shape.q_len as f64) * (shape.heads / shape.kv_heads.max(1)).max(1) as f64
}

/// Counts the key blocks each query block visits under the mask.
fn visit(job: &Job, rows: f64, padded_rows: f64, keys: f64, split: f64, slots: u32) -> Blocks {
    let shape = job.shape;
    let units = f64::from(job.chip.units);
    let kv_len = shape.kv_len as f64;
    let window = if shape.window == 0 { kv_len } else { (shape.window as f64).min(kv_len) };
    let (tiles, visits, longest) = if packed_rows(shape) <= 64.0 {
        let seen = if shape.causal { window } else { kv_len };
        let longest = (seen / keys / split).ceil().max(1.0);
        let tiles = shape.batch as f64 * shape.kv_heads as f64 * split;
        (tiles, tiles * longest, longest)
    } else {
        let found = mask::visits(shape, rows, keys);
        let heads = shape.batch as f64 * shape.heads as f64;
        (heads * found.count, heads * found.total, found.longest)
    };
    let active = tiles.min(units);
    let schedule = Schedule::uneven(active, visits, longest.max((visits / active).ceil()));
    let seen = visits * keys;
    Blocks { rows, padded_rows, keys, split, tiles, visits, seen, slots, schedule, crowd: 1.0, copied: false }
}

fn cost(job: &Job, blocks: &Blocks, step_ps: f64) -> f64 {
    let chip = job.chip;
    let Schedule { units, even, tail, .. } = blocks.schedule;
    let reads = build::reads(job, blocks);
    let step_ps = step_ps.max(engines::feed_time(job, blocks, reads[0]).0);
    let load = (0..chip.levels.len())
        .map(|level| {
            let bytes = reads[level] / blocks.visits;
            let capped = chip.levels[level].unit_rate_cap.map_or(0.0, |cap| bytes / cap);
            (bytes * units / chip.levels[level].read_rate).max(capped) * 1e12
        })
        .fold(0.0, f64::max);
    let latency = chip.levels.iter().map(|level| level.latency_ps).max().unwrap_or(0) as f64;
    let interval = step_ps.max(load).max((latency + load + step_ps) / f64::from(blocks.slots));
    let combine = if blocks.split > 1.0 {
        let adding = build::combine_share(job, blocks).map_or(0.0, |(units, share)| share.total() / units);
        let moving = build::combine_bytes(job.shape, blocks) / chip.levels[0].read_rate * 1e12;
        2.0 * chip.levels[0].latency_ps as f64 + moving + adding
    } else {
        0.0
    };
    latency + load + (even + tail) * interval + combine
}
