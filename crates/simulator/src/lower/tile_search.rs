//! Choosing a tile: shapes under the capacity of the tile memory and the accumulators, split-K, by estimated time.

use memwall_hardware::ExpertTile;

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

/// Bytes the whole kernel reads across each shared level's link (`reads[0]` is what the cores pull).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Fills {
    pub reads: [f64; crate::chip::MAX_LEVELS],
    /// Of the outermost (DRAM) reads, the share that falls in the first row of wave blocks.
    pub first_row_share: f64,
    /// Wave blocks in a row.
    pub row_blocks: f64,
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
    let Buffers { k, slots, accumulators, residents } = buffers(chip, products, m, n, depth)?;
    if slots < least_slots {
        return None;
    }
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
    Some(tile)
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

/// What crosses each shared level's link: reuse within a wave, across waves, and what earlier operators left.
fn fills(chip: &Chip, products: &Products, (m, n): (u64, u64), split: u64, pulls: f64) -> Fills {
    let mut result = Fills { first_row_share: 1.0, row_blocks: 1.0, ..Fills::default() };
    result.reads[0] = pulls;
    let k_bytes_a = products.k as f64 * products.a_element / split as f64;
    let k_bytes_b = products.k as f64 * products.b_element / split as f64;
    let parts: f64 = products.parts.iter().map(|(count, _)| *count as f64).sum();
    let rows: f64 = products
        .parts
        .iter()
        .map(|(count, rows)| *count as f64 * (*rows as f64 / m as f64).ceil())
        .sum::<f64>()
        / parts.max(1.0);
    let columns = products.n.div_ceil(n) as f64;
    for outer in 1..chip.levels.len() {
        let cache = chip.levels[outer - 1];
        let instances = f64::from(cache.instances);
        let wave = (f64::from(chip.units) / instances / split as f64).max(1.0);
        let block = Block::of_wave(wave, (m as f64, n as f64), (rows, columns));
        let one =
            Grid { rows, columns, block, k_bytes_a: k_bytes_a * m as f64, k_bytes_b: k_bytes_b * n as f64 };
        let capacity = cache.capacity / instances;
        let passes = if rows * columns <= wave { Passes::once() } else { one.passes(capacity, split as f64) };
        // Instances that work on different blocks of one product each keep their own copy of what they share.
        let copies =
            if parts >= instances { 1.0 } else { instances.min((rows * columns / block.tiles()).max(1.0)) };
        let (copies_a, copies_b) =
            if products.a_bytes <= products.b_bytes { (copies, 1.0) } else { (1.0, copies) };
        let is_last = Some(outer - 1) == chip.last_cache();
        let (a, b) = if is_last {
            (products.a_missed, products.b_missed)
        } else {
            (products.a_bytes, products.b_bytes)
        };
        let total = a * copies_a
            + products.a_bytes * passes.extra_a
            + b * copies_b
            + products.b_bytes * passes.extra_b;
        result.reads[outer] = total.min(result.reads[outer - 1]);
        if outer == chip.dram() {
            // Each product has a first row of its own.
            result.row_blocks = passes.row_blocks * parts.max(1.0);
            let first = b + a / passes.rows;
            result.first_row_share = if total > 0.0 { (first / total).min(1.0) } else { 1.0 };
        }
    }
    result
}

/// The tiles one wave works on, as a block of the grid.
#[derive(Clone, Copy)]
struct Block {
    rows: f64,
    columns: f64,
}

impl Block {
    /// The block of `wave` tiles with the fewest distinct operand bytes: near square in elements.
    fn of_wave(wave: f64, (m, n): (f64, f64), (rows, columns): (f64, f64)) -> Self {
        let ideal = libm::sqrt(wave * n / m);
        let block_rows = ideal.round().clamp(1.0, rows.min(wave));
        let block_columns = (wave / block_rows).floor().clamp(1.0, columns);
        let block_rows = (wave / block_columns).floor().clamp(1.0, rows);
        Self { rows: block_rows, columns: block_columns }
    }

    fn tiles(self) -> f64 {
        self.rows * self.columns
    }
}

struct Grid {
    rows: f64,
    columns: f64,
    block: Block,
    k_bytes_a: f64,
    k_bytes_b: f64,
}

/// How often the operands cross a link beyond the first time, and the order that was chosen.
struct Passes {
    extra_a: f64,
    extra_b: f64,
    /// Rows of wave blocks, and blocks in a row.
    rows: f64,
    row_blocks: f64,
}

impl Passes {
    fn once() -> Self {
        Self { extra_a: 0.0, extra_b: 0.0, rows: 1.0, row_blocks: 1.0 }
    }
}

impl Grid {
    /// Wave blocks go along a row, so A's panel is kept while B passes, or along a column; the better of both.
    fn passes(&self, capacity: f64, split: f64) -> Passes {
        let row_count = (self.rows / self.block.rows).ceil();
        let column_count = (self.columns / self.block.columns).ceil();
        let panel_a = self.block.rows * self.k_bytes_a;
        let panel_b = self.block.columns * self.k_bytes_b;
        let all_a = self.rows * self.k_bytes_a * split;
        let all_b = self.columns * self.k_bytes_b * split;
        // The part of a reused footprint that does not fit has to be fetched again.
        let lost = |footprint: f64| (1.0 - capacity / footprint).clamp(0.0, 1.0);
        let along_rows = (
            (column_count - 1.0) * lost((panel_a + panel_b) * split),
            (row_count - 1.0) * lost(all_b + panel_a * split),
        );
        let along_columns = (
            (column_count - 1.0) * lost(all_a + panel_b * split),
            (row_count - 1.0) * lost((panel_a + panel_b) * split),
        );
        let bytes = |(a, b): (f64, f64)| a * all_a + b * all_b;
        if bytes(along_rows) <= bytes(along_columns) {
            Passes { extra_a: along_rows.0, extra_b: along_rows.1, rows: row_count, row_blocks: column_count }
        } else {
            Passes {
                extra_a: along_columns.0,
                extra_b: along_columns.1,
                rows: column_count,
                row_blocks: row_count,
            }
        }
    }
}

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
fn cost(chip: &Chip, products: &Products, tile: &Tile) -> f64 {
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
