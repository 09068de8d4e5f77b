//! What networks are drawn with: a graph that grows by whole blocks, fused or not.

use crate::dtype::wider;
use crate::{
    Activation, BuildOptions, ChannelNorm, ChannelNormKind, Convolution, Dtype, Graph, GraphBuilder,
    GraphError, MatMul, OpClass, OpKind, Operand, Operator, Pool, PoolKind, TensorRole, Window,
};

use super::NetworkStep;

/// Images between two blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Feature {
    pub operand: Operand,
    pub channels: u64,
    /// Height and width.
    pub size: [u64; 2],
}

/// What follows a product within its block.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct After {
    pub bias: bool,
    pub norm: bool,
    /// What is added before the last function.
    pub add: Option<Feature>,
    pub relu: bool,
}

impl After {
    pub const NOTHING: Self = Self { bias: false, norm: false, add: None, relu: false };
    pub const BIAS: Self = Self { bias: true, ..Self::NOTHING };
    pub const BIAS_RELU: Self = Self { relu: true, ..Self::BIAS };
    pub const NORM: Self = Self { norm: true, ..Self::NOTHING };
    pub const NORM_RELU: Self = Self { relu: true, ..Self::NORM };
}

/// A graph being drawn.
pub(super) struct Canvas<'a> {
    graph: GraphBuilder,
    options: &'a BuildOptions,
    step: &'a NetworkStep,
    /// Whether a window did not fit into an image.
    pub is_too_small: bool,
}

impl<'a> Canvas<'a> {
    pub fn new(step: &'a NetworkStep, options: &'a BuildOptions) -> Self {
        Self { graph: GraphBuilder::with_capacity(512), options, step, is_too_small: false }
    }

    pub fn finish(self) -> Result<Graph, GraphError> {
        self.graph.finish()
    }

    /// The images that are given.
    pub fn image(&mut self, channels: u64, side: u64) -> Feature {
        let shape = vec![self.step.batch, channels, side, side];
        let dtype = self.options.precision.activations;
        let operand = self.tensor("image".to_owned(), TensorRole::Input, dtype, shape);
        Feature { operand, channels, size: [side; 2] }
    }

    /// A convolution to `out` channels and what follows it.
    pub fn conv(
        &mut self,
        name: &str,
        x: Feature,
        out: u64,
        (window, groups): (Window, u64),
        after: After,
    ) -> Feature {
        let shape = Convolution::new(self.step.batch, (x.channels, out), groups, x.size, window);
        let weight = vec![out, x.channels / groups.max(1), window.kernel[0], window.kernel[1]];
        self.convolved(name, x, shape, weight, after)
    }

    /// A transposed convolution to `out` channels, and its bias.
    pub fn up(&mut self, name: &str, x: Feature, out: u64, window: Window) -> Feature {
        let shape = Convolution::transposed(self.step.batch, (x.channels, out), x.size, window);
        let weight = vec![x.channels, out, window.kernel[0], window.kernel[1]];
        self.convolved(name, x, shape, weight, After::BIAS)
    }

    fn convolved(
        &mut self,
        name: &str,
        x: Feature,
        shape: Convolution,
        weight: Vec<u64>,
        after: After,
    ) -> Feature {
        self.is_too_small |= shape.output.contains(&0);
        let weight = self.weight(format!("{name}.weight"), weight);
        let read = Operand { elements: shape.input_elements(), ..x.operand };
        let channels = shape.out_channels;
        let mut inputs = vec![read, weight];
        let folds = self.fuses();
        if after.bias || (after.norm && folds) {
            inputs.push(self.vector(format!("{name}.bias"), channels));
        }
        if folds {
            inputs.extend(after.add.map(|feature| feature.operand));
        }
        let made = self.feature(name.to_owned(), channels, shape.output);
        self.add(name.to_owned(), OpClass::FfnProj, OpKind::Convolution(shape), inputs, vec![made.operand]);
        if folds { made } else { self.apart(name, made, after) }
    }

    /// What follows a convolution, each an operator of its own.
    fn apart(&mut self, name: &str, mut x: Feature, after: After) -> Feature {
        if after.norm {
            x = self.norm(&format!("{name}.norm"), x);
        }
        if let Some(other) = after.add {
            let sum = self.feature(format!("{name}.add"), x.channels, x.size);
            self.pointwise(format!("{name}.add"), Activation::Add, &[x, other], sum);
            x = sum;
        }
        if after.relu { self.relu(&format!("{name}.relu"), x) } else { x }
    }

    /// A batch norm and a ReLU before a convolution.
    pub fn norm_relu(&mut self, name: &str, x: Feature) -> Feature {
        let x = self.norm(name, x);
        if self.fuses() { x } else { self.relu(&format!("{name}.relu"), x) }
    }

    fn relu(&mut self, name: &str, x: Feature) -> Feature {
        let made = self.feature(name.to_owned(), x.channels, x.size);
        self.pointwise(name.to_owned(), Activation::Relu, &[x], made);
        made
    }

    fn norm(&mut self, name: &str, x: Feature) -> Feature {
        let shape =
            |kind| OpKind::ChannelNorm(ChannelNorm { kind, rows: self.rows(x), channels: x.channels });
        let (statistics, norm) = (shape(ChannelNormKind::Statistics), shape(ChannelNormKind::Batch));
        let vectors = vec![2, x.channels];
        let known = if self.step.trains {
            let label = format!("{name}.statistics");
            let known = self.tensor(label.clone(), TensorRole::Activation, Dtype::Fp32, vectors);
            self.add(label, OpClass::Other, statistics, vec![x.operand], vec![known]);
            known
        } else {
            // Running means and variances are no parameters, but are held as they are.
            self.tensor(format!("{name}.running"), TensorRole::Weight, Dtype::Fp32, vectors)
        };
        let scale = self.vector(format!("{name}.weight"), x.channels);
        let shift = self.vector(format!("{name}.bias"), x.channels);
        let made = self.feature(name.to_owned(), x.channels, x.size);
        let inputs = vec![x.operand, known, scale, shift];
        self.add(name.to_owned(), OpClass::Other, norm, inputs, vec![made.operand]);
        made
    }

    /// A local response norm over that many channels.
    pub fn local_response(&mut self, name: &str, x: Feature, neighbours: u64) -> Feature {
        let kind = ChannelNormKind::LocalResponse(neighbours);
        let kind = OpKind::ChannelNorm(ChannelNorm { kind, rows: self.rows(x), channels: x.channels });
        let made = self.feature(name.to_owned(), x.channels, x.size);
        self.add(name.to_owned(), OpClass::Other, kind, vec![x.operand], vec![made.operand]);
        made
    }

    pub fn pool(&mut self, name: &str, kind: PoolKind, x: Feature, window: Window) -> Feature {
        let shape = Pool::new(kind, self.step.batch, x.channels, x.size, window);
        self.is_too_small |= shape.output.contains(&0);
        let made = self.feature(name.to_owned(), x.channels, shape.output);
        let mut outputs = vec![made.operand];
        if kind == PoolKind::Max && self.step.trains {
            // Where the largest was: 64 bits each, as PyTorch keeps it, in two words.
            let words = vec![shape.output_elements(), 2];
            let label = format!("{name}.indices");
            outputs.push(self.tensor(label, TensorRole::Activation, Dtype::Int32, words));
        }
        let read = Operand { elements: shape.input_elements(), ..x.operand };
        self.add(name.to_owned(), OpClass::Other, OpKind::Pool(shape), vec![read], outputs);
        made
    }

    /// The mean of each channel.
    pub fn global_pool(&mut self, name: &str, x: Feature) -> Feature {
        let window = Window { kernel: x.size, ..Window::square(1, 1, 0) };
        self.pool(name, PoolKind::Average, x, window)
    }

    /// Means over windows that bring images to `side` x `side`; nothing where they are so already.
    pub fn fit(&mut self, name: &str, x: Feature, side: u64) -> Feature {
        if x.size == [side; 2] {
            return x;
        }
        let stride = x.size.map(|extent| (extent / side.max(1)).max(1));
        let kernel = [0, 1].map(|axis| x.size[axis].saturating_sub((side - 1) * stride[axis]).max(1));
        let window = Window { kernel, stride, ..Window::square(1, 1, 0) };
        let made = self.pool(name, PoolKind::Average, x, window);
        self.is_too_small |= made.size != [side; 2];
        made
    }

    /// Channels of several features one after the other.
    pub fn concat(&mut self, name: &str, parts: &[Feature]) -> Feature {
        let channels = parts.iter().map(|part| part.channels).sum();
        let size = parts.last().map_or([1; 2], |part| part.size);
        let made = self.feature(name.to_owned(), channels, size);
        self.pointwise(name.to_owned(), Activation::Copy, parts, made);
        made
    }

    /// The middle of images.
    pub fn crop(&self, x: Feature, size: [u64; 2]) -> Feature {
        let size = [x.size[0].min(size[0]), x.size[1].min(size[1])];
        let elements = self.step.batch.saturating_mul(x.channels).saturating_mul(size[0] * size[1]);
        Feature { operand: Operand { elements, ..x.operand }, size, ..x }
    }

    /// A layer that connects everything: all pixels of all channels with `out` values.
    pub fn linear(&mut self, name: &str, x: Feature, out: u64, relu: bool) -> Feature {
        let inputs = x.operand.elements / self.step.batch.max(1);
        let shape = MatMul { batch: 1, m: self.step.batch, n: out, k: inputs, b_shared_by: 1 };
        let weight = self.weight(format!("{name}.weight"), vec![inputs, out]);
        let bias = self.vector(format!("{name}.bias"), out);
        let made = self.feature(name.to_owned(), out, [1; 2]);
        let operands = vec![x.operand, weight, bias];
        self.add(name.to_owned(), OpClass::FfnProj, OpKind::MatMul(shape), operands, vec![made.operand]);
        if relu && !self.fuses() { self.relu(&format!("{name}.relu"), made) } else { made }
    }

    /// How far each position's class is off.
    pub fn loss(&mut self, scores: Feature) {
        let (rows, cols) = (self.rows(scores), scores.channels);
        let dtype = self.options.precision.activations;
        let targets = self.tensor("targets".to_owned(), TensorRole::Input, Dtype::Int32, vec![rows]);
        let loss = self.tensor("loss".to_owned(), TensorRole::Activation, Dtype::Fp32, vec![rows]);
        let label = "loss.probabilities".to_owned();
        let chances = self.tensor(label, TensorRole::Activation, dtype, vec![rows, cols]);
        let kind = OpKind::CrossEntropy { rows, cols };
        self.add("loss".to_owned(), OpClass::Other, kind, vec![scores.operand, targets], vec![loss, chances]);
    }

    /// Whether what follows a product is part of it.
    fn fuses(&self) -> bool {
        self.options.fused_elementwise && !self.step.trains
    }

    fn rows(&self, x: Feature) -> u64 {
        self.step.batch.saturating_mul(x.size[0]).saturating_mul(x.size[1])
    }

    fn pointwise(&mut self, label: String, function: Activation, inputs: &[Feature], made: Feature) {
        let kind = OpKind::Elementwise { function, elements: made.operand.elements };
        let inputs = inputs.iter().map(|feature| feature.operand).collect();
        self.add(label, OpClass::Other, kind, inputs, vec![made.operand]);
    }

    fn feature(&mut self, label: String, channels: u64, size: [u64; 2]) -> Feature {
        let shape = vec![self.step.batch, channels, size[0], size[1]];
        let dtype = self.options.precision.activations;
        Feature { operand: self.tensor(label, TensorRole::Activation, dtype, shape), channels, size }
    }

    fn weight(&mut self, label: String, shape: Vec<u64>) -> Operand {
        self.tensor(label, TensorRole::Weight, self.options.precision.weights, shape)
    }

    fn vector(&mut self, label: String, width: u64) -> Operand {
        self.tensor(label, TensorRole::Weight, self.options.precision.activations, vec![width])
    }

    fn tensor(&mut self, label: String, role: TensorRole, dtype: Dtype, shape: Vec<u64>) -> Operand {
        let tensor = self.graph.tensor(label, None, role, dtype, shape);
        self.graph.whole(tensor)
    }

    fn add(
        &mut self,
        label: String,
        class: OpClass,
        kind: OpKind,
        inputs: Vec<Operand>,
        outputs: Vec<Operand>,
    ) {
        let precision = self.options.precision;
        let has_weights = class == OpClass::FfnProj;
        let compute =
            if has_weights { wider(precision.weights, precision.activations) } else { precision.activations };
        self.graph.operator(Operator {
            label: label.into(),
            layer: None,
            kind,
            class,
            compute,
            inputs,
            outputs,
        });
    }
}
