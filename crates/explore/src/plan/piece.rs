//! What a part of a stage computes, sends and keeps.

use std::collections::BTreeSet;

use memwall_hardware::Fabric;
use memwall_model_graph::{
    Collective, Dimension, Graph, OpKind, Operator, Parallel, Pass, TensorId, TensorRole, TrainingGraph,
};

use super::links::{Ranks, least_seconds};
use super::table::{is_back, passes_on};

/// A part of a stage of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is before the layer.
    Embedding,
    /// The layer.
    Layer,
    /// What is after it.
    Head,
}

/// Seconds of one micro-batch and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Piece {
    /// Computing the forward pass.
    pub forward: f64,
    /// Computing gradients of activations.
    pub backward: f64,
    /// Computing gradients of weights.
    pub weight: f64,
    /// Sending in the forward pass, by dimension.
    pub sent_forward: Sent,
    /// Sending on the way back.
    pub sent_back: Sent,
    /// Computing again what was not kept.
    pub again: f64,
    /// Bytes kept for the way back.
    pub kept: f64,
    /// The most that one operator reads and writes besides.
    pub working: f64,
    /// Parameters that every data-parallel rank has.
    pub parameters: f64,
    /// Parameters of experts.
    pub experts: f64,
    /// Of the parameters, the embedding's table, which a tied head shares.
    pub table: f64,
}

/// Seconds of sending, by what the ranks share.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sent {
    /// Tensor-parallel ranks.
    pub tensor: f64,
    /// Context-parallel ranks.
    pub context: f64,
    /// Expert-parallel ranks.
    pub expert: f64,
}

impl Sent {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.tensor + self.context + self.expert
    }
}

impl Piece {
    /// The part of a stage whose only layer is `layer`.
    pub fn of(
        training: &TrainingGraph,
        times: &[f64],
        part: Part,
        layer: u32,
        (fabric, parallel): (&Fabric, &Parallel),
    ) -> Self {
        let mut piece = Self::default();
        let graph = &training.graph;
        let belongs = Belongs::new(graph, part, layer);
        let saved: BTreeSet<TensorId> = training.saved().into_iter().collect();
        for (((id, operator), pass), seconds) in graph.iter().zip(&training.passes).zip(times) {
            if !belongs.operator(id.0, operator) || passes_on(&operator.kind) {
                continue;
            }
            if let OpKind::Collective(collective) = &operator.kind {
                let sent = if is_back(*pass) { &mut piece.sent_back } else { &mut piece.sent_forward };
                sent.add(collective, fabric, parallel);
                continue;
            }
            match pass {
                Pass::Forward => piece.forward += seconds,
                Pass::WeightGradient => piece.weight += seconds,
                Pass::Backward => piece.backward += seconds,
                Pass::Recompute => piece.again += seconds,
            }
            piece.working = piece.working.max(working(graph, operator, &saved));
        }
        for id in &saved {
            let producer = graph.producer(*id).map(|producer| (producer.0, graph.operator(producer)));
            if !belongs.kept(graph, *id, producer) {
                continue;
            }
            piece.kept += graph.tensor(*id).bytes() as f64;
        }
        piece.count_parameters(graph, &belongs);
        piece
    }

    fn count_parameters(&mut self, graph: &Graph, belongs: &Belongs) {
        let mut seen = BTreeSet::new();
        for (id, operator) in graph.iter() {
            if !belongs.operator(id.0, operator) {
                continue;
            }
            let grouped = matches!(operator.kind, OpKind::GroupedMatMul(_));
            for input in &operator.inputs {
                let tensor = graph.tensor(input.tensor);
                if tensor.role != TensorRole::Weight || !seen.insert(input.tensor) {
                    continue;
                }
                let elements = tensor.elements() as f64;
                *(if grouped { &mut self.experts } else { &mut self.parameters }) += elements;
                if tensor.layer.is_none() && tensor.label == "embed.weight" {
                    self.table += elements;
                }
            }
        }
    }
}

/// Which operators and tensors are of a part.
struct Belongs {
    part: Part,
    layer: u32,
    /// Operators of the forward pass, and the first that is the layer's.
    first_of_layer: u32,
    /// Labels of operators before the layer: their gradients are called after them.
    before: Vec<String>,
}

impl Belongs {
    fn new(graph: &Graph, part: Part, layer: u32) -> Self {
        let first = graph.operators().iter().position(|operator| operator.layer == Some(layer)).unwrap_or(0);
        let before = graph.operators()[..first].iter().map(|operator| operator.label.to_string()).collect();
        Self { part, layer, first_of_layer: first as u32, before }
    }

    fn operator(&self, index: u32, operator: &Operator) -> bool {
        if operator.layer == Some(self.layer) {
            return self.part == Part::Layer;
        }
        // `embed.grad` is of `embed`.
        let after = |name: &String| {
            let rest = operator.label.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let is_before = index < self.first_of_layer || self.before.iter().any(after);
        self.part == if is_before { Part::Embedding } else { Part::Head }
    }

    /// Whether a kept tensor is of the part: what a stage receives is kept by its layer.
    fn kept(&self, graph: &Graph, id: TensorId, producer: Option<(u32, &Operator)>) -> bool {
        match producer {
            Some((_, operator)) if passes_on(&operator.kind) => self.part == Part::Layer,
            Some((index, operator)) => self.operator(index, operator),
            None => {
                let layer = graph.tensor(id).layer;
                if layer == Some(self.layer) {
                    self.part == Part::Layer
                } else {
                    self.part == Part::Embedding
                }
            }
        }
    }
}

impl Sent {
    fn add(&mut self, collective: &Collective, fabric: &Fabric, parallel: &Parallel) {
        let count = u64::from(collective.ranks);
        let stride = match collective.dimension {
            Dimension::Context => u64::from(parallel.tensor),
            _ => 1,
        };
        let ranks = Ranks { count, stride };
        let seconds = least_seconds(fabric, collective.kind, collective.bytes as f64, ranks);
        match collective.dimension {
            Dimension::Context => self.context += seconds,
            Dimension::Expert => self.expert += seconds,
            _ => self.tensor += seconds,
        }
    }
}

/// Bytes of activations that an operator reads and writes and that are not kept anyway.
fn working(graph: &Graph, operator: &Operator, saved: &BTreeSet<TensorId>) -> f64 {
    let operands: BTreeSet<TensorId> =
        operator.inputs.iter().chain(&operator.outputs).map(|operand| operand.tensor).collect();
    let passing = operands.iter().filter(|id| !saved.contains(id)).map(|id| graph.tensor(*id));
    passing.filter(|tensor| tensor.role == TensorRole::Activation).map(|tensor| tensor.bytes() as f64).sum()
}
