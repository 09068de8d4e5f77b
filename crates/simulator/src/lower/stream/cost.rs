//! What streaming an operator computes, element by element.

use memwall_model_graph::{Activation, ChannelNormKind, Dtype, NormKind, OpKind};

use crate::SimulationError;
use crate::chip::{Chip, EngineKind};
use crate::demand::Demand;
use crate::lower::engine_time::unit_time;
use crate::plan::EngineShare;

// Instructions an element, fitted on the kernel times of A100 and H100 that Vidur and LLMCompass published (the rows
// not held out); library functions have no published count.
const LAYER_NORM_ISSUED: f64 = 50.0;
const RMS_NORM_ISSUED: f64 = 45.0;
const SOFTMAX_ISSUED: f64 = 70.0;
const GELU_ISSUED: f64 = 50.0;
const SILU_ISSUED: f64 = 20.0;
/// The same, on the P100 and V100 of NeuSight.
const POW_ISSUED: f64 = 75.0;
/// Below what any measured kernel shows.
const TANH_ISSUED: f64 = 25.0;
const DIV_ISSUED: f64 = 10.0;
/// Instructions that address, load or store and convert one access of a kernel that goes element by element.
const ACCESS_ISSUED: f64 = 27.0;
/// Clocks for one element to enter a running mean and variance, a division among them; fitted on the same rows.
const WELFORD_CLOCKS: f64 = 110.0;
/// Clocks for one element to enter a sum.
const SUM_CLOCKS: f64 = 4.0;

/// What streaming an operator takes besides moving its bytes.
pub(super) struct Stream {
    /// Independent pieces the work can be divided into.
    pub pieces: f64,
    pub elements: f64,
    /// Vector instructions an element; an instruction takes the time of a multiply-add.
    pub vector: f64,
    /// Special-function evaluations an element.
    pub special: f64,
    /// Instructions of all kinds that an element takes to issue, where the cores issue more than they can
    /// multiply and add: conversions, comparisons and range reductions of library functions included.
    pub issued: f64,
    /// Clocks until the running result of a row has taken in one more element: a chain that nothing shortens.
    pub chain: f64,
    /// Bytes of a row that has to be seen whole before its result is known, 0 when there is none.
    pub row_bytes: f64,
}

pub(super) fn engine_shares(
    chip: &Chip,
    demand: &Demand,
    stream: &Stream,
) -> Result<[EngineShare; 3], SimulationError> {
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
    if let Some(rate) = chip.issue_rate() {
        let issuing = stream.elements * stream.issued / rate * 1e12;
        share.efficiency += (issuing - share.total()).max(0.0);
    }
    shares[EngineKind::Vector as usize] = share;
    Ok(shares)
}

pub(super) fn describe(chip: &Chip, demand: &Demand) -> Stream {
    let row_major = |rows: u64, cols: u64, vector: f64, special: f64, issued: f64, element: f64| Stream {
        pieces: rows as f64,
        elements: rows as f64 * cols as f64,
        vector,
        special,
        issued,
        chain: 0.0,
        row_bytes: cols as f64 * element,
    };
    let flat = |elements: f64, vector: f64, special: f64, issued: f64| Stream {
        pieces: (elements / 256.0).ceil().max(1.0),
        elements,
        vector,
        special,
        issued,
        chain: 0.0,
        row_bytes: 0.0,
    };
    let element = demand.input(0).element_bytes;
    match *demand.kind {
        // Running maximum, subtraction, sum, scaling; one exponential.
        OpKind::Softmax { rows, cols } => row_major(rows, cols, 4.0, 1.0, SOFTMAX_ISSUED, element),
        OpKind::Norm { kind, rows, cols } => {
            let summed = demand.inputs.iter().filter(|operand| !operand.is_weight).count() > 1;
            let added = f64::from(u8::from(summed));
            let (vector, issued) =
                if kind == NormKind::Layer { (6.0, LAYER_NORM_ISSUED) } else { (4.0, RMS_NORM_ISSUED) };
            // The running mean and variance need a division for each element.
            let chain = if kind == NormKind::Layer { WELFORD_CLOCKS } else { SUM_CLOCKS };
            Stream { chain, ..row_major(rows, cols, vector + added, 0.0, issued + added * 4.0, element) }
        }
        OpKind::Elementwise { function, elements } => {
            let (vector, special, issued) = elementwise_cost(function);
            let access = scalar_access(chip, demand, function);
            flat(elements as f64, vector, special, issued + access)
        }
        OpKind::Rope { elements } => flat(elements as f64, 2.0, 0.0, 0.0),
        OpKind::Gather { rows, cols } => {
            Stream { pieces: rows as f64, ..flat(rows as f64 * cols as f64, 1.0, 0.0, 0.0) }
        }
        // Each result is one piece, and adds up its rows one after the other.
        OpKind::GatherSum(shape) => Stream {
            pieces: shape.results() as f64,
            ..flat(shape.rows as f64 * shape.cols as f64, 1.0, 0.0, 0.0)
        },
        OpKind::KvAppend { elements } | OpKind::KvRead { elements } | OpKind::Permute { elements } => {
            flat(elements as f64, 1.0, 0.0, 0.0)
        }
        // Softmax over the experts, then one pass for each choice.
        OpKind::Route { tokens, experts, top_k } => {
            row_major(tokens, experts, 4.0 + top_k as f64, 1.0, 0.0, element)
        }
        OpKind::CrossEntropy { rows, cols } => row_major(rows, cols, 4.0, 1.0, SOFTMAX_ISSUED, element),
        // Means of the gradient and of its square, a root, a quotient, the step.
        OpKind::Update { elements } => flat(elements as f64, 7.0, 2.0, 0.0),
        OpKind::Convolution(_) => flat(demand.flops / 2.0, 1.0, 0.0, 0.0),
        OpKind::Pool(_) => flat(demand.flops, 1.0, 0.0, 0.0),
        OpKind::ChannelNorm(shape) => match shape.kind {
            ChannelNormKind::Statistics => flat(shape.elements() as f64, 2.0, 0.0, 0.0),
            ChannelNormKind::Batch => flat(shape.elements() as f64, 1.0, 0.0, 0.0),
            // A power is a logarithm, a product and an exponential.
            ChannelNormKind::LocalResponse(neighbours) => {
                flat(shape.elements() as f64, neighbours as f64 + 4.0, 2.0, POW_ISSUED)
            }
        },
        OpKind::MatMul(_)
        | OpKind::Attention(_)
        | OpKind::AttentionGradient(_)
        | OpKind::GroupedMatMul(_)
        | OpKind::Collective(_) => flat(demand.flops, 1.0, 0.0, 0.0),
    }
}

/// Instructions an element that address, load or store and convert it, where the kernel loads a few at a time.
fn scalar_access(chip: &Chip, demand: &Demand, function: Activation) -> f64 {
    let gated = matches!(function, Activation::SiluMul | Activation::GeluMul);
    let Some(kernel) = chip.software.row_kernels.activation.filter(|_| gated) else { return 0.0 };
    let operands = (demand.input_bytes() + demand.output_bytes()) / demand.output_bytes().max(1.0);
    ACCESS_ISSUED * operands / f64::from(kernel.elements.max(1))
}

/// Vector instructions, special-function evaluations and all instructions issued for one element.
fn elementwise_cost(function: Activation) -> (f64, f64, f64) {
    match function {
        Activation::Add | Activation::Mul | Activation::Scale | Activation::Relu | Activation::Copy => {
            (1.0, 0.0, 0.0)
        }
        // A counter-based random number serves four elements: ten rounds of two products and sums.
        Activation::Dropout => (8.0, 0.0, 0.0),
        Activation::Div => (2.0, 1.0, DIV_ISSUED),
        Activation::Pow => (4.0, 2.0, POW_ISSUED),
        Activation::Tanh => (4.0, 2.0, TANH_ISSUED),
        Activation::Gelu => (8.0, 1.0, GELU_ISSUED),
        Activation::Silu => (2.0, 2.0, SILU_ISSUED),
        Activation::SiluMul => (3.0, 2.0, SILU_ISSUED),
        Activation::GeluMul => (9.0, 1.0, GELU_ISSUED),
    }
}
