//! Kernels that go row by row: a block of threads takes a row, a core holds a few blocks, and a block's loads wait
//! for one another. Short of rows, or with long ones read one scalar at a time, they wait for latency where a
//! streaming kernel would be held by bandwidth.

use memwall_hardware::RowKernel;
use memwall_model_graph::{Activation, NormKind, OpKind};

use super::cost::{Stream, engine_shares};
use super::{Feed, primary, slowest};
use crate::SimulationError;
use crate::chip::{Chip, EngineKind};
use crate::demand::Demand;
use crate::plan::{Choice, Compute, KernelPlan, Traffic, WaveGroup};
use crate::residency::survival;

/// Threads execute in groups of this many.
const WARP: u64 = 32;
/// Rounds of a block that are loading or being computed at once, at most.
const ROUNDS_HELD: u64 = 2;
/// Clocks from a load's arrival to the next load that waits for it; fitted with the instruction counts.
const SERIAL_CLOCKS: f64 = 50.0;
/// Blocks one core holds at most.
const MOST_BLOCKS: u64 = 32;

/// How the rows of an operator are divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    rows: u64,
    /// Blocks, and so rows, a core works on at once.
    resident: u64,
    /// Loads of a row that wait for one another, one pass.
    rounds: u64,
    /// Times a row is read.
    reads: u64,
    /// Elements of a row that one thread takes in a round.
    elements: f64,
}

/// How the software's kernel goes over the rows of an operator; `None` where it streams.
pub(super) fn block(chip: &Chip, demand: &Demand) -> Option<Block> {
    let threads = chip.resident_threads()?;
    let kernels = &chip.software.row_kernels;
    let (kernel, rows, cols) = match *demand.kind {
        OpKind::Norm { kind: NormKind::Layer, rows, cols } => (kernels.layer_norm?, rows, cols),
        OpKind::Norm { kind: NormKind::Rms, rows, cols } => (kernels.rms_norm?, rows, cols),
        OpKind::Softmax { rows, cols } => (kernels.softmax?, rows, cols),
        OpKind::Elementwise { function: Activation::SiluMul | Activation::GeluMul, elements } => {
            let cols = demand.output_row();
            (kernels.activation?, elements.div_ceil(cols), cols)
        }
        _ => return None,
    };
    if rows == 0 || cols == 0 {
        return None;
    }
    let mut block = divide(kernel, threads, rows, cols);
    // What is on its way has registers to go to.
    let round = block.moved(demand) / rows as f64 / block.rounds as f64 / block.reads as f64;
    let fitting = (chip.accumulator_bytes / ROUNDS_HELD as f64 / round.max(1.0)) as u64;
    block.resident = block.resident.min(fitting);
    (block.resident > 0).then_some(block)
}

impl Block {
    /// Bytes that all rows together move between the cores and what they share.
    fn moved(&self, demand: &Demand) -> f64 {
        demand.input_bytes() * self.reads as f64 + demand.output_bytes()
    }
}

fn divide(kernel: RowKernel, threads: u64, rows: u64, cols: u64) -> Block {
    let elements = u64::from(kernel.elements.max(1));
    let wanted = cols.div_ceil(elements).next_multiple_of(WARP);
    let block = wanted.min(u64::from(kernel.threads.max(1)).next_multiple_of(WARP));
    let held = cols <= kernel.held;
    Block {
        rows,
        resident: (threads / block).clamp(1, MOST_BLOCKS),
        // What is held in registers is asked for at once.
        rounds: if held { 1 } else { cols.div_ceil(block * elements) },
        reads: if held { 1 } else { u64::from(kernel.reads.max(1)) },
        elements: if held { cols as f64 / block as f64 } else { elements as f64 },
    }
}

/// Plans it: full waves, then what is left, spread over as many cores as it gives work.
pub(super) fn lower(
    chip: &Chip,
    demand: &Demand,
    stream: &Stream,
    block: Block,
) -> Result<KernelPlan, SimulationError> {
    let units = u64::from(chip.units);
    let mut shares = engine_shares(chip, demand, stream)?;
    let row = Row::new(chip, demand, block, stream.chain, slowest(&shares));
    let wave = block.resident * units;
    let mut groups = Vec::new();
    if block.rows >= wave {
        groups.push(row.group(block, block.rows / wave, units, block.resident as f64));
    }
    let left = block.rows % wave;
    if left > 0 {
        let working = left.min(units);
        groups.push(row.group(block, 1, working, left as f64 / working as f64));
    }
    let unit_steps: f64 = groups.iter().map(WaveGroup::unit_steps).sum();
    let serial = row.serial_ps * unit_steps;
    shares[EngineKind::Vector as usize].efficiency += serial;
    let moved = row.load.read[0] + row.store.write[0];
    let feed_bytes = moved * block.rows as f64;
    Ok(KernelPlan {
        groups,
        compute: Compute {
            primary: primary(&shares),
            shares,
            feed: (row.feed.ps - row.engine_ps).max(0.0) * block.rows as f64,
            feed_tier: chip.feeds[row.feed.index].tier,
            tile: 0.0,
            feed_bytes: [feed_bytes; 3],
        },
        // Rows pass through registers; the core's memory is left to the few sums that blocks exchange.
        tile_bytes: 0.0,
        lead_ps: 0,
        choice: Choice::Stream { chunk_bytes: moved as u64 },
    })
}

/// What one row takes, all its steps together.
struct Row {
    load: Traffic,
    store: Traffic,
    engine_ps: f64,
    feed: Feed,
    /// Time between a load's arrival and the next load that depends on it, in each step.
    serial_ps: f64,
}

impl Row {
    fn new(chip: &Chip, demand: &Demand, block: Block, chain: f64, engines: f64) -> Self {
        let rows = block.rows as f64;
        let reads = block.reads as f64;
        let (mut load, mut store) = (Traffic::default(), Traffic::default());
        for level in 0..chip.dram() {
            load.read[level] = demand.input_bytes() * reads / rows;
            store.write[level] = demand.output_bytes() / rows;
        }
        let again = demand.input_bytes() * (reads - 1.0) * missed_again(chip, demand, block);
        load.read[chip.dram()] = (demand.missed_bytes() + again + demand.fetched) / rows;
        store.write[chip.dram()] = demand.write_back / rows;
        let engine_ps = engines / rows;
        let feed = Feed::of(chip, load.read[0] + store.write[0]);
        let chain = SERIAL_CLOCKS + chain * block.elements / reads;
        let serial_ps = chain * 1e12 / chip.device.clock.value.0;
        Self { load, store, engine_ps, feed, serial_ps }
    }

    /// `count` waves in which each of `units` cores takes `rows` rows.
    fn group(&self, block: Block, count: u64, units: u64, rows: f64) -> WaveGroup {
        // Half of a core's blocks load while the other half computes.
        let halves = if rows >= 2.0 { 2 } else { 1 };
        let steps = block.rounds * block.reads * halves;
        let share = rows / steps as f64;
        let step_ps = self.engine_ps.max(self.feed.ps) * share + self.serial_ps;
        WaveGroup {
            count,
            units: units as u32,
            steps,
            load: self.load.scaled(share),
            store: self.store.scaled(share),
            epilogue: Traffic::default(),
            step_ps: step_ps.ceil().max(1.0) as u64,
            // What is read once does not wait for what was read before it.
            slots: (if block.reads == 1 { ROUNDS_HELD * halves } else { halves }) as u32,
            accumulators: 1,
            tile_ps: 0,
            serial: false,
            tiled: false,
        }
    }
}

/// Fraction of a row's later reads that the last cache no longer holds: in between, the cores read and wrote the
/// rows they work on.
fn missed_again(chip: &Chip, demand: &Demand, block: Block) -> f64 {
    let Some(level) = chip.last_cache() else { return 1.0 };
    let row = (demand.input_bytes() + demand.output_bytes()) / block.rows as f64;
    let in_work = (block.resident * u64::from(chip.units)).min(block.rows) as f64;
    1.0 - survival(row * in_work, chip.levels[level].capacity)
}
