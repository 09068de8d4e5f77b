//! What is computed: operators as a DAG, their FLOPs, bytes and shapes. Knows no hardware.

mod architecture;
mod build;
mod builder;
pub mod catalog;
mod counting;
mod dtype;
mod field_error;
mod graph;
mod hf_config;
pub mod limits;
pub mod networks;
mod operator;
mod ops;
mod parallel;
mod sparsity;
mod spec;
mod tensor;
mod training;
mod workload;

pub use architecture::{
    Architecture, Bias, Blocks, FfnActivation, Mla, ModelKind, Moe, NormPosition, Patches, Positions,
    SlidingWindow,
};
pub use build::{BuildOptions, build_rank_step, build_step};
pub use builder::GraphBuilder;
pub use counting::{Counting, Counts};
pub use dtype::{Dtype, Precision};
pub use field_error::{ArchitectureError, FieldError, WorkloadError};
pub use graph::{Graph, GraphError};
pub use hf_config::{ConfigError, MAX_CONFIG_BYTES, SUPPORTED_MODEL_TYPES};
pub use networks::Network;
pub use operator::{OpClass, OpId, OpKind, Operand, Operator};
pub use ops::{
    Activation, Attention, ChannelNorm, ChannelNormKind, Collective, CollectiveKind, Convolution,
    ConvolutionForm, Dimension, GatherSum, GroupedMatMul, MatMul, NormKind, Pool, PoolKind, Window,
    balanced_groups, balanced_groups_of_rank,
};
pub use parallel::Parallel;
pub use sparsity::{SparsePattern, Sparsity};
pub use spec::{MAX_SPEC_OPERATORS, OperatorSpec, SpecError, SpecOp};
pub use tensor::{Tensor, TensorId, TensorKey, TensorRole};
pub use training::remat;
pub use training::{
    DataParallel, Differentiation, Finish, Optimizer, OptimizerKind, Pass, PipelineSchedule, Recompute,
    ScheduleKind, StateBytes, StateFormats, Training, TrainingGraph, TrainingModel, TrainingPart,
    TrainingSettings, TrainingStage, UpdatePasses, ZeroStage,
};
pub use workload::{Phase, Step, StepPhase, Workload};
