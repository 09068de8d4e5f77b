//! What lies in memory in a training step.

use std::collections::{BTreeMap, BTreeSet};

use super::{Training, TrainingGraph, ZeroStage};
use crate::{Activation, Dtype, Graph, OpKind, TensorId, TensorRole};

/// Bytes that one rank keeps of a model's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateBytes {
    /// The weights that the model computes with.
    pub weights: u64,
    /// Their gradients.
    pub gradients: u64,
    /// The copy that the optimizer updates, where there is one.
    pub master: u64,
    /// What the optimizer remembers.
    pub optimizer: u64,
}

impl StateBytes {
    /// All of it, held at `u64::MAX`.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.gradients, self.master, self.optimizer].into_iter().fold(self.weights, u64::saturating_add)
    }
}

impl Training {
    /// What one of `ranks` data-parallel ranks keeps of so many parameters, stored as `weights`. What is divided over ranks
    /// is rounded up.
    #[must_use]
    pub fn state_bytes(&self, parameters: u64, weights: Dtype, ranks: u64) -> StateBytes {
        let part = |stage: ZeroStage, bytes: u64| {
            if self.zero >= stage { bytes.div_ceil(ranks.max(1)) } else { bytes }
        };
        let remembered = parameters as f64 * self.optimizer.states() * self.formats.state.bits() as f64 / 8.0;
        let master = self.formats.master.map_or(0, |dtype| dtype.bytes_for(parameters));
        StateBytes {
            weights: part(ZeroStage::Weights, weights.bytes_for(parameters)),
            gradients: part(ZeroStage::Gradients, self.formats.gradients.bytes_for(parameters)),
            master: part(ZeroStage::Optimizer, master),
            optimizer: part(ZeroStage::Optimizer, remembered.ceil() as u64),
        }
    }
}

impl Graph {
    /// Elements that products write: what Gholami et al. 2024 count as a transformer's activations, of a graph in which
    /// every operation is apart. A layer of width h writes 10 h a token, and a score for each pair of tokens and head.
    #[must_use]
    pub fn product_outputs(&self) -> u64 {
        let products = self.operators().iter().filter(|operator| {
            matches!(operator.kind, OpKind::MatMul(_) | OpKind::GroupedMatMul(_) | OpKind::Attention(_))
        });
        let written = products.flat_map(|operator| &operator.outputs);
        written.fold(0, |sum, output| sum.saturating_add(output.elements))
    }

    /// Bytes of all that the operators write, except where a ReLU or a sum may write over what it reads: what an eager
    /// framework holds at the end of a network's forward pass.
    #[must_use]
    pub fn written_anew(&self) -> u64 {
        let in_place = |kind: &OpKind| {
            matches!(kind, OpKind::Elementwise { function: Activation::Relu | Activation::Add, .. })
        };
        let anew = self.operators().iter().filter(|operator| !in_place(&operator.kind));
        let outputs = anew.flat_map(|operator| &operator.outputs);
        outputs
            .fold(0, |sum, output| sum.saturating_add(self.tensor(output.tensor).bytes_of(output.elements)))
    }
}

impl TrainingGraph {
    /// Bytes kept where every layer is computed again on the way back: what enters each layer, what lies outside of
    /// layers, and for a while all of the layer that needs most.
    #[must_use]
    pub fn saved_bytes_between_layers(&self) -> u64 {
        let bytes = |id: &TensorId| self.graph.tensor(*id).bytes();
        let sum = |ids: &BTreeSet<TensorId>| ids.iter().map(bytes).fold(0, u64::saturating_add);
        let layer_of =
            |id: TensorId| self.graph.producer(id).and_then(|producer| self.graph.operator(producer).layer);
        let mut between = BTreeSet::new();
        let forward = &self.graph.operators()[..self.forward_operators()];
        for operator in forward.iter().filter(|operator| operator.layer.is_some()) {
            for input in &operator.inputs {
                let role = self.graph.tensor(input.tensor).role;
                let enters = layer_of(input.tensor) != operator.layer;
                if enters && matches!(role, TensorRole::Activation | TensorRole::Input) {
                    between.insert(input.tensor);
                }
            }
        }
        let mut inside: BTreeMap<u32, BTreeSet<TensorId>> = BTreeMap::new();
        for id in self.saved() {
            match layer_of(id) {
                Some(layer) if !between.contains(&id) => {
                    inside.entry(layer).or_default().insert(id);
                }
                _ => {
                    between.insert(id);
                }
            }
        }
        sum(&between).saturating_add(inside.values().map(sum).max().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StateFormats;

    /// Rajbhandari et al. 2020, Figure 1: 7.5 billion parameters, Adam in mixed precision, 64 ranks.
    #[test]
    fn bytes_of_each_zero_stage_are_as_published() {
        let formats = StateFormats { gradients: Dtype::Fp16, ..StateFormats::default() };
        let total = |zero| {
            let training = Training { zero, formats, ..Training::default() };
            training.state_bytes(7_500_000_000, Dtype::Fp16, 64).total() as f64 / 1e9
        };
        assert!((total(ZeroStage::None) - 120.0).abs() < 1e-9);
        assert!((total(ZeroStage::Optimizer) - 31.406_25).abs() < 1e-9);
        assert!((total(ZeroStage::Gradients) - 16.640_625).abs() < 1e-9);
        assert!((total(ZeroStage::Weights) - 1.875).abs() < 1e-9);
    }
}
