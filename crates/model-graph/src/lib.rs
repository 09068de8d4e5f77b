//! What is computed: operators as a DAG, their FLOPs, bytes and shapes. Knows no hardware.

mod architecture;
mod counting;
mod dtype;
mod field_error;
mod graph;
pub mod limits;
mod operator;
mod tensor;
mod workload;

pub use architecture::{
    Architecture, Bias, FfnActivation, Mla, ModelKind, Moe, NormPosition, Patches, Positions, SlidingWindow,
};
pub use counting::{Counting, Counts};
pub use dtype::{Dtype, Precision};
pub use field_error::{ArchitectureError, FieldError, WorkloadError};
pub use graph::{Graph, GraphError};
pub use operator::{
    Activation, Attention, GroupedMatMul, MatMul, NormKind, OpClass, OpId, OpKind, Operand, Operator,
};
pub use tensor::{Tensor, TensorId, TensorKey, TensorRole};
pub use workload::{Phase, Step, StepPhase, Workload};
