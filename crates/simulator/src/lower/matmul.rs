//! Products: plain, batched, and one per expert.

use memwall_hardware::{ExpertTile, Figure};
use memwall_model_graph::{GroupedMatMul, MatMul};
use memwall_units::{Bytes, Picos};

use super::Planner;
use super::engine_time::{Drive, driven_time, unit_time};
use super::tile_search::{Products, Tile, refit, search};
use crate::SimulationError;
use crate::chip::{Chip, EngineKind};
use crate::demand::{Demand, OperandDemand};
use crate::plan::{Choice, Compute, EngineShare, KernelPlan, Traffic, WaveGroup};

/// Bytes a core copies in a step when it packs operands: about what an inner loop's block of A takes.
const PACKED_STEP_BYTES: f64 = 65_536.0;

/// Plans `batch` products of one shape.
pub(crate) fn lower_matmul(
    chip: &Chip,
    demand: &Demand,
    shape: MatMul,
    held: Option<Planner<'_>>,
) -> Result<KernelPlan, SimulationError> {
    let pace = Pace { tile: None, step_overhead: chip.software.step_overhead.value, efficiency: 1.0 };
    plan(chip, demand, vec![(shape.batch, shape.m)], (shape.n, shape.k), &pace, held)
}

/// Plans the products of all experts as one kernel.
pub(crate) fn lower_grouped(
    chip: &Chip,
    demand: &Demand,
    shape: &GroupedMatMul,
    held: Option<Planner<'_>>,
) -> Result<KernelPlan, SimulationError> {
    let parts = shape.groups.iter().map(|(rows, experts)| (*experts, *rows)).collect();
    plan(chip, demand, parts, (shape.n, shape.k), &expert_pace(chip, demand, shape), held)
}

/// What the software's kernels for experts leave no choice about.
fn expert_pace(chip: &Chip, demand: &Demand, shape: &GroupedMatMul) -> Pace {
    let experts = &chip.software.experts;
    let library = &chip.software.step_overhead;
    let (a, b) = (demand.input(0), demand.input(1));
    let pace = |tile, step_overhead: &Option<Figure<Picos>>, efficiency| Pace {
        tile,
        step_overhead: step_overhead.as_ref().unwrap_or(library).value,
        efficiency,
    };
    if b.element_bytes < a.element_bytes {
        // Weights that are widened on the way have a kernel of their own.
        return pace(None, &None, experts.widened_efficiency.value);
    }
    if demand.inputs.len() > 2 && experts.scaled_tile.is_some() {
        return pace(experts.scaled_tile, &experts.scaled_step_overhead, 1.0);
    }
    let few = experts.few_tile.filter(|_| shape.tokens <= shape.held);
    let is_async = chip.device.has_async_matrix() && experts.step_overhead_async.is_some();
    let step_overhead = if is_async { &experts.step_overhead_async } else { &experts.step_overhead };
    pace(few.or(experts.tile), step_overhead, 1.0)
}

/// What the software leaves no choice about.
struct Pace {
    /// The tile, where it is fixed.
    tile: Option<ExpertTile>,
    /// What a step takes beside computing.
    step_overhead: Picos,
    /// Fraction of the pace of other products.
    efficiency: f64,
}

fn plan(
    chip: &Chip,
    demand: &Demand,
    parts: Vec<(u64, u64)>,
    (n, k): (u64, u64),
    pace: &Pace,
    held: Option<Planner<'_>>,
) -> Result<KernelPlan, SimulationError> {
    let engine = chip.contraction_engine(demand.compute)?;
    let tile = match held {
        None => None,
        Some(Planner { chip, demand }) => {
            let products = products(chip, demand, parts.clone(), (n, k), pace)?;
            Some(search(chip, &products).ok_or_else(|| no_tile(chip, demand))?)
        }
    };
    let products = products(chip, demand, parts, (n, k), pace)?;
    let tile = match tile {
        Some(held) => refit(chip, &products, &held),
        None => search(chip, &products).ok_or_else(|| no_tile(chip, demand))?,
    };
    build(chip, demand, &products, &tile, engine)
}

fn no_tile(chip: &Chip, demand: &Demand) -> SimulationError {
    SimulationError::NoTile {
        operator: demand.name.to_owned(),
        tier: chip.device.tiers[chip.tile.tier].name.clone(),
        capacity: Bytes(chip.tile.capacity as u64),
    }
}

/// What is to be computed, as the search for a tile sees it.
fn products(
    chip: &Chip,
    demand: &Demand,
    parts: Vec<(u64, u64)>,
    (n, k): (u64, u64),
    pace: &Pace,
) -> Result<Products, SimulationError> {
    let engine = chip.contraction_engine(demand.compute)?;
    let (a, b) = (demand.input(0), demand.input(1));
    let inner_loop = chip.software.matmul_efficiency.value * pace.efficiency;
    let idle = Drive { duty: 0.0, dram_rate: 0.0 };
    let executed = executed_share(chip, demand, engine);
    let flop = (executed, executed);
    let ps_per_flop = driven_time(chip, engine, demand.compute, flop, inner_loop, idle)?.total();
    // What packing brought in is there when the product starts.
    let packed = is_packed(chip, &parts, n);
    let missed = |operand: OperandDemand| if packed { 0.0 } else { operand.bytes * (1.0 - operand.hit) };
    let loads_ahead = engine == EngineKind::Matrix && chip.device.matrix.loads_ahead;
    Ok(Products {
        parts,
        n,
        k,
        a_element: a.element_bytes,
        b_element: b.element_bytes,
        c_element: demand.output_element_bytes(),
        accumulator: demand.accumulator_bytes,
        a_bytes: a.bytes,
        b_bytes: b.bytes,
        a_missed: missed(a),
        b_missed: missed(b),
        ps_per_flop,
        inner_loop,
        granularity: chip.engine(engine).granularity.map(f64::from),
        write_back: demand.write_back,
        chain_ps: chip.engine(engine).latency.as_ref().map_or(0.0, |figure| figure.value.0 as f64),
        // Where loads run ahead by themselves, nobody has to meet.
        step_overhead_ps: if loads_ahead && pace.tile.is_none() { 0.0 } else { pace.step_overhead.0 as f64 },
        tile_overhead_ps: chip.software.tile_overhead.value.0 as f64,
        split_overhead_ps: chip.software.split_overhead.value.0 as f64,
        loads_ahead: loads_ahead && pace.tile.is_none(),
        fixed: pace.tile,
    })
}

fn build(
    chip: &Chip,
    demand: &Demand,
    products: &Products,
    tile: &Tile,
    engine: EngineKind,
) -> Result<KernelPlan, SimulationError> {
    let inner_loop = products.inner_loop;
    let unit_steps = tile.tiles as f64 * tile.steps as f64;
    let drive = drive(chip, products, tile, unit_steps);
    let executed = executed_share(chip, demand, engine);
    let flops = (tile.step_flops * executed, tile.step_flops * executed);
    let step = driven_time(chip, engine, demand.compute, flops, inner_loop, drive)?;
    // What the power limit adds comes on top where computing sets the pace.
    let step_ps = tile.step_ps.max(step.total() + products.step_overhead_ps / tile.residents);
    let groups = wave_groups(chip, demand, products, tile, step_ps.ceil().max(1.0) as u64);
    let rows: f64 = products.parts.iter().map(|(count, rows)| *count as f64 * *rows as f64).sum();
    // Zeros that are multiplied all the same are padding.
    let useful = 2.0 * rows * products.n as f64 * products.k as f64 * demand.density;
    let padded = tile.step_flops * unit_steps * executed;
    let mut shares = [EngineShare::default(); 3];
    let tile_ps = products.tile_overhead_ps / tile.residents;
    let mut share = driven_time(chip, engine, demand.compute, (useful, padded), inner_loop, drive)?;
    let feed_ps = (tile.feed_ps - step.total()).max(0.0);
    // Chains of dependent blocks and waiting for each other: more than the pace of engine and feeds.
    share.efficiency += (step_ps - step.total() - feed_ps).max(0.0) * unit_steps;
    shares[engine as usize] = share;
    let mut plan = KernelPlan {
        groups,
        compute: Compute {
            primary: engine,
            shares,
            feed: feed_ps * unit_steps,
            tile: tile_ps * tile.tiles as f64,
            feed_tier: chip.feeds[tile.feed].tier,
            feed_bytes: tile.feed_bytes.map(|bytes| bytes * unit_steps),
        },
        tile_bytes: f64::from(tile.slots)
            * tile.k as f64
            * (tile.m as f64 * products.a_element + tile.n as f64 * products.b_element),
        // What turns hide of every tile but the first.
        lead_ps: (products.tile_overhead_ps - tile_ps) as u64,
        choice: Choice::Tiles { m: tile.m, n: tile.n, k: tile.k, split_k: tile.split, tiles: tile.tiles },
    };
    if tile.split > 1 {
        add_reduction(chip, demand, products, tile, rows, &mut plan)?;
    }
    if is_packed(chip, &products.parts, products.n) {
        add_packing(chip, demand, products, &mut plan)?;
    }
    Ok(plan)
}

/// The share of a dense product's operations that the engine executes: all of them, unless it skips two of four.
fn executed_share(chip: &Chip, demand: &Demand, engine: EngineKind) -> f64 {
    let skips = demand.two_four && engine == EngineKind::Matrix && chip.device.matrix.skips_two_of_four;
    if skips { 0.5 } else { 1.0 }
}

/// How hard the tiles drive the chip, by the estimate of how long they take.
fn drive(chip: &Chip, products: &Products, tile: &Tile, unit_steps: f64) -> Drive {
    let computing = tile.step_flops * products.ps_per_flop * unit_steps / f64::from(chip.units);
    let dram_rate = tile.fills.reads[chip.dram()] / (tile.cost_ps * 1e-12).max(1e-12);
    Drive { duty: (computing / tile.cost_ps.max(1.0)).min(1.0), dram_rate }
}

/// Whether the library copies the operands before it multiplies. A vector is multiplied as it lies.
fn is_packed(chip: &Chip, parts: &[(u64, u64)], n: u64) -> bool {
    chip.software.packs_operands && n > 1 && parts.iter().any(|(_, rows)| *rows > 1)
}

/// Copies both operands, block by block, into the order in which the inner loop reads them. No core multiplies what
/// it is still copying, so this time adds to the product's.
fn add_packing(
    chip: &Chip,
    demand: &Demand,
    products: &Products,
    plan: &mut KernelPlan,
) -> Result<(), SimulationError> {
    let operands = [demand.input(0), demand.input(1)];
    let bytes = products.a_bytes + products.b_bytes;
    let missed: f64 = operands.iter().map(|operand| operand.bytes * (1.0 - operand.hit)).sum();
    let steps = (bytes / f64::from(chip.units) / PACKED_STEP_BYTES).ceil().max(1.0);
    let unit_steps = steps * f64::from(chip.units);
    let elements = products.a_bytes / products.a_element + products.b_bytes / products.b_element;
    let dtype = memwall_model_graph::Dtype::Fp32;
    let mut share = unit_time(chip, EngineKind::Vector, dtype, 2.0 * elements, 2.0 * elements, 1.0)?;
    // A copy is no arithmetic.
    share.efficiency += std::mem::take(&mut share.useful);
    let mut load = Traffic::default();
    let mut store = Traffic::default();
    for level in 0..chip.dram() {
        load.read[level] = bytes / unit_steps;
        store.write[level] = bytes / unit_steps;
    }
    load.read[chip.dram()] = missed / unit_steps;
    let group = WaveGroup {
        count: 1,
        units: chip.units,
        steps: steps as u64,
        load,
        store,
        epilogue: Traffic::default(),
        step_ps: (share.total() / unit_steps).ceil().max(1.0) as u64,
        slots: chip.software.pipeline_stages.max(2),
        accumulators: 1,
        tile_ps: 0,
        serial: false,
        tiled: false,
    };
    plan.groups.insert(0, group);
    plan.compute.shares[EngineKind::Vector as usize].add_scaled(&share, 1.0);
    Ok(())
}

/// Full waves while the first row of wave blocks brings the shared operand in, full waves after that, and the partial
/// wave at the end.
fn wave_groups(
    chip: &Chip,
    demand: &Demand,
    products: &Products,
    tile: &Tile,
    step_ps: u64,
) -> Vec<WaveGroup> {
    let units = u64::from(chip.units);
    let (full, tail) = (tile.tiles / units, tile.tiles % units);
    let one_row = tile.fills.first_row_share >= 1.0;
    let cold = if one_row { full } else { full.min(tile.fills.row_blocks as u64) };
    let cold_tiles = if one_row { tile.tiles } else { tile.tiles.min(tile.fills.row_blocks as u64 * units) };
    let dram_bytes = tile.fills.reads[chip.dram()];
    let other_tiles = tile.tiles - cold_tiles;
    let cold_share = if other_tiles == 0 { 1.0 } else { tile.fills.first_row_share };
    let cold_tile = dram_bytes * cold_share / cold_tiles.max(1) as f64;
    let warm_tile = dram_bytes * (1.0 - cold_share) / other_tiles.max(1) as f64;
    let epilogue = epilogue(chip, demand, products, tile);
    let group = |count: u64, active: u64, dram_tile_bytes: f64| {
        let mut load = Traffic::default();
        for level in 0..chip.levels.len() {
            load.read[level] = tile.fills.reads[level] / (tile.tiles as f64 * tile.steps as f64);
        }
        load.read[chip.dram()] = dram_tile_bytes / tile.steps as f64;
        WaveGroup {
            count,
            units: active as u32,
            steps: tile.steps,
            load,
            store: Traffic::default(),
            epilogue,
            step_ps,
            slots: tile.slots,
            accumulators: tile.accumulators,
            tile_ps: (products.tile_overhead_ps / tile.residents) as u64,
            serial: tile.serial,
            tiled: true,
        }
    };
    let tail_bytes = if other_tiles == 0 { cold_tile } else { warm_tile };
    [(cold, units, cold_tile), (full - cold, units, warm_tile), (u64::from(tail > 0), tail, tail_bytes)]
        .into_iter()
        .filter(|(count, active, _)| *count > 0 && *active > 0)
        .map(|(count, active, bytes)| group(count, active, bytes))
        .collect()
}

fn epilogue(chip: &Chip, demand: &Demand, products: &Products, tile: &Tile) -> Traffic {
    let mut traffic = Traffic::default();
    let tiles = tile.tiles as f64;
    if tile.split > 1 {
        let rows: f64 = products.parts.iter().map(|(count, rows)| *count as f64 * *rows as f64).sum();
        traffic.write[0] = rows * products.n as f64 * products.accumulator * tile.split as f64 / tiles;
        return traffic;
    }
    finish_results(chip, demand, tiles, &mut traffic);
    traffic
}

/// Adds what storing the results takes, in `parts` equal parts: the bytes themselves, what they push out, and what is
/// added to them first (a bias).
fn finish_results(chip: &Chip, demand: &Demand, parts: f64, traffic: &mut Traffic) {
    let added = demand.inputs.get(2..).unwrap_or_default();
    let bytes: f64 = added.iter().map(|operand| operand.bytes).sum();
    let missed: f64 = added.iter().map(|operand| operand.bytes * (1.0 - operand.hit)).sum();
    for level in 0..chip.dram() {
        traffic.write[level] = demand.output_bytes() / parts;
        traffic.read[level] = bytes / parts;
    }
    traffic.write[chip.dram()] = demand.write_back / parts;
    traffic.read[chip.dram()] = (missed + demand.fetched) / parts;
}

/// Sums the parts of a split k dimension: partial results are read back from the innermost shared level.
fn add_reduction(
    chip: &Chip,
    demand: &Demand,
    products: &Products,
    tile: &Tile,
    rows: f64,
    plan: &mut KernelPlan,
) -> Result<(), SimulationError> {
    let results = rows * products.n as f64;
    let partial_bytes = results * products.accumulator * tile.split as f64;
    let units = (results / 1024.0).ceil().clamp(1.0, f64::from(chip.units)) as u32;
    let adds = results * (tile.split - 1) as f64;
    let dtype = memwall_model_graph::Dtype::Fp32;
    let share = unit_time(chip, EngineKind::Vector, dtype, adds, adds, 1.0)?;
    let mut load = Traffic::default();
    load.read[0] = partial_bytes / f64::from(units);
    let mut epilogue = Traffic::default();
    finish_results(chip, demand, f64::from(units), &mut epilogue);
    plan.groups.push(WaveGroup {
        count: 1,
        units,
        steps: 1,
        load,
        store: Traffic::default(),
        epilogue,
        step_ps: (share.total() / f64::from(units)).ceil().max(1.0) as u64,
        slots: 1,
        accumulators: 1,
        tile_ps: products.split_overhead_ps as u64,
        serial: false,
        tiled: false,
    });
    plan.compute.shares[EngineKind::Vector as usize].add_scaled(&share, 1.0);
    Ok(())
}
