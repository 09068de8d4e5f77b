//! What a tile's waves pull over each shared level: reuse within a wave, across waves, and what is there already.

use super::tile_search::Products;
use crate::chip::Chip;

/// Bytes the whole kernel reads across each shared level's link (`reads[0]` is what the cores pull).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Fills {
    pub reads: [f64; crate::chip::MAX_LEVELS],
    /// Of the outermost (DRAM) reads, the share that falls in the first row of wave blocks.
    pub first_row_share: f64,
    /// Wave blocks in a row.
    pub row_blocks: f64,
}

/// What crosses each shared level's link: reuse within a wave, across waves, and what earlier operators left.
pub(super) fn fills(chip: &Chip, products: &Products, (m, n): (u64, u64), split: u64, pulls: f64) -> Fills {
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
