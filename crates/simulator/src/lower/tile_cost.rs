//! The time that a tile's waves are estimated to take: what the search for one compares.

use super::tile_search::{Products, Tile};
use crate::chip::Chip;

/// Time one tile's results take over the slowest link, alone on it.
fn drain_ps(chip: &Chip, products: &Products, tile: &Tile, result_bytes: f64) -> f64 {
    let tiles = tile.tiles as f64;
    let near = result_bytes * chip.levels[0].tiled_write_cost / chip.levels[0].write_rate;
    let dram = &chip.levels[chip.dram()];
    let rate = if dram.half_duplex { dram.read_rate / dram.write_cost } else { dram.write_rate };
    let far = if tile.split > 1 { 0.0 } else { products.write_back / rate };
    near.max(far) / tiles * 1e12
}

/// Estimated time of the whole kernel: fill, waves, drain. The engine decides; this only ranks.
pub(super) fn cost(chip: &Chip, products: &Products, tile: &Tile) -> f64 {
    let units = u64::from(chip.units);
    let full = tile.tiles / units;
    let tail = tile.tiles % units;
    let compute = tile.step_ps;
    let share = |level: usize| tile.fills.reads[level] / (tile.tiles as f64 * tile.steps as f64);
    let latency = chip.levels.iter().map(|level| level.latency_ps).max().unwrap_or(0) as f64;
    let results: f64 = products.parts.iter().map(|(count, rows)| *count as f64 * *rows as f64).sum::<f64>()
        * products.n as f64;
    let result_bytes = if tile.split > 1 {
        results * products.accumulator * tile.split as f64
    } else {
        results * products.c_element
    };
    let drain_ps = drain_ps(chip, products, tile, result_bytes);
    let wave = |active: f64| {
        let load = (0..chip.levels.len())
            .map(|level| {
                let passing = if level < chip.dram() { share(level + 1) } else { 0.0 };
                let port = share(level) + chip.levels[level].fill_cost * passing;
                let shared = port * chip.levels[level].tiled_cost * active / chip.levels[level].read_rate;
                let capped = chip.levels[level].unit_rate_cap.map_or(0.0, |cap| share(level) / cap);
                shared.max(capped) * 1e12
            })
            .fold(0.0, f64::max);
        let interval = compute.max(load).max((latency + load + compute) / f64::from(tile.slots));
        let drain = drain_ps * active;
        let body = interval * tile.steps as f64;
        let time = match (tile.serial, tile.accumulators) {
            (true, _) => latency + load + body + drain,
            (false, 1) => body + drain,
            (false, _) => body.max(drain),
        } + products.tile_overhead_ps / tile.residents;
        (time, load, drain)
    };
    let mut total = latency + products.tile_overhead_ps * (1.0 - 1.0 / tile.residents);
    if full > 0 {
        let (time, load, drain) = wave(units as f64);
        total += load + full as f64 * time + drain;
    }
    if tail > 0 {
        let (time, load, drain) = wave(tail as f64);
        total += time + if full == 0 { load + drain } else { 0.0 };
    }
    if tile.split > 1 {
        let bytes = results * (products.accumulator * tile.split as f64 + products.c_element);
        total += 2.0 * chip.levels[0].latency_ps as f64 + bytes / chip.levels[0].read_rate * 1e12;
        total += products.split_overhead_ps;
    }
    total
}
