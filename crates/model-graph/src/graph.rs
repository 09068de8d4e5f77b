//! The DAG itself.

use thiserror::Error;

use crate::{ArchitectureError, OpId, Operator, Tensor, TensorId};

/// Operators and the tensors between them, in an order in which every tensor is made before it is read.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) operators: Vec<Operator>,
    /// For each tensor, the operator that writes it.
    pub(crate) producers: Vec<Option<OpId>>,
    /// For each tensor, the last operator that reads it.
    pub(crate) last_readers: Vec<Option<OpId>>,
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
    /// Two operators write the same tensor.
    #[error("the tensor {tensor} is written by both {first} and {second}; a tensor has one producer")]
    TwoProducers {
        /// The tensor's name.
        tensor: String,
        /// The operator that wrote it first.
        first: String,
        /// The other one.
        second: String,
    },
    /// A tensor has more elements than [`crate::limits::MAX_ELEMENTS`].
    #[error("the tensor {tensor} has more than {} elements", crate::limits::MAX_ELEMENTS)]
    TooLarge {
        /// The tensor's name.
        tensor: String,
    },
    /// There are more operators than [`crate::limits::MAX_OPERATORS`].
    #[error("the graph has more than {} operators", crate::limits::MAX_OPERATORS)]
    TooManyOperators,
    /// An operator names a tensor that this graph does not have.
    #[error("the operator {operator} uses a tensor of another graph")]
    ForeignTensor {
        /// The operator's name.
        operator: String,
    },
    /// The model cannot do what the step asks.
    #[error("{0}")]
    Unsupported(String),
    /// The model or the step cannot be divided over ranks as asked.
    #[error("the model cannot be divided so: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Parallel(Vec<ArchitectureError>),
    /// The architecture does not pass [`crate::Architecture::validate`].
    #[error("the model is not valid: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Architecture(Vec<ArchitectureError>),
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

    /// Every operator with its id, in order.
    pub fn iter(&self) -> impl Iterator<Item = (OpId, &Operator)> {
        (0_u32..).map(OpId).zip(&self.operators)
    }

    /// The operator that writes a tensor; none for weights, inputs and a cache nothing is appended to.
    #[must_use]
    pub fn producer(&self, tensor: TensorId) -> Option<OpId> {
        self.producers.get(tensor.0 as usize).copied().flatten()
    }

    /// The last operator, in order, that reads a tensor: an activation is dead after it.
    #[must_use]
    pub fn last_reader(&self, tensor: TensorId) -> Option<OpId> {
        self.last_readers.get(tensor.0 as usize).copied().flatten()
    }

    /// The operators that write what this one reads, each once, in the order of its inputs.
    pub fn dependencies(&self, operator: OpId) -> impl Iterator<Item = OpId> {
        let inputs = &self.operator(operator).inputs;
        inputs.iter().enumerate().filter_map(move |(index, input)| {
            let producer = self.producer(input.tensor)?;
            let seen = inputs[..index].iter().any(|earlier| self.producer(earlier.tensor) == Some(producer));
            (!seen).then_some(producer)
        })
    }
}
