//! From a forward graph to the way back: the rules of every operator.
//!
//! Operators are gone through from the last to the first. Each reads the gradients of what it wrote and writes those of
//! what it read; a tensor with several readers gets the sum of theirs. Gradients of weights are apart: nothing waits for
//! them, so they are put behind the next collective where there is one, and overlap it (as Megatron-LM does).

mod images;
mod products;
mod rows;
mod sums;

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Pass, StateFormats, TrainingGraph};
use crate::{
    Activation, Collective, CollectiveKind, Dimension, Dtype, Graph, GraphBuilder, GraphError, OpId, OpKind,
    Operand, Operator, Tensor, TensorId, TensorKey, TensorRole,
};

/// What decides how a graph is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Differentiation {
    /// Ranks that share each layer's matrices.
    pub tensor: u32,
    /// Number formats of gradients.
    pub formats: StateFormats,
    /// Whether pointwise gradients are fused with what they are added to, and gradients of weights are summed up in
    /// their matmul.
    pub fused: bool,
    /// Whether gradients of weights are computed while collectives run.
    pub overlap: bool,
    /// Whether gradients of several micro-batches are summed up in a buffer.
    pub accumulate: bool,
}

/// Weights that every rank holds whole, so that what flows back through them is no part of a sum.
const REPLICATED: [&str; 3] = ["moe.router", "attn.q_a", "attn.kv_a"];

/// Adds the way back.
pub(super) fn differentiate(forward: &Graph, how: &Differentiation) -> Result<TrainingGraph, GraphError> {
    let mut walk = Walk::new(forward, how);
    walk.start();
    for index in (0..forward.operators().len()).rev() {
        walk.back_through(OpId(index as u32));
    }
    walk.finish()
}

/// The way back as far as it is built.
struct Walk<'a> {
    forward: &'a Graph,
    how: &'a Differentiation,
    builder: GraphBuilder,
    passes: Vec<Pass>,
    /// Of each forward tensor, what its readers say of its gradient.
    gradients: Vec<Vec<Part>>,
    /// Gradients of weights that wait for a collective to overlap with.
    deferred: Vec<Operator>,
    /// Weights whose gradient is there already, from another reader.
    summed: HashMap<TensorId, TensorId>,
    /// Gathered tensors that were gathered again.
    gathered: HashMap<TensorId, Operand>,
}

/// One reader's gradient of a tensor, or of a part of it.
#[derive(Debug, Clone, Copy)]
struct Part {
    operand: Operand,
    /// Whether the ranks that share the layer each have a part of the sum.
    partial: bool,
}

impl<'a> Walk<'a> {
    fn new(forward: &'a Graph, how: &'a Differentiation) -> Self {
        let mut builder = GraphBuilder::with_capacity(forward.operators().len().saturating_mul(4));
        for tensor in forward.tensors() {
            let mut tensor = tensor.clone();
            if tensor.role == TensorRole::Activation {
                // Kept for the way back, a layer's tensor is not the buffer that the next layer uses.
                tensor.key = TensorKey::of(tensor.layer, &tensor.label);
            }
            builder.push(tensor);
        }
        for operator in forward.operators() {
            builder.operator(operator.clone());
        }
        Self {
            forward,
            how,
            builder,
            passes: vec![Pass::Forward; forward.operators().len()],
            gradients: vec![Vec::new(); forward.tensors().len()],
            deferred: Vec::new(),
            summed: HashMap::new(),
            gathered: HashMap::new(),
        }
    }

    /// A model without a loss of its own (an encoder whose head depends on its use) is given the gradient of what it made
    /// last.
    fn start(&mut self) {
        let ends = |operator: &Operator| match &operator.kind {
            OpKind::CrossEntropy { .. } => true,
            OpKind::Collective(collective) => collective.kind == CollectiveKind::Send,
            _ => false,
        };
        if self.forward.operators().iter().any(ends) {
            return;
        }
        let last = self.forward.operators().last().and_then(|operator| operator.outputs.first().copied());
        let Some(output) = last else { return };
        let info = self.forward.tensor(output.tensor);
        let (layer, dtype, shape) = (info.layer, info.dtype, info.shape.clone());
        let tensor = self.builder.tensor("output.grad", layer, TensorRole::Input, dtype, shape);
        self.give(output, Operand { tensor, elements: output.elements }, false);
    }

    fn finish(mut self) -> Result<TrainingGraph, GraphError> {
        self.flush();
        Ok(TrainingGraph { graph: self.builder.finish()?, passes: self.passes })
    }

    /// Adds what one operator does on the way back.
    fn back_through(&mut self, id: OpId) {
        let operator = self.forward.operator(id);
        match &operator.kind {
            OpKind::CrossEntropy { rows, cols } => return self.loss(operator, *rows, *cols),
            OpKind::Collective(collective) if collective.kind == CollectiveKind::Send => {
                return self.receive_back(operator, collective);
            }
            _ => {}
        }
        let given: Vec<Option<Operand>> =
            operator.outputs.iter().map(|output| self.gradient(output.tensor)).collect();
        let Some(first) = given.iter().flatten().next().copied() else { return };
        match &operator.kind {
            OpKind::MatMul(shape) => self.matmul(operator, shape, first),
            OpKind::GroupedMatMul(shape) => self.grouped(operator, shape, first),
            OpKind::Attention(shape) => self.attention(operator, shape, first),
            OpKind::Norm { .. } => self.norm(operator, &given),
            OpKind::Softmax { .. } => self.softmax(operator, first),
            OpKind::Elementwise { function, .. } => self.elementwise(operator, *function, first),
            OpKind::Gather { .. } | OpKind::GatherSum(_) => self.lookup(operator, first),
            OpKind::Collective(collective) => self.collective(operator, collective, &given),
            OpKind::Permute { .. } => self.permute(operator, first),
            OpKind::Convolution(shape) => self.convolution(operator, shape, first),
            OpKind::Pool(_) => self.pool(operator, first),
            OpKind::ChannelNorm(_) => self.channel_norm(operator, first),
            // What rotates, routes or moves values rotates, routes or moves their gradients.
            _ => self.mirrored(operator, &given),
        }
    }

    /// Whether gradients of this tensor are wanted.
    fn wants(&self, tensor: TensorId) -> bool {
        let info = self.forward.tensor(tensor);
        info.role == TensorRole::Activation && !matches!(info.dtype, Dtype::Int8 | Dtype::Int32)
    }

    /// Notes a gradient of what `input` names.
    fn give(&mut self, input: Operand, operand: Operand, partial: bool) {
        if self.wants(input.tensor) {
            self.gradients[input.tensor.0 as usize].push(Part { operand, partial });
        }
    }

    /// A new tensor for the gradient of `of`, all of `elements`.
    fn gradient_like(&mut self, of: TensorId, suffix: &str, elements: u64) -> Operand {
        let info = self.forward.tensor(of);
        let label: Cow<'static, str> = format!("{}{suffix}", info.label).into();
        let (layer, dtype) = (info.layer, info.dtype);
        let shape = if info.elements() == elements { info.shape.clone() } else { vec![elements] };
        let tensor = self.builder.tensor(label, layer, TensorRole::Activation, dtype, shape);
        Operand { tensor, elements }
    }

    /// Adds an operator to the way back.
    fn emit(&mut self, operator: Operator, pass: Pass) {
        let is_collective = matches!(operator.kind, OpKind::Collective(_));
        if !is_collective {
            self.flush();
        }
        self.builder.operator(operator);
        self.passes.push(pass);
        if is_collective {
            self.flush();
        }
    }

    /// Adds a gradient of weights, now or behind the next collective.
    fn defer(&mut self, operator: Operator) {
        self.deferred.push(operator);
        if !self.how.overlap {
            self.flush();
        }
    }

    fn flush(&mut self) {
        for operator in std::mem::take(&mut self.deferred) {
            self.builder.operator(operator);
            self.passes.push(Pass::WeightGradient);
        }
    }

    /// An operator like `of`, with another label and other operands.
    fn like(
        of: &Operator,
        suffix: &str,
        kind: OpKind,
        inputs: Vec<Operand>,
        outputs: Vec<Operand>,
    ) -> Operator {
        Operator {
            label: format!("{}{suffix}", of.label).into(),
            layer: of.layer,
            kind,
            class: of.class,
            compute: of.compute,
            inputs,
            outputs,
        }
    }

    /// The gradients of an operator's inputs, one tensor for all parts of the same tensor that it reads; which of the
    /// inputs are wanted, each with its gradient.
    fn input_gradients(&mut self, inputs: &[Operand]) -> Vec<(Operand, Operand)> {
        let mut found: Vec<(Operand, Operand)> = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            let seen = inputs[..index].iter().any(|earlier| earlier.tensor == input.tensor);
            if seen || !self.wants(input.tensor) {
                continue;
            }
            let all = inputs.iter().filter(|other| other.tensor == input.tensor);
            let read = all.fold(0_u64, |sum, other| sum.saturating_add(other.elements));
            let elements = read.min(self.forward.tensor(input.tensor).elements());
            let gradient = self.gradient_like(input.tensor, ".grad", elements);
            found.push((*input, gradient));
        }
        found
    }

    /// The same work on gradients: reads those of the outputs, writes those of the inputs.
    fn mirrored(&mut self, operator: &Operator, given: &[Option<Operand>]) {
        let gradients = self.input_gradients(&operator.inputs);
        if gradients.is_empty() {
            return;
        }
        let inputs = given.iter().flatten().copied().collect();
        let outputs = gradients.iter().map(|(_, gradient)| *gradient).collect();
        self.emit(Self::like(operator, ".grad", operator.kind.clone(), inputs, outputs), Pass::Backward);
        for (input, gradient) in gradients {
            self.give(input, gradient, false);
        }
    }

    /// Rows sent to experts come back, those summed up go out again.
    fn permute(&mut self, operator: &Operator, given: Operand) {
        let made = operator.outputs.first().map_or(0, |output| output.elements);
        let moved = operator.inputs.first().map_or(0, |input| input.elements);
        // Coming back, rows are weighed by their choices, which get a gradient too: a product of a row each.
        let weighed = made < moved;
        let differentiable = if weighed { 2 } else { 1 };
        let read = operator.inputs.get(..differentiable).unwrap_or(&operator.inputs);
        let gradients = self.input_gradients(read);
        if gradients.is_empty() {
            return;
        }
        let inputs = std::iter::once(given)
            .chain(if weighed { operator.inputs.clone() } else { Vec::new() })
            .collect();
        let outputs = gradients.iter().map(|(_, gradient)| *gradient).collect();
        let kind = OpKind::Permute { elements: moved.max(made) };
        self.emit(Self::like(operator, ".grad", kind, inputs, outputs), Pass::Backward);
        for (input, gradient) in gradients {
            self.give(input, gradient, false);
        }
    }

    /// What a collective does to gradients: a sum over ranks hands them on, a gathered tensor's are summed and divided,
    /// a divided one's are gathered.
    fn collective(&mut self, operator: &Operator, collective: &Collective, given: &[Option<Operand>]) {
        let back = match collective.kind {
            CollectiveKind::AllReduce => {
                if let (Some(input), Some(Some(first))) = (operator.inputs.first(), given.first()) {
                    self.give(*input, *first, false);
                }
                return;
            }
            CollectiveKind::AllGather => CollectiveKind::ReduceScatter,
            CollectiveKind::ReduceScatter => CollectiveKind::AllGather,
            CollectiveKind::Recv => CollectiveKind::Send,
            same => same,
        };
        let inputs: Vec<Operand> = given.iter().flatten().copied().collect();
        let gradients = self.input_gradients(&operator.inputs);
        let outputs = gradients.iter().map(|(_, gradient)| *gradient).collect();
        let kind = OpKind::Collective(Collective { kind: back, ..*collective });
        self.emit(Self::like(operator, ".grad", kind, inputs, outputs), Pass::Backward);
        for (input, gradient) in gradients {
            self.give(input, gradient, false);
        }
    }

    /// A stage that sends its result on gets its gradient back.
    fn receive_back(&mut self, operator: &Operator, collective: &Collective) {
        let Some(message) = operator.inputs.first().copied() else { return };
        let gradient = self.gradient_like(message.tensor, ".grad", message.elements);
        let kind = OpKind::Collective(Collective { kind: CollectiveKind::Recv, ..*collective });
        self.emit(Self::like(operator, ".grad", kind, Vec::new(), vec![gradient]), Pass::Backward);
        self.give(message, gradient, false);
    }

    /// What is kept of a tensor for the way back: itself, or, where it was gathered from the ranks that share the layer,
    /// this rank's part of it, gathered again.
    fn kept(&mut self, input: Operand) -> Operand {
        let producer = self.forward.producer(input.tensor).map(|id| self.forward.operator(id));
        let Some(operator) = producer else { return input };
        let OpKind::Collective(collective) = &operator.kind else { return input };
        let divides =
            collective.kind == CollectiveKind::AllGather && collective.dimension == Dimension::Tensor;
        if !divides {
            return input;
        }
        if let Some(again) = self.gathered.get(&input.tensor) {
            return Operand { elements: input.elements, ..*again };
        }
        let whole = self.forward.tensor(input.tensor).elements();
        let again = self.gradient_like(input.tensor, ".again", whole);
        let kind = OpKind::Collective(*collective);
        let operator = Self::like(operator, ".again", kind, operator.inputs.clone(), vec![again]);
        self.emit(operator, Pass::Backward);
        self.gathered.insert(input.tensor, again);
        Operand { elements: input.elements, ..again }
    }

    /// Sums up a gradient over the ranks that share the layer.
    fn all_reduce(&mut self, of: TensorId, partial: Operand) -> Operand {
        let sum = self.gradient_like(of, ".grad.sum", partial.elements);
        let info = self.forward.tensor(of);
        let bytes = info.bytes_of(partial.elements);
        let collective =
            Collective::even(CollectiveKind::AllReduce, Dimension::Tensor, self.how.tensor, bytes);
        let operator = Operator {
            label: format!("{}.grad.all_reduce", info.label).into(),
            layer: info.layer,
            kind: OpKind::Collective(collective),
            class: crate::OpClass::Other,
            compute: info.dtype,
            inputs: vec![partial],
            outputs: vec![sum],
        };
        self.emit(operator, Pass::Backward);
        sum
    }

    /// An operator that goes over `elements` values.
    fn pointwise(
        of: &Operator,
        suffix: &str,
        function: Activation,
        inputs: Vec<Operand>,
        outputs: Vec<Operand>,
    ) -> Operator {
        let elements = inputs.iter().chain(&outputs).map(|operand| operand.elements).max().unwrap_or(0);
        Self::like(of, suffix, OpKind::Elementwise { function, elements }, inputs, outputs)
    }

    fn tensor_of(&self, operand: Operand) -> &Tensor {
        self.forward.tensor(operand.tensor)
    }
}
