//! One operator as the mapper sees it: shapes, formats, and what of its operands is already in the cache.

use memwall_model_graph::{
    Counting, Dtype, GatherSum, Graph, OpKind, Operand, Operator, SparsePattern, TensorRole,
};

/// One operand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OperandDemand {
    /// Bytes the operator touches at least once.
    pub bytes: f64,
    /// Bytes of one element.
    pub element_bytes: f64,
    /// Elements of one row: the tensor's innermost dimension.
    pub row: u64,
    /// Whether it is a parameter: small ones (norm scales) ride along.
    pub is_weight: bool,
    /// Fraction of `bytes` that the last cache holds when the operator starts.
    pub hit: f64,
}

/// One operator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Demand<'a> {
    pub name: &'a str,
    pub kind: &'a OpKind,
    /// The format the arithmetic runs in.
    pub compute: Dtype,
    /// Bytes of one partial sum.
    pub accumulator_bytes: f64,
    pub inputs: Vec<OperandDemand>,
    pub outputs: Vec<OperandDemand>,
    /// Bytes that must be written to DRAM while it runs: results that do not stay cached, and what they push out.
    pub write_back: f64,
    /// Bytes read from DRAM only because results are written to lines that the cache does not hold.
    pub fetched: f64,
    /// Useful operations, multiply-accumulate counted as two.
    pub flops: f64,
    /// Share of the weights that are not zero; 1 where none are left out.
    pub density: f64,
    /// Whether two of four weights are zero, in a pattern that a matrix engine may skip.
    pub two_four: bool,
}

impl Demand<'_> {
    pub fn input_bytes(&self) -> f64 {
        self.inputs.iter().map(|operand| operand.bytes).sum()
    }

    pub fn output_bytes(&self) -> f64 {
        self.outputs.iter().map(|operand| operand.bytes).sum()
    }

    /// Input bytes that are not cached.
    pub fn missed_bytes(&self) -> f64 {
        self.inputs.iter().map(|operand| operand.bytes * (1.0 - operand.hit)).sum()
    }

    /// The `index`-th input, or an empty one.
    pub fn input(&self, index: usize) -> OperandDemand {
        self.inputs.get(index).copied().unwrap_or(OperandDemand {
            bytes: 0.0,
            element_bytes: 1.0,
            row: 1,
            is_weight: false,
            hit: 0.0,
        })
    }

    /// Elements of one row of the result.
    pub fn output_row(&self) -> u64 {
        self.outputs.first().map_or(1, |operand| operand.row)
    }

    /// Bytes of one output element.
    pub fn output_element_bytes(&self) -> f64 {
        self.outputs.first().map_or(1.0, |operand| operand.element_bytes)
    }
}

/// Bytes of the elements of `operand` that `graph`'s operator touches.
pub(crate) fn touched_bytes(graph: &Graph, operand: &Operand) -> u64 {
    graph.tensor(operand.tensor).bytes_of(operand.elements)
}

/// Bytes of a partial sum for arithmetic in `dtype`.
pub(crate) const fn accumulator_bytes(dtype: Dtype) -> f64 {
    match dtype {
        Dtype::Fp64 => 8.0,
        _ => 4.0,
    }
}

/// The operator's demand on an empty cache, every output written through. `hit`, `write_back` and `fetched`
/// are the caller's to correct where there is a cache.
pub(crate) fn cold<'a>(graph: &Graph, operator: &'a Operator, name: &'a str) -> Demand<'a> {
    let operand = |operand: &Operand| {
        let tensor = graph.tensor(operand.tensor);
        OperandDemand {
            bytes: touched_bytes(graph, operand) as f64,
            element_bytes: tensor.sparsity.map_or(tensor.dtype.bits() as f64 / 8.0, |sparsity| {
                sparsity.bytes_for(1 << 20, tensor.dtype.bits()) as f64 / f64::from(1 << 20)
            }),
            row: tensor.shape.last().copied().unwrap_or(1).max(1),
            is_weight: tensor.role == TensorRole::Weight,
            hit: 0.0,
        }
    };
    let outputs: Vec<OperandDemand> = operator.outputs.iter().map(operand).collect();
    let write_back = outputs.iter().map(|output| output.bytes).sum();
    let sparsity = operator.inputs.get(1).and_then(|weight| graph.tensor(weight.tensor).sparsity);
    let mut inputs: Vec<OperandDemand> = operator.inputs.iter().map(operand).collect();
    if let (OpKind::GatherSum(shape), Some(table)) = (&operator.kind, inputs.first_mut()) {
        // Every look-up reads its row, wherever the row is by then.
        table.bytes = (shape.rows as f64 * shape.cols as f64 * table.element_bytes).ceil().max(table.bytes);
    }
    Demand {
        name,
        kind: &operator.kind,
        compute: operator.compute,
        accumulator_bytes: accumulator_bytes(operator.compute),
        inputs,
        outputs,
        write_back,
        fetched: 0.0,
        flops: operator.counts(graph, Counting::Actual).flops as f64,
        density: sparsity.map_or(1.0, |sparsity| sparsity.density()),
        two_four: sparsity.is_some_and(|sparsity| sparsity.pattern == SparsePattern::TwoFour),
    }
}

/// The share of look-ups that a cache of `capacity` bytes serves, of which `resident` of the table is there beforehand.
///
/// The cache ends up with the most popular rows: what is looked up of them hits, but for the first time where the cache
/// does not have them yet.
pub(crate) fn looked_up_hit(shape: &GatherSum, capacity: f64, row_bytes: f64, resident: f64) -> f64 {
    if shape.rows == 0 {
        return 1.0;
    }
    let head = (capacity / row_bytes.max(1.0)).min(shape.table_rows as f64);
    let looked_up = shape.rows as f64;
    let hits = looked_up * shape.share_of_head(head);
    let first =
        if shape.warm { 0.0 } else { (shape.distinct_rows() as f64).min(head).min(hits) * (1.0 - resident) };
    ((hits - first) / looked_up).clamp(0.0, 1.0)
}
