//! The DAG itself.

use thiserror::Error;

use crate::{OpId, Operator, Tensor, TensorId};

/// Operators and the tensors between them, in an order in which every tensor is made before it is read.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) operators: Vec<Operator>,
}

/// What can be wrong with a graph.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GraphError {
    /// Operators wait for each other in a circle.
    #[error("the operators {} form a cycle: each waits for the one before it", names.join(" -> "))]
    Cycle {
        /// Operator names along the cycle, the first repeated at the end.
        names: Vec<String>,
    },
}

impl Graph {
    /// The operators, each after all that it depends on.
    #[must_use]
    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// The tensors.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// One tensor.
    #[must_use]
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0 as usize]
    }

    /// One operator.
    #[must_use]
    pub fn operator(&self, id: OpId) -> &Operator {
        &self.operators[id.0 as usize]
    }
}
