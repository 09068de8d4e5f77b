//! Choosing a tile: shapes under the capacity of the tile memory and the accumulators, split-K, by estimated time.

use memwall_hardware::ExpertTile;

use super::tile_cost::cost;
use super::tile_traffic::{Fills, fills};
use crate::chip::Chip;

/// Products C\[m,n\] = A\[m,k\] B\[k,n\] that one kernel computes.
#[derive(Debug, Clone)]
pub(crate) struct Products {
    /// `(how many, rows of each)`.
    pub parts: Vec<(u64, u64)>,
    pub n: u64,
    pub k: u64,
    /// Bytes of one element.
    pub a_element: f64,
    pub b_element: f64,
    pub c_element: f64,
    pub accumulator: f64,
    /// Distinct bytes of all A and all B, and what of them must come from DRAM.
    pub a_bytes: f64,
    pub b_bytes: f64,
    pub a_missed: f64,
    pub b_missed: f64,
    /// Picoseconds a unit takes for one (padded) operation.
    pub ps_per_flop: f64,
    /// Fraction of the engine's sustained peak that the software's inner loop reaches.
    pub inner_loop: f64,
    /// Smallest block (m, n, k) the engine works on.
    pub granularity: [f64; 3],
    /// Bytes that go to device memory while the results are stored.
    pub write_back: f64,
    /// Picoseconds until a block that adds to the same sums can start.
    pub chain_ps: f64,
    /// Picoseconds a step takes beside computing, a tile beside its steps, and splitting k beside the sum.
    pub step_overhead_ps: f64,
    pub tile_overhead_ps: f64,
    pub split_overhead_ps: f64,
    /// Whether the software's units fetch a tile's operands while they still work on the one before.
    pub loads_ahead: bool,
    /// The tile of the only kernel there is.
    pub fixed: Option<ExpertTile>,
}

/// A tile shape and all that follows from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tile {
    pub m: u64,
    pub n: u64,
    pub k: u64,
    pub split: u64,
    pub slots: u32,
    pub accumulators: u32,
    /// Tiles, split parts counted apart.
    pub tiles: u64,
    pub steps: u64,
    /// Operations on one unit in one step, padding included.
    pub step_flops: f64,
    /// Bytes one unit pulls from the innermost shared level for one step.
    pub step_bytes: f64,
    /// Time a step takes on a unit once its data is there.
    pub step_ps: f64,
    /// Tiles a unit works on at once, taking turns.
    pub residents: f64,
    /// Whether a unit's next tile waits until this one is stored.
    pub serial: bool,
    /// Time the per-core feeds need for one step, in picoseconds, and which feed it is.
    pub feed_ps: f64,
    pub feed: usize,
    pub feed_bytes: [f64; 3],
    /// Bytes drawn into each shared level from the next outer one, by index of the outer level.
    pub fills: Fills,
    pub cost_ps: f64,
}

/// The best tile, or `None` when none fits.
pub(crate) fn search(chip: &Chip, products: &Products) -> Option<Tile> {
    let most_rows = products.parts.iter().map(|(_, m)| *m).max().unwrap_or(1);
    let wide = products.granularity[0] >= 64.0 && chip.software.fine_tiles;
    let (mut m_sizes, mut n_sizes) = (Vec::new(), Vec::new());
    if let Some(tile) = products.fixed {
        m_sizes.push(u64::from(tile.m));
        n_sizes.push(u64::from(tile.n));
    } else {
        m_sizes = sizes(chip, most_rows, products.granularity[0] as u64, wide.then_some(64));
        n_sizes = sizes(chip, products.n, products.granularity[1] as u64, wide.then_some(32));
    }
    let mut best: Option<Tile> = None;
    for least_slots in [2, 1] {
        for &m in &m_sizes {
            for &n in &n_sizes {
                for split in splits(chip, products, m, n) {
                    let Some(tile) = evaluate(chip, products, (m, n), split, least_slots) else { continue };
                    if best.is_none_or(|known| tile.cost_ps < known.cost_ps) {
                        best = Some(tile);
                    }
                }
            }
        }
        if best.is_some() {
            break;
        }
    }
    best
}

/// Tile extents to try for a dimension of `extent`. Software-managed memories hold powers of two; where a cache holds
/// the tiles, loop bounds are free, so even divisions of the dimension are tried too. Engines that take wide blocks from
/// shared memory come with kernels for every multiple of a block.
fn sizes(chip: &Chip, extent: u64, granularity: u64, every: Option<u64>) -> Vec<u64> {
    let granularity = granularity.max(1);
    let largest = if chip.tile.is_cache || chip.tile.capacity > 1e6 { 2048 } else { 256 };
    let least = if chip.tile.is_cache { 16 } else { u64::from(chip.software.least_tile).min(largest) };
    let round_up = |size: u64| size.div_ceil(granularity).saturating_mul(granularity);
    let mut sizes: Vec<u64> = (0..12)
        .map(|power| 1_u64 << power)
        .filter(|size| *size <= largest && *size >= least.min(largest))
        .collect();
    sizes.iter_mut().for_each(|size| *size = round_up(*size));
    if let Some(step) = every.filter(|_| !chip.tile.is_cache) {
        sizes.extend((1..=largest / step).map(|count| round_up(count * step)).filter(|size| *size >= least));
    }
    if chip.tile.is_cache {
        sizes.extend([1, 2, 3, 4, 6, 8, 12, 16, 24, 32].map(|parts| round_up(extent.div_ceil(parts))));
        sizes.extend([1, 4].map(round_up));
    }
    let cover = round_up(extent.min(largest)).max(round_up(least));
    sizes.retain(|size| {
        *size <= largest.max(granularity) && *size < cover.saturating_mul(2).max(granularity + 1)
    });
    if sizes.is_empty() {
        // Less than the smallest power of two: one tile covers it.
        sizes.push(cover);
    }
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// Split factors worth trying: only where the tiles alone do not fill the cores.
fn splits(chip: &Chip, products: &Products, m: u64, n: u64) -> impl Iterator<Item = u64> {
    let units = u64::from(chip.units);
    let tiles = tile_count(products, m, n);
    let most = if tiles >= 2 * units || products.fixed.is_some() {
        1
    } else {
        u64::from(chip.software.max_split_k.max(1))
    };
    let k = products.k;
    [1_u64, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32]
        .into_iter()
        .filter(move |split| *split <= most && *split * 64 <= k.max(64))
}

fn tile_count(products: &Products, m: u64, n: u64) -> u64 {
    let columns = products.n.div_ceil(n);
    products
        .parts
        .iter()
        .fold(0_u64, |sum, (count, rows)| {
            sum.saturating_add(count.saturating_mul(rows.div_ceil(m)).saturating_mul(columns))
        })
        .max(1)
}

fn evaluate(
    chip: &Chip,
    products: &Products,
    (m, n): (u64, u64),
    split: u64,
    least_slots: u32,
) -> Option<Tile> {
    let depth = products.k.div_ceil(split);
    let buffers = buffers(chip, products, m, n, depth)?;
    (buffers.slots >= least_slots).then(|| assemble(chip, products, (m, n), split, buffers))
}

/// A tile chosen for another machine, on this one.
pub(crate) fn refit(chip: &Chip, products: &Products, tile: &Tile) -> Tile {
    let Tile { m, n, k, split, slots, accumulators, residents, .. } = *tile;
    assemble(chip, products, (m, n), split, Buffers { k, slots, accumulators, residents: residents as u32 })
}

/// All that follows from a tile's shape and what of it a core holds.
fn assemble(chip: &Chip, products: &Products, (m, n): (u64, u64), split: u64, buffers: Buffers) -> Tile {
    let depth = products.k.div_ceil(split);
    let Buffers { k, slots, accumulators, residents } = buffers;
    let tiles = tile_count(products, m, n).saturating_mul(split);
    // Blocks that a core holds at once hide each other's waits, where there are tiles enough.
    let residents = f64::from(residents).min((tiles as f64 / f64::from(chip.units)).ceil());
    let steps = depth.div_ceil(k);
    let (pulls, padded_flops) = totals(chip, products, m, n, split);
    let unit_steps = tiles as f64 * steps as f64;
    let step_k = depth as f64 / steps as f64;
    let (feed_bytes, feed, feed_ps) = feed_time(chip, products, (m as f64, n as f64), step_k);
    let step_flops = padded_flops / unit_steps;
    let chain = products.chain_ps * (step_k / products.granularity[2]).ceil();
    let step_ps = (step_flops * products.ps_per_flop).max(feed_ps).max(chain / residents)
        + products.step_overhead_ps / residents;
    let mut tile = Tile {
        step_ps,
        serial: chip.sums_in_registers && !products.loads_ahead && residents < 2.0,
        residents,
        m,
        n,
        k,
        split,
        slots,
        accumulators,
        tiles,
        steps,
        step_flops,
        step_bytes: pulls / unit_steps,
        feed_ps,
        feed,
        feed_bytes,
        fills: fills(chip, products, (m, n), split, pulls),
        cost_ps: 0.0,
    };
    tile.cost_ps = cost(chip, products, &tile);
    tile
}

/// What of a tile shape fits on a core.
struct Buffers {
    /// Depth of a step.
    k: u64,
    /// Steps in flight.
    slots: u32,
    /// Sets of partial sums.
    accumulators: u32,
    /// Tiles at once.
    residents: u32,
}

/// The depth of a step, the steps in flight and the sets of accumulators that fit on a core.
fn buffers(chip: &Chip, products: &Products, m: u64, n: u64, depth: u64) -> Option<Buffers> {
    let sums = m as f64 * n as f64 * products.accumulator;
    let in_registers = chip.sums_in_registers;
    let usable = chip.tile.capacity * if chip.tile.is_cache { 0.5 } else { 1.0 };
    let (room, accumulators) = if in_registers {
        // Operand fragments and addresses take the rest of the register file.
        if sums > 0.75 * chip.accumulator_bytes {
            return None;
        }
        (usable, if 2.0 * sums < chip.accumulator_bytes { 2 } else { 1 })
    } else {
        (usable - sums, 2)
    };
    let (stages, most_blocks) =
        products.fixed.map_or((chip.software.pipeline_stages.max(2), 4), |tile| (tile.stages, tile.blocks));
    let row_bytes = m as f64 * products.a_element + n as f64 * products.b_element;
    let granularity = (products.granularity[2] as u64).max(1);
    // A row of a step in shared memory is 128 bytes wide, the span of its banks, or half of that.
    let row = 128.0 / products.a_element.max(products.b_element).max(0.5);
    let by_banks = [row as u64, row as u64 / 2];
    let given = products.fixed.map(|tile| [u64::from(tile.k)]);
    let depths: &[u64] = if let Some(k) = &given {
        k
    } else if chip.tile.is_cache || chip.tile.capacity > 1e6 {
        &[512, 256, 128, 64, 32]
    } else {
        &by_banks
    };
    let fit = |k: u64| (room / (row_bytes * k as f64)).floor();
    let wanted = f64::from(stages.min(4));
    let least = depths.last().copied().unwrap_or(32).min(depth.div_ceil(granularity) * granularity);
    let k = depths
        .iter()
        .map(|k| (*k).min(depth.div_ceil(granularity).saturating_mul(granularity)))
        .find(|k| fit(*k) >= wanted)
        .unwrap_or(least);
    // Sums take over half of a block's registers; every block needs two steps' room.
    let by_registers = chip.accumulator_bytes / (1.75 * sums);
    let turns = in_registers && !products.loads_ahead;
    let residents =
        if turns { by_registers.min(fit(k) / 2.0).floor().clamp(1.0, f64::from(most_blocks)) } else { 1.0 };
    let slots = fit(k).min(f64::from(stages) * residents);
    (slots >= 1.0).then_some(Buffers { k, slots: slots as u32, accumulators, residents: residents as u32 })
}

/// Bytes all units pull from the innermost shared level, and operations with padding.
fn totals(chip: &Chip, products: &Products, m: u64, n: u64, split: u64) -> (f64, f64) {
    let (n_extent, k_extent) = (products.n as f64, products.k as f64);
    let columns = products.n.div_ceil(n) as f64;
    let [gm, gn, gk] = products.granularity;
    let pad = |extent: f64, step: f64| (extent / step).ceil() * step;
    // Loop bounds are free where tiles live in a cache; elsewhere an edge tile is computed whole.
    let (step_m, step_n) = if chip.tile.is_cache { (gm, gn) } else { (m as f64, n as f64) };
    let depth = (k_extent / split as f64).ceil();
    let padded_k = pad(depth, gk) * split as f64;
    let padded_n = pad(n_extent, step_n.max(gn));
    let mut pulls = 0.0;
    let mut flops = 0.0;
    for (count, rows) in &products.parts {
        let (count, rows) = (*count as f64, *rows as f64);
        let bands = (rows / m as f64).ceil();
        pulls += count
            * (rows * k_extent * products.a_element * columns
                + n_extent * k_extent * products.b_element * bands);
        flops += count * 2.0 * pad(rows, step_m.max(gm)) * padded_n * padded_k;
    }
    (pulls, flops)
}

/// Bytes each feed moves for one step of one unit, the slowest feed and its time.
fn feed_time(chip: &Chip, products: &Products, (m, n): (f64, f64), k: f64) -> ([f64; 3], usize, f64) {
    let mut bytes = [0.0; 3];
    let mut slowest = (0, 0.0);
    for (index, feed) in chip.feeds.iter().enumerate().take(3) {
        let (block_m, block_n) = inner_block(chip, products, index, (m, n));
        let passes_a = (n / block_n).ceil();
        let passes_b = (m / block_m).ceil();
        bytes[index] = k * (m * passes_a * products.a_element + n * passes_b * products.b_element);
        let time = bytes[index] / feed.rate * 1e12;
        if time > slowest.1 {
            slowest = (index, time);
        }
    }
    (bytes, slowest.0, slowest.1)
}

/// The block of C that whatever is inside feed `index` works on at once: its operands cross the feed once for it.
fn inner_block(chip: &Chip, products: &Products, index: usize, (m, n): (f64, f64)) -> (f64, f64) {
    let [granularity_m, granularity_n, granularity_k] = products.granularity;
    if index > 0 {
        let side = libm::sqrt(0.5 * chip.feeds[index - 1].capacity / products.accumulator).max(1.0);
        return (side.min(m), side.min(n));
    }
    if granularity_n >= 16.0 && granularity_k >= 16.0 {
        // A systolic array holds one block of B while all rows of A stream through.
        return (m, granularity_n.min(n));
    }
    if chip.accumulator_bytes >= 16_384.0 {
        if granularity_m >= 64.0 {
            // Four warps share B's fragments in hardware.
            return (64.0_f64.min(m), n);
        }
        // Four warps at least divide a tile, near square blocks of at most 64 x 64.
        let side = libm::sqrt(m * n / 4.0).clamp(1.0, 64.0);
        let block_m = side.min(m);
        return (block_m, (side * side / block_m).min(n).min(64.0));
    }
    let side = libm::sqrt(0.875 * chip.accumulator_bytes.max(64.0) / products.accumulator).max(1.0);
    (side.min(m), side.min(n))
}
