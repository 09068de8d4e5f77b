//! Operators that stream: norms, softmax, elementwise, gathers, cache appends, routing.

mod cost;
mod rows;

use memwall_units::Bytes;

use super::Planner;
use crate::SimulationError;
use crate::chip::{Chip, EngineKind};
use crate::demand::Demand;
use crate::plan::{Choice, Compute, EngineShare, KernelPlan, Traffic, WaveGroup};
use cost::{describe, engine_shares};

/// Bytes one unit moves in a step, short enough that loads, computing and stores overlap; more where a few cores have
/// to cover the memory latency.
const CHUNK_BYTES: f64 = 16_384.0;
/// What memory hands out at least: a core that cannot hold a few of these cannot stream.
const LEAST_CHUNK_BYTES: f64 = 64.0;
/// Below this many bytes a unit, another unit gains nothing.
const LEAST_UNIT_BYTES: f64 = 2_048.0;
/// Steps in flight on one unit.
const SLOTS: u32 = 4;

/// Plans a streaming operator.
pub(crate) fn lower(
    chip: &Chip,
    demand: &Demand,
    held: Option<Planner<'_>>,
) -> Result<KernelPlan, SimulationError> {
    let stream = describe(chip, demand);
    let by = held.unwrap_or(Planner { chip, demand });
    if let Some(block) = rows::block(by.chip, by.demand) {
        return rows::lower(chip, demand, &stream, block);
    }
    // A row too long for the core's memory is read a second time, from as near as it still is.
    let passes = if stream.row_bytes > 0.5 * by.chip.tile.capacity { 2.0 } else { 1.0 };
    let pulled = demand.input_bytes() * passes;
    let moved = pulled + demand.output_bytes();
    let units = (moved / LEAST_UNIT_BYTES).ceil().min(stream.pieces).clamp(1.0, f64::from(chip.units));
    let covering = 2.0 * by.chip.unit_bytes_in_flight(units) / f64::from(SLOTS);
    let chunk = CHUNK_BYTES.max(covering.min(0.5 * by.chip.tile.capacity / f64::from(SLOTS)));
    let chunk = chunk.min(by.chip.tile.capacity / f64::from(SLOTS));
    if chunk < LEAST_CHUNK_BYTES {
        return Err(SimulationError::NoTile {
            operator: demand.name.to_owned(),
            tier: chip.device.tiers[chip.tile.tier].name.clone(),
            capacity: Bytes(chip.tile.capacity as u64),
        });
    }
    let steps = (moved / units / chunk).ceil().max(1.0);
    let unit_steps = units * steps;
    let shares = engine_shares(chip, demand, &stream)?;
    let (load, store) = traffic(chip, demand, pulled, unit_steps);
    let feed = Feed::of(chip, moved / unit_steps);
    let engine_ps = slowest(&shares) / unit_steps;
    Ok(KernelPlan {
        groups: vec![WaveGroup {
            count: 1,
            units: units as u32,
            steps: steps as u64,
            load,
            store,
            epilogue: Traffic::default(),
            step_ps: engine_ps.max(feed.ps).ceil().max(1.0) as u64,
            slots: SLOTS,
            accumulators: 1,
            tile_ps: 0,
            serial: false,
            tiled: false,
        }],
        compute: Compute {
            primary: primary(&shares),
            shares,
            feed: (feed.ps - engine_ps).max(0.0) * unit_steps,
            feed_tier: chip.feeds[feed.index].tier,
            tile: 0.0,
            feed_bytes: [moved; 3],
        },
        tile_bytes: feed.bytes * f64::from(SLOTS),
        lead_ps: 0,
        choice: Choice::Stream { chunk_bytes: feed.bytes as u64 },
    })
}

/// The slowest of the per-core memories that a step's bytes pass.
struct Feed {
    index: usize,
    bytes: f64,
    ps: f64,
}

impl Feed {
    fn of(chip: &Chip, bytes: f64) -> Self {
        let times = chip.feeds.iter().enumerate().map(|(index, feed)| (index, bytes / feed.rate * 1e12));
        let (index, ps) = times.fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
        Self { index, bytes, ps }
    }
}

fn slowest(shares: &[EngineShare; 3]) -> f64 {
    shares.iter().map(EngineShare::total).fold(0.0, f64::max)
}

fn primary(shares: &[EngineShare; 3]) -> EngineKind {
    if shares[EngineKind::Special as usize].total() > shares[EngineKind::Vector as usize].total() {
        EngineKind::Special
    } else {
        EngineKind::Vector
    }
}

fn traffic(chip: &Chip, demand: &Demand, pulled: f64, unit_steps: f64) -> (Traffic, Traffic) {
    let mut load = Traffic::default();
    let mut store = Traffic::default();
    for level in 0..chip.dram() {
        load.read[level] = pulled / unit_steps;
        store.write[level] = demand.output_bytes() / unit_steps;
    }
    let first_pass = demand.missed_bytes();
    let again = if chip.dram() == 0 { pulled - demand.input_bytes() } else { 0.0 };
    load.read[chip.dram()] = (first_pass + again + demand.fetched) / unit_steps;
    store.write[chip.dram()] = demand.write_back / unit_steps;
    (load, store)
}
