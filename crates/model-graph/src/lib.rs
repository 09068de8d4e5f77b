//! What is computed: operators as a DAG, their FLOPs, bytes and shapes. Knows no hardware.

mod counting;
mod dtype;
mod graph;
mod operator;
mod tensor;

pub use counting::{Counting, Counts};
pub use dtype::{Dtype, Precision};
pub use graph::{Graph, GraphError};
pub use operator::{
    Activation, Attention, GroupedMatMul, MatMul, NormKind, OpClass, OpId, OpKind, Operand, Operator,
};
pub use tensor::{Tensor, TensorId, TensorKey, TensorRole};
