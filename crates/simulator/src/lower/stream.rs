//! Operators that stream: norms, softmax, elementwise, gathers, cache appends, routing.

use memwall_model_graph::{Activation, Dtype, NormKind, OpKind};
use memwall_units::Bytes;

use super::engine_time::unit_time;
use crate::SimulationError;
use crate::chip::{Chip, EngineKind};
use crate::demand::Demand;
use crate::plan::{Choice, Compute, EngineShare, KernelPlan, Traffic, WaveGroup};

/// Bytes one unit moves in a step, short enough that loads, computing and stores overlap; more where a few cores have
/// to cover the memory latency.
const CHUNK_BYTES: f64 = 16_384.0;
/// What memory hands out at least: a core that cannot hold a few of these cannot stream.
const LEAST_CHUNK_BYTES: f64 = 64.0;
/// Below this many bytes a unit, another unit gains nothing.
const LEAST_UNIT_BYTES: f64 = 2_048.0;
/// Steps in flight on one unit.
const SLOTS: u32 = 4;

/// What streaming an operator takes besides moving its bytes.
struct Stream {
    /// Independent pieces the work can be divided into.
    pieces: f64,
    elements: f64,
    /// Vector instructions an element; an instruction takes the time of a multiply-add.
    vector: f64,
    /// Special-function evaluations an element.
    special: f64,
    /// Bytes of a row that has to be seen whole before its result is known, 0 when there is none.
    row_bytes: f64,
}

/// Plans a streaming operator.
pub(crate) fn lower(chip: &Chip, demand: &Demand) -> Result<KernelPlan, SimulationError> {
    let stream = describe(demand);
    // A row too long for the core's memory is read a second time, from as near as it still is.
    let passes = if stream.row_bytes > 0.5 * chip.tile.capacity { 2.0 } else { 1.0 };
    let pulled = demand.input_bytes() * passes;
    let moved = pulled + demand.output_bytes();
    let units = (moved / LEAST_UNIT_BYTES).ceil().min(stream.pieces).clamp(1.0, f64::from(chip.units));
    let covering = 2.0 * chip.unit_bytes_in_flight(units) / f64::from(SLOTS);
    let chunk = CHUNK_BYTES.max(covering.min(0.5 * chip.tile.capacity / f64::from(SLOTS)));
    let chunk = chunk.min(chip.tile.capacity / f64::from(SLOTS));
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
    let slowest = shares.iter().map(EngineShare::total).fold(0.0, f64::max);
    let (load, store) = traffic(chip, demand, pulled, unit_steps);
    let feed_bytes = moved / unit_steps;
    let feed = chip.feeds.iter().enumerate().map(|(index, feed)| (index, feed_bytes / feed.rate * 1e12));
    let (feed_index, feed_ps) = feed.fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
    let engine_ps = slowest / unit_steps;
    Ok(KernelPlan {
        groups: vec![WaveGroup {
            count: 1,
            units: units as u32,
            steps: steps as u64,
            load,
            store,
            epilogue: Traffic::default(),
            step_ps: engine_ps.max(feed_ps).ceil().max(1.0) as u64,
            slots: SLOTS,
            accumulators: 1,
            tile_ps: 0,
            serial: false,
            tiled: false,
        }],
        compute: Compute {
            primary: primary(&shares),
            shares,
            feed: (feed_ps - engine_ps).max(0.0) * unit_steps,
            feed_tier: chip.feeds[feed_index].tier,
            tile: 0.0,
            feed_bytes: [moved; 3],
        },
        tile_bytes: feed_bytes * f64::from(SLOTS),
        lead_ps: 0,
        choice: Choice::Stream { chunk_bytes: feed_bytes as u64 },
    })
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

fn engine_shares(chip: &Chip, demand: &Demand, stream: &Stream) -> Result<[EngineShare; 3], SimulationError> {
    // Reductions and transcendentals run in fp32 whatever the storage format.
    let dtype = if demand.compute == Dtype::Fp64 { Dtype::Fp64 } else { Dtype::Fp32 };
    let mut shares = [EngineShare::default(); 3];
    let special = stream.elements * stream.special;
    let mut vector = stream.elements * stream.vector * 2.0;
    if chip.has_special() {
        shares[EngineKind::Special as usize] =
            unit_time(chip, EngineKind::Special, dtype, special, special, 1.0)?;
    } else {
        // Without an engine for them, an exponential or a division is a polynomial of about ten multiply-adds.
        vector += special * 20.0;
    }
    let useful = demand.flops.min(vector);
    let mut share = unit_time(chip, EngineKind::Vector, dtype, vector, vector, 1.0)?;
    // An instruction that is no multiply-add does half of what the peak counts.
    let lost = share.useful * (1.0 - useful / vector.max(1.0));
    share.useful -= lost;
    share.efficiency += lost;
    shares[EngineKind::Vector as usize] = share;
    Ok(shares)
}

fn describe(demand: &Demand) -> Stream {
    let row_major = |rows: u64, cols: u64, vector: f64, special: f64, element: f64| Stream {
        pieces: rows as f64,
        elements: rows as f64 * cols as f64,
        vector,
        special,
        row_bytes: cols as f64 * element,
    };
    let flat = |elements: f64, vector: f64, special: f64| Stream {
        pieces: (elements / 256.0).ceil().max(1.0),
        elements,
        vector,
        special,
        row_bytes: 0.0,
    };
    let element = demand.input(0).element_bytes;
    match *demand.kind {
        // Running maximum, subtraction, sum, scaling; one exponential.
        OpKind::Softmax { rows, cols } => row_major(rows, cols, 4.0, 1.0, element),
        OpKind::Norm { kind, rows, cols } => {
            let summed = demand.inputs.iter().filter(|operand| !operand.is_weight).count() > 1;
            let added = f64::from(u8::from(summed));
            let vector = if kind == NormKind::Layer { 6.0 } else { 4.0 };
            row_major(rows, cols, vector + added, 0.0, element)
        }
        OpKind::Elementwise { function, elements } => {
            let (vector, special) = elementwise_cost(function);
            flat(elements as f64, vector, special)
        }
        OpKind::Rope { elements } => flat(elements as f64, 2.0, 0.0),
        OpKind::Gather { rows, cols } => {
            Stream { pieces: rows as f64, ..flat(rows as f64 * cols as f64, 1.0, 0.0) }
        }
        OpKind::KvAppend { elements } | OpKind::KvRead { elements } | OpKind::Permute { elements } => {
            flat(elements as f64, 1.0, 0.0)
        }
        // Softmax over the experts, then one pass for each choice.
        OpKind::Route { tokens, experts, top_k } => {
            row_major(tokens, experts, 4.0 + top_k as f64, 1.0, element)
        }
        OpKind::MatMul(_) | OpKind::Attention(_) | OpKind::GroupedMatMul(_) => flat(demand.flops, 1.0, 0.0),
    }
}

/// Vector instructions and special-function evaluations of one element.
const fn elementwise_cost(function: Activation) -> (f64, f64) {
    match function {
        Activation::Add | Activation::Mul | Activation::Scale | Activation::Relu | Activation::Copy => {
            (1.0, 0.0)
        }
        Activation::Div => (2.0, 1.0),
        Activation::Pow => (4.0, 2.0),
        Activation::Tanh => (4.0, 2.0),
        Activation::Gelu => (8.0, 1.0),
        Activation::Silu => (2.0, 2.0),
        Activation::SiluMul => (3.0, 2.0),
        Activation::GeluMul => (9.0, 1.0),
    }
}
