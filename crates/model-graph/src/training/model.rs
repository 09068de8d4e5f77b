//! All that the ranks of a training run do: the graphs of every part of every pipeline stage.

use std::collections::HashMap;
use std::sync::Arc;

use super::{
    DataParallel, Differentiation, Finish, ScheduleKind, StateBytes, Training, TrainingGraph, UpdatePasses,
    ZeroStage,
};
use crate::{
    Architecture, BuildOptions, Collective, CollectiveKind, Graph, GraphError, OpKind, Operator, Parallel,
    Step, TensorRole, build_rank_step,
};

/// The graphs of a training run. Stages whose ranks do the same share theirs.
#[derive(Debug, Clone)]
pub struct TrainingModel {
    /// Pipeline stages, in order.
    pub stages: Vec<TrainingStage>,
    /// How it is trained.
    pub training: Training,
    /// What data parallelism divides and adds up.
    pub data: DataParallel,
    /// Whether divided weights and their gradients are whole throughout an iteration.
    pub keeps_whole: bool,
    /// The format of most products.
    pub compute: crate::Dtype,
}

/// What one rank of a pipeline stage does.
#[derive(Debug, Clone)]
pub struct TrainingStage {
    /// The parts of the model that it holds, in the order in which a micro-batch comes to them.
    pub parts: Vec<TrainingPart>,
    /// What follows its last backward pass.
    pub finish: Arc<Graph>,
    /// Its parameters: experts' apart.
    pub parameters: (u64, u64),
    /// The first stage whose ranks do the same; itself where it is the first.
    pub same_as: usize,
}

/// One part of the model.
#[derive(Debug, Clone)]
pub struct TrainingPart {
    /// Number among the parts of the whole model.
    pub number: u32,
    /// What is done with a micro-batch.
    pub graph: Arc<TrainingGraph>,
    /// The same with the last micro-batch, beside whose backward pass gradients may be summed.
    pub last: Arc<TrainingGraph>,
    /// What it sends to the next part, if there is one.
    pub message: Option<Collective>,
}

/// What software decides about a training run's graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TrainingSettings {
    /// Whether gradients are summed over data-parallel ranks beside the backward pass.
    pub overlaps_gradients: bool,
    /// Whether gradients of weights are computed while tensor-parallel ranks talk.
    pub overlaps_tensor: bool,
    /// Whether pointwise gradients are fused, and matmuls add to the sums of gradients.
    pub fuses_gradients: bool,
    /// Whether a layer that computes anything again computes everything again.
    pub recomputes_whole_layers: bool,
    /// Passes over the gradients before the update.
    pub passes: UpdatePasses,
}

impl TrainingModel {
    /// The graphs of one iteration. `step` is the whole batch, [`crate::StepPhase::Train`]; `parallel.micro_batches` says
    /// in how many parts it goes through.
    ///
    /// # Errors
    /// As [`build_rank_step`]; its errors about the pipeline count parts of the model as stages.
    pub fn build(
        architecture: &Architecture,
        step: &Step,
        options: &BuildOptions,
        parallel: &Parallel,
        training: &Training,
        settings: &TrainingSettings,
    ) -> Result<Self, GraphError> {
        let options = BuildOptions { dropout: training.dropout > 0.0, ..*options };
        let build = Building { architecture, step, options, parallel, training, settings };
        let stages = parallel.pipeline.max(1);
        let mut known: HashMap<Vec<Operator>, Arc<TrainingGraph>> = HashMap::new();
        let mut plain_parts = Vec::new();
        let mut built: Vec<TrainingStage> = Vec::with_capacity(stages as usize);
        for stage in 0..stages {
            let mut parts = Vec::new();
            for number in build.parts_of(stage) {
                parts.push(build.part(number, &mut known)?);
            }
            let plain: Vec<Arc<TrainingGraph>> = parts.iter().map(|part| part.graph.clone()).collect();
            let alike = plain_parts.iter().position(|other: &Vec<_>| same_parts(other, &plain));
            plain_parts.push(plain);
            let finished = match alike {
                Some(other) => built[other].alike(parts, other),
                None => build.stage(stage, parts)?,
            };
            built.push(finished);
        }
        Ok(Self {
            stages: built,
            training: training.clone(),
            keeps_whole: keeps_whole(&build.data_parallel(), parallel),
            data: build.data_parallel(),
            compute: training.products.unwrap_or(options.precision.activations),
        })
    }
}

/// Whether divided weights, once gathered, stay whole for an iteration, and gradients with them: with a pipeline they
/// would otherwise be gathered for every micro-batch (as torchtitan's FSDP does it).
fn keeps_whole(data: &DataParallel, parallel: &Parallel) -> bool {
    data.zero == ZeroStage::Weights && parallel.pipeline > 1
}

impl TrainingStage {
    /// A stage that does the same with other parts.
    fn alike(&self, parts: Vec<TrainingPart>, same_as: usize) -> Self {
        let graphs = parts.into_iter().zip(&self.parts).map(|(part, known)| TrainingPart {
            graph: known.graph.clone(),
            last: known.last.clone(),
            ..part
        });
        Self { parts: graphs.collect(), same_as, ..self.clone() }
    }
}

impl TrainingModel {
    /// What one rank of a stage keeps of its parameters.
    #[must_use]
    pub fn state_of(&self, stage: &TrainingStage) -> StateBytes {
        let of = |parameters: u64, ranks: u32| {
            self.training.state_bytes(parameters, self.data.weights, u64::from(ranks))
        };
        let (shared, experts) =
            (of(stage.parameters.0, self.data.ranks), of(stage.parameters.1, self.data.expert_ranks));
        StateBytes {
            weights: shared.weights.saturating_add(experts.weights),
            gradients: shared.gradients.saturating_add(experts.gradients),
            master: shared.master.saturating_add(experts.master),
            optimizer: shared.optimizer.saturating_add(experts.optimizer),
        }
    }

    /// Operations that an iteration needs on all devices, the model divided as `parallel` says: three times the products
    /// of the forward pass (attention's included, of the pairs that are computed), whatever is computed again.
    #[must_use]
    pub fn useful_flops(&self, parallel: &Parallel) -> f64 {
        let parts = self.stages.iter().flat_map(|stage| &stage.parts);
        let of_rank: f64 = parts.map(|part| products(&part.graph)).sum();
        // Each of DualPipe's two copies sees half of the micro-batches.
        let copies = if self.training.schedule.kind == ScheduleKind::DualPipe { 2.0 } else { 1.0 };
        let ranks = f64::from(parallel.tensor) * f64::from(parallel.context) * f64::from(parallel.data);
        3.0 * of_rank * ranks * f64::from(parallel.micro_batches.max(1)) / copies
    }
}

/// Operations of the products of the forward pass of one micro-batch.
fn products(graph: &TrainingGraph) -> f64 {
    let of = |operator: &Operator| match &operator.kind {
        OpKind::Attention(shape) => shape.matmul_flops() as f64,
        OpKind::MatMul(_) | OpKind::GroupedMatMul(_) => {
            operator.counts(&graph.graph, crate::Counting::Actual).flops as f64
        }
        _ => 0.0,
    };
    graph.operators_of(&[super::Pass::Forward]).map(|id| of(graph.graph.operator(id))).sum()
}

fn same_parts(some: &[Arc<TrainingGraph>], others: &[Arc<TrainingGraph>]) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| Arc::ptr_eq(one, other))
}

struct Building<'a> {
    architecture: &'a Architecture,
    step: &'a Step,
    options: BuildOptions,
    parallel: &'a Parallel,
    training: &'a Training,
    settings: &'a TrainingSettings,
}

impl Building<'_> {
    /// Numbers of the parts that a stage holds.
    fn parts_of(&self, stage: u32) -> Vec<u32> {
        let stages = self.parallel.pipeline.max(1);
        let parts = self.training.schedule.parts();
        match self.training.schedule.kind {
            // Down the stages and up again.
            ScheduleKind::ZeroBubbleV => vec![stage, 2 * stages - 1 - stage],
            // Two copies of a model of as many parts as stages.
            ScheduleKind::DualPipe => vec![stage, stages - 1 - stage],
            _ => (0..parts).map(|chunk| chunk * stages + stage).collect(),
        }
    }

    fn part(
        &self,
        number: u32,
        known: &mut HashMap<Vec<Operator>, Arc<TrainingGraph>>,
    ) -> Result<TrainingPart, GraphError> {
        let parts = match self.training.schedule.kind {
            ScheduleKind::DualPipe => 1,
            _ => self.training.schedule.parts(),
        };
        let pipeline = self.parallel.pipeline.max(1).saturating_mul(parts);
        let as_parts = Parallel { pipeline, ..*self.parallel };
        let mut forward = build_rank_step(self.architecture, self.step, &self.options, &as_parts, number)?;
        if let Some(format) = self.training.products {
            convert_products(&mut forward, format);
        }
        let message = forward.operators().iter().find_map(|operator| match &operator.kind {
            OpKind::Collective(collective) if collective.kind == CollectiveKind::Send => Some(*collective),
            _ => None,
        });
        // Parts that differ in the numbers of their layers only are built once.
        let shape = without_layers(&forward);
        let graph = match known.get(&shape) {
            Some(graph) => graph.clone(),
            None => {
                let how = Differentiation {
                    tensor: self.parallel.tensor,
                    formats: self.training.formats,
                    fused: self.settings.fuses_gradients,
                    overlap: self.settings.overlaps_tensor,
                    accumulate: self.parallel.micro_batches > 1,
                };
                let graph = TrainingGraph::differentiate(&forward, &how)?;
                let whole = self.settings.recomputes_whole_layers;
                let graph = Arc::new(graph.recomputed(self.training.recompute, whole)?);
                known.insert(shape, graph.clone());
                graph
            }
        };
        Ok(TrainingPart { number, last: graph.clone(), graph, message })
    }

    /// What a stage does, its parts known: with data parallelism, and what follows.
    fn stage(&self, stage: u32, mut parts: Vec<TrainingPart>) -> Result<TrainingStage, GraphError> {
        let data = self.data_parallel();
        let mut parameters = (0_u64, 0_u64);
        for part in &mut parts {
            let (shared, experts) = part.graph.parameters();
            parameters = (parameters.0.saturating_add(shared), parameters.1.saturating_add(experts));
            let plain = part.graph.clone();
            let mut within = data;
            if keeps_whole(&data, self.parallel) {
                within.zero = ZeroStage::Gradients;
            }
            part.graph = Arc::new(plain.with_data_parallel(&within, false)?);
            part.last = Arc::new(plain.with_data_parallel(&within, self.settings.overlaps_gradients)?);
        }
        let gathers = data.zero == ZeroStage::Weights && !keeps_whole(&data, self.parallel);
        let finish = Finish {
            shared: parameters.0,
            experts: parameters.1,
            weights: self.options.precision.weights,
            data,
            sums: !self.settings.overlaps_gradients && !gathers,
            gathers_once: keeps_whole(&data, self.parallel),
            tied: self.tied(stage, &parts),
            passes: self.settings.passes,
        };
        let finish = Arc::new(self.training.finish(&finish)?);
        Ok(TrainingStage { parts, finish, parameters, same_as: stage as usize })
    }

    fn data_parallel(&self) -> DataParallel {
        let Parallel { tensor, data, context, expert, .. } = *self.parallel;
        let copies = data.saturating_mul(context);
        DataParallel {
            ranks: copies,
            expert_ranks: tensor.saturating_mul(copies) / expert.max(tensor).max(1),
            zero: self.training.zero,
            weights: self.options.precision.weights,
            gradients: self.training.formats.gradients,
        }
    }

    /// Of the last stage, parameters of an embedding that the first one has as well.
    fn tied(&self, stage: u32, parts: &[TrainingPart]) -> u64 {
        let last = stage > 0 && stage + 1 == self.parallel.pipeline;
        if !last || !self.architecture.tied_embeddings {
            return 0;
        }
        let tensors = parts.iter().flat_map(|part| part.graph.graph.tensors());
        let tables =
            tensors.filter(|tensor| tensor.role == TensorRole::Weight && tensor.label == "embed.weight");
        tables.map(crate::Tensor::elements).sum()
    }
}

/// Lets products with weights of layers compute in `format`. The head's stay as they are: systems that train in 8 bits
/// leave it out.
fn convert_products(graph: &mut Graph, format: crate::Dtype) {
    let weights: Vec<bool> = graph.tensors.iter().map(|tensor| tensor.role == TensorRole::Weight).collect();
    for operator in &mut graph.operators {
        let with_weights = operator.inputs.get(1).is_some_and(|operand| weights[operand.tensor.0 as usize]);
        let is_product = matches!(operator.kind, OpKind::MatMul(_) | OpKind::GroupedMatMul(_));
        if is_product && with_weights && operator.layer.is_some() {
            operator.compute = format;
        }
    }
}

/// The operators of a graph as they are without the numbers of their layers.
fn without_layers(graph: &Graph) -> Vec<Operator> {
    let first = graph.operators().iter().find_map(|operator| operator.layer).unwrap_or(0);
    let counted = |operator: &Operator| {
        let layer = operator.layer.map(|layer| layer - first.min(layer));
        Operator { layer, ..operator.clone() }
    };
    graph.operators().iter().map(counted).collect()
}
