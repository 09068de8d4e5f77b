//! Fused attention: query blocks against key blocks, scores never leaving the core.

use memwall_model_graph::{Attention, Dtype};
use memwall_units::Bytes;

use super::engine_time::unit_time;
use crate::SimulationError;
use crate::chip::{Chip, EngineKind};
use crate::demand::Demand;
use crate::plan::{Choice, Compute, EngineShare, KernelPlan, Traffic, WaveGroup};

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
    /// Key-block visits of all tiles, and of the longest.
    visits: f64,
    longest: f64,
    slots: u32,
}

/// Plans a fused attention.
pub(crate) fn lower(chip: &Chip, demand: &Demand, shape: Attention) -> Result<KernelPlan, SimulationError> {
    let engine = chip.contraction_engine(demand.compute)?;
    let best = candidates(chip, demand, shape, engine)
        .filter_map(|blocks| {
            let step = step_shares(chip, demand, shape, &blocks, engine).ok()?;
            Some((cost(chip, demand, shape, &blocks, step_time(chip, &step)), blocks))
        })
        .min_by(|(a, _), (b, _)| a.total_cmp(b));
    let Some((_, blocks)) = best else {
        step_shares(chip, demand, shape, &Blocks::smallest(), engine)?;
        return Err(SimulationError::NoTile {
            operator: demand.name.to_owned(),
            tier: chip.device.tiers[chip.tile.tier].name.clone(),
            capacity: Bytes(chip.tile.capacity as u64),
        });
    };
    build(chip, demand, shape, &blocks, engine)
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
            longest: 1.0,
            slots: 1,
        }
    }
}

/// Blocks whose key-value steps fit at least twice, or else smaller ones.
fn candidates(
    chip: &Chip,
    demand: &Demand,
    shape: Attention,
    engine: EngineKind,
) -> impl Iterator<Item = Blocks> {
    let wide = fitting(chip, demand, shape, engine, &[1024.0, 512.0, 256.0, 128.0, 64.0, 32.0, 16.0], 2.0);
    let found = if wide.is_empty() {
        fitting(chip, demand, shape, engine, &[16.0, 8.0, 4.0, 2.0, 1.0], 1.0)
    } else {
        wide
    };
    found.into_iter()
}

fn fitting(
    chip: &Chip,
    demand: &Demand,
    shape: Attention,
    engine: EngineKind,
    key_sizes: &[f64],
    least_slots: f64,
) -> Vec<Blocks> {
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
                    found.push(visit(shape, rows, padded_rows, keys, split, slots));
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

/// Elements of a key and its value.
fn kv_width(shape: Attention) -> f64 {
    if shape.shared_kv { shape.qk_dim as f64 } else { (shape.qk_dim + shape.v_dim) as f64 }
}

/// Counts the key blocks each query block visits under the mask.
fn visit(shape: Attention, rows: f64, padded_rows: f64, keys: f64, split: f64, slots: u32) -> Blocks {
    let kv_len = shape.kv_len as f64;
    let window = if shape.window == 0 { kv_len } else { (shape.window as f64).min(kv_len) };
    if packed_rows(shape) <= 64.0 {
        let seen = if shape.causal { window } else { kv_len };
        let per_tile = (seen / keys / split).ceil().max(1.0);
        let tiles = shape.batch as f64 * shape.kv_heads as f64 * split;
        return Blocks {
            rows,
            padded_rows,
            keys,
            split,
            tiles,
            visits: tiles * per_tile,
            longest: per_tile,
            slots,
        };
    }
    // Blocks of one sequence and head; the mask is aligned to the bottom right.
    let q_len = shape.q_len as f64;
    let count = (q_len / rows).ceil();
    let mut visits = 0.0;
    let mut longest = 0.0_f64;
    // Very long sequences repeat the same linear growth: sample at most 4096 blocks and scale.
    let samples = count.min(4096.0);
    for sample in 0..samples as u64 {
        let index = (sample as f64 * count / samples).floor();
        let last = ((index + 1.0) * rows).min(q_len);
        let end = if shape.causal { kv_len - q_len + last } else { kv_len };
        let first_seen =
            if shape.causal { (end - (last - index * rows) + 1.0 - window).max(0.0) } else { 0.0 };
        let blocks = (end / keys).ceil() - (first_seen / keys).floor();
        visits += blocks.max(1.0);
        longest = longest.max(blocks.max(1.0));
    }
    let heads = shape.batch as f64 * shape.heads as f64;
    Blocks {
        rows,
        padded_rows,
        keys,
        split,
        tiles: heads * count,
        visits: heads * visits * count / samples,
        longest,
        slots,
    }
}

/// One step of one unit: scores, softmax, values.
fn step_shares(
    chip: &Chip,
    demand: &Demand,
    shape: Attention,
    blocks: &Blocks,
    engine: EngineKind,
) -> Result<[EngineShare; 3], SimulationError> {
    let inner_loop = chip.software.attention_efficiency.value;
    let flops = 2.0 * blocks.padded_rows * blocks.keys * (shape.qk_dim + shape.v_dim) as f64;
    let useful = demand.flops / blocks.visits;
    let mut shares = [EngineShare::default(); 3];
    let contraction = unit_time(chip, engine, demand.compute, useful.min(flops), flops, inner_loop)?;
    shares[engine as usize] = contraction;
    let scores = blocks.rows * blocks.keys;
    // Scale, maximum, subtraction, sum, conversion an element, and rescaling the running output a row.
    let mut instructions = 5.0 * scores + blocks.rows * shape.v_dim as f64;
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
fn step_time(chip: &Chip, shares: &[EngineShare; 3]) -> f64 {
    let [matrix, vector, special] = [shares[0].total(), shares[1].total(), shares[2].total()];
    let softmax = vector.max(special);
    if chip.software.overlapped_softmax { matrix.max(softmax) } else { matrix + softmax }
}

/// Picoseconds the slowest per-core memory takes to feed a step, `pulled` bytes being read in all steps; and its tier.
fn feed_time(chip: &Chip, blocks: &Blocks, pulled: f64) -> (f64, usize) {
    let bytes = pulled / blocks.visits;
    let times = chip.feeds.iter().map(|feed| (bytes / feed.rate * 1e12, feed.tier));
    times.fold((0.0, chip.tile.tier), |slowest, next| if next.0 > slowest.0 { next } else { slowest })
}

/// What crosses each shared level for the whole operator.
fn reads(chip: &Chip, demand: &Demand, shape: Attention, blocks: &Blocks) -> [f64; crate::chip::MAX_LEVELS] {
    let mut reads = [0.0; crate::chip::MAX_LEVELS];
    let q = demand.input(0);
    let kv: f64 = demand.inputs.iter().skip(1).map(|operand| operand.bytes).sum();
    let kv_missed: f64 =
        demand.inputs.iter().skip(1).map(|operand| operand.bytes * (1.0 - operand.hit)).sum();
    let pulled = blocks.visits * blocks.keys * kv_width(shape) * demand.input(1).element_bytes;
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

/// Steps every unit takes, and steps that only half of them take because tiles are uneven.
fn balance(chip: &Chip, blocks: &Blocks) -> (f64, f64, f64) {
    let units = blocks.tiles.min(f64::from(chip.units));
    let makespan = blocks.longest.max((blocks.visits / units).ceil());
    let even = (2.0 * blocks.visits / units - makespan).clamp(0.0, makespan);
    (units, even.floor(), makespan - even.floor())
}

fn cost(chip: &Chip, demand: &Demand, shape: Attention, blocks: &Blocks, step_ps: f64) -> f64 {
    let (units, even, uneven) = balance(chip, blocks);
    let reads = reads(chip, demand, shape, blocks);
    let step_ps = step_ps.max(feed_time(chip, blocks, reads[0]).0);
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
        let adding = combine_share(chip, shape, blocks).map_or(0.0, |(units, share)| share.total() / units);
        let moving = combine_bytes(shape, blocks) / chip.levels[0].read_rate * 1e12;
        2.0 * chip.levels[0].latency_ps as f64 + moving + adding
    } else {
        0.0
    };
    latency + load + (even + uneven) * interval + combine
}

/// Partial outputs and their running sums, in fp32.
fn combine_bytes(shape: Attention, blocks: &Blocks) -> f64 {
    let rows = shape.batch as f64 * shape.heads as f64 * shape.q_len as f64;
    rows * (shape.v_dim as f64 + 2.0) * 4.0 * blocks.split
}

fn build(
    chip: &Chip,
    demand: &Demand,
    shape: Attention,
    blocks: &Blocks,
    engine: EngineKind,
) -> Result<KernelPlan, SimulationError> {
    let step = step_shares(chip, demand, shape, blocks, engine)?;
    let engines_ps = step_time(chip, &step);
    let (units, even, uneven) = balance(chip, blocks);
    let reads = reads(chip, demand, shape, blocks);
    let (feed_ps, feed_tier) = feed_time(chip, blocks, reads[0]);
    let step_ps = engines_ps.max(feed_ps);
    let unit_steps = units * even + (units / 2.0).ceil() * uneven;
    let load = Traffic { read: reads.map(|bytes| bytes / unit_steps), ..Traffic::default() };
    let mut epilogue = Traffic::default();
    if blocks.split > 1.0 {
        epilogue.write[0] = combine_bytes(shape, blocks) / units;
    } else {
        write_results(chip, demand, units, &mut epilogue);
    }
    // Rounding the balance to whole steps must not change the work.
    let scale = blocks.visits / unit_steps;
    let group = |units: f64, steps: f64, epilogue: Traffic| WaveGroup {
        count: 1,
        units: units as u32,
        steps: steps as u64,
        load,
        store: Traffic::default(),
        epilogue,
        step_ps: (step_ps * scale).ceil().max(1.0) as u64,
        slots: blocks.slots,
        accumulators: 1,
        tile_ps: 0,
        serial: false,
        tiled: false,
    };
    let mut groups = Vec::with_capacity(3);
    if even > 0.0 {
        groups.push(group(units, even, if uneven > 0.0 { Traffic::default() } else { epilogue }));
    }
    if uneven > 0.0 {
        let half = (units / 2.0).ceil();
        groups.push(group(half, uneven, epilogue.scaled(units / half)));
    }
    let mut shares = step;
    for share in &mut shares {
        let one = *share;
        *share = EngineShare::default();
        share.add_scaled(&one, blocks.visits);
    }
    let mut plan = KernelPlan {
        groups,
        compute: Compute {
            primary: engine,
            shares,
            feed: (step_ps - engines_ps) * blocks.visits,
            feed_tier,
            feed_bytes: [reads[0]; 3],
            tile: 0.0,
        },
        tile_bytes: f64::from(blocks.slots) * blocks.keys * kv_width(shape) * demand.input(1).element_bytes,
        lead_ps: 0,
        choice: Choice::Blocks {
            queries: blocks.rows as u64,
            keys: blocks.keys as u64,
            split: blocks.split as u64,
            tiles: blocks.tiles as u64,
        },
    };
    if blocks.split > 1.0 {
        add_combine(chip, demand, shape, blocks, &mut plan)?;
    }
    Ok(plan)
}

fn write_results(chip: &Chip, demand: &Demand, units: f64, epilogue: &mut Traffic) {
    for level in 0..chip.dram() {
        epilogue.write[level] = demand.output_bytes() / units;
    }
    epilogue.write[chip.dram()] = demand.write_back / units;
    epilogue.read[chip.dram()] = demand.fetched / units;
}

/// Units that combine the parts of a split sequence, and the time of them all.
fn combine_share(
    chip: &Chip,
    shape: Attention,
    blocks: &Blocks,
) -> Result<(f64, EngineShare), SimulationError> {
    let rows = shape.batch as f64 * shape.heads as f64 * shape.q_len as f64;
    let adds = 2.0 * rows * shape.v_dim as f64 * blocks.split;
    let share = unit_time(chip, EngineKind::Vector, Dtype::Fp32, adds, adds, 1.0)?;
    Ok((rows.clamp(1.0, f64::from(chip.units)), share))
}

/// Combines the parts of a split sequence.
fn add_combine(
    chip: &Chip,
    demand: &Demand,
    shape: Attention,
    blocks: &Blocks,
    plan: &mut KernelPlan,
) -> Result<(), SimulationError> {
    let (units, share) = combine_share(chip, shape, blocks)?;
    let mut load = Traffic::default();
    load.read[0] = combine_bytes(shape, blocks) / units;
    let mut epilogue = Traffic::default();
    write_results(chip, demand, units, &mut epilogue);
    plan.groups.push(WaveGroup {
        count: 1,
        units: units as u32,
        steps: 1,
        load,
        store: Traffic::default(),
        epilogue,
        step_ps: (share.total() / units).ceil().max(1.0) as u64,
        slots: 1,
        accumulators: 1,
        tile_ps: 0,
        serial: false,
        tiled: false,
    });
    plan.compute.shares[EngineKind::Vector as usize].add_scaled(&share, 1.0);
    Ok(())
}
