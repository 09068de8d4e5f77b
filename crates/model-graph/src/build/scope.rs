//! Where in the model the builder stands, and the few shapes of operator it adds there.

use std::borrow::Cow;

use super::BuildOptions;
use super::names::Name;
use crate::dtype::wider;
use crate::parallel::Share;
use crate::{
    Architecture, Bias, Dtype, GraphBuilder, MatMul, NormKind, OpClass, OpKind, Operand, Operator, Parallel,
    Step, StepPhase, TensorRole,
};

const DROPOUT: Name = super::names::name!("dropout");

/// The residual stream between two blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    /// The sum so far.
    pub(super) x: Operand,
    /// The last block's output where it is not yet added, because the next norm's kernel will.
    pub(super) pending: Option<(Operand, Name)>,
}

/// A graph being built, and the step and layer it is built for.
pub(super) struct Scope<'a> {
    pub(super) graph: GraphBuilder,
    /// What this rank holds of the model.
    pub(super) arch: &'a Architecture,
    /// Experts of each mixture that this rank holds.
    pub(super) experts: u64,
    pub(super) options: &'a BuildOptions,
    /// This rank's part of the step.
    pub(super) step: &'a Step,
    /// How the model is divided over ranks.
    pub(super) parallel: &'a Parallel,
    /// The pipeline stage being built.
    pub(super) stage: u32,
    /// Sequences, or 1 where tokens are divided without regard to sequences.
    batch: u64,
    /// New tokens of each sequence in the stack being built.
    pub(super) q_len: u64,
    /// Tokens of each sequence that this rank attends to in the stack being built, the last of its own
    /// included.
    pub(super) kv_len: u64,
    /// The layer being built.
    pub(super) layer: Option<u32>,
    /// The token embedding, once it is used: both stacks and a tied head share it.
    pub(super) embedding: Option<Operand>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        share: &'a Share,
        step: &'a Step,
        options: &'a BuildOptions,
        (parallel, stage): (&'a Parallel, u32),
    ) -> Self {
        let arch = &share.arch;
        let layers = arch.encoder_layers().saturating_add(arch.decoder_layers());
        let layers = layers.div_ceil(u64::from(parallel.pipeline.max(1)));
        // A Llama layer is 10 operators fused and 15 apart; room for more would only cost page faults.
        let per_layer = if options.fused_elementwise { 11 } else { 16 };
        let per_layer = per_layer + if parallel.tensor > 1 { 4 } else { 0 };
        let operators =
            usize::try_from(layers.saturating_mul(per_layer).saturating_add(8)).unwrap_or(usize::MAX);
        let graph = GraphBuilder::with_capacity(operators);
        Self {
            graph,
            arch,
            experts: share.experts,
            options,
            step,
            parallel,
            stage,
            batch: step.batch,
            q_len: step.q_len,
            kv_len: attended(arch, step, parallel),
            layer: None,
            embedding: None,
        }
    }

    /// Ranks that share this rank's layers.
    pub(super) fn tp(&self) -> u64 {
        u64::from(self.parallel.tensor)
    }

    /// Ranks that share this rank's sequences.
    pub(super) fn cp(&self) -> u64 {
        u64::from(self.parallel.context)
    }

    /// Whether this is a decode step.
    pub(super) fn decodes(&self) -> bool {
        self.step.phase == StepPhase::Decode
    }

    /// Whether this is the forward pass of a training iteration.
    pub(super) fn trains(&self) -> bool {
        self.step.phase == StepPhase::Train
    }

    /// Builds with this rank's share of the tokens where the residual stream is divided (sequence
    /// parallelism); with all of them where it is not.
    pub(super) fn on_stream<R>(&mut self, build: impl FnOnce(&mut Self) -> R) -> R {
        if self.parallel.sequence { self.on_shard(build) } else { build(self) }
    }

    /// Builds with this rank's share of the tokens, divided over the ranks that share its layers.
    pub(super) fn on_shard<R>(&mut self, build: impl FnOnce(&mut Self) -> R) -> R {
        if self.parallel.tensor <= 1 {
            return build(self);
        }
        let whole = (self.batch, self.q_len);
        (self.batch, self.q_len) = (1, self.tokens().div_ceil(self.tp()));
        let result = build(self);
        (self.batch, self.q_len) = whole;
        result
    }

    /// Goes on with another stack over other lengths.
    pub(super) fn restart(&mut self, q_len: u64, kv_len: u64) {
        self.q_len = q_len;
        self.kv_len = kv_len;
        self.layer = None;
    }

    /// New tokens of all sequences.
    pub(super) fn tokens(&self) -> u64 {
        self.batch.saturating_mul(self.q_len)
    }

    /// The format matmuls with weights compute in: the wider of weights and activations.
    pub(super) fn weight_compute(&self) -> Dtype {
        wider(self.options.precision.weights, self.options.precision.activations)
    }

    /// The format everything else computes in.
    pub(super) fn plain_compute(&self) -> Dtype {
        self.options.precision.activations
    }

    /// The format attention computes in.
    pub(super) fn attention_compute(&self) -> Dtype {
        wider(self.options.precision.activations, self.options.precision.kv_cache)
    }

    /// The shape of `width` values for each new token.
    pub(super) fn rows(&self, width: u64) -> Vec<u64> {
        vec![self.batch, self.q_len, width]
    }

    /// A new activation of `width` values for each new token.
    pub(super) fn activation(&mut self, label: &'static str, width: u64) -> Operand {
        let shape = self.rows(width);
        self.buffer(label, shape)
    }

    /// Bytes of that many values of an activation.
    pub(super) fn activation_bytes(&self, elements: u64) -> u64 {
        self.options.precision.activations.bytes_for(elements)
    }

    /// A new activation of any shape.
    pub(super) fn buffer(&mut self, label: &'static str, shape: Vec<u64>) -> Operand {
        let dtype = self.options.precision.activations;
        self.tensor(label, TensorRole::Activation, dtype, shape)
    }

    /// A parameter of the layer being built.
    pub(super) fn weight(&mut self, label: &'static str, shape: Vec<u64>) -> Operand {
        let dtype = self.options.precision.weights;
        self.tensor(label, TensorRole::Weight, dtype, shape)
    }

    /// A parameter kept in the activations' format: biases, norms' scales and what else is never quantized.
    pub(super) fn vector(&mut self, label: &'static str, width: u64) -> Operand {
        let dtype = self.options.precision.activations;
        self.tensor(label, TensorRole::Weight, dtype, vec![width])
    }

    /// A tensor of the layer being built.
    pub(super) fn tensor(
        &mut self,
        label: &'static str,
        role: TensorRole,
        dtype: Dtype,
        shape: Vec<u64>,
    ) -> Operand {
        let elements = shape.iter().fold(1_u64, |product, extent| product.saturating_mul(*extent));
        let tensor = self.graph.tensor(label, self.layer, role, dtype, shape);
        Operand { tensor, elements }
    }

    /// Adds an operator to the layer being built.
    pub(super) fn add(
        &mut self,
        label: &'static str,
        class: OpClass,
        compute: Dtype,
        kind: OpKind,
        inputs: Vec<Operand>,
        outputs: Vec<Operand>,
    ) {
        let label = Cow::Borrowed(label);
        let operator = Operator { label, layer: self.layer, kind, class, compute, inputs, outputs };
        self.graph.operator(operator);
    }

    /// Adds an operator that is no matmul.
    pub(super) fn add_plain(
        &mut self,
        name: Name,
        kind: OpKind,
        inputs: Vec<Operand>,
        outputs: Vec<Operand>,
    ) {
        let compute = self.plain_compute();
        self.add(name.op, OpClass::Other, compute, kind, inputs, outputs);
    }

    /// `x` times a weight matrix of `k` rows and `n` columns, for every new token, with a bias where asked
    /// for.
    pub(super) fn project(
        &mut self,
        name: Name,
        class: OpClass,
        x: Operand,
        (k, n): (u64, u64),
        bias: bool,
    ) -> Operand {
        let weight = self.weight(name.weight, vec![k, n]);
        let out = self.activation(name.out, n);
        let mut inputs = Vec::with_capacity(3);
        inputs.extend([x, weight]);
        if bias {
            inputs.push(self.vector(name.bias, n));
        }
        let shape = MatMul { batch: 1, m: self.tokens(), n, k, b_shared_by: 1 };
        let compute = self.weight_compute();
        self.add(name.op, class, compute, OpKind::MatMul(shape), inputs, vec![out]);
        out
    }

    /// Whether the projections to queries, keys and values add a bias.
    pub(super) fn qkv_biased(&self) -> bool {
        matches!(self.arch.bias, Bias::Qkv | Bias::All)
    }

    /// Whether those of the feed-forward block do.
    pub(super) fn ffn_biased(&self) -> bool {
        matches!(self.arch.bias, Bias::Ffn | Bias::All)
    }

    /// A norm over rows of `cols` values.
    pub(super) fn norm(&mut self, name: Name, x: Operand, cols: u64) -> Operand {
        let out = self.activation(name.out, self.row_width(x));
        self.norm_onto(name, vec![x], vec![out], cols);
        out
    }

    /// A norm that reads and writes the tensors given, and its own parameters.
    pub(super) fn norm_onto(
        &mut self,
        name: Name,
        mut inputs: Vec<Operand>,
        outputs: Vec<Operand>,
        cols: u64,
    ) {
        let elements = outputs.first().map_or(0, |out| out.elements);
        let rows = elements.checked_div(cols).unwrap_or(0);
        inputs.push(self.vector(name.weight, cols));
        if self.arch.norm == NormKind::Layer {
            inputs.push(self.vector(name.bias, cols));
        }
        let kind = OpKind::Norm { kind: self.arch.norm, rows, cols };
        self.add_plain(name, kind, inputs, outputs);
    }

    /// Starts a block: adds what is pending and, where blocks normalise their input, normalises it. The
    /// second value is the sum, to which the block's own output will be added.
    pub(super) fn enter(&mut self, name: Name, stream: Stream, normalise: bool) -> (Operand, Operand) {
        if !normalise {
            let x = self.settle(stream);
            return (x, x);
        }
        self.on_stream(|scope| scope.enter_rows(name, stream))
    }

    fn enter_rows(&mut self, name: Name, stream: Stream) -> (Operand, Operand) {
        let hidden = self.arch.hidden;
        match stream.pending {
            None => (self.norm(name, stream.x, hidden), stream.x),
            Some((branch, residual)) => {
                let out = self.activation(name.out, hidden);
                let sum = self.activation(residual.out, hidden);
                self.norm_onto(name, vec![branch, stream.x], vec![out, sum], hidden);
                (out, sum)
            }
        }
    }

    /// Ends a block: adds its output to the stream, or leaves that to the next norm where norms fuse it.
    pub(super) fn leave(&mut self, name: Name, x: Operand, branch: Operand) -> Stream {
        let branch = self.drop_out(DROPOUT, branch);
        let stream = Stream { x, pending: Some((branch, name)) };
        if self.options.fused_elementwise {
            return stream;
        }
        Stream { x: self.settle(stream), pending: None }
    }

    /// `x` with a share of its values zeroed, where the model is trained so. The mask, a byte a value, goes with it.
    pub(super) fn drop_out(&mut self, name: Name, x: Operand) -> Operand {
        if !(self.trains() && self.options.dropout) {
            return x;
        }
        let out = self.buffer(name.out, vec![x.elements]);
        let mask = self.tensor("dropout.mask", TensorRole::Activation, Dtype::Int8, vec![x.elements]);
        let kind = OpKind::Elementwise { function: crate::Activation::Dropout, elements: x.elements };
        self.add_plain(name, kind, vec![x], vec![out, mask]);
        out
    }

    /// The stream with everything added.
    pub(super) fn settle(&mut self, stream: Stream) -> Operand {
        let Some((branch, name)) = stream.pending else { return stream.x };
        self.on_stream(|scope| {
            let out = scope.activation(name.out, scope.arch.hidden);
            let kind = OpKind::Elementwise { function: crate::Activation::Add, elements: out.elements };
            scope.add_plain(name, kind, vec![branch, stream.x], vec![out]);
            out
        })
    }

    /// The norm of the sum that ends a block of a post-norm model.
    pub(super) fn close(&mut self, name: Name, stream: Stream) -> Stream {
        self.on_stream(|scope| scope.close_rows(name, stream))
    }

    fn close_rows(&mut self, name: Name, stream: Stream) -> Stream {
        let hidden = self.arch.hidden;
        let out = self.activation(name.out, hidden);
        match stream.pending {
            // The way back needs the sum.
            Some((branch, residual)) if self.trains() => {
                let sum = self.activation(residual.out, hidden);
                self.norm_onto(name, vec![branch, stream.x], vec![out, sum], hidden);
            }
            Some((branch, _)) => self.norm_onto(name, vec![branch, stream.x], vec![out], hidden),
            None => self.norm_onto(name, vec![stream.x], vec![out], hidden),
        }
        Stream { x: out, pending: None }
    }

    /// Values per new token of an operand.
    fn row_width(&self, x: Operand) -> u64 {
        x.elements.checked_div(self.tokens()).unwrap_or(0)
    }
}

/// Tokens of each sequence that the rank attends to.
///
/// Where sequences are divided for a pass over many tokens, its own are the q of all around the middle of
/// the new ones, and with a causal mask nothing after them counts: the new ones before them are (all new -
/// q) / 2. For a decode step it is the rank's part of the cache.
fn attended(arch: &Architecture, step: &Step, parallel: &Parallel) -> u64 {
    let context = u64::from(parallel.context.max(1));
    if context == 1 {
        return step.kv_len;
    }
    match step.phase {
        StepPhase::Decode => step.kv_len.div_ceil(context).max(step.q_len),
        _ if arch.decoder_layers() > 0 => {
            let all_new = step.q_len.saturating_mul(context);
            let cached = step.kv_len.saturating_sub(all_new);
            cached.saturating_add(all_new.saturating_add(step.q_len).div_ceil(2))
        }
        _ => step.kv_len,
    }
}
