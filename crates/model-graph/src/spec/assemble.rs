//! From checked entries to a graph.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fields::{at, shorten, whole};
use super::{OperatorSpec, SpecError, SpecOp};
use crate::limits::MAX_ELEMENTS;
use crate::{
    Activation, Attention, ChannelNorm, ChannelNormKind, Convolution, Dtype, GatherSum, Graph, GraphBuilder,
    GraphError, GroupedMatMul, MatMul, NormKind, OpClass, OpKind, Operand, Operator, Pool, PoolKind,
    Precision, TensorId, TensorRole, Window, balanced_groups,
};

/// What an entry reads and writes, in elements.
struct Shape {
    kind: OpKind,
    class: OpClass,
    reads: Vec<u64>,
    /// Parameters of its own, after what it reads.
    parameters: Vec<u64>,
    writes: u64,
}

/// Builds the graph of entries that `fields::check` found nothing wrong with.
pub(super) fn assemble(operators: &[OperatorSpec], precision: &Precision) -> Result<Graph, Vec<SpecError>> {
    let mut errors = Vec::new();
    let mut graph = GraphBuilder::with_capacity(operators.len());
    let shapes: Vec<Option<Shape>> = operators.iter().map(|entry| shape(entry, entry.inputs.len())).collect();
    let mut outputs = BTreeMap::new();
    for (index, (entry, shape)) in operators.iter().zip(&shapes).enumerate() {
        let elements = shape.as_ref().map_or(entry.elements.unwrap_or(0), |shape| shape.writes);
        let largest = shape.iter().flat_map(|shape| shape.reads.iter().chain(&shape.parameters)).max();
        if elements.max(largest.copied().unwrap_or(0)) > MAX_ELEMENTS {
            let message =
                format!("{} is too large: a tensor has at most {MAX_ELEMENTS} elements", entry.op.name());
            errors.push(whole(index, message));
        }
        let (role, dtype) = holds(entry.op, precision);
        let tensor = graph.tensor(Cow::Owned(entry.name.clone()), None, role, dtype, vec![elements]);
        outputs.insert(entry.name.as_str(), (tensor, elements));
    }
    for (index, (entry, shape)) in operators.iter().zip(shapes).enumerate() {
        let Some(shape) = shape else { continue };
        let mut inputs = inputs(&mut graph, &mut errors, &outputs, precision, (index, entry), &shape);
        if let OpKind::GatherSum(shape) = &shape.kind {
            look_up(&mut graph, &mut inputs, entry, shape);
        }
        let output = outputs
            .get(entry.name.as_str())
            .map(|(tensor, elements)| Operand { tensor: *tensor, elements: *elements });
        graph.operator(Operator {
            label: Cow::Owned(entry.name.clone()),
            layer: None,
            compute: compute(&shape.kind, precision, &graph, &inputs),
            kind: shape.kind,
            class: shape.class,
            inputs,
            outputs: output.into_iter().collect(),
        });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    graph.finish().map_err(|error| vec![locate(&error, operators)])
}

/// A look-up touches some rows of its table, and reads their numbers.
fn look_up(graph: &mut GraphBuilder, inputs: &mut Vec<Operand>, entry: &OperatorSpec, shape: &GatherSum) {
    if let Some(table) = inputs.first_mut() {
        table.elements = shape.distinct_rows().saturating_mul(shape.cols);
    }
    let label = format!("{}.indices", entry.name);
    let tensor = graph.tensor(label, None, TensorRole::Input, Dtype::Int32, vec![shape.rows]);
    inputs.push(Operand { tensor, elements: shape.rows });
}

/// The operands an entry reads: those it names, then those it has of its own.
fn inputs(
    graph: &mut GraphBuilder,
    errors: &mut Vec<SpecError>,
    outputs: &BTreeMap<&str, (TensorId, u64)>,
    precision: &Precision,
    (index, entry): (usize, &OperatorSpec),
    shape: &Shape,
) -> Vec<Operand> {
    let mut inputs = Vec::with_capacity(shape.reads.len() + shape.parameters.len());
    for (position, &elements) in shape.reads.iter().enumerate() {
        let named = entry.inputs.get(position).and_then(|name| outputs.get(name.as_str()));
        let tensor = match named {
            Some(&(tensor, held)) => {
                if held < elements {
                    let name = shorten(&entry.inputs[position]);
                    let message = format!("reads {elements} elements of {name}, which has {held}");
                    let mut error = at(index, "inputs", message);
                    error.path.push(position.to_string());
                    errors.push(error);
                }
                tensor
            }
            None => {
                let label = format!("{}.input{position}", entry.name);
                graph.tensor(label, None, TensorRole::Input, precision.activations, vec![elements])
            }
        };
        inputs.push(Operand { tensor, elements });
    }
    for (position, &elements) in shape.parameters.iter().enumerate() {
        let label = if position == 0 {
            format!("{}.weight", entry.name)
        } else {
            format!("{}.weight{position}", entry.name)
        };
        let tensor = graph.tensor(label, None, TensorRole::Weight, precision.weights, vec![elements]);
        inputs.push(Operand { tensor, elements });
    }
    inputs
}

/// The shape of an operator's entry with that many named inputs; none for data.
fn shape(entry: &OperatorSpec, inputs: usize) -> Option<Shape> {
    let or_one = |size: Option<u64>| size.unwrap_or(1);
    let plain =
        |kind, reads, writes| Shape { kind, class: OpClass::Other, reads, parameters: Vec::new(), writes };
    let shape = match entry.op {
        SpecOp::Input | SpecOp::Weight | SpecOp::KvCache => return None,
        SpecOp::Matmul => matmul(entry, inputs),
        SpecOp::Attention => attention(entry),
        SpecOp::GroupedMatmul => grouped(entry, inputs),
        SpecOp::Softmax => {
            let (rows, cols) = (or_one(entry.rows), or_one(entry.cols));
            let elements = rows.saturating_mul(cols);
            plain(OpKind::Softmax { rows, cols }, vec![elements], elements)
        }
        SpecOp::Layernorm => norm(entry, NormKind::Layer, inputs),
        SpecOp::Rmsnorm => norm(entry, NormKind::Rms, inputs),
        SpecOp::Gather => {
            let (rows, cols) = (or_one(entry.rows), or_one(entry.cols));
            let elements = rows.saturating_mul(cols);
            let kind = OpKind::Gather { rows, cols };
            // Without a table named, it has one of its own, of which these rows are touched.
            let own = if inputs == 0 { vec![elements] } else { Vec::new() };
            let reads = if inputs == 0 { Vec::new() } else { vec![elements] };
            Shape { kind, class: OpClass::Other, reads, parameters: own, writes: elements }
        }
        SpecOp::GatherSum => gather_sum(entry, inputs),
        SpecOp::Rope => {
            let elements = or_one(entry.elements);
            plain(OpKind::Rope { elements }, vec![elements], elements)
        }
        SpecOp::Permute => {
            let elements = or_one(entry.elements);
            plain(OpKind::Permute { elements }, vec![elements], elements)
        }
        SpecOp::Convolution => convolution(entry, inputs),
        SpecOp::MaxPool => pool(entry, PoolKind::Max),
        SpecOp::AveragePool => pool(entry, PoolKind::Average),
        SpecOp::BatchNorm => {
            let (rows, channels) = (or_one(entry.rows), or_one(entry.cols));
            let shape = ChannelNorm { kind: ChannelNormKind::Batch, rows, channels };
            let elements = shape.elements();
            let parameters = vec![channels, channels];
            let kind = OpKind::ChannelNorm(shape);
            Shape { kind, class: OpClass::Other, reads: vec![elements], parameters, writes: elements }
        }
        SpecOp::Route => {
            let (tokens, experts, top_k) = (or_one(entry.tokens), or_one(entry.experts), or_one(entry.top_k));
            let kind = OpKind::Route { tokens, experts, top_k };
            // Of each choice the expert's number and its weight.
            let writes = tokens.saturating_mul(top_k).saturating_mul(2);
            plain(kind, vec![tokens.saturating_mul(experts)], writes)
        }
        op => {
            let function = function(op)?;
            let elements = or_one(entry.elements);
            plain(OpKind::Elementwise { function, elements }, vec![elements; function.arity()], elements)
        }
    };
    Some(shape)
}

fn matmul(entry: &OperatorSpec, inputs: usize) -> Shape {
    let shape = MatMul {
        batch: entry.batch.unwrap_or(1),
        m: entry.m.unwrap_or(1),
        n: entry.n.unwrap_or(1),
        k: entry.k.unwrap_or(1),
        b_shared_by: entry.b_shared_by.unwrap_or(1),
    };
    let (a, b, writes) = (shape.a_elements(), shape.b_elements(), shape.c_elements());
    let kind = OpKind::MatMul(shape);
    if inputs == 2 {
        return Shape { kind, class: OpClass::ActAct, reads: vec![a, b], parameters: Vec::new(), writes };
    }
    Shape { kind, class: OpClass::FfnProj, reads: vec![a], parameters: vec![b], writes }
}

/// The window and the height and width of its image.
fn window(entry: &OperatorSpec) -> (Window, [u64; 2]) {
    let or_one = |size: Option<u64>| size.unwrap_or(1);
    let window = Window::square(or_one(entry.kernel), or_one(entry.stride), entry.padding.unwrap_or(0));
    (window, [or_one(entry.height), or_one(entry.width)])
}

fn convolution(entry: &OperatorSpec, inputs: usize) -> Shape {
    let (window, image) = window(entry);
    let channels = (entry.in_channels.unwrap_or(1), entry.out_channels.unwrap_or(1));
    let groups = entry.groups.unwrap_or(1);
    let shape = Convolution::new(entry.batch.unwrap_or(1), channels, groups, image, window);
    let (read, weights, writes) = (shape.input_elements(), shape.weight_elements(), shape.output_elements());
    let (reads, parameters) =
        if inputs == 2 { (vec![read, weights], Vec::new()) } else { (vec![read], vec![weights]) };
    Shape { kind: OpKind::Convolution(shape), class: OpClass::FfnProj, reads, parameters, writes }
}

fn pool(entry: &OperatorSpec, kind: PoolKind) -> Shape {
    let (window, image) = window(entry);
    let shape = Pool::new(kind, entry.batch.unwrap_or(1), entry.in_channels.unwrap_or(1), image, window);
    let (reads, writes) = (vec![shape.input_elements()], shape.output_elements());
    let parameters = Vec::new();
    Shape { kind: OpKind::Pool(shape), class: OpClass::Other, reads, parameters, writes }
}

fn gather_sum(entry: &OperatorSpec, inputs: usize) -> Shape {
    let or_one = |size: Option<u64>| size.unwrap_or(1);
    let shape = GatherSum {
        rows: or_one(entry.rows),
        cols: or_one(entry.cols),
        pool: or_one(entry.pool),
        table_rows: or_one(entry.table_rows),
        skew_permille: u32::try_from(entry.skew_permille.unwrap_or(0)).unwrap_or(u32::MAX),
        warm: entry.warm.unwrap_or(false),
    };
    let table = shape.table_rows.saturating_mul(shape.cols);
    let writes = shape.results().saturating_mul(shape.cols);
    let (reads, parameters) = if inputs == 0 { (Vec::new(), vec![table]) } else { (vec![table], Vec::new()) };
    Shape { kind: OpKind::GatherSum(shape), class: OpClass::Other, reads, parameters, writes }
}

fn grouped(entry: &OperatorSpec, inputs: usize) -> Shape {
    let (tokens, experts, top_k) =
        (entry.tokens.unwrap_or(1), entry.experts.unwrap_or(1), entry.top_k.unwrap_or(1));
    let (n, k) = (entry.n.unwrap_or(1), entry.k.unwrap_or(1));
    let shape =
        GroupedMatMul { groups: balanced_groups(tokens, experts, top_k), tokens, held: experts, n, k };
    let rows = shape.rows();
    let weights = shape.experts().saturating_mul(n).saturating_mul(k);
    let (reads, parameters) = match inputs {
        2 => (vec![rows.saturating_mul(k), weights], Vec::new()),
        _ => (vec![rows.saturating_mul(k)], vec![weights]),
    };
    let kind = OpKind::GroupedMatMul(shape);
    Shape { kind, class: OpClass::FfnProj, reads, parameters, writes: rows.saturating_mul(n) }
}

fn attention(entry: &OperatorSpec) -> Shape {
    let heads = entry.heads.unwrap_or(1);
    let head_dim = entry.head_dim.unwrap_or(1);
    let shape = Attention {
        batch: entry.batch.unwrap_or(1),
        q_len: entry.q_len.unwrap_or(1),
        kv_len: entry.kv_len.unwrap_or(1),
        heads,
        kv_heads: entry.kv_heads.unwrap_or(heads),
        qk_dim: head_dim,
        v_dim: head_dim,
        causal: entry.causal.unwrap_or(true),
        window: entry.window.unwrap_or(0),
        shared_kv: false,
    };
    let tokens =
        |len: u64, heads: u64| shape.batch.saturating_mul(len).saturating_mul(heads).saturating_mul(head_dim);
    let q = tokens(shape.q_len, heads);
    let kv = tokens(shape.visible(), shape.kv_heads);
    let kind = OpKind::Attention(shape);
    Shape { kind, class: OpClass::ActAct, reads: vec![q, kv, kv], parameters: Vec::new(), writes: q }
}

fn norm(entry: &OperatorSpec, kind: NormKind, inputs: usize) -> Shape {
    let (rows, cols) = (entry.rows.unwrap_or(1), entry.cols.unwrap_or(1));
    let elements = rows.saturating_mul(cols);
    let parameters = if kind == NormKind::Layer { vec![cols, cols] } else { vec![cols] };
    let kind = OpKind::Norm { kind, rows, cols };
    Shape { kind, class: OpClass::Other, reads: vec![elements; inputs.max(1)], parameters, writes: elements }
}

fn function(op: SpecOp) -> Option<Activation> {
    Some(match op {
        SpecOp::Add => Activation::Add,
        SpecOp::Mul => Activation::Mul,
        SpecOp::Div => Activation::Div,
        SpecOp::Pow => Activation::Pow,
        SpecOp::Relu => Activation::Relu,
        SpecOp::Gelu => Activation::Gelu,
        SpecOp::Silu => Activation::Silu,
        SpecOp::Tanh => Activation::Tanh,
        SpecOp::SiluMul => Activation::SiluMul,
        SpecOp::GeluMul => Activation::GeluMul,
        SpecOp::Scale => Activation::Scale,
        SpecOp::Copy => Activation::Copy,
        _ => return None,
    })
}

/// What an entry's tensor is for, and in which format.
fn holds(op: SpecOp, precision: &Precision) -> (TensorRole, Dtype) {
    match op {
        SpecOp::Input => (TensorRole::Input, precision.activations),
        SpecOp::Weight => (TensorRole::Weight, precision.weights),
        SpecOp::KvCache => (TensorRole::KvCache, precision.kv_cache),
        _ => (TensorRole::Activation, precision.activations),
    }
}

/// The format of an operator's arithmetic: of products the wider of their operands', else the activations'.
fn compute(kind: &OpKind, precision: &Precision, graph: &GraphBuilder, inputs: &[Operand]) -> Dtype {
    let is_product = matches!(
        kind,
        OpKind::MatMul(_) | OpKind::GroupedMatMul(_) | OpKind::Attention(_) | OpKind::Convolution(_)
    );
    if !is_product {
        return precision.activations;
    }
    let of = |operand: &Operand| match graph.role(operand.tensor) {
        Some(TensorRole::Weight) => precision.weights,
        Some(TensorRole::KvCache) => precision.kv_cache,
        _ => precision.activations,
    };
    inputs.iter().map(of).fold(precision.activations, crate::dtype::wider)
}

/// Where in the list an error of the finished graph belongs.
fn locate(error: &GraphError, operators: &[OperatorSpec]) -> SpecError {
    let names: &[String] = match error {
        GraphError::Cycle { names } => names,
        _ => &[],
    };
    let first = names.first().and_then(|name| operators.iter().position(|entry| entry.name == *name));
    // The input that closes the circle is the operator before it, which stands last but one.
    let closing = names.len().checked_sub(2).and_then(|last| names.get(last));
    let index = first.unwrap_or(0);
    let position =
        closing.and_then(|name| operators.get(index)?.inputs.iter().position(|input| input == name));
    let mut found = whole(index, shorten_cycle(error, names));
    if let Some(position) = position {
        found.path = vec!["inputs".to_owned(), position.to_string()];
        found.hint = Some("an operator cannot wait, over others or directly, for itself".to_owned());
    }
    found
}

/// A cycle's message with at most ten names.
fn shorten_cycle(error: &GraphError, names: &[String]) -> String {
    if names.len() <= 10 {
        return error.to_string();
    }
    let (head, tail) = (names[..5].join(" -> "), names[names.len() - 3..].join(" -> "));
    let left_out = names.len() - 8;
    format!("{} operators form a cycle: {head} -> ({left_out} more) -> {tail}", names.len() - 1)
}
