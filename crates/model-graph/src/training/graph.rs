//! Forward and backward passes as one graph.

use crate::{Graph, GraphError, OpId, TensorId, TensorRole};

use super::differentiate::{Differentiation, differentiate};

/// What one rank does for one micro-batch: the forward pass and the way back, as one DAG.
///
/// Tensors of the forward graph keep their ids. What the way back reads of them must be kept until then.
#[derive(Debug, Clone)]
pub struct TrainingGraph {
    /// All operators, those of the forward pass first.
    pub graph: Graph,
    /// Of each operator, the pass it belongs to.
    pub passes: Vec<Pass>,
}

/// The part of a training iteration that an operator belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    /// The forward pass.
    Forward,
    /// Forward operators done again because their results were not kept.
    Recompute,
    /// Gradients of activations.
    Backward,
    /// Gradients of weights, which nothing on the way back waits for.
    WeightGradient,
}

impl Pass {
    /// `weight-gradient`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Recompute => "recompute",
            Self::Backward => "backward",
            Self::WeightGradient => "weight-gradient",
        }
    }
}

impl TrainingGraph {
    /// Adds the way back to a forward graph, which was built for [`crate::StepPhase::Train`].
    ///
    /// # Errors
    /// The graph gets too large.
    pub fn differentiate(forward: &Graph, how: &Differentiation) -> Result<Self, GraphError> {
        differentiate(forward, how)
    }

    /// Operators of the forward pass: the first that many.
    #[must_use]
    pub fn forward_operators(&self) -> usize {
        self.passes.iter().take_while(|pass| **pass == Pass::Forward).count()
    }

    /// Activations (and inputs) made in or before the forward pass that the way back reads, in the order of their ids:
    /// what has to be kept of a micro-batch between the two.
    #[must_use]
    pub fn saved(&self) -> Vec<TensorId> {
        let forward = self.forward_operators();
        let is_read_later =
            |id: TensorId| self.graph.last_reader(id).is_some_and(|reader| reader.0 as usize >= forward);
        let is_made_early =
            |id: TensorId| self.graph.producer(id).is_none_or(|producer| (producer.0 as usize) < forward);
        let ids = (0..self.graph.tensors().len()).map(|index| TensorId(index as u32));
        ids.filter(|id| {
            let role = self.graph.tensor(*id).role;
            matches!(role, TensorRole::Activation | TensorRole::Input)
                && is_read_later(*id)
                && is_made_early(*id)
        })
        .collect()
    }

    /// Bytes of [`TrainingGraph::saved`].
    #[must_use]
    pub fn saved_bytes(&self) -> u64 {
        self.saved().iter().fold(0, |sum, id| sum.saturating_add(self.graph.tensor(*id).bytes()))
    }

    /// The ids of the operators of the given passes, in order.
    pub fn operators_of<'a>(&'a self, wanted: &'a [Pass]) -> impl Iterator<Item = OpId> + 'a {
        let ids = (0..self.passes.len()).filter(|index| wanted.contains(&self.passes[*index]));
        ids.map(|index| OpId(index as u32))
    }
}
