//! What software adds: launches, fusion, kernel library. Apart from the hardware.

use memwall_units::Picos;

use crate::Figure;

/// How kernels reach the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LaunchMode {
    /// The host issues kernel by kernel.
    Stream,
    /// One issue for a whole step (CUDA graph, compiled program).
    Graph,
}

/// A named set of software parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftwareProfile {
    /// Catalog name: `generic`, `tensorrt-llm`.
    pub name: String,
    /// What a person calls it.
    pub title: String,
    /// Stream or graph.
    pub launch: LaunchMode,
    /// Host time to issue one kernel (stream) or one graph.
    pub issue: Figure<Picos>,
    /// Device time between the end of a kernel and the first instruction of the next one that was already issued.
    pub kernel_gap: Figure<Picos>,
    /// Whether attention runs as one fused kernel.
    pub fused_attention: bool,
    /// Whether pointwise operators are fused into their producer (bias, activation, residual).
    pub fused_elementwise: bool,
    /// Fraction of an engine's sustained peak the library's inner loop reaches on a large, aligned tile.
    pub matmul_efficiency: Figure<f64>,
    /// The same for attention's inner loop.
    pub attention_efficiency: Figure<f64>,
    /// Whether softmax and matmul of a fused attention overlap on their engines.
    pub overlapped_softmax: bool,
    /// Largest number of blocks one output tile's k dimension may be split over; 1 is no split-K.
    pub max_split_k: u32,
    /// Buffers a tile pipeline keeps in flight at most (2 is double buffering).
    pub pipeline_stages: u32,
}
