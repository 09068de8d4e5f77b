//! The plain roofline of a row: its bytes once at the datasheet bandwidth, its operations at the datasheet peak.

use memwall_hardware::Device;
use memwall_model_graph::{Counting, Graph, OpKind};

/// Seconds each part takes alone.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Roofline {
    /// Operations at the peak.
    pub compute: f64,
    /// Compulsory bytes at the memory's bandwidth.
    pub memory: f64,
    /// Those bytes.
    pub bytes: f64,
}

impl Roofline {
    /// The longer part.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.compute.max(self.memory)
    }
}

/// What a graph must at least move and compute, each tensor once, as one kernel.
pub(crate) fn roofline(device: &Device, graph: &Graph) -> Roofline {
    let bandwidth = device.memory().map_or(f64::INFINITY, |tier| tier.bandwidth.value.0);
    let mut parts = Roofline::default();
    for (id, operator) in graph.iter() {
        let flops = operator.counts(graph, Counting::Actual).flops as f64;
        let peak = match operator.kind {
            OpKind::MatMul(_)
            | OpKind::GroupedMatMul(_)
            | OpKind::Attention(_)
            | OpKind::AttentionGradient(_)
            | OpKind::Convolution(_) => device.matmul_peak(operator.compute.name()).map(|peak| peak.rate.0),
            _ => device.vector_peak("fp32").map(|(rate, _)| rate.0),
        };
        parts.compute += peak.filter(|peak| *peak > 0.0).map_or(0.0, |peak| flops / peak);
        let size = |operand: &memwall_model_graph::Operand| {
            graph.tensor(operand.tensor).dtype.bytes_for(operand.elements) as f64
        };
        // What one operator makes for the next need not leave the chip; it may have made a part of it, such as the new
        // tokens of a cache.
        let from_outside = |operand: &memwall_model_graph::Operand| {
            let made = graph.producer(operand.tensor).map_or(0.0, |producer| {
                let outputs = &graph.operator(producer).outputs;
                outputs.iter().filter(|output| output.tensor == operand.tensor).map(size).sum()
            });
            (size(operand) - made).max(0.0)
        };
        let inner_output = |operand: &&memwall_model_graph::Operand| {
            graph.last_reader(operand.tensor).is_none_or(|last| last <= id)
        };
        parts.bytes += operator.inputs.iter().map(from_outside).sum::<f64>();
        parts.bytes += operator.outputs.iter().filter(inner_output).map(size).sum::<f64>();
    }
    parts.memory = parts.bytes / bandwidth;
    parts
}
